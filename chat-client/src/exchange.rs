use std::time::Duration;

use bytes::Bytes;
use chat_proto::ErrorCode;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Client, Error};

/// The most bytes of an answer that are read.
const ANSWER_LIMIT: usize = 8 * 1024 * 1024;

/// Shorter than what servers and proxies use, so that a request seldom meets a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The connections that wait to be used again.
#[derive(Clone)]
pub(crate) struct Connections(legacy::Client<HttpConnector, Full<Bytes>>);

impl Connections {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(
            legacy::Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_TIMEOUT)
                .build(connector),
        )
    }
}

/// A successful answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    body: Bytes,
}

impl Answer {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Protocol(error.to_string()))
    }
}

impl Client {
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.exchange(Method::GET, path, None).await?.json()
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

    /// A PUT that needs no words.
    pub(crate) async fn put(&self, path: &str) -> Result<Answer, Error> {
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

    fn request(&self, method: Method, uri: Uri, body: Option<Bytes>) -> Result<Request<Full<Bytes>>, Error> {
        let has_body = body.is_some();
        let mut request = Request::new(Full::new(body.unwrap_or_default()));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(crate::USER_AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, application/problem+json"));
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(token) = self.token() {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| Error::refusal(ErrorCode::Unauthenticated, "the access token is none"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    async fn carry_out(&self, request: Request<Full<Bytes>>) -> Result<Answer, Error> {
        let (head, body) = self.connections.0.request(request).await.map_err(Error::transport)?.into_parts();
        let body = Limited::new(body, ANSWER_LIMIT).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Error::Protocol(format!("an answer of more than {ANSWER_LIMIT} bytes"))
            } else {
                Error::transport(error)
            }
        })?;
        let body = body.to_bytes();
        if head.status.is_success() {
            Ok(Answer { status: head.status, body })
        } else {
            Err(Error::from_answer(head.status, &body))
        }
    }
}

fn encode(body: &impl Serialize) -> Result<Bytes, Error> {
    let json = serde_json::to_vec(body).map_err(|error| Error::Protocol(error.to_string()))?;
    Ok(json.into())
}
