use axum::Json as Shown;
use chat_proto::ConversationId;
use chat_proto::model::{Conversation, Cursor, Page, Snapshot};
use chat_proto::wire::{NewConversation, NewConversationKind, Problem, TypingBody};
use http::StatusCode;
use serde::Deserialize;

use super::{Answer, DEFAULT_ROWS};
use crate::extract::{Caller, Json, Path, Query};
use crate::problem::Refused;

/// Which conversation.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ConversationPath {
    /// Which conversation.
    pub(crate) id: ConversationId,
}

/// Which part of my conversations.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct InboxQuery {
    /// `true`: only those in which something is unread.
    unread: Option<bool>,
    /// The most rows; 50 without it, never more than 200.
    limit: Option<usize>,
    /// `next_cursor` of the part before, with or without `unread`: the order is the same.
    cursor: Option<String>,
}

/// My conversations
///
/// The one with the newest activity first. With `unread=true` a part may have few rows or none while others follow: it is
/// the last one when it has no `next_cursor`.
#[utoipa::path(get, path = "/conversations", tag = "conversations", security(("bearer" = [])), params(InboxQuery),
    responses(
        (status = 200, description = "My conversations, each with its first 20 participants", body = Page<Conversation>),
        (status = 400, description = "`invalid`, `invalid_cursor`", body = Problem),
))]
pub(crate) async fn list(Caller(me): Caller, Query(query): Query<InboxQuery>) -> Answer<Shown<Page<Conversation>>> {
    let (limit, cursor) = (query.limit.unwrap_or(DEFAULT_ROWS), query.cursor.map(Cursor::from_text));
    Ok(Shown(if query.unread == Some(true) {
        me.unread_conversations(limit, cursor).await?
    } else {
        me.conversations(limit, cursor).await?
    }))
}

/// Begin a conversation, or find the one with this person
///
/// `direct` has exactly one other participant; there is one such conversation per pair, for ever. Staff may begin a
/// `group`. Whom one may write to is the shop's contact matrix to say; anybody else does not exist here.
#[utoipa::path(post, path = "/conversations", tag = "conversations", security(("bearer" = [])),
    request_body = NewConversation, responses(
        (status = 201, description = "Begun", body = Conversation),
        (status = 200, description = "`direct`: it was there", body = Conversation),
        (status = 400, description = "`invalid`", body = Problem),
        (status = 403, description = "`forbidden`: my role may not begin groups", body = Problem),
        (status = 404, description = "`not_found`: nobody that I may write to", body = Problem),
))]
pub(crate) async fn create(
    Caller(me): Caller,
    Json(body): Json<NewConversation>,
) -> Answer<(StatusCode, Shown<Conversation>)> {
    let (conversation, created) = match body.kind {
        NewConversationKind::Direct => {
            if body.subject.is_some() {
                return Err(Refused::invalid("/subject", "Only groups have a subject."));
            }
            let [with] = body.participants[..] else {
                return Err(Refused::invalid("/participants", "A direct conversation has exactly one other person."));
            };
            me.open_direct(with).await?
        }
        NewConversationKind::Group => (me.create_group(body.subject.as_deref(), body.participants).await?, true),
    };
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Shown(conversation)))
}

/// A conversation
///
/// With all its participants. For everybody who is not in it, it does not exist.
#[utoipa::path(get, path = "/conversations/{id}", tag = "conversations", security(("bearer" = [])),
    params(ConversationPath), responses(
        (status = 200, description = "The conversation, and the moment that this shows", body = Snapshot<Conversation>),
        (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn show(
    Caller(me): Caller,
    Path(path): Path<ConversationPath>,
) -> Answer<Shown<Snapshot<Conversation>>> {
    Ok(Shown(me.conversation(path.id).get().await?))
}

/// Say that I am writing, or stopped
///
/// Told to the others who are connected; holds six seconds.
#[utoipa::path(post, path = "/conversations/{id}/typing", tag = "conversations", security(("bearer" = [])),
    params(ConversationPath), request_body = TypingBody, responses(
        (status = 204, description = "Told"),
        (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn typing(
    Caller(me): Caller,
    Path(path): Path<ConversationPath>,
    Json(body): Json<TypingBody>,
) -> Answer<StatusCode> {
    me.conversation(path.id).typing(body.on).await?;
    Ok(StatusCode::NO_CONTENT)
}
