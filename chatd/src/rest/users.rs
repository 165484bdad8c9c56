use axum::Json as Shown;
use chat_proto::model::User;
use chat_proto::wire::{NewUser, Problem};
use http::StatusCode;

use super::Answer;
use crate::extract::{Caller, Json};

/// Make an account of any role
///
/// Admins only.
#[utoipa::path(post, path = "/users", tag = "people", security(("bearer" = [])), request_body = NewUser, responses(
    (status = 201, description = "The new account", body = User),
    (status = 400, description = "`invalid`", body = Problem),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 409, description = "`email_taken`", body = Problem),
))]
pub(crate) async fn create(Caller(me): Caller, Json(body): Json<NewUser>) -> Answer<(StatusCode, Shown<User>)> {
    let user = me.create_user(body.role, &body.email, &body.name, body.password).await?;
    Ok((StatusCode::CREATED, Shown(user)))
}
