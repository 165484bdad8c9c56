//! Packets of Socket.IO 5, as text: `<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]`, inside a message of
//! Engine.IO. The [protocol](https://socket.io/docs/v4/socket-io-protocol/) has two more kinds, with binary attachments;
//! they are only told apart, since nothing here is binary.

use serde::Serialize;
use serde_json::json;

use crate::problem::Refused;

/// What a client says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// It wants into a namespace; with what it shows for it.
    Connect { namespace: &'a str, auth: &'a str },
    /// It leaves a namespace.
    Disconnect { namespace: &'a str },
    /// `["name", …]`, to be answered under this number.
    Event { namespace: &'a str, ack: Option<u64>, json: &'a str },
    /// An event with attachments.
    Binary { namespace: &'a str, ack: Option<u64> },
    /// An answer to a question; there was none.
    Answer,
}

impl<'a> Packet<'a> {
    /// `None`: it is none.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut characters = text.chars();
        let kind = characters.next()?;
        let mut rest = characters.as_str();
        if matches!(kind, '5' | '6') {
            let attachments;
            (attachments, rest) = rest.split_once('-')?;
            attachments.parse::<u32>().ok()?;
        }
        let mut namespace = "/";
        if rest.starts_with('/') {
            (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
            // What follows a question mark was for versions before this one.
            namespace = namespace.split('?').next().unwrap_or(namespace);
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (ack, json) = rest.split_at(digits);
        let ack = if ack.is_empty() { None } else { Some(ack.parse().ok()?) };
        Some(match kind {
            '0' => Self::Connect { namespace, auth: json },
            '1' => Self::Disconnect { namespace },
            '2' => Self::Event { namespace, ack, json },
            '3' | '6' => Self::Answer,
            '5' => Self::Binary { namespace, ack },
            _ => return None,
        })
    }
}

/// `namespace,` where that is not the default one.
fn to(namespace: &str) -> String {
    if namespace == "/" { String::new() } else { format!("{namespace},") }
}

/// Lets somebody into a namespace, under an id that means nothing to anybody else.
pub(super) fn connected(namespace: &str, id: &str) -> String {
    format!("0{}{}", to(namespace), json!({ "sid": id }))
}

/// Does not let them in. `message` and `data` are what a client's `connect_error` has.
pub(super) fn connect_error(namespace: &str, refused: &Refused) -> String {
    let data = json!({"code": refused.code, "status": refused.code.status(), "retryAfterMs": refused.retry_after_ms()});
    format!("4{}{}", to(namespace), json!({"message": refused.detail, "data": data}))
}

/// Puts somebody out of a namespace: their program does not come back by itself.
pub(super) fn disconnected(namespace: &str) -> String {
    format!("1{}", to(namespace))
}

/// Something that happened.
pub(super) fn event(namespace: &str, name: &str, payload: &impl Serialize) -> String {
    format!("2{}{}", to(namespace), json!([name, payload]))
}

/// The answer to an event.
pub(super) fn answer(namespace: &str, ack: u64, payload: &impl Serialize) -> String {
    format!("3{}{ack}{}", to(namespace), json!([payload]))
}

#[cfg(test)]
mod tests {
    use chat_proto::ErrorCode;

    use super::*;

    #[test]
    fn packets_are_told_apart() {
        let event = |namespace, ack, json| Some(Packet::Event { namespace, ack, json });
        for (text, packet) in [
            ("0", Some(Packet::Connect { namespace: "/", auth: "" })),
            (r#"0{"token":"t"}"#, Some(Packet::Connect { namespace: "/", auth: r#"{"token":"t"}"# })),
            ("0/chat,", Some(Packet::Connect { namespace: "/chat", auth: "" })),
            ("0/chat?a=b,{}", Some(Packet::Connect { namespace: "/chat", auth: "{}" })),
            ("1/chat", Some(Packet::Disconnect { namespace: "/chat" })),
            (r#"2["a"]"#, event("/", None, r#"["a"]"#)),
            (r#"212["a"]"#, event("/", Some(12), r#"["a"]"#)),
            (r#"2/chat,0["a/,1"]"#, event("/chat", Some(0), r#"["a/,1"]"#)),
            (r#"51-7["a",{"_placeholder":true,"num":0}]"#, Some(Packet::Binary { namespace: "/", ack: Some(7) })),
            ("37[]", Some(Packet::Answer)),
            ("", None),
            ("4{}", None),
            ("é", None),
            ("5[]", None),
            ("5x-[]", None),
            ("299999999999999999999[]", None),
        ] {
            assert_eq!(Packet::parse(text), packet, "{text}");
        }
    }

    #[test]
    fn packets_are_written_as_clients_read_them() {
        assert_eq!(connected("/", "x"), r#"0{"sid":"x"}"#);
        assert_eq!(event("/chat", "read", &1), r#"2/chat,["read",1]"#);
        assert_eq!(answer("/", 3, &"yes"), r#"33["yes"]"#);
        assert_eq!(disconnected("/"), "1");
        let refused = Refused::new(ErrorCode::TokenExpired, "Sign in \"again\".");
        let text = connect_error("/", &refused);
        let body: serde_json::Value = serde_json::from_str(text.strip_prefix('4').unwrap()).unwrap();
        assert_eq!(body["message"], "Sign in \"again\".");
        assert_eq!(body["data"]["code"], "token_expired");
    }
}
