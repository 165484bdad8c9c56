use std::fmt;
use std::time::Duration;

use chat_proto::ErrorCode;
use chat_proto::wire::Bye;
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Why a live connection ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Closed {
    /// The server said goodbye, with its reason and when to come back.
    Bye(Bye),
    /// The server closed with this code and no other word.
    Code {
        /// 1005 when it gave none.
        code: u16,
        /// Its words, for a person.
        reason: String,
    },
    /// The network failed.
    Lost(String),
    /// Nothing was heard for longer than the heartbeat allows.
    Silent,
    /// An event is missing: `n` did not count on by one.
    Gap {
        /// The `n` that was next.
        expected: u64,
        /// The `n` that came.
        got: u64,
    },
    /// The server sent something that this client cannot read.
    Protocol(String),
    /// Nobody took the events for too long.
    Lagging,
    /// This side closed it.
    Left,
}

impl Closed {
    /// Whether to connect again, from the last cursor, after a while (docs/protocol.md, close codes).
    pub fn is_resumable(&self) -> bool {
        match self {
            Self::Bye(bye) => bye.reconnect,
            // None given, going away, no close at all; what proxies say of a server that is gone for a while; then the
            // daemon's own: no progress, rate, internal, restart.
            Self::Code { code, .. } => {
                matches!(code, 1001 | 1005 | 1006 | 1011..=1014 | 4408 | 4429 | 4500 | 4503)
            }
            Self::Lost(_) | Self::Silent | Self::Gap { .. } | Self::Lagging => true,
            Self::Protocol(_) | Self::Left => false,
        }
    }

    /// The server's word for it, when it gave one.
    pub fn reason(&self) -> Option<ErrorCode> {
        match self {
            Self::Bye(bye) => Some(bye.reason),
            _ => None,
        }
    }

    /// How long to wait before connecting again, at the least.
    pub fn after(&self) -> Duration {
        match self {
            Self::Bye(bye) => Duration::from_millis(bye.after_ms),
            _ => Duration::ZERO,
        }
    }

    /// Whether the token is at fault: a fresh one may help.
    pub(crate) fn is_unauthenticated(&self) -> bool {
        match self {
            Self::Bye(Bye { code, .. }) | Self::Code { code, .. } => *code == 4401,
            _ => false,
        }
    }

    pub(super) fn from_close(frame: Option<CloseFrame>) -> Self {
        match frame {
            Some(frame) => Self::Code { code: frame.code.into(), reason: frame.reason.to_string() },
            None => Self::Code { code: 1005, reason: String::new() },
        }
    }

    pub(super) fn from_socket(error: &SocketError) -> Self {
        match error {
            SocketError::Capacity(_) | SocketError::Utf8(_) => Self::Protocol(error.to_string()),
            // A connection that ends without a close frame is a protocol error to the WebSocket library; it is 1006.
            _ => Self::Lost(error.to_string()),
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the live connection ended: ")?;
        match self {
            Self::Bye(bye) => write!(f, "the server said goodbye ({}, {})", bye.reason, bye.code),
            Self::Code { code, reason } if reason.is_empty() => write!(f, "closed with {code}"),
            Self::Code { code, reason } => write!(f, "closed with {code} ({reason:?})"),
            Self::Lost(why) => write!(f, "lost ({why})"),
            Self::Silent => f.write_str("nothing heard for too long"),
            Self::Gap { expected, got } => write!(f, "event {got} came where {expected} was due"),
            Self::Protocol(what) => write!(f, "not understood ({what})"),
            Self::Lagging => f.write_str("its events were not taken in time"),
            Self::Left => f.write_str("closed on this side"),
        }
    }
}

impl std::error::Error for Closed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_carry_a_verdict() {
        let resumable = |code| Closed::Code { code, reason: String::new() }.is_resumable();
        for code in [1001, 1005, 1006, 1012, 4408, 4429, 4500, 4503] {
            assert!(resumable(code), "{code}");
        }
        for code in [1000, 1002, 1007, 1009, 4400, 4401, 4403, 4406, 4409] {
            assert!(!resumable(code), "{code}");
        }
    }
}
