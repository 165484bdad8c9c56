//! The server's own pages for people: plain files, embedded as they are.
//!
//! They use nothing but the public API, with a token that they get as any client does: there is no cookie, so no other
//! page can act for somebody who is signed in on one of them.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, header};

use crate::app::App;

/// Nothing inline, nothing of another host, no frame around it. Their forms are sent by their scripts alone.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; worker-src 'self'; \
     img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const SCRIPT: &str = "text/javascript; charset=utf-8";
pub(crate) const STYLE: &str = "text/css; charset=utf-8";

/// Path, kind, content.
pub(crate) type PageFile = (&'static str, &'static str, &'static str);

/// A page and what belongs to it; none of it is part of the API.
pub(crate) fn routes(files: &[PageFile]) -> Router<App> {
    files.iter().fold(Router::new(), |router, &(path, kind, content)| {
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
