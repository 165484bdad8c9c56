use axum::Json as Shown;
use chat_proto::SessionId;
use chat_proto::model::{Page, Session};
use chat_proto::wire::Problem;
use http::StatusCode;

use super::Answer;
use crate::extract::{Caller, Path};

/// My sessions
///
/// The oldest first; there are at most 100. When they were used last is known as well as their tokens were renewed.
#[utoipa::path(get, path = "/me/sessions", tag = "me", security(("bearer" = [])), responses(
    (status = 200, description = "My sessions", body = Page<Session>),
))]
pub(crate) async fn list(Caller(me): Caller) -> Answer<Shown<Page<Session>>> {
    Ok(Shown(me.sessions().await?))
}

/// End one of my sessions
///
/// Its tokens are dead at once and its sockets are closed.
#[utoipa::path(delete, path = "/me/sessions/{id}", tag = "me", security(("bearer" = [])),
    params(("id" = SessionId, Path, description = "The session")), responses(
    (status = 204, description = "It has ended"),
    (status = 404, description = "`not_found`: it is none of mine", body = Problem),
))]
pub(crate) async fn end(Caller(me): Caller, Path(id): Path<SessionId>) -> Answer<StatusCode> {
    me.end_session(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all of my sessions but this one
#[utoipa::path(delete, path = "/me/sessions", tag = "me", security(("bearer" = [])), responses(
    (status = 204, description = "They have ended"),
))]
pub(crate) async fn end_others(Caller(me): Caller) -> Answer<StatusCode> {
    me.end_other_sessions().await?;
    Ok(StatusCode::NO_CONTENT)
}
