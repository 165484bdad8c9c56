//! Events by asking again and again: everything once, in order, and nobody seems to come and go.

use std::time::Duration;

use chat_proto::wire::{EventBatch, ServerFrame};
use chat_proto::{ConversationId, ErrorCode, Role};
use chat_tests::{Door, InProcess, Options, Person, Server, Socket, eventually};
use chatcore::Limits;
use serde_json::{Value, json};

use crate::CHATD;

async fn customer_and_agent(door: &Door) -> (Person, Person, ConversationId) {
    let ana = door.person(Role::Customer, "ana").await;
    let leo = door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    (ana, leo, order)
}

/// What a poll is answered with; the typed form can be read from it too.
async fn poll(who: &Person, query: &str) -> Value {
    let batch = who.get(&format!("/events{query}")).await;
    let typed: EventBatch = serde_json::from_value(batch.clone()).expect("a batch");
    for (frame, n) in typed.items.iter().zip(1..) {
        assert!(matches!(frame, ServerFrame::Ev(event) if event.n == n), "{batch}");
    }
    batch
}

async fn poll_after(who: &Person, cursor: &str, rest: &str) -> Value {
    poll(who, &format!("?cursor={cursor}{rest}")).await
}

fn cursor_of(batch: &Value) -> String {
    batch["cursor"].as_str().expect("a cursor").to_owned()
}

fn texts(batch: &Value) -> Vec<&str> {
    let items = batch["items"].as_array().expect("items").iter();
    items
        .filter(|item| item["e"] == "message.created")
        .map(|item| item["d"]["text"].as_str().expect("a text"))
        .collect()
}

