//! A WebSocket on which a test says whatever it likes.

use std::net::SocketAddr;

use chat_proto::wire::SUBPROTOCOL;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame as WireFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error, Message};

use crate::DEADLINE;

/// A socket of a test. It checks of every `ev` frame that `n` counts 1, 2, 3 … and keeps the cursor.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    cursor: Option<String>,
    n: u64,
}

/// What comes out of a socket.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// A text frame.
    Json(Value),
    /// The end: with this close code, or without a word.
    Closed(Option<u16>),
}

/// `t` of a frame, with the event's name where there is one: `ok`, `ev message.created`.
pub fn name_of(frame: &Value) -> String {
    let word = |key| frame[key].as_str().unwrap_or_default();
    format!("{} {}", word("t"), word("e")).trim_end().to_owned()
}

impl Socket {
    /// Opens a socket and says nothing yet.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn connect(to: SocketAddr) -> Self {
        let opened = Self::connect_with(to, &[("Sec-WebSocket-Protocol", SUBPROTOCOL)]).await;
        opened.expect("the socket opens")
    }

    /// Opens a socket with these headers.
    ///
    /// # Errors
    /// The status and body of the server's refusal.
    ///
    /// # Panics
    /// When the server does neither.
    pub async fn connect_with(to: SocketAddr, headers: &[(&str, &str)]) -> Result<Self, (u16, String)> {
        match Self::open(to, headers).await {
            Ok(socket) => Ok(socket),
            Err(Error::Http(answer)) => {
                let body = answer.body().as_deref().unwrap_or_default();
                Err((answer.status().as_u16(), String::from_utf8_lossy(body).into_owned()))
            }
            Err(error) => panic!("no handshake: {error}"),
        }
    }

    /// Opens a socket to a server that may just be gone.
    pub async fn try_connect(to: SocketAddr) -> Option<Self> {
        Self::open(to, &[]).await.ok()
    }

    async fn open(to: SocketAddr, headers: &[(&str, &str)]) -> Result<Self, Error> {
        let uri = format!("ws://{to}/api/v1/ws").parse().expect("an address");
        let mut request = ClientRequestBuilder::new(uri);
        for (name, value) in headers {
            request = if *name == "Sec-WebSocket-Protocol" {
                request.with_sub_protocol(*value)
            } else {
                request.with_header(*name, *value)
            };
        }
        let config = WebSocketConfig::default().read_buffer_size(4 << 10).max_message_size(Some(1 << 20));
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let (stream, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
        Ok(Self { stream, cursor: None, n: 0 })
    }

    /// The cursor of the last frame that had one.
    ///
    /// # Panics
    /// When none had.
    pub fn cursor(&self) -> &str {
        self.cursor.as_deref().expect("a cursor")
    }

    /// Sends a frame.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn say(&mut self, frame: &Value) {
        assert!(self.try_say(frame).await, "the connection is gone");
    }

    /// Sends a frame; `false` when the connection is gone.
    pub async fn try_say(&mut self, frame: &Value) -> bool {
        self.push(Message::text(frame.to_string())).await
    }

    /// Sends any text.
    pub async fn say_text(&mut self, text: &str) {
        self.push(Message::text(text)).await;
    }

    /// Sends a binary frame.
    pub async fn say_binary(&mut self, bytes: &[u8]) {
        self.push(Message::binary(bytes.to_vec())).await;
    }

    /// Sends a text frame with these bytes, whether they are text or not.
    pub async fn say_bytes(&mut self, bytes: &[u8]) {
        let frame = WireFrame::message(bytes.to_vec(), OpCode::Data(Data::Text), true);
        self.push(Message::Frame(frame)).await;
    }

    /// Sends a frame of a kind that does not exist.
    pub async fn say_reserved(&mut self) {
        let frame = WireFrame::message(Vec::new(), OpCode::Data(Data::Reserved(5)), true);
        self.push(Message::Frame(frame)).await;
    }

    /// Sends a frame that goes on with a message that never began.
    pub async fn say_continued(&mut self) {
        let frame = WireFrame::message(b"{}".to_vec(), OpCode::Data(Data::Continue), true);
        self.push(Message::Frame(frame)).await;
    }

    /// Sends frames without waiting for anything in between.
    pub async fn say_all(&mut self, frames: impl IntoIterator<Item = Value>) {
        for frame in frames {
            let fed = timeout(DEADLINE, self.stream.feed(Message::text(frame.to_string()))).await;
            fed.expect("the server reads").expect("the connection stands");
        }
        timeout(DEADLINE, self.stream.flush()).await.expect("the server reads").expect("the connection stands");
    }

    async fn push(&mut self, message: Message) -> bool {
        let sent = timeout(DEADLINE, self.stream.send(message)).await;
        sent.expect("the server reads").is_ok()
    }

    /// The next frame, or the end.
    ///
    /// # Panics
    /// When nothing comes, or an event out of turn.
    pub async fn next(&mut self) -> Frame {
        timeout(DEADLINE, self.read()).await.expect("a frame in time")
    }

    /// Waits for the next frame without a deadline. Cancelling the wait loses nothing.
    pub async fn read(&mut self) -> Frame {
        loop {
            return match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).expect("JSON");
                    if frame["t"] == "ev" {
                        self.n += 1;
                        assert_eq!(frame["n"], json!(self.n), "a frame is missing or doubled: {frame}");
                    }
                    if let Some(c) = frame["c"].as_str().or(frame["cursor"].as_str()) {
                        self.cursor = Some(c.to_owned());
                    }
                    Frame::Json(frame)
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Close(close))) => Frame::Closed(close.map(|close| close.code.into())),
                Some(Ok(other)) => panic!("not a text frame: {other:?}"),
                Some(Err(_)) | None => Frame::Closed(None),
            };
        }
    }

    /// The next frame.
    ///
    /// # Panics
    /// At the end.
    pub async fn json(&mut self) -> Value {
        match self.next().await {
            Frame::Json(frame) => frame,
            Frame::Closed(code) => panic!("closed with {code:?}"),
        }
    }

    /// All frames up to the first that is looked for, it included.
    pub async fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            let frame = self.json().await;
            let found = is_it(&frame);
            frames.push(frame);
            if found {
                return frames;
            }
        }
    }

    /// All frames up to the first of this type.
    pub async fn until_t(&mut self, t: &str) -> Vec<Value> {
        self.until(|frame| frame["t"] == t).await
    }

    /// The next frame of this name (see [`name_of`]), whatever comes before it.
    ///
    /// # Panics
    /// At the end.
    pub async fn find(&mut self, name: &str) -> Value {
        self.until(|frame| name_of(frame) == name).await.pop().expect("found")
    }

    /// Asks and waits for `ok` or `err`; what else came is lost.
    pub async fn ask(&mut self, frame: &Value) -> Value {
        self.say(frame).await;
        let re = frame["re"].clone();
        let answered = |got: &Value| matches!(got["t"].as_str(), Some("ok" | "err")) && got["re"] == re;
        self.until(answered).await.pop().expect("found")
    }

    /// Everything that comes before the answer to a `ping` of ours: what had been told before it.
    pub async fn settle(&mut self) -> Vec<Value> {
        self.say(&json!({"t": "ping"})).await;
        let mut frames = self.until_t("ping").await;
        frames.pop();
        frames
    }

    /// The frames up to the close, and its code.
    pub async fn end(&mut self) -> (Vec<Value>, Option<u16>) {
        let mut frames = Vec::new();
        loop {
            match self.next().await {
                Frame::Json(frame) => frames.push(frame),
                Frame::Closed(code) => return (frames, code),
            }
        }
    }

    /// Closes with this code; what the server answers.
    pub async fn close_with(&mut self, code: u16) -> Option<u16> {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        self.push(Message::Close(Some(frame))).await;
        self.end().await.1
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        let _ = timeout(DEADLINE, self.stream.close(None)).await;
        while let Frame::Json(_) = self.next().await {}
    }
}
