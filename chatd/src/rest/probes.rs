//! Answers for whoever watches the process: empty bodies, no token.

use axum::extract::State;
use chatcore::Health;
use http::StatusCode;

use crate::app::App;

/// Whether the process runs
///
/// Anybody may ask. An empty body.
#[utoipa::path(get, path = "/livez", tag = "server", responses((status = 200, description = "It runs")))]
pub(crate) async fn livez() -> StatusCode {
    StatusCode::OK
}

/// Whether it is ready: changes can be stored, and the server is not about to stop
///
/// Anybody may ask. An empty body.
#[utoipa::path(get, path = "/readyz", tag = "server", responses(
    (status = 200, description = "It is ready"),
    (status = 503, description = "It is not: the disk is full or fails, or the server is going down"),
))]
pub(crate) async fn readyz(State(app): State<App>) -> StatusCode {
    if app.chat.health() == Health::Ready && !app.drain.has_begun() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
