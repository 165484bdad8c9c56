use std::time::Duration;

use chat_proto::ErrorCode;
use chat_proto::wire::Bye;

use super::{AFTER_A_FAULT, Turn};

/// What a reader of events is told last, and whether to come back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Farewell {
    /// The close code of a socket that ends for this reason.
    pub(crate) code: u16,
    pub(crate) reason: ErrorCode,
    reconnect: bool,
    after: Duration,
}

/// A peer that said too much is to come back after as long as what it said counts.
const AFTER_TOO_MUCH: Duration = Duration::from_mins(1);

impl Farewell {
    /// The farewell that goes with an error.
    pub(crate) fn because(code: ErrorCode) -> Self {
        // An error that as such closes nothing: the peer's own fault, or ours, which passes.
        let close = code.ws_close().unwrap_or(match code {
            ErrorCode::Forbidden => 4403,
            _ if code.status() >= 500 => 4503,
            _ => 4400,
        });
        let reconnect = !matches!(close, 4400 | 4401 | 4403 | 4406 | 4409);
        let after = match close {
            4429 => AFTER_TOO_MUCH,
            4500 | 4503 => AFTER_A_FAULT,
            _ => Duration::ZERO,
        };
        Self { code: close, reason: code, reconnect, after }
    }

    /// So many connections of one person are open that this one cannot be: coming back changes nothing.
    pub(crate) fn too_many() -> Self {
        Self { code: 4409, reason: ErrorCode::RateLimited, reconnect: false, after: Duration::ZERO }
    }

    /// It is this connection's turn to end.
    pub(crate) fn draining(turn: Turn) -> Self {
        Self { after: turn.back_after, ..Self::because(ErrorCode::Draining) }
    }

    pub(crate) fn no_progress() -> Self {
        Self { code: 4408, reason: ErrorCode::Unavailable, reconnect: true, after: Duration::ZERO }
    }

    pub(crate) fn frame(self) -> Bye {
        let after_ms = self.after.as_millis().try_into().unwrap_or(u64::MAX);
        Bye { code: self.code, reason: self.reason, reconnect: self.reconnect, after_ms }
    }
}