#[tokio::test]
async fn what_was_missed_comes_at_once_in_parts_and_as_the_socket_says_it() {
    let server = InProcess::start().await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let mut socket = leo.socket().await;
    let begin = poll(&leo, "").await;
    assert_eq!((texts(&begin).len(), begin.get("reset")), (0, None), "without a cursor it says where to begin");
    for i in 0..7 {
        ana.write(order, &format!("{i}")).await.ok();
    }
    leo.write(order, "7").await.ok();
    let frames = socket.until(|frame| frame["d"]["text"] == "7").await;
    let said: Vec<Value> = frames.into_iter().filter(|frame| frame["t"] == "ev").collect();
    let all = poll_after(&leo, &cursor_of(&begin), "&wait=60").await;
    assert_eq!(all["items"], json!(said), "the very same frames");
    assert_eq!(all["cursor"], said.last().expect("some")["c"]);

    let mut parts = Vec::new();
    let mut cursor = cursor_of(&begin);
    for (limit, rows) in [(3, 3), (0, 1), (3, 3), (100_000, 1), (1, 0)] {
        let part = poll_after(&leo, &cursor, &format!("&limit={limit}&wait=0")).await;
        assert_eq!(part["items"].as_array().map(Vec::len), Some(rows), "limit {limit}: {part}");
        parts.extend(texts(&part).into_iter().map(str::to_owned));
        cursor = cursor_of(&part);
    }
    assert_eq!(parts, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    // A cursor of a list, a page or a stream is the same kind of thing.
    let as_of = leo.get("/conversations").await["as_of"].as_str().expect("a cursor").to_owned();
    ana.write(order, "8").await.ok();
    assert_eq!(texts(&poll_after(&leo, &as_of, "").await), ["8"]);
}

#[tokio::test]
async fn a_poll_waits_for_the_first_event_and_no_longer_than_it_was_told() {
    let server = InProcess::start().await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let bo = server.door.person(Role::Customer, "bo").await;
    let cursor = cursor_of(&poll(&leo, "").await);
    // Clamped, or it would never be over.
    let waiting = format!("?cursor={cursor}&wait={}", u64::MAX);
    let (batch, _) = tokio::join!(poll(&leo, &waiting), async { ana.write(order, "Hello").await.ok() });
    assert_eq!(texts(&batch), ["Hello"]);

    // When the wait is over: nothing, and the cursor has passed what was said to others meanwhile.
    let before = cursor_of(&poll(&bo, "").await);
    ana.write(order, "not for Bo").await.ok();
    let empty = poll_after(&bo, &before, "&wait=0").await;
    assert_eq!(empty["items"], json!([]));
    let moved = cursor_of(&empty);
    assert_ne!(moved, before);
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let empty = poll_after(&bo, &moved, "&wait=10").await;
    let waited = began.elapsed().as_secs();
    tokio::time::resume();
    assert_eq!((empty["items"].clone(), cursor_of(&empty)), (json!([]), moved.clone()));
    assert!((9..=11).contains(&waited), "after {waited} s");
    // The same when that happens while Bo waits.
    let waiting = format!("?cursor={moved}&wait=1");
    let (empty, _) = tokio::join!(poll(&bo, &waiting), async { ana.write(order, "nor this").await.ok() });
    assert_eq!(empty["items"], json!([]));
    assert_ne!(cursor_of(&empty), moved);
    let moved = cursor_of(&empty);
    bo.call_with("PATCH", "/me", &json!({"name": "Bo"})).await.ok();
    let told = poll_after(&bo, &moved, "").await;
    assert_eq!(told["items"][0]["e"], "user.changed", "{told}");
}

#[tokio::test]
async fn a_cursor_that_cannot_be_followed_is_said_at_once_with_one_that_can() {
    let server = InProcess::start().await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let elsewhere = InProcess::start().await;
    let foreign = elsewhere.door.person(Role::Agent, "leo").await.get("/conversations").await["as_of"].clone();
    for (i, cursor) in ["", "x", foreign.as_str().expect("a cursor")].into_iter().enumerate() {
        let reset = poll_after(&leo, cursor, "&wait=60").await;
        assert_eq!((&reset["items"], &reset["reset"]), (&json!([]), &json!("unknown")), "{cursor}: {reset}");
        ana.write(order, &format!("{i}")).await.ok();
        assert_eq!(texts(&poll_after(&leo, &cursor_of(&reset), "").await), [i.to_string()]);
    }
    for query in ["?wait=long", "?wait=-1", "?wait=1.5", "?limit=many", "?after=x"] {
        let refused = leo.call("GET", &format!("/events{query}")).await;
        assert_eq!(refused.problem().code, ErrorCode::Invalid, "{query}");
    }
}

#[tokio::test]
async fn who_polls_does_not_seem_to_come_and_go() {
    let server = InProcess::start().await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let mut leos = leo.socket().await;
    let mut cursor = cursor_of(&poll(&ana, "").await);
    for i in 0..5 {
        // Leo writes while Ana waits, and nobody says of her that she is there, or that she is gone.
        let waiting = format!("?cursor={cursor}&wait=60");
        let (batch, _) = tokio::join!(poll(&ana, &waiting), async { leo.write(order, &format!("{i}")).await.ok() });
        cursor = cursor_of(&batch);
    }
    // Nor to who comes while she waits; of Bo, who is there, it is said.
    let bo = server.door.person(Role::Customer, "bo").await;
    bo.direct(&leo).await;
    let bos = bo.socket().await;
    assert_eq!(leos.find("eph presence").await["user"], json!(bo.id));
    let waiting = format!("?cursor={cursor}&wait=60");
    let (_, mut heard) = tokio::join!(poll(&ana, &waiting), async {
        let mut late = leo.socket().await;
        let mut heard = late.until(|frame| frame["e"] == "presence" && frame["user"] == json!(bo.id)).await;
        heard.extend(late.settle().await);
        leo.write(order, "5").await.ok();
        heard
    });
    heard.extend(leos.until(|frame| frame["d"]["text"] == "5").await);
    assert!(heard.iter().all(|frame| frame["t"] != "eph" || frame["user"] == json!(bo.id)), "{heard:?}");
    bos.close().await;
    leos.find("eph presence").await;
    // With a socket she is there, and a poll that ends does not change that.
    let anas = ana.socket().await;
    assert_eq!(leos.find("eph presence").await["state"], "online");
    poll_after(&ana, &cursor, "&wait=0").await;
    assert_eq!(leos.settle().await, [Value::Null; 0]);
    anas.close().await;
    assert_eq!(leos.find("eph presence").await["state"], "offline");
}

#[tokio::test]
async fn a_waiting_poll_ends_with_its_session_and_its_token() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let cursor = cursor_of(&poll(&ana, "").await);
    let path = format!("/events?cursor={cursor}&wait=60");
    let (ended, _) = tokio::join!(ana.call("GET", &path), ana.call("POST", "/auth/logout"));
    assert_eq!(ended.problem().code, ErrorCode::TokenRevoked);
    assert_eq!(ana.call("GET", &path).await.problem().code, ErrorCode::TokenRevoked);
    assert_eq!(server.door.send(chat_tests::Request::new("GET", "/api/v1/events")).await.status, 401);

    let ttl = Duration::from_secs(1);
    let server = InProcess::start_with(Options { manual_clock: true, access_ttl: ttl, ..Options::default() }).await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let cursor = cursor_of(&poll(&admin, "").await);
    let ended = admin.call("GET", &format!("/events?cursor={cursor}&wait=60")).await;
    assert_eq!(ended.problem().code, ErrorCode::TokenExpired);
}

