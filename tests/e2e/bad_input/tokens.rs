//! Signing up, signing in, and tokens.

use std::time::Duration;

use chat_proto::ErrorCode;
use chat_tests::{Options, PASSWORD, Request, Socket};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{Shop, refused};

#[tokio::test]
async fn sign_up_takes_nothing_but_what_a_customer_may_say() {
    use ErrorCode::{EmailTaken, Invalid, InvalidCredentials};
    let shop = Shop::open().await;
    let before = shop.stored().await;
    let good = json!({"email": "new@shop.test", "name": "New", "password": PASSWORD});
    let with = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body
    };
    for (case, body, code) in [
        ("a role", with("role", json!("admin")), Invalid),
        ("an id", with("id", json!(shop.ana.id)), Invalid),
        ("a password of seven bytes", with("password", json!("1234567")), Invalid),
        ("a password of 257 bytes", with("password", json!("x".repeat(257))), Invalid),
        ("an address that is none", with("email", json!("new.shop.test")), Invalid),
        ("an address with a line break", with("email", json!("a@shop.test\r\nBcc: b@shop.test")), Invalid),
        ("a blank name", with("name", json!("  ")), Invalid),
        ("a name that hides", with("name", json!("A\u{200b}da")), Invalid),
        ("a taken address", with("email", json!("ana@shop.test")), EmailTaken),
        ("a taken address in capitals", with("email", json!("ANA@Shop.Test")), EmailTaken),
    ] {
        let request = Request::new("POST", "/api/v1/auth/register").json(&body);
        refused(case, &shop.door().send(request).await, code);
    }
    let mut answers = Vec::new();
    for (email, password) in
        [("ana@shop.test", "wrong password"), ("nobody@shop.test", PASSWORD), ("ana@shop.test", "x")]
    {
        let request = Request::new("POST", "/api/v1/auth/login")
            .header("X-Request-Id", "same")
            .json(&json!({"email": email, "password": password}));
        let answer = shop.door().send(request).await;
        refused(email, &answer, InvalidCredentials);
        answers.push(answer.body);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "which of them it was is not told");
    assert_eq!(shop.stored().await, before);
}

/// Tokens that must not be taken for Ana's.
fn forged(good: &str) -> Vec<(&'static str, String)> {
    let parts: Vec<&str> = good.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("not a JWT") };
    let plain = |part: &str| -> Value {
        serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).expect("base64")).expect("JSON")
    };
    let encode = |part: &Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
    let headed = |alg: &str| {
        let mut header = plain(header);
        header["alg"] = json!(alg);
        format!("{}.{claims}", encode(&header))
    };
    let claiming = |key: &str, value: Value| {
        let mut claims = plain(claims);
        claims[key] = value;
        format!("{header}.{}.{signature}", encode(&claims))
    };
    let mut flipped = BASE64URL_NOPAD.decode(signature.as_bytes()).expect("base64");
    flipped[0] ^= 1;
    vec![
        ("no token", String::new()),
        ("a word", "token".to_owned()),
        ("alg none", format!("{}.", headed("none"))),
        ("alg None", format!("{}.", headed("None"))),
        ("alg none, signed", format!("{}.{signature}", headed("none"))),
        ("alg HS512", format!("{}.{signature}", headed("HS512"))),
        ("alg RS256", format!("{}.{signature}", headed("RS256"))),
        ("no signature", format!("{header}.{claims}.")),
        ("two parts", format!("{header}.{claims}")),
        ("another signature", format!("{header}.{claims}.{}", BASE64URL_NOPAD.encode(&flipped))),
        ("another user", claiming("sub", json!("user_01kay8m2r3f9vvk1a2b3c4d5e6"))),
        ("for ever", claiming("exp", json!(i64::MAX))),
        ("exp as text", claiming("exp", json!("never"))),
        ("another line", format!("{good}\u{0}")),
        ("twice", format!("{good}.{good}")),
        ("too long", "x".repeat(7_000)),
    ]
}

#[tokio::test]
async fn tokens_that_are_foreign_altered_or_absent_open_nothing() {
    let shop = Shop::open().await;
    let elsewhere = Shop::open().await;
    let mut tokens = forged(&shop.ana.token);
    tokens.push(("of another server", elsewhere.ana.token.clone()));
    for (case, token) in &tokens {
        if !token.contains('\0') {
            let request = Request::new("GET", "/api/v1/me").token(token);
            let answer = shop.door().send(request).await;
            refused(case, &answer, ErrorCode::Unauthenticated);
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{case}");
        }
        let mut socket = Socket::connect(shop.ana.address).await;
        socket.say(&json!({"t": "hello", "token": token})).await;
        let (frames, code) = socket.end().await;
        assert_eq!(code, Some(4401), "{case}: {frames:?}");
        assert_eq!(frames[0]["code"], "unauthenticated", "{case}: {frames:?}");
        assert_eq!(frames[1]["t"], "bye", "{case}: {frames:?}");
        assert_eq!(frames[1]["reconnect"], false, "{case}: {frames:?}");
    }
    for value in ["Basic YW5hOnB3", "Bearer", "bearer ", &shop.ana.token] {
        let request = Request::new("GET", "/api/v1/me").header("Authorization", value);
        refused(value, &shop.door().send(request).await, ErrorCode::Unauthenticated);
    }
    refused("none", &shop.door().send(Request::new("GET", "/api/v1/me")).await, ErrorCode::Unauthenticated);
    // A token in the address is none.
    let in_query = Request::new("GET", format!("/api/v1/me?access_token={}", shop.ana.token));
    refused("query", &shop.door().send(in_query).await, ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn a_token_whose_time_is_over_opens_nothing() {
    let shop =
        Shop::open_with(Options { manual_clock: true, access_ttl: Duration::from_mins(1), ..Options::default() }).await;
    shop.ana.get("/me").await;
    shop.server.advance(Duration::from_secs(61));
    refused("REST", &shop.ana.call("GET", "/me").await, ErrorCode::TokenExpired);
    let mut socket = Socket::connect(shop.ana.address).await;
    socket.say(&json!({"t": "hello", "token": shop.ana.token})).await;
    let (frames, code) = socket.end().await;
    assert_eq!((code, &frames[0]["code"]), (Some(4401), &json!("token_expired")), "{frames:?}");
}

#[tokio::test]
async fn a_socket_ends_when_its_token_does() {
    let shop =
        Shop::open_with(Options { manual_clock: true, access_ttl: Duration::from_secs(1), ..Options::default() }).await;
    let mut socket = shop.ana.socket().await;
    let (frames, code) = socket.end().await;
    let bye = frames.last().expect("a last word");
    assert_eq!((code, &bye["reason"]), (Some(4401), &json!("token_expired")), "{frames:?}");
}
