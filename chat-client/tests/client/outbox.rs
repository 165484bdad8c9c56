//! Sending while connections come and go: every message once, in order, or handed back.

use std::sync::atomic::{AtomicI64, AtomicU64};

use chat_client::{Error, OutboxEntry, Update};
use chat_proto::{ConversationId, ErrorCode};
use serde_json::{Value, json};

use crate::fake_socket::{FakeListener, FakeSocket};
use crate::follow::{news, soon};
use crate::seeded::{Seeded, Steps};
use crate::values::{conv, event, message};

fn elsewhere() -> ConversationId {
    "conv_01kay8m2r3f9vvk1a2b3c4d5e2".parse().unwrap()
}

async fn sent(socket: &mut FakeSocket) -> Value {
    let frame = socket.frame().await;
    assert_eq!(frame["t"], "send", "{frame}");
    frame
}

fn ok(send: &Value, seq: u64) -> Value {
    json!({"t": "ok", "re": send["re"], "d": message(seq, send["text"].as_str().unwrap())})
}

fn err(send: &Value, code: ErrorCode) -> Value {
    json!({"t": "err", "re": send["re"], "code": code, "status": code.status(), "detail": "No.",
        "retryable": code.is_retryable()})
}

#[tokio::test]
async fn what_is_written_without_a_connection_goes_out_in_order_and_again_under_the_same_name() {
    let server = FakeListener::new().await;
    let options = soon().clock(Steps(AtomicI64::new(1_000))).entropy(Seeded(AtomicU64::new(7)));
    let (follower, mut updates) = server.client.follow(options);
    let written: Vec<OutboxEntry> = ["one", "two", "three"].map(|text| follower.send(conv(), text).unwrap()).into();
    assert!(written.is_sorted_by(|a, b| a.client_id < b.client_id), "{written:?}");
    assert_eq!(follower.outbox(), written);

    // The answer to the first is lost, but its event comes with what was missed; the second is sent, and lost.
    let (_, mut socket) = server.welcomed().await;
    let one = sent(&mut socket).await;
    assert_eq!((&one["text"], &one["client_id"]), (&json!("one"), &json!(written[0].client_id)));
    drop(socket);
    let (_, mut socket) = server.welcomed().await;
    assert_eq!(sent(&mut socket).await["client_id"], one["client_id"]);
    let mut told = event(1, "message.created", &message(1, "one"));
    told["cid"] = one["client_id"].clone();
    socket.say(&told).await;
    assert_matches!(news(&mut updates).await, Update::Sent { client_id, .. } if client_id == written[0].client_id);
    assert_matches!(news(&mut updates).await, Update::Event(_));
    assert_eq!(sent(&mut socket).await["text"], "two");
    drop(socket);

    let (_, mut socket) = server.welcomed().await;
    for (seq, entry) in [(2, &written[1]), (3, &written[2])] {
        let send = sent(&mut socket).await;
        assert_eq!(send["client_id"], json!(entry.client_id));
        socket.say(&ok(&send, seq)).await;
        let update = news(&mut updates).await;
        let Update::Sent { client_id, message } = update else { panic!("{update:?}") };
        assert_eq!((client_id, message.seq.0), (entry.client_id.clone(), seq));
    }
    assert!(follower.outbox().is_empty());
}

#[tokio::test]
async fn a_refused_message_is_handed_back_and_does_not_stop_the_others() {
    let server = FakeListener::new().await;
    let (follower, mut updates) = server.client.follow(soon());
    let (_, mut socket) = server.welcomed().await;
    follower.send(conv(), " ").unwrap();
    follower.send(conv(), "x".repeat(65_536)).unwrap();
    follower.send(conv(), "good").unwrap();
    let blank = sent(&mut socket).await;
    socket.say(&err(&blank, ErrorCode::Invalid)).await;
    for (text, code) in [(1, ErrorCode::Invalid), (65_536, ErrorCode::TooLarge)] {
        let update = news(&mut updates).await;
        let Update::Failed { entry, error } = update else { panic!("{update:?}") };
        assert_eq!((entry.text.len(), error.code()), (text, Some(code)));
    }
    assert_eq!(sent(&mut socket).await["text"], "good");
}

#[tokio::test]
async fn a_message_that_the_server_cannot_take_now_waits_and_keeps_its_place() {
    let server = FakeListener::new().await;
    let (follower, mut updates) = server.client.follow(soon());
    let (_, mut socket) = server.welcomed().await;
    for (to, text) in [(conv(), "one"), (conv(), "two"), (elsewhere(), "three")] {
        follower.send(to, text).unwrap();
    }
    // Of a conversation one at a time, so the one of another conversation goes out second.
    let (one, three) = (sent(&mut socket).await, sent(&mut socket).await);
    assert_eq!((&one["text"], &three["text"]), (&json!("one"), &json!("three")));
    socket.say(&err(&one, ErrorCode::StorageFull)).await;
    socket.say(&ok(&three, 1)).await;
    assert_matches!(news(&mut updates).await, Update::Sent { .. });
    let again = sent(&mut socket).await;
    assert_eq!(again["client_id"], one["client_id"]);
    socket.say(&ok(&again, 1)).await;
    assert_eq!(sent(&mut socket).await["text"], "two");
}

#[tokio::test]
async fn a_message_over_which_the_server_fails_again_and_again_is_handed_back() {
    let server = FakeListener::new().await;
    let (follower, mut updates) = server.client.follow(soon());
    let (_, mut socket) = server.welcomed().await;
    follower.send(conv(), "poison").unwrap();
    follower.send(conv(), "good").unwrap();
    for _ in 0..5 {
        let send = sent(&mut socket).await;
        assert_eq!(send["text"], "poison");
        socket.say(&err(&send, ErrorCode::Internal)).await;
    }
    assert_matches!(news(&mut updates).await, Update::Failed { error, .. } if error.code() == Some(ErrorCode::Internal));
    assert_eq!(sent(&mut socket).await["text"], "good");
}

#[tokio::test]
async fn the_outbox_can_be_kept_over_the_end_of_the_program() {
    let server = FakeListener::new().await;
    let (follower, updates) = server.client.follow(soon().held());
    follower.send(conv(), "one").unwrap();
    follower.send(conv(), "two").unwrap();
    drop(updates);
    follower.close().await;
    let kept = serde_json::to_string(&follower.take_outbox()).unwrap();
    assert!(follower.outbox().is_empty());

    let entries: Vec<OutboxEntry> = serde_json::from_str(&kept).unwrap();
    let (follower, _updates) = server.client.follow(soon().outbox(entries.clone()));
    follower.send(conv(), "three").unwrap();
    assert!(follower.put_back(entries).is_empty(), "what is there already is not added again");
    let (_, mut socket) = server.welcomed().await;
    for (seq, text) in (1..).zip(["one", "two", "three"]) {
        let send = sent(&mut socket).await;
        assert_eq!(send["text"], text);
        socket.say(&ok(&send, seq)).await;
    }
}

#[tokio::test]
async fn the_outbox_has_a_bound() {
    let server = FakeListener::new().await;
    let (follower, _updates) = server.client.follow(soon().held());
    for i in 0..1_024 {
        follower.send(conv(), i.to_string()).unwrap();
    }
    assert_matches!(follower.send(conv(), "more"), Err(Error::OutboxFull));
    let error = follower.send(conv(), "x".repeat(256 * 1024 + 1)).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::TooLarge));
    let mut entries = follower.take_outbox();
    follower.send(conv(), "now there is room").unwrap();
    let last = entries[1_023].clone();
    assert_eq!(follower.put_back(std::mem::take(&mut entries)), [last]);
}
