//! Keys of the shop's own programs: what each scope opens, and what no key opens.

use std::time::Duration;

use chat_proto::{ConversationId, ErrorCode, Role, UserId};
use chat_tests::{Answer, InProcess, Options, Person, Request, Socket};
use serde_json::{Value, json};

async fn open() -> (InProcess, Person) {
    let server = InProcess::start_with(Options { manual_clock: true, ..Options::default() }).await;
    let admin = server.door.sign_in(chat_tests::Door::ADMIN).await;
    (server, admin)
}

async fn try_make(admin: &Person, body: &Value) -> Answer {
    admin.call_with("POST", "/api-keys", body).await
}

/// A key, and the id of its row.
async fn make(admin: &Person, body: &Value) -> (Value, Person) {
    let made = try_make(admin, body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.ok();
    let id = made["api_key"]["user"]["id"].clone();
    let key = Person {
        id: serde_json::from_value(id).unwrap_or(UserId::from_bytes([0; 16])),
        role: Role::Agent,
        email: String::new(),
        token: made["key"].as_str().expect("a key").to_owned(),
        refresh_token: String::new(),
        address: admin.address,
    };
    (made["api_key"].clone(), key)
}

const ALL: [&str; 4] = ["conversations:read", "conversations:write", "messages:write", "events:read"];

fn bot(scopes: &[&str]) -> Value {
    json!({"name": "Order desk", "scopes": scopes, "bot": {"name": "Robin", "role": "agent"}})
}

#[track_caller]
fn refused(case: &str, answer: &Answer, code: ErrorCode) {
    assert_eq!(answer.problem().code, code, "{case}: {}", answer.text());
}

#[tokio::test]
async fn a_bot_talks_follows_and_is_seen_to_be_one() {
    let (server, admin) = open().await;
    let (shown, robin) = make(&admin, &bot(&ALL)).await;
    assert!(robin.token.starts_with("chk_") && robin.token.len() == 47, "{}", robin.token);
    assert_eq!((&shown["user"]["bot"], &shown["name"]), (&json!(true), &json!("Order desk")));
    let ana = server.door.person(Role::Customer, "ana").await;
    let mut anas = ana.socket().await;
    let mut robins = robin.socket().await;
    // Customers find the bot among the agents.
    assert!(ana.get("/directory?role=agent").await.to_string().contains(&robin.id.to_string()));
    let order = ana.direct(&robin).await;
    ana.write(order, "where is it?").await.ok();
    robins.find("ev message.created").await;
    robin.write(order, "on its way").await.ok();
    let mut told = anas.find("ev message.created").await;
    while told["d"]["text"] != "on its way" {
        told = anas.find("ev message.created").await;
    }
    assert_eq!((&told["d"]["author"]["bot"], &told["by"]["id"]), (&json!(true), &json!(robin.id)), "{told}");
    assert_eq!(robin.get("/me").await["bot"], true);
    // The key is shown once; what is kept is no key.
    let listed = admin.get("/api-keys").await;
    assert_eq!(listed["items"][0]["id"], shown["id"]);
    assert!(!listed.to_string().contains(&robin.token) && !listed.to_string().contains("chk_"), "{listed}");
    // Another key of the same bot.
    let (_, other) = make(&admin, &json!({"name": "X", "scopes": ["messages:write"], "user": robin.id})).await;
    other.write(order, "and soon there").await.ok();
    let last = &ana.get(&format!("/conversations/{order}")).await["last_message"];
    assert_eq!(last["author"]["id"], json!(robin.id));
}

#[tokio::test]
async fn each_scope_opens_what_it_names_and_nothing_else() {
    let (server, admin) = open().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let (_, full) = make(&admin, &bot(&ALL)).await;
    let order = ana.direct(&full).await;
    ana.write(order, "hello").await.ok();
    let group = full.group("Spring", &[&ana]).await;
    let message = ana.get(&format!("/conversations/{order}")).await["last_message"]["id"].clone();
    let message = message.as_str().expect("an id").to_owned();
    let attempts: Vec<(&str, &str, String, Option<Value>)> = vec![
        ("conversations:read", "GET", "/conversations".to_owned(), None),
        ("conversations:read", "GET", format!("/conversations/{order}"), None),
        ("conversations:read", "GET", format!("/conversations/{order}/messages"), None),
        ("conversations:read", "GET", format!("/conversations/{order}/messages/{message}/history"), None),
        ("conversations:read", "GET", "/directory?role=customer".to_owned(), None),
        (
            "conversations:write",
            "POST",
            "/conversations".to_owned(),
            Some(json!({"kind": "direct", "participants": [ana.id]})),
        ),
        (
            "conversations:write",
            "POST",
            "/conversations".to_owned(),
            Some(json!({"kind": "group", "participants": [ana.id]})),
        ),
        (
            "conversations:write",
            "POST",
            format!("/conversations/{group}/participants"),
            Some(json!({"user_id": ana.id})),
        ),
        (
            "messages:write",
            "POST",
            format!("/conversations/{order}/messages"),
            Some(json!({"client_id": "a", "text": "a"})),
        ),
        ("messages:write", "PUT", format!("/conversations/{order}/messages/{message}/reactions/%F0%9F%91%8D"), None),
        ("messages:write", "POST", format!("/conversations/{order}/read"), Some(json!({"seq": 1}))),
        ("events:read", "GET", "/events?wait=0".to_owned(), None),
    ];
    for scope in ALL {
        let (_, key) = make(&admin, &json!({"name": scope, "scopes": [scope], "user": full.id})).await;
        for (needed, method, path, body) in &attempts {
            let request = key.request(method, path);
            let request = body.as_ref().map_or(request.clone(), |body| request.json(body));
            let answer = request.send(key.address).await;
            let case = format!("{method} {path} with {scope}");
            if *needed == scope {
                assert!(answer.status < 300, "{case}: {}", answer.text());
            } else {
                refused(&case, &answer, ErrorCode::Forbidden);
            }
        }
        // What is not the bot's does not exist for it, whatever it lacks.
        let foreign = server.door.person(Role::Agent, &format!("other-{scope}").replace(':', "-")).await;
        let foreign = ana.direct(&foreign).await;
        for path in [format!("/conversations/{foreign}"), format!("/conversations/{foreign}/messages")] {
            refused(&path, &key.call("GET", &path).await, ErrorCode::NotFound);
        }
        // Who may not write at all is told so wherever it is.
        let code = if scope == "messages:write" { ErrorCode::NotFound } else { ErrorCode::Forbidden };
        for nowhere in [foreign, ConversationId::from_bytes([7; 16])] {
            refused("posting", &key.write(nowhere, "x").await, code);
        }
        // The socket and the stream.
        let mut socket = Socket::connect(key.address).await;
        socket.say(&json!({"t": "hello", "token": key.token})).await;
        let first = socket.json().await;
        let stream = key.request("GET", "/events/stream");
        if scope == "events:read" {
            assert_eq!(first["t"], "welcome", "{first}");
            let sent = json!({"t": "send", "re": 1, "conv": order, "client_id": "s", "text": "s"});
            assert_eq!(socket.ask(&sent).await["code"], "forbidden");
        } else {
            assert_eq!(first["code"], "forbidden", "{first}");
            assert_eq!(socket.end().await.1, Some(4403));
            refused("stream", &stream.send(key.address).await, ErrorCode::Forbidden);
        }
    }
}

#[tokio::test]
async fn no_key_changes_accounts_of_its_own_or_keys_and_bots_administer_nothing() {
    let (_server, admin) = open().await;
    let (shown, robin) = make(&admin, &bot(&ALL)).await;
    let scopes = ["users:read", "users:write", "audit:read"];
    let (_, shop) = make(&admin, &json!({"name": "Import", "scopes": scopes})).await;
    let id = shown["id"].as_str().expect("an id");
    for key in [&robin, &shop] {
        for (method, path, body) in [
            ("GET", "/api-keys".to_owned(), None),
            ("POST", "/api-keys".to_owned(), Some(json!({"name": "x", "scopes": ["users:read"]}))),
            ("DELETE", format!("/api-keys/{id}"), None),
            ("PATCH", "/me".to_owned(), Some(json!({"name": "Admin"}))),
            ("GET", "/me/sessions".to_owned(), None),
            (
                "POST",
                "/me/password".to_owned(),
                Some(json!({"current_password": "12345678", "new_password": "87654321"})),
            ),
            ("POST", "/me/visitors".to_owned(), Some(json!({"visitor_token": robin.token.replace("chk_", "rt_")}))),
            ("POST", "/auth/logout".to_owned(), None),
        ] {
            let request = key.request(method, &path);
            let request = body.as_ref().map_or(request.clone(), |body| request.json(body));
            let answer = request.send(key.address).await;
            assert!((400..500).contains(&answer.status), "{method} {path}: {}", answer.text());
            let code = answer.problem().code;
            let good = [ErrorCode::Forbidden, ErrorCode::Conflict, ErrorCode::Invalid, ErrorCode::NotFound];
            assert!(good.contains(&code), "{method} {path}: {}", answer.text());
        }
    }
    let user = json!({"email": "new@shop.test", "name": "New", "password": "new to all of us", "role": "agent"});
    refused("a bot", &robin.call_with("POST", "/users", &user).await, ErrorCode::Forbidden);
    // The shop itself does what its scopes say, and is nobody to talk to.
    assert_eq!(shop.call_with("POST", "/users", &user).await.status, 201);
    refused("me", &shop.call("GET", "/me").await, ErrorCode::Forbidden);
    for path in ["/conversations", "/directory?role=agent", "/events?wait=0"] {
        refused(path, &shop.call("GET", path).await, ErrorCode::Forbidden);
    }
    let begin = json!({"kind": "direct", "participants": [robin.id]});
    refused("begin", &shop.call_with("POST", "/conversations", &begin).await, ErrorCode::Forbidden);
    let mut socket = Socket::connect(shop.address).await;
    socket.say(&json!({"t": "hello", "token": shop.token})).await;
    assert_eq!(socket.end().await.1, Some(4403));
    let (_, reader) = make(&admin, &json!({"name": "Reader", "scopes": ["users:read"]})).await;
    let other = json!({"email": "other@shop.test", "name": "Other", "password": "new to all of us", "role": "agent"});
    refused("without the scope", &reader.call_with("POST", "/users", &other).await, ErrorCode::Forbidden);
}

#[tokio::test]
async fn no_key_makes_admins_or_touches_them_and_bots_stay_what_they_are() {
    let (server, admin) = open().await;
    let scopes = ["users:read", "users:write"];
    let (_, shop) = make(&admin, &json!({"name": "Import", "scopes": scopes})).await;
    let (_, robin) = make(&admin, &bot(&ALL)).await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let root = json!({"email": "root@shop.test", "name": "Root", "password": "new to all of us", "role": "admin"});
    refused("an admin", &shop.call_with("POST", "/users", &root).await, ErrorCode::Forbidden);
    let path = format!("/users/{}", leo.id);
    refused("a promotion", &shop.call_with("PATCH", &path, &json!({"role": "admin"})).await, ErrorCode::Forbidden);
    let admins = format!("/users/{}", admin.id);
    for (method, path, body) in [
        ("PATCH", admins.clone(), json!({"role": "agent"})),
        ("PATCH", admins.clone(), json!({"name": "X"})),
        ("POST", format!("{admins}/disable"), json!({})),
        ("DELETE", format!("{admins}/sessions"), json!({})),
    ] {
        refused(&path, &shop.call_with(method, &path, &body).await, ErrorCode::Forbidden);
    }
    admin.get("/me").await;
    // What it may do, it does.
    assert_eq!(shop.call_with("PATCH", &path, &json!({"role": "merchant"})).await.ok()["role"], "merchant");
    shop.get("/users").await;
    // A bot's key is dead while the bot is disabled.
    let bots = format!("/users/{}", robin.id);
    refused("an admin bot", &admin.call_with("PATCH", &bots, &json!({"role": "admin"})).await, ErrorCode::Conflict);
    let mut socket = robin.socket().await;
    admin.call("POST", &format!("{bots}/disable")).await.ok();
    refused("disabled", &robin.call("GET", "/me").await, ErrorCode::TokenRevoked);
    assert_eq!(socket.end().await.1, Some(4401));
}

#[tokio::test]
async fn a_key_that_was_taken_back_is_dead_at_once_and_so_are_its_sockets() {
    let (server, admin) = open().await;
    let (shown, robin) = make(&admin, &bot(&ALL)).await;
    let (_, other) = make(&admin, &json!({"name": "Other", "scopes": ALL, "user": robin.id})).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let order = ana.direct(&robin).await;
    let (mut socket, mut others) = (robin.socket().await, other.socket().await);
    let path = format!("/api-keys/{}", shown["id"].as_str().expect("an id"));
    admin.call("DELETE", &path).await.ok();
    assert_eq!(socket.end().await.1, Some(4401));
    for answer in [robin.call("GET", "/me").await, robin.write(order, "still here").await] {
        refused("taken back", &answer, ErrorCode::Unauthenticated);
    }
    let mut again = Socket::connect(robin.address).await;
    again.say(&json!({"t": "hello", "token": robin.token})).await;
    assert_eq!(again.end().await.1, Some(4401));
    refused("again", &admin.call("DELETE", &path).await, ErrorCode::NotFound);
    // The bot stays, and so does its other key.
    other.write(order, "I am").await.ok();
    others.find("ev message.created").await;
    assert_eq!(admin.get("/api-keys").await["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn keys_are_made_by_admins_well_or_not_at_all() {
    let (server, admin) = open().await;
    let leo = server.door.person(Role::Agent, "leo").await;
    for role in [Role::Agent, Role::Customer, Role::Designer, Role::Merchant] {
        let who = server.door.person(role, &format!("{role}-1")).await;
        for answer in [try_make(&who, &bot(&ALL)).await, who.call("GET", "/api-keys").await] {
            refused(&role.to_string(), &answer, ErrorCode::Forbidden);
        }
    }
    let with = |key: &str, value: Value| {
        let mut body = bot(&ALL);
        body[key] = value;
        body
    };
    for (case, body) in [
        ("no scopes", with("scopes", json!([]))),
        ("an unknown scope", with("scopes", json!(["everything"]))),
        ("a star", with("scopes", json!(["*"]))),
        ("a blank name", with("name", json!(" "))),
        ("a bot and a user", with("user", json!(leo.id))),
        ("an admin bot", with("bot", json!({"name": "Root", "role": "admin"}))),
        ("a customer bot", with("bot", json!({"name": "Shill", "role": "customer"}))),
        ("a person", json!({"name": "x", "scopes": ALL, "user": leo.id})),
        ("nobody", json!({"name": "x", "scopes": ALL, "user": "user_01kay8m2r3f9vvk1a2b3c4d5e6"})),
        ("the shop talks", json!({"name": "x", "scopes": ["messages:write"]})),
        ("a key of one's own choice", with("key", json!("chk_mine"))),
    ] {
        refused(case, &try_make(&admin, &body).await, ErrorCode::Invalid);
    }
    assert_eq!(admin.get("/api-keys").await["items"], json!([]));
    let (_, robin) = make(&admin, &bot(&ALL)).await;
    let mut altered = robin.token.clone();
    altered.replace_range(10..11, if altered.as_bytes()[10] == b'a' { "b" } else { "a" });
    for token in
        ["chk_", "chk_x", &altered, &robin.token.to_uppercase(), &robin.token[4..], &format!("{}x", robin.token)]
    {
        let answer = server.door.send(Request::new("GET", "/api/v1/me").token(token)).await;
        refused(token, &answer, ErrorCode::Unauthenticated);
        let mut socket = Socket::connect(robin.address).await;
        socket.say(&json!({"t": "hello", "token": token})).await;
        assert_eq!(socket.end().await.1, Some(4401), "{token}");
    }
    // Nobody signs in as a bot.
    let login = Request::new("POST", "/api/v1/auth/login").json(&json!({"email": "", "password": "new to all of us"}));
    refused("login", &server.door.send(login).await, ErrorCode::InvalidCredentials);
    let last_used = async || admin.get("/api-keys").await["items"][0]["last_used_at"].clone();
    assert_eq!(last_used().await, Value::Null);
    robin.get("/me").await;
    let first = last_used().await;
    assert!(first.is_string(), "{first}");
    server.advance(Duration::from_mins(10));
    robin.get("/me").await;
    assert_ne!(last_used().await, first, "it is remembered more exactly than it is written");
}
