//! The API document (`OpenAPI` 3.1), made from the same types that the handlers use.

use chat_proto::ErrorCode;
use serde_json::{Value, json};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, OpenApi, OpenApiBuilder};

use crate::problem::title;

/// What stands before the first route.
pub(crate) fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("chatd")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Chat for an online shop. Lists carry `as_of`, the event cursor of the moment that they show: load, then \
             follow from it over the WebSocket at `/api/v1/ws`. Errors are `application/problem+json` (RFC 9457) with \
             a stable `code`.",
        ))
        .build();
    let mut components = Components::new();
    components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

/// The document with the table of error codes, which has no place of its own in `OpenAPI`.
pub(crate) fn json(document: &OpenApi) -> Value {
    let mut json = serde_json::to_value(document).unwrap_or_default();
    let codes: Vec<Value> = ErrorCode::ALL
        .iter()
        .map(|code| {
            json!({
                "code": code, "status": code.status(), "ws_close": code.ws_close(),
                "retryable": code.is_retryable(), "title": title(*code),
            })
        })
        .collect();
    if let Some(document) = json.as_object_mut() {
        document.insert("x-error-codes".to_owned(), Value::Array(codes));
    }
    json
}
