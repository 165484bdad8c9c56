use axum::Json as Shown;
use axum::response::{IntoResponse, Response};
use chat_proto::model::{Cursor, Page, Session, User, UserState};
use chat_proto::wire::{NewUser, PasswordReset, PatchUser, Problem};
use chat_proto::{ErrorCode, Role, UserId};
use http::{StatusCode, header};
use serde::Deserialize;

use super::{Answer, DEFAULT_ROWS};
use crate::extract::{Caller, IfMatch, Json, Path, Query};
use crate::problem::Refused;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsersQuery {
    /// Only accounts of this role.
    role: Option<Role>,
    /// Only accounts in this state. Without it all but those that were deleted.
    state: Option<UserState>,
    /// Only the account with this address, in capital letters or small ones.
    email: Option<String>,
    /// The most rows; 50 without it, never more than 200.
    limit: Option<usize>,
    /// `next_cursor` of the part before.
    cursor: Option<String>,
}

/// Accounts
///
/// Admins only. By role and name. A part may have fewer rows than asked for, and still have a
/// `next_cursor`.
#[utoipa::path(get, path = "/users", tag = "people", security(("bearer" = [])), params(UsersQuery), responses(
    (status = 200, description = "The accounts", body = Page<User>),
    (status = 400, description = "`invalid`, `invalid_cursor`", body = Problem),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
))]
pub(crate) async fn list(Caller(me): Caller, Query(query): Query<UsersQuery>) -> Answer<Shown<Page<User>>> {
    if let Some(email) = query.email {
        if query.cursor.is_some() {
            return Err(Refused::new(ErrorCode::InvalidCursor, "One account has no further part."));
        }
        return Ok(Shown(me.users_by_email(&email, query.role, query.state).await?));
    }
    let limit = query.limit.unwrap_or(DEFAULT_ROWS);
    Ok(Shown(me.users(query.role, query.state, limit, query.cursor.map(Cursor::from_text)).await?))
}

/// Make an account of any role
///
/// Admins only.
#[utoipa::path(post, path = "/users", tag = "people", security(("bearer" = [])), request_body = NewUser, responses(
    (status = 201, description = "The new account", body = User),
    (status = 400, description = "`invalid`", body = Problem),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 409, description = "`email_taken`", body = Problem),
    (status = 422, description = "`weak_password`", body = Problem),
))]
pub(crate) async fn create(Caller(me): Caller, Json(body): Json<NewUser>) -> Answer<(StatusCode, Shown<User>)> {
    let user = me.create_user(body.role, &body.email, &body.name, body.password).await?;
    Ok((StatusCode::CREATED, Shown(user)))
}

/// An account
///
/// Admins only.
#[utoipa::path(get, path = "/users/{id}", tag = "people", security(("bearer" = [])),
    params(("id" = UserId, Path, description = "The account")), responses(
    (status = 200, description = "The account; its version is the `ETag`", body = User),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn show(Caller(me): Caller, Path(id): Path<UserId>) -> Answer<Response> {
    Ok(tagged(&me.user(id).await?))
}

/// Change an account
///
/// Admins only. Another role ends its sessions.
#[utoipa::path(patch, path = "/users/{id}", tag = "people", security(("bearer" = [])),
    params(("id" = UserId, Path, description = "The account"),
        ("If-Match" = Option<String>, Header, description = "Only if it has this version: `\"v3\"`")),
    request_body = PatchUser, responses(
    (status = 200, description = "As it is now", body = User),
    (status = 400, description = "`invalid`", body = Problem),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
    (status = 409, description = "`conflict`: the last admin has to stay one", body = Problem),
    (status = 412, description = "`version_mismatch`: with `version`", body = Problem),
))]
pub(crate) async fn change(
    Caller(me): Caller,
    Path(id): Path<UserId>,
    IfMatch(version): IfMatch,
    Json(body): Json<PatchUser>,
) -> Answer<Response> {
    Ok(tagged(&me.change_user(id, body.name.as_deref(), body.role, version).await?))
}

