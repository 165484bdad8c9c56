use chat_client::{Change, LiveEvent};
use chat_proto::model::Cursor;
use chat_proto::wire::EphemeralEvent;
use chat_proto::{ErrorCode, Seq};
use serde_json::{Value, json};

use crate::fake_socket::FakeListener;
use crate::values::{alice, conv, event, message, person, user, welcome};

fn cursor(text: &str) -> Cursor {
    Cursor::from_text(text.to_owned())
}

#[tokio::test]
async fn hello_carries_the_token_and_where_to_follow_from() {
    let server = FakeListener::new().await;
    let from = cursor("c7");
    let (live, mut socket) = tokio::join!(server.client.live_after(&from), async {
        let mut socket = server.socket().await;
        let hello = socket.frame().await;
        assert_eq!(hello["token"], "aaa.bbb.ccc");
        assert_eq!(hello["resume"], "c7");
        assert_eq!(hello["client"]["name"], "chat-client");
        socket.say(&welcome()).await;
        socket
    });
    let mut live = live.unwrap();
    assert_eq!(live.welcome().user.id, alice());
    socket.say(&json!({"t": "reset", "reason": "too_old"})).await;
    assert_matches!(live.next().await, Some(LiveEvent::Reset(reason)) if reason == "too_old");
}

#[tokio::test]
async fn answers_find_their_requests_in_any_order() {
    let server = FakeListener::new().await;
    let (live, mut socket) = server.connected().await;
    let (first, second) = ("a-1".parse().unwrap(), "a-2".parse().unwrap());
    let (one, two, read, ()) = tokio::join!(
        live.send(conv(), &first, "one"),
        live.send(conv(), &second, "two"),
        live.read(conv(), Seq(1)),
        async {
            let mut asked = Vec::new();
            for _ in 0..3 {
                asked.push(socket.frame().await);
            }
            assert_eq!((&asked[0]["t"], &asked[0]["text"]), (&json!("send"), &json!("one")));
            assert_eq!((&asked[1]["client_id"], &asked[2]["t"]), (&json!("a-2"), &json!("read")));
            socket.say(&json!({"t": "ok", "re": asked[2]["re"]})).await;
            socket.say(&json!({"t": "ok", "re": 999, "d": {}})).await;
            socket.say(&json!({"t": "ok", "re": asked[1]["re"], "d": message(2, "two")})).await;
            socket
                .say(&json!({"t": "err", "re": asked[0]["re"], "code": "rate_limited", "status": 429,
                    "detail": "Too many messages.", "retryable": true, "retry_after_ms": 10}))
                .await;
        }
    );
    read.unwrap();
    assert_eq!(two.unwrap().seq, Seq(2));
    let error = one.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::RateLimited));
    assert!(error.is_retryable());
}

#[tokio::test]
async fn events_come_typed_and_in_order() {
    let server = FakeListener::new().await;
    let (mut live, mut socket) = server.connected().await;
    socket.say(&event(1, "message.created", &message(1, "Hello"))).await;
    socket.say(&event(2, "read.moved", &json!({"user_id": alice(), "seq": 1}))).await;
    socket.say(&event(3, "access.revoked", &json!({"conversation_id": conv()}))).await;
    socket.say(&event(4, "mood.changed", &json!({"of": "a newer server"}))).await;
    socket.say(&event(5, "user.changed", &user())).await;
    socket.say(&json!({"t": "of a newer server", "c": 1})).await;
    socket.say(&json!({"t": "eph", "e": "waving", "conv": conv()})).await;
    socket
        .say(&json!({"t": "eph", "e": "typing", "conv": conv(), "user": alice(), "on": true, "expires_in_ms": 5000}))
        .await;
    socket.say(&json!({"t": "live", "c": "c5"})).await;
    socket.say(&json!({"t": "ping", "c": "c6"})).await;

    let mut changes = Vec::new();
    for n in 1..=5 {
        let Some(LiveEvent::Event(event)) = live.next().await else {
            panic!("event {n} is missing");
        };
        assert_eq!(event.head.c, format!("c{n}"));
        changes.push(event.change);
    }
    assert_matches!(&changes[0], Change::MessageCreated(message) if message.text == "Hello");
    assert_matches!(&changes[1], Change::ReadMoved(moved) if moved.seq == Seq(1));
    assert_matches!(&changes[2], Change::AccessRevoked(revoked) if revoked.conversation_id == conv());
    assert_matches!(&changes[3], Change::Unknown);
    assert_matches!(&changes[4], Change::UserChanged(user) if user.id == alice());
    assert_matches!(live.next().await, Some(LiveEvent::Ephemeral(EphemeralEvent::Typing { on: true, .. })));
    assert_matches!(live.next().await, Some(LiveEvent::Live(c)) if c == cursor("c5"));
    assert_matches!(live.next().await, Some(LiveEvent::Ping(c)) if c == cursor("c6"));
}

#[tokio::test]
async fn typing_waits_for_nobody_and_its_refusal_is_an_event() {
    let server = FakeListener::new().await;
    let (mut live, mut socket) = server.connected().await;
    live.typing(conv(), true).await.unwrap();
    assert_eq!(socket.frame().await, json!({"t": "typing", "conv": conv(), "on": true}));
    socket.say(&json!({"t": "err", "code": "not_found", "status": 404, "detail": "No.", "retryable": false})).await;
    assert_matches!(live.next().await, Some(LiveEvent::Refused(err)) if err.code == ErrorCode::NotFound);
}

#[tokio::test]
async fn a_frame_beyond_the_servers_limit_is_not_sent() {
    let server = FakeListener::new().await;
    let (live, _socket) = server.connected().await;
    let text = "x".repeat(65_536);
    let error = live.send(conv(), &"a-1".parse().unwrap(), &text).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::TooLarge));
}

#[tokio::test]
async fn halves_work_from_different_tasks_and_alone() {
    let server = FakeListener::new().await;
    let (live, mut socket) = server.connected().await;
    let (sender, mut receiver) = live.split();
    let client_id = "a-1".parse().unwrap();
    let (sent, told, ()) = tokio::join!(sender.send(conv(), &client_id, "Hi"), receiver.next(), async {
        let re: Value = socket.frame().await["re"].clone();
        socket.say(&event(1, "message.created", &message(1, "Hi"))).await;
        socket.say(&json!({"t": "ok", "re": re, "d": message(1, "Hi")})).await;
    });
    assert_eq!(sent.unwrap().author.name, person()["name"]);
    assert_matches!(told, Some(LiveEvent::Event(_)));

    drop(sender);
    socket.say(&json!({"t": "live", "c": "c1"})).await;
    assert_matches!(receiver.next().await, Some(LiveEvent::Live(_)));

    let (live, mut socket) = server.connected().await;
    let (sender, receiver) = live.split();
    drop(receiver);
    socket.say(&event(1, "message.created", &message(1, "Hi"))).await;
    let (read, ()) = tokio::join!(sender.read(conv(), Seq(1)), async {
        let re: Value = socket.frame().await["re"].clone();
        socket.say(&json!({"t": "ok", "re": re})).await;
    });
    read.unwrap();
}
