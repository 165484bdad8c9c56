use chat_proto::Role;
use chat_tests::{Frame, InProcess, Server, Socket};
use serde_json::json;

use super::raw::{Raw, close_code, frame_head, text_frame};
use crate::CHATD;

/// A socket that says nothing of who it is hears nothing, and can do nothing.
#[tokio::test]
async fn hole_3_a_socket_without_a_token_is_nobody() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    for first in [
        json!({"t": "send", "re": 1, "conv": order, "client_id": "a", "text": "Nobody's"}),
        json!({"t": "presence", "re": 1, "state": "online"}),
        json!({"t": "hello", "user": ana.id}),
        json!({"t": "hello", "token": ana.id.to_string()}),
        json!({"t": "hello", "token": "", "ticket": ""}),
        json!({"t": "hello", "ticket": "undefined"}),
    ] {
        let mut socket = Socket::connect(ana.address).await;
        socket.say(&first).await;
        let (frames, code) = socket.end().await;
        // One of them is no frame of this protocol at all.
        let expected = if first["user"].is_null() { 4401 } else { 4400 };
        assert_eq!(code, Some(expected), "{first}: {frames:?}");
    }
    // And one that only listens.
    let mut silent = Socket::connect(ana.address).await;
    ana.write(order, "Not for the silent").await.ok();
    silent.say(&json!({"t": "ping"})).await;
    let (frames, _) = silent.end().await;
    assert!(!json!(frames).to_string().contains("Not for the silent"), "{frames:?}");
}

/// Whoever acts is who the token says, whatever stands in the frame.
#[tokio::test]
async fn hole_3_nobody_speaks_for_another_or_fakes_their_presence() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    let (mut hers, mut his) = (ana.socket().await, leo.socket().await);
    his.settle().await;
    let send = |key: &str, value: serde_json::Value| {
        let mut frame = json!({"t": "send", "re": 1, "conv": order, "client_id": "a", "text": "As Leo"});
        frame[key] = value;
        frame
    };
    for frame in [
        send("author", json!(leo.id)),
        send("sender", json!(leo.id)),
        send("from", json!({"id": leo.id})),
        send("seq", json!(1)),
        send("created_at", json!("2020-01-01T00:00:00.000Z")),
        json!({"t": "presence", "re": 1, "state": "offline", "user": leo.id}),
        json!({"t": "typing", "re": 1, "conv": order, "on": true, "user": leo.id}),
        json!({"t": "read", "re": 1, "conv": order, "seq": 0, "user_id": leo.id}),
    ] {
        let answer = hers.ask(&frame).await;
        assert_eq!((&answer["t"], &answer["code"]), (&json!("err"), &json!("invalid")), "{frame}: {answer}");
    }
    assert!(his.settle().await.iter().all(|frame| frame["t"] == "eph" && frame["user"] == json!(ana.id)));
    let sent = hers.ask(&json!({"t": "send", "re": 2, "conv": order, "client_id": "b", "text": "As Ana"})).await;
    assert_eq!(sent["d"]["author"]["id"], json!(ana.id), "{sent}");
}

/// What is told live is what is stored, and what would not be stored is not told.
#[tokio::test]
async fn hole_4_nothing_is_told_that_was_not_checked_and_stored() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    let (mut hers, mut his) = (ana.socket().await, leo.socket().await);
    his.settle().await;
    for (text, code) in [("", "invalid"), (" \n ", "invalid"), ("x".repeat(16_385).as_str(), "too_large")] {
        let refused = hers.ask(&json!({"t": "send", "re": 1, "conv": order, "client_id": "a", "text": text})).await;
        assert_eq!(refused["code"], code, "{text:.20}");
    }
    for event in ["ev", "eph", "sendMessage", "message.created", "newMessage"] {
        let forged = json!({"t": event, "re": 2, "e": "message.created", "conv": order, "d": {"text": "Forged"}});
        assert_eq!(hers.ask(&forged).await["code"], "unsupported", "{event}");
    }
    let sent = json!({"t": "send", "re": 3, "conv": order, "client_id": "b", "text": "Stored"});
    let sent = hers.ask(&sent).await["d"].take();
    let frames = his.until(|frame| frame["e"] == "message.created").await;
    let told = &frames.last().expect("it was told")["d"];
    assert_eq!(frames.iter().filter(|frame| frame["t"] == "ev").count(), 1, "only the one: {frames:?}");
    let history = leo.get(&format!("/conversations/{order}/messages")).await;
    assert_eq!(history["items"], json!([told]), "what was told is what is stored");
    assert_eq!((&told["id"], &told["text"]), (&sent["id"], &json!("Stored")));
}

