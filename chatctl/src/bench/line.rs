//! One connection to the server.

use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message, Utf8Bytes};

use super::failure::Failure;
use super::frame::{Heard, hear};
use crate::exit::Exit;

/// Connections that are being opened at the same time, unless all are to come at once.
const OPENING: usize = 64;
/// How long a connection may take until it is welcomed, and then until it is live.
const WELCOME_WITHIN: Duration = Duration::from_secs(30);
const LARGEST_FRAME: usize = 1 << 20;

/// A socket of the server.
#[derive(Debug)]
pub(super) struct Line {
    socket: WebSocketStream<TcpStream>,
}

/// Where the socket is.
#[derive(Clone, Debug)]
pub(super) struct Address {
    uri: Uri,
    host: String,
    port: u16,
}

/// How much a line reads at once, in bytes: little where there are many lines, more where much comes on each.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadBuffer(pub(super) usize);

impl Address {
    /// The socket of the server at this base URL.
    pub(super) fn of(server: &str) -> Result<Self, Failure> {
        let refuse = || Failure::usage(format!("not a base URL: {server:?}"));
        let rest = server.strip_prefix("http://").ok_or_else(refuse)?.trim_end_matches('/');
        let uri: Uri = format!("ws://{rest}/api/v1/ws").parse().map_err(|_| refuse())?;
        let host = uri.host().ok_or_else(refuse)?.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port: uri.port_u16().unwrap_or(80), uri })
    }
}

/// Opens a line for each of these tokens, in their order, and waits until all are live.
pub(super) async fn open_all(
    address: &Address,
    tokens: impl IntoIterator<Item = &str>,
    buffer: ReadBuffer,
) -> Result<Vec<Line>, Failure> {
    let opening = tokens.into_iter().enumerate().map(|(n, token)| async move {
        let opened = async {
            let mut line = Line::connect(address, buffer).await?;
            line.greet(token, None).await?;
            line.live().await.map(|()| line)
        };
        opened.await.map_err(|failure| failure.during(format_args!("connection {}", n + 1)))
    });
    stream::iter(opening).buffered(OPENING).try_collect().await
}

impl Line {
    /// Connects, without a word.
    pub(super) async fn connect(address: &Address, buffer: ReadBuffer) -> Result<Self, Failure> {
        let connected = async {
            let stream =
                TcpStream::connect((address.host.as_str(), address.port)).await.map_err(|error| unreachable(&error))?;
            stream.set_nodelay(true)?;
            let config = WebSocketConfig::default()
                .read_buffer_size(buffer.0)
                .write_buffer_size(16 << 10)
                .max_write_buffer_size(1 << 20)
                .max_message_size(Some(LARGEST_FRAME))
                .max_frame_size(Some(LARGEST_FRAME));
            let request = ClientRequestBuilder::new(address.uri.clone());
            let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
            let (socket, _) = opened.map_err(|error| Failure::new(error.to_string()))?;
            Ok(Self { socket })
        };
        timeout(WELCOME_WITHIN, connected).await.unwrap_or_else(|_| Err(Failure::new("no connection in time")))
    }

    /// Says hello, going on from a cursor when there is one, and waits for the welcome.
    pub(super) async fn greet(&mut self, token: &str, resume: Option<&str>) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Answer {
            t: String,
            detail: Option<String>,
            resumed: Option<bool>,
        }
        let mut hello = json!({"t": "hello", "token": token});
        if let Some(cursor) = resume {
            hello["resume"] = cursor.into();
        }
        self.feed(hello.to_string()).await?;
        self.flush().await?;
        let text = timeout(WELCOME_WITHIN, self.next()).await;
        let text = text.unwrap_or_else(|_| Err(Failure::new("no welcome in time")))?;
        let answer: Answer = serde_json::from_str(&text).map_err(|error| Failure::new(error.to_string()))?;
        match answer {
            Answer { t, resumed, .. } if t == "welcome" && (resume.is_none() || resumed == Some(true)) => Ok(()),
            Answer { t, .. } if t == "welcome" => Err(Failure::new("the server does not follow the cursor")),
            Answer { detail, t, .. } => Err(Failure::new(detail.unwrap_or(t))),
        }
    }

    /// Waits until the past has been told; there must not be any.
    async fn live(&mut self) -> Result<(), Failure> {
        let live = async {
            loop {
                match hear(&self.next().await?, "") {
                    Heard::Live => return Ok(()),
                    Heard::Bye(why) => return Err(Failure::new(why)),
                    _ => {}
                }
            }
        };
        timeout(WELCOME_WITHIN, live).await.unwrap_or_else(|_| Err(Failure::new("not live in time")))
    }

    /// The next frame. Cancelling the wait loses nothing.
    pub(super) async fn next(&mut self) -> Result<Utf8Bytes, Failure> {
        loop {
            return match self.socket.next().await {
                Some(Ok(Message::Text(text))) => Ok(text),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Binary(_))) => Err(Failure::new("a binary frame")),
                Some(Ok(Message::Close(close))) => {
                    let why = close.map_or_else(|| "closed".to_owned(), |close| format!("closed: {close}"));
                    Err(Failure::new(why))
                }
                Some(Err(error)) => Err(Failure::new(error.to_string())),
                None => Err(Failure::new("the connection ended")),
            };
        }
    }

    /// The next frame, when it is there already.
    pub(super) fn next_now(&mut self) -> Option<Result<Utf8Bytes, Failure>> {
        self.next().now_or_never()
    }

    /// Puts a frame in line to be written.
    pub(super) async fn feed(&mut self, frame: String) -> Result<(), Failure> {
        self.socket.feed(Message::text(frame)).await.map_err(|error| Failure::new(error.to_string()))
    }

    /// Writes what is in line.
    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        self.socket.flush().await.map_err(|error| Failure::new(error.to_string()))
    }
}

fn unreachable(error: &std::io::Error) -> Failure {
    let more = if error.raw_os_error() == Some(TOO_MANY_OPEN_FILES) { "; raise `ulimit -n`" } else { "" };
    Failure { what: format!("{error}{more}"), exit: Exit::Unreachable }
}

/// EMFILE, for which `std` has no name.
const TOO_MANY_OPEN_FILES: i32 = 24;
