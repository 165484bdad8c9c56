//! Pictures of people.

use axum::Json as Shown;
use axum::extract::{Request, State};
use axum::response::Response;
use chat_proto::UserId;
use chat_proto::model::User;
use chat_proto::wire::{AttachmentLink, Problem};
use chatcore::{AVATAR_BYTES, FileLink, Upload};
use http::{HeaderMap, Method};

use super::Answer;
use super::file::{By, LinkProof, hand_out};
use crate::app::App;
use crate::extract::{Caller, Path};
use crate::upload::{self, Coming};

/// Set my picture
///
/// The body is the file, or `multipart/form-data` with one part named `file`: PNG, JPEG, WebP or GIF, 5 MiB at the most, told by
/// what is in it. Kept is the square in its middle, 256 pixels a side at the most, and nothing else of it. What was sent counts
/// for what one may upload in a day.
#[utoipa::path(put, path = "/me/avatar", tag = "me", security(("bearer" = [])),
    params(("Content-Digest" = Option<String>, Header,
        description = "Taken only if this is its digest (RFC 9530): `sha-256=:<base64>:`. With multipart, a header of the part")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The picture"),
    responses(
        (status = 200, description = "My account as it is now; `avatar` says which picture", body = User),
        (status = 400, description = "`invalid`: empty, damaged, broken off, or not of this digest", body = Problem),
        (status = 403, description = "`forbidden`: a visitor, or a key", body = Problem),
        (status = 413, description = "`too_large`", body = Problem),
        (status = 415, description = "`unsupported_media_type`: no such picture", body = Problem),
        (status = 429, description = "`rate_limited`: as much as one may upload in a day, or at once", body = Problem),
))]
pub(crate) async fn set(Caller(me): Caller, request: Request) -> Answer<Shown<User>> {
    let coming = Coming::of(request, AVATAR_BYTES).await?;
    let mut file = Upload::new("");
    file = coming.sha256.into_iter().fold(file, Upload::sha256);
    file = coming.size.into_iter().fold(file, Upload::size);
    Ok(Shown(me.set_avatar(file, upload::reader(coming.bytes)).await?))
}

/// Take my picture away
///
/// Where there is none nothing changes.
#[utoipa::path(delete, path = "/me/avatar", tag = "me", security(("bearer" = [])), responses(
    (status = 200, description = "My account as it is now", body = User),
    (status = 403, description = "`forbidden`: a visitor, or a key", body = Problem),
))]
pub(crate) async fn remove(Caller(me): Caller) -> Answer<Shown<User>> {
    Ok(Shown(me.remove_avatar().await?))
}

/// Somebody's picture
///
/// Of those who are in a conversation with me, and of those whom I may write to; for admins of everybody. Of anybody else it
/// does not exist, and neither do they. `If-None-Match` and `Range` are understood; by a link no token is needed.
#[utoipa::path(get, path = "/users/{id}/avatar", tag = "people", security(("bearer" = []), ()),
    params(("id" = UserId, Path, description = "Whose"), LinkProof), responses(
        (status = 200, description = "The picture: PNG or JPEG", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The part of it that was asked for", body = Vec<u8>,
            content_type = "application/octet-stream"),
        (status = 304, description = "It is the one that you have"),
        (status = 404, description = "`not_found`, also when they have none", body = Problem),
))]
pub(crate) async fn show(
    State(app): State<App>,
    by: By,
    Path(id): Path<UserId>,
    method: Method,
    headers: HeaderMap,
) -> Answer<Response> {
    let by_link = matches!(by, By::Link { .. });
    let picture = match by {
        By::Caller(Caller(me)) => me.avatar(id).await?,
        By::Link { expires, signature } => {
            app.chat.linked_avatar(id, &FileLink { thumbnail: false, expires, signature }).await?
        }
    };
    hand_out(&picture, NAME, by_link, &method, &headers).await
}

/// What whoever saves one has it under.
pub(crate) const NAME: &str = "avatar";

/// A link to somebody's picture
///
/// Good for five minutes without a token, as long as I may see the picture: for `<img>`. Whichever picture they have then.
#[utoipa::path(get, path = "/users/{id}/avatar/link", tag = "people", security(("bearer" = [])),
    params(("id" = UserId, Path, description = "Whose")), responses(
        (status = 200, description = "The link", body = AttachmentLink),
        (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn link(Caller(me): Caller, Path(id): Path<UserId>) -> Answer<Shown<AttachmentLink>> {
    let link = me.avatar_link(id).await?;
    let (expires, signature) = (link.expires, &link.signature);
    let url = format!("/api/v1/users/{id}/avatar?expires={expires}&signature={signature}");
    Ok(Shown(AttachmentLink { url, expires_at: link.expires_at() }))
}
