//! Devices that are pushed to, as browsers make them. What they are told is tested with the engine.

use chat_proto::{ErrorCode, Role};
use chat_tests::{Door, InProcess, Person, Request, Server, run};
use serde_json::{Value, json};

use crate::CHATD;

/// Of RFC 8291's example.
const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
const PATH: &str = "/me/push-subscriptions";

/// As `JSON.stringify(subscription)` gives it. The host is an address, so that no name has to be looked up.
fn subscription(name: &str) -> Value {
    let endpoint = format!("https://8.8.8.8/wpush/v2/{name}");
    json!({"endpoint": endpoint, "expirationTime": null, "keys": {"p256dh": P256DH, "auth": AUTH}})
}

async fn subscribe(person: &Person, name: &str) -> Value {
    let request = person.request("POST", PATH).header("User-Agent", "Firefox/145").json(&subscription(name));
    let answer = request.send(person.address).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.ok()
}

async fn devices(person: &Person) -> Vec<Value> {
    person.get(PATH).await["items"].as_array().expect("rows").clone()
}

#[tokio::test]
async fn a_browser_subscribes_is_listed_and_leaves() {
    let server = InProcess::start().await;
    let (ana, ben) = (server.door.person(Role::Customer, "ana").await, server.door.person(Role::Agent, "ben").await);
    let key = ana.get("/server").await["push_key"].as_str().expect("a key").to_owned();
    assert_eq!((key.len(), key.starts_with('B')), (87, true));
    let made = subscribe(&ana, "one").await;
    assert_eq!(
        (&made["service"], &made["device"], &made["current"]),
        (&json!("8.8.8.8"), &json!("Firefox/145"), &json!(true))
    );
    assert_eq!(devices(&ana).await, std::slice::from_ref(&made));
    assert!(!made.to_string().contains("wpush") && !made.to_string().contains(AUTH), "{made}");
    assert_eq!(subscribe(&ana, "one").await["id"], made["id"], "the same device");

    // Nobody else's to see or to end.
    let path = format!("{PATH}/{}", made["id"].as_str().expect("an id"));
    assert_eq!(devices(&ben).await, [Value::Null; 0]);
    assert_eq!(ben.call("DELETE", &path).await.problem().code, ErrorCode::NotFound);
    // Until they use the same browser.
    subscribe(&ben, "one").await;
    assert_eq!((devices(&ana).await.len(), devices(&ben).await.len()), (0, 1));
    let two = subscribe(&ana, "two").await;
    let path = format!("{PATH}/{}", two["id"].as_str().expect("an id"));
    ana.call("DELETE", &path).await.ok();
    assert_eq!(ana.call("DELETE", &path).await.problem().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn signing_out_ends_what_was_subscribed_there() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let elsewhere = server.door.sign_in(&ana.email).await;
    subscribe(&ana, "here").await;
    subscribe(&elsewhere, "there").await;
    assert_eq!(devices(&ana).await.len(), 2);
    ana.call("POST", "/auth/logout").await.ok();
    let left = devices(&elsewhere).await;
    assert_eq!((left.len(), &left[0]["current"]), (1, &json!(true)));
}

#[tokio::test]
async fn what_is_no_subscription_is_refused() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let with = |pointer: &str, value: Value| {
        let mut body = subscription("one");
        *body.pointer_mut(pointer).expect("it is there") = value;
        body
    };
    for (body, pointer) in [
        (with("/endpoint", json!("http://8.8.8.8/x")), "/endpoint"),
        (with("/endpoint", json!("https://8.8.8.8:8443/x")), "/endpoint"),
        (with("/endpoint", json!("https://127.0.0.1/x")), "/endpoint"),
        (with("/endpoint", json!("https://169.254.169.254/latest/meta-data")), "/endpoint"),
        (with("/endpoint", json!("https://[::ffff:10.0.0.1]/x")), "/endpoint"),
        (with("/endpoint", json!("https://localhost/x")), "/endpoint"),
        (with("/endpoint", json!("https://2130706433/x")), "/endpoint"),
        (with("/endpoint", json!("https://a@8.8.8.8/x")), "/endpoint"),
        (with("/keys/p256dh", json!("AAAA")), "/keys/p256dh"),
        (with("/keys/p256dh", json!("A".repeat(87))), "/keys/p256dh"),
        (with("/keys/auth", json!("AAAA")), "/keys/auth"),
    ] {
        let problem = ana.call_with("POST", PATH, &body).await.problem();
        assert_eq!((problem.code, problem.fields[0].pointer.as_str()), (ErrorCode::Invalid, pointer), "{body}");
    }
    assert_eq!(devices(&ana).await, [Value::Null; 0]);
    // A key of a program's is nobody's browser.
    let key = json!({"name": "till", "scopes": ["messages:write"], "bot": {"name": "Till", "role": "agent"}});
    let admin = server.door.sign_in(Door::ADMIN).await;
    let made = admin.call_with("POST", "/api-keys", &key).await.ok();
    let request = Request::new("POST", format!("/api/v1{PATH}")).token(made["key"].as_str().expect("a key"));
    let answer = server.door.send(request.json(&subscription("one"))).await;
    assert_eq!(answer.problem().code, ErrorCode::Forbidden);
}

#[tokio::test]
async fn the_key_is_made_once_or_given_and_stays_secret() {
    let mut server = Server::start(CHATD).await;
    let key = |server: Value| server["push_key"].as_str().expect("a key").to_owned();
    let ana = server.door().person(Role::Customer, "ana").await;
    let first = key(ana.get("/server").await);
    subscribe(&ana, "wordless-endpoint").await;
    let file = server.data_dir().join("vapid.key");
    let private = std::fs::read_to_string(&file).expect("a key");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("a file").permissions());
    assert_eq!(mode & 0o777, 0o600);
    server.kill();
    server.spawn_again().await;
    assert_eq!((key(ana.get("/server").await), devices(&ana).await.len()), (first, 1), "after kill -9");
    let log = server.log().join("\n");
    for secret in [private.trim(), AUTH, P256DH, "wordless-endpoint"] {
        assert!(!log.contains(secret), "the log tells {secret}");
    }

    // RFC 8291's pair, as the replaced backend is told it.
    let public = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
    let private = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    let pair = [("VAPID_PUBLIC_KEY", public), ("VAPID_PRIVATE_KEY", private), ("VAPID_SUBJECT", "mailto:a@shop.test")];
    let given = Server::start_with(CHATD, &pair).await;
    let ana = given.door().person(Role::Customer, "ana").await;
    assert_eq!(key(ana.get("/server").await), public);
    assert!(!given.data_dir().join("vapid.key").exists());

    for (settings, what) in [
        (vec![("VAPID_PUBLIC_KEY", public)], "no `push.private_key`"),
        (vec![("VAPID_PRIVATE_KEY", "AAAA")], "is no private key"),
        (vec![("VAPID_PUBLIC_KEY", P256DH), ("VAPID_PRIVATE_KEY", private)], "is not the one that belongs"),
        (vec![("VAPID_SUBJECT", "admin")], "`push.subject` is no address"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let data = data.to_str().expect("a plain path");
        let refused = run(CHATD, &["serve", "--listen", "127.0.0.1:0", "--data-dir", data], &settings).await;
        assert_eq!(refused.code, Some(78), "{refused:?}");
        assert!(refused.stderr.contains(what) && !refused.stderr.contains(private), "{refused:?}");
    }
}
