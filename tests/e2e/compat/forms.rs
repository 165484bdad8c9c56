use chat_proto::{ErrorCode, Role};
use chat_tests::{InProcess, Request};
use serde_json::{Value, json};

use super::{ask, call, field, file, form, get, login, messages, with};

/// Files and preferences are taken with thanks, and are nowhere afterwards.
#[tokio::test]
async fn hole_15_nothing_is_taken_and_then_lost() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let conversation = with(&ana, &leo).await["_id"].take();
    let id = conversation.as_str().expect("an id");
    let (send, change) = (|| ask(&ana, "POST", "/chat/messages"), || ask(&ana, "PUT", "/users/profile"));
    let before = get(&ana, "/auth/profile").await["data"].take();
    for (request, code) in [
        (
            form(send(), &[field("conversation", id), field("content", "Look"), file("anything", "", "PNG")]),
            ErrorCode::Unsupported,
        ),
        (
            send().json(&json!({"conversation": id, "content": "Look", "attachment": "/uploads/a.png"})),
            ErrorCode::Invalid,
        ),
        (send().json(&json!({"conversation": id, "content": "Look", "attachment": {}})), ErrorCode::Invalid),
        (form(change(), &[field("name", "Changed"), file("picture", "me.png", "PNG")]), ErrorCode::Unsupported),
        (change().json(&json!({"name": "Changed", "avatar": "https://evil.test/me.png"})), ErrorCode::Invalid),
        (
            change().json(&json!({"name": "Changed", "notificationPreferences": {"email": false, "sms": false}})),
            ErrorCode::Invalid,
        ),
        (change().json(&json!({"name": "Changed", "notificationPreferences": {"email": 1}})), ErrorCode::Invalid),
        (change().json(&json!({"name": "Changed", "notificationPreferences": "all"})), ErrorCode::Invalid),
    ] {
        let refused = request.send(ana.address).await;
        let (said, message) = refused.failure();
        assert_eq!(said, code, "{message}");
        assert!(message.ends_with("Nothing was sent.") || message.ends_with("Nothing was changed."), "{message}");
    }
    assert_eq!(messages(&leo, &conversation).await, [Value::Null; 0]);
    assert_eq!(get(&ana, "/auth/profile").await["data"], before);

    // What a form sends when nothing was chosen.
    let nothing_chosen =
        form(send(), &[field("conversation", id), field("content", "Hello"), file("attachment", "", "")]);
    assert_eq!(nothing_chosen.send(ana.address).await.status, 201);
    let by_script =
        form(send(), &[field("conversation", id), field("content", "Hello"), field("attachment", "undefined")]);
    assert_eq!(by_script.send(ana.address).await.status, 201);
    let null = send().json(&json!({"conversation": id, "content": "Hello", "attachment": null}));
    assert_eq!(null.send(ana.address).await.status, 201);
}

/// The two switches of the old profile page are the wishes of `/api/v1`.
#[tokio::test]
async fn notification_preferences_are_wishes() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let boss = server.door.person(Role::Admin, "boss").await;
    let change = || ask(&ana, "PUT", "/users/profile");
    let wishes = async || ana.get("/me/notifications").await;
    let all = json!({"messages": true, "mentions": true});
    let none = json!({"messages": false, "mentions": false});
    assert_eq!(
        get(&ana, "/auth/profile").await["data"]["notificationPreferences"],
        json!({"email": true, "push": true})
    );

    let whole = [
        field("name", "Ana Ruiz"),
        field("avatar", "null"),
        field("notificationPreferences", r#"{"email":false,"push":true}"#),
    ];
    let changed = form(change(), &whole).send(ana.address).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let data = &changed.ok()["data"];
    assert_eq!(
        (&data["name"], &data["notificationPreferences"]),
        (&json!("Ana Ruiz"), &json!({"email": false, "push": true}))
    );
    assert_eq!(get(&ana, "/auth/profile").await["data"]["notificationPreferences"], data["notificationPreferences"]);
    assert_eq!(
        login(ana.address, &ana.email).await.ok()["data"]["notificationPreferences"],
        data["notificationPreferences"]
    );
    let now = wishes().await;
    assert_eq!((&now["mail"], &now["push"]), (&none, &all));

    // What was said in more words stays, as long as nothing else is asked for.
    let mut finer = now.clone();
    finer["push"]["messages"] = json!(false);
    finer["time_zone"] = json!("Europe/Madrid");
    ana.call_with("PUT", "/me/notifications", &finer).await.ok();
    let same = change().json(&json!({"notificationPreferences": {"email": false, "push": true}}));
    assert_eq!(same.send(ana.address).await.status, 200);
    assert_eq!(wishes().await, finer);
    let on = change().json(&json!({"notificationPreferences": {"email": true}})).send(ana.address).await.ok();
    assert_eq!(on["data"]["notificationPreferences"], json!({"email": true, "push": true}));
    finer["mail"] = all;
    assert_eq!(wishes().await, finer);

    // They are nobody else's business.
    let seen = get(&boss, &format!("/users/{}", ana.id)).await;
    assert_eq!((&seen["name"], seen.get("notificationPreferences")), (&json!("Ana Ruiz"), None));
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
