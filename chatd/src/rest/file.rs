//! Handing out the bytes of a file, in a form that no browser can be led to run.

use std::fmt::Write as _;
use std::ops::Range;

use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use chat_proto::AttachmentId;
use chat_proto::wire::Problem;
use chatcore::{FileLink, StoredContent};
use data_encoding::HEXLOWER;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;

use super::Answer;
use super::attachments::AttachmentPath;
use crate::app::App;
use crate::extract::{Caller, Path, Query};
use crate::problem::Refused;

/// What a link has in place of a token.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkProof {
    /// From a link: when it is over.
    expires: Option<i64>,
    /// From a link: what proves it.
    signature: Option<String>,
}

/// Who wants a file.
pub(crate) enum By {
    Caller(Caller),
    Link { expires: i64, signature: String },
}

impl FromRequestParts<App> for By {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        match Query::<LinkProof>::from_request_parts(parts, app).await?.0 {
            LinkProof { expires: Some(expires), signature: Some(signature) } => Ok(Self::Link { expires, signature }),
            LinkProof { expires: None, signature: None } => {
                Caller::from_request_parts(parts, app).await.map(Self::Caller)
            }
            _ => Err(Refused::invalid("query", "A link has both `expires` and `signature`.")),
        }
    }
}

/// Download a file
///
/// For whoever sees the message that it was sent with, and before for who uploaded it. `Range`, `If-Range` and
/// `If-None-Match` are understood; where it has no bytes the answer is 416. By a link no token is needed. Pictures are `inline`, everything else is `attachment`.
#[utoipa::path(get, path = "/attachments/{id}", tag = "attachments", security(("bearer" = []), ()),
    params(AttachmentPath, LinkProof), responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The part of it that was asked for", body = Vec<u8>,
            content_type = "application/octet-stream"),
        (status = 304, description = "It is the one that you have"),
        (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn download(
    State(app): State<App>,
    by: By,
    Path(path): Path<AttachmentPath>,
    method: Method,
    headers: HeaderMap,
) -> Answer<Response> {
    found(&app, by, path.id, false, &method, &headers).await
}

/// Download the small picture of a picture
///
/// As the file itself.
#[utoipa::path(get, path = "/attachments/{id}/thumbnail", tag = "attachments", security(("bearer" = []), ()),
    params(AttachmentPath, LinkProof), responses(
        (status = 200, description = "The picture", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The part of it that was asked for", body = Vec<u8>,
            content_type = "application/octet-stream"),
        (status = 304, description = "It is the one that you have"),
        (status = 404, description = "`not_found`, also when there is none", body = Problem),
))]
pub(crate) async fn thumbnail(
    State(app): State<App>,
    by: By,
    Path(path): Path<AttachmentPath>,
    method: Method,
    headers: HeaderMap,
) -> Answer<Response> {
    found(&app, by, path.id, true, &method, &headers).await
}

async fn found(
    app: &App,
    by: By,
    id: AttachmentId,
    thumbnail: bool,
    method: &Method,
    asked: &HeaderMap,
) -> Answer<Response> {
    let by_link = matches!(by, By::Link { .. });
    let file = match by {
        By::Caller(Caller(me)) if thumbnail => me.thumbnail(id).await?,
        By::Caller(Caller(me)) => me.attachment(id).await?,
        By::Link { expires, signature } => {
            app.chat.linked_file(id, &FileLink { thumbnail, expires, signature }).await?
        }
    };
    hand_out(&file.content, &file.attachment.name, by_link, method, asked).await
}

