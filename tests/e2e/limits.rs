//! Who asks for too much is told so, and when to come back; nobody else notices.

use std::num::NonZeroU32;
use std::time::Duration;

use chat_proto::{ConversationId, ErrorCode, Role};
use chat_tests::{Answer, InProcess, Options, PASSWORD, Request, Socket, eventually};
use chatcore::{Limits, Rate, Rates};
use chatd::{RouterConfig, TrustedProxies};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_mins(1);

fn a_minute(count: u32) -> Option<Rate> {
    NonZeroU32::new(count).map(|count| Rate { count, per: MINUTE })
}

/// A server that stands behind a proxy on this machine, with a clock that stands still.
async fn server(set: impl FnOnce(&mut Rates, &mut RouterConfig)) -> InProcess {
    let (mut limits, mut router) = (Limits::default(), RouterConfig::default());
    let networks = vec!["127.0.0.1/32".parse().expect("a network")];
    router.trusted_proxies = TrustedProxies { networks, ..TrustedProxies::default() };
    set(&mut limits.rates, &mut router);
    InProcess::start_with(Options { manual_clock: true, limits, router, ..Options::default() }).await
}

#[track_caller]
fn limited(answer: &Answer, limit: &str, seconds: u64) {
    let problem = answer.problem();
    assert_eq!(problem.code, ErrorCode::RateLimited, "{}", answer.text());
    assert!(problem.detail.contains(limit) && problem.retryable, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some(seconds.to_string().as_str()), "{}", answer.text());
}

fn sending(conv: ConversationId, re: u64) -> Value {
    json!({"t": "send", "re": re, "conv": conv, "client_id": format!("c{re}"), "text": "Hello"})
}

#[tokio::test]
async fn what_one_person_sends_counts_over_all_doors() {
    let server = server(|rates, _| rates.sends_per_user = a_minute(6)).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    let mut socket = ana.socket().await;
    for i in 0..3 {
        ana.write(order, &format!("rest {i}")).await.ok();
        let sent = json!({"t": "send", "re": i, "conv": order, "client_id": format!("ws{i}"), "text": "Hello"});
        assert_eq!(socket.ask(&sent).await["t"], "ok");
    }
    limited(&ana.write(order, "one more").await, "sends_per_user", 10);
    let refused = socket.ask(&json!({"t": "send", "re": 9, "conv": order, "client_id": "more", "text": "Hello"})).await;
    assert_eq!((&refused["code"], &refused["status"]), (&json!("rate_limited"), &json!(429)), "{refused}");
    assert_eq!((&refused["retryable"], &refused["retry_after_ms"]), (&json!(true), &json!(10_000)), "{refused}");
    // What was sent before is answered again, reading goes on, and so do the others.
    assert_eq!(ana.write(order, "rest 0").await.status, 200);
    assert_eq!(ana.get(&format!("/conversations/{order}/messages")).await["items"].as_array().map(Vec::len), Some(6));
    leo.write(order, "I am still here").await.ok();
    server.advance(Duration::from_secs(10));
    ana.write(order, "one more").await.ok();
    limited(&ana.write(order, "and one more").await, "sends_per_user", 10);
}

#[tokio::test]
async fn a_stranger_uses_up_nothing_of_a_conversation() {
    let server = server(|rates, _| rates.sends_per_conversation = a_minute(2)).await;
    let [ana, leo, mallory] = [(Role::Customer, "ana"), (Role::Agent, "leo"), (Role::Customer, "mallory")]
        .map(|(role, name)| server.door.person(role, name));
    let (ana, leo, mallory) = (ana.await, leo.await, mallory.await);
    let order = ana.direct(&leo).await;
    for i in 0..5 {
        assert_eq!(mallory.write(order, &format!("let me in {i}")).await.problem().code, ErrorCode::NotFound);
    }
    ana.write(order, "one").await.ok();
    leo.write(order, "two").await.ok();
    limited(&ana.write(order, "three").await, "sends_per_conversation", 30);
    limited(&leo.write(order, "three").await, "sends_per_conversation", 30);
    assert_eq!(mallory.write(order, "now").await.problem().code, ErrorCode::NotFound, "full or not is not told");
    let elsewhere = ana.direct(&server.door.person(Role::Agent, "lea").await).await;
    ana.write(elsewhere, "other conversations have room").await.ok();
}

#[tokio::test]
async fn changes_and_signals_count_and_signing_out_is_always_possible() {
    let server = server(|rates, _| rates.changes_per_user = a_minute(4)).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    let mut socket = ana.socket().await;
    assert_eq!(socket.ask(&json!({"t": "typing", "re": 1, "conv": order, "on": true})).await["t"], "ok");
    assert_eq!(socket.ask(&json!({"t": "viewing", "re": 2, "conv": order, "on": true})).await["t"], "ok");
    ana.call_with("POST", &format!("/conversations/{order}/read"), &json!({"seq": 0})).await.ok();
    limited(&ana.call_with("PATCH", "/me", &json!({"name": "Ana"})).await, "changes_per_user", 15);
    let typing = socket.ask(&json!({"t": "typing", "re": 3, "conv": order, "on": true})).await;
    assert_eq!(typing["code"], "rate_limited", "{typing}");
    ana.write(order, "messages have a limit of their own").await.ok();
    ana.call("POST", "/auth/logout").await.ok();
    // With the token of a session that has ended nothing of it can be used up either.
    server.advance(Duration::from_secs(15));
    for _ in 0..3 {
        let dead = ana.call_with("PATCH", "/me", &json!({"name": "Ana"})).await;
        assert_eq!(dead.problem().code, ErrorCode::TokenRevoked);
    }
    let ana = server.door.sign_in(&ana.email).await;
    ana.call_with("PATCH", "/me", &json!({"name": "Ana"})).await.ok();
}

