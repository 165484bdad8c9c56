//! The page on which people set what they are told, and see their devices: `/account`.
//!
//! Plain files, embedded as they are. The page uses nothing but the public API, with a token that it gets as any client
//! does: there is no cookie, so no other page can act for somebody who is signed in on it.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, header};

use crate::app::App;

/// Nothing inline, nothing of another host, no frame around it. Its forms are sent by its script alone.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; worker-src 'self'; \
     img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PAGE: &str = include_str!("account.html");

/// Path, kind, content. The service worker (`sw`) shows pushes while no page is open; where it lies is its scope.
const FILES: [(&str, &str, &str); 12] = [
    ("/account", HTML, PAGE),
    ("/account/", HTML, PAGE),
    ("/account/account.css", "text/css; charset=utf-8", include_str!("account.css")),
    ("/account/icon.svg", "image/svg+xml", include_str!("icon.svg")),
    ("/account/account.js", SCRIPT, include_str!("account.js")),
    ("/account/muted.js", SCRIPT, include_str!("muted.js")),
    ("/account/parts.js", SCRIPT, include_str!("parts.js")),
    ("/account/push.js", SCRIPT, include_str!("push.js")),
    ("/account/server.js", SCRIPT, include_str!("server.js")),
    ("/account/sessions.js", SCRIPT, include_str!("sessions.js")),
    ("/account/sw.js", SCRIPT, include_str!("sw.js")),
    ("/account/wishes.js", SCRIPT, include_str!("wishes.js")),
];

/// The page and what belongs to it; none of it is part of the API.
pub(crate) fn routes() -> Router<App> {
    FILES.into_iter().fold(Router::new(), |router, (path, kind, content)| {
        router.route(path, get(move || async move { file(kind, content) }))
    })
}

fn file(kind: &'static str, content: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    (headers, content).into_response()
}
