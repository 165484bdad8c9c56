//! Who asks in the dialect of the replaced backend: by a bearer token, or by the cookie `jwt`.
//!
//! A browser sends the cookie along with whatever any page asks for, so a request that has nothing but the cookie has to
//! come from a page of the shop's, whatever its method: some of the old GET routes change something.

use axum::extract::FromRequestParts;
use chat_proto::ErrorCode;
use chatcore::{Actor, Origin};
use http::request::Parts;
use http::{HeaderMap, header};

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::extract;
use crate::pages::Page;
use crate::problem::Refused;

/// The cookie that holds the token.
pub(crate) const COOKIE: &str = "jwt";

/// Who asks.
pub(crate) struct Caller(pub(crate) Actor);

impl FromRequestParts<App> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let address = parts.extensions.get::<ClientAddress>().copied().unwrap_or_default();
        let token = token_of(app, &parts.headers, address)?.ok_or_else(nobody)?;
        actor(app, token, extract::origin(parts)).await.map(Self)
    }
}

/// Who a token speaks for: one that this dialect gave out, or any other of this server's. Whether its session still stands
/// is asked again by everything that is done with it.
pub(crate) async fn actor(app: &App, token: &str, from: Origin) -> Result<Actor, Refused> {
    Ok(app.chat.recognise(token.trim()).await?.coming_from(from))
}

/// The token that comes with a request (also with the one that opens a socket). `None`: it has none.
///
/// # Errors
/// `forbidden` when it is the cookie's, and the request comes from a page that is not the shop's.
pub(crate) fn token_of<'a>(
    app: &App,
    headers: &'a HeaderMap,
    address: ClientAddress,
) -> Result<Option<&'a str>, Refused> {
    // Of another scheme it is for a proxy in front, which asks for a password of its own.
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some((scheme, token)) = authorization.and_then(|value| value.split_once(' '))
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return Ok(Some(token));
    }
    let Some(token) = cookie(headers) else { return Ok(None) };
    if !is_of_the_shop(app, headers, address) {
        return Err(Refused::new(ErrorCode::Forbidden, "This page may not act for you here."));
    }
    Ok(Some(token))
}

/// What whoever has no token is told.
pub(crate) fn nobody() -> Refused {
    Refused::new(ErrorCode::Unauthenticated, "Please sign in.")
}

/// The token in the cookie, when there is one.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let token = pairs.find(|(name, _)| *name == COOKIE).map(|(_, token)| token.trim_matches('"'));
    token.filter(|token| !token.is_empty())
}

/// Whether a browser says that one of the shop's pages asks, or nothing that speaks against it. Programs that are no
/// browser send neither header, and nobody makes them ask for something.
fn is_of_the_shop(app: &App, headers: &HeaderMap, address: ClientAddress) -> bool {
    match Page::of(&app.config, headers, address) {
        Page::OfTheShop => true,
        Page::Foreign => false,
        // Without an origin browsers ask for pictures and the like, and go where links lead.
        Page::Unnamed => match headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes) {
            None | Some(b"same-origin" | b"none") => true,
            Some(_) => false,
        },
    }
}
