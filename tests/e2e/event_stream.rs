//! Events over plain HTTP: what the WebSocket tells, in the same order, to whoever comes back with the last id.

use std::time::Duration;

use chat_proto::{ConversationId, ErrorCode, Role};
use chat_tests::{Door, EventSource, Frame, InProcess, Options, Person, Request, Server, Socket, eventually, name_of};
use chatcore::Limits;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::CHATD;
use crate::traffic::flood;

async fn customer_and_agent(door: &Door) -> (Person, Person, ConversationId) {
    let ana = door.person(Role::Customer, "ana").await;
    let leo = door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    (ana, leo, order)
}

fn texts(frames: &[Value]) -> Vec<&str> {
    let messages = frames.iter().filter(|frame| frame["e"] == "message.created");
    messages.map(|frame| frame["d"]["text"].as_str().expect("a text")).collect()
}

fn has_text(text: &str) -> impl Fn(&Value) -> bool {
    let text = json!(text);
    move |frame| frame["d"]["text"] == text
}

/// A stream that was refused.
async fn refused(at: &Person, path: &str, headers: &[(&str, &str)]) -> ErrorCode {
    let refused = EventSource::open(at.address, path, headers).await.expect_err("it is refused");
    refused.problem().code
}

#[tokio::test]
async fn the_stream_says_what_the_socket_says() {
    let server = Server::start(CHATD).await;
    let (ana, leo, order) = customer_and_agent(server.door()).await;
    let mut socket = leo.socket().await;
    socket.settle().await;
    let mut stream = leo.event_source(None).await;
    for (name, value) in
        [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
    {
        assert_eq!(stream.head.header(name), Some(value), "{:?}", stream.head);
    }
    let welcome = stream.next().await.expect("a welcome");
    assert_eq!((welcome.name.as_str(), &welcome.data["user"]["id"]), ("welcome", &json!(leo.id)));
    assert_eq!((&welcome.data["resumed"], &welcome.data["cursor"]), (&json!(false), &json!(welcome.id)));
    assert!(stream.retry_ms().is_some_and(|wait| wait > 0), "it says when to come back");
    stream.until(|frame| frame["t"] == "live").await;

    let mut anas = ana.socket().await;
    let typing = json!({"t": "typing", "re": 1, "conv": order, "on": true});
    anas.ask(&typing).await;
    ana.write(order, "One\n\"line\" \u{2028} and another\r\n").await.ok();
    leo.write(order, "Two").await.ok();
    ana.call_with("POST", &format!("/conversations/{order}/read"), &json!({"seq": 2})).await.ok();
    anas.close().await;
    let is_gone = |frame: &Value| frame["e"] == "presence" && frame["state"] == "offline";
    let (streamed, said) = (stream.until(is_gone).await, socket.until(is_gone).await);
    let events = |frames: &[Value]| frames.iter().filter(|frame| frame["t"] == "ev").cloned().collect::<Vec<_>>();
    assert_eq!(events(&streamed), events(&said), "the very same frames");
    assert_eq!(events(&streamed).len(), 3);
    let names = |frames: &[Value]| {
        let mut names: Vec<String> = frames.iter().filter(|frame| frame["t"] == "eph").map(name_of).collect();
        names.sort();
        names
    };
    assert_eq!(names(&streamed), ["eph presence", "eph presence", "eph typing"]);
    assert_eq!(names(&streamed), names(&said));
}

#[tokio::test]
async fn who_comes_back_with_the_last_id_misses_nothing_and_hears_nothing_twice() {
    let mut server = Server::start(CHATD).await;
    let (ana, leo, order) = customer_and_agent(server.door()).await;
    let as_of = leo.get("/conversations").await["as_of"].as_str().expect("a cursor").to_owned();
    let mut heard = Vec::new();
    let mut sent = Vec::new();
    let mut cursor = as_of.clone();
    for round in 0..6 {
        let (ana, leo) = (ana.at(server.door()), leo.at(server.door()));
        for i in 0..3 {
            let text = format!("{round}-{i}");
            ana.write(order, &text).await.ok();
            sent.push(text);
        }
        let mut stream = leo.event_source(Some(&cursor)).await;
        // One that follows: two were missed, one is new, or the connection breaks before.
        let text = format!("{round}-live");
        ana.write(order, &text).await.ok();
        sent.push(text.clone());
        let until = if round % 2 == 0 { text } else { format!("{round}-1") };
        let frames = stream.until(has_text(&until)).await;
        assert_eq!(frames[0]["resumed"], true, "{frames:?}");
        heard.extend(texts(&frames).into_iter().map(str::to_owned));
        stream.cursor().clone_into(&mut cursor);
        drop(stream);
        if round == 3 {
            server.kill();
            server.spawn();
            server.ready().await;
        }
    }
    let (ana, leo) = (ana.at(server.door()), leo.at(server.door()));
    let mut stream = leo.event_source(Some(&cursor)).await;
    ana.write(order, "the end").await.ok();
    heard.extend(texts(&stream.until(has_text("the end")).await).into_iter().map(str::to_owned));
    sent.push("the end".to_owned());
    assert_eq!(heard, sent);

    // In the address too; the header is what a browser adds when it comes back, so it counts more.
    let bearer = format!("Bearer {}", leo.token);
    let in_path = format!("?cursor={as_of}");
    let mut stream = EventSource::open(leo.address, &in_path, &[("Authorization", &bearer)]).await.expect("a stream");
    assert_eq!(texts(&stream.until(|frame| frame["t"] == "live").await).len(), sent.len());
    let both = [("Authorization", bearer.as_str()), ("Last-Event-ID", &cursor)];
    let mut stream = EventSource::open(leo.address, &in_path, &both).await.expect("a stream");
    assert_eq!(texts(&stream.until(|frame| frame["t"] == "live").await), ["5-2", "5-live", "the end"]);
    let empty = [("Authorization", bearer.as_str()), ("Last-Event-ID", "")];
    let mut stream = EventSource::open(leo.address, &in_path, &empty).await.expect("a stream");
    assert_eq!(texts(&stream.until(|frame| frame["t"] == "live").await).len(), sent.len());
}

#[tokio::test]
async fn a_cursor_that_cannot_be_followed_is_told_with_the_one_to_go_on_from() {
    let server = InProcess::start().await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let elsewhere = InProcess::start().await;
    let foreign = elsewhere.door.person(Role::Agent, "leo").await.get("/conversations").await["as_of"].clone();
    ana.write(order, "missed").await.ok();
    for (i, cursor) in ["x", foreign.as_str().expect("a cursor"), &"x".repeat(4_000)].into_iter().enumerate() {
        let mut stream = leo.event_source(Some(cursor)).await;
        let welcome = stream.next().await.expect("a welcome");
        // Who breaks off here must not come back with a cursor and never learn of the reset.
        assert_eq!((welcome.id, &welcome.data["resumed"]), (None, &json!(false)));
        let reset = stream.next().await.expect("a reset");
        assert_eq!((reset.name.as_str(), &reset.data["reason"]), ("reset", &json!("unknown")));
        assert_eq!(json!(reset.id), welcome.data["cursor"]);
        let text = format!("after {i}");
        ana.write(order, &text).await.ok();
        assert_eq!(texts(&stream.until(has_text(&text)).await), [text]);
    }
}

#[tokio::test]
async fn only_the_header_proves_who_follows() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    assert_eq!(refused(&ana, "", &[]).await, ErrorCode::Unauthenticated);
    assert_eq!(refused(&ana, "", &[("Authorization", "Bearer x.y.z")]).await, ErrorCode::Unauthenticated);
    let in_path = format!("?access_token={}", ana.token);
    assert_eq!(refused(&ana, &in_path, &[]).await, ErrorCode::Unauthenticated);
    let bearer = format!("Bearer {}", ana.token);
    assert_eq!(refused(&ana, &in_path, &[("Authorization", &bearer)]).await, ErrorCode::Invalid);
    ana.call("POST", "/auth/logout").await.ok();
    assert_eq!(refused(&ana, "", &[("Authorization", &bearer)]).await, ErrorCode::TokenRevoked);
}

