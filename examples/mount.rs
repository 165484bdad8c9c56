//! The chat server as a part of a web program of one's own.
//!
//! ```text
//! cargo run --release -p chat-examples --example mount
//! curl http://127.0.0.1:8080/        # the shop
//! curl http://127.0.0.1:8080/readyz  # the chat
//! ```

use std::time::Duration;

use axum::{Router, routing::get};
use chatcore::Chat;
use chatd::RouterConfig;
use tokio::{net::TcpListener, signal};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let chat = Chat::in_memory().await?; // Chat::open("./chat-data") keeps it
    let config = RouterConfig::default();
    let (drain, sockets) = (config.drain.clone(), config.tasks.clone());
    let app = Router::new().route("/", get(|| async { "Welcome to the shop.\n" })).merge(chatd::router(&chat, config));

    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    let stop = async move {
        let _ = signal::ctrl_c().await;
        drain.cancel(); // WebSockets say goodbye; requests end by themselves
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;

    sockets.close();
    sockets.wait().await;
    Ok(chat.close(Duration::from_secs(10)).await?)
}
