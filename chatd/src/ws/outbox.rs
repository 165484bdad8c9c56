//! Writing to one socket: fill, then flush once; a peer that takes nothing for too long is given up.

use std::future::Future;
use std::io::ErrorKind;

use chat_proto::wire::{ErrFrame, ServerFrame};
use chat_proto::{ErrorCode, wire};
use futures_util::SinkExt;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Error as WsError, Message};

use crate::listener::NO_PROGRESS;
use crate::live::{Farewell, GOODBYE};
use crate::problem::Refused;

pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Why a socket's task ends.
#[derive(Debug)]
pub(super) enum End {
    /// The peer is gone; there is nobody to say anything to.
    Gone,
    /// The peer closes; the library has the answer ready, which only has to be sent.
    Closed,
    /// Say so, and close with its code.
    Say(Farewell),
    /// The peer broke RFC 6455 itself, which has a code of its own for it.
    Violation { code: u16, reason: ErrorCode },
}

impl From<Farewell> for End {
    fn from(farewell: Farewell) -> Self {
        Self::Say(farewell)
    }
}

pub(super) async fn feed(socket: &mut Socket, text: String) -> Result<(), End> {
    taken(socket.feed(Message::text(text))).await
}

pub(super) async fn feed_frame(socket: &mut Socket, frame: &ServerFrame) -> Result<(), End> {
    match serde_json::to_string(frame) {
        Ok(text) => feed(socket, text).await,
        Err(error) => {
            tracing::error!(%error, "a frame could not be encoded");
            Err(Farewell::because(ErrorCode::Internal).into())
        }
    }
}

pub(super) async fn ping(socket: &mut Socket) -> Result<(), End> {
    taken(socket.feed(Message::Ping(Bytes::new()))).await
}

pub(super) async fn flush(socket: &mut Socket) -> Result<(), End> {
    taken(socket.flush()).await
}

/// Waits until the peer has taken what has to be taken first. A peer that does not resumes from its cursor when it is
/// back.
async fn taken(writing: impl Future<Output = Result<(), WsError>>) -> Result<(), End> {
    match timeout(NO_PROGRESS, writing).await {
        Ok(Ok(())) => Ok(()),
        // The connection itself looks to it too.
        Ok(Err(WsError::Io(error))) if error.kind() == ErrorKind::TimedOut => Err(Farewell::no_progress().into()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(Farewell::no_progress().into()),
    }
}

/// Says why, closes, and waits a moment for the peer to take it.
pub(super) async fn end(socket: &mut Socket, end: End) {
    let (code, reason, bye) = match end {
        End::Say(farewell) => (farewell.code, farewell.reason, Some(ServerFrame::Bye(farewell.frame()))),
        // Without a word of ours: the peer does not speak our protocol.
        End::Violation { code, reason } => (code, reason, None),
        End::Closed => {
            let _ = timeout(GOODBYE, socket.flush()).await;
            return;
        }
        End::Gone => return,
    };
    let until = Instant::now() + GOODBYE;
    let goodbye = async {
        if let Some(bye) = bye {
            let text = serde_json::to_string(&bye).unwrap_or_default();
            socket.feed(Message::text(text)).await?;
        }
        socket.close(Some(CloseFrame { code: code.into(), reason: reason.as_str().into() })).await?;
        // Read on until the peer closes too, or the connection would be reset under its last frames.
        while let Some(Ok(_)) = futures_util::StreamExt::next(socket).await {}
        Ok::<_, WsError>(())
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
        retry_after_ms: refused.retry_after_ms(),
        fields: refused.fields.clone(),
        last_seq: refused.last_seq(),
        version: refused.version(),
    })
}

pub(super) fn frame_error(error: wire::FrameError) -> ServerFrame {
    refusal(error.re, &Refused::new(error.code, error.detail))
}
