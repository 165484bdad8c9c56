use axum::Json as Shown;
use chat_proto::model::Conversation;
use chat_proto::wire::{AddParticipant, Problem};
use chat_proto::{ConversationId, UserId};
use http::StatusCode;
use serde::Deserialize;

use super::Answer;
use super::conversations::ConversationPath;
use crate::extract::{Caller, Json, Path};

/// Which participant of which conversation.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ParticipantPath {
    /// Which conversation.
    id: ConversationId,
    /// Who.
    user: UserId,
}

/// Bring somebody into a group
///
/// The group's owner, and agents and admins who are in it. Somebody who is in it already stays.
#[utoipa::path(post, path = "/conversations/{id}/participants", tag = "conversations", security(("bearer" = [])),
    params(ConversationPath), request_body = AddParticipant, responses(
        (status = 200, description = "The conversation as it is now", body = Conversation),
        (status = 403, description = "`forbidden`", body = Problem),
        (status = 404, description = "`not_found`: the conversation, or nobody that I may write to", body = Problem),
        (status = 409, description = "`conflict`: a direct conversation keeps its two", body = Problem),
))]
pub(crate) async fn add(
    Caller(me): Caller,
    Path(path): Path<ConversationPath>,
    Json(body): Json<AddParticipant>,
) -> Answer<Shown<Conversation>> {
    Ok(Shown(me.conversation(path.id).add(body.user_id).await?))
}

/// Put somebody out of a group, or leave it
///
/// Everybody may leave. The owner, and admins who are in it, may put others out.
#[utoipa::path(delete, path = "/conversations/{id}/participants/{user}", tag = "conversations",
    security(("bearer" = [])), params(ParticipantPath), responses(
        (status = 204, description = "They are out"),
        (status = 403, description = "`forbidden`", body = Problem),
        (status = 404, description = "`not_found`: the conversation, or nobody in it", body = Problem),
        (status = 409, description = "`conflict`: a direct conversation keeps its two", body = Problem),
))]
pub(crate) async fn remove(Caller(me): Caller, Path(path): Path<ParticipantPath>) -> Answer<StatusCode> {
    me.conversation(path.id).remove(path.user).await?;
    Ok(StatusCode::NO_CONTENT)
}
