//! What every request passes on its way in and out: its id, panics, error documents, headers, the log.

use std::panic::AssertUnwindSafe;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chat_proto::ErrorCode;
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, header};

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::problem::Refused;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) async fn edge(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let address = ClientAddress::find(&app.config.trusted_proxies, request.headers(), request.extensions());
    request.extensions_mut().insert(address);
    let request_id = request_id(&request, &app);
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| {
        // The panic hook has told where; this ties it to the request.
        tracing::error!(request_id, "a handler panicked");
        Refused::new(ErrorCode::Internal, "Something went wrong on our side.").into_response()
    });
    if let Some(refused) = response.extensions_mut().remove::<Refused>() {
        tracing::error_span!("request", request_id, %method, path).in_scope(|| refused.log("a request failed"));
        let document = serde_json::to_vec(&refused.document(&path, &request_id)).unwrap_or_default();
        *response.body_mut() = Body::from(document);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.remove(header::CONTENT_LENGTH);
    }
    tracing::debug!(request_id, %method, path, status = response.status().as_u16(), "request");
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID.clone(), value);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

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