#[tokio::test]
async fn a_page_of_the_shop_may_come_back_with_the_last_id() {
    let mut router = chatd::RouterConfig::default();
    router.allowed_origins = vec!["https://shop.test".parse().expect("a header")];
    let server = InProcess::start_with(Options { router, ..Options::default() }).await;
    let preflight = Request::new("OPTIONS", "/api/v1/events/stream")
        .header("Origin", "https://shop.test")
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "authorization,last-event-id");
    let answer = server.door.send(preflight).await;
    let allowed = answer.header("access-control-allow-headers").expect("headers").to_ascii_lowercase();
    assert!(allowed.contains("last-event-id"), "{allowed}");
}

#[tokio::test]
async fn the_stream_ends_with_its_session_and_says_so() {
    let server = InProcess::start().await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let elsewhere = server.door.sign_in(&ana.email).await;
    let mut here = ana.event_source(None).await;
    let mut there = elsewhere.event_source(None).await;
    here.until(|frame| frame["t"] == "live").await;
    ana.call("POST", "/auth/logout").await.ok();
    let frames = here.end().await;
    let bye = frames.last().expect("a last word");
    assert_eq!((&bye["t"], &bye["reason"], &bye["reconnect"]), (&json!("bye"), &json!("token_revoked"), &json!(false)));
    assert!(here.is_complete(), "it ends as an answer ends");
    leo.write(order, "still there?").await.ok();
    there.until(has_text("still there?")).await;
}

