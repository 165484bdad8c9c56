//! Signing up, in and out.

use axum::Json as Shown;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::response::{AppendHeaders, IntoResponse, Response};
use chat_proto::ErrorCode;
use chatcore::SignedIn;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Answer, Done, Failure, Said};
use super::caller::Caller;
use super::cookie;
use super::form::Form;
use super::shape::{Account, Around};
use crate::app::App;
use crate::extract::{From, Path};
use crate::problem::Refused;

/// Who signs up.
#[derive(ToSchema)]
#[schema(as = CompatRegister)]
#[expect(dead_code, reason = "says in the API document what is read field by field")]
pub(crate) struct Register {
    email: String,
    name: String,
    /// 8 to 256 bytes.
    password: String,
    /// Without effect: who signs up is a customer.
    role: Option<String>,
}

/// Who signs in.
#[derive(ToSchema)]
#[schema(as = CompatLogin)]
#[expect(dead_code, reason = "says in the API document what is read field by field")]
pub(crate) struct Login {
    email: String,
    password: String,
}

/// Somebody who is signed in.
#[derive(Serialize, ToSchema)]
#[schema(as = CompatSignedIn)]
pub(crate) struct Entered {
    /// `success`
    status: &'static str,
    /// Good until the session ends. Also in the cookie `jwt`.
    token: String,
    data: Account,
}

/// My account, in the odd envelope that this route had.
#[derive(Serialize, ToSchema)]
#[schema(as = CompatProfile)]
pub(crate) struct Profile {
    /// `success`
    success: &'static str,
    /// `success`
    status: &'static str,
    data: Account,
}

/// Whose token it is.
#[derive(Serialize, ToSchema)]
#[schema(as = CompatTokenOwner)]
pub(crate) struct Owner {
    user: Account,
}

/// Sign up as a customer
///
/// Anybody may. Nobody becomes anything but a customer this way, whatever `role` says.
#[utoipa::path(post, path = "/auth/register", tag = "compat", request_body = Register, responses(
    (status = 201, description = "Signed up and signed in; sets the cookie `jwt`", body = Entered),
    (status = 400, description = "`invalid`: a value is missing or has the wrong form", body = Failure),
    (status = 409, description = "`email_taken`", body = Failure),
    (status = 422, description = "`weak_password`", body = Failure),
    (status = 429, description = "`rate_limited`: too many attempts of this address", body = Failure),
))]
pub(crate) async fn register(State(app): State<App>, From(origin): From, mut form: Form) -> Result<Response, Refused> {
    let name = form.text("name", "Please enter your name.")?;
    let (email, password) = credentials(&mut form)?;
    app.chat.admit_sign_in(origin.address)?;
    let entrance = app.chat.entrance(origin).with_lasting_tokens();
    entered(&app, StatusCode::CREATED, &entrance.register(&email, &name, password).await?).await
}

/// Sign in
///
/// Anybody may. An unknown address, a disabled account and a wrong password are answered alike, after the same time. After
/// some failures there is a wait, which grows.
#[utoipa::path(post, path = "/auth/login", tag = "compat", request_body = Login, responses(
    (status = 200, description = "Signed in; sets the cookie `jwt`", body = Entered),
    (status = 400, description = "`invalid`: a value is missing or has the wrong form", body = Failure),
    (status = 401, description = "`invalid_credentials`", body = Failure),
    (status = 429, description = "`rate_limited`: too many attempts of this address", body = Failure),
    (status = 503, description = "`unavailable`: too many sign-ins at once", body = Failure),
))]
pub(crate) async fn login(State(app): State<App>, From(origin): From, mut form: Form) -> Result<Response, Refused> {
    let (email, password) = credentials(&mut form)?;
    app.chat.admit_sign_in(origin.address)?;
    let entrance = app.chat.entrance(origin).with_lasting_tokens();
    entered(&app, StatusCode::OK, &entrance.login(&email, password).await?).await
}

/// My account
#[utoipa::path(get, path = "/auth/profile", tag = "compat", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "My account", body = Profile),
))]
pub(crate) async fn profile(Caller(me): Caller) -> Answer<Profile> {
    let user = me.me().await?;
    let data = Account::mine(&user, &me, &Around::of(user.id, &[])).await;
    Ok(Shown(Profile { success: "success", status: "success", data }))
}

/// Sign out
///
/// Ends my session: its token is dead at once and its sockets are closed. A session that had ended already is no error.
#[utoipa::path(post, path = "/auth/logout", tag = "compat", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "Signed out; takes the cookie `jwt` away", body = Said),
))]
pub(crate) async fn logout(State(app): State<App>, caller: Result<Caller, Refused>) -> Result<Response, Refused> {
    let ended = match caller {
        Ok(Caller(me)) => me.log_out().await.map_err(Refused::from),
        Err(refused) => Err(refused),
    };
    match ended {
        Err(refused) if !matches!(refused.code, ErrorCode::TokenExpired | ErrorCode::TokenRevoked) => Err(refused),
        _ => {
            Ok((AppendHeaders([(SET_COOKIE, cookie::clear(&app)?)]), Shown(Said::that("Signed out."))).into_response())
        }
    }
}

/// Sign out, as the old front ends ask for it
///
/// The same as by POST.
#[utoipa::path(get, path = "/auth/logout", tag = "compat", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "Signed out; takes the cookie `jwt` away", body = Said),
))]
pub(crate) async fn logout_by_get(app: State<App>, caller: Result<Caller, Refused>) -> Result<Response, Refused> {
    logout(app, caller).await
}

/// Whose token this is
///
/// For a front end's own server, which asks before it shows a page. New programs ask for `/auth/profile` instead: what
/// stands in an address is written into the logs of proxies, though not into this server's. Keys are not taken here.
#[utoipa::path(get, path = "/auth/middleware/{token}", tag = "compat",
    params(("token" = String, Path, description = "The token")), responses(
    (status = 200, description = "Its owner", body = Done<Owner>),
    (status = 401, description = "`unauthenticated`, `token_expired` or `token_revoked`", body = Failure),
))]
pub(crate) async fn check(
    State(app): State<App>,
    From(origin): From,
    Path(token): Path<String>,
) -> Answer<Done<Owner>> {
    let me = app.chat.authenticate(&token)?.coming_from(origin);
    let user = me.me().await?;
    Ok(Shown(Done::of(Owner { user: Account::mine(&user, &me, &Around::of(user.id, &[])).await })))
}

fn credentials(form: &mut Form) -> Result<(String, String), Refused> {
    let email = form.text("email", "Please enter your e-mail address.")?;
    Ok((email, form.text("password", "Please enter your password.")?))
}

async fn entered(app: &App, status: StatusCode, signed_in: &SignedIn) -> Result<Response, Refused> {
    let cookie = cookie::set(app, &signed_in.token, signed_in.expires_in)?;
    let (user, me) = (&signed_in.user, app.chat.authenticate(&signed_in.token)?);
    let data = Account::mine(user, &me, &Around::of(user.id, &[])).await;
    let body = Entered { status: "success", token: signed_in.token.clone(), data };
    Ok((status, AppendHeaders([(SET_COOKIE, cookie)]), Shown(body)).into_response())
}