/// A ticket stands for a token once, for half a minute, and only while the session stands.
#[tokio::test]
async fn threat_8_a_ticket_opens_one_socket_and_no_more() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let ticket = async || {
        let made = ana.call("POST", "/auth/ws-ticket").await;
        assert_eq!(made.status, 201, "{}", made.text());
        let made = made.ok();
        assert_eq!(made["expires_in"], 30);
        made["ticket"].as_str().expect("a ticket").to_owned()
    };
    let show = async |hello: serde_json::Value| {
        let mut socket = Socket::connect(ana.address).await;
        socket.say(&hello).await;
        let first = socket.json().await;
        (socket, first)
    };
    let one = ticket().await;
    let (_socket, welcome) = show(json!({"t": "hello", "ticket": one})).await;
    assert_eq!((&welcome["t"], &welcome["user"]["id"]), (&json!("welcome"), &json!(ana.id)), "{welcome}");
    for refused in [
        json!({"t": "hello", "ticket": one}),
        json!({"t": "hello", "token": one}),
        json!({"t": "hello", "ticket": ana.token}),
        json!({"t": "hello", "ticket": ticket().await, "token": ana.token}),
    ] {
        let (mut socket, answer) = show(refused.clone()).await;
        assert_eq!((&answer["t"], &answer["code"]), (&json!("err"), &json!("unauthenticated")), "{refused}: {answer}");
        assert_eq!(socket.end().await.1, Some(4401), "{refused}");
    }
    // It is no access token, and ends with the session.
    let other = ticket().await;
    let as_token = chat_tests::Request::new("GET", "/api/v1/me").token(&other).send(ana.address).await;
    assert_eq!(as_token.status, 401);
    ana.call("POST", "/auth/logout").await.ok();
    let (mut socket, answer) = show(json!({"t": "hello", "ticket": other})).await;
    assert_eq!(answer["code"], "token_revoked", "{answer}");
    assert_eq!(socket.end().await.1, Some(4401));
}

