//! The API document (`OpenAPI` 3.1), made from the same types that the handlers use.

use chat_proto::ErrorCode;
use serde_json::{Value, json};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, OpenApi, OpenApiBuilder};

use crate::compat::caller::COOKIE;
use crate::problem::title;

/// What stands before the first route.
pub(crate) fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("chatd")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Chat for an online shop. Lists carry `as_of`, the event cursor of the moment that they show: load, then \
             follow from it over the WebSocket at `/api/v1/ws`, or over plain HTTP at `/api/v1/events/stream` \
             and `/api/v1/events`. Errors are `application/problem+json` (RFC 9457) with a stable `code`. What is \
             tagged `compat` is the dialect of the Node backend that this server replaces, for its front ends; new \
             programs use `/api/v1`.",
        ))
        .build();
    let mut components = Components::new();
    components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let cookie = ApiKey::Cookie(ApiKeyValue::new(COOKIE));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
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
    for (path, item) in json["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            name(path, operation);
            add_common_responses(method, operation);
        }
    }
    if let Some(document) = json.as_object_mut() {
        document.insert("x-error-codes".to_owned(), Value::Array(codes));
    }
    json
}

/// Gives an operation a name that no other has, as the standard asks: where it is, and what the handler is called there.
fn name(path: &str, operation: &mut Value) {
    let Some(handler) = operation["operationId"].as_str() else { return };
    let says_where = |part: &&str| !part.starts_with('{') && !["", "api", "v1"].contains(part);
    let place: Vec<_> = path.split('/').filter(says_where).map(|part| part.replace('-', "_")).collect();
    let dialect = (operation["tags"][0] == "compat").then_some("compat");
    // What is done in a place of its own is not said twice: `auth_login`.
    let says_it = place.last().is_some_and(|last| last == handler);
    let words = dialect.into_iter().chain(place.iter().map(String::as_str)).chain((!says_it).then_some(handler));
    operation["operationId"] = words.collect::<Vec<_>>().join("_").into();
}

/// What any request of a kind may be answered with, said once here instead of at each route.
fn add_common_responses(method: &str, operation: &mut Value) {
    let has_body = operation.get("requestBody").is_some();
    let mut common = vec![("500", "`internal`: a fault of the server; the request id finds it in the log")];
    if operation.get("security").is_some() {
        common.push(("401", "`unauthenticated`, `token_expired` or `token_revoked`"));
    }
    if has_body || operation.get("parameters").is_some() {
        common.push(("400", "`invalid`: a value has the wrong form"));
    }
    if has_body {
        common.push(("413", "`too_large`"));
        common.push(("415", "`unsupported_media_type`: the body is not JSON"));
    }
    if method != "get" {
        common.push(("503", "`read_only`, `unavailable` or `draining`; `Retry-After` says when to come back"));
        common.push(("507", "`storage_full`: reads go on"));
    }
    // The dialect of the replaced backend tells of errors in its own way.
    let is_compat = operation["tags"][0] == "compat";
    let (kind, schema) =
        if is_compat { ("application/json", "CompatFailure") } else { ("application/problem+json", "Problem") };
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, description) in common {
        responses.entry(status).or_insert_with(|| {
            let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
            json!({"description": description, "content": {kind: {"schema": schema}}})
        });
    }
    for (status, response) in responses {
        // The attributes at the routes can only say `application/json`.
        if !status.starts_with('2')
            && !is_compat
            && let Some(content) = response.get_mut("content").and_then(Value::as_object_mut)
            && let Some(problem) = content.remove("application/json")
        {
            content.insert("application/problem+json".to_owned(), problem);
        }
    }
}
