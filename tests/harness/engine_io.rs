//! Engine.IO byte for byte as the test wants it, over long polling: each request is one of its own.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::{Answer, Request};

/// Between packets in one body.
const SEPARATOR: char = '\u{1e}';

/// A connection of Engine.IO.
#[derive(Debug)]
pub struct EngineIo {
    address: SocketAddr,
    sid: String,
    /// Packets that came and were not looked at.
    came: Mutex<VecDeque<String>>,
}

impl EngineIo {
    /// Opens one.
    ///
    /// # Errors
    /// The server's refusal.
    ///
    /// # Panics
    /// When it answers something else.
    pub async fn open(address: SocketAddr) -> Result<Self, Answer> {
        let answer = Self::request("GET", "").send(address).await;
        if answer.status != 200 {
            return Err(answer);
        }
        let text = answer.text();
        let open: Value = serde_json::from_str(text.strip_prefix('0').expect("an open packet")).expect("JSON");
        let sid = open["sid"].as_str().expect("an id").to_owned();
        Ok(Self { address, sid, came: Mutex::default() })
    }

    /// Opens one and gets into a namespace.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn connect(address: SocketAddr, namespace: &str, token: &str) -> Self {
        let opened = Self::open(address).await.expect("a connection");
        let to = if namespace == "/" { String::new() } else { format!("{namespace},") };
        opened.post(&format!("40{to}{}", json!({"token": token}))).await;
        opened.until(&format!("40{to}")).await;
        opened
    }

    /// The same over a WebSocket, on which the test says whatever it likes.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn websocket(address: SocketAddr, token: &str) -> WebSocketStream<TcpStream> {
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let stream = TcpStream::connect(address).await.expect("the server listens");
        let config = WebSocketConfig::default().read_buffer_size(4 << 10);
        let opened = client_async_with_config(url, stream, Some(config)).await;
        let (mut stream, _) = opened.expect("the socket opens");
        stream.send(Message::text(format!("40{}", json!({"token": token})))).await.expect("it is sent");
        loop {
            let message = stream.next().await.expect("it stays open").expect("a frame");
            if message.to_text().is_ok_and(|text| text.starts_with("40")) {
                return stream;
            }
        }
    }

    fn request(method: &str, sid: &str) -> Request {
        let sid = if sid.is_empty() { String::new() } else { format!("&sid={sid}") };
        Request::new(method, format!("/socket.io/?EIO=4&transport=polling{sid}"))
    }

    /// Posts one or more packets.
    pub async fn post(&self, packets: &str) -> Answer {
        self.post_bytes(packets.as_bytes()).await
    }

    /// Posts what may not even be text.
    pub async fn post_bytes(&self, packets: impl Into<Vec<u8>>) -> Answer {
        Self::request("POST", &self.sid).text("text/plain;charset=UTF-8", packets).send(self.address).await
    }

    /// Asks for what there is; waits until there is something.
    pub async fn poll(&self) -> Answer {
        Self::request("GET", &self.sid).send(self.address).await
    }

    /// Polls until a packet begins like this; gives that one, and forgets those before it.
    ///
    /// # Panics
    /// When the connection ends before.
    pub async fn until(&self, beginning: &str) -> String {
        loop {
            while let Some(packet) = self.came().pop_front() {
                if packet.starts_with(beginning) {
                    return packet;
                }
                assert!(!packet.is_empty() && packet != "1", "it ended before {beginning:?}");
            }
            let answer = self.poll().await;
            assert_eq!(answer.status, 200, "before {beginning:?}: {}", answer.text());
            self.came().extend(answer.text().split(SEPARATOR).map(str::to_owned));
        }
    }

    fn came(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls until the server does not know the connection any more.
    ///
    /// # Panics
    /// When it does for ever.
    pub async fn ended(&self) {
        loop {
            let answer = self.poll().await;
            if answer.status == 400 {
                return assert!(answer.text().contains("Session ID unknown"), "{}", answer.text());
            }
        }
    }
}
