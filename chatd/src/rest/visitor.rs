use axum::Json as Shown;
use axum::extract::State;
use chat_proto::ErrorCode;
use chat_proto::wire::{ClaimVisitorBody, IdentityBody, Problem, SignedIn, VisitorBody};
use http::{HeaderMap, StatusCode, header};

use super::{Answer, auth};
use crate::app::App;
use crate::extract::{Caller, From, Json};
use crate::problem::Refused;

/// Come as a visitor
///
/// Anybody on a page of the site may: the account is a customer's, and nobody knows whose. Call it when the visitor opens
/// the chat or says something, not when a page is looked at. Whoever is in no conversation is forgotten after a day, the
/// others when their session was not renewed for as long as sessions last.
#[utoipa::path(post, path = "/auth/visitor", tag = "auth", request_body = VisitorBody, responses(
    (status = 201, description = "A visitor, signed in", body = SignedIn),
    (status = 400, description = "`invalid`: there is no such site", body = Problem),
    (status = 403, description = "`forbidden`: the page is not one of the site's", body = Problem),
    (status = 429, description = "`rate_limited`: too many attempts of this address", body = Problem),
))]
pub(crate) async fn admit(
    State(app): State<App>,
    From(origin): From,
    headers: HeaderMap,
    Json(body): Json<VisitorBody>,
) -> Answer<(StatusCode, Shown<SignedIn>)> {
    app.chat.admit_sign_in(origin.address)?;
    page_of_site(&app, Some(&body.site_key), &headers)?;
    let signed_in = app.chat.entrance(origin).admit_visitor(&body.site_key).await?;
    Ok((StatusCode::CREATED, Shown(auth::shown(signed_in))))
}

/// Sign in by the shop's word
///
/// Whoever holds a token that the shop's backend has signed for them: a JWT by one of the site's keys, with `sub`, `aud`,
/// `iat` and `exp`, no more than ten minutes apart, and `name`, `email` and `jti` if it likes. It can be used once. The
/// customer is found by site and `sub`, or made known; name and address are shown as the shop gives them, and the account
/// is `verified`.
#[utoipa::path(post, path = "/auth/identity", tag = "auth", request_body = IdentityBody, responses(
    (status = 200, description = "Signed in", body = SignedIn),
    (status = 400, description = "`invalid`: no such site, a malformed claim, or no visitor's token", body = Problem),
    (status = 401, description = "`unauthenticated`: not a good token; `token_expired`; `token_revoked`: it was used \
        before; `invalid_credentials`: the account is disabled", body = Problem),
    (status = 403, description = "`forbidden`: the page is not one of the site's", body = Problem),
    (status = 429, description = "`rate_limited`: too many attempts of this address", body = Problem),
))]
pub(crate) async fn identity(
    State(app): State<App>,
    From(origin): From,
    headers: HeaderMap,
    Json(body): Json<IdentityBody>,
) -> Answer<Shown<SignedIn>> {
    let site_key = body.site_key.as_deref();
    app.chat.admit_sign_in(origin.address)?;
    page_of_site(&app, site_key, &headers)?;
    let signed_in =
        app.chat.entrance(origin).sign_in_identity(site_key, &body.token, body.visitor_token.as_deref()).await?;
    Ok(Shown(auth::shown(signed_in)))
}

/// Claim the visitor that I was
///
/// Customers who were a visitor before they signed in, and can prove it by the visitor's access or refresh token. The visitor's
/// conversations go over to me, what the visitor wrote is mine, and the visitor's session ends. Again does nothing.
#[utoipa::path(post, path = "/me/visitors", tag = "me", security(("bearer" = [])), request_body = ClaimVisitorBody,
responses(
    (status = 204, description = "Mine now"),
    (status = 400, description = "`invalid`: not a visitor's token, or the visitor's session is over", body = Problem),
    (status = 403, description = "`forbidden`: not a customer", body = Problem),
    (status = 409, description = "`conflict`: I am a visitor myself", body = Problem),
))]
pub(crate) async fn claim(Caller(me): Caller, Json(body): Json<ClaimVisitorBody>) -> Answer<StatusCode> {
    me.claim_visitor(&body.visitor_token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A browser says which page it is: only pages of the site may use its key. Other programs say nothing.
fn page_of_site(app: &App, site_key: Option<&str>, headers: &HeaderMap) -> Result<(), Refused> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let site = match (site_key, app.chat.sites()) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(key), _) => app.chat.site(key),
    };
    match site {
        Some(site) if !origin.to_str().is_ok_and(|origin| site.has_origin(origin)) => {
            Err(Refused::new(ErrorCode::Forbidden, "This page is not one of the site's."))
        }
        // That there is no such site is said by whoever needs it.
        _ => Ok(()),
    }
}
