use std::sync::Arc;
use std::time::Duration;

use chat_proto::ErrorCode;
use chat_proto::model::Cursor;
use chat_proto::wire::{ClientFrame, ClientInfo, Hello, SUBPROTOCOL, ServerFrame, Welcome};
use futures_util::{SinkExt as _, StreamExt as _};
use http::Uri;
use http::header::RETRY_AFTER;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error as SocketError, Message};

use super::sender::Shared;
use super::socket::{self, LAST_WORDS, Queues, Socket};
use super::{
    Closed, HEARTBEAT_SECONDS, INBOUND_EVENTS, Live, LiveReceiver, LiveSender, OUTBOUND_FRAMES, WELCOME_WITHIN, frame,
};
use crate::connector::Stream;
use crate::{Client, Error};

const READ_BUFFER: usize = 4 * 1024;
const WRITE_BUFFER: usize = 16 * 1024;
/// Room for the largest frame that is written and one buffer more.
const MAX_WRITE_BUFFER: usize = MAX_FRAME_OUT + 2 * WRITE_BUFFER;
/// No server is taken to read larger frames, whatever its `limits` say.
const MAX_FRAME_OUT: usize = 256 * 1024;
const MAX_MESSAGE_IN: usize = 1024 * 1024;

impl Client {
    /// Opens the live connection; tells what happens from now on.
    pub async fn live(&self) -> Result<Live, Error> {
        self.connect(None).await.map_err(|refused| refused.error)
    }

    /// Opens the live connection; tells first what happened after this cursor.
    ///
    /// When the cursor is too old or from before a restore, the first event is [`super::LiveEvent::Reset`].
    pub async fn live_after(&self, cursor: &Cursor) -> Result<Live, Error> {
        self.connect(Some(cursor)).await.map_err(|refused| refused.error)
    }

    pub(crate) async fn connect(&self, resume: Option<&Cursor>) -> Result<Live, NotConnected> {
        let Some(token) = self.token() else {
            return Err(Error::refusal(ErrorCode::Unauthenticated, "sign in first").into());
        };
        let hello = Hello {
            token: Some(token.to_owned()),
            ticket: None,
            client: Some(ClientInfo {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            }),
            resume: resume.map(|cursor| cursor.as_str().to_owned()),
        };
        let (origin, uri) = (self.base.origin()?, self.base.socket()?);
        let opened = async {
            let stream = self.connections.open(origin).await?;
            open(stream, uri).await
        };
        let opened = timeout(self.timeout, opened).await;
        let mut socket = opened.unwrap_or(Err(Error::Timeout.into()))?;
        let greeted = timeout(WELCOME_WITHIN, greet(&mut socket, hello)).await;
        let welcome = greeted.unwrap_or(Err(Error::Timeout.into()))?;
        Ok(start(socket, welcome, self.timeout))
    }
}

/// Why no connection came about, and how long the server asks to wait before the next try.
#[derive(Debug)]
pub(crate) struct NotConnected {
    pub(crate) error: Error,
    pub(crate) after: Duration,
}

impl From<Error> for NotConnected {
    fn from(error: Error) -> Self {
        let after = match &error {
            Error::Closed(closed) => closed.after(),
            _ => Duration::ZERO,
        };
        Self { error, after }
    }
}

async fn open(stream: Stream, uri: Uri) -> Result<Socket, NotConnected> {
    let request =
        ClientRequestBuilder::new(uri).with_header("User-Agent", crate::USER_AGENT).with_sub_protocol(SUBPROTOCOL);
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_message_size(Some(MAX_MESSAGE_IN))
        .max_frame_size(Some(MAX_MESSAGE_IN));
    match tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        Err(SocketError::Http(answer)) => {
            let body = answer.body().as_deref().unwrap_or_default();
            let after = answer.headers().get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
            let after = Duration::from_secs(after.unwrap_or(0));
            Err(NotConnected { error: Error::from_answer(answer.status(), body), after })
        }
        // The connection broke in the middle of the upgrade.
        Err(error @ SocketError::Protocol(ProtocolError::HandshakeIncomplete)) => Err(Error::transport(error).into()),
        Err(SocketError::Protocol(error)) => Err(Error::Protocol(error.to_string()).into()),
        Err(error) => Err(Error::transport(error).into()),
    }
}

/// Says `hello` and waits for the answer.
async fn greet(socket: &mut Socket, hello: Hello) -> Result<Welcome, NotConnected> {
    let hello =
        serde_json::to_string(&ClientFrame::Hello(hello)).map_err(|error| Error::Protocol(error.to_string()))?;
    socket.send(Message::text(hello)).await.map_err(Error::transport)?;
    match answer(socket).await? {
        ServerFrame::Welcome(welcome) => Ok(welcome),
        ServerFrame::Err(err) => {
            let said = Duration::from_millis(err.retry_after_ms.unwrap_or(0));
            // How long to wait stands in the goodbye, which comes right after.
            let goodbye = timeout(LAST_WORDS, answer(socket)).await;
            let after = match goodbye {
                Ok(Ok(ServerFrame::Bye(bye))) => Duration::from_millis(bye.after_ms).max(said),
                _ => said,
            };
            Err(NotConnected { error: Error::from_frame(err), after })
        }
        ServerFrame::Bye(bye) => Err(Error::Closed(Closed::Bye(bye)).into()),
        _ => Err(Error::Protocol("a frame before the welcome".to_owned()).into()),
    }
}

/// The next frame that this client knows.
async fn answer(socket: &mut Socket) -> Result<ServerFrame, Error> {
    loop {
        let message = match socket.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(Error::Closed(Closed::from_socket(&error))),
            None => return Err(Error::Closed(Closed::Lost("ended before the welcome".to_owned()))),
        };
        match message {
            Message::Text(text) => {
                if let Some(frame) = frame::parse(&text).map_err(Error::Protocol)? {
                    return Ok(frame);
                }
            }
            Message::Close(close) => return Err(Error::Closed(Closed::from_close(close))),
            Message::Binary(_) => return Err(Error::Protocol("a binary frame".to_owned())),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

/// Hands the socket to its task.
fn start(socket: Socket, welcome: Welcome, timeout: Duration) -> Live {
    let (frames, frames_out) = mpsc::channel(OUTBOUND_FRAMES);
    let (events_in, events) = mpsc::channel(INBOUND_EVENTS);
    let shared = Arc::new(Shared::default());
    let queues = Queues { frames: frames_out, events: events_in };
    let of_task = Arc::clone(&shared);
    let heartbeat = welcome.heartbeat_s.clamp(*HEARTBEAT_SECONDS.start(), *HEARTBEAT_SECONDS.end());
    let heartbeat = Duration::from_secs(heartbeat);
    shared.task.spawn(async move {
        socket::run(socket, queues, &of_task, heartbeat).await;
    });
    // So that `close` can wait for this one task.
    shared.task.close();
    let frame_limit = usize::try_from(welcome.limits.frame_bytes).unwrap_or(MAX_FRAME_OUT).min(MAX_FRAME_OUT);
    Live {
        welcome,
        receiver: LiveReceiver::new(events, Arc::clone(&shared.ended)),
        sender: LiveSender { frames, shared, frame_limit, timeout },
    }
}
