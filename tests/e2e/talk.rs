//! People talk: every socket sees every message once and in order, and everybody's numbers are right.

use std::time::Duration;

use chat_client::{Change, LiveEvent, Part};
use chat_proto::{ConversationId, Role, Seq};
use chat_tests::{Door, Frame, InProcess, Options, Person, Server, Socket, name_of};
use chatcore::Limits;
use serde_json::{Value, json};

use crate::CHATD;

fn send(re: u64, conv: ConversationId, text: &str) -> Value {
    json!({"t": "send", "re": re, "conv": conv, "client_id": text, "text": text})
}

fn texts(frames: &[Value]) -> Vec<&str> {
    let messages = frames.iter().filter(|frame| frame["e"] == "message.created");
    messages.map(|frame| frame["d"]["text"].as_str().expect("a text")).collect()
}

/// The events among the frames, by name.
fn events(frames: &[Value]) -> Vec<String> {
    let events = frames.iter().filter(|frame| frame["t"] == "ev");
    events.map(name_of).collect()
}

async fn messages(who: &Person, conv: ConversationId) -> Vec<Value> {
    let page = who.get(&format!("/conversations/{conv}/messages?limit=200")).await;
    page["items"].as_array().expect("rows").clone()
}

async fn customer_and_agent(door: &Door) -> (Person, Person, ConversationId) {
    let ana = door.person(Role::Customer, "ana").await;
    let leo = door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    (ana, leo, order)
}

/// A message as one socket has to see it; returns what came with it.
async fn see(socket: &mut Socket, seq: u64, text: &str, by: &Person, mine: bool) -> Vec<Value> {
    let frames = socket.until(|frame| frame["e"] == "message.created").await;
    let ev = frames.last().expect("found");
    assert_eq!(ev["seq"], json!(seq), "{ev}");
    assert_eq!(ev["d"]["seq"], json!(seq), "{ev}");
    assert_eq!(ev["d"]["text"], text, "{ev}");
    assert_eq!(ev["by"]["id"], json!(by.id), "{ev}");
    let expected = if mine { json!(text) } else { Value::Null };
    assert_eq!((&ev["cid"], &ev["d"]["client_id"]), (&expected, &expected), "{ev}");
    frames
}

