//! How live connections end, and what becomes of those who wait.

use chat_client::{Client, Closed, Error, Live, LiveEvent};
use chat_proto::{ErrorCode, Seq};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fake_socket::FakeListener;
use crate::values::{conv, event, message};

/// The last event, after which there is none.
async fn end(live: &mut Live) -> Closed {
    let Some(LiveEvent::Closed(closed)) = live.next().await else {
        panic!("not the end");
    };
    assert_matches!(live.next().await, None);
    closed
}

#[tokio::test]
async fn without_a_token_there_is_nothing_to_say() {
    let error = Client::new("http://127.0.0.1:9").unwrap().live().await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Unauthenticated));
}

#[tokio::test]
async fn a_refused_hello_says_why() {
    let server = FakeListener::new().await;
    let refusal = json!({"t": "err", "code": "token_expired", "status": 401, "detail": "Sign in again.",
        "retryable": false});
    let error = server.greeted_with(&[refusal], Some(4401)).await;
    assert_eq!(error.code(), Some(ErrorCode::TokenExpired));
    let bye = json!({"t": "bye", "code": 4503, "reason": "draining", "reconnect": true, "after_ms": 10});
    let error = server.greeted_with(&[bye], Some(4503)).await;
    assert_eq!(error.code(), Some(ErrorCode::Draining));
    assert!(error.is_retryable());
    let error = server.greeted_with(&[], Some(4401)).await;
    assert_matches!(error, Error::Closed(Closed::Code { code: 4401, .. }));
    assert!(!error.is_retryable());
    let error = server.greeted_with(&[json!({"t": "live", "c": "c1"})], None).await;
    assert_matches!(error, Error::Protocol(_));
}

#[tokio::test]
async fn a_welcome_that_never_comes_is_a_timeout() {
    let server = FakeListener::new().await;
    let (live, _socket) = tokio::join!(server.client.live(), async {
        let mut socket = server.socket().await;
        socket.frame().await;
        // From here on nothing moves but the clock.
        tokio::time::pause();
        socket
    });
    assert_matches!(live.unwrap_err(), Error::Timeout);
}

#[tokio::test]
async fn a_server_that_speaks_no_websocket_is_heard_out() {
    let server = FakeListener::new().await;
    let (live, ()) = tokio::join!(server.client.live(), async {
        let mut stream = server.stream().await;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        let answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let error = live.unwrap_err();
    assert_matches!(&error, Error::Status(status) if status.as_u16() == 503);
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_gap_ends_the_connection() {
    let server = FakeListener::new().await;
    let (mut live, mut socket) = server.connected().await;
    socket.say(&event(1, "message.created", &message(1, "Hello"))).await;
    socket.say(&event(3, "message.created", &message(3, "Hello"))).await;
    assert_matches!(live.next().await, Some(LiveEvent::Event(_)));
    let closed = end(&mut live).await;
    assert_matches!(closed, Closed::Gap { expected: 2, got: 3 });
    assert!(closed.is_resumable());
    socket.closed().await;
}

#[tokio::test]
async fn what_cannot_be_read_ends_the_connection() {
    let unreadable = event(1, "message.created", &json!({"text": "no more than this"})).to_string();
    for text in ["hello?", r#"{"t":"ping"}"#, &unreadable] {
        let server = FakeListener::new().await;
        let (mut live, mut socket) = server.connected().await;
        socket.say_text(text).await;
        assert_matches!(end(&mut live).await, Closed::Protocol(_));
    }
}

#[tokio::test]
async fn who_waits_for_an_answer_learns_that_none_will_come() {
    let server = FakeListener::new().await;
    let (mut live, mut socket) = server.connected().await;
    let client_id = "a-1".parse().unwrap();
    let (sent, read, ()) = tokio::join!(live.send(conv(), &client_id, "Hi"), live.read(conv(), Seq(1)), async {
        socket.frame().await;
        socket.frame().await;
        socket.close(4503).await;
    });
    for error in [sent.unwrap_err(), read.unwrap_err()] {
        assert_matches!(error, Error::Closed(Closed::Code { code: 4503, .. }));
        assert!(error.is_retryable());
    }
    assert_matches!(end(&mut live).await, Closed::Code { code: 4503, .. });
    let late = live.send(conv(), &client_id, "Hi").await.unwrap_err();
    assert_matches!(late, Error::Closed(Closed::Code { code: 4503, .. }));
}

#[tokio::test]
async fn goodbye_says_when_to_come_back() {
    let server = FakeListener::new().await;
    let (mut live, mut socket) = server.connected().await;
    let bye = json!({"t": "bye", "code": 4401, "reason": "token_revoked", "reconnect": false, "after_ms": 0});
    socket.say(&bye).await;
    let closed = end(&mut live).await;
    assert_eq!(closed.reason(), Some(ErrorCode::TokenRevoked));
    assert!(!closed.is_resumable());
}

#[tokio::test]
async fn a_connection_that_breaks_can_be_resumed() {
    let server = FakeListener::new().await;
    let (mut live, socket) = server.connected().await;
    drop(socket);
    let closed = end(&mut live).await;
    assert_matches!(closed, Closed::Lost(_));
    assert!(closed.is_resumable());
}

#[tokio::test]
async fn silence_ends_the_connection() {
    let server = FakeListener::new().await;
    let (mut live, _socket) = server.connected().await;
    // Nothing moves any more but the clock.
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    assert_matches!(end(&mut live).await, Closed::Silent);
    let waited = before.elapsed().as_secs();
    assert!((34..=36).contains(&waited), "{waited} s");
}

#[tokio::test]
async fn an_unanswered_request_times_out() {
    let server = FakeListener::new().await;
    let (live, _socket) = server.connected().await;
    tokio::time::pause();
    let error = live.read(conv(), Seq(1)).await.unwrap_err();
    assert_matches!(error, Error::Timeout);
}

#[tokio::test]
async fn dropping_everything_says_goodbye() {
    let server = FakeListener::new().await;
    let (live, mut socket) = server.connected().await;
    let another = live.sender().clone();
    drop(live);
    assert!(another.closed().is_none());
    drop(another);
    socket.closed().await;
}

#[tokio::test]
async fn close_waits_for_the_end() {
    let server = FakeListener::new().await;
    let (live, mut socket) = server.connected().await;
    let (sender, mut receiver) = live.split();
    tokio::join!(sender.close(), socket.closed());
    assert_matches!(sender.closed(), Some(Closed::Left));
    assert_matches!(receiver.next().await, Some(LiveEvent::Closed(Closed::Left)));
}
