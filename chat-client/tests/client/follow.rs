//! Staying connected: where it goes on, how long it waits, when it stops.

use std::time::Duration;

use chat_client::{Connection, Error, FollowOptions, Update, Updates};
use chat_proto::model::Cursor;
use chat_proto::{ErrorCode, Seq};
use serde_json::json;

use crate::fake_socket::FakeListener;
use crate::seeded::Always;
use crate::values::{conv, event, message, welcome};

fn cursor(text: &str) -> Cursor {
    Cursor::from_text(text.to_owned())
}

/// Options that hardly wait.
pub(crate) fn soon() -> FollowOptions {
    FollowOptions::new().backoff(Duration::from_millis(1), Duration::from_millis(2))
}

/// The next update that is not about the connection.
pub(crate) async fn news(updates: &mut Updates) -> Update {
    loop {
        match updates.next().await.expect("not the end") {
            Update::Connection(Connection::Ended(why)) => panic!("ended: {why}"),
            Update::Connection(_) => {}
            update => return update,
        }
    }
}

/// Waits for a connection.
pub(crate) async fn open(updates: &mut Updates) {
    while !matches!(updates.next().await.expect("not the end"), Update::Connection(Connection::CatchingUp)) {}
}

/// How long it waits for the next try, and why.
async fn waiting(updates: &mut Updates) -> (Duration, Error) {
    loop {
        match updates.next().await.expect("not the end") {
            Update::Connection(Connection::Waiting { why, retry_in }) => return (retry_in, why),
            Update::Connection(Connection::Ended(why)) => panic!("ended: {why}"),
            _ => {}
        }
    }
}

/// Why it ended.
pub(crate) async fn ended(updates: &mut Updates) -> Error {
    loop {
        if let Update::Connection(Connection::Ended(why)) = updates.next().await.expect("not the end") {
            assert!(updates.next().await.is_none(), "nothing comes after the end");
            return why;
        }
    }
}

#[tokio::test]
async fn it_goes_on_after_the_last_thing_that_was_told() {
    let server = FakeListener::new().await;
    let (_follower, mut updates) = server.client.follow(soon().after(cursor("c-start")));
    let (hello, mut socket) = server.welcomed().await;
    assert_eq!(hello["resume"], "c-start");
    socket.say(&event(1, "message.created", &message(1, "Hello"))).await;
    assert_matches!(news(&mut updates).await, Update::Event(change) if change.head.seq.is_none());
    drop(socket);

    let (hello, mut socket) = server.welcomed().await;
    assert_eq!(hello["resume"], "c1");
    // A gap: what came before it counts, it itself does not.
    socket.say(&event(1, "message.created", &message(2, "Hello"))).await;
    socket.say(&event(3, "message.created", &message(4, "Hello"))).await;
    assert_matches!(news(&mut updates).await, Update::Event(_));
    socket.closed().await;

    let (hello, mut socket) = server.welcomed().await;
    assert_eq!(hello["resume"], "c1", "the fake numbers each connection's cursors alike");
    socket.say(&json!({"t": "live", "c": "c-live"})).await;
    socket.say(&json!({"t": "ping", "c": "c-ping"})).await;
    assert_matches!(news(&mut updates).await, Update::Cursor(c) if c == cursor("c-live"));
    assert_matches!(news(&mut updates).await, Update::Cursor(c) if c == cursor("c-ping"));
    drop(socket);
    assert_eq!(server.welcomed().await.0["resume"], "c-ping");
}

#[tokio::test]
async fn without_a_place_it_begins_at_the_welcome() {
    let server = FakeListener::new().await;
    let (_follower, mut updates) = server.client.follow(soon());
    let (hello, socket) = server.welcomed().await;
    assert_eq!(hello.get("resume"), None);
    for expected in ["Connecting", "CatchingUp"] {
        let update = updates.next().await.unwrap();
        assert!(format!("{update:?}").contains(expected), "{update:?}");
    }
    drop(socket);
    assert_eq!(server.welcomed().await.0["resume"], "c0");
}

