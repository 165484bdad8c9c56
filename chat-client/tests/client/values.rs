//! Fixed things of the shop, as JSON.

use chat_proto::{ConversationId, UserId};
use serde_json::{Value, json};

pub(crate) fn alice() -> UserId {
    "user_01kay8m2r3f9vvk1a2b3c4d5e1".parse().unwrap()
}

pub(crate) fn conv() -> ConversationId {
    "conv_01kay8m2r3f9vvk1a2b3c4d5e1".parse().unwrap()
}

pub(crate) fn user() -> Value {
    json!({"id": alice(), "email": "alice@example.com", "name": "Alice", "role": "customer",
        "created_at": "2026-11-22T14:07:03.250Z", "version": 1, "of_a_newer_server": true})
}

pub(crate) fn person() -> Value {
    json!({"id": alice(), "name": "Alice", "role": "customer"})
}

pub(crate) fn message(seq: u64, text: &str) -> Value {
    json!({"id": "msg_01kay8m2r3f9vvk1a2b3c4d5e1", "conversation_id": conv(), "seq": seq, "version": 1,
        "author": person(), "kind": "message", "text": text, "created_at": "2026-11-22T14:07:03.250Z"})
}

pub(crate) fn conversation() -> Value {
    json!({"id": conv(), "kind": "direct", "subject": null, "participants": [], "participant_count": 0,
        "last_message": null, "last_seq": 0, "read_seq": 0, "unread": 0,
        "created_at": "2026-11-22T14:07:03.250Z", "updated_at": "2026-11-22T14:07:03.250Z", "version": 1})
}

pub(crate) fn limits() -> Value {
    json!({"text_bytes": 16384, "frame_bytes": 65536, "body_bytes": 65536, "group_participants": 256,
        "page_rows": 200})
}

pub(crate) fn welcome() -> Value {
    json!({"t": "welcome", "session": "sess_01kay8m2r3f9vvk1a2b3c4d5e1", "user": user(), "epoch": "e1",
        "cursor": "c0", "resumed": false, "heartbeat_s": 25, "expires_in": 43200, "limits": limits()})
}

/// An event frame; `d` must go with `name`.
pub(crate) fn event(n: u64, name: &str, d: &Value) -> Value {
    json!({"t": "ev", "n": n, "c": format!("c{n}"), "e": name, "conv": conv(), "v": 1,
        "at": "2026-11-22T14:07:03.250Z", "d": d})
}
