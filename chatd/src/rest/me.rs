use axum::Json as Shown;
use chat_proto::model::User;
use chat_proto::wire::{PatchMe, Problem};

use super::Answer;
use crate::extract::{Caller, Json};

/// My account
#[utoipa::path(get, path = "/me", tag = "me", security(("bearer" = [])), responses(
    (status = 200, description = "My account", body = User),
    (status = 401, description = "`unauthenticated`, `token_expired` or `token_revoked`", body = Problem),
))]
pub(crate) async fn show(Caller(me): Caller) -> Answer<Shown<User>> {
    Ok(Shown(me.me().await?))
}

/// Change my account
#[utoipa::path(patch, path = "/me", tag = "me", security(("bearer" = [])), request_body = PatchMe, responses(
    (status = 200, description = "My account as it is now", body = User),
    (status = 400, description = "`invalid`", body = Problem),
))]
pub(crate) async fn change(Caller(me): Caller, Json(body): Json<PatchMe>) -> Answer<Shown<User>> {
    Ok(Shown(me.rename(&body.name).await?))
}
