//! How handlers get what they need; whatever is wrong is answered with a document that says where.

use std::convert::Infallible;
use std::fmt::Write as _;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use chat_proto::ErrorCode;
use chat_proto::wire::{MOST_DEPTH, brief, is_too_deep};
use chatcore::{Actor, Origin};
use http::request::Parts;
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::app::App;
use crate::body;
use crate::client_address::ClientAddress;
use crate::problem::Refused;

/// Who asks, by the bearer token.
pub(crate) struct Caller(pub(crate) Actor);

impl FromRequestParts<App> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let needed = || Refused::new(ErrorCode::Unauthenticated, "Send `Authorization: Bearer <access token>`.");
        let header = parts.headers.get(header::AUTHORIZATION).ok_or_else(needed)?;
        let (scheme, token) = header.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(needed)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(needed());
        }
        Ok(Self(app.chat.recognise(token.trim()).await?.coming_from(origin(parts))))
    }
}

/// Where a request came from.
pub(crate) struct From(pub(crate) Origin);

impl FromRequestParts<App> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self(origin(parts)))
    }
}

/// Where the request came from that these parts are of.
pub(crate) fn origin(parts: &Parts) -> Origin {
    let device = parts.headers.get(header::USER_AGENT).map(|device| String::from_utf8_lossy(device.as_bytes()));
    let from = parts.extensions.get::<ClientAddress>().copied().unwrap_or_default();
    Origin::new(from.ip(), device.as_deref())
}

/// The version that a change goes out from, if the request says: `If-Match: "v3"`.
pub(crate) struct IfMatch(pub(crate) Option<u64>);

impl FromRequestParts<App> for IfMatch {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Refused> {
        let Some(header) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let tag = header.to_str().unwrap_or_default().trim();
        if tag == "*" {
            return Ok(Self(None));
        }
        let version = tag.strip_prefix("\"v").and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.parse().ok());
        match version {
            Some(version) => Ok(Self(Some(version))),
            None => Err(Refused::invalid("If-Match", "Give one ETag as it was answered: `\"v3\"`.")),
        }
    }
}

/// The largest body that a route takes, bytes, where that is less than the configuration says; in the request's extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most(pub(crate) usize);

/// A JSON body. Fields that the type does not know are refused, so that a typo is seen.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refused> {
        if !is_json(request.headers()) {
            let detail = "Send the body as `Content-Type: application/json`.";
            return Err(Refused::new(ErrorCode::UnsupportedMediaType, detail));
        }
        let most = request.extensions().get().map_or(app.config.body_bytes, |Most(bytes)| *bytes);
        let body = body::read(request.into_body(), most, app.config.body_timeout).await?;
        // The derived readers would take a list of the values too, in the order in which the type happens to name them.
        if body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{') {
            return Err(Refused::invalid("", "The body is not a JSON object."));
        }
        parse(&body).map(Self)
    }
}

/// Whether the body is said to be JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json"))
}

/// Reads JSON; an error says where in it.
pub(crate) fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, Refused> {
    if is_too_deep(json) {
        return Err(Refused::invalid("", format!("Nested more than {MOST_DEPTH} deep.")));
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let parsed = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let mut pointer = String::new();
        for segment in error.path() {
            // As RFC 6901 writes it: an index is a number, and `~` and `/` in a name are escaped.
            let _ = match segment {
                Segment::Seq { index } => write!(pointer, "/{index}"),
                Segment::Map { key } => write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1")),
                other => write!(pointer, "/{other}"),
            };
        }
        Refused::invalid(brief(pointer), brief(error.into_inner().to_string()))
    })?;
    reader.end().map_err(|error| Refused::invalid("", error.to_string()))?;
    Ok(parsed)
}

/// Parameters in the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Refused))]
pub(crate) struct Path<T>(pub(crate) T);

/// Parameters in the query. Those that the type does not know are refused.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Refused))]
pub(crate) struct Query<T>(pub(crate) T);

impl std::convert::From<PathRejection> for Refused {
    fn from(rejection: PathRejection) -> Self {
        let detail = match rejection {
            PathRejection::FailedToDeserializePathParams(inner) => inner.body_text(),
            other => other.body_text(),
        };
        let detail = detail.strip_prefix("Invalid URL: ").unwrap_or(&detail).to_owned();
        Self::invalid("path", detail)
    }
}

impl std::convert::From<QueryRejection> for Refused {
    fn from(rejection: QueryRejection) -> Self {
        let detail = rejection.body_text();
        let detail = detail.strip_prefix("Failed to deserialize query string: ").unwrap_or(&detail).to_owned();
        Self::invalid("query", detail)
    }
}
