//! Tokens end; following does not, as long as there is a source of fresh ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chat_client::{Clock, Error, FollowOptions, Update};
use chat_proto::{ErrorCode, Timestamp};
use serde_json::json;

use crate::fake_socket::FakeListener;
use crate::follow::{ended, news, open, soon};
use crate::values::{conv, message, welcome};

/// A source that gives `fresh-1`, `fresh-2` …, and how often it was asked.
fn renewing(options: FollowOptions) -> (FollowOptions, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let options = options.token_source(move || {
        let count = counted.fetch_add(1, Ordering::Relaxed) + 1;
        async move { Ok(format!("fresh-{count}")) }
    });
    (options, asked)
}

/// It is always the same moment.
#[derive(Debug)]
struct Standing;

const NOW: Timestamp = Timestamp::from_millis(1_795_356_423_250);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        NOW
    }
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_renewed_once() {
    let server = FakeListener::new().await;
    let (options, asked) = renewing(soon());
    let (follower, mut updates) = server.client.follow(options);
    let (hello, mut socket) = server.welcomed().await;
    assert_eq!(hello["token"], "aaa.bbb.ccc");
    socket.close(4401).await;

    let (hello, mut socket) = server.welcomed().await;
    assert_eq!((&hello["token"], &hello["resume"]), (&json!("fresh-1"), &json!("c0")));
    assert_eq!(follower.client().token(), Some("fresh-1"));
    // It held for a while, so another renewal is due.
    let bye = json!({"t": "bye", "code": 4401, "reason": "token_expired", "reconnect": false, "after_ms": 0});
    socket.say(&bye).await;

    // The next one is not taken at all.
    let mut socket = server.socket().await;
    assert_eq!(socket.frame().await["token"], "fresh-2");
    let refusal = json!({"t": "err", "code": "token_revoked", "status": 401, "detail": "Sign in.", "retryable": false});
    socket.say(&refusal).await;
    socket.close(4401).await;
    assert_eq!(ended(&mut updates).await.code(), Some(ErrorCode::TokenRevoked));
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_source_that_says_no_ends_it_and_one_that_fails_is_asked_again() {
    let server = FakeListener::new().await;
    let asked = AtomicUsize::new(0);
    let (_follower, mut updates) = server.client.follow(soon().token_source(move || {
        let first = asked.fetch_add(1, Ordering::Relaxed) == 0;
        async move { Err(if first { Error::Timeout } else { Error::Protocol("no more tokens".to_owned()) }) }
    }));
    for _ in 0..2 {
        let mut socket = server.socket().await;
        assert_eq!(socket.frame().await["token"], "aaa.bbb.ccc");
        socket.close(4401).await;
    }
    assert!(ended(&mut updates).await.to_string().contains("no more tokens"));
}

#[tokio::test]
async fn a_token_is_renewed_in_place_before_it_ends() {
    let server = FakeListener::new().await;
    let (options, asked) = renewing(soon().clock(Standing));
    let (follower, mut updates) = server.client.follow(options);
    let mut socket = server.socket().await;
    socket.frame().await;
    let mut hello = welcome();
    hello["expires_in"] = json!(0);
    socket.say(&hello).await;
    for count in 1..=2 {
        let auth = socket.frame().await;
        assert_eq!((&auth["t"], &auth["token"]), (&json!("auth"), &json!(format!("fresh-{count}"))));
        let renewed = json!({"session": welcome()["session"], "expires_in": if count == 1 { 0 } else { 3_600 }});
        socket.say(&json!({"t": "ok", "re": auth["re"], "d": renewed})).await;
    }
    // The connection is the same, and nothing else is asked of it.
    follower.send(conv(), "still here").unwrap();
    let send = socket.frame().await;
    socket.say(&json!({"t": "ok", "re": send["re"], "d": message(1, "still here")})).await;
    assert_matches!(news(&mut updates).await, Update::Sent { .. });
    assert_eq!((asked.load(Ordering::Relaxed), follower.client().token()), (2, Some("fresh-2")));
}

#[tokio::test]
async fn without_a_source_nothing_is_renewed() {
    let server = FakeListener::new().await;
    let (_follower, mut updates) = server.client.follow(soon().clock(Standing));
    let mut socket = server.socket().await;
    socket.frame().await;
    let mut hello = welcome();
    hello["expires_in"] = json!(0);
    socket.say(&hello).await;
    open(&mut updates).await;
    socket.close(4401).await;
    assert!(!ended(&mut updates).await.is_retryable());
}

#[tokio::test]
async fn a_message_outlives_the_token_that_it_was_sent_with() {
    let server = FakeListener::new().await;
    let (options, _) = renewing(soon());
    let (follower, _updates) = server.client.follow(options);
    follower.send(conv(), "Hello").unwrap();
    let (_, mut socket) = server.welcomed().await;
    let send = socket.frame().await;
    socket
        .say(&json!({"t": "err", "re": send["re"], "code": "token_expired", "status": 401, "detail": "Sign in.",
        "retryable": false}))
        .await;
    let (hello, mut socket) = server.welcomed().await;
    assert_eq!(hello["token"], "fresh-1");
    assert_eq!(socket.frame().await["client_id"], send["client_id"]);
}
