use axum::Json as Shown;
use chat_proto::model::User;
use chat_proto::wire::{PasswordBody, PatchMe, Problem};
use http::StatusCode;

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

/// Change my password
///
/// My other sessions end.
#[utoipa::path(post, path = "/me/password", tag = "me", security(("bearer" = [])), request_body = PasswordBody, responses(
    (status = 204, description = "Changed"),
    (status = 400, description = "`invalid`: the current one is wrong, or the new one has the wrong length", body = Problem),
    (status = 409, description = "`conflict`: I have none, or it was changed just now", body = Problem),
    (status = 422, description = "`weak_password`", body = Problem),
    (status = 429, description = "`rate_limited`: after failures", body = Problem),
))]
pub(crate) async fn change_password(Caller(me): Caller, Json(body): Json<PasswordBody>) -> Answer<StatusCode> {
    me.change_password(body.current_password, body.new_password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send me the letter again with which I verify my address
///
/// Nothing is sent when it is verified, or when three such letters are good.
#[utoipa::path(post, path = "/me/verify-email", tag = "me", security(("bearer" = [])), responses(
    (status = 202, description = "The letter is on its way"),
))]
pub(crate) async fn verify_email(Caller(me): Caller) -> Answer<StatusCode> {
    me.ask_to_verify_email().await?;
    Ok(StatusCode::ACCEPTED)
}
