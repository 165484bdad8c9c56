use axum::extract::State;
use chat_proto::wire::{AcceptBody, LoginBody, Problem, RefreshBody, RegisterBody, SignedIn};
use http::StatusCode;

use super::Answer;
use crate::app::App;
use crate::extract::{Caller, From, Json};

/// Sign up as a customer
///
/// Anybody may. Nobody becomes anything but a customer this way.
#[utoipa::path(post, path = "/auth/register", tag = "auth", request_body = RegisterBody, responses(
    (status = 201, description = "Signed up and signed in", body = SignedIn),
    (status = 400, description = "`invalid`: a value has the wrong form", body = Problem),
    (status = 409, description = "`email_taken`", body = Problem),
    (status = 429, description = "`rate_limited`: too many attempts of this address", body = Problem),
))]
pub(crate) async fn register(
    State(app): State<App>,
    From(origin): From,
    Json(body): Json<RegisterBody>,
) -> Answer<(StatusCode, axum::Json<SignedIn>)> {
    app.chat.admit_sign_in(origin.address)?;
    let signed_in = app.chat.entrance(origin).register(&body.email, &body.name, body.password).await?;
    Ok((StatusCode::CREATED, axum::Json(shown(signed_in))))
}

/// Sign in
///
/// Anybody may. An unknown address and a wrong password are answered alike, after the same time.
#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = LoginBody, responses(
    (status = 200, description = "Signed in", body = SignedIn),
    (status = 401, description = "`invalid_credentials`", body = Problem),
    (status = 429, description = "`rate_limited`: too many attempts of this address", body = Problem),
    (status = 503, description = "`unavailable`: too many sign-ins at once", body = Problem),
))]
pub(crate) async fn login(
    State(app): State<App>,
    From(origin): From,
    Json(body): Json<LoginBody>,
) -> Answer<axum::Json<SignedIn>> {
    app.chat.admit_sign_in(origin.address)?;
    Ok(axum::Json(shown(app.chat.entrance(origin).login(&body.email, body.password).await?)))
}

/// Accept an invitation
///
/// Anybody who has its token may, once. Address and role are those of the invitation.
#[utoipa::path(post, path = "/auth/invitation", tag = "auth", request_body = AcceptBody, responses(
    (status = 201, description = "Signed up and signed in", body = SignedIn),
    (status = 400, description = "`invalid`: a value has the wrong form, or the token is used, taken back or over",
        body = Problem),
    (status = 409, description = "`email_taken`", body = Problem),
    (status = 429, description = "`rate_limited`: this address tried too often", body = Problem),
))]
pub(crate) async fn accept_invitation(
    State(app): State<App>,
    From(origin): From,
    Json(body): Json<AcceptBody>,
) -> Answer<(StatusCode, axum::Json<SignedIn>)> {
    app.chat.admit_sign_in(origin.address)?;
    let signed_in = app.chat.entrance(origin).accept_invitation(&body.token, &body.name, body.password).await?;
    Ok((StatusCode::CREATED, axum::Json(shown(signed_in))))
}

/// Get the next pair of tokens
///
/// The refresh token is spent by it. A session ends at once when a spent one is shown again: somebody else has it, or the
/// answer got lost.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth", request_body = RefreshBody, responses(
    (status = 200, description = "The next pair of tokens", body = SignedIn),
    (status = 401, description = "`unauthenticated`, `token_expired` or `token_revoked`: sign in again", body = Problem),
))]
pub(crate) async fn refresh(
    State(app): State<App>,
    From(origin): From,
    Json(body): Json<RefreshBody>,
) -> Answer<axum::Json<SignedIn>> {
    Ok(axum::Json(shown(app.chat.entrance(origin).refresh(&body.refresh_token).await?)))
}

/// Sign out
///
/// Ends my session: its tokens are dead at once and its sockets are closed. It works while nothing can be stored, too.
#[utoipa::path(post, path = "/auth/logout", tag = "auth", security(("bearer" = [])), responses(
    (status = 204, description = "Signed out"),
    (status = 401, description = "`unauthenticated`, `token_expired` or `token_revoked`", body = Problem),
))]
pub(crate) async fn logout(Caller(me): Caller) -> Answer<StatusCode> {
    me.log_out().await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) fn shown(signed_in: chatcore::SignedIn) -> SignedIn {
    SignedIn {
        user: signed_in.user,
        access_token: signed_in.token,
        refresh_token: signed_in.refresh_token,
        expires_in: signed_in.expires_in.as_secs(),
        token_type: "Bearer".to_owned(),
    }
}
