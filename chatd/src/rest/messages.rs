use axum::Json as Shown;
use chat_proto::Seq;
use chat_proto::model::{History, Message};
use chat_proto::wire::{NewMessage, Problem, ReadBody};
use chatcore::{Draft, Span};
use http::StatusCode;
use serde::Deserialize;

use super::conversations::ConversationPath;
use super::{Answer, DEFAULT_ROWS};
use crate::extract::{Caller, Json, Path, Query};
use crate::problem::Refused;

/// Which part of the history; without any of them the newest.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryQuery {
    /// Those before this number.
    before: Option<u64>,
    /// Those after this number.
    after: Option<u64>,
    /// Those around this number, it included.
    around: Option<u64>,
    /// The most messages; 50 without it, never more than 200.
    limit: Option<usize>,
}

/// A part of the history
///
/// Oldest first. `seq` counts 1, 2, 3 … without a hole.
#[utoipa::path(get, path = "/conversations/{id}/messages", tag = "messages", security(("bearer" = [])),
    params(ConversationPath, HistoryQuery), responses(
        (status = 200, description = "The messages", body = History),
        (status = 400, description = "`invalid`: more than one of before, after and around", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn list(
    Caller(me): Caller,
    Path(path): Path<ConversationPath>,
    Query(query): Query<HistoryQuery>,
) -> Answer<Shown<History>> {
    let span = match (query.before, query.after, query.around) {
        (None, None, None) => Span::Newest,
        (Some(seq), None, None) => Span::Before(Seq(seq)),
        (None, Some(seq), None) => Span::After(Seq(seq)),
        (None, None, Some(seq)) => Span::Around(Seq(seq)),
        _ => return Err(Refused::invalid("query", "Give one of before, after and around.")),
    };
    let limit = query.limit.unwrap_or(DEFAULT_ROWS);
    Ok(Shown(me.conversation(path.id).history(span, limit).await?))
}

/// Send a message
///
/// When this answers, the message is on disk. Sending again under the same `client_id` is harmless, for ever.
#[utoipa::path(post, path = "/conversations/{id}/messages", tag = "messages", security(("bearer" = [])),
    params(ConversationPath), request_body = NewMessage, responses(
        (status = 201, description = "Stored", body = Message),
        (status = 200, description = "It had been sent before; this is the first result", body = Message),
        (status = 400, description = "`invalid`", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
        (status = 409, description = "`newer_messages`: with `last_seq`", body = Problem),
        (status = 413, description = "`too_large`", body = Problem),
        (status = 422, description = "`idempotency_mismatch`", body = Problem),
))]
pub(crate) async fn send(
    Caller(me): Caller,
    Path(path): Path<ConversationPath>,
    Json(body): Json<NewMessage>,
) -> Answer<(StatusCode, Shown<Message>)> {
    let mut draft = Draft::text(body.text).client_id(body.client_id);
    draft = draft.attachments(body.attachments).mentions(body.mentions);
    draft = body.reply_to.into_iter().fold(draft, Draft::reply_to);
    draft = body.if_last_seq.into_iter().fold(draft, Draft::if_last_seq);
    let sent = me.conversation(path.id).send(draft).await?;
    let status = if sent.duplicate { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Shown((*sent.message).clone())))
}

/// Say how far I have read
///
/// Only moves forward. Sending moves my own mark too.
#[utoipa::path(post, path = "/conversations/{id}/read", tag = "messages", security(("bearer" = [])),
    params(ConversationPath), request_body = ReadBody, responses(
        (status = 204, description = "Done"),
        (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn read(
    Caller(me): Caller,
    Path(path): Path<ConversationPath>,
    Json(body): Json<ReadBody>,
) -> Answer<StatusCode> {
    me.conversation(path.id).mark_read(body.seq).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mark as unread
///
/// This message and what follows are unread; only my own devices are told.
#[utoipa::path(post, path = "/conversations/{id}/unread", tag = "messages", security(("bearer" = [])),
    params(ConversationPath), request_body = ReadBody, responses(
        (status = 204, description = "Done"),
        (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn unread(
    Caller(me): Caller,
    Path(path): Path<ConversationPath>,
    Json(body): Json<ReadBody>,
) -> Answer<StatusCode> {
    me.conversation(path.id).mark_unread(body.seq).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Say what has reached me
///
/// What was written up to this message is on one of my devices. Only moves forward.
#[utoipa::path(post, path = "/conversations/{id}/delivered", tag = "messages", security(("bearer" = [])),
    params(ConversationPath), request_body = ReadBody, responses(
        (status = 204, description = "Done"),
        (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn delivered(
    Caller(me): Caller,
    Path(path): Path<ConversationPath>,
    Json(body): Json<ReadBody>,
) -> Answer<StatusCode> {
    me.conversation(path.id).mark_delivered(body.seq).await?;
    Ok(StatusCode::NO_CONTENT)
}
