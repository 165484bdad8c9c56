//! A daemon with both doors: REST from a table of answers, sockets in the hands of the test.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use chat_client::Client;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::fake_socket::FakeSocket;

/// What is answered to `GET` of a path under `/api/v1`; everything else is `not_found`.
type Answers = BTreeMap<String, (u16, Value)>;

#[derive(Default)]
struct Rest {
    answers: Answers,
    /// Paths that were asked for.
    asked: Vec<String>,
    /// A token that has ended.
    expired: Option<String>,
}

pub(crate) struct FakeDaemon {
    pub(crate) client: Client,
    rest: Arc<Mutex<Rest>>,
    sockets: mpsc::Receiver<TcpStream>,
    _tasks: JoinSet<()>,
}

impl FakeDaemon {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let rest = Arc::new(Mutex::new(Rest::default()));
        let (upgrades, sockets) = mpsc::channel(16);
        let mut tasks = JoinSet::new();
        let of_task = Arc::clone(&rest);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (rest, upgrades) = (Arc::clone(&of_task), upgrades.clone());
                connections.spawn(serve(stream, rest, upgrades));
            }
        });
        let client = Client::with_token(&url, "aaa.bbb.ccc").unwrap();
        Self { client, rest, sockets, _tasks: tasks }
    }

    /// From now on this is the answer.
    pub(crate) fn answer(&self, path: &str, status: u16, value: Value) {
        self.rest.lock().unwrap().answers.insert(path.to_owned(), (status, value));
    }

    /// How often this was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.rest.lock().unwrap().asked.iter().filter(|asked| *asked == path).count()
    }

    /// From now on this token is not taken.
    pub(crate) fn expire(&self, token: &str) {
        self.rest.lock().unwrap().expired = Some(token.to_owned());
    }

    /// The WebSocket of a client that comes, before its `hello` is read.
    pub(crate) async fn socket(&mut self) -> FakeSocket {
        FakeSocket::accept(self.sockets.recv().await.unwrap()).await
    }

    /// The `hello` of a client that comes, which is welcomed, and the daemon's end.
    pub(crate) async fn welcomed(&mut self) -> (Value, FakeSocket) {
        self.socket().await.welcomed().await
    }
}

async fn serve(stream: TcpStream, rest: Arc<Mutex<Rest>>, upgrades: mpsc::Sender<TcpStream>) {
    const UPGRADE: &[u8] = b"GET /api/v1/ws ";
    let mut start = [0; UPGRADE.len()];
    while stream.peek(&mut start).await.is_ok_and(|seen| seen > 0 && seen < start.len()) {}
    if start == UPGRADE {
        // The test may have ended.
        let _ = upgrades.send(stream).await;
        return;
    }
    let service = service_fn(|request| std::future::ready(Ok::<_, Infallible>(answer(&rest, &request))));
    // The client may go at any time.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn answer(rest: &Mutex<Rest>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path_and_query().unwrap().as_str().strip_prefix("/api/v1").unwrap().to_owned();
    let token = request.headers()["authorization"].to_str().unwrap().to_owned();
    let mut rest = rest.lock().unwrap();
    let answer = match &rest.expired {
        Some(expired) if token == format!("Bearer {expired}") => Some((401, problem(401, "token_expired"))),
        _ => rest.answers.get(&path).cloned(),
    };
    rest.asked.push(path);
    let (status, body) = answer.unwrap_or_else(|| (404, problem(404, "not_found")));
    Response::builder().status(status).body(Full::from(body.to_string())).unwrap()
}

/// An error as the daemon says it.
pub(crate) fn problem(status: u16, code: &str) -> Value {
    json!({"type": "about:blank", "title": code, "status": status, "detail": "No.", "instance": "/", "code": code,
        "retryable": status >= 500, "request_id": "r1"})
}
