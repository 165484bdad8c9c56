//! One message that is there: changing it, deleting it, reacting to it.

use axum::Json as Shown;
use axum::response::{IntoResponse, Response};
use chat_proto::model::Message;
use chat_proto::wire::{PatchMessage, Problem, Revisions};
use chat_proto::{ConversationId, MessageId};
use http::header;
use serde::Deserialize;

use super::Answer;
use crate::extract::{Caller, IfMatch, Json, Path};

/// Which message.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct MessagePath {
    /// The conversation.
    id: ConversationId,
    /// The message.
    message: MessageId,
}

/// Which reaction.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ReactionPath {
    /// The conversation.
    id: ConversationId,
    /// The message.
    message: MessageId,
    /// One emoji, percent-encoded.
    emoji: String,
}

/// Change a message
///
/// Only its author can. What it said before is kept; see its history.
#[utoipa::path(patch, path = "/conversations/{id}/messages/{message}", tag = "messages", security(("bearer" = [])),
    params(MessagePath, ("If-Match" = Option<String>, Header, description = "Only if it has this version: `\"v3\"`")),
    request_body = PatchMessage, responses(
        (status = 200, description = "As it is now", body = Message),
        (status = 400, description = "`invalid`", body = Problem),
        (status = 403, description = "`forbidden`: somebody else wrote it", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
        (status = 409, description = "`conflict`: it was deleted, or changed a hundred times", body = Problem),
        (status = 412, description = "`version_mismatch`: with `version`", body = Problem),
        (status = 413, description = "`too_large`", body = Problem),
))]
pub(crate) async fn edit(
    Caller(me): Caller,
    Path(path): Path<MessagePath>,
    IfMatch(version): IfMatch,
    Json(body): Json<PatchMessage>,
) -> Answer<Response> {
    let message = me.conversation(path.id).edit(path.message, &body.text, version).await?;
    Ok(tagged(&message))
}

/// Delete a message
///
/// Its place and number stay; its text, earlier texts and reactions are gone. Deleting again does nothing.
#[utoipa::path(delete, path = "/conversations/{id}/messages/{message}", tag = "messages", security(("bearer" = [])),
    params(MessagePath, ("If-Match" = Option<String>, Header, description = "Only if it has this version: `\"v3\"`")),
    responses(
        (status = 200, description = "What is left of it", body = Message),
        (status = 403, description = "`forbidden`: somebody else wrote it", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
        (status = 412, description = "`version_mismatch`: with `version`", body = Problem),
))]
pub(crate) async fn delete(
    Caller(me): Caller,
    Path(path): Path<MessagePath>,
    IfMatch(version): IfMatch,
) -> Answer<Response> {
    let message = me.conversation(path.id).delete(path.message, version).await?;
    Ok(tagged(&message))
}

/// What a message said before
///
/// The oldest text first. For its author and for staff.
#[utoipa::path(get, path = "/conversations/{id}/messages/{message}/history", tag = "messages",
    security(("bearer" = [])), params(MessagePath), responses(
        (status = 200, description = "The earlier texts", body = Revisions),
        (status = 403, description = "`forbidden`", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn history(Caller(me): Caller, Path(path): Path<MessagePath>) -> Answer<Shown<Revisions>> {
    let items = me.conversation(path.id).revisions(path.message).await?;
    Ok(Shown(Revisions { items }))
}

/// React to a message
#[utoipa::path(put, path = "/conversations/{id}/messages/{message}/reactions/{emoji}", tag = "messages",
    security(("bearer" = [])), params(ReactionPath), responses(
        (status = 200, description = "As it is now", body = Message),
        (status = 400, description = "`invalid`: not one emoji", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
        (status = 409, description = "`conflict`: it was deleted, or has all the reactions it can hold", body = Problem),
))]
pub(crate) async fn react(Caller(me): Caller, Path(path): Path<ReactionPath>) -> Answer<Shown<Message>> {
    let message = me.conversation(path.id).react(path.message, &path.emoji, true).await?;
    Ok(Shown((*message).clone()))
}

/// Take a reaction back
#[utoipa::path(delete, path = "/conversations/{id}/messages/{message}/reactions/{emoji}", tag = "messages",
    security(("bearer" = [])), params(ReactionPath), responses(
        (status = 200, description = "As it is now", body = Message),
        (status = 400, description = "`invalid`: not one emoji", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
        (status = 409, description = "`conflict`: it was deleted", body = Problem),
))]
pub(crate) async fn unreact(Caller(me): Caller, Path(path): Path<ReactionPath>) -> Answer<Shown<Message>> {
    let message = me.conversation(path.id).react(path.message, &path.emoji, false).await?;
    Ok(Shown((*message).clone()))
}

/// The message with its version as `ETag`, to be given back in `If-Match`.
fn tagged(message: &Message) -> Response {
    let tag = format!("\"v{}\"", message.version);
    ([(header::ETAG, tag)], Shown(message)).into_response()
}
