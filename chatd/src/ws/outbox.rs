//! Writing to one socket: fill, then flush once; a peer that takes nothing for too long is given up.

use std::time::Duration;

use chat_proto::wire::{Bye, ErrFrame, ServerFrame};
use chat_proto::{ErrorCode, wire};
use futures_util::SinkExt;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::problem::Refused;

pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A peer that takes nothing for so long is gone or stuck; it resumes from its cursor when it is back.
const NO_PROGRESS: Duration = Duration::from_secs(30);
/// Saying goodbye takes no longer than this.
const GOODBYE: Duration = Duration::from_secs(2);

/// A peer that said too much is to come back after as long as what it said counts.
const AFTER_TOO_MUCH: Duration = Duration::from_mins(1);
/// A peer that lost its socket to a restart or a fault of ours is to come back after this.
const AFTER_A_FAULT: Duration = Duration::from_secs(1);

/// Why a socket's task ends.
#[derive(Debug)]
pub(super) enum End {
    /// The peer is gone; there is nobody to say anything to.
    Gone,
    /// The peer closes; the library has the answer ready, which only has to be sent.
    Closed,
    /// Say so, close with this code.
    Close { code: u16, reason: ErrorCode, reconnect: bool, after: Duration },
}

impl End {
    /// The close code that goes with an error.
    pub(super) fn because(code: ErrorCode) -> Self {
        // An error that as such closes nothing: the peer's own fault, or ours, which passes.
        let close = code.ws_close().unwrap_or(if code.status() >= 500 { 4503 } else { 4400 });
        let reconnect = !matches!(close, 4400 | 4401 | 4403 | 4406 | 4409);
        Self::Close {
            code: close,
            reason: code,
            reconnect,
            after: match close {
                4429 => AFTER_TOO_MUCH,
                4500 | 4503 => AFTER_A_FAULT,
                _ => Duration::ZERO,
            },
        }
    }

    /// So many sockets of one person are open that this one cannot be: coming back changes nothing.
    pub(super) fn too_many() -> Self {
        Self::Close { code: 4409, reason: ErrorCode::RateLimited, reconnect: false, after: Duration::ZERO }
    }

    pub(super) fn draining() -> Self {
        Self::Close { code: 4503, reason: ErrorCode::Draining, reconnect: true, after: AFTER_A_FAULT }
    }

    pub(super) fn no_progress() -> Self {
        Self::Close { code: 4408, reason: ErrorCode::Unavailable, reconnect: true, after: Duration::ZERO }
    }
}

pub(super) async fn feed(socket: &mut Socket, text: String) -> Result<(), End> {
    match timeout(NO_PROGRESS, socket.feed(Message::text(text))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(End::no_progress()),
    }
}

pub(super) async fn feed_frame(socket: &mut Socket, frame: &ServerFrame) -> Result<(), End> {
    match serde_json::to_string(frame) {
        Ok(text) => feed(socket, text).await,
        Err(error) => {
            tracing::error!(%error, "a frame could not be encoded");
            Err(End::because(ErrorCode::Internal))
        }
    }
}

pub(super) async fn ping(socket: &mut Socket) -> Result<(), End> {
    match timeout(NO_PROGRESS, socket.feed(Message::Ping(Bytes::new()))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(End::no_progress()),
    }
}

pub(super) async fn flush(socket: &mut Socket) -> Result<(), End> {
    match timeout(NO_PROGRESS, socket.flush()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(End::no_progress()),
    }
}

/// Says why, closes, and waits a moment for the peer to take it.
pub(super) async fn end(socket: &mut Socket, end: End) {
    let (code, reason, reconnect, after) = match end {
        End::Close { code, reason, reconnect, after } => (code, reason, reconnect, after),
        End::Closed => {
            let _ = timeout(GOODBYE, socket.flush()).await;
            return;
        }
        End::Gone => return,
    };
    let bye = Bye { code, reason, reconnect, after_ms: after.as_millis().try_into().unwrap_or(u64::MAX) };
    let until = Instant::now() + GOODBYE;
    let goodbye = async {
        // The codes of RFC 6455 itself come without a word of ours: the peer does not speak our protocol.
        if code >= 4000 {
            let text = serde_json::to_string(&ServerFrame::Bye(bye)).unwrap_or_default();
            socket.feed(Message::text(text)).await?;
        }
        socket.close(Some(CloseFrame { code: code.into(), reason: reason.as_str().into() })).await?;
        // Read on until the peer closes too, or the connection would be reset under its last frames.
        while let Some(Ok(_)) = futures_util::StreamExt::next(socket).await {}
        Ok::<_, tokio_tungstenite::tungstenite::Error>(())
    };
    let _ = tokio::time::timeout_at(until, goodbye).await;
}

/// The frame that refuses a request.
pub(super) fn refusal(re: Option<u64>, refused: &Refused) -> ServerFrame {
    ServerFrame::Err(ErrFrame {
        re,
        code: refused.code,
        status: refused.code.status(),
        detail: refused.detail.clone().into(),
        retryable: refused.code.is_retryable(),
        retry_after_ms: refused.retry_after_seconds().map(|seconds| seconds * 1_000),
        fields: refused.fields.clone(),
    })
}

pub(super) fn frame_error(error: wire::FrameError) -> ServerFrame {
    refusal(error.re, &Refused::new(error.code, error.detail))
}
