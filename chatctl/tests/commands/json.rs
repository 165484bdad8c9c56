//! What programs are given: `--json` of every command, with what differs from run to run left out.

use std::collections::BTreeMap;

use chat_proto::Role;
use chat_tests::{Door, PASSWORD};
use serde_json::Value;

use crate::desk::Desk;
use crate::exits::tailing;

/// The value, where what is different each time says only what it is.
fn redacted(value: Value, url: &str) -> Value {
    match value {
        Value::Object(map) => {
            // In order, whatever `serde_json` was built to do with them.
            let map: BTreeMap<_, _> = map.into_iter().collect();
            let named = |key: &str| without_place(key, url);
            Value::Object(map.into_iter().map(|(key, value)| (named(&key), of_field(&key, value, url))).collect())
        }
        Value::Array(items) => items.into_iter().map(|item| redacted(item, url)).collect(),
        other => other,
    }
}

/// Such as 2026-01-31.
fn is_day(text: &str) -> bool {
    text.len() == 10 && text.chars().all(|c| c.is_ascii_digit() || c == '-')
}

fn without_place(text: &str, url: &str) -> String {
    text.replace(url, "(url)").replace(url.trim_start_matches("http://"), "(host)")
}

fn of_field(key: &str, value: Value, url: &str) -> Value {
    let Value::String(text) = value else { return redacted(value, url) };
    let is_id = |prefix: &str| text.strip_prefix(prefix).is_some_and(|rest| rest.len() == 26);
    let of = |what: &str| Value::String(format!("({what})"));
    match key {
        "as_of" | "cursor" | "next_cursor" | "c" => of("cursor"),
        "token" => of("token"),
        "client_id" => of("client id"),
        "device" => of("device"),
        "push_key" => of("key"),
        "version" if text.contains('.') => of("version"),
        "day" | "from" | "to" if is_day(&text) => of("day"),
        _ if key.ends_with("_at") || key == "at" => of("moment"),
        _ => match ["user_", "conv_", "msg_", "sess_", "inv_", "aud_"].into_iter().find(|prefix| is_id(prefix)) {
            Some(prefix) => of(prefix.trim_end_matches('_')),
            None => Value::String(without_place(&text, url)),
        },
    }
}

#[tokio::test]
async fn every_answer_as_json() {
    let desk = Desk::new().await;
    let url = desk.url();
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    let show = async |name: &str, arguments: &[&str], stdin: &str| {
        let ran = desk.run_with(&[arguments, &["--json"]].concat(), stdin).await;
        let json = redacted(ran.json(), &url);
        let text = serde_json::to_string_pretty(&json).expect("JSON");
        settings.bind(|| insta::assert_snapshot!(format!("json-{name}"), text));
    };
    show("login", &["login", &url, "--email", Door::ADMIN, "--password-stdin"], PASSWORD).await;
    let ana = desk.server.door.person(Role::Customer, "ana").await;
    let conversation = desk.server.door.sign_in(Door::ADMIN).await.direct(&ana).await;
    ana.write(conversation, "Where is order 1042?").await.ok();
    let id = conversation.to_string();
    show("whoami", &["whoami"], "").await;
    show("profile-list", &["profile", "list"], "").await;
    show("profile-use", &["profile", "use", url.trim_start_matches("http://")], "").await;
    show("status", &["status"], "").await;
    show("user-list", &["user", "list"], "").await;
    show("user-show", &["user", "show", &ana.email], "").await;
    show("user-create", &["user", "create", "mia@shop.test", "--role", "agent", "--password-stdin"], PASSWORD).await;
    show("user-invite", &["user", "invite", "leo@shop.test", "--role", "designer"], "").await;
    show("user-role", &["user", "role", "mia@shop.test", "merchant", "--yes"], "").await;
    show("user-disable", &["user", "disable", "mia@shop.test", "--yes"], "").await;
    show("user-enable", &["user", "enable", "mia@shop.test"], "").await;
    show("user-reset-password", &["user", "reset-password", "mia@shop.test"], "").await;
    show("user-sessions", &["user", "sessions", &ana.email], "").await;
    show("user-revoke-sessions", &["user", "revoke-sessions", &ana.email, "--yes"], "").await;
    show("user-delete", &["user", "delete", "mia@shop.test", "--confirm", "mia"], "").await;
    show("policy-can", &["policy", "can", "agent", "delete_message"], "").await;
    show("conversation-list", &["conversation", "list"], "").await;
    show("conversation-show", &["conversation", "show", &id], "").await;
    show("conversation-export", &["conversation", "export", &id], "").await;
    show("conversation-send", &["conversation", "send", &id, "--text", "It left yesterday."], "").await;
    show("stats-overview", &["stats", "overview", "--days", "1"], "").await;
    show("policy-matrix", &["policy", "matrix"], "").await;
    show("audit-list", &["audit", "list", "--limit", "4"], "").await;
    show("logout", &["logout"], "").await;
    show("profile-delete", &["profile", "delete", url.trim_start_matches("http://")], "").await;
}

#[tokio::test]
async fn what_is_told_live_as_json() {
    let desk = Desk::signed_in().await;
    let ana = desk.server.door.person(Role::Customer, "ana").await;
    let conversation = desk.server.door.sign_in(Door::ADMIN).await.direct(&ana).await;
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    for (name, tail) in
        [("conversation-tail", ["conversation", "tail", "--json"]), ("event-tail", ["event", "tail", "--json"])]
    {
        let (mut child, first, _lines) = tailing(&desk, &tail, &ana, conversation).await;
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        let mut json = redacted(serde_json::from_str(&first).expect("JSON"), &desk.url());
        // Which of the messages was the first to be told is not said beforehand.
        for key in ["/text", "/seq", "/v", "/d/text", "/d/seq"] {
            if let Some(value) = json.pointer_mut(key) {
                *value = Value::String(format!("({})", &key[key.rfind('/').unwrap_or(0) + 1..]));
            }
        }
        let text = serde_json::to_string_pretty(&json).expect("JSON");
        settings.bind(|| insta::assert_snapshot!(format!("json-{name}"), text));
    }
}
