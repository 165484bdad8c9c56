use axum::Json as Shown;
use chat_proto::NotificationId;
use chat_proto::model::{MutedConversation, NotificationPreferences, Page, UndeliveredNotification};
use chat_proto::wire::{MuteBody, Problem};
use http::StatusCode;

use super::Answer;
use super::conversations::ConversationPath;
use crate::extract::{Caller, Json, Path};

/// What I wish to be told while I am not here
#[utoipa::path(get, path = "/me/notifications", tag = "me", security(("bearer" = [])), responses(
    (status = 200, description = "My wishes", body = NotificationPreferences),
))]
pub(crate) async fn show(Caller(me): Caller) -> Answer<Shown<NotificationPreferences>> {
    Ok(Shown(me.notification_preferences().await?))
}

/// Change what I wish to be told
///
/// All of it: what is left out is as it is for everybody at first.
#[utoipa::path(put, path = "/me/notifications", tag = "me", security(("bearer" = [])),
    request_body = NotificationPreferences, responses(
    (status = 200, description = "My wishes as they are now", body = NotificationPreferences),
    (status = 400, description = "`invalid`: no such time zone, or quiet hours that end as they begin", body = Problem),
))]
pub(crate) async fn change(
    Caller(me): Caller,
    Json(wishes): Json<NotificationPreferences>,
) -> Answer<Shown<NotificationPreferences>> {
    me.set_notification_preferences(wishes.clone()).await?;
    Ok(Shown(wishes))
}

/// The conversations of which I am told nothing
///
/// At most 1,000.
#[utoipa::path(get, path = "/me/muted", tag = "me", security(("bearer" = [])), responses(
    (status = 200, description = "The conversations", body = Page<MutedConversation>),
))]
pub(crate) async fn muted(Caller(me): Caller) -> Answer<Shown<Page<MutedConversation>>> {
    Ok(Shown(me.muted().await?))
}

/// Tell me nothing of this conversation
///
/// Neither by mail nor by push; what I see while I am here is the same.
#[utoipa::path(put, path = "/conversations/{id}/mute", tag = "conversations", security(("bearer" = [])),
    params(ConversationPath), request_body = MuteBody, responses(
    (status = 204, description = "It is muted"),
    (status = 404, description = "`not_found`", body = Problem),
    (status = 409, description = "`conflict`: 1,000 are muted", body = Problem),
))]
pub(crate) async fn mute(
    Caller(me): Caller,
    Path(path): Path<ConversationPath>,
    Json(body): Json<MuteBody>,
) -> Answer<StatusCode> {
    me.mute(path.id, body.until).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell me of this conversation again
#[utoipa::path(delete, path = "/conversations/{id}/mute", tag = "conversations", security(("bearer" = [])),
    params(ConversationPath), responses(
    (status = 204, description = "It is not muted"),
    (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn unmute(Caller(me): Caller, Path(path): Path<ConversationPath>) -> Answer<StatusCode> {
    me.unmute(path.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What could not be delivered
///
/// Admins only. What was given up, the oldest first; the newest 1,000 are kept.
#[utoipa::path(get, path = "/notifications/undelivered", tag = "server", security(("bearer" = [])), responses(
    (status = 200, description = "What was given up", body = Page<UndeliveredNotification>),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
))]
pub(crate) async fn undelivered(Caller(me): Caller) -> Answer<Shown<Page<UndeliveredNotification>>> {
    Ok(Shown(me.undelivered_notifications().await?))
}

/// Try again what was given up
///
/// Admins only.
#[utoipa::path(post, path = "/notifications/undelivered/{notification}/retry", tag = "server", security(("bearer" = [])),
    params(("notification" = NotificationId, Path, description = "The notification")), responses(
    (status = 202, description = "It is on its way again"),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn retry(Caller(me): Caller, Path(id): Path<NotificationId>) -> Answer<StatusCode> {
    me.retry_notification(id).await?;
    Ok(StatusCode::ACCEPTED)
}
