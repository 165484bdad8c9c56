use std::net::SocketAddr;
use std::time::Duration;

use chat_proto::{ErrorCode, Role};
use chat_tests::{InProcess, Request, Server};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::raw::Raw;
use crate::CHATD;

/// Connections that are kept busy with a byte now and then.
#[tokio::test]
async fn threat_28_slowloris_holds_no_connection_for_long() {
    let settings = [
        ("CHATD_HTTP__HEADER_TIMEOUT", "1s"),
        ("CHATD_HTTP__BODY_TIMEOUT", "1s"),
        // As many as the attackers hold: until they are thrown out nobody else comes in.
        ("CHATD_LIMITS__CONNECTIONS", "60"),
    ];
    let mut server = Server::start_with(CHATD, &settings).await;
    let address = server.door().address;
    let mut witness = server.door().person(Role::Customer, "ana").await.socket().await;
    let mut slow = JoinSet::new();
    for i in 0..80 {
        let start = match i % 4 {
            0 => String::new(),
            1 => "GET /api/v1/server HTTP/1.1\r\nHost: x\r\nX-Slow: ".to_owned(),
            2 => "GET /api/v1/ser".to_owned(),
            _ => "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: \
                  1000\r\n\r\n"
                .to_owned(),
        };
        slow.spawn(trickle(address, start));
    }
    // While they last, who is in is served.
    witness.settle().await;
    let mut most = 0;
    while let Some(thrown_out) = slow.join_next().await {
        most = most.max(thrown_out.expect("no panic"));
    }
    // A second for the headers or the body, and as long for those who waited for a place; ten bytes a second at the most.
    assert!(most <= 100, "one of them got {most} bytes through");
    assert_eq!(Request::new("GET", "/readyz").send(address).await.status, 200);
    witness.settle().await;
    drop(witness);
    server.terminate();
    server.exited().await;
    let log = server.log();
    let timed_out =
        log.iter().filter(|line| line.contains("connection ended early") && line.contains("timeout")).count();
    assert!(timed_out >= 60, "the server says why it hung up on three of four: {timed_out}");
}

/// Sends a byte every tenth of a second until the server hangs up, or for long enough to see that it does not. Gives back how
/// many.
async fn trickle(address: SocketAddr, start: String) -> u32 {
    const LONG_ENOUGH: u32 = 300;
    let mut raw = Raw::connect(address).await;
    let mut again = interval(Duration::from_millis(100));
    // After a pause there are no more of them than without it.
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut sent, mut bytes) = (raw.send(start).await, 0);
    while sent && bytes < LONG_ENOUGH {
        again.tick().await;
        sent = raw.send("x").await;
        bytes += 1;
    }
    bytes
}

