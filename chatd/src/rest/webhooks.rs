use axum::Json as Shown;
use chat_proto::WebhookId;
use chat_proto::model::{Page, Webhook, WebhookDelivery, WebhookTest};
use chat_proto::wire::{CreatedWebhook, NewWebhook, PatchWebhook, Problem, ReplayBody, Replayed};
use chatcore::{WebhookEvent, WebhookPatch};
use http::StatusCode;

use super::Answer;
use crate::extract::{Caller, Json, Path};
use crate::problem::Refused;

/// Have a program told what happens
///
/// Admins only. It is told from now on, of all conversations. Requests are signed as Standard Webhooks say, with the secret,
/// which is shown this once; their bodies are `ev` frames. There are at most 20.
#[utoipa::path(post, path = "/webhooks", tag = "administration", security(("bearer" = [])), request_body = NewWebhook,
responses(
    (status = 201, description = "The webhook, and its secret", body = CreatedWebhook),
    (status = 400, description = "`invalid`: an address that is not on the open Internet, no such event; `unsupported`: \
        this server tells none", body = Problem),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 409, description = "`conflict`: there are 20", body = Problem),
))]
pub(crate) async fn create(
    Caller(me): Caller,
    Json(body): Json<NewWebhook>,
) -> Answer<(StatusCode, Shown<CreatedWebhook>)> {
    let NewWebhook { url, description, events } = body;
    let new = chatcore::NewWebhook { url, description, events: known(&events)? };
    let created = me.create_webhook(new).await?;
    Ok((StatusCode::CREATED, Shown(CreatedWebhook { webhook: created.webhook, secret: created.secret })))
}

/// The webhooks
///
/// Admins only. The oldest first; there are at most 20.
#[utoipa::path(get, path = "/webhooks", tag = "administration", security(("bearer" = [])), responses(
    (status = 200, description = "The webhooks", body = Page<Webhook>),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
))]
pub(crate) async fn list(Caller(me): Caller) -> Answer<Shown<Page<Webhook>>> {
    Ok(Shown(me.webhooks_list().await?))
}

/// A webhook
///
/// Admins only.
#[utoipa::path(get, path = "/webhooks/{id}", tag = "administration", security(("bearer" = [])),
params(("id" = WebhookId, Path, description = "Which")), responses(
    (status = 200, description = "The webhook", body = Webhook),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn show(Caller(me): Caller, Path(id): Path<WebhookId>) -> Answer<Shown<Webhook>> {
    Ok(Shown(me.webhook(id).await?))
}

/// Change a webhook
///
/// Admins only. One that was off goes on where it was, as far as the event log goes back.
#[utoipa::path(patch, path = "/webhooks/{id}", tag = "administration", security(("bearer" = [])),
params(("id" = WebhookId, Path, description = "Which")), request_body = PatchWebhook, responses(
    (status = 200, description = "The webhook as it is now", body = Webhook),
    (status = 400, description = "`invalid`", body = Problem),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn change(
    Caller(me): Caller,
    Path(id): Path<WebhookId>,
    Json(body): Json<PatchWebhook>,
) -> Answer<Shown<Webhook>> {
    let PatchWebhook { url, description, events, enabled } = body;
    let events = events.map(|events| known(&events)).transpose()?;
    Ok(Shown(me.change_webhook(id, WebhookPatch { url, description, events, enabled }).await?))
}

/// Delete a webhook
///
/// Admins only. What waits for it is forgotten.
#[utoipa::path(delete, path = "/webhooks/{id}", tag = "administration", security(("bearer" = [])),
params(("id" = WebhookId, Path, description = "Which")), responses(
    (status = 204, description = "It is told nothing more"),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn delete(Caller(me): Caller, Path(id): Path<WebhookId>) -> Answer<StatusCode> {
    me.delete_webhook(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a webhook a new secret
///
/// Admins only. It is shown this once. For a day requests are signed with the one before too.
#[utoipa::path(post, path = "/webhooks/{id}/secret", tag = "administration", security(("bearer" = [])),
params(("id" = WebhookId, Path, description = "Which")), responses(
    (status = 200, description = "The webhook, and its secret", body = CreatedWebhook),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn secret(Caller(me): Caller, Path(id): Path<WebhookId>) -> Answer<Shown<CreatedWebhook>> {
    let created = me.change_webhook_secret(id).await?;
    Ok(Shown(CreatedWebhook { webhook: created.webhook, secret: created.secret }))
}

/// Try a webhook
///
/// Admins only. Tells it `{"t": "test"}` at once and once, signed as always, whether it is enabled or not.
#[utoipa::path(post, path = "/webhooks/{id}/test", tag = "administration", security(("bearer" = [])),
params(("id" = WebhookId, Path, description = "Which")), responses(
    (status = 200, description = "What came of it", body = WebhookTest),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn test(Caller(me): Caller, Path(id): Path<WebhookId>) -> Answer<Shown<WebhookTest>> {
    Ok(Shown(me.test_webhook(id).await?))
}

/// What was given up for a webhook
///
/// Admins only. The oldest first, at most 1,000; of more the oldest are forgotten.
#[utoipa::path(get, path = "/webhooks/{id}/deliveries", tag = "administration", security(("bearer" = [])),
params(("id" = WebhookId, Path, description = "Which")), responses(
    (status = 200, description = "What was given up", body = Page<WebhookDelivery>),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn deliveries(Caller(me): Caller, Path(id): Path<WebhookId>) -> Answer<Shown<Page<WebhookDelivery>>> {
    Ok(Shown(me.webhook_deliveries(id).await?))
}

/// Try once more what was given up for a webhook
///
/// Admins only. One delivery or all, under the same `webhook-id` as before, as long as the event log holds them.
#[utoipa::path(post, path = "/webhooks/{id}/replay", tag = "administration", security(("bearer" = [])),
params(("id" = WebhookId, Path, description = "Which")), request_body = ReplayBody, responses(
    (status = 202, description = "How many are on their way", body = Replayed),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`: no such webhook or delivery", body = Problem),
    (status = 409, description = "`conflict`: too much waits for it already", body = Problem),
))]
pub(crate) async fn replay(
    Caller(me): Caller,
    Path(id): Path<WebhookId>,
    Json(body): Json<ReplayBody>,
) -> Answer<(StatusCode, Shown<Replayed>)> {
    let count = me.replay_webhook(id, body.delivery).await?;
    Ok((StatusCode::ACCEPTED, Shown(Replayed { count })))
}

fn known(words: &[String]) -> Result<Vec<WebhookEvent>, Refused> {
    let known = |(i, word): (usize, &String)| {
        word.parse().map_err(|_| Refused::invalid(format!("/events/{i}"), "Webhooks are told of no such event."))
    };
    words.iter().enumerate().map(known).collect()
}
