//! Messages: reading and sending them.

use axum::Json as Shown;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use chat_proto::model::{self, History};
use chat_proto::{AttachmentId, ClientId, ConversationId, Seq};
use chatcore::{Actor, ConversationHandle, Draft, PAGE_ROWS, Sent, Span};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Answer, Done, Failure};
use super::attached::{FILES, NAMED, named};
use super::caller::Caller;
use super::form::Form;
use super::ids;
use super::posting::{Posting, take_back};
use super::shape::{Marks, Message, Place};
use crate::app::App;
use crate::extract::{Path, Query};
use crate::problem::Refused;

/// Messages in one answer. The replaced backend gave all there were, and its front ends cannot ask for more …
const MOST_MESSAGES: usize = 1_000;
/// … but after so many bytes of text no further part of the history is read.
const MOST_TEXT: usize = 1 << 20;

/// Which part of the history.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessagesQuery {
    /// Those before this number (`seq`); without it the newest.
    before: Option<u64>,
    /// The most messages; 1,000 without it, and never more.
    limit: Option<usize>,
}

/// A part of the history.
#[derive(Serialize, ToSchema)]
#[schema(as = CompatMessages)]
pub(crate) struct Messages {
    /// `success`
    status: &'static str,
    /// How many of them are in this answer.
    results: usize,
    data: MessageList,
}

/// Messages, oldest first. There are older ones while the `seq` of the first is greater than 1.
#[derive(Serialize, ToSchema)]
#[schema(as = CompatMessageList)]
pub(crate) struct MessageList {
    messages: Vec<Message>,
}

/// A message to be sent.
#[derive(ToSchema)]
#[schema(as = CompatNewMessage)]
#[expect(dead_code, reason = "says in the API document what is read field by field")]
pub(crate) struct NewMessage {
    /// Where.
    conversation: String,
    /// The text; may be missing where there are files.
    content: Option<String>,
    /// A file, also as `file` or `image`, and several of them; or in place of it the id of one that was uploaded before.
    #[schema(format = Binary)]
    attachment: Option<String>,
    /// Ids of files that were uploaded before, by `POST /api/v1/attachments`.
    attachments: Option<Vec<AttachmentId>>,
    /// The sender's own name for it, under which sending again is harmless. Also as `client_id` or `tempId`.
    #[schema(rename = "clientId")]
    client_id: Option<String>,
}

/// Messages
///
/// The newest, oldest of them first; at most 1,000, and fewer when they are long. Whoever loads the newest has read them,
/// unless the server is configured otherwise.
#[utoipa::path(get, path = "/chat/conversations/{id}/messages", tag = "compat",
    security(("bearer" = []), ("cookie" = [])),
    params(("id" = String, Path, description = "Of which conversation"), MessagesQuery), responses(
    (status = 200, description = "The messages", body = Messages),
    (status = 400, description = "`invalid`", body = Failure),
    (status = 404, description = "`not_found`", body = Failure),
))]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(me): Caller,
    Path(id): Path<String>,
    Query(query): Query<MessagesQuery>,
) -> Answer<Messages> {
    let handle = me.conversation(ids::in_path::<ConversationId>(&id)?);
    let conversation = handle.get().await?.item;
    let limit = query.limit.unwrap_or(MOST_MESSAGES).clamp(1, MOST_MESSAGES);
    let found = history(&handle, query.before.map(Seq), limit).await?;
    let (place, marks) = (Place::shown(&conversation, &me), Marks::of(&conversation, me.user_id()));
    let messages: Vec<Message> = found.iter().map(|one| Message::in_full(one, &place, &marks, &me)).collect();
    let newest = messages.last().map_or(Seq(0), |last| last.seq);
    let marks_read = app.config.compat.is_some_and(|compat| compat.reading_marks_read);
    if marks_read && query.before.is_none() && newest > conversation.read_seq {
        // What was read can be shown whether or not that can be stored now.
        let _ = handle.mark_read(newest).await;
    }
    let data = MessageList { messages };
    Ok(Shown(Messages { status: "success", results: data.messages.len(), data }))
}

