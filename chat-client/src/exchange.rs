use std::time::Duration;

use bytes::Bytes;
use chat_proto::ErrorCode;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connector::{Connector, Stream};
use crate::{Client, Error};

/// The most bytes of an answer that are read.
const ANSWER_LIMIT: usize = 8 * 1024 * 1024;

/// Shorter than what servers and proxies use, so that a request seldom meets a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// What is sent: words that are in memory, or a file.
pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// How connections are made, and those that wait to be used again.
#[derive(Clone)]
pub(crate) struct Connections {
    connector: Connector,
    waiting: legacy::Client<Connector, Body>,
}

impl Connections {
    pub(crate) fn new(connector: Connector) -> Self {
        let waiting = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector.clone());
        Self { connector, waiting }
    }

    /// A new connection to this host, for whoever keeps it.
    pub(crate) async fn open(&self, origin: Uri) -> Result<Stream, Error> {
        self.connector.open(origin).await
    }
}

/// A successful answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    body: Bytes,
}

impl Answer {
    pub(crate) fn into_bytes(self) -> Bytes {
        self.body
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Protocol(error.to_string()))
    }
}

impl Client {
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.exchange(Method::GET, path, None).await?.json()
    }

    pub(crate) async fn get_bytes(&self, path: &str) -> Result<Bytes, Error> {
        self.exchange(Method::GET, path, None).await.map(Answer::into_bytes)
    }

    pub(crate) async fn post(&self, path: &str, body: &impl Serialize) -> Result<Answer, Error> {
        self.exchange(Method::POST, path, Some(encode(body)?)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &impl Serialize) -> Result<Answer, Error> {
        self.exchange(Method::PATCH, path, Some(encode(body)?)).await
    }

    /// A POST that needs no words.
    pub(crate) async fn post_empty(&self, path: &str) -> Result<Answer, Error> {
        self.exchange(Method::POST, path, None).await
    }

    pub(crate) async fn put(&self, path: &str, body: &impl Serialize) -> Result<Answer, Error> {
        self.exchange(Method::PUT, path, Some(encode(body)?)).await
    }

    /// A PUT that needs no words.
    pub(crate) async fn put_empty(&self, path: &str) -> Result<Answer, Error> {
        self.exchange(Method::PUT, path, None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Answer, Error> {
        self.exchange(Method::DELETE, path, None).await
    }

    async fn exchange(&self, method: Method, path: &str, body: Option<Bytes>) -> Result<Answer, Error> {
        self.exchange_at(self.base.route(path)?, method, body).await
    }

    pub(crate) async fn exchange_at(&self, uri: Uri, method: Method, body: Option<Bytes>) -> Result<Answer, Error> {
        let request = self.request(method, uri, body)?;
        tokio::time::timeout(self.timeout, self.carry_out(request)).await.unwrap_or(Err(Error::Timeout))
    }

    fn request(&self, method: Method, uri: Uri, body: Option<Bytes>) -> Result<Request<Body>, Error> {
        let has_body = body.is_some();
        let body = Full::new(body.unwrap_or_default()).map_err(|never| match never {}).boxed_unsync();
        let mut request = self.request_of(method, uri, body)?;
        if has_body {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(request)
    }

    /// A request with everything that each of them has.
    pub(crate) fn request_of(&self, method: Method, uri: Uri, body: Body) -> Result<Request<Body>, Error> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(crate::USER_AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, application/problem+json"));
        if let Some(token) = self.token() {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| Error::refusal(ErrorCode::Unauthenticated, "the access token is none"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    pub(crate) async fn carry_out(&self, request: Request<Body>) -> Result<Answer, Error> {
        let (head, body) = self.answer_to(request).await?.into_parts();
        let body = collected(body).await?;
        if head.status.is_success() {
            Ok(Answer { status: head.status, body })
        } else {
            Err(Error::from_answer(head.status, &body))
        }
    }

    /// The head of an answer; what it says is still to come.
    pub(crate) async fn answer_to(&self, request: Request<Body>) -> Result<Response<Incoming>, Error> {
        self.connections.waiting.request(request).await.map_err(Error::of_request)
    }
}

/// All of an answer, within the limit.
pub(crate) async fn collected(body: Incoming) -> Result<Bytes, Error> {
    let body = Limited::new(body, ANSWER_LIMIT).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Error::Protocol(format!("an answer of more than {ANSWER_LIMIT} bytes"))
        } else {
            Error::transport(error)
        }
    })?;
    Ok(body.to_bytes())
}

fn encode(body: &impl Serialize) -> Result<Bytes, Error> {
    let json = serde_json::to_vec(body).map_err(|error| Error::Protocol(error.to_string()))?;
    Ok(json.into())
}
