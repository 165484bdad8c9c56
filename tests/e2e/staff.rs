//! Who becomes part of the staff, and who says so.

use std::time::Duration;

use chat_proto::{ErrorCode, Role, UserId};
use chat_tests::{Answer, Door, InProcess, Options, PASSWORD, Person, Request, Socket};
use serde_json::{Value, json};

fn code(answer: &Answer) -> ErrorCode {
    answer.problem().code
}

/// The first admin.
async fn admin(door: &Door) -> Person {
    door.sign_in(Door::ADMIN).await
}

async fn accept(door: &Door, body: &Value) -> Answer {
    door.send(Request::new("POST", "/api/v1/auth/invitation").json(body)).await
}

async fn invite(admin: &Person, email: &str, role: Role) -> Value {
    admin.call_with("POST", "/invitations", &json!({"email": email, "role": role})).await.ok()
}

async fn is_closed(socket: &mut Socket) {
    let (frames, code) = socket.end().await;
    assert_eq!((code, &frames.last().expect("a last word")["reason"]), (Some(4401), &json!("token_revoked")));
}

/// seed-api.md 1.11, 1; security.md 12: who signs up says nothing but an address, a name and a password.
#[tokio::test]
async fn nobody_makes_themselves_an_admin() {
    let server = InProcess::start().await;
    let sign_up = json!({"email": "eve@shop.test", "name": "Eve", "password": PASSWORD});
    for (key, value) in [
        ("role", json!("admin")),
        ("id", json!("user_01kay8m2r3f9vvk1a2b3c4d5e6")),
        ("state", json!("active")),
        ("email_verified", json!(true)),
        ("version", json!(7)),
        ("created_at", json!("2020-01-01T00:00:00.000Z")),
    ] {
        let mut body = sign_up.clone();
        body[key] = value;
        let answer = server.door.send(Request::new("POST", "/api/v1/auth/register").json(&body)).await;
        assert_eq!(code(&answer), ErrorCode::Invalid, "{key}: {}", answer.text());
    }
    let eve = server.door.send(Request::new("POST", "/api/v1/auth/register").json(&sign_up)).await.ok();
    assert_eq!(eve["user"]["role"], "customer");
    let eve = server.door.sign_in("eve@shop.test").await;
    for (key, value) in [("role", json!("admin")), ("email", json!("admin@shop.test")), ("email_verified", json!(true))]
    {
        let body = json!({"name": "Eve", key: value});
        assert_eq!(code(&eve.call_with("PATCH", "/me", &body).await), ErrorCode::Invalid, "{key}");
    }
    // Nor with an invitation: its role is what the admin said.
    let admin = admin(&server.door).await;
    let token = invite(&admin, "mia@shop.test", Role::Designer).await["token"].clone();
    let mut body = json!({"token": token, "name": "Mia", "password": PASSWORD, "role": "admin"});
    assert_eq!(code(&accept(&server.door, &body).await), ErrorCode::Invalid);
    body.as_object_mut().expect("an object").remove("role");
    assert_eq!(accept(&server.door, &body).await.ok()["user"]["role"], "designer");
}