/// Send a message
///
/// When this answers, the message is on disk, with its files. Sending again under the same name is harmless, for ever. Of a
/// message that is refused no file is kept.
#[utoipa::path(post, path = "/chat/messages", tag = "compat", security(("bearer" = []), ("cookie" = [])),
    request_body(content((NewMessage = "application/json"), (NewMessage = "multipart/form-data"))), responses(
    (status = 201, description = "Stored", body = Done<Message>),
    (status = 200, description = "It had been sent before; this is the first result", body = Done<Message>),
    (status = 400, description = "`invalid`: a value is missing or has the wrong form, a file is empty or damaged; \
        `unsupported`: a file in a field that takes none", body = Failure),
    (status = 404, description = "`not_found`: no such conversation of mine", body = Failure),
    (status = 409, description = "`conflict`: a file was sent before", body = Failure),
    (status = 413, description = "`too_large`, `too_many_attachments`", body = Failure),
    (status = 415, description = "`unsupported_media_type`: a file of a kind that is not taken", body = Failure),
    (status = 422, description = "`idempotency_mismatch`: another message has this name, or the same with another file",
        body = Failure),
    (status = 429, description = "`rate_limited`: as much as one may upload in a day, or at once", body = Failure),
))]
pub(crate) async fn send(State(app): State<App>, Caller(me): Caller, request: Request) -> Result<Response, Refused> {
    let Posting { form, uploaded } = Posting::of(request, &app, &me).await?;
    let sent = post(&me, form, &uploaded).await;
    // Those of a message that had been sent before are other files, though they may look the same.
    if sent.as_ref().map_or(true, |sent| sent.duplicate) {
        take_back(&me, &uploaded).await;
    }
    let sent = sent?;
    let status = if sent.duplicate { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Shown(Done::of(Message::of(&sent.message, false, &me)))).into_response())
}

async fn post(me: &Actor, mut form: Form, uploaded: &[AttachmentId]) -> Result<Sent, Refused> {
    let mut files = uploaded.to_vec();
    for name in NAMED.into_iter().chain(FILES) {
        if let Some(value) = form.any(name) {
            files.extend(named(&format!("/{name}"), &value)?);
        }
    }
    let conversation = form.text("conversation", "Please say in which conversation.")?;
    let conversation: ConversationId = ids::at("/conversation", &conversation)?;
    let content = if files.is_empty() {
        form.text("content", "Please write something.")?
    } else {
        form.optional("content")?.unwrap_or_default()
    };
    let draft = Draft::text(content).attachments(files);
    let draft = client_id(&mut form)?.into_iter().fold(draft, Draft::client_id);
    Ok(me.conversation(conversation).send(draft).await?)
}

/// Page by page from the newest on; oldest first.
async fn history(
    handle: &ConversationHandle,
    before: Option<Seq>,
    limit: usize,
) -> Result<Vec<model::Message>, Refused> {
    let (mut parts, mut count, mut bytes) = (Vec::new(), 0, 0);
    let mut span = before.map_or(Span::Newest, Span::Before);
    while count < limit && bytes < MOST_TEXT {
        let History { items, more_before, .. } = handle.history(span, PAGE_ROWS.min(limit - count)).await?;
        let Some(first) = items.first() else { break };
        span = Span::Before(first.seq);
        count += items.len();
        bytes += items.iter().map(|message| message.text.len()).sum::<usize>();
        parts.push(items);
        if !more_before {
            break;
        }
    }
    Ok(parts.into_iter().rev().flatten().collect())
}

/// The name that a front end gave the message, under any of the names that such names have.
fn client_id(form: &mut Form) -> Result<Option<ClientId>, Refused> {
    for name in ["clientId", "client_id", "tempId"] {
        let given = match form.any(name) {
            Some(serde_json::Value::String(text)) if text.is_empty() => None,
            Some(serde_json::Value::String(text)) => Some(text),
            Some(serde_json::Value::Number(number)) => Some(number.to_string()),
            Some(_) => Some(String::new()),
            None => None,
        };
        if let Some(given) = given {
            let none = |_| {
                let detail = format!("`{name}` has 1 to 64 letters, digits and the signs `-_.:` in it.");
                Refused::invalid(format!("/{name}"), detail)
            };
            return given.parse().map(Some).map_err(none);
        }
    }
    Ok(None)
}
