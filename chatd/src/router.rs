//! All routes, on one screen.

use axum::middleware::from_fn_with_state;
use axum::response::Html;
use axum::routing::get;
use axum::{Extension, Router};
use chatcore::Chat;
use http::{HeaderName, HeaderValue, Method, header};
use serde_json::Value;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, RouterConfig};
use crate::compat::socket;
use crate::extract::Most;
#[cfg(feature = "push")]
use crate::rest::push;
#[cfg(feature = "webhooks")]
use crate::rest::webhooks;
use crate::rest::{
    api_keys, attachments, audit_log, auth, avatars, conversations, directory, events, file, invitations, me, message,
    messages, notifications, participants, policy, probes, server, sessions, stats, unsubscribe, users, visitor,
};
use crate::{account_page, compat, conversation_page, docs_page, edge, letter_pages, openapi, ws};

/// The whole server as a router: mount it under the root of a host, by itself or beside other routes.
///
/// The sockets' tasks run on `config.tasks` and end within `config.drain_spread` when `config.drain` is cancelled; no HTTP
/// server's own shutdown waits for them. Event streams and waiting polls end in the same way; a peer that takes nothing of
/// a stream is for the HTTP server to close, as [`listener`](crate::listener) does.
pub fn router(chat: &Chat, config: RouterConfig) -> Router {
    routes(App::new(chat.clone(), config))
}

/// The same, over what is shared already.
pub(crate) fn routes(app: App) -> Router {
    let (api, document) = api(app.config.compat.is_some()).split_for_parts();
    let json = openapi::json(&document);
    let page = docs_page::render(&json);
    let json = json.to_string();
    let socket = if app.config.compat.is_some() { socket::routes(&app) } else { Router::new() };
    let pages = if app.config.account_page { own_pages() } else { Router::new() };
    Router::new()
        .merge(api)
        .merge(socket)
        .route("/api/v1/ws", get(ws::upgrade))
        .route("/api/v1/openapi.json", get(|| async { ([(header::CONTENT_TYPE, "application/json")], json) }))
        .route("/api/docs", get(|| async { (page_headers(), Html(page)) }))
        .route("/api/docs.css", get(|| async { ([(header::CONTENT_TYPE, "text/css")], docs_page::STYLE) }))
        .merge(pages)
        .route(unsubscribe::PATH, get(unsubscribe::ask).post(unsubscribe::end))
        .fallback(edge::no_such_path)
        .method_not_allowed_fallback(edge::wrong_method)
        .layer(from_fn_with_state(app.clone(), edge::admit))
        .layer(cors(&app))
        .layer(from_fn_with_state(app.clone(), edge::edge))
        .with_state(app)
}

/// The pages for people that a shop can do without.
fn own_pages() -> Router<App> {
    account_page::routes().merge(letter_pages::routes()).merge(conversation_page::routes())
}

/// The largest body of those who sign in or up, bytes: a password has at most 256, and each attempt may cost a hash.
const AUTH_BODY_BYTES: usize = 4 << 10;

/// The same of those for whom somebody else's token speaks.
const IDENTITY_BODY_BYTES: usize = 16 << 10;

/// The part that the API document describes.
fn api(compat: bool) -> OpenApiRouter<App> {
    let auth = OpenApiRouter::new()
        .routes(routes!(auth::register))
        .routes(routes!(auth::login))
        .routes(routes!(auth::accept_invitation))
        .routes(routes!(auth::forgot_password))
        .routes(routes!(auth::reset_password))
        .routes(routes!(auth::verify_email))
        .routes(routes!(auth::refresh))
        .routes(routes!(auth::logout))
        .routes(routes!(auth::ws_ticket))
        .layer(Extension(Most(AUTH_BODY_BYTES)));
    let visitors = OpenApiRouter::new()
        .routes(routes!(visitor::admit))
        .routes(routes!(visitor::identity))
        .routes(routes!(visitor::claim))
        .layer(Extension(Most(IDENTITY_BODY_BYTES)));
    let v1 = OpenApiRouter::new()
        .merge(auth)
        .merge(visitors)
        .routes(routes!(me::show, me::change))
        .routes(routes!(me::change_password))
        .routes(routes!(avatars::set, avatars::remove))
        .routes(routes!(avatars::show))
        .routes(routes!(avatars::link))
        .routes(routes!(me::verify_email))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::show, users::change, users::delete))
        .routes(routes!(users::disable))
        .routes(routes!(users::enable))
        .routes(routes!(users::reset_password))
        .routes(routes!(users::sessions, users::end_sessions))
        .routes(routes!(invitations::list, invitations::create))
        .routes(routes!(invitations::take_back))
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::revoke))
        .routes(routes!(audit_log::list))
        .routes(routes!(directory::list))
        .routes(routes!(policy::show))
        .routes(routes!(conversations::list, conversations::create))
        .routes(routes!(conversations::show))
        .routes(routes!(conversations::typing))
        .routes(routes!(participants::add))
        .routes(routes!(participants::remove))
        .routes(routes!(messages::list, messages::send))
        .routes(routes!(message::edit, message::delete))
        .routes(routes!(message::history))
        .routes(routes!(message::react, message::unreact))
        .routes(routes!(messages::read))
        .routes(routes!(messages::unread))
        .routes(routes!(messages::delivered))
        .routes(routes!(attachments::upload))
        .routes(routes!(file::download, attachments::delete))
        .routes(routes!(file::thumbnail))
        .routes(routes!(attachments::link))
        .routes(routes!(notifications::show, notifications::change))
        .routes(routes!(notifications::muted))
        .routes(routes!(notifications::mute, notifications::unmute))
        .routes(routes!(notifications::undelivered))
        .routes(routes!(notifications::retry))
        .routes(routes!(events::list))
        .routes(routes!(events::stream))
        .routes(routes!(stats::overview))
        .routes(routes!(server::show));
    #[cfg(feature = "push")]
    let v1 = v1.routes(routes!(push::list, push::subscribe)).routes(routes!(push::unsubscribe));
    #[cfg(feature = "webhooks")]
    let v1 = v1
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::show, webhooks::change, webhooks::delete))
        .routes(routes!(webhooks::secret))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::replay));
    let api = OpenApiRouter::with_openapi(openapi::base()).nest("/api/v1", v1);
    let api = api.routes(routes!(probes::livez)).routes(routes!(probes::readyz));
    if compat { api.nest("/api", compat::routes(AUTH_BODY_BYTES)).merge(compat::uploads::routes()) } else { api }
}

/// The API document, as it is served.
#[must_use]
pub fn document() -> Value {
    openapi::json(&api(true).into_openapi())
}

fn cors(app: &App) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(app.config.allowed_origins.iter().cloned()))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            header::IF_RANGE,
            header::RANGE,
            HeaderName::from_static("content-digest"),
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("x-request-id"),
        ])
        .expose_headers([
            header::ETAG,
            header::RETRY_AFTER,
            header::CONTENT_DISPOSITION,
            header::CONTENT_RANGE,
            HeaderName::from_static("x-request-id"),
        ])
}

/// The page holds no script and loads nothing but its own style sheet.
fn page_headers() -> [(HeaderName, HeaderValue); 1] {
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    [(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))]
}