#[tokio::test]
async fn the_stream_ends_with_its_token() {
    let ttl = Duration::from_secs(1);
    let server = InProcess::start_with(Options { manual_clock: true, access_ttl: ttl, ..Options::default() }).await;
    let mut stream = server.door.sign_in(Door::ADMIN).await.event_source(None).await;
    let frames = stream.end().await;
    assert_eq!(frames.last().expect("a last word")["reason"], "token_expired", "{frames:?}");
}

#[tokio::test]
async fn a_quiet_stream_is_told_every_25_seconds_where_it_stands() {
    let server = InProcess::start().await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let bo = server.door.person(Role::Customer, "bo").await;
    let mut stream = bo.event_source(None).await;
    stream.until(|frame| frame["t"] == "live").await;
    let first = stream.cursor().to_owned();
    // What others say moves Bo's cursor, though he is not told of it.
    ana.write(order, "Hello").await.ok();
    leo.write(order, "Hi").await.ok();
    tokio::time::pause();
    for _ in 0..4 {
        let began = Instant::now();
        let ping = tokio::time::timeout(Duration::from_mins(1), stream.read()).await.expect("a ping").expect("a ping");
        let waited = began.elapsed().as_secs();
        assert!((24..=26).contains(&waited), "after {waited} s");
        assert_eq!(ping.name, "ping", "{ping:?}");
    }
    tokio::time::resume();
    assert_ne!(stream.cursor(), first);
    let mut resumed = bo.event_source(Some(stream.cursor())).await;
    bo.call_with("PATCH", "/me", &json!({"name": "Bo"})).await.ok();
    resumed.until(|frame| frame["e"] == "user.changed").await;
}

#[tokio::test]
async fn a_stream_is_a_connection_like_a_socket() {
    let mut limits = Limits::default();
    limits.connections_per_user = 2;
    let server = InProcess::start_with(Options { limits, ..Options::default() }).await;
    let (ana, leo, _) = customer_and_agent(&server.door).await;
    let mut leos = leo.socket().await;
    let mut stream = ana.event_source(None).await;
    let online = json!({"t": "eph", "e": "presence", "user": ana.id, "state": "online"});
    assert_eq!(leos.find("eph presence").await, online, "who reads a stream is there");
    stream.until(|frame| frame["t"] == "live").await;
    let socket = ana.socket().await;
    let bearer = format!("Bearer {}", ana.token);
    let third = EventSource::open(ana.address, "", &[("Authorization", &bearer)]).await.expect_err("too many");
    assert_eq!(third.problem().code, ErrorCode::RateLimited);
    let mut third = Socket::connect(ana.address).await;
    third.say(&json!({"t": "hello", "token": ana.token})).await;
    assert_eq!(third.end().await.1, Some(4409));
    socket.close().await;
    drop(stream);
    assert_eq!(leos.find("eph presence").await["state"], "offline", "and gone with it");
    eventually("there is room again", async || {
        EventSource::open(ana.address, "", &[("Authorization", &bearer)]).await.ok()
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_lags_behind_loses_nothing() {
    const MESSAGES: u64 = 600;
    let mut limits = Limits::default();
    limits.mailbox = 4;
    let server = InProcess::start_with(Options { limits, ..Options::default() }).await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let mut lagging = leo.event_source(None).await;
    let mut sending = ana.socket().await;
    let text = "x".repeat(8_000);
    for re in 1..=MESSAGES {
        let frame = json!({"t": "send", "re": re, "conv": order, "client_id": format!("m{re}"), "text": text});
        assert_eq!(sending.ask(&frame).await["d"]["seq"], json!(re), "a slow reader is nobody else's trouble");
    }
    for seq in 1..=MESSAGES {
        let frames = lagging.until(|frame| frame["e"] == "message.created").await;
        assert_eq!(frames.last().expect("found")["seq"], json!(seq));
    }
}

#[tokio::test]
async fn a_reader_that_takes_nothing_for_30_seconds_is_closed() {
    let server = InProcess::start_with(Options { manual_clock: true, ..Options::default() }).await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let mut anas = ana.socket().await;
    let mut stuck = leo.event_source(None).await;
    anas.find("eph presence").await;
    let text = "x".repeat(16_000);
    // It is stuck from somewhere in between on.
    let earliest = Instant::now();
    flood(&mut anas, order, 0..600, &text).await;
    let latest = Instant::now();
    tokio::time::pause();
    let gone = loop {
        match server.passing_time(anas.read()).await {
            Frame::Json(frame) if frame["e"] == "presence" => break frame,
            Frame::Json(_) => {}
            Frame::Closed(code) => panic!("who reads was closed with {code:?}"),
        }
    };
    let (least, most) = (latest.elapsed().as_secs(), earliest.elapsed().as_secs());
    tokio::time::resume();
    assert_eq!((&gone["user"], &gone["state"]), (&json!(leo.id), &json!("offline")));
    // Three more seconds it could be back.
    assert!(least <= 34 && most >= 29, "after {least} to {most} s");
    let frames = stuck.end().await;
    assert!(!stuck.is_complete() && texts(&frames).len() < 600, "it was cut off");
}
