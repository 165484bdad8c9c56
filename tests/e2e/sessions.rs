//! Sessions: they go on under new tokens, are listed, and end.

use std::time::Duration;

use chat_proto::{ErrorCode, Role};
use chat_tests::{Answer, Door, Frame, InProcess, Options, PASSWORD, Person, Request, Server, Socket, run};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::CHATD;

async fn refresh(door: &Door, refresh_token: &str) -> Answer {
    let body = json!({"refresh_token": refresh_token});
    door.send(Request::new("POST", "/api/v1/auth/refresh").header("User-Agent", "till/2").json(&body)).await
}

/// The same person under the next tokens.
async fn refreshed(door: &Door, person: &Person) -> Person {
    let next = refresh(door, &person.refresh_token).await.ok();
    let text = |key: &str| next[key].as_str().expect("a token").to_owned();
    Person { token: text("access_token"), refresh_token: text("refresh_token"), ..person.at(door) }
}

fn code(answer: &Answer) -> ErrorCode {
    answer.problem().code
}

async fn sessions(person: &Person) -> Vec<Value> {
    person.get("/me/sessions").await["items"].as_array().expect("rows").clone()
}

/// The socket is closed at once since its session has ended.
async fn is_closed(socket: &mut Socket) {
    let (frames, code) = socket.end().await;
    let bye = frames.last().expect("a last word");
    assert_eq!((code, &bye["reason"], &bye["reconnect"]), (Some(4401), &json!("token_revoked"), &json!(false)));
}

/// seed-api.md 1.11, 6: short tokens that can be revoked.
#[tokio::test]
async fn a_session_goes_on_under_new_tokens_each_of_which_is_good_once() {
    let options = Options {
        manual_clock: true,
        access_ttl: Duration::from_mins(15),
        refresh_ttl: Duration::from_hours(1),
        ..Options::default()
    };
    let server = InProcess::start_with(options).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let first = refresh(&server.door, &ana.refresh_token).await.ok();
    assert_eq!((&first["expires_in"], &first["token_type"]), (&json!(900), &json!("Bearer")));
    assert_eq!(first["user"]["id"], json!(ana.id));
    let mut now = Person {
        token: first["access_token"].as_str().expect("a token").to_owned(),
        refresh_token: first["refresh_token"].as_str().expect("a token").to_owned(),
        ..ana.clone()
    };
    // Sliding: used each half hour, it outlives its hour.
    for _ in 0..4 {
        server.advance(Duration::from_mins(30));
        assert_eq!(code(&now.call("GET", "/me").await), ErrorCode::TokenExpired);
        now = refreshed(&server.door, &now).await;
        now.get("/me").await;
    }
    let [session] = &sessions(&now).await[..] else { panic!("not one session") };
    assert!(session["last_used_at"].as_str() > session["created_at"].as_str(), "{session}");
    assert_eq!(session["device"], "till/2");

    // The token of three renewals ago, which somebody has kept.
    let mut socket = now.socket().await;
    assert_eq!(code(&refresh(&server.door, &ana.refresh_token).await), ErrorCode::TokenRevoked);
    is_closed(&mut socket).await;
    assert_eq!(code(&now.call("GET", "/me").await), ErrorCode::TokenRevoked);
    assert_eq!(code(&refresh(&server.door, &now.refresh_token).await), ErrorCode::TokenRevoked);
}

/// security.md 6.
#[tokio::test]
async fn of_eight_refreshes_at_once_at_most_one_succeeds_and_the_session_is_over() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let other = server.door.sign_in(&ana.email).await;
    let answers = join_all((0..8).map(|_| refresh(&server.door, &ana.refresh_token))).await;
    let good: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert!(good.len() <= 1, "{} succeeded", good.len());
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(code(answer), ErrorCode::TokenRevoked);
    }
    for answer in good {
        let next = answer.ok()["refresh_token"].as_str().expect("a token").to_owned();
        assert_eq!(code(&refresh(&server.door, &next).await), ErrorCode::TokenRevoked);
    }
    assert_eq!(code(&ana.call("GET", "/me").await), ErrorCode::TokenRevoked);
    other.get("/me").await;
}

