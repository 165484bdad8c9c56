use axum::Json as Shown;
use chat_proto::ApiKeyId;
use chat_proto::model::{ApiKey, Page};
use chat_proto::wire::{CreatedApiKey, NewApiKey, Problem};
use chatcore::{KeyOwner, Scope};
use http::StatusCode;

use super::Answer;
use crate::extract::{Caller, Json, Path};
use crate::problem::Refused;

/// Make a key for a program of the shop's
///
/// Admins only. The key is shown this once. With a bot it talks as that bot, which everybody sees to be one; without one it
/// acts as the shop itself, for administration. Each use asks for its scopes.
#[utoipa::path(post, path = "/api-keys", tag = "administration", security(("bearer" = [])), request_body = NewApiKey,
responses(
    (status = 201, description = "The key", body = CreatedApiKey),
    (status = 400, description = "`invalid`: no such scope or bot, or a scope that needs a bot", body = Problem),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 409, description = "`conflict`: there are 100 keys", body = Problem),
))]
pub(crate) async fn create(
    Caller(me): Caller,
    Json(body): Json<NewApiKey>,
) -> Answer<(StatusCode, Shown<CreatedApiKey>)> {
    let mut scopes = Vec::with_capacity(body.scopes.len());
    for (i, word) in body.scopes.iter().enumerate() {
        let known: Scope =
            word.parse().map_err(|_| Refused::invalid(format!("/scopes/{i}"), "There is no such scope."))?;
        scopes.push(known);
    }
    let owner = match (body.user, body.bot) {
        (None, None) => KeyOwner::TheShop,
        (Some(user), None) => KeyOwner::Bot(user),
        (None, Some(bot)) => KeyOwner::NewBot { name: bot.name, role: bot.role },
        (Some(_), Some(_)) => return Err(Refused::invalid("/bot", "Give either `user` or `bot`.")),
    };
    let created = me.create_api_key(&body.name, &scopes, owner).await?;
    Ok((StatusCode::CREATED, Shown(CreatedApiKey { api_key: created.key, key: created.secret })))
}

/// The keys of the shop's programs
///
/// Admins only. The oldest first; there are at most 100.
#[utoipa::path(get, path = "/api-keys", tag = "administration", security(("bearer" = [])), responses(
    (status = 200, description = "The keys", body = Page<ApiKey>),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
))]
pub(crate) async fn list(Caller(me): Caller) -> Answer<Shown<Page<ApiKey>>> {
    Ok(Shown(me.api_keys().await?))
}

/// Take a key back
///
/// Admins only. It is dead at once, and its sockets are closed.
#[utoipa::path(delete, path = "/api-keys/{key}", tag = "administration", security(("bearer" = [])),
params(("key" = ApiKeyId, Path, description = "Which")), responses(
    (status = 204, description = "Taken back"),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn revoke(Caller(me): Caller, Path(key): Path<ApiKeyId>) -> Answer<StatusCode> {
    me.revoke_api_key(key).await?;
    Ok(StatusCode::NO_CONTENT)
}