#[tokio::test]
async fn two_people_on_two_devices_each_see_every_message_once_in_order() {
    let mut server = Server::start(CHATD).await;
    let (ana, leo, order) = customer_and_agent(server.door()).await;
    let mut sockets = [ana.socket().await, ana.socket().await, leo.socket().await, leo.socket().await];

    // Over the socket, pipelined, one of them again, and one that is refused in the middle.
    sockets[0]
        .say_all([
            send(1, order, "one"),
            send(2, order, "two"),
            json!({"t": "send", "re": 3, "conv": order, "client_id": "blank", "text": " "}),
            send(4, order, "one"),
            send(5, order, "three"),
        ])
        .await;
    let mut frames = Vec::new();
    for _ in 0..5 {
        frames.extend(sockets[0].until(|frame| frame["re"].is_u64()).await);
    }
    let answers: Vec<&Value> = frames.iter().filter(|frame| frame["re"].is_u64()).collect();
    let seqs: Vec<Option<u64>> = answers.iter().map(|answer| answer["d"]["seq"].as_u64()).collect();
    assert_eq!(seqs, [Some(1), Some(2), None, Some(1), Some(3)], "{answers:?}");
    assert_eq!(answers[2]["code"], "invalid", "one that is refused does not stop those after it");
    assert_eq!((ana.unread(order).await, leo.unread(order).await), (0, 3));

    // Over REST, and again.
    for (status, text) in [(201, "four"), (200, "four")] {
        let sent = leo.write(order, text).await;
        assert_eq!(sent.status, status, "{}", sent.text());
        assert_eq!(sent.ok()["seq"], 4);
    }
    // What was sent over one door is known at the other.
    let again = ana.write(order, "three").await;
    assert_eq!((again.status, again.ok()["seq"].as_u64()), (200, Some(3)));
    let other = json!({"client_id": "three", "text": "another"});
    let path = format!("/conversations/{order}/messages");
    let refused = ana.call_with("POST", &path, &other).await;
    assert_eq!(refused.problem().code.as_str(), "idempotency_mismatch");
    // Writing moved my own mark.
    assert_eq!((ana.unread(order).await, leo.unread(order).await), (1, 0));
    let mut sender = sockets[3].until(|frame| frame["e"] == "message.created" && frame["seq"] == 4).await;
    sockets[3].say(&send(1, order, "five")).await;
    sender.extend(sockets[3].until(|frame| frame["re"] == 1).await);
    assert_eq!((ana.unread(order).await, leo.unread(order).await), (2, 0));

    // `frames` holds what the first socket saw while it waited for its answers.
    frames.extend(sockets[0].settle().await);
    assert_eq!(texts(&frames), ["one", "two", "three", "four", "five"]);
    sender.extend(sockets[3].settle().await);
    assert_eq!(texts(&sender), ["one", "two", "three", "four", "five"]);
    for (i, who) in [(1, &ana), (2, &leo)] {
        for (seq, text) in (1..).zip(["one", "two", "three", "four", "five"]) {
            let by = if seq <= 3 { &ana } else { &leo };
            see(&mut sockets[i], seq, text, by, by.id == who.id).await;
        }
        assert_eq!(texts(&sockets[i].settle().await), [""; 0], "nothing comes twice");
    }

    // Read marks: told to everybody, forward only, not beyond the end.
    sockets[1].ask(&json!({"t": "read", "re": 9, "conv": order, "seq": 4})).await;
    assert_eq!(ana.unread(order).await, 1);
    for seq in [4, 1, 0] {
        let moved = ana.call_with("POST", &format!("/conversations/{order}/read"), &json!({"seq": seq})).await;
        assert_eq!(moved.status, 204);
    }
    assert_eq!(ana.unread(order).await, 1, "a mark never moves back");
    let moved = ana.call_with("POST", &format!("/conversations/{order}/read"), &json!({"seq": u64::MAX})).await;
    assert_eq!(moved.status, 204);
    assert_eq!(ana.unread(order).await, 0);
    let frames = sockets[2].settle().await;
    let marks: Vec<_> = frames
        .iter()
        .filter(|frame| frame["e"] == "read.moved")
        .map(|frame| (frame["d"]["user_id"].clone(), frame["d"]["seq"].as_u64()))
        .collect();
    assert_eq!(marks, [(json!(ana.id), Some(4)), (json!(ana.id), Some(5))]);

    // What is missed while the server is down for a restart, and nothing else, comes with the resume.
    let cursor = sockets[2].cursor().to_owned();
    leo.write(order, "six").await.ok();
    ana.write(order, "seven").await.ok();
    let before = messages(&ana, order).await;
    server.restart().await;
    let (ana, leo) = (ana.at(server.door()), leo.at(server.door()));
    assert_eq!(messages(&ana, order).await, before);
    assert_eq!((ana.unread(order).await, leo.unread(order).await), (0, 1));
    let mut resumed = Socket::connect(server.door().address).await;
    resumed.say(&json!({"t": "hello", "token": leo.token, "resume": cursor})).await;
    let frames = resumed.until_t("live").await;
    assert_eq!(frames[0]["resumed"], true, "{frames:?}");
    assert_eq!(texts(&frames), ["six", "seven"]);
    assert_eq!(frames.iter().filter(|frame| frame["t"] == "live").count(), 1);
    ana.write(order, "eight").await.ok();
    see(&mut resumed, 8, "eight", &ana, false).await;
    // From the newest cursor there is nothing to tell.
    let cursor = resumed.cursor().to_owned();
    let mut again = Socket::connect(server.door().address).await;
    again.say(&json!({"t": "hello", "token": leo.token, "resume": cursor})).await;
    assert_eq!(events(&again.until_t("live").await), [""; 0]);
}