/// security.md 19.
#[tokio::test]
async fn administration_is_for_admins() {
    let server = InProcess::start().await;
    let admin = admin(&server.door).await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let open = invite(&admin, "new@shop.test", Role::Agent).await;
    let invitation = format!("/invitations/{}", open["invitation"]["id"].as_str().expect("an id"));
    let before = admin.get(&format!("/users/{}", leo.id)).await;
    let user = |rest: &str| format!("/users/{}{rest}", leo.id);
    for role in [Role::Agent, Role::Customer, Role::Designer, Role::Merchant] {
        let other = server.door.person(role, &format!("other-{role}")).await;
        for (method, path, body) in [
            ("GET", "/users".to_owned(), None),
            (
                "POST",
                "/users".to_owned(),
                Some(json!({"email": "x@x.test", "name": "X", "password": PASSWORD, "role": "admin"})),
            ),
            ("GET", user(""), None),
            ("PATCH", user(""), Some(json!({"role": "customer"}))),
            ("PATCH", format!("/users/{}", other.id), Some(json!({"role": "admin"}))),
            ("POST", user("/disable"), None),
            ("POST", user("/enable"), None),
            ("POST", user("/password-reset"), None),
            ("DELETE", user(""), None),
            ("GET", user("/sessions"), None),
            ("DELETE", user("/sessions"), None),
            ("POST", "/invitations".to_owned(), Some(json!({"email": "x@x.test", "role": "admin"}))),
            ("GET", "/invitations".to_owned(), None),
            ("DELETE", invitation.clone(), None),
        ] {
            let answer = match body {
                Some(body) => other.call_with(method, &path, &body).await,
                None => other.call(method, &path).await,
            };
            assert_eq!(code(&answer), ErrorCode::Forbidden, "{role} {method} {path}");
        }
    }
    assert_eq!(admin.get(&format!("/users/{}", leo.id)).await, before);
    leo.get("/me").await;
}

#[tokio::test]
async fn an_invitation_is_accepted_once_within_its_time() {
    let server = InProcess::start_with(Options { manual_clock: true, ..Options::default() }).await;
    let admin = admin(&server.door).await;
    let made = invite(&admin, "Mia@Shop.test", Role::Merchant).await;
    let shown = &made["invitation"];
    assert_eq!((&shown["email"], &shown["role"]), (&json!("Mia@Shop.test"), &json!("merchant")));
    assert_eq!(shown["by"]["id"], json!(admin.id));
    let listed = admin.get("/invitations").await;
    assert_eq!(listed["items"], json!([shown]));
    let token = made["token"].as_str().expect("a token");
    assert!(!listed.to_string().contains(token), "the list shows no token");

    let body = |token: &str| json!({"token": token, "name": "Mia", "password": PASSWORD});
    let mut guessed = token.to_owned();
    guessed.replace_range(60..61, if &guessed[60..61] == "A" { "B" } else { "A" });
    for wrong in ["", "it_", &guessed, &admin.token, &admin.refresh_token] {
        let answer = accept(&server.door, &body(wrong)).await;
        assert_eq!(answer.problem().fields[0].pointer, "/token", "{}", answer.text());
    }
    assert_eq!(
        code(&accept(&server.door, &json!({"token": token, "name": " ", "password": PASSWORD})).await),
        ErrorCode::Invalid
    );
    let accepted = accept(&server.door, &body(token)).await;
    assert_eq!(accepted.status, 201);
    let accepted = accepted.ok();
    assert_eq!((&accepted["user"]["role"], &accepted["user"]["email"]), (&json!("merchant"), &json!("Mia@Shop.test")));
    assert!(accepted["refresh_token"].is_string());
    let again = accept(&server.door, &body(token)).await;
    assert_eq!(again.problem().fields[0].pointer, "/token");
    assert_eq!(admin.get("/invitations").await["items"], json!([]));
    assert_eq!(
        code(&admin.call_with("POST", "/invitations", &json!({"email": "mia@shop.test", "role": "agent"})).await),
        ErrorCode::EmailTaken
    );

    // Taken back, made anew, and over.
    let back = invite(&admin, "bo@shop.test", Role::Agent).await;
    let path = format!("/invitations/{}", back["invitation"]["id"].as_str().expect("an id"));
    assert_eq!(admin.call("DELETE", &path).await.status, 204);
    assert_eq!(code(&admin.call("DELETE", &path).await), ErrorCode::NotFound);
    let first = invite(&admin, "bo@shop.test", Role::Agent).await;
    let second = invite(&admin, "bo@shop.test", Role::Designer).await;
    for gone in [&back, &first] {
        let token = gone["token"].as_str().expect("a token");
        assert_eq!(code(&accept(&server.door, &body(token)).await), ErrorCode::Invalid);
    }
    server.advance(Duration::from_hours(72));
    let late = second["token"].as_str().expect("a token");
    assert_eq!(code(&accept(&server.door, &body(late)).await), ErrorCode::Invalid);
}

