//! The page to which mails and pushes about messages lead: `/c/CONVERSATION`.
//!
//! Which conversation it is, the page reads in its own address; whether there is one, it asks the API as whoever is signed
//! in. So the page itself is the same for all addresses, and tells nobody anything.

use axum::Router;

use crate::app::App;
use crate::page_files::{self, HTML, PageFile, SCRIPT, STYLE};

const FILES: [PageFile; 9] = [
    ("/c/{id}", HTML, include_str!("conversation.html")),
    ("/account/conversation/conversation.css", STYLE, include_str!("conversation.css")),
    ("/account/conversation/conversation.js", SCRIPT, include_str!("conversation.js")),
    ("/account/conversation/files.js", SCRIPT, include_str!("files.js")),
    ("/account/conversation/live.js", SCRIPT, include_str!("live.js")),
    ("/account/conversation/message.js", SCRIPT, include_str!("message.js")),
    ("/account/conversation/reply.js", SCRIPT, include_str!("reply.js")),
    ("/account/conversation/seen.js", SCRIPT, include_str!("seen.js")),
    ("/account/conversation/timeline.js", SCRIPT, include_str!("timeline.js")),
];

/// The page and what belongs to it; how one signs in on it, and what it asks the server with, is of the account page.
pub(crate) fn routes() -> Router<App> {
    page_files::routes(&FILES)
}