#[tokio::test]
async fn the_typed_client_talks_and_goes_on_after_a_restart() {
    let mut server = Server::start(CHATD).await;
    let (ana, leo, order) = customer_and_agent(server.door()).await;
    let inbox = leo.client().conversations(&chat_client::PageQuery::first()).await.expect("a list");
    assert_eq!(inbox.items.len(), 1);
    let mut live = leo.client().live_after(&inbox.as_of).await.expect("a connection");
    let id = |text: &str| text.parse().expect("a client id");
    ana.client().send(order, &id("a"), "Hello").await.expect("sent");
    live.send(order, &id("b"), "Hi").await.expect("sent");
    let mut seen = Vec::new();
    let mut cursor = inbox.as_of;
    while seen.len() < 2 {
        if let Some(LiveEvent::Event(event)) = live.next().await {
            cursor = chat_proto::model::Cursor::from_text(event.head.c.clone());
            if let Change::MessageCreated(message) = event.change {
                seen.push(message.text);
            }
        }
    }
    ana.client().send(order, &id("c"), "Are you there?").await.expect("sent");
    server.terminate();
    let closed = loop {
        match live.next().await {
            Some(LiveEvent::Closed(closed)) => break closed,
            Some(_) => {}
            None => panic!("an end without a reason"),
        }
    };
    assert!(closed.is_resumable(), "{closed}");
    assert_eq!(server.exited().await.code(), Some(0));
    server.spawn();
    server.ready().await;
    let leo = leo.at(server.door()).client();
    let mut live = leo.live_after(&cursor).await.expect("a connection");
    loop {
        match live.next().await.expect("an event") {
            LiveEvent::Event(event) => {
                if let Change::MessageCreated(message) = event.change {
                    seen.push(message.text);
                }
            }
            LiveEvent::Live(_) => break,
            LiveEvent::Ephemeral(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, ["Hello", "Hi", "Are you there?"]);
    let page = leo.messages(order, Part::After(Seq(1)), None).await.expect("history");
    assert_eq!(page.items.len(), 2);
    live.close().await;
}

/// What a socket has been told of typing; presence comes when it comes, and is not asked for here.
async fn typing(socket: &mut Socket) -> Vec<Value> {
    socket.settle().await.into_iter().filter(|frame| frame["e"] == "typing").collect()
}

#[tokio::test]
async fn typing_reaches_the_other_and_expires_by_itself() {
    let server = InProcess::start_with(Options { manual_clock: true, ..Options::default() }).await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let (mut anas, mut leos) = (ana.socket().await, leo.socket().await);
    let says = |on| json!({"t": "typing", "re": 1, "conv": order, "on": on});
    let told = |on| json!({"t": "eph", "e": "typing", "conv": order, "user": ana.id, "on": on, "expires_in_ms": 6000});

    anas.ask(&says(true)).await;
    assert_eq!(leos.find("eph typing").await, told(true));
    server.advance(Duration::from_millis(5_900));
    assert_eq!(typing(&mut leos).await, [Value::Null; 0], "it holds six seconds");
    server.advance(Duration::from_millis(200));
    assert_eq!(leos.find("eph typing").await, told(false), "it expires by itself");

    // A sign within the six seconds makes it hold on; stopping ends it at once, and once.
    anas.ask(&says(true)).await;
    server.advance(Duration::from_secs(4));
    let again = ana.call_with("POST", &format!("/conversations/{order}/typing"), &json!({"on": true})).await;
    assert_eq!(again.status, 204);
    server.advance(Duration::from_secs(4));
    assert_eq!(typing(&mut leos).await, [told(true), told(true)]);
    anas.ask(&says(false)).await;
    server.advance(Duration::from_secs(20));
    assert_eq!(typing(&mut leos).await, [told(false)]);
    assert_eq!(typing(&mut anas).await, [Value::Null; 0], "nobody is told of themselves");
}

#[tokio::test]
async fn people_come_into_a_group_and_go() {
    let server = InProcess::start().await;
    let door = &server.door;
    let leo = door.person(Role::Agent, "leo").await;
    let dana = door.person(Role::Designer, "dana").await;
    let bo = door.person(Role::Customer, "bo").await;
    let (mut leos, mut danas, mut bos) = (leo.socket().await, dana.socket().await, bo.socket().await);
    let mugs = leo.group("Mugs", &[&dana]).await;
    leo.write(mugs, "before").await.ok();
    for socket in [&mut leos, &mut danas] {
        let begun = socket.find("ev conversation.created").await;
        assert_eq!(begun["conv"], json!(mugs));
        assert_eq!(begun["d"]["subject"], "Mugs");
    }
    assert_eq!(events(&bos.settle().await), [""; 0]);

    // In: the one with a snapshot, the others with a word.
    let participants = format!("/conversations/{mugs}/participants");
    let shown = leo.call_with("POST", &participants, &json!({"user_id": bo.id})).await.ok();
    assert_eq!(shown["participant_count"], 3);
    let granted = bos.find("ev access.granted").await;
    assert_eq!(granted["d"]["id"], json!(mugs));
    assert_eq!((&granted["d"]["unread"], &granted["d"]["last_seq"]), (&json!(0), &json!(1)), "{granted}");
    for socket in [&mut leos, &mut danas] {
        let added = socket.find("ev participant.added").await;
        assert_eq!(added["d"]["participant"]["id"], json!(bo.id));
        assert_eq!(added["v"], granted["v"]);
    }
    // Again: nothing happens.
    leo.call_with("POST", &participants, &json!({"user_id": bo.id})).await.ok();
    bo.write(mugs, "hello").await.ok();
    for socket in [&mut leos, &mut danas, &mut bos] {
        let frames = socket.until(|frame| frame["d"]["text"] == "hello").await;
        assert!(!events(&frames).contains(&"ev participant.added".to_owned()), "{frames:?}");
    }
    assert_eq!(bo.unread(mugs).await, 0);

    // Out, by another and by oneself.
    let out = leo.call("DELETE", &format!("{participants}/{}", bo.id)).await;
    assert_eq!(out.status, 204);
    let revoked = bos.find("ev access.revoked").await;
    assert_eq!(revoked["d"], json!({"conversation_id": mugs}));
    let gone = danas.find("ev participant.removed").await;
    assert_eq!(gone["d"], json!({"user_id": bo.id}));
    assert!(gone["v"].as_u64() > granted["v"].as_u64(), "{gone}");
    dana.write(mugs, "without bo").await.ok();
    assert_eq!(dana.call("DELETE", &format!("{participants}/{}", dana.id)).await.status, 204);
    danas.find("ev access.revoked").await;
    leos.until(|frame| frame["e"] == "participant.removed" && frame["d"]["user_id"] == json!(dana.id)).await;
    leo.write(mugs, "alone").await.ok();
    assert_eq!(events(&bos.settle().await), [""; 0]);
    assert_eq!(events(&danas.settle().await), [""; 0]);
    assert_eq!(leo.get(&format!("/conversations/{mugs}")).await["participant_count"], 1);

    // Back in: what was said meanwhile is history, not news.
    leo.call_with("POST", &participants, &json!({"user_id": bo.id})).await.ok();
    leo.write(mugs, "welcome back").await.ok();
    let frames = bos.until(|frame| frame["e"] == "message.created").await;
    assert_eq!(events(&frames), ["ev access.granted", "ev message.created"]);
    assert_eq!(bo.unread(mugs).await, 1);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_its_sockets_and_no_other() {
    let server = InProcess::start().await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let elsewhere = server.door.sign_in(&ana.email).await;
    let mut here = [ana.socket().await, ana.socket().await];
    let mut there = elsewhere.socket().await;
    assert_eq!(ana.call("POST", "/auth/logout").await.status, 204);
    for socket in &mut here {
        let (frames, code) = socket.end().await;
        let bye = frames.last().expect("a last word");
        assert_eq!((code, &bye["t"], &bye["code"]), (Some(4401), &json!("bye"), &json!(4401)), "{frames:?}");
        assert_eq!((&bye["reason"], &bye["reconnect"]), (&json!("token_revoked"), &json!(false)));
    }
    assert_eq!(ana.call("GET", "/me").await.problem().code.as_str(), "token_revoked");
    let mut late = Socket::connect(server.door.address).await;
    late.say(&json!({"t": "hello", "token": ana.token})).await;
    let (frames, code) = late.end().await;
    assert_eq!((code, &frames[0]["code"]), (Some(4401), &json!("token_revoked")), "{frames:?}");
    leo.write(order, "still there?").await.ok();
    there.find("ev message.created").await;
    assert_eq!(there.ask(&send(1, order, "yes")).await["t"], "ok");
}

#[tokio::test]
async fn a_socket_that_lags_behind_loses_nothing() {
    const MESSAGES: u64 = 600;
    let mut limits = Limits::default();
    limits.mailbox = 4;
    let server = InProcess::start_with(Options { limits, ..Options::default() }).await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let mut lagging = leo.socket().await;
    let mut sending = ana.socket().await;
    // Big ones, so that the connection to who does not read is full soon.
    let text = "x".repeat(8_000);
    for re in 1..=MESSAGES {
        let frame = json!({"t": "send", "re": re, "conv": order, "client_id": format!("m{re}"), "text": text});
        let answer = sending.ask(&frame).await;
        assert_eq!(answer["d"]["seq"], json!(re), "a slow reader is nobody else's trouble");
    }
    // `n` counts on: the socket checks it.
    for seq in 1..=MESSAGES {
        let message = lagging.find("ev message.created").await;
        assert_eq!(message["seq"], json!(seq));
    }
    assert_eq!(events(&lagging.settle().await), [""; 0]);
}

#[tokio::test]
async fn a_quiet_socket_is_told_every_25_seconds_that_the_server_lives_and_where_it_stands() {
    let server = InProcess::start().await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let bo = server.door.person(Role::Customer, "bo").await;
    let mut socket = bo.socket().await;
    let first = socket.cursor().to_owned();
    // What others say moves Bo's cursor, though he is not told of it.
    ana.write(order, "Hello").await.ok();
    leo.write(order, "Hi").await.ok();
    tokio::time::pause();
    for _ in 0..4 {
        let began = tokio::time::Instant::now();
        let ping = tokio::time::timeout(Duration::from_mins(1), socket.read()).await;
        let waited = began.elapsed().as_secs();
        assert!((24..=26).contains(&waited), "after {waited} s");
        assert!(matches!(&ping, Ok(Frame::Json(ping)) if ping["t"] == "ping"), "{ping:?}");
    }
    tokio::time::resume();
    let moved = socket.cursor().to_owned();
    assert_ne!(moved, first);
    let mut resumed = bo.socket_after(&moved).await;
    ana.write(order, "More").await.ok();
    bo.call_with("PATCH", "/me", &json!({"name": "Bo"})).await.ok();
    assert_eq!(events(&[resumed.find("ev user.changed").await]), ["ev user.changed"]);
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_given_up_after_75_seconds() {
    let server = InProcess::start_with(Options { manual_clock: true, ..Options::default() }).await;
    let (ana, leo, _) = customer_and_agent(&server.door).await;
    let mut watching = leo.socket().await;
    // Never read from again, so that its pongs are never sent.
    let _silent = ana.socket().await;
    let online = watching.find("eph presence").await;
    assert_eq!(online["state"], "online");
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let gone = loop {
        match server.passing_time(watching.read()).await {
            Frame::Json(frame) if frame["e"] == "presence" => break frame,
            Frame::Json(_) => {}
            Frame::Closed(code) => panic!("who watches was closed with {code:?}"),
        }
    };
    let waited = began.elapsed().as_secs();
    tokio::time::resume();
    assert_eq!(gone["state"], "offline");
    // Looked at every 25 s; the goodbye takes two, and three more it could be back.
    assert!((77..=107).contains(&waited), "after {waited} s");
}

#[tokio::test]
async fn who_was_away_is_told_of_each_coming_and_going_with_the_version_it_made() {
    let server = InProcess::start().await;
    let door = &server.door;
    let leo = door.person(Role::Agent, "leo").await;
    let (dana, bo, mia) = (
        door.person(Role::Designer, "dana").await,
        door.person(Role::Customer, "bo").await,
        door.person(Role::Agent, "mia").await,
    );
    let mugs = leo.group("Mugs", &[&dana]).await;
    let mut away = dana.socket().await;
    away.settle().await;
    let cursor = away.cursor().to_owned();
    away.close().await;
    let participants = format!("/conversations/{mugs}/participants");
    leo.call_with("POST", &participants, &json!({"user_id": bo.id})).await.ok();
    assert_eq!(leo.call("DELETE", &format!("{participants}/{}", bo.id)).await.status, 204);
    leo.call_with("POST", &participants, &json!({"user_id": mia.id})).await.ok();
    let mut back = Socket::connect(dana.address).await;
    back.say(&json!({"t": "hello", "token": dana.token, "resume": cursor})).await;
    let frames = back.until_t("live").await;
    let told: Vec<_> =
        frames.iter().filter(|frame| frame["t"] == "ev").map(|frame| (&frame["e"], &frame["v"])).collect();
    let expected = [("participant.added", 2), ("participant.removed", 3), ("participant.added", 4)];
    assert_eq!(told.len(), expected.len(), "{frames:?}");
    for ((e, v), (name, version)) in told.into_iter().zip(expected) {
        assert_eq!((e, v), (&json!(name), &json!(version)), "{frames:?}");
    }
}

#[tokio::test]
async fn a_peer_that_closes_is_answered_with_its_own_code() {
    let server = InProcess::start().await;
    let bo = server.door.person(Role::Customer, "bo").await;
    let mut socket = bo.socket().await;
    socket.settle().await;
    assert_eq!(socket.close_with(1000).await, Some(1000));
    let mut stranger = Socket::connect(bo.address).await;
    assert_eq!(stranger.close_with(1000).await, Some(1000));
}
