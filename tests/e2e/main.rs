//! The server as its users meet it, over HTTP and WebSocket only.

mod access;
mod account_page;
mod api_keys;
mod attachments;
mod audit_log;
mod avatars;
mod bad_input;
mod chaos;
mod compat;
mod crash;
mod decoders;
mod deletion;
mod drain;
mod event_stream;
mod floods;
mod holes;
mod https;
mod identity;
mod limits;
mod log_secrets;
mod long_poll;
mod mail;
mod messages;
mod notifications;
mod openapi;
mod passwords;
mod presence;
mod push;
mod renewal;
mod resets;
mod sessions;
mod slow_readers;
mod socket_io;
mod staff;
mod startup;
mod statistics;
mod strangers;
mod talk;
mod traffic;
mod tree;
mod typed_client;
mod visitors;
mod watching;
mod webhooks;

/// The program that is shipped.
const CHATD: &str = env!("CARGO_BIN_EXE_chatd-under-test");
