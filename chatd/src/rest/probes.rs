//! Answers for whoever watches the process: empty bodies, no token.

use axum::extract::State;
use chatcore::Health;
use http::StatusCode;

use crate::app::App;

/// The process runs.
pub(crate) async fn livez() -> StatusCode {
    StatusCode::OK
}

/// Changes can be stored, and the server is not about to stop.
pub(crate) async fn readyz(State(app): State<App>) -> StatusCode {
    if app.chat.health() == Health::Ready && !app.drain.has_begun() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
