//! A socket goes on under a new token, without a gap.

use std::time::Duration;

use chat_proto::{ConversationId, Role};
use chat_tests::{Door, Frame, InProcess, Options, Person, Socket};
use chatcore::Limits;
use serde_json::{Value, json};

async fn customer_and_agent(door: &Door) -> (Person, Person, ConversationId) {
    let ana = door.person(Role::Customer, "ana").await;
    let leo = door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    (ana, leo, order)
}

fn send(re: u64, conv: ConversationId, text: &str) -> Value {
    json!({"t": "send", "re": re, "conv": conv, "client_id": text.replace(' ', "_"), "text": text})
}

fn auth(re: u64, token: &str) -> Value {
    json!({"t": "auth", "re": re, "token": token})
}

/// The close code, and what was said last.
async fn farewell(socket: &mut Socket) -> (Option<u16>, Value) {
    let (frames, code) = socket.end().await;
    (code, frames.last().expect("a last word")["reason"].clone())
}

#[tokio::test]
async fn a_socket_goes_over_to_the_session_of_the_new_token() {
    let server = InProcess::start().await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let mut leos = leo.socket().await;
    let mut socket = Socket::connect(ana.address).await;
    socket.say(&json!({"t": "hello", "token": ana.token})).await;
    let welcome = socket.json().await;
    assert!(welcome["expires_in"].as_u64().is_some_and(|left| (3_500..=3_600).contains(&left)), "{welcome}");

    let again = server.door.sign_in(&ana.email).await;
    // Between two sends that do not wait: nothing is lost and nobody sees her go.
    socket.say_all([send(1, order, "before"), auth(2, &again.token), send(3, order, "after")]).await;
    let mut answers: Vec<Value> = Vec::new();
    while answers.len() < 3 {
        answers.extend(socket.until(|frame| frame["re"].is_u64()).await.into_iter().filter(|f| f["re"].is_u64()));
    }
    answers.sort_by_key(|answer| answer["re"].as_u64());
    assert!(answers.iter().all(|answer| answer["t"] == "ok"), "{answers:?}");
    let renewed = &answers[1]["d"];
    assert!(renewed["expires_in"].as_u64().is_some_and(|left| (3_500..=3_600).contains(&left)), "{renewed}");
    assert_ne!(renewed["session"], welcome["session"]);

    // The old session's end is nothing to it any more: it neither closes it nor takes it the right to send.
    ana.call("POST", "/auth/logout").await.ok();
    assert_eq!(socket.ask(&send(4, order, "still here")).await["t"], "ok");
    leo.write(order, "I see").await.ok();
    socket.until(|frame| frame["d"]["text"] == "I see").await;
    let heard = leos.until(|frame| frame["d"]["text"] == "I see").await;
    let coming_and_going: Vec<_> = heard.iter().filter(|frame| frame["e"] == "presence").collect();
    assert_eq!(coming_and_going.len(), 1, "{coming_and_going:?}");

    // The same session once more is fine, and the new session's end is its end.
    let answer = socket.ask(&auth(5, &again.token)).await;
    assert_eq!((&answer["t"], &answer["d"]["session"]), (&json!("ok"), &renewed["session"]));
    again.call("POST", "/auth/logout").await.ok();
    assert_eq!(farewell(&mut socket).await, (Some(4401), json!("token_revoked")));
}

#[tokio::test]
async fn a_token_that_is_no_good_is_refused_and_the_socket_goes_on_as_it_was() {
    let ttl = Duration::from_mins(10);
    let server = InProcess::start_with(Options { manual_clock: true, access_ttl: ttl, ..Options::default() }).await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let old = server.door.sign_in(&ana.email).await;
    server.advance(Duration::from_mins(6));
    let now = server.door.sign_in(&ana.email).await;
    let mut socket = now.socket().await;
    let revoked = server.door.sign_in(&ana.email).await;
    revoked.call("POST", "/auth/logout").await.ok();
    let leo_too = server.door.sign_in(&leo.email).await;
    server.advance(Duration::from_mins(6));
    for (token, code) in [
        ("", "unauthenticated"),
        ("x.y.z", "unauthenticated"),
        (old.token.as_str(), "token_expired"),
        (revoked.token.as_str(), "token_revoked"),
        (leo_too.token.as_str(), "forbidden"),
    ] {
        let answer = socket.ask(&auth(1, token)).await;
        assert_eq!((&answer["t"], &answer["code"]), (&json!("err"), &json!(code)), "{answer}");
        assert_eq!(socket.ask(&send(2, order, code)).await["d"]["author"]["id"], json!(ana.id));
    }
    // Neither of those sessions is its own.
    leo_too.call("POST", "/auth/logout").await.ok();
    assert_eq!(socket.ask(&send(3, order, "still Ana")).await["t"], "ok");
    now.call("POST", "/auth/logout").await.ok();
    assert_eq!(farewell(&mut socket).await, (Some(4401), json!("token_revoked")));
}

#[tokio::test]
async fn the_new_tokens_end_counts_and_the_old_ones_does_not() {
    let ttl = Duration::from_mins(1);
    let mut limits = Limits::default();
    limits.mailbox = 1;
    let options = Options { manual_clock: true, access_ttl: ttl, limits, ..Options::default() };
    let server = InProcess::start_with(options).await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    server.advance(Duration::from_secs(50));
    // Ten seconds are left to the first one, and a minute to the second.
    let mut socket = ana.socket().await;
    let again = server.door.sign_in(&ana.email).await;
    let leo_too = server.door.sign_in(&leo.email).await;
    let answer = socket.ask(&auth(1, &again.token)).await;
    assert!(answer["d"]["expires_in"].as_u64().is_some_and(|left| (58..=60).contains(&left)), "{answer}");
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let code = loop {
        match socket.read().await {
            Frame::Json(frame) => assert!(frame["t"] == "ping" || frame["reason"] == "token_expired", "{frame}"),
            Frame::Closed(code) => break code,
        }
    };
    let lived = began.elapsed().as_secs();
    tokio::time::resume();
    assert_eq!(code, Some(4401));
    assert!((58..=61).contains(&lived), "it lived {lived} s");

    // What has to be read from the log is read in the new session too.
    let mut socket = ana.socket().await;
    socket.ask(&auth(1, &again.token)).await;
    server.advance(Duration::from_secs(20));
    assert_eq!(ana.call("GET", "/me").await.problem().code.as_str(), "token_expired");
    // Without waiting in between, so that the mailbox overflows.
    let texts: Vec<String> = (0..100).map(|i| i.to_string()).collect();
    let mut leos = leo_too.socket().await;
    leos.say_all(texts.iter().map(|text| send(1, order, text))).await;
    for text in &texts {
        socket.until(|frame| frame["d"]["text"] == json!(text)).await;
    }
}

#[tokio::test]
async fn auth_is_no_hello() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let mut socket = Socket::connect(ana.address).await;
    socket.say(&auth(1, &ana.token)).await;
    assert_eq!(farewell(&mut socket).await.0, Some(4401));
}
