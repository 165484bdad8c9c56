//! Tokens that somebody made, with and without the secret that ours are signed with.

use chat_proto::{ErrorCode, Role};
use chat_tests::{Options, PASSWORD, Person, Request, Socket};
use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};
use std::time::Duration;

use super::{Shop, refused};

const SECRET: &[u8] = b"known to the tests of this project alone";

/// A token taken apart.
#[derive(Clone)]
struct Token {
    header: Value,
    claims: Value,
}

impl Token {
    fn of(person: &Person) -> Self {
        let mut parts = person.token.split('.').map(|part| BASE64URL_NOPAD.decode(part.as_bytes()).expect("base64"));
        let mut next = || parts.next().expect("a part");
        let (header, claims) = (next(), next());
        let json = |bytes: Vec<u8>| serde_json::from_slice(&bytes).expect("JSON");
        Self { header: json(header), claims: json(claims) }
    }

    fn head(mut self, key: &str, value: Value) -> Self {
        self.header[key] = value;
        self
    }

    fn claim(mut self, key: &str, value: Value) -> Self {
        self.claims[key] = value;
        self
    }

    fn without(mut self, claim: &str) -> Self {
        self.claims.as_object_mut().expect("an object").remove(claim);
        self
    }

    /// Signed with this secret, under the algorithm that its header names as far as that is an HMAC.
    fn signed(&self, secret: &[u8]) -> String {
        let encode = |part: &Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
        let text = format!("{}.{}", encode(&self.header), encode(&self.claims));
        let signature = match self.header["alg"].as_str() {
            Some("HS384") => mac::<Hmac<Sha384>>(secret, &text),
            Some("HS512") => mac::<Hmac<Sha512>>(secret, &text),
            _ => mac::<Hmac<Sha256>>(secret, &text),
        };
        format!("{text}.{}", BASE64URL_NOPAD.encode(&signature))
    }
}

