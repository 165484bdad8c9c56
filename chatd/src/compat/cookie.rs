//! The cookie that holds the token, as the replaced backend set it, but for what was wrong with it.

use std::time::Duration;

use http::HeaderValue;

use super::caller::COOKIE;
use crate::app::App;
use crate::problem::Refused;

/// Gives a browser its token. No script can read it, and no page of another site can have it sent. It names no domain, so
/// it comes back to this server only.
pub(super) fn set(app: &App, token: &str, life: Duration) -> Result<HeaderValue, Refused> {
    write(app, token, life.as_secs())
}

/// Takes it away again.
pub(super) fn clear(app: &App) -> Result<HeaderValue, Refused> {
    write(app, "", 0)
}

fn write(app: &App, token: &str, seconds: u64) -> Result<HeaderValue, Refused> {
    let secure = app.config.compat.is_some_and(|compat| compat.secure_cookies);
    let secure = if secure { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let fault = |_| Refused::new(chat_proto::ErrorCode::Internal, "A token that is no header value.");
    HeaderValue::try_from(cookie).map_err(fault)
}
