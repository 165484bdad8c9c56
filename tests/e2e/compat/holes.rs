//! The holes of the replaced backend that have no place beside what they are holes of.

use chat_proto::{ErrorCode, Role};
use chat_tests::{Door, InProcess, Options, PASSWORD, Request, Server, Socket};
use serde_json::{Value, json};

use super::{ask, get, login, messages, send, with};
use crate::CHATD;

/// Anybody signs up as an admin.
#[tokio::test]
async fn hole_1_who_signs_up_is_a_customer_whatever_they_say() {
    let server = InProcess::start().await;
    for (i, role) in [json!("admin"), json!("agent"), json!(["admin"]), json!({"$set": "admin"})].iter().enumerate() {
        let body = json!({
            "email": format!("eve-{i}@shop.test"), "name": "Eve", "password": PASSWORD, "role": role,
            "isAdmin": true, "_id": "507f1f77bcf86cd799439011",
        });
        let entered = Request::new("POST", "/api/auth/register").json(&body).send(server.door.address).await.ok();
        assert_eq!(entered["data"]["role"], "customer", "{body}");
        assert_ne!(entered["data"]["_id"], "507f1f77bcf86cd799439011");
        let token = entered["token"].as_str().expect("a token");
        let stats = Request::new("GET", "/api/admin/stats").token(token).send(server.door.address).await;
        assert_eq!(stats.failure().0, ErrorCode::Forbidden);
    }
}

/// Any conversation can be read and written to by whoever knows its id.
#[tokio::test]
async fn hole_2_reading_and_writing_ask_for_membership() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let id = &with(&ana, &leo).await["_id"];
    send(&ana, id, "For Leo alone").await.ok();
    for role in Role::ALL {
        let mallory = server.door.person(role, &format!("mallory-{role}")).await;
        assert_eq!(send(&mallory, id, "Let me in").await.failure().0, ErrorCode::NotFound, "{role}");
        for (method, rest) in [("GET", "messages"), ("POST", "read")] {
            let path = format!("/chat/conversations/{}/{rest}", id.as_str().expect("an id"));
            assert_eq!(
                ask(&mallory, method, &path).send(mallory.address).await.failure().0,
                ErrorCode::NotFound,
                "{role}"
            );
        }
        assert_eq!(get(&mallory, "/chat/conversations").await["results"], 0, "{role}");
    }
    assert_eq!(messages(&leo, id).await.len(), 1);
}

/// The sender is who the body says.
#[tokio::test]
async fn hole_4_nobody_writes_in_another_name() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let id = &with(&ana, &leo).await["_id"];
    let body = json!({
        "conversation": id, "content": "Hello", "sender": leo.id, "read": true, "createdAt": "2020-01-01T00:00:00.000Z",
        "_id": "507f1f77bcf86cd799439011", "seq": 99,
    });
    let sent = super::call(&ana, "POST", "/chat/messages", &body).await.ok()["data"].take();
    assert_eq!((&sent["sender"], &sent["read"], &sent["seq"]), (&json!(ana.id), &json!(false), &json!(1)));
    assert!(sent["createdAt"].as_str() > Some("2026") && sent["_id"] != "507f1f77bcf86cd799439011", "{sent}");
}

/// A query in place of a value: `{"email": {"$gt": ""}}` signs in as the first account.
#[tokio::test]
async fn hole_5_what_is_no_text_is_no_address_and_no_password() {
    let server = InProcess::start().await;
    let at = server.door.address;
    let operators: [Value; 6] =
        [json!({"$gt": ""}), json!({"$ne": null}), json!([Door::ADMIN]), json!(true), json!(0), json!([{"$ne": null}])];
    for operator in &operators {
        for body in [
            json!({"email": operator, "password": PASSWORD}),
            json!({"email": Door::ADMIN, "password": operator}),
            json!({"email": operator, "password": operator}),
        ] {
            let answer = Request::new("POST", "/api/auth/login").json(&body).send(at).await;
            assert_eq!(answer.failure().0, ErrorCode::Invalid, "{body}");
        }
        for (email, name, password) in [
            (operator, &json!("X"), &json!(PASSWORD)),
            (&json!("x@shop.test"), operator, &json!(PASSWORD)),
            (&json!("x@shop.test"), &json!("X"), operator),
        ] {
            let body = json!({"email": email, "name": name, "password": password});
            let answer = Request::new("POST", "/api/auth/register").json(&body).send(at).await;
            assert_eq!(answer.failure().0, ErrorCode::Invalid, "{body}");
        }
    }
}