fn mac<M: Mac + hmac::digest::KeyInit>(secret: &[u8], text: &str) -> Vec<u8> {
    let mut mac = <M as Mac>::new_from_slice(secret).expect("any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Refused at every door.
async fn opens_nothing(case: &str, shop: &Shop, whose: &Person, token: &str, code: ErrorCode) {
    let path = shop.path("/messages");
    for request in [
        Request::new("GET", "/api/v1/me").token(token),
        Request::new("GET", "/api/v1/events/stream").token(token),
        Request::new("GET", format!("/api/v1{path}")).token(token),
        Request::new("POST", format!("/api/v1{path}")).token(token).json(&json!({"client_id": "x", "text": "x"})),
    ] {
        refused(case, &shop.door().send(request).await, code);
    }
    let mut socket = Socket::connect(shop.ana.address).await;
    socket.say(&json!({"t": "hello", "token": token})).await;
    let (frames, close) = socket.end().await;
    assert_eq!((close, &frames[0]["code"]), (Some(4401), &json!(code)), "{case}: {frames:?}");
    let mut socket = whose.socket().await;
    let answer = socket.ask(&json!({"t": "auth", "re": 1, "token": token})).await;
    assert_eq!((&answer["t"], &answer["code"]), (&json!("err"), &json!(code)), "{case}: {answer}");
}

/// security.md 1 to 4.
#[tokio::test]
async fn even_a_token_that_is_signed_with_our_secret_must_be_one_of_ours() {
    use ErrorCode::{TokenExpired, TokenRevoked, Unauthenticated};
    let shop = Shop::open_with(Options { token_secret: Some(SECRET), ..Options::default() }).await;
    let before = shop.stored().await;
    let good = || Token::of(&shop.ana);
    let secret = SECRET;
    // What is refused below is refused for what is wrong with it.
    let request = Request::new("GET", "/api/v1/me").token(&good().signed(secret));
    assert_eq!(shop.door().send(request).await.ok()["id"], json!(shop.ana.id));

    let head = |key: &str, value: Value| good().head(key, value).signed(secret);
    let claim = |key: &str, value: Value| good().claim(key, value).signed(secret);
    let exp = good().claims["exp"].as_i64().expect("a number");
    for (case, token, code) in [
        ("another secret", good().signed(b"another secret of the same length, or so"), Unauthenticated),
        ("HS384 with our secret", head("alg", json!("HS384")), Unauthenticated),
        ("HS512 with our secret", head("alg", json!("HS512")), Unauthenticated),
        ("RS256, signed as HS256", head("alg", json!("RS256")), Unauthenticated),
        ("EdDSA, signed as HS256", head("alg", json!("EdDSA")), Unauthenticated),
        ("alg none", head("alg", json!("none")), Unauthenticated),
        ("alg nOnE", head("alg", json!("nOnE")), Unauthenticated),
        ("no alg", head("alg", Value::Null), Unauthenticated),
        ("a foreign key id", head("kid", json!("AAAAAAAAAAAA")), Unauthenticated),
        ("a key id that is a path", head("kid", json!("../../../../dev/null")), Unauthenticated),
        ("no key id", head("kid", Value::Null), Unauthenticated),
        ("another type", head("typ", json!("JWT")), Unauthenticated),
        ("a critical extension", head("crit", json!(["b64"])), Unauthenticated),
        ("another audience", claim("aud", json!("shop")), Unauthenticated),
        ("another issuer", claim("iss", json!("https://evil.example")), Unauthenticated),
        ("no audience", good().without("aud").signed(secret), Unauthenticated),
        ("no issuer", good().without("iss").signed(secret), Unauthenticated),
        ("no end", good().without("exp").signed(secret), Unauthenticated),
        ("an end that is text", claim("exp", json!(exp.to_string())), Unauthenticated),
        ("an end that is a list", claim("exp", json!([exp])), Unauthenticated),
        ("no session", good().without("sid").signed(secret), Unauthenticated),
        ("a session that is no id", claim("sid", json!(shop.ana.id)), Unauthenticated),
        ("over", claim("exp", json!(exp - 24 * 3_600)), TokenExpired),
        ("another's session", claim("sub", json!(shop.leo.id)), TokenRevoked),
        ("nobody's session", claim("sid", json!("sess_01kay8m2r3f9vvk1a2b3c4d5e6")), TokenRevoked),
        ("a refresh token", shop.ana.refresh_token.clone(), Unauthenticated),
    ] {
        let whose = if case == "another's session" { &shop.leo } else { &shop.ana };
        opens_nothing(case, &shop, whose, &token, code).await;
    }
    // Where a header points is never looked at: the key is one of ours, whatever else stands there.
    for key in ["jku", "x5u", "jwk"] {
        let token =
            head(key, if key == "jwk" { json!({"kty": "oct", "k": "AAAA"}) } else { json!("http://127.0.0.1:1") });
        let answer = shop.door().send(Request::new("GET", "/api/v1/me").token(&token)).await;
        assert!(answer.status == 200 || answer.status == 401, "{key}: {}", answer.text());
        let foreign = good().head(key, json!("http://127.0.0.1:1")).signed(b"the key that it points to");
        opens_nothing(key, &shop, &shop.ana, &foreign, Unauthenticated).await;
    }
    // Each kind of token is good for its own purpose alone.
    for token in [shop.ana.token.clone(), good().signed(secret), "rt_".to_owned(), String::new()] {
        let body = json!({"refresh_token": token});
        let answer = shop.door().send(Request::new("POST", "/api/v1/auth/refresh").json(&body)).await;
        refused("not a refresh token", &answer, Unauthenticated);
    }
    assert_eq!(shop.stored().await, before);
}

/// security.md 5.
#[tokio::test]
async fn a_token_is_dead_at_once_when_its_session_ends_in_whatever_way() {
    let shop = Shop::open().await;
    let another = || shop.door().sign_in(&shop.leo.email);
    let out = another().await;
    out.call("POST", "/auth/logout").await.ok();
    opens_nothing("signed out", &shop, &shop.leo, &out.token, ErrorCode::TokenRevoked).await;

    let ended = another().await;
    let session = ended.get("/me/sessions").await["items"].as_array().and_then(|all| all.last().cloned());
    let session = session.expect("a session");
    assert_eq!(session["current"], true);
    let path = format!("/me/sessions/{}", session["id"].as_str().expect("an id"));
    shop.leo.call("DELETE", &path).await.ok();
    opens_nothing("ended from another device", &shop, &shop.leo, &ended.token, ErrorCode::TokenRevoked).await;

    let other = another().await;
    shop.leo.call("DELETE", "/me/sessions").await.ok();
    opens_nothing("ended with all others", &shop, &shop.leo, &other.token, ErrorCode::TokenRevoked).await;

    let stolen = another().await;
    let body = json!({"current_password": PASSWORD, "new_password": "a better one than that"});
    shop.leo.call_with("POST", "/me/password", &body).await.ok();
    opens_nothing("the password was changed", &shop, &shop.leo, &stolen.token, ErrorCode::TokenRevoked).await;
    let body = json!({"refresh_token": stolen.refresh_token});
    let answer = shop.door().send(Request::new("POST", "/api/v1/auth/refresh").json(&body)).await;
    refused("so is its refresh token", &answer, ErrorCode::TokenRevoked);
    shop.leo.get("/me").await;
}

#[tokio::test]
async fn a_refresh_token_ends_when_it_is_not_used_for_too_long() {
    let ttl = Duration::from_hours(1);
    let shop = Shop::open_with(Options { manual_clock: true, refresh_ttl: ttl, ..Options::default() }).await;
    let dana = shop.door().person(Role::Designer, "dana").await;
    shop.server.advance(ttl);
    let body = json!({"refresh_token": dana.refresh_token});
    let answer = shop.door().send(Request::new("POST", "/api/v1/auth/refresh").json(&body)).await;
    refused("too late", &answer, ErrorCode::TokenExpired);
}