#[tokio::test]
async fn a_poll_counts_as_a_connection_while_it_lasts() {
    let mut limits = Limits::default();
    limits.connections_per_user = 1;
    let server = InProcess::start_with(Options { limits, ..Options::default() }).await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    for _ in 0..3 {
        poll(&ana, "?wait=0").await;
    }
    let socket = ana.socket().await;
    assert_eq!(ana.call("GET", "/events").await.problem().code, ErrorCode::RateLimited);
    socket.close().await;
    // While there is room: not while the socket before, or the one that looks, is there.
    let answered = async |path: &str| {
        eventually("the poll is let in", async || {
            let answer = ana.call("GET", path).await;
            (answer.status != 429).then(|| answer.ok())
        })
        .await
    };
    let path = format!("/events?cursor={}&wait=60", cursor_of(&answered("/events").await));
    let (batch, closed) = tokio::join!(answered(&path), async {
        // Only while the poll waits is there no room for a socket.
        let mut refused = eventually("the poll waits", async || {
            let mut socket = Socket::connect(ana.address).await;
            socket.say(&json!({"t": "hello", "token": ana.token})).await;
            (socket.json().await["t"] == "err").then_some(socket)
        })
        .await;
        let code = refused.end().await.1;
        leo.write(order, "Hello").await.ok();
        code
    });
    assert_eq!((texts(&batch), closed), (vec!["Hello"], Some(4409)));
}

#[tokio::test]
async fn a_poller_misses_nothing_and_hears_nothing_twice_however_often_the_server_dies() {
    const MESSAGES: usize = 120;
    let mut server = Server::start(CHATD).await;
    let (ana, leo, order) = customer_and_agent(server.door()).await;
    let mut cursor = cursor_of(&poll(&leo, "").await);
    let mut heard: Vec<u64> = Vec::new();
    let mut sent = 0;
    for round in 0..4 {
        let (ana, leo) = (ana.at(server.door()), leo.at(server.door()));
        let writing = async {
            for i in 0..MESSAGES / 4 {
                ana.write(order, &format!("{round}-{i}")).await.ok();
            }
        };
        sent += (MESSAGES / 4) as u64;
        // The last round to the end, the others until there is more to come.
        let enough = if round == 3 { sent } else { sent - 10 };
        let reading = async {
            while heard.last().copied() < Some(enough) {
                let batch = poll_after(&leo, &cursor, "&wait=20&limit=4").await;
                heard.extend(batch["items"].as_array().expect("items").iter().filter_map(|item| item["seq"].as_u64()));
                cursor = cursor_of(&batch);
            }
        };
        tokio::join!(writing, reading);
        if round < 3 {
            server.kill();
            server.spawn();
            server.ready().await;
        }
    }
    assert_eq!(heard, (1..=MESSAGES as u64).collect::<Vec<_>>());
}
