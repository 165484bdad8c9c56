use axum::extract::State;
use chat_proto::wire::{
    AcceptBody, ForgotBody, LoginBody, Problem, RefreshBody, RegisterBody, ResetBody, SignedIn, VerifyBody, WsTicket,
};
use http::StatusCode;

use super::Answer;
use crate::app::App;
use crate::extract::{Caller, From, Json};
use crate::tickets;

/// Sign up as a customer
///
/// Anybody may. Nobody becomes anything but a customer this way.
#[utoipa::path(post, path = "/auth/register", tag = "auth", request_body = RegisterBody, responses(
    (status = 201, description = "Signed up and signed in", body = SignedIn),
    (status = 400, description = "`invalid`: a value has the wrong form", body = Problem),
    (status = 409, description = "`email_taken`", body = Problem),
    (status = 422, description = "`weak_password`", body = Problem),
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
/// Anybody may. An unknown address, a disabled account and a wrong password are answered alike, after the same time. After
/// some failures there is a wait, which grows.
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
    (status = 422, description = "`weak_password`", body = Problem),
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

/// Forgot my password
///
/// Sends a letter with a link, good for one hour, if there is an account of this address. The answer is the same either
/// way.
#[utoipa::path(post, path = "/auth/password/forgot", tag = "auth", request_body = ForgotBody, responses(
    (status = 202, description = "If there is such an account, a letter is on its way"),
    (status = 429, description = "`rate_limited`: this address tried too often", body = Problem),
))]
pub(crate) async fn forgot_password(
    State(app): State<App>,
    From(origin): From,
    Json(body): Json<ForgotBody>,
) -> Answer<StatusCode> {
    app.chat.admit_sign_in(origin.address)?;
    app.chat.entrance(origin).forgot_password(&body.email).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Set a new password
///
/// With the token of such a letter, once. All sessions of the account end.
#[utoipa::path(post, path = "/auth/password/reset", tag = "auth", request_body = ResetBody, responses(
    (status = 204, description = "Set; sign in with it"),
    (status = 400, description = "`invalid`: the token was used or is over, or the password has the wrong length",
        body = Problem),
    (status = 403, description = "`forbidden`: the account is disabled", body = Problem),
    (status = 422, description = "`weak_password`", body = Problem),
    (status = 429, description = "`rate_limited`: this address tried too often", body = Problem),
))]
pub(crate) async fn reset_password(
    State(app): State<App>,
    From(origin): From,
    Json(body): Json<ResetBody>,
) -> Answer<StatusCode> {
    app.chat.admit_sign_in(origin.address)?;
    app.chat.entrance(origin).reset_password(&body.token, body.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Verify an address
///
/// With the token of the letter that was sent there, once, within 24 hours.
#[utoipa::path(post, path = "/auth/verify-email", tag = "auth", request_body = VerifyBody, responses(
    (status = 204, description = "Verified"),
    (status = 400, description = "`invalid`: the token was used or is over", body = Problem),
    (status = 403, description = "`forbidden`: the account is disabled", body = Problem),
    (status = 429, description = "`rate_limited`: this address tried too often", body = Problem),
))]
pub(crate) async fn verify_email(
    State(app): State<App>,
    From(origin): From,
    Json(body): Json<VerifyBody>,
) -> Answer<StatusCode> {
    app.chat.admit_sign_in(origin.address)?;
    app.chat.entrance(origin).verify_email(&body.token).await?;
    Ok(StatusCode::NO_CONTENT)
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

/// Get a ticket for a WebSocket
///
/// Stands for my access token in one `hello`, within 30 seconds, so that the token itself need not be at hand where the
/// socket is opened. Tickets are forgotten when the server starts anew.
#[utoipa::path(post, path = "/auth/ws-ticket", tag = "auth", security(("bearer" = [])), responses(
    (status = 201, description = "A ticket", body = WsTicket),
    (status = 401, description = "`unauthenticated`, `token_expired` or `token_revoked`", body = Problem),
    (status = 429, description = "`rate_limited`: 40 in 30 seconds are enough for anybody", body = Problem),
    (status = 503, description = "`unavailable`: too many are being made", body = Problem),
))]
pub(crate) async fn ws_ticket(
    State(app): State<App>,
    Caller(me): Caller,
) -> Answer<(StatusCode, axum::Json<WsTicket>)> {
    // Whether the session still stands is asked again when the ticket is shown.
    me.me().await?;
    let ticket = app.tickets.make(me, app.chat.now(), &*app.entropy)?;
    Ok((StatusCode::CREATED, axum::Json(WsTicket { ticket, expires_in: tickets::LIFE.as_secs() })))
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
