//! What is said on a socket, and who may open one.

use chat_proto::{ErrorCode, Role};
use chat_tests::{Frame, Options, Socket, eventually};
use chatcore::Limits;
use chatd::RouterConfig;
use serde_json::{Value, json};

use super::{Shop, nested, refused};

#[tokio::test]
async fn bad_frames_are_answered_and_the_connection_is_kept() {
    let shop = Shop::open().await;
    let before = shop.stored().await;
    let order = shop.order;
    let absent = "conv_01kay8m2r3f9vvk1a2b3c4d5e6";
    let mut socket = shop.ana.socket().await;
    socket.settle().await;
    for (text, code, re) in [
        ("", "invalid", None),
        ("nonsense", "invalid", None),
        ("[]", "invalid", None),
        ("{}", "invalid", None),
        (r#"{"t":7,"re":1}"#, "invalid", Some(1)),
        (r#"{"t":"subscribe","re":2}"#, "unsupported", Some(2)),
        (r#"{"t":"Send","re":2}"#, "unsupported", Some(2)),
        (r#"{"t":"ping","extra":1}"#, "invalid", None),
        (r#"{"t":"ping"}{"t":"ping"}"#, "invalid", None),
        (&format!(r#"{{"t":"send","conv":"{order}","client_id":"a","text":"b"}}"#), "invalid", None),
        (&format!(r#"{{"t":"send","re":-1,"conv":"{order}","client_id":"a","text":"b"}}"#), "invalid", None),
        (&format!(r#"{{"t":"send","re":3,"conv":"{order}","client_id":"","text":"b"}}"#), "invalid", Some(3)),
        (
            &format!(r#"{{"t":"send","re":4,"conv":"{order}","client_id":"a","text":"b","kind":"note"}}"#),
            "invalid",
            Some(4),
        ),
        (&format!(r#"{{"t":"send","re":5,"conv":"{}","client_id":"a","text":"b"}}"#, shop.leo.id), "invalid", Some(5)),
        (&format!(r#"{{"t":"read","re":6,"conv":"{order}","seq":-1}}"#), "invalid", Some(6)),
        (
            &format!(r#"{{"t":"send","re":7,"conv":"{order}","client_id":"a","text":{}}}"#, nested(20_000)),
            "invalid",
            Some(7),
        ),
    ] {
        socket.say_text(text).await;
        let answer = socket.json().await;
        let got = (answer["t"].as_str(), answer["code"].as_str(), answer["re"].as_u64());
        assert_eq!(got, (Some("err"), Some(code), re), "{text:.80}: {answer}");
        assert_eq!((&answer["status"], &answer["retryable"]), (&json!(400), &json!(false)), "{text:.80}: {answer}");
    }
    socket.say_binary(br#"{"t":"ping"}"#).await;
    assert_eq!(socket.json().await["code"], "invalid");
    // Frames that are frames, and still refused; they do not count as bad ones.
    for _ in 0..3 {
        for (frame, code) in [
            (json!({"t": "send", "re": 8, "conv": order, "client_id": "a", "text": " "}), "invalid"),
            (json!({"t": "send", "re": 8, "conv": order, "client_id": "a", "text": "x".repeat(16_385)}), "too_large"),
            (
                json!({"t": "send", "re": 8, "conv": order, "client_id": "The_only_message", "text": "b"}),
                "idempotency_mismatch",
            ),
            (json!({"t": "send", "re": 8, "conv": absent, "client_id": "a", "text": "b"}), "not_found"),
            (json!({"t": "read", "re": 8, "conv": absent, "seq": 1}), "not_found"),
            (json!({"t": "typing", "re": 8, "conv": absent, "on": true}), "not_found"),
        ] {
            let answer = socket.ask(&frame).await;
            assert_eq!((&answer["t"], &answer["code"]), (&json!("err"), &json!(code)), "{answer}");
        }
    }
    // A refusal without `re` is told too, and a second hello.
    socket.say(&json!({"t": "read", "conv": absent, "seq": 1})).await;
    assert_eq!(socket.json().await["code"], "not_found");
    socket.say(&json!({"t": "hello", "token": shop.leo.token})).await;
    assert_eq!(socket.json().await["code"], "conflict");
    assert_eq!(shop.stored().await, before);
    // The connection is as good as ever, and still Ana's.
    let sent = json!({"t": "send", "re": u64::MAX, "conv": order, "client_id": "b", "text": "Still here"});
    let answer = socket.ask(&sent).await;
    assert_eq!(answer["d"]["author"]["id"], json!(shop.ana.id), "{answer}");
    let read = json!({"t": "read", "re": 9, "conv": order, "seq": u64::MAX});
    assert_eq!(socket.ask(&read).await["t"], "ok");
}

#[tokio::test]
async fn the_twenty_first_bad_frame_ends_the_connection() {
    let shop = Shop::open().await;
    let mut socket = shop.ana.socket().await;
    for _ in 0..20 {
        socket.say_text("nonsense").await;
        assert_eq!(socket.until_t("err").await.len(), 1);
    }
    assert_eq!(socket.settle().await, [Value::Null; 0], "twenty are put up with");
    socket.say_text("nonsense").await;
    let (frames, code) = socket.end().await;
    let bye = frames.last().expect("a last word");
    assert_eq!((code, &bye["t"]), (Some(4429), &json!("bye")), "{frames:?}");
    assert_eq!((&bye["reason"], &bye["reconnect"]), (&json!("rate_limited"), &json!(true)), "{bye}");
    assert!(bye["after_ms"].as_u64().is_some_and(|wait| wait >= 1_000), "it says how long to wait: {bye}");
}

#[tokio::test]
async fn what_breaks_the_websocket_standard_ends_the_connection_with_its_code() {
    let shop = Shop::open().await;
    let large = json!({"t": "send", "re": 1, "conv": shop.order, "client_id": "a", "text": "x".repeat(64 << 10)});
    let mut socket = shop.ana.socket().await;
    socket.say(&large).await;
    assert_eq!(socket.end().await.1, Some(1009), "a frame of more than 64 KiB");
    let mut socket = shop.ana.socket().await;
    socket.say_bytes(b"{\"t\":\"ping\xff\"}").await;
    assert_eq!(socket.end().await.1, Some(1007), "a text that is no UTF-8");

    let mut socket = shop.ana.socket().await;
    socket.say_reserved().await;
    assert_eq!(socket.end().await.1, Some(1002), "a kind of frame that does not exist");
    let mut socket = shop.ana.socket().await;
    socket.say_continued().await;
    assert_eq!(socket.end().await.1, Some(1002), "a message that never began");

    // Before the welcome there is less room, and the first frame is `hello`.
    let mut hello = Socket::connect(shop.ana.address).await;
    hello.say(&json!({"t": "hello", "token": "x".repeat(9 << 10)})).await;
    assert_eq!(hello.end().await.1, Some(1009), "a hello of more than 8 KiB");
    for (expected, first) in [
        (4401, json!({"t": "ping"})),
        (4401, json!({"t": "send", "re": 1, "conv": shop.order, "client_id": "a", "text": "b"})),
        (4400, json!({"t": "subscribe"})),
        (4401, json!({"t": "hello"})),
        (4400, json!({"t": "hello", "token": shop.ana.token, "extra": 1})),
        (4400, json!({"t": "hello", "token": 7})),
        (4400, json!("hello")),
    ] {
        let mut socket = Socket::connect(shop.ana.address).await;
        socket.say(&first).await;
        let (frames, code) = socket.end().await;
        assert_eq!(code, Some(expected), "{first}: {frames:?}");
        let names: Vec<&str> = frames.iter().filter_map(|frame| frame["t"].as_str()).collect();
        assert_eq!(names, ["err", "bye"], "{first}: {frames:?}");
    }
    let mut binary = Socket::connect(shop.ana.address).await;
    binary.say_binary(b"hello").await;
    assert_eq!(binary.end().await.1, Some(4400));
    assert_eq!(shop.leo.unread(shop.order).await, 1, "nothing was sent");
}

#[tokio::test]
async fn a_socket_that_says_no_hello_is_closed_after_ten_seconds() {
    let shop = Shop::open().await;
    let mut socket = Socket::connect(shop.ana.address).await;
    // From here on time passes when everybody waits.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let (frames, code) = socket.end().await;
    let waited = began.elapsed();
    assert_eq!((code, &frames[0]["code"]), (Some(4401), &json!("unauthenticated")), "{frames:?}");
    assert!((9..=11).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test]
async fn a_cursor_that_cannot_be_followed_is_answered_with_reset() {
    let shop = Shop::open().await;
    let elsewhere = Shop::open().await;
    let foreign = elsewhere.ana.get("/conversations").await["as_of"].as_str().expect("a cursor").to_owned();
    shop.leo.direct(&shop.server.door.person(Role::Customer, "bo").await).await;
    let page = shop.leo.get("/conversations?limit=1").await["next_cursor"].as_str().expect("a cursor").to_owned();
    for cursor in ["", "x", &foreign, &page, &"x".repeat(4_000)] {
        let mut socket = Socket::connect(shop.ana.address).await;
        socket.say(&json!({"t": "hello", "token": shop.ana.token, "resume": cursor})).await;
        let frames = socket.until_t("live").await;
        assert_eq!(frames[0]["resumed"], false, "{cursor}: {frames:?}");
        assert_eq!((&frames[1]["t"], &frames[1]["reason"]), (&json!("reset"), &json!("unknown")), "{frames:?}");
    }
}

#[tokio::test]
async fn only_pages_of_the_shop_open_the_socket_and_only_for_this_protocol() {
    let mut router = RouterConfig::default();
    router.allowed_origins = vec!["https://shop.test".parse().expect("a header")];
    let shop = Shop::open_with(Options { router, ..Options::default() }).await;
    let at = shop.ana.address;
    let own = format!("http://{at}");
    let protocol = "Sec-WebSocket-Protocol";
    for (headers, status) in [
        (vec![], None),
        (vec![("Origin", "https://shop.test")], None),
        (vec![("Origin", own.as_str())], None),
        (vec![("Origin", "https://shop.test.evil.test")], Some(403)),
        (vec![("Origin", "https://evil-shop.test")], Some(403)),
        (vec![("Origin", "http://shop.test")], Some(403)),
        (vec![("Origin", "https://shop.test:444")], Some(403)),
        (vec![("Origin", "https://SHOP.test")], Some(403)),
        (vec![("Origin", "null")], Some(403)),
        (vec![(protocol, "chat.v1.json")], None),
        (vec![(protocol, "chat.v2.json"), (protocol, "chat.v1.json")], None),
        (vec![(protocol, "chat.v2.json")], Some(400)),
        (vec![(protocol, "CHAT.V1.JSON")], Some(400)),
    ] {
        match (Socket::connect_with(at, &headers).await, status) {
            (Ok(mut socket), None) => {
                socket.say(&json!({"t": "hello", "token": shop.ana.token})).await;
                assert!(matches!(socket.next().await, Frame::Json(_)), "{headers:?}");
            }
            (Err((status, body)), Some(expected)) => {
                assert_eq!(status, expected, "{headers:?}");
                let problem: Value = serde_json::from_str(&body).expect("a problem document");
                assert!(["forbidden", "unsupported"].contains(&problem["code"].as_str().expect("a code")), "{body}");
            }
            (opened, _) => panic!("{headers:?}: opened is {}", opened.is_ok()),
        }
    }
    // Without an upgrade it is an ordinary error.
    refused("plain GET", &shop.ana.call("GET", "/ws").await, ErrorCode::Unsupported);
    refused("POST", &shop.ana.call("POST", "/ws").await, ErrorCode::MethodNotAllowed);
    // Over REST a foreign page is told nothing that would let it read the answer.
    for (origin, allowed) in [("https://shop.test", true), ("https://evil.test", false), ("null", false)] {
        let answer = shop.ana.request("GET", "/me").header("Origin", origin).send(at).await;
        let told = answer.header("access-control-allow-origin");
        assert_eq!(told, allowed.then_some(origin), "{origin}");
    }
}

#[tokio::test]
async fn one_person_has_so_many_sockets_and_no_more() {
    let mut limits = Limits::default();
    limits.connections_per_user = 2;
    let shop = Shop::open_with(Options { limits, ..Options::default() }).await;
    let (mut first, second) = (shop.ana.socket().await, shop.ana.socket().await);
    let mut third = Socket::connect(shop.ana.address).await;
    third.say(&json!({"t": "hello", "token": shop.ana.token})).await;
    let (frames, code) = third.end().await;
    let bye = frames.last().expect("a last word");
    assert_eq!((code, &frames[0]["code"]), (Some(4409), &json!("rate_limited")), "{frames:?}");
    assert_eq!((&bye["t"], &bye["reconnect"]), (&json!("bye"), &json!(false)), "{frames:?}");
    // The others go on, other people come in, and a place is free when one of hers goes.
    first.settle().await;
    shop.leo.socket().await;
    second.close().await;
    eventually("there is room again", async || {
        let mut again = Socket::connect(shop.ana.address).await;
        again.say(&json!({"t": "hello", "token": shop.ana.token})).await;
        (again.json().await["t"] == "welcome").then_some(())
    })
    .await;
}