/// security.md 5.
#[tokio::test]
async fn another_role_and_disabling_end_the_sessions_and_their_sockets() {
    let server = InProcess::start().await;
    let admin = admin(&server.door).await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let path = format!("/users/{}", leo.id);
    assert_eq!(admin.get(&format!("{path}/sessions")).await["items"][0]["current"], false);

    let mut socket = leo.socket().await;
    admin.call_with("PATCH", &path, &json!({"name": "Leo Marsh"})).await.ok();
    assert_eq!(socket.find("ev user.changed").await["d"]["name"], "Leo Marsh");
    let stale = admin.request("PATCH", &path).header("If-Match", "\"v1\"").json(&json!({"role": "merchant"}));
    let stale = stale.send(admin.address).await;
    assert_eq!((code(&stale), stale.problem().version), (ErrorCode::VersionMismatch, Some(2)));
    let fresh = admin.request("PATCH", &path).header("If-Match", "\"v2\"").json(&json!({"role": "merchant"}));
    let changed = fresh.send(admin.address).await;
    assert_eq!((changed.header("etag"), &changed.ok()["role"]), (Some("\"v3\""), &json!("merchant")));
    is_closed(&mut socket).await;
    assert_eq!(code(&leo.call("GET", "/me").await), ErrorCode::TokenRevoked);

    let leo = server.door.sign_in(&leo.email).await;
    let mut socket = leo.socket().await;
    assert_eq!(admin.call("POST", &format!("{path}/disable")).await.ok()["state"], "disabled");
    is_closed(&mut socket).await;
    assert_eq!(code(&leo.call("GET", "/me").await), ErrorCode::TokenRevoked);
    let login = json!({"email": leo.email, "password": PASSWORD});
    let login = Request::new("POST", "/api/v1/auth/login").json(&login);
    assert_eq!(code(&server.door.send(login.clone()).await), ErrorCode::InvalidCredentials);
    let refresh = Request::new("POST", "/api/v1/auth/refresh").json(&json!({"refresh_token": leo.refresh_token}));
    assert_eq!(code(&server.door.send(refresh).await), ErrorCode::TokenRevoked);
    admin.call("POST", &format!("{path}/enable")).await.ok();
    assert_eq!(server.door.send(login).await.status, 200);

    let leo = server.door.sign_in(&leo.email).await;
    let mut socket = leo.socket().await;
    assert_eq!(admin.call("DELETE", &format!("{path}/sessions")).await.status, 204);
    is_closed(&mut socket).await;
}

/// security.md 13.
#[tokio::test]
async fn the_last_admin_who_can_sign_in_stays() {
    let server = InProcess::start().await;
    let admin = admin(&server.door).await;
    let path = |id: UserId, rest: &str| format!("/users/{id}{rest}");
    let demote = json!({"role": "agent"});
    for answer in [
        admin.call_with("PATCH", &path(admin.id, ""), &demote).await,
        admin.call("POST", &path(admin.id, "/disable")).await,
    ] {
        assert_eq!(code(&answer), ErrorCode::Conflict);
        assert!(answer.problem().detail.contains("last admin"), "{}", answer.text());
    }
    let eve = server.door.person(Role::Admin, "eve").await;
    admin.call("POST", &path(eve.id, "/disable")).await.ok();
    assert_eq!(code(&admin.call_with("PATCH", &path(admin.id, ""), &demote).await), ErrorCode::Conflict);
    admin.call("POST", &path(eve.id, "/enable")).await.ok();
    let eve = server.door.sign_in(&eve.email).await;
    admin.call_with("PATCH", &path(admin.id, ""), &demote).await.ok();
    assert_eq!(code(&eve.call("POST", &path(eve.id, "/disable")).await), ErrorCode::Conflict);
}

