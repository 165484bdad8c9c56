//! Files that go with messages: uploading one, taking it back, a link to it.

use axum::Json as Shown;
use axum::extract::{Request, State};
use chat_proto::AttachmentId;
use chat_proto::model::Attachment;
use chat_proto::wire::{AttachmentLink, Problem};
use chatcore::Upload;
use http::StatusCode;
use serde::Deserialize;

use super::Answer;
use crate::app::App;
use crate::extract::{Caller, Path, Query};
use crate::upload::{self, Coming};

/// What it is called.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadQuery {
    /// The name of the file. Folders in it, and what cannot be seen, are taken away; the ending is made to fit.
    name: Option<String>,
}

/// Which attachment.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct AttachmentPath {
    /// The attachment.
    pub(crate) id: AttachmentId,
}

/// What the link is to.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkQuery {
    /// To the small picture instead.
    #[serde(default)]
    thumbnail: bool,
}

/// Upload a file
///
/// To be sent with one message within a day, by whoever uploaded it; else it is forgotten. The body is the file, or
/// `multipart/form-data` with one part named `file`. What it is, is told by what is in it. Of pictures only the picture is
/// kept, so size and SHA-256 may be others than those of what was sent.
#[utoipa::path(post, path = "/attachments", tag = "attachments", security(("bearer" = [])),
    params(UploadQuery, ("Content-Digest" = Option<String>, Header,
        description = "Kept only if this is its digest (RFC 9530): `sha-256=:<base64>:`. With multipart, a header of the part")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file"),
    responses(
        (status = 201, description = "Kept", body = Attachment),
        (status = 400, description = "`invalid`: empty, damaged, broken off, or not of this digest", body = Problem),
        (status = 413, description = "`too_large`", body = Problem),
        (status = 415, description = "`unsupported_media_type`: of no kind that is taken", body = Problem),
        (status = 429, description = "`rate_limited`: as much as one may upload in a day, or at once", body = Problem),
))]
pub(crate) async fn upload(
    State(app): State<App>,
    Caller(me): Caller,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Answer<(StatusCode, Shown<Attachment>)> {
    let coming = Coming::of(request, app.chat.limits().attachments.bytes).await?;
    let mut file = Upload::new(query.name.or(coming.name).unwrap_or_default());
    file = coming.sha256.into_iter().fold(file, Upload::sha256);
    file = coming.size.into_iter().fold(file, Upload::size);
    let attachment = me.attach(file, upload::reader(coming.bytes)).await?;
    Ok((StatusCode::CREATED, Shown(attachment)))
}

/// Take a file back
///
/// What I have uploaded and not sent. What was sent goes with its message.
#[utoipa::path(delete, path = "/attachments/{id}", tag = "attachments", security(("bearer" = [])),
    params(AttachmentPath), responses(
        (status = 204, description = "Gone"),
        (status = 404, description = "`not_found`", body = Problem),
        (status = 409, description = "`conflict`: it was sent", body = Problem),
))]
pub(crate) async fn delete(Caller(me): Caller, Path(path): Path<AttachmentPath>) -> Answer<StatusCode> {
    me.delete_attachment(path.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A link to a file
///
/// Good for five minutes without a token, as long as I may have the file: for `<img>`, and for programs that download.
#[utoipa::path(get, path = "/attachments/{id}/link", tag = "attachments", security(("bearer" = [])),
    params(AttachmentPath, LinkQuery), responses(
        (status = 200, description = "The link", body = AttachmentLink),
        (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn link(
    Caller(me): Caller,
    Path(path): Path<AttachmentPath>,
    Query(query): Query<LinkQuery>,
) -> Answer<Shown<AttachmentLink>> {
    let link = me.attachment_link(path.id, query.thumbnail).await?;
    let what = if query.thumbnail { "/thumbnail" } else { "" };
    let (id, expires, signature) = (path.id, link.expires, &link.signature);
    let url = format!("/api/v1/attachments/{id}{what}?expires={expires}&signature={signature}");
    Ok(Shown(AttachmentLink { url, expires_at: link.expires_at() }))
}
