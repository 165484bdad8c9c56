use chatcore::Chat;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{App, RouterConfig};
use crate::listener::{self, HttpLimits};
use crate::router::routes;

/// Serves the chat on this listener until `config.drain` is cancelled. From then on it is not ready, and the connections
/// that stay open are ended one by one, over `config.drain_spread` at the longest; meanwhile requests are served as
/// before. Then nothing more is accepted, and running requests finish. All of it takes the grace at the longest; what
/// is still open then is dropped. The chat itself stays open.
pub async fn serve(listener: TcpListener, chat: &Chat, config: RouterConfig, limits: HttpLimits) {
    let (drain, tasks, grace) = (config.drain.clone(), config.tasks.clone(), limits.shutdown_grace);
    let app = App::new(chat.clone(), config);
    let shutdown = CancellationToken::new();
    let leaving = async {
        app.drain.ended().await;
        shutdown.cancel();
    };
    let all = async {
        tokio::join!(listener::serve(listener, routes(app.clone()), limits, shutdown.clone(), &tasks), leaving);
        tasks.close();
        tasks.wait().await;
    };
    let late = async {
        drain.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        () = all => {}
        () = late => tracing::warn!("some connections did not end in time"),
    }
}
