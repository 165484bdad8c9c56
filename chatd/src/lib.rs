//! The chat server: HTTP and WebSocket over the engine.
//!
//! A thin `main` reads the configuration ([`config`]), opens the engine and hands the [`router()`] to the accept loop
//! ([`listener`]); [`serve()`] does the last part. Everything is a library, so that another program can mount the
//! router itself.

mod account_page;
mod app;
mod attachments;
mod body;
mod client_address;
pub mod command;
mod compat;
pub mod config;
mod conversation_page;
mod demo;
mod demo_mail;
pub mod docs_page;
mod edge;
mod extract;
mod letter_pages;
pub mod listener;
mod live;
mod mail;
mod openapi;
mod page_files;
mod pages;
mod problem;
mod rest;
mod router;
mod serve;
mod tally;
mod tickets;
mod upload;
mod ws;

pub use app::{CompatConfig, RouterConfig};
pub use client_address::{ClientAddress, TrustedProxies};
pub use demo::{Demo, seed as seed_demo};
pub use router::{document, router};
pub use serve::serve;

/// Webhooks that are told `ev` frames, for [`ChatBuilder::webhooks`](chatcore::ChatBuilder::webhooks).
#[cfg(feature = "webhooks")]
#[must_use]
pub fn webhook_options() -> chatcore::WebhookOptions {
    chatcore::WebhookOptions::new(live::encode::unnumbered)
}