/// Two lengths of one request: what one machine takes for a body the next takes for a request.
#[tokio::test]
async fn threat_29_a_request_with_two_framings_smuggles_nothing() {
    let server = InProcess::start().await;
    let smuggled = "GET /api/v1/server HTTP/1.1\r\nHost: x\r\n\r\n";
    for (framing, body) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 50", "0\r\n\r\n"),
        ("Content-Length: 50\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
        ("Content-Length: 0\r\nContent-Length: 44", ""),
        ("Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
        ("Transfer-Encoding: xchunked", "0\r\n\r\n"),
        ("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"),
        ("Transfer-Encoding: identity, chunked", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked, chunked", "0\r\n\r\n"),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
        ("Transfer-Encoding : chunked", "0\r\n\r\n"),
        ("Content-Length: +5", "12345"),
        ("Content-Length: 5, 5", "12345"),
    ] {
        let mut raw = Raw::connect(server.door.address).await;
        let head =
            format!("POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{framing}");
        raw.send(format!("{head}\r\n\r\n{body}{smuggled}")).await;
        let read = raw.read_to_end().await;
        let answers = String::from_utf8_lossy(&read);
        assert!(answers.starts_with("HTTP/1.1 4"), "{framing}: {answers}");
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{framing}: {answers}");
        if framing.contains(", chunked") || framing.contains("gzip") {
            assert!(
                answers.starts_with("HTTP/1.1 400 ") && answers.contains("transfer codings"),
                "{framing}: {answers}"
            );
        }
    }
    for hosts in ["", "Host: x\r\nHost: y\r\n", "Host: x\r\nHost: x\r\n"] {
        let mut raw = Raw::connect(server.door.address).await;
        raw.send(format!("GET /api/v1/server HTTP/1.1\r\n{hosts}\r\n{smuggled}")).await;
        let read = raw.read_to_end().await;
        let answers = String::from_utf8_lossy(&read);
        assert!(answers.starts_with("HTTP/1.1 400 ") && answers.contains("`Host`"), "{hosts}: {answers}");
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{hosts}: {answers}");
    }
    let mut old = Raw::connect(server.door.address).await;
    old.send("GET /api/v1/server HTTP/1.0\r\n\r\n").await;
    assert!(old.read_to_end().await.starts_with(b"HTTP/1.0 200 "), "HTTP/1.0 names no host");
}

/// Addresses, heads and bodies without end.
#[tokio::test]
async fn threat_28_everything_in_a_request_has_a_bound() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let long = |bytes| "x".repeat(bytes);
    for path in [format!("/{}", long(9_000)), format!("/me?{}", long(9_000)), format!("/conversations/{}", long(9_000))]
    {
        let problem = ana.call("GET", &path).await.problem();
        assert_eq!((problem.code, problem.fields[0].pointer.as_str()), (ErrorCode::Invalid, "url"), "{path:.40}");
        assert!(problem.instance.len() < 100, "it is not said again");
    }
    let served = ana.call("GET", &format!("/{}", long(8_000))).await;
    assert_eq!(served.problem().code, ErrorCode::NotFound, "a shorter one is looked at");
    let head = ana.request("GET", "/me").header("X-Long", long(33 << 10)).send(ana.address).await;
    assert_eq!(head.status, 431);
    let many = (0..200).fold(ana.request("GET", "/me"), |request, i| request.header(&format!("X-{i}"), "y"));
    assert_eq!(many.send(ana.address).await.status, 431);
    // Who signs in has little to say; who writes may say more.
    let password = json!({"email": ana.email, "password": long(5_000)});
    let login = Request::new("POST", "/api/v1/auth/login").json(&password).send(ana.address).await;
    assert_eq!(login.problem().code, ErrorCode::TooLarge);
    let rename = ana.call_with("PATCH", "/me", &json!({"name": long(5_000)})).await;
    assert_eq!(rename.problem().code, ErrorCode::Invalid);
    // A body whose length is not said beforehand ends where the bound is.
    let mut raw = Raw::connect(ana.address).await;
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let mut sent = raw.send(head).await;
    let chunk = format!("1000\r\n{}\r\n", long(0x1000));
    for _ in 0..10_000 {
        sent = sent && raw.send(&chunk).await;
    }
    assert!(!sent, "the server hangs up on the rest");
}

/// Faults that tell how the server is made, or take it down.
#[tokio::test]
async fn threat_31_errors_name_a_request_and_nothing_of_the_inside() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    for request in [
        Request::new("GET", "/nothing"),
        Request::new("GET", "/api/v1/me").header("Authorization", "Bearer x.y.z"),
        Request::new("GET", "/api/v1/me").header("Authorization", "Basic eA=="),
        Request::new("POST", "/api/v1/auth/login").text("application/json", "{"),
        ana.request("GET", "/conversations?cursor=x"),
        ana.request("GET", "/events?cursor=x&wait=no"),
        ana.request("DELETE", "/me"),
        ana.request("POST", "/conversations").text("application/json", "\u{0}"),
    ] {
        let answer = request.send(ana.address).await;
        let problem = answer.problem();
        assert!(!problem.request_id.is_empty() && problem.status < 500, "{}", answer.text());
        for inside in ["src/", ".rs", "serde", "redb", "hyper", "panic", "unwrap", "/tmp", "/home", "Bearer x"] {
            assert!(!answer.text().contains(inside), "{inside}: {}", answer.text());
        }
        assert_eq!(answer.header("server"), None);
    }
}
