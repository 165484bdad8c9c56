use chat_proto::{ErrorCode, Role};
use chat_tests::{InProcess, Request};
use serde_json::{Value, json};

use super::{ask, call, field, file, form, get, messages, with};

/// Files and preferences are taken with thanks, and are nowhere afterwards.
#[tokio::test]
async fn hole_15_nothing_is_taken_and_then_lost() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let conversation = with(&ana, &leo).await["_id"].take();
    let id = conversation.as_str().expect("an id");
    let (send, change) = (|| ask(&ana, "POST", "/chat/messages"), || ask(&ana, "PUT", "/users/profile"));
    for request in [
        form(send(), &[field("conversation", id), field("content", "Look"), file("attachment", "a.png", "PNG")]),
        form(send(), &[field("conversation", id), field("content", "Look"), file("anything", "", "PNG")]),
        form(send(), &[file("attachment", "a.png", ""), field("conversation", id), field("content", "Look")]),
        send().json(&json!({"conversation": id, "content": "Look", "attachment": "/uploads/a.png"})),
        send().json(&json!({"conversation": id, "content": "Look", "attachment": {}})),
        form(change(), &[field("name", "Changed"), file("avatar", "me.png", "PNG")]),
        change().json(&json!({"name": "Changed", "avatar": "https://evil.test/me.png"})),
        form(change(), &[field("name", "Changed"), field("notificationPreferences", r#"{"email":true,"push":false}"#)]),
        change().json(&json!({"name": "Changed", "notificationPreferences": {"email": false, "push": true}})),
        change().json(&json!({"name": "Changed", "notificationPreferences": {"sms": false}})),
        change().json(&json!({"name": "Changed", "notificationPreferences": "all"})),
    ] {
        let refused = request.send(ana.address).await;
        let (code, message) = refused.failure();
        assert_eq!(code, ErrorCode::Unsupported, "{message}");
        assert!(message.ends_with("Nothing was sent.") || message.ends_with("Nothing was changed."), "{message}");
    }
    assert_eq!(messages(&leo, &conversation).await, [Value::Null; 0]);
    assert_eq!(get(&ana, "/auth/profile").await["data"]["name"], "ana");

    // What a form sends when nothing was chosen, and preferences that are so already.
    let nothing_chosen =
        form(send(), &[field("conversation", id), field("content", "Hello"), file("attachment", "", "")]);
    assert_eq!(nothing_chosen.send(ana.address).await.status, 201);
    let by_script =
        form(send(), &[field("conversation", id), field("content", "Hello"), field("attachment", "undefined")]);
    assert_eq!(by_script.send(ana.address).await.status, 201);
    let null = send().json(&json!({"conversation": id, "content": "Hello", "attachment": null}));
    assert_eq!(null.send(ana.address).await.status, 201);
    let whole = [
        field("name", "Ana Ruiz"),
        field("avatar", "null"),
        field("notificationPreferences", r#"{"email":false,"push":false}"#),
    ];
    let changed = form(change(), &whole).send(ana.address).await;
    assert_eq!(changed.status, 200);
    let data = &changed.ok()["data"];
    assert_eq!(
        (&data["name"], &data["notificationPreferences"]),
        (&json!("Ana Ruiz"), &json!({"email": false, "push": false}))
    );
    assert_eq!(get(&ana, "/auth/profile").await["data"], *data);
}

#[tokio::test]
async fn a_form_of_the_wrong_shape_is_refused_in_words() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let conversation = with(&ana, &leo).await["_id"].take();
    let id = conversation.as_str().expect("an id");
    let post = || ask(&ana, "POST", "/chat/messages");
    let many: Vec<String> = (0..65).map(|i| format!("f{i}")).collect();
    let many: Vec<_> = many.iter().map(|name| field(name, "x")).collect();
    let kind = "multipart/form-data; boundary=boundary";
    for (what, request, code) in [
        (
            "twice",
            form(post(), &[field("conversation", id), field("content", "a"), field("content", "b")]),
            ErrorCode::Invalid,
        ),
        ("no content", form(post(), &[field("conversation", id)]), ErrorCode::Invalid),
        ("blank", form(post(), &[field("conversation", id), field("content", " \n ")]), ErrorCode::Invalid),
        ("no conversation", form(post(), &[field("content", "a")]), ErrorCode::Invalid),
        ("no id", form(post(), &[field("conversation", "x"), field("content", "a")]), ErrorCode::Invalid),
        ("too many", form(post(), &many), ErrorCode::Invalid),
        (
            "cut off",
            post().text(kind, "--boundary\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\nHel"),
            ErrorCode::Invalid,
        ),
        ("no form", post().text(kind, "Hello"), ErrorCode::Invalid),
        (
            "no UTF-8",
            post().text(
                kind,
                &b"--boundary\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\n\xff\xfe\r\n--boundary--\r\n"
                    [..],
            ),
            ErrorCode::Invalid,
        ),
        ("no boundary", post().text("multipart/form-data", "x"), ErrorCode::UnsupportedMediaType),
        ("other", post().text("text/plain", "x"), ErrorCode::UnsupportedMediaType),
        ("no object", post().text("application/json", "[]"), ErrorCode::Invalid),
        ("no JSON", post().text("application/json", "{"), ErrorCode::Invalid),
        (
            "twice in JSON",
            post().text("application/json", format!(r#"{{"conversation":"{id}","content":"a","content":"b"}}"#)),
            ErrorCode::Invalid,
        ),
        (
            "deep",
            post().text("application/json", format!("{{\"a\":{}{}}}", "[".repeat(99), "]".repeat(99))),
            ErrorCode::Invalid,
        ),
        ("large", form(post(), &[field("content", &"x".repeat(1 << 20))]), ErrorCode::TooLarge),
        (
            "long",
            form(post(), &[field("conversation", id), field("content", &"x".repeat(20_000))]),
            ErrorCode::TooLarge,
        ),
        (
            "large sign-in",
            Request::new("POST", "/api/auth/login").json(&json!({"email": "x".repeat(5_000)})),
            ErrorCode::TooLarge,
        ),
    ] {
        let (said, message) = request.send(ana.address).await.failure();
        assert_eq!(said, code, "{what}: {message}");
    }
    assert_eq!(messages(&ana, &conversation).await, [Value::Null; 0]);
}

/// A mistake in a value is a fault of the server, and tells nothing of what was wrong.
#[tokio::test]
async fn hole_19_a_wrong_value_is_a_400_that_says_which() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    for (method, path, body) in [
        ("PUT", "/users/profile", json!({"name": ""})),
        ("PUT", "/users/profile", json!({"name": "x".repeat(101)})),
        ("PUT", "/users/profile", json!({"name": {"$set": "x"}})),
        ("POST", "/chat/messages", json!({"conversation": {"$ne": null}, "content": "x"})),
        ("POST", "/chat/messages", json!({"conversation": "507f1f77bcf86cd79943901z", "content": "x"})),
    ] {
        let (code, message) = call(&ana, method, path, &body).await.failure();
        assert_eq!(code, ErrorCode::Invalid, "{body}: {message}");
    }
    for path in ["/chat/conversations/x/messages", "/chat/conversations?limit=x", "/chat/conversations?cursor=x"] {
        let answer = ask(&ana, "GET", path).send(ana.address).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        answer.failure();
    }
}
