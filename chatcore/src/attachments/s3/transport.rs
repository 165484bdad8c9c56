//! Requests to the object store. The operator has chosen its address: no guard stands before it.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody, HttpService,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use super::answer::Answer;
use super::options::S3Error;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From the first byte of a request, of which the largest is a part of a file, to the head of its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections that wait for the next request, and for how long.
const IDLE_CONNECTIONS: usize = 16;
const IDLE_FOR: Duration = Duration::from_secs(30);
/// The headers of an answer.
const HEADER_BYTES: usize = 64 << 10;

/// Carries requests over HTTP/1.1.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, HttpRequestBody>,
}

impl Transport {
    /// `trusted`: certificates in PEM, besides the public ones.
    pub(super) fn new(trusted: Option<&[u8]>) -> Result<Self, S3Error> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let tls = HttpsConnectorBuilder::new().with_tls_config(tls(trusted)?).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_FOR)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http1_max_buf_size(HEADER_BYTES)
            .build(tls.wrap_connector(connector));
        Ok(Self { client })
    }
}

fn tls(trusted: Option<&[u8]>) -> Result<ClientConfig, S3Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(pem) = trusted {
        let refuse = |why: String| S3Error::Certificates(why);
        let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let found = found.map_err(|error| refuse(error.to_string()))?;
        if found.is_empty() {
            return Err(refuse("there are none in PEM".to_owned()));
        }
        for certificate in found {
            roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
        }
    }
    let provider = rustls::crypto::ring::default_provider();
    let config = ClientConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions();
    let config = config.map_err(|error| S3Error::Unusable(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

impl object_store::client::HttpConnector for Transport {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // Only what is kept is as long as it is; all else is a list or a few words.
        let is_content = request.method() == Method::GET && request.uri().query().is_none();
        let answer = timeout(ANSWER_TIMEOUT, self.client.request(request)).await.map_err(|_| late())?;
        let (head, body) = answer.map_err(|error| HttpError::new(kind(&error), error))?.into_parts();
        let body = Answer::new(body, head.status.is_success(), is_content);
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
    }
}

/// Nothing comes any more.
pub(super) fn late() -> HttpError {
    HttpError::new(HttpErrorKind::Timeout, io::Error::from(io::ErrorKind::TimedOut))
}

/// Whether it is worth trying again: all that is asked of an object store may be asked twice.
fn kind(error: &Error) -> HttpErrorKind {
    if error.is_connect() {
        return HttpErrorKind::Connect;
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return HttpErrorKind::Decode;
        }
        cause = inner.source();
    }
    HttpErrorKind::Interrupted
}
