//! Requests to addresses that others chose: a browser names its push service, an admin the end of a webhook. Without a
//! guard they could make the server ask its own network (SSRF). So the text of an address is looked at when it is given
//! and each time again, names are looked up once and what they lead to is what is connected to, redirects are not
//! followed, and of an answer little is read and nothing shown.

mod names;
mod public;
mod retry_after;
mod target;
#[cfg(test)]
mod tests;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chat_proto::Timestamp;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use names::{Guarded, Names, NotPublic, SystemNames};

pub use target::AddressRules;
pub(crate) use target::{Target, Unwelcome};

/// A request takes no longer, from the look-up of the name to the end of the answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// What is read of an answer's body.
const ANSWER_BYTES: usize = 4 << 10;
/// The headers of an answer.
const HEADER_BYTES: usize = 16 << 10;
/// Requests that are on their way at once.
const AT_ONCE: usize = 64;
/// Connections that wait for the next request to the same host, and for how long.
const IDLE_CONNECTIONS: usize = 8;
const IDLE_FOR: Duration = Duration::from_secs(30);
/// Whoever gives an address does not wait longer for it to be looked up.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(3);

/// Sends requests to where others chose.
#[derive(Debug)]
pub(crate) struct Outgoing {
    client: Client<HttpsConnector<HttpConnector<Guarded>>, Full<Bytes>>,
    names: Guarded,
    rules: AddressRules,
    room: Semaphore,
    timeout: Duration,
}

/// What is known of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// How long it asks to wait.
    pub(crate) retry_after: Option<Duration>,
}

/// Why there is no answer. The texts are for admins; they hold nothing of the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// Nothing is sent there.
    Unwelcome(Unwelcome),
    /// It may answer later.
    Unreachable(&'static str),
}

impl Outgoing {
    pub(crate) fn new(rules: AddressRules) -> Result<Self, rustls::Error> {
        Self::with_names(rules, Arc::new(SystemNames))
    }

    fn with_names(rules: AddressRules, names: Arc<dyn Names>) -> Result<Self, rustls::Error> {
        let names = Guarded { names, allow_private: rules.allow_private };
        let mut connector = HttpConnector::new_with_resolver(names.clone());
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(REQUEST_TIMEOUT));
        connector.set_nodelay(true);
        let provider = rustls::crypto::ring::default_provider();
        let tls = HttpsConnectorBuilder::new().with_provider_and_webpki_roots(provider)?;
        let schemes = if rules.allow_private { tls.https_or_http() } else { tls.https_only() };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_FOR)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http1_max_buf_size(HEADER_BYTES)
            .build(schemes.enable_http1().wrap_connector(connector));
        let room = Semaphore::new(AT_ONCE);
        Ok(Self { client, names, rules, room, timeout: REQUEST_TIMEOUT })
    }

    /// Waits no longer than this.
    #[cfg(test)]
    pub(crate) fn waiting(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// An address as somebody gives it. That its name cannot be looked up now is no fault of it: it is looked up each
    /// time.
    pub(crate) async fn check(&self, address: &str) -> Result<Target, Unwelcome> {
        let target = self.target(address)?;
        let host = target.uri.host().unwrap_or_default();
        // An address in digits was looked at with the text.
        if host.starts_with('[') {
            return Ok(target);
        }
        match timeout(LOOK_UP_TIMEOUT, self.names.look_up(host)).await {
            Ok(Err(error)) if error.is::<NotPublic>() => Err(Unwelcome::NotPublic),
            _ => Ok(target),
        }
    }

    fn target(&self, address: &str) -> Result<Target, Unwelcome> {
        Target::parse(address, &self.rules)
    }

    /// Sends this once. `now`: from when dates in the answer are counted. `headers` can ask where it goes.
    pub(crate) async fn post(
        &self,
        address: &str,
        headers: impl FnOnce(&Target) -> HeaderMap,
        body: Bytes,
        now: Timestamp,
    ) -> Result<Answer, Unanswered> {
        let target = self.target(address).map_err(Unanswered::Unwelcome)?;
        let mut request = Request::new(Full::new(body));
        *request.headers_mut() = headers(&target);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.uri;
        let sending = async {
            let _room = self.room.acquire().await;
            let answer = self.client.request(request).await.map_err(|error| failed(&error))?;
            let status = answer.status();
            let retry_after = answer.headers().get(header::RETRY_AFTER);
            let retry_after = retry_after.and_then(|value| retry_after::read(value.to_str().ok()?, now));
            read_a_little(answer.into_body()).await;
            Ok(Answer { status, retry_after })
        };
        timeout(self.timeout, sending).await.unwrap_or(Err(Unanswered::Unreachable("no answer in time")))
    }
}

/// With nothing left to be read, the connection can be used again; one that says more is closed.
async fn read_a_little(mut body: Incoming) {
    let mut read = 0;
    while read <= ANSWER_BYTES
        && let Some(Ok(frame)) = body.frame().await
    {
        read += frame.data_ref().map_or(0, Bytes::len);
    }
}

fn failed(error: &hyper_util::client::legacy::Error) -> Unanswered {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<NotPublic>() {
            return Unanswered::Unwelcome(Unwelcome::NotPublic);
        }
        cause = inner.source();
    }
    let what = if error.is_connect() { "no connection" } else { "the connection broke off" };
    Unanswered::Unreachable(what)
}

impl Unanswered {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unwelcome(why) => why.as_str(),
            Self::Unreachable(what) => what,
        }
    }
}