#[tokio::test]
async fn accounts_are_listed_part_by_part() {
    let server = InProcess::start().await;
    let admin = admin(&server.door).await;
    for i in 0..5 {
        server.door.person(Role::Customer, &format!("customer-{i}")).await;
        server.door.person(Role::Agent, &format!("agent-{i}")).await;
    }
    let off: UserId = server.door.person(Role::Agent, "agent-off").await.id;
    admin.call("POST", &format!("/users/{off}/disable")).await.ok();
    let all = async |filter: &str, limit: usize| {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = admin.get(&format!("/users?limit={limit}{filter}{cursor}")).await;
            let rows = page["items"].as_array().expect("rows");
            assert!(rows.len() <= limit);
            found.extend(rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    };
    let agents: Vec<String> = (0..5).map(|i| format!("agent-{i}")).chain(["agent-off".to_owned()]).collect();
    let customers: Vec<String> = (0..5).map(|i| format!("customer-{i}")).collect();
    let everybody: Vec<String> =
        ["Admin".to_owned()].into_iter().chain(agents.clone()).chain(customers.clone()).collect();
    for limit in [1, 2, 3, 5, 12, 200] {
        assert_eq!(all("", limit).await, everybody, "{limit}");
        assert_eq!(all("&role=agent", limit).await, agents, "{limit}");
        assert_eq!(all("&state=disabled", limit).await, ["agent-off"], "{limit}");
        assert_eq!(all("&role=customer&state=active", limit).await, customers, "{limit}");
        assert_eq!(all("&role=merchant", limit).await, Vec::<String>::new(), "{limit}");
    }
    let page = admin.get("/users?role=agent&limit=1").await;
    let cursor = page["next_cursor"].as_str().expect("there are more");
    for other in ["/users?", "/users?role=customer&", "/users?role=agent&state=active&", "/directory?role=agent&"] {
        assert_eq!(
            code(&admin.call("GET", &format!("{other}cursor={cursor}")).await),
            ErrorCode::InvalidCursor,
            "{other}"
        );
    }
    assert_eq!(code(&admin.call("GET", &format!("/users/{}", UserId::from_bytes([7; 16]))).await), ErrorCode::NotFound);
}

#[tokio::test]
async fn an_account_is_found_by_its_address() {
    let server = InProcess::start().await;
    let admin = admin(&server.door).await;
    let leo = server.door.person(Role::Agent, "Leo").await;
    server.door.person(Role::Agent, "xleo").await;
    let found = async |query: &str| admin.get(&format!("/users?{query}")).await;
    for email in ["leo@shop.test", "LEO@Shop.test", "%20Leo%40shop.test%20"] {
        let page = found(&format!("email={email}")).await;
        assert_eq!(page["items"], json!([admin.get(&format!("/users/{}", leo.id)).await]), "{email}");
        assert_eq!(page["next_cursor"], Value::Null);
        assert!(page["as_of"].is_string());
    }
    // The whole address, and nobody else's.
    for query in ["email=leo", "email=", "email=eo@shop.test", "email=leo@shop.tes", "email=%25"] {
        assert_eq!(found(query).await["items"], json!([]), "{query}");
    }
    for (query, count) in [("role=agent", 1), ("role=customer", 0), ("state=active", 1), ("state=disabled", 0)] {
        let page = found(&format!("email=leo@shop.test&{query}")).await;
        assert_eq!(page["items"].as_array().map(Vec::len), Some(count), "{query}");
    }
    let cursor = found("limit=1").await["next_cursor"].as_str().expect("there are more").to_owned();
    let refused = admin.call("GET", &format!("/users?email=leo@shop.test&cursor={cursor}")).await;
    assert_eq!(code(&refused), ErrorCode::InvalidCursor);
    assert_eq!(code(&leo.call("GET", "/users?email=leo@shop.test").await), ErrorCode::Forbidden);

    let client = admin.client();
    assert_eq!(client.user_by_email("LEO@shop.test").await.expect("readable").map(|user| user.id), Some(leo.id));
    assert_eq!(client.user_by_email("nobody+1@shop.test").await.expect("readable"), None);
    admin.call("DELETE", &format!("/users/{}", leo.id)).await.ok();
    assert_eq!(found("email=leo@shop.test").await["items"], json!([]), "the address is nobody's");
}
