use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What the server says next.
pub(crate) enum Reply {
    Json(u16, Value),
    Raw(u16, Vec<u8>),
    /// A redirect to `/api/v1/me`.
    Elsewhere,
    Never,
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    asked: Vec<String>,
    tokens: Vec<Option<String>>,
}

/// A daemon that answers with what it was given, in that order.
pub(crate) struct FakeHttp {
    pub(crate) url: String,
    script: Arc<Mutex<Script>>,
    _tasks: JoinSet<()>,
}

impl FakeHttp {
    pub(crate) async fn answering(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(Script { replies: replies.into_iter().collect(), ..Script::default() }));
        let mut tasks = JoinSet::new();
        let of_task = Arc::clone(&script);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let script = Arc::clone(&of_task);
                connections.spawn(async move {
                    let service = service_fn(|request| answer(Arc::clone(&script), request));
                    // The client may go at any time.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { url, script, _tasks: tasks }
    }

    /// `METHOD path body` of each request so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.script.lock().unwrap().asked.clone()
    }

    /// The header `Authorization` of each request so far.
    pub(crate) fn tokens(&self) -> Vec<Option<String>> {
        self.script.lock().unwrap().tokens.clone()
    }
}

async fn answer(script: Arc<Mutex<Script>>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = std::str::from_utf8(&body).unwrap();
    assert_eq!(head.headers.contains_key("content-type"), !text.is_empty(), "a body and its type go together");
    let reply = {
        let mut script = script.lock().unwrap();
        let asked = format!("{} {} {text}", head.method, head.uri);
        script.asked.push(asked.trim_end().to_owned());
        let token = head.headers.get("authorization");
        script.tokens.push(token.map(|token| token.to_str().unwrap().to_owned()));
        script.replies.pop_front().expect("a reply for every request")
    };
    let (status, body) = match reply {
        Reply::Json(status, value) => (status, value.to_string().into_bytes()),
        Reply::Raw(status, body) => (status, body),
        Reply::Elsewhere => {
            let response = Response::builder().status(302).header("location", "/api/v1/me");
            return Ok(response.body(Full::default()).unwrap());
        }
        Reply::Never => std::future::pending().await,
    };
    Ok(Response::builder().status(status).body(Full::from(body)).unwrap())
}
