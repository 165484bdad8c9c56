//! Accounts that are deleted: what is gone, and what stays.

use chat_proto::{ErrorCode, Role};
use chat_tests::{Answer, Door, InProcess, PASSWORD, Request};
use serde_json::json;

fn code(answer: &Answer) -> ErrorCode {
    answer.problem().code
}

#[tokio::test]
async fn a_deleted_account_is_nobodys_and_what_was_written_stays() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let chat = ana.direct(&leo).await;
    ana.write(chat, "Where is it?").await.ok();
    let group = leo.group("Order 1042", &[&ana]).await;
    let mut socket = ana.socket().await;
    let path = format!("/users/{}", ana.id);

    let stale = admin.request("DELETE", &path).header("If-Match", "\"v7\"").send(admin.address).await;
    assert_eq!((code(&stale), stale.problem().version), (ErrorCode::VersionMismatch, Some(1)));
    ana.get("/me").await;
    let fresh = admin.request("DELETE", &path).header("If-Match", "\"v1\"").send(admin.address).await;
    assert_eq!((fresh.status, fresh.header("etag")), (200, Some("\"v2\"")));
    let left = fresh.ok();
    assert_eq!(
        (&left["name"], &left["email"], &left["state"]),
        (&json!("Deleted user"), &json!(""), &json!("deleted"))
    );
    let (frames, closed) = socket.end().await;
    assert_eq!((closed, &frames.last().expect("a last word")["reason"]), (Some(4401), &json!("token_revoked")));
    assert_eq!(code(&ana.call("GET", "/me").await), ErrorCode::TokenRevoked);
    let refresh = Request::new("POST", "/api/v1/auth/refresh").json(&json!({"refresh_token": ana.refresh_token}));
    assert_eq!(code(&server.door.send(refresh).await), ErrorCode::TokenRevoked);
    let login = Request::new("POST", "/api/v1/auth/login").json(&json!({"email": ana.email, "password": PASSWORD}));
    assert_eq!(code(&server.door.send(login).await), ErrorCode::InvalidCredentials);

    // Those who talked with her keep the conversation, under a name that is nobody's.
    let history = leo.get(&format!("/conversations/{chat}/messages")).await;
    assert_eq!(history["items"][0]["text"], "Where is it?");
    assert_eq!(history["items"][0]["author"], json!({"id": ana.id, "name": "Deleted user", "role": "customer"}));
    let members = leo.get(&format!("/conversations/{group}")).await["participants"].to_string();
    assert!(members.contains("Deleted user") && !members.contains("\"ana\""), "{members}");
    leo.write(chat, "It left today").await.ok();
    for (what, answer) in [
        ("a new conversation", json!({"kind": "direct", "participants": [ana.id]})),
        ("a new group", json!({"kind": "group", "participants": [ana.id]})),
    ] {
        let begun = admin.call_with("POST", "/conversations", &answer).await;
        assert_eq!(code(&begun), ErrorCode::NotFound, "{what}");
    }

    // She leaves the lists, unless one asks for what was deleted.
    assert!(!leo.get("/directory?role=customer").await.to_string().contains(&ana.id.to_string()));
    assert!(!admin.get("/users").await.to_string().contains(&ana.id.to_string()));
    assert_eq!(admin.get("/users?state=deleted").await["items"], json!([left]));
    assert_eq!(admin.get(&path).await, left);
    assert_eq!(admin.call("DELETE", &path).await.ok(), left, "again is nothing");
    for (method, rest) in [("POST", "/enable"), ("POST", "/disable"), ("POST", "/password-reset")] {
        assert_eq!(code(&admin.call(method, &format!("{path}{rest}")).await), ErrorCode::Conflict, "{rest}");
    }
    assert_eq!(code(&admin.call_with("PATCH", &path, &json!({"name": "Ana"})).await), ErrorCode::Conflict);

    // Her address is free, and whoever takes it is somebody else.
    let again = server.door.person(Role::Customer, "ana").await;
    assert_ne!(again.id, ana.id);
    assert_eq!(again.get("/conversations").await["items"], json!([]));
}

#[tokio::test]
async fn admins_delete_each_other_but_never_the_last_one() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let own = format!("/users/{}", admin.id);
    assert!(admin.call("DELETE", &own).await.problem().detail.contains("last admin"));
    let eve = server.door.person(Role::Admin, "eve").await;
    assert_eq!(admin.call("DELETE", &own).await.status, 200, "one's own, too");
    assert_eq!(code(&admin.call("GET", "/me").await), ErrorCode::TokenRevoked);
    assert_eq!(code(&eve.call("DELETE", &format!("/users/{}", eve.id)).await), ErrorCode::Conflict);
}

/// What cannot be undone is for people: a key that leaked must not empty a shop.
#[tokio::test]
async fn no_key_deletes_anybody_or_sets_passwords() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let body = json!({"name": "Back office", "scopes": ["users:read", "users:write"]});
    let key = admin.call_with("POST", "/api-keys", &body).await.ok()["key"].as_str().expect("a key").to_owned();
    for (method, rest) in [("DELETE", ""), ("POST", "/password-reset")] {
        let request = Request::new(method, format!("/api/v1/users/{}{rest}", ana.id)).token(&key);
        assert_eq!(code(&server.door.send(request).await), ErrorCode::Forbidden, "{method}");
    }
    ana.get("/me").await;
}