#[tokio::test]
async fn a_reset_is_told_even_when_the_connection_breaks_before_it_comes() {
    let server = FakeListener::new().await;
    let (follower, mut updates) = server.client.follow(soon().after(cursor("c-old")));
    for reset in [false, true] {
        let mut socket = server.socket().await;
        assert_eq!(socket.frame().await["resume"], "c-old");
        socket.say(&welcome()).await;
        if reset {
            socket.say(&json!({"t": "reset", "reason": "epoch_changed"})).await;
            assert_matches!(news(&mut updates).await, Update::Reset(why) if why == "epoch_changed");
        }
    }
    // The connection goes on from its welcome until it is said where else.
    let (hello, _socket) = server.welcomed().await;
    assert_eq!(hello["resume"], "c0");
    follower.resume_after(cursor("c-loaded"));
    let (hello, _socket) = server.welcomed().await;
    assert_eq!(hello["resume"], "c-loaded");
    assert_matches!(news(&mut updates).await, Update::Resumed(c) if c == cursor("c-loaded"));
}

#[tokio::test]
async fn a_reset_that_comes_later_is_told_and_the_place_before_stays_until_it_goes_on() {
    let server = FakeListener::new().await;
    let (_follower, mut updates) = server.client.follow(soon().after(cursor("c-start")));
    for goes_on in [false, true] {
        let (hello, mut socket) = server.welcomed().await;
        let from = if goes_on { "c1" } else { "c-start" };
        assert_eq!(hello["resume"], from, "the reset alone moves nothing");
        if !goes_on {
            socket.say(&event(1, "message.created", &message(1, "Hello"))).await;
            assert_matches!(news(&mut updates).await, Update::Event(_));
        }
        socket.say(&json!({"t": "reset", "reason": "too_old"})).await;
        assert_matches!(news(&mut updates).await, Update::Reset(why) if why == "too_old");
        if goes_on {
            socket.say(&json!({"t": "live", "c": "c-live"})).await;
            assert_matches!(news(&mut updates).await, Update::Cursor(c) if c == cursor("c-live"));
        }
    }
    assert_eq!(server.welcomed().await.0["resume"], "c-live");
}

#[tokio::test]
async fn a_held_one_connects_when_it_is_told_from_where() {
    let server = FakeListener::new().await;
    let (follower, mut updates) = server.client.follow(soon().held());
    follower.resume_after(cursor("c-loaded"));
    assert_matches!(updates.next().await, Some(Update::Resumed(_)));
    assert_eq!(server.welcomed().await.0["resume"], "c-loaded");
}

#[tokio::test]
async fn waits_grow_and_are_as_long_as_the_server_asks() {
    let server = FakeListener::new().await;
    let (follower, mut updates) = server.client.follow(FollowOptions::new().entropy(Always(0xff)));
    let mut waits = Vec::new();
    for _ in 0..8 {
        drop(server.stream().await);
        let (wait, why) = waiting(&mut updates).await;
        assert!(why.is_retryable(), "{why}");
        waits.push(wait.as_millis());
        follower.retry_now();
    }
    assert_eq!(waits, [499, 999, 1_999, 3_999, 7_999, 15_999, 29_999, 29_999]);

    let (_, mut socket) = server.welcomed().await;
    let bye = json!({"t": "bye", "code": 4503, "reason": "draining", "reconnect": true, "after_ms": 4_000});
    socket.say(&bye).await;
    let (wait, why) = waiting(&mut updates).await;
    assert_eq!((wait.as_millis(), why.code()), (33_999, Some(ErrorCode::Draining)));
    follower.retry_now();

    let mut socket = server.socket().await;
    socket.frame().await;
    let refusal = json!({"t": "err", "code": "rate_limited", "status": 429, "detail": "Wait.", "retryable": true,
        "retry_after_ms": 70_000});
    socket.say(&refusal).await;
    socket
        .say(&json!({"t": "bye", "code": 4429, "reason": "rate_limited", "reconnect": true, "after_ms": 60_000}))
        .await;
    let (wait, why) = waiting(&mut updates).await;
    assert_eq!((wait.as_millis(), why.code()), (99_999, Some(ErrorCode::RateLimited)));
}

