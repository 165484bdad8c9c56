//! Who is there: by `auth.token`, by the header `Authorization`, or by the cookie of a page of the shop's.

use chat_proto::model::User;
use chatcore::{Actor, EventStream};
use http::request::Parts;
use serde_json::Value;

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::compat::caller;
use crate::extract;
use crate::live::{self, Door};
use crate::problem::Refused;

/// Somebody who may come in.
pub(super) struct Guest {
    pub(super) actor: Actor,
    pub(super) stream: EventStream,
    pub(super) me: User,
}

/// `auth`: what the client shows as it connects, JSON or nothing. `parts`: the request that opened the connection.
pub(super) async fn greet(app: &App, auth: &str, parts: &Parts) -> Result<Guest, Refused> {
    let shown = token_in(auth)?;
    let token = match &shown {
        Some(token) => token.as_str(),
        None => {
            let address = parts.extensions.get::<ClientAddress>().copied().unwrap_or_default();
            caller::token_of(app, &parts.headers, address)?.ok_or_else(caller::nobody)?
        }
    };
    let actor = caller::actor(app, token, extract::origin(parts)).await?;
    let me = actor.me().await?;
    let opened = live::open(&actor, None, Door::Connection).await?;
    Ok(Guest { actor, stream: opened.stream, me })
}

/// `{token}`, with or without `Bearer` in front.
fn token_in(auth: &str) -> Result<Option<String>, Refused> {
    if auth.is_empty() {
        return Ok(None);
    }
    let auth: Value = extract::parse(auth.as_bytes())?;
    let token = auth.get("token").and_then(Value::as_str).map(str::trim).filter(|token| !token.is_empty());
    Ok(token.map(|token| {
        let bearer = token.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        bearer.map_or(token, |(_, token)| token.trim()).to_owned()
    }))
}

/// The dialect that the handshake names: `?dialect=`.
pub(super) fn dialect(parts: &Parts) -> Option<&str> {
    let mut pairs = parts.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == "dialect").map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_is_shown() {
        for (auth, token) in [
            ("", None),
            ("{}", None),
            (r#"{"token":null}"#, None),
            (r#"{"token":" "}"#, None),
            (r#"{"token":7}"#, None),
            (r#"{"token":"a.b.c"}"#, Some("a.b.c")),
            (r#"{"token":"Bearer a.b.c"}"#, Some("a.b.c")),
        ] {
            assert_eq!(token_in(auth).unwrap().as_deref(), token, "{auth}");
        }
        assert!(token_in("{").is_err());
    }
}
