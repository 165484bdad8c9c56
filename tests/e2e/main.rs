//! The server as its users meet it, over HTTP and WebSocket only.

mod startup;

/// The program that is shipped.
const CHATD: &str = env!("CARGO_BIN_EXE_chatd-under-test");
