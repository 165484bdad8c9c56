use std::time::Duration;

use chat_client::{Client, Error, Live};
use chat_proto::wire::SUBPROTOCOL;
use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderValue;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::values::welcome;

/// Longer than anything takes; a test that waits for so long has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A daemon's end of one WebSocket, in the hands of the test.
pub(crate) struct FakeSocket(WebSocketStream<TcpStream>);

pub(crate) struct FakeListener {
    listener: TcpListener,
    pub(crate) client: Client,
}

impl FakeListener {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, client: Client::with_token(&url, "aaa.bbb.ccc").unwrap() }
    }

    /// The raw connection of a client that comes.
    pub(crate) async fn stream(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    /// The WebSocket of a client that comes, before its `hello` is read.
    pub(crate) async fn socket(&self) -> FakeSocket {
        FakeSocket::accept(self.stream().await).await
    }

    /// The `hello` of a client that comes, which is welcomed, and the daemon's end.
    pub(crate) async fn welcomed(&self) -> (Value, FakeSocket) {
        self.socket().await.welcomed().await
    }

    /// A client that was welcomed, and the daemon's end.
    pub(crate) async fn connected(&self) -> (Live, FakeSocket) {
        let (live, socket) = tokio::join!(self.client.live(), async {
            let mut socket = self.socket().await;
            assert_eq!(socket.frame().await["t"], "hello");
            socket.say(&welcome()).await;
            socket
        });
        (live.unwrap(), socket)
    }

    /// What becomes of a client whose `hello` is answered with this.
    pub(crate) async fn greeted_with(&self, answers: &[Value], close: Option<u16>) -> Error {
        let (live, _socket) = tokio::join!(self.client.live(), async {
            let mut socket = self.socket().await;
            socket.frame().await;
            for answer in answers {
                socket.say(answer).await;
            }
            if let Some(code) = close {
                socket.close(code).await;
            }
            socket
        });
        live.unwrap_err()
    }
}

impl FakeSocket {
    /// Agrees to a client's request for a WebSocket.
    pub(crate) async fn accept(stream: TcpStream) -> Self {
        // The callback's type is given by the library.
        #[expect(clippy::result_large_err, clippy::unnecessary_wraps)]
        fn agree(request: &Request, mut response: Response) -> Result<Response, http::Response<Option<String>>> {
            assert_eq!(request.uri().path(), "/api/v1/ws");
            assert_eq!(request.uri().query(), None, "no token in the URL");
            assert_eq!(request.headers()["sec-websocket-protocol"], SUBPROTOCOL);
            let headers = response.headers_mut();
            headers.insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
            Ok(response)
        }
        Self(tokio_tungstenite::accept_hdr_async_with_config(stream, agree, None).await.unwrap())
    }

    /// Welcomes the client, which goes on from where it asks to; its `hello`.
    pub(crate) async fn welcomed(mut self) -> (Value, Self) {
        let hello = self.frame().await;
        assert_eq!(hello["t"], "hello");
        let mut welcome = welcome();
        welcome["resumed"] = hello.get("resume").is_some().into();
        if let Some(resume) = hello.get("resume") {
            welcome["cursor"] = resume.clone();
        }
        self.say(&welcome).await;
        (hello, self)
    }

    pub(crate) async fn say(&mut self, frame: &Value) {
        self.say_text(&frame.to_string()).await;
    }

    pub(crate) async fn say_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn close(&mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        self.0.close(Some(frame)).await.unwrap();
    }

    /// The next frame of the client.
    pub(crate) async fn frame(&mut self) -> Value {
        match timeout(PATIENCE, self.0.next()).await.unwrap() {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
            other => panic!("not a frame: {other:?}"),
        }
    }

    /// Waits until the client has closed.
    pub(crate) async fn closed(&mut self) {
        match timeout(PATIENCE, self.0.next()).await.unwrap() {
            Some(Ok(Message::Close(_))) => {}
            other => panic!("not a close: {other:?}"),
        }
    }
}