#[tokio::test]
async fn a_made_up_refresh_token_ends_nobodys_session() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let bytes = data_encoding::BASE64URL_NOPAD.decode(&ana.refresh_token.as_bytes()[3..]).expect("base64");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let changed = format!("rt_{}", data_encoding::BASE64URL_NOPAD.encode(&changed));
        let answer = refresh(&server.door, &changed).await;
        assert_eq!(answer.status, 401, "{}", answer.text());
        // The last part is a secret of its own: with all the rest right, it is one that was spent.
        if at < 48 {
            ana.get("/me").await;
        }
    }
    assert_eq!(code(&ana.call("GET", "/me").await), ErrorCode::TokenRevoked);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_all_the_others() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let eve = server.door.person(Role::Customer, "eve").await;
    let device = format!("Sh\u{e9}p \t/1 {}", "x".repeat(300));
    let body = json!({"email": ana.email, "password": PASSWORD});
    let login = Request::new("POST", "/api/v1/auth/login").header("User-Agent", device).json(&body);
    let phone = server.door.send(login).await.ok();
    let phone = Person { token: phone["access_token"].as_str().expect("a token").to_owned(), ..ana.clone() };
    let tablet = server.door.sign_in(&ana.email).await;

    let listed = sessions(&ana).await;
    assert_eq!(listed.len(), 3);
    let current: Vec<&Value> = listed.iter().map(|session| &session["current"]).collect();
    assert_eq!(current, [true, false, false]);
    assert!(listed.iter().all(|session| session["address"] == "127.0.0.1"), "{listed:?}");
    let shown = listed[1]["device"].as_str().expect("a device");
    assert!(shown.starts_with("Sh") && shown.chars().count() == 200, "{shown:?}");
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    let text = serde_json::to_string(&listed).expect("JSON");
    assert!(!text.contains("refresh") && !text.contains(&ana.refresh_token), "{text}");

    let path = format!("/me/sessions/{}", listed[1]["id"].as_str().expect("an id"));
    assert_eq!(code(&eve.call("DELETE", &path).await), ErrorCode::NotFound);
    let (mut phones, mut tablets, mut mine) = (phone.socket().await, tablet.socket().await, ana.socket().await);
    assert_eq!(ana.call("DELETE", &path).await.status, 204);
    is_closed(&mut phones).await;
    assert_eq!(code(&phone.call("GET", "/me").await), ErrorCode::TokenRevoked);
    assert_eq!(code(&ana.call("DELETE", &path).await), ErrorCode::NotFound);
    tablet.get("/me").await;

    assert_eq!(ana.call("DELETE", "/me/sessions").await.status, 204);
    is_closed(&mut tablets).await;
    mine.settle().await;
    assert_eq!(sessions(&ana).await.len(), 1);
    assert_eq!(sessions(&eve).await.len(), 1);
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_their_sockets() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let thief = server.door.sign_in(&ana.email).await;
    let change = |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        let request = ana.request("POST", "/me/password").json(&body);
        async move { request.send(ana.address).await }
    };
    for (current, new, pointer) in [
        ("not my password", "another good one", "/current_password"),
        ("", "another good one", "/current_password"),
        (PASSWORD, "short", "/new_password"),
    ] {
        let answer = change(current, new).await;
        assert_eq!(answer.problem().fields[0].pointer, pointer, "{}", answer.text());
    }
    thief.get("/me").await;
    let (mut mine, mut thiefs) = (ana.socket().await, thief.socket().await);
    assert_eq!(change(PASSWORD, "another good one").await.status, 204);
    is_closed(&mut thiefs).await;
    mine.settle().await;
    assert_eq!(code(&refresh(&server.door, &thief.refresh_token).await), ErrorCode::TokenRevoked);
    refreshed(&server.door, &ana).await.get("/me").await;
    for (password, status) in [(PASSWORD, 401), ("another good one", 200)] {
        let body = json!({"email": ana.email, "password": password});
        let login = Request::new("POST", "/api/v1/auth/login").json(&body);
        assert_eq!(server.door.send(login).await.status, status, "{password}");
    }
}