#[tokio::test]
async fn each_address_asks_and_signs_in_for_itself() {
    let server = server(|rates, _| {
        rates.requests_per_address = a_minute(5);
        rates.sign_ins_per_address = a_minute(2);
    })
    .await;
    let address = server.door.address;
    let ask =
        async |path: &str, from: &str| Request::new("GET", path).header("X-Forwarded-For", from).send(address).await;
    let login = async |from: &str| {
        let body = json!({"email": "nobody@shop.test", "password": PASSWORD});
        let login = Request::new("POST", "/api/v1/auth/login").json(&body);
        login.header("X-Forwarded-For", from).send(address).await
    };
    for _ in 0..2 {
        assert_eq!(login("192.0.2.1").await.problem().code, ErrorCode::InvalidCredentials);
    }
    // What a client puts before the address that the proxy saw changes nothing.
    limited(&login("198.51.100.7, 192.0.2.1").await, "sign_ins_per_address", 30);
    assert_eq!(login("192.0.2.2").await.problem().code, ErrorCode::InvalidCredentials);
    for _ in 0..5 {
        assert_eq!(ask("/api/v1/server", "2001:db8:1:1::1").await.status, 200);
    }
    limited(&ask("/api/v1/server", "2001:db8:1:1:ffff::9").await, "requests_per_address", 12);
    limited(&ask("/nothing", "2001:db8:1:1::1").await, "requests_per_address", 12);
    let old = ask("/api/auth/profile", "2001:db8:1:1::1").await;
    let words = "That was too much at once. Please try again in 12 seconds.";
    assert_eq!(old.failure(), (ErrorCode::RateLimited, words.to_owned()), "in the dialect of the replaced backend");
    assert_eq!(old.header("retry-after"), Some("12"));
    assert_eq!(ask("/livez", "2001:db8:1:1::1").await.status, 200, "probes are always answered");
    assert_eq!(ask("/api/v1/server", "2001:db8:1:2::1").await.status, 200);
    server.advance(Duration::from_secs(12));
    assert_eq!(ask("/api/v1/server", "2001:db8:1:1::1").await.status, 200);
}

#[tokio::test]
async fn an_address_that_no_trusted_proxy_names_is_nobodys() {
    let server = server(|rates, router| {
        rates.requests_per_address = a_minute(1);
        router.trusted_proxies = TrustedProxies::default();
    })
    .await;
    for header in ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP"] {
        for _ in 0..3 {
            let ask = Request::new("GET", "/api/v1/server").header(header, "192.0.2.1");
            assert_eq!(ask.send(server.door.address).await.status, 200, "{header}");
        }
    }
}

#[tokio::test]
async fn who_goes_on_in_spite_of_every_refusal_is_hung_up_on() {
    let server = server(|rates, _| rates.sends_per_user = a_minute(1)).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    let mut socket = ana.socket().await;
    for re in 0..301 {
        let answer = socket.ask(&sending(order, re)).await;
        assert_eq!(answer["t"] == "ok", re == 0, "{answer}");
    }
    socket.say(&sending(order, 301)).await;
    let (frames, code) = socket.end().await;
    let bye = frames.last().expect("a last word");
    assert_eq!((code, &bye["t"], &bye["reconnect"]), (Some(4429), &json!("bye"), &json!(true)), "{frames:?}");
    assert!(bye["after_ms"].as_u64().is_some_and(|wait| wait >= 1_000), "{bye}");
}

#[tokio::test]
async fn so_many_sockets_of_one_address_are_open_and_no_more() {
    let server = server(|_, router| router.sockets_per_address = 2).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let open = async |from: &str| Socket::connect_with(ana.address, &[("X-Forwarded-For", from)]).await;
    let (first, _second) = (open("192.0.2.1").await.expect("it opens"), open("192.0.2.1").await.expect("it opens"));
    let (status, body) = open("192.0.2.1").await.expect_err("it is refused");
    assert_eq!(status, 429, "{body}");
    assert!(body.contains("sockets_per_address") && body.contains("rate_limited"), "{body}");
    open("192.0.2.2").await.expect("another address has its own");
    first.close().await;
    eventually("there is room again", async || open("192.0.2.1").await.ok().map(drop)).await;
}

#[tokio::test]
async fn so_many_sockets_that_say_no_hello_are_open_and_no_more() {
    let server = server(|_, router| router.sockets_before_hello = 3).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let mut welcome = ana.socket().await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(Socket::connect(ana.address).await);
    }
    let (status, body) = Socket::connect_with(ana.address, &[]).await.expect_err("it is refused");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("sockets_before_hello"), "{body}");
    welcome.settle().await;
    // One of them says who it is, and makes room by that.
    let mut one = silent.pop().expect("a socket");
    one.say(&json!({"t": "hello", "token": ana.token})).await;
    one.until_t("live").await;
    ana.socket().await.settle().await;
}
