use chat_proto::wire::ServerFrame;
use serde::Deserialize;

/// Frames of the server that this client knows.
const KNOWN: [&str; 9] = ["welcome", "ev", "eph", "live", "ok", "err", "ping", "reset", "bye"];
/// Ephemeral events that this client knows.
const KNOWN_EPHEMERAL: [&str; 3] = ["typing", "presence", "viewing"];

/// Reads a frame; `None` for one of a newer server, which is to be ignored.
pub(super) fn parse(text: &str) -> Result<Option<ServerFrame>, String> {
    #[derive(Deserialize)]
    struct Glimpse {
        t: String,
        e: Option<String>,
    }

    let error = match serde_json::from_str(text) {
        Ok(frame) => return Ok(Some(frame)),
        Err(error) => error,
    };
    match serde_json::from_str::<Glimpse>(text) {
        Ok(Glimpse { t, .. }) if !KNOWN.contains(&t.as_str()) => Ok(None),
        Ok(Glimpse { t, e: Some(e) }) if t == "eph" && !KNOWN_EPHEMERAL.contains(&e.as_str()) => Ok(None),
        _ => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn frames_of_a_newer_server_are_ignored_and_broken_ones_are_not() {
        assert!(parse(r#"{"t":"ping","c":"x","new":1}"#).unwrap().is_some());
        assert!(parse(r#"{"t":"hint","x":1}"#).unwrap().is_none());
        assert!(parse(r#"{"t":"eph","e":"waving","conv":1}"#).unwrap().is_none());
        for broken in ["", "[]", "{}", r#"{"t":"ping"}"#, r#"{"t":"eph","e":"typing"}"#, r#"{"t":"eph"}"#] {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }
}
