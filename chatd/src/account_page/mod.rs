//! The page on which people set what they are told and their picture, and see their devices: `/account`.

use axum::Router;

use crate::app::App;
use crate::page_files::{self, HTML, PageFile, SCRIPT, STYLE};

const PAGE: &str = include_str!("account.html");

/// The service worker (`sw`) shows pushes while no page is open; where it lies is its scope.
const FILES: [PageFile; 15] = [
    ("/account", HTML, PAGE),
    ("/account/", HTML, PAGE),
    ("/account/account.css", STYLE, include_str!("account.css")),
    ("/account/icon.svg", "image/svg+xml", include_str!("icon.svg")),
    ("/account/account.js", SCRIPT, include_str!("account.js")),
    ("/account/address.js", SCRIPT, include_str!("address.js")),
    ("/account/entrance.js", SCRIPT, include_str!("entrance.js")),
    ("/account/muted.js", SCRIPT, include_str!("muted.js")),
    ("/account/parts.js", SCRIPT, include_str!("parts.js")),
    ("/account/picture.js", SCRIPT, include_str!("picture.js")),
    ("/account/push.js", SCRIPT, include_str!("push.js")),
    ("/account/server.js", SCRIPT, include_str!("server.js")),
    ("/account/sessions.js", SCRIPT, include_str!("sessions.js")),
    ("/account/sw.js", SCRIPT, include_str!("sw.js")),
    ("/account/wishes.js", SCRIPT, include_str!("wishes.js")),
];

/// The page and what belongs to it.
pub(crate) fn routes() -> Router<App> {
    page_files::routes(&FILES)
}
