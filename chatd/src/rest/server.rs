use axum::Json as Shown;
use axum::extract::State;
use chat_proto::wire::{LimitsInfo, SUBPROTOCOL, ServerInfo};

use crate::app::App;

/// The server, its protocols and limits
///
/// Anybody may ask.
#[utoipa::path(get, path = "/server", tag = "server", responses(
    (status = 200, description = "The server", body = ServerInfo),
))]
pub(crate) async fn show(State(app): State<App>) -> Shown<ServerInfo> {
    Shown(ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocols: vec![SUBPROTOCOL.to_owned()],
        push_key: push_key(&app),
        limits: limits(&app),
    })
}

#[cfg(feature = "push")]
fn push_key(app: &App) -> Option<String> {
    app.chat.push_key().map(str::to_owned)
}

#[cfg(not(feature = "push"))]
fn push_key(_: &App) -> Option<String> {
    None
}

pub(crate) fn limits(app: &App) -> LimitsInfo {
    let limits = app.chat.limits();
    LimitsInfo {
        text_bytes: limits.text_bytes as u64,
        frame_bytes: app.config.frame_bytes as u64,
        body_bytes: app.config.body_bytes as u64,
        group_participants: limits.group_participants as u64,
        page_rows: chatcore::PAGE_ROWS as u64,
        attachment_bytes: limits.attachments.bytes,
        attachments_per_message: limits.attachments.per_message as u64,
        attachment_bytes_per_day: limits.attachments.bytes_per_day,
    }
}