/// Delete an account
///
/// Admins only; no key can. For good: its address can be used again, its name is "Deleted user", and nobody signs in to it any
/// more. Password, sessions, keys and letters are gone, its tokens are dead at once and its sockets are closed. What was
/// written in it stays where it is, under that name. Deleting again does nothing.
#[utoipa::path(delete, path = "/users/{id}", tag = "people", security(("bearer" = [])),
    params(("id" = UserId, Path, description = "The account"),
        ("If-Match" = Option<String>, Header, description = "Only if it has this version: `\"v3\"`")), responses(
    (status = 200, description = "What is left of it", body = User),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
    (status = 409, description = "`conflict`: it is the last admin, or a visitor who is a customer by now", body = Problem),
    (status = 412, description = "`version_mismatch`: with `version`", body = Problem),
))]
pub(crate) async fn delete(Caller(me): Caller, Path(id): Path<UserId>, IfMatch(version): IfMatch) -> Answer<Response> {
    Ok(tagged(&me.delete_user(id, version).await?))
}

/// Disable an account
///
/// Admins only. Nobody can sign in to it, its tokens are dead at once and its sockets are closed. What was written stays.
#[utoipa::path(post, path = "/users/{id}/disable", tag = "people", security(("bearer" = [])),
    params(("id" = UserId, Path, description = "The account")), responses(
    (status = 200, description = "As it is now", body = User),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
    (status = 409, description = "`conflict`: it is the last admin", body = Problem),
))]
pub(crate) async fn disable(Caller(me): Caller, Path(id): Path<UserId>) -> Answer<Response> {
    Ok(tagged(&me.disable_user(id).await?))
}

/// Enable an account again
///
/// Admins only.
#[utoipa::path(post, path = "/users/{id}/enable", tag = "people", security(("bearer" = [])),
    params(("id" = UserId, Path, description = "The account")), responses(
    (status = 200, description = "As it is now", body = User),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn enable(Caller(me): Caller, Path(id): Path<UserId>) -> Answer<Response> {
    Ok(tagged(&me.enable_user(id).await?))
}

/// Let somebody set a new password
///
/// Admins only; no key can. Whoever has the token sets it, once, within 24 hours: `POST /auth/password/reset`. Until then
/// nothing changes for them; then their sessions end. An earlier token for the same account is over.
#[utoipa::path(post, path = "/users/{id}/password-reset", tag = "people", security(("bearer" = [])),
    params(("id" = UserId, Path, description = "The account")), responses(
    (status = 201, description = "What sets the password", body = PasswordReset),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
    (status = 409, description = "`conflict`: nobody signs in to it with a password", body = Problem),
))]
pub(crate) async fn reset_password(
    Caller(me): Caller,
    Path(id): Path<UserId>,
) -> Answer<(StatusCode, Shown<PasswordReset>)> {
    let (token, expires_at) = me.allow_password_reset(id).await?;
    Ok((StatusCode::CREATED, Shown(PasswordReset { token, expires_at })))
}

/// Somebody's sessions
///
/// Admins only. The oldest first; there are at most 100.
#[utoipa::path(get, path = "/users/{id}/sessions", tag = "people", security(("bearer" = [])),
    params(("id" = UserId, Path, description = "The account")), responses(
    (status = 200, description = "Their sessions", body = Page<Session>),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn sessions(Caller(me): Caller, Path(id): Path<UserId>) -> Answer<Shown<Page<Session>>> {
    Ok(Shown(me.sessions_of(id).await?))
}

/// Sign somebody out everywhere
///
/// Admins only. Their tokens are dead at once and their sockets are closed.
#[utoipa::path(delete, path = "/users/{id}/sessions", tag = "people", security(("bearer" = [])),
    params(("id" = UserId, Path, description = "The account")), responses(
    (status = 204, description = "Their sessions have ended"),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn end_sessions(Caller(me): Caller, Path(id): Path<UserId>) -> Answer<StatusCode> {
    me.end_sessions_of(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn tagged(user: &User) -> Response {
    ([(header::ETAG, format!("\"v{}\"", user.version))], Shown(user)).into_response()
}
