use axum::Json as Shown;
use chat_proto::PushSubscriptionId;
use chat_proto::model::{Page, PushSubscription};
use chat_proto::wire::{NewPushSubscription, Problem};
use chatcore::NewDevice;
use http::StatusCode;

use super::Answer;
use crate::extract::{Caller, Json, Path};

/// My devices that are pushed to
///
/// The oldest first; there are at most 20. Each ends with the session that it was made in.
#[utoipa::path(get, path = "/me/push-subscriptions", tag = "me", security(("bearer" = [])), responses(
    (status = 200, description = "My devices", body = Page<PushSubscription>),
))]
pub(crate) async fn list(Caller(me): Caller) -> Answer<Shown<Page<PushSubscription>>> {
    Ok(Shown(me.devices().await?))
}

/// Push to this device
///
/// The body is what the browser's `PushSubscription` gives as JSON; it subscribes with the `push_key` of `/server`. The
/// device is told what waits for me until my session ends. One that is known gets the new keys and keeps its id; one that
/// was somebody else's is mine from now on. With more than 20, the one goes that took nothing for the longest time.
#[utoipa::path(post, path = "/me/push-subscriptions", tag = "me", security(("bearer" = [])),
request_body = NewPushSubscription, responses(
    (status = 201, description = "The device", body = PushSubscription),
    (status = 400, description = "`invalid`: an address that is not on the open Internet or not of a push service, or \
        keys that are none; `unsupported`: this server pushes nothing", body = Problem),
))]
pub(crate) async fn subscribe(
    Caller(me): Caller,
    Json(body): Json<NewPushSubscription>,
) -> Answer<(StatusCode, Shown<PushSubscription>)> {
    let NewPushSubscription { endpoint, expiration_time: _, keys } = body;
    let device = NewDevice { endpoint, p256dh: keys.p256dh, auth: keys.auth };
    Ok((StatusCode::CREATED, Shown(me.subscribe_device(device).await?)))
}

/// Push to a device no more
#[utoipa::path(delete, path = "/me/push-subscriptions/{id}", tag = "me", security(("bearer" = [])),
    params(("id" = PushSubscriptionId, Path, description = "Which")), responses(
    (status = 204, description = "It is told nothing more"),
    (status = 404, description = "`not_found`: it is none of mine", body = Problem),
))]
pub(crate) async fn unsubscribe(Caller(me): Caller, Path(id): Path<PushSubscriptionId>) -> Answer<StatusCode> {
    me.unsubscribe_device(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