#[tokio::test]
async fn a_socket_outlives_its_token_by_renewing_in_band() {
    let options = Options { manual_clock: true, access_ttl: Duration::from_mins(1), ..Options::default() };
    let server = InProcess::start_with(options).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    server.advance(Duration::from_secs(50));
    // Ten seconds are left to both, and then a minute to one of them.
    let (mut renewed, mut left) = (ana.socket().await, ana.socket().await);
    let next = refreshed(&server.door, &ana).await;
    let answer = renewed.ask(&json!({"t": "auth", "re": 1, "token": next.token})).await;
    assert_eq!(answer["t"], "ok", "{answer}");
    tokio::time::pause();
    let mut said = Value::Null;
    let code = loop {
        match left.read().await {
            Frame::Json(frame) => said = frame,
            Frame::Closed(code) => break code,
        }
    };
    tokio::time::resume();
    assert_eq!((code, &said["t"], &said["reason"]), (Some(4401), &json!("bye"), &json!("token_expired")));
    // The other goes on, and ends with the session of both.
    renewed.settle().await;
    next.call("POST", "/auth/logout").await.ok();
    is_closed(&mut renewed).await;
}

async fn rotate(server: &mut Server, flags: &[&str]) {
    let folder = server.data_dir();
    let folder = folder.to_str().expect("a plain path").to_owned();
    let command: Vec<&str> =
        ["key", "rotate", "--data-dir", &folder].into_iter().chain(flags.iter().copied()).collect();
    let running = run(CHATD, &command, &[]).await;
    assert_eq!(running.code, Some(75), "not while the server runs: {running:?}");
    server.terminate();
    server.exited().await;
    let done = run(CHATD, &command, &[]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    server.spawn();
    server.ready().await;
}

#[tokio::test]
async fn keys_are_rotated_with_overlap_or_at_once() {
    let mut server = Server::start(CHATD).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    rotate(&mut server, &[]).await;
    // What the old key signed is taken until it ends; what is new is signed with the new one.
    ana.at(server.door()).get("/me").await;
    let next = refreshed(server.door(), &ana).await;
    next.get("/me").await;
    let head = |token: &str| token.split('.').next().expect("a header").to_owned();
    assert_ne!(head(&next.token), head(&ana.token));

    rotate(&mut server, &["--at-once"]).await;
    for person in [&ana, &next] {
        assert_eq!(code(&person.at(server.door()).call("GET", "/me").await), ErrorCode::Unauthenticated);
    }
    // The session goes on.
    refreshed(server.door(), &next).await.get("/me").await;
}

#[tokio::test]
async fn the_secret_of_the_environment_signs_and_can_be_changed() {
    let (old, new) = ("fX0qUu3yK1f2mTn8bZ5cVw7dRs9gHj4l", "Qw8eRt2yUi6oPa1sDf5gHj9kLz3xCv7b");
    let mut server = Server::start_with(CHATD, &[("JWT_SECRET", old)]).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let restart = async |server: &mut Server, settings: &[(&str, &str)]| {
        server.set(settings);
        server.restart().await;
    };
    restart(&mut server, &[("JWT_SECRET", new), ("CHATD_AUTH__PREVIOUS_JWT_SECRET", old)]).await;
    ana.at(server.door()).get("/me").await;
    let next = refreshed(server.door(), &ana).await;
    restart(&mut server, &[("JWT_SECRET", new)]).await;
    assert_eq!(code(&ana.at(server.door()).call("GET", "/me").await), ErrorCode::Unauthenticated);
    next.at(server.door()).get("/me").await;
}
