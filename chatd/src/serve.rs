use std::time::Duration;

use chatcore::Chat;
use tokio::net::TcpListener;

use crate::app::RouterConfig;
use crate::listener::{self, HttpLimits};
use crate::router::router;

/// Serves the chat on this listener until `config.drain` is cancelled, then lets running requests finish and ends the
/// sockets; for each of the two it takes the grace at the longest. The chat itself stays open.
pub async fn serve(listener: TcpListener, chat: &Chat, config: RouterConfig, limits: HttpLimits) {
    let (drain, tasks) = (config.drain.clone(), config.tasks.clone());
    let grace = limits.shutdown_grace;
    listener::serve(listener, router(chat, config), limits, drain, &tasks).await;
    tasks.close();
    if tokio::time::timeout(grace.max(Duration::from_secs(3)), tasks.wait()).await.is_err() {
        tracing::warn!("some sockets did not end in time");
    }
}