#[tokio::test]
async fn a_minute_of_calm_makes_the_next_wait_a_short_one() {
    let server = FakeListener::new().await;
    let (follower, mut updates) = server.client.follow(FollowOptions::new().entropy(Always(0xff)));
    for wait in [499, 999] {
        drop(server.stream().await);
        assert_eq!(waiting(&mut updates).await.0.as_millis(), wait);
        follower.retry_now();
    }
    for (minutes, wait) in [(0, 1_999), (1, 499)] {
        let (_, mut socket) = server.welcomed().await;
        open(&mut updates).await;
        for _ in 0..3 * minutes {
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(21)).await;
            tokio::time::resume();
            socket.say(&json!({"t": "ping", "c": "c1"})).await;
            assert_matches!(news(&mut updates).await, Update::Cursor(_));
        }
        drop(socket);
        assert_eq!(waiting(&mut updates).await.0.as_millis(), wait);
        follower.retry_now();
    }
}

#[tokio::test]
async fn close_codes_say_whether_to_come_back() {
    for (code, comes_back) in [
        (1001, true),
        (4408, true),
        (4429, true),
        (4500, true),
        (4503, true),
        (1000, false),
        (4400, false),
        (4401, false),
        (4403, false),
        (4406, false),
        (4409, false),
    ] {
        let server = FakeListener::new().await;
        let (_follower, mut updates) = server.client.follow(soon());
        let (_, mut socket) = server.welcomed().await;
        socket.close(code).await;
        if comes_back {
            assert_eq!(server.welcomed().await.0["resume"], "c0", "{code}");
        } else {
            assert!(!ended(&mut updates).await.is_retryable(), "{code}");
        }
    }
}

#[tokio::test]
async fn a_server_that_goes_silent_is_asked_and_then_left() {
    let server = FakeListener::new().await;
    let (_follower, mut updates) = server.client.follow(soon());
    let (_, mut socket) = server.welcomed().await;
    open(&mut updates).await;
    tokio::time::pause();
    assert_eq!(socket.frame().await, json!({"t": "ping"}));
    let (_, why) = waiting(&mut updates).await;
    tokio::time::resume();
    assert!(why.to_string().contains("nothing heard"), "{why}");
    assert_eq!(server.welcomed().await.0["resume"], "c0");
}

#[tokio::test]
async fn leaving_says_goodbye() {
    let server = FakeListener::new().await;
    let (follower, mut updates) = server.client.follow(soon());
    let (_, mut socket) = server.welcomed().await;
    open(&mut updates).await;
    tokio::join!(follower.close(), socket.closed());
    assert!(ended(&mut updates).await.to_string().contains("on this side"));
    assert!(follower.send(conv(), "too late").is_err());

    let (follower, mut updates) = server.client.follow(soon());
    let (_, mut socket) = server.welcomed().await;
    open(&mut updates).await;
    drop(updates);
    socket.closed().await;
    follower.close().await;
}

#[tokio::test]
async fn read_marks_wait_for_a_connection_and_typing_does_not() {
    let server = FakeListener::new().await;
    let (follower, mut updates) = server.client.follow(soon());
    follower.read(conv(), Seq(3));
    follower.read(conv(), Seq(7));
    follower.read(conv(), Seq(5));
    let (_, mut socket) = server.welcomed().await;
    let read = socket.frame().await;
    assert_eq!((&read["t"], &read["seq"]), (&json!("read"), &json!(7)), "only the last mark counts");
    follower.typing(conv(), true);
    assert_eq!(socket.frame().await, json!({"t": "typing", "conv": conv(), "on": true}));
    follower.typing(conv(), true);
    follower.typing(conv(), false);
    assert_eq!(socket.frame().await, json!({"t": "typing", "conv": conv(), "on": false}), "the others knew");
    // The answer is lost with the connection.
    drop(socket);
    let (_, mut socket) = server.welcomed().await;
    let read = socket.frame().await;
    assert_eq!((&read["t"], &read["seq"]), (&json!("read"), &json!(7)));
    socket.say(&json!({"t": "ok", "re": read["re"]})).await;
    socket.say(&json!({"t": "ping", "c": "c9"})).await;
    assert_matches!(news(&mut updates).await, Update::Cursor(_));
    drop(socket);
    let (_, mut socket) = server.welcomed().await;
    follower.read(conv(), Seq(8));
    assert_eq!(socket.frame().await["seq"], 8, "what was confirmed is not said again");
}