/// Files of everybody lie open, and so does a folder of the program's.
#[tokio::test]
async fn hole_7_nothing_is_served_from_a_folder() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    for path in [
        "/uploads",
        "/uploads/1732612345678-invoice.pdf",
        "/uploads/../server.key",
        "/uploads/%2e%2e%2fserver.key",
        "/uploads/..%2f..%2fetc%2fpasswd",
    ] {
        for request in [Request::new("GET", path), Request::new("GET", path).token(&ana.token)] {
            assert_eq!(request.send(ana.address).await.failure().0, ErrorCode::NotFound, "{path}");
        }
    }
    for path in ["/", "/index.html", "/server.key", "/config.env"] {
        assert_eq!(Request::new("GET", path).send(ana.address).await.problem().code, ErrorCode::NotFound, "{path}");
    }
}

/// Passwords can be guessed without end.
#[tokio::test]
async fn hole_8_who_guesses_has_to_wait_and_is_told_for_how_long() {
    let server = InProcess::start_with(Options { manual_clock: true, ..Options::default() }).await;
    server.door.person(Role::Customer, "ana").await;
    let guess = json!({"email": "ana@shop.test", "password": "wrong-password"});
    for _ in 0..100 {
        let answer = Request::new("POST", "/api/auth/login").json(&guess).send(server.door.address).await;
        let (code, message) = answer.failure();
        if code == ErrorCode::RateLimited {
            let seconds = answer.header("retry-after").expect("a wait");
            assert!(message.contains(&format!(" {seconds} second")), "{message}");
            return;
        }
        assert_eq!(code, ErrorCode::InvalidCredentials);
    }
    panic!("a hundred guesses");
}

/// The people of a conversation learn each other's addresses.
#[tokio::test]
async fn hole_9_addresses_are_told_to_nobody_else() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let conversation = with(&ana, &leo).await;
    let id = conversation["_id"].as_str().expect("an id").to_owned();
    send(&ana, &conversation["_id"], "Hello").await.ok();
    for who in [&ana, &leo] {
        for path in [
            "/chat/conversations".to_owned(),
            format!("/chat/conversations/{id}/messages"),
            format!("/chat/conversation/{}", if who.id == ana.id { leo.id } else { ana.id }),
        ] {
            let text = get(who, &path).await.to_string();
            assert!(!text.contains("@shop.test"), "{path}: {text}");
        }
    }
}

/// With the settings of its own README nobody can sign in.
#[tokio::test]
async fn hole_11_the_settings_of_the_replaced_backend_work() {
    let settings = [
        ("JWT_SECRET", "Zq3v9K1mX7c5B0nL2s8D4f6GhJtYwRuE"),
        ("JWT_EXPIRES_IN", "90d"),
        ("CLIENT_URL", "http://localhost:3000/"),
        ("NODE_ENV", "production"),
        ("JWT_COOKIES_EXPIRES_IN", "90"),
        ("DATABASE_PASSWORD", "hunter2"),
        ("EMAIL_USER", "canary@mail.test"),
        ("EMAIL_PASS", "hunter2"),
        ("VAPID_SUBJECT", "mailto:canary@mail.test"),
    ];
    let server = Server::start_with(CHATD, &settings).await;
    let at = server.door().address;
    let signed_in = login(at, Door::ADMIN).await;
    let cookie = signed_in.header("set-cookie").expect("a cookie");
    let life = cookie.split("; ").find_map(|part| part.strip_prefix("Max-Age=")).and_then(|life| life.parse().ok());
    assert!(life.is_some_and(|life: u64| life > 89 * 86_400 && life <= 90 * 86_400), "{cookie}");
    let token = signed_in.ok()["token"].as_str().expect("a token").to_owned();
    // From the front end's own page, by cookie.
    let profile = Request::new("GET", "/api/auth/profile")
        .header("Origin", "http://localhost:3000")
        .header("Cookie", format!("jwt={token}"))
        .send(at)
        .await;
    assert_eq!(profile.header("access-control-allow-origin"), Some("http://localhost:3000"));
    assert_eq!(profile.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(profile.ok()["data"]["email"], Door::ADMIN);
    Socket::connect_with(at, &[("Origin", "http://localhost:3000")]).await.expect("the front end's page");
    let log = server.log();
    assert!(!log.iter().any(|line| line.contains("hunter2") || line.contains("canary@mail")), "{log:#?}");
}
