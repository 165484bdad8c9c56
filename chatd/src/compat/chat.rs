//! Conversations.

use axum::Json as Shown;
use chat_proto::model::Cursor;
use chat_proto::{ConversationId, Seq, UserId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::{Answer, Done, Failure, Listed, Said};
use super::caller::Caller;
use super::ids;
use super::shape::Conversation;
use super::users::around;
use crate::extract::{Path, Query};

/// Conversations in one answer.
const MOST_CONVERSATIONS: usize = 200;

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConversationsQuery {
    /// The most conversations; 200 without it, and never more.
    limit: Option<usize>,
    /// `nextCursor` of the part before.
    cursor: Option<String>,
}

/// My conversations
///
/// The one with the newest activity first, at most 200.
#[utoipa::path(get, path = "/chat/conversations", tag = "compat", security(("bearer" = []), ("cookie" = [])),
    params(ConversationsQuery), responses(
    (status = 200, description = "My conversations, each with its first 20 participants", body = Listed<Conversation>),
    (status = 400, description = "`invalid`, `invalid_cursor`", body = Failure),
))]
pub(crate) async fn conversations(
    Caller(me): Caller,
    Query(query): Query<ConversationsQuery>,
) -> Answer<Listed<Conversation>> {
    let limit = query.limit.unwrap_or(MOST_CONVERSATIONS);
    let page = me.conversations(limit, query.cursor.map(Cursor::from_text)).await?;
    let around = around(&me).await;
    let items = page.items.iter().map(|one| Conversation::of(one, &me, &around)).collect();
    Ok(Shown(Listed::of(items, page.next_cursor)))
}

/// The conversation with this person
///
/// Begun when there is none; there is one for each pair. Whom one may write to is the shop's contact matrix to say;
/// anybody else does not exist here.
#[utoipa::path(get, path = "/chat/conversation/{participantId}", tag = "compat",
    security(("bearer" = []), ("cookie" = [])),
    params(("participantId" = String, Path, description = "With whom")), responses(
    (status = 200, description = "The conversation", body = Done<Conversation>),
    (status = 400, description = "`invalid`: not an id, or my own", body = Failure),
    (status = 404, description = "`not_found`: nobody that I may write to", body = Failure),
))]
pub(crate) async fn conversation_with(Caller(me): Caller, Path(with): Path<String>) -> Answer<Done<Conversation>> {
    let (conversation, _) = me.open_direct(ids::in_path::<UserId>(&with)?).await?;
    Ok(Shown(Done::of(Conversation::of(&conversation, &me, &around(&me).await))))
}

/// Say that I have read a conversation
///
/// Up to its newest message. The replaced backend had no such thing.
#[utoipa::path(post, path = "/chat/conversations/{id}/read", tag = "compat",
    security(("bearer" = []), ("cookie" = [])),
    params(("id" = String, Path, description = "Which")), responses(
    (status = 200, description = "Done", body = Said),
    (status = 400, description = "`invalid`: not an id", body = Failure),
    (status = 404, description = "`not_found`", body = Failure),
))]
pub(crate) async fn read(Caller(me): Caller, Path(id): Path<String>) -> Answer<Said> {
    // Beyond the newest message a mark stops there.
    me.conversation(ids::in_path::<ConversationId>(&id)?).mark_read(Seq(u64::MAX)).await?;
    Ok(Shown(Said::that("Marked as read.")))
}
