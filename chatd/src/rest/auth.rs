use axum::extract::State;
use chat_proto::wire::{LoginBody, Problem, RegisterBody, SignedIn};
use http::StatusCode;

use super::Answer;
use crate::app::App;
use crate::client_address::ClientAddress;
use crate::extract::{Caller, Json};

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
    from: ClientAddress,
    Json(body): Json<RegisterBody>,
) -> Answer<(StatusCode, axum::Json<SignedIn>)> {
    app.chat.admit_sign_in(from.ip())?;
    let signed_in = app.chat.register(&body.email, &body.name, body.password).await?;
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
    from: ClientAddress,
    Json(body): Json<LoginBody>,
) -> Answer<axum::Json<SignedIn>> {
    app.chat.admit_sign_in(from.ip())?;
    Ok(axum::Json(shown(app.chat.login(&body.email, body.password).await?)))
}

/// Sign out
///
/// Ends my session: its token is dead at once and its sockets are closed.
#[utoipa::path(post, path = "/auth/logout", tag = "auth", security(("bearer" = [])), responses(
    (status = 204, description = "Signed out"),
    (status = 401, description = "`unauthenticated`, `token_expired` or `token_revoked`", body = Problem),
))]
pub(crate) async fn logout(Caller(me): Caller) -> Answer<StatusCode> {
    me.log_out().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(signed_in: chatcore::SignedIn) -> SignedIn {
    SignedIn {
        user: signed_in.user,
        access_token: signed_in.token,
        expires_in: signed_in.expires_in.as_secs(),
        token_type: "Bearer".to_owned(),
    }
}