/// A frame that claims to be endless is refused by its head; nothing is made room for.
#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "the memory of a process is asked of /proc")]
async fn threat_22_giant_frames_are_refused_unread() {
    let server = Server::start(CHATD).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let hello = text_frame(&json!({"t": "hello", "token": ana.token}).to_string());
    let mut witness = ana.socket().await;
    let before = server.resident_kib();
    for length in [(64 << 10) + 1, 1 << 20, 1 << 31, 1 << 40, (1 << 63) - 1] {
        for welcomed in [false, true] {
            let mut raw = Raw::web_socket(ana.address).await;
            if welcomed {
                raw.send(&hello).await;
                raw.read_until(br#""t":"live""#).await;
            }
            raw.send(frame_head(0x81, length)).await;
            // And goes on sending, as much as is taken.
            let piece = vec![b'x'; 64 << 10];
            for _ in 0..64 {
                if !raw.send(&piece).await {
                    break;
                }
            }
            let read = raw.read_to_end().await;
            // A peer that was in the midst of sending may see a reset instead.
            assert!(matches!(close_code(&read), Some(1009) | None), "{length} {welcomed}");
        }
    }
    // The same in pieces: a message that never ends.
    let mut raw = Raw::web_socket(ana.address).await;
    raw.send(frame_head(0x01, 1_000)).await;
    raw.send(vec![b'x'; 1_000]).await;
    while raw.send([frame_head(0x00, 1_000), vec![b'x'; 1_000]].concat()).await {}
    // Empty pieces, pings and pongs without end, before and after the welcome: nothing is kept of them.
    for welcomed in [false, true] {
        let mut raw = Raw::web_socket(ana.address).await;
        if welcomed {
            raw.send(&hello).await;
            raw.read_until(br#""t":"live""#).await;
        }
        raw.send(frame_head(0x01, 0)).await;
        for first in [0x00, 0x8a] {
            let many = frame_head(first, 0).repeat(1_000);
            for _ in 0..200 {
                if !raw.send(&many).await {
                    break;
                }
            }
        }
    }
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 24 << 10, "from {before} KiB by {grown} KiB");
    witness.settle().await;
}

/// Pings, pongs and what else asks for nothing: some are answered, a flood ends the connection, and before `hello` sooner.
#[tokio::test]
async fn threat_23_and_27_a_flood_of_signs_of_life_ends_the_connection() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let hello = text_frame(&json!({"t": "hello", "token": ana.token}).to_string());
    let mut witness = ana.socket().await;
    let presence = |state: &str| text_frame(&json!({"t": "presence", "state": state}).to_string());
    let both = [presence("away"), presence("online")].concat();
    for (name, signs, repeated) in [
        ("pings", frame_head(0x89, 0), 1),
        ("pongs", frame_head(0x8a, 0), 1),
        ("ping", text_frame(r#"{"t":"ping"}"#), 1),
        ("presence", both, 2),
    ] {
        let mut raw = Raw::web_socket(ana.address).await;
        raw.send(&hello).await;
        raw.read_until(br#""t":"live""#).await;
        raw.send(signs.repeat(600 / repeated)).await;
        raw.send(text_frame(r#"{"t":"auth","re":7,"token":"x"}"#)).await;
        raw.read_until(br#""re":7"#).await;
        raw.send(&signs).await;
        assert_eq!(close_code(&raw.read_to_end().await), Some(4429), "{name}");
    }
    for first in [0x89, 0x8a] {
        let mut raw = Raw::web_socket(ana.address).await;
        raw.send(frame_head(first, 0).repeat(20)).await;
        raw.send(&hello).await;
        raw.read_until(br#""t":"live""#).await;
        let mut raw = Raw::web_socket(ana.address).await;
        raw.send(frame_head(first, 0).repeat(21)).await;
        assert_eq!(close_code(&raw.read_to_end().await), Some(4429), "{first:x}");
    }
    witness.settle().await;
}

/// Frames that are no frames: deep, doubled, half a letter.
#[tokio::test]
async fn threat_26_json_that_two_readers_could_read_differently_is_refused() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    let mut socket = ana.socket().await;
    socket.settle().await;
    let deep = |depth| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    for text in [
        format!(r#"{{"t":"send","re":1,"conv":"{order}","client_id":"a","text":"b","text":"c"}}"#),
        format!(r#"{{"t":"send","re":1,"re":1,"conv":"{order}","client_id":"a","text":"b"}}"#),
        format!(r#"{{"t":"ping","t":"send","re":1,"conv":"{order}","client_id":"a","text":"b"}}"#),
        format!(r#"{{"t":"send","re":1,"conv":"{order}","client_id":"a","text":"\ud800"}}"#),
        format!(r#"{{"t":"send","re":1,"conv":"{order}","client_id":"a","text":"\udc00\ud800"}}"#),
        format!(r#"{{"t":"send","re":1,"conv":"{order}","client_id":"a","text":"b","mentions":{}}}"#, deep(33)),
        format!(r#"{{"t":"send","re":1e0,"conv":"{order}","client_id":"a","text":"b"}}"#),
        format!(r#"{{"t":"send","re":1.0,"conv":"{order}","client_id":"a","text":"b"}}"#),
        format!(r#"{{"t":"send","re":18446744073709551616,"conv":"{order}","client_id":"a","text":"b"}}"#),
        deep(33),
        "[".repeat(60_000),
    ] {
        socket.say_text(&text).await;
        let Frame::Json(answer) = socket.next().await else { panic!("hung up on {text:.80}") };
        assert_eq!(answer["code"], "invalid", "{text:.80}: {answer}");
    }
    assert_eq!(leo.unread(order).await, 0, "nothing of it was sent");
    for body in [
        r#"{"client_id":"a","text":"b","text":"c"}"#.to_owned(),
        r#"{"client_id":"a","text":"\ud800"}"#.to_owned(),
        format!(r#"{{"client_id":"a","text":"b","mentions":{}}}"#, deep(32)),
    ] {
        let path = format!("/conversations/{order}/messages");
        let answer = ana.request("POST", &path).text("application/json", body.clone()).send(ana.address).await;
        assert_eq!(answer.problem().code.as_str(), "invalid", "{body}");
    }
}