/// What of a file of this name is asked for. `by_link`: whoever asks has shown a link, and no token.
pub(crate) async fn hand_out(
    file: &StoredContent,
    name: &str,
    by_link: bool,
    method: &Method,
    asked: &HeaderMap,
) -> Answer<Response> {
    let tag = format!("\"{}\"", HEXLOWER.encode(&file.sha256));
    let (status, range) = match what_part(file, &tag, asked) {
        Part::Unchanged => (StatusCode::NOT_MODIFIED, None),
        Part::None => (StatusCode::RANGE_NOT_SATISFIABLE, None),
        Part::All => (StatusCode::OK, Some(0..file.size)),
        Part::Some(range) => (StatusCode::PARTIAL_CONTENT, Some(range)),
    };
    let body = match &range {
        Some(range) if method != Method::HEAD => Body::from_stream(file.read(range.clone()).await?),
        _ => Body::empty(),
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ETAG, value(&tag)?);
    // Kept by the browser, but asked for each time: whoever may not have it any more does not get it from there.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    // A link stands in pages of the shop, which are of another origin; a token never comes with an `<img>`.
    let of = if by_link { "cross-origin" } else { "same-origin" };
    headers.insert(CORP.clone(), HeaderValue::from_static(of));
    if status == StatusCode::RANGE_NOT_SATISFIABLE {
        headers.insert(header::CONTENT_RANGE, value(&format!("bytes */{}", file.size))?);
    }
    let Some(range) = range else { return Ok(response) };
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    headers.insert(header::CONTENT_TYPE, value(&content_type(&file.media_type))?);
    headers.insert(header::CONTENT_DISPOSITION, value(&disposition(name, &file.media_type))?);
    if status == StatusCode::PARTIAL_CONTENT {
        let place = format!("bytes {}-{}/{}", range.start, range.end - 1, file.size);
        headers.insert(header::CONTENT_RANGE, value(&place)?);
    }
    Ok(response)
}

static CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Pictures that a browser shows and never runs anything of.
const INLINE: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

fn value(text: &str) -> Result<HeaderValue, Refused> {
    HeaderValue::from_str(text)
        .map_err(|_| Refused::new(chat_proto::ErrorCode::Internal, "A header cannot be written."))
}

/// Texts are in UTF-8: nothing else is taken for one.
fn content_type(media_type: &str) -> String {
    if media_type.starts_with("text/") { format!("{media_type}; charset=utf-8") } else { media_type.to_owned() }
}

/// As RFC 6266 writes it, with the name as RFC 8187 does, and before that a poorer one for those who do not know it.
fn disposition(name: &str, media_type: &str) -> String {
    let how = if INLINE.contains(&media_type) { "inline" } else { "attachment" };
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

fn is_plain(c: char) -> bool {
    c == ' ' || (c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%'))
}

/// What of a file is to be answered.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// Whoever asks has it.
    Unchanged,
    All,
    Some(Range<u64>),
    /// There are no bytes there.
    None,
}

fn what_part(file: &StoredContent, tag: &str, asked: &HeaderMap) -> Part {
    let text = |name| asked.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let has_it = |tags: &str| {
        tags.split(',').map(str::trim).any(|has| has == "*" || has.strip_prefix("W/").unwrap_or(has) == tag)
    };
    if text(header::IF_NONE_MATCH).is_some_and(has_it) {
        return Part::Unchanged;
    }
    // A part of another file than the one that they have a part of is of no use to them.
    if text(header::IF_RANGE).is_some_and(|has| has.trim() != tag) {
        return Part::All;
    }
    text(header::RANGE).map_or(Part::All, |range| part(range, file.size))
}

/// One range of bytes. Several at once, and other units, are answered with all, as RFC 9110 allows.
fn part(range: &str, size: u64) -> Part {
    let Some((first, last)) = range.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Part::All;
    };
    let (first, last) = (first.trim(), last.trim());
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(most)) if first.is_empty() => size.saturating_sub(most)..size,
        _ => return Part::All,
    };
    if range.is_empty() { Part::None } else { Part::Some(range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_writes_them() {
        for (asked, answered) in [
            ("bytes=0-0", Part::Some(0..1)),
            ("bytes=0-99", Part::Some(0..10)),
            ("bytes=4-", Part::Some(4..10)),
            ("bytes=-3", Part::Some(7..10)),
            ("bytes=-99", Part::Some(0..10)),
            ("bytes=10-", Part::None),
            ("bytes=99-100", Part::None),
            ("bytes=-0", Part::None),
            ("bytes=3-2", Part::All),
            ("bytes=0-1,4-5", Part::All),
            ("bytes=", Part::All),
            ("bytes=-", Part::All),
            ("bytes=a-b", Part::All),
            ("lines=0-1", Part::All),
            ("bytes=0-18446744073709551615", Part::Some(0..10)),
        ] {
            assert_eq!(part(asked, 10), answered, "{asked}");
        }
    }
}
