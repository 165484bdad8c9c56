//! What every request passes on its way in and out: its id, panics, error documents, headers, the log.

use std::panic::AssertUnwindSafe;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chat_proto::ErrorCode;
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Version, header};

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::compat::{self, answer::Failure};
use crate::problem::Refused;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The longest path and query, bytes.
const URL_BYTES: usize = 8 << 10;

pub(crate) async fn edge(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let address = ClientAddress::find(&app.config.trusted_proxies, request.headers(), request.extensions());
    request.extensions_mut().insert(address);
    let request_id = request_id(&request, &app);
    let is_long = request.uri().path_and_query().is_some_and(|url| url.as_str().len() > URL_BYTES);
    let speaks_compat = app.config.compat.is_some() && compat::has(request.uri().path());
    let path = if is_long { String::new() } else { request.uri().path().to_owned() };
    // What the log says of the address is the route: whatever somebody puts into the address itself may be a secret.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let unclear = unclear(&request);
    let is_unclear = unclear.is_some();
    let answering = async {
        if let Some(refused) = unclear {
            return refused.into_response();
        }
        if is_long {
            return Refused::invalid("url", format!("A URL has at most {URL_BYTES} bytes.")).into_response();
        }
        next.run(request).await
    };
    let answered = AssertUnwindSafe(answering).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| {
        // The panic hook has told where; this ties it to the request.
        tracing::error!(request_id, "a handler panicked");
        Refused::new(ErrorCode::Internal, "Something went wrong on our side.").into_response()
    });
    if let Some(refused) = response.extensions_mut().remove::<Refused>() {
        tracing::error_span!("request", request_id, %method, route).in_scope(|| refused.log("a request failed"));
        let (kind, document) = if speaks_compat {
            ("application/json", serde_json::to_vec(&Failure::of(&refused, &request_id)))
        } else {
            ("application/problem+json", serde_json::to_vec(&refused.document(&path, &request_id)))
        };
        *response.body_mut() = Body::from(document.unwrap_or_default());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.remove(header::CONTENT_LENGTH);
    }
    tracing::debug!(request_id, %method, route, status = response.status().as_u16(), "request");
    let headers = response.headers_mut();
    if is_unclear {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID.clone(), value);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // What is no page shows nothing and stands in no frame, should a browser be led to take it for one.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NO_PAGE);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // Pages of other origins get at it by CORS, or not at all.
    headers.entry(CORP.clone()).or_insert(HeaderValue::from_static("same-origin"));
    response
}

/// What two machines on the way could read differently: a body within a coding that we do not take off, and a host that is not
/// said, or said twice (RFC 9112, 3.2 and 6.1). Nothing more is read from such a connection.
fn unclear(request: &Request) -> Option<Refused> {
    let headers = request.headers();
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_plain = |coding: &HeaderValue| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    if codings.next().is_some_and(|coding| !is_plain(coding)) || codings.next().is_some() {
        return Some(Refused::new(ErrorCode::Invalid, "Of transfer codings only `chunked` is understood, once."));
    }
    let hosts = headers.get_all(header::HOST).iter().count();
    if request.version() == Version::HTTP_11 && hosts != 1 {
        return Some(Refused::new(ErrorCode::Invalid, "A request has one `Host`."));
    }
    None
}

const NO_PAGE: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Counts a request of its address. The probes are asked by machines that have to know.
pub(crate) async fn admit(State(app): State<App>, address: ClientAddress, request: Request, next: Next) -> Response {
    let is_probe = matches!(request.uri().path(), "/livez" | "/readyz");
    match app.chat.admit_request(address.ip()) {
        Err(error) if !is_probe => Refused::from(error).into_response(),
        _ => next.run(request).await,
    }
}

/// The caller's own id when it is harmless, else a new one.
fn request_id(request: &Request, app: &App) -> String {
    let given = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok());
    let harmless = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c))
    };
    if let Some(id) = given.filter(harmless) {
        return id.to_owned();
    }
    let mut random = [0; 10];
    app.entropy.fill(&mut random);
    format!("req_{}", data_encoding::BASE32_NOPAD.encode(&random).to_lowercase())
}

pub(crate) async fn no_such_path() -> Refused {
    Refused::new(ErrorCode::NotFound, "There is nothing at this path.")
}

pub(crate) async fn wrong_method() -> Refused {
    Refused::new(ErrorCode::MethodNotAllowed, "This path exists, but not with this method.")
}
