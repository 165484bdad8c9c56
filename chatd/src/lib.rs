//! The chat server: HTTP and WebSocket over the engine.
//!
//! A thin `main` reads the configuration ([`config`]), builds the engine and the router, and hands both to the accept
//! loop ([`listener`]). Everything in between is a library, so that another program can mount the router itself.

pub mod config;
pub mod docs_page;
pub mod listener;
