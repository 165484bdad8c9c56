//! The pages to which the links in letters lead: set a new password, verify an address, accept an invitation.
//!
//! Looking at one spends nothing: what follows links before people do (virus scanners, previews) presses no button. The
//! token stands behind the `#` of the address, where no server sees it.

use axum::Router;

use crate::app::App;
use crate::page_files::{self, HTML, PageFile, SCRIPT};

const FILES: [PageFile; 8] = [
    ("/reset-password", HTML, include_str!("reset-password.html")),
    ("/verify-email", HTML, include_str!("verify-email.html")),
    ("/accept-invitation", HTML, include_str!("accept-invitation.html")),
    ("/account/letters/accept.js", SCRIPT, include_str!("accept.js")),
    ("/account/letters/letter.js", SCRIPT, include_str!("letter.js")),
    ("/account/letters/password.js", SCRIPT, include_str!("password.js")),
    ("/account/letters/reset.js", SCRIPT, include_str!("reset.js")),
    ("/account/letters/verify.js", SCRIPT, include_str!("verify.js")),
];

/// The pages and what belongs to them; their style and what they ask the server with are those of the account page.
pub(crate) fn routes() -> Router<App> {
    page_files::routes(&FILES)
}
