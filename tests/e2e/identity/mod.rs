//! The shop vouches for a customer, by a token that its backend has signed. The private keys beside this file are made
//! for these tests and used nowhere else.

use std::time::Duration;

use chat_proto::{ErrorCode, Role};
use chat_tests::{Answer, InProcess, Options, Person, Request, Socket};
use chatcore::{IdentityKey, Site};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

const SECRET: &[u8] = b"x7 a secret of the first shop, made for tests";
const OTHER_SECRET: &[u8] = b"x8 a secret of the other shop, made for tests";
const JWKS: &str = include_str!("keys/public.jwks.json");

/// A shop with two sites: one that signs with a secret, one with keys of three kinds.
struct Shop {
    server: InProcess,
}

fn sites() -> Vec<Site> {
    let secret = IdentityKey::secret(Some("a".to_owned()), SECRET).expect("well made");
    let keys = IdentityKey::jwks(JWKS).expect("well made");
    let shop = Site::new("shop").expect("well made").origins(["https://shop.test".to_owned()]);
    let b2b = Site::new("b2b").expect("well made").audience("https://chat.test");
    vec![
        shop.identity_keys(vec![secret]).expect("well made"),
        b2b.identity_keys(keys).expect("well made"),
        Site::new("mute").expect("well made"),
    ]
}

impl Shop {
    async fn open() -> Self {
        let options = Options { manual_clock: true, sites: sites(), ..Options::default() };
        Self { server: InProcess::start_with(options).await }
    }

    fn now(&self) -> i64 {
        self.server.chat.now().as_seconds()
    }

    /// Claims that are good for the first site.
    fn claims(&self) -> Value {
        let now = self.now();
        json!({"sub": "c-17", "aud": "shop", "iat": now, "exp": now + 300, "name": "Ana Ruiz", "email": "ana@mail.test"})
    }

    async fn try_in(&self, site: &str, token: &str) -> Answer {
        let body = json!({"token": token, "site_key": site});
        self.server.door.send(Request::new("POST", "/api/v1/auth/identity").json(&body)).await
    }

    async fn sign_in(&self, site: &str, token: &str) -> Value {
        self.try_in(site, token).await.ok()
    }

    fn person(&self, signed_in: &Value) -> Person {
        Person::of(signed_in, self.server.door.address)
    }
}

fn encoded(part: &Value) -> String {
    BASE64URL_NOPAD.encode(part.to_string().as_bytes())
}

fn signed(header: &Value, claims: &Value, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let signature = crypto::sign(message.as_bytes(), key, algorithm).expect("well made");
    format!("{message}.{signature}")
}

/// A token with this header that the first site's secret has signed.
fn by_secret(header: &Value, claims: &Value) -> String {
    signed(header, claims, &EncodingKey::from_secret(SECRET), Algorithm::HS256)
}

fn good(claims: &Value) -> String {
    by_secret(&json!({"alg": "HS256", "kid": "a", "typ": "JWT"}), claims)
}

fn with(mut claims: Value, key: &str, value: Value) -> Value {
    claims[key] = value;
    claims
}

fn without(mut claims: Value, key: &str) -> Value {
    claims.as_object_mut().expect("an object").remove(key);
    claims
}

#[tokio::test]
async fn a_customer_is_known_again_by_site_and_id_and_shown_as_the_shop_says() {
    let shop = Shop::open().await;
    let first = shop.sign_in("shop", &good(&shop.claims())).await;
    let user = &first["user"];
    assert_eq!((&user["name"], &user["email"]), (&json!("Ana Ruiz"), &json!("ana@mail.test")));
    assert_eq!((&user["role"], &user["verified"]), (&json!("customer"), &json!(true)));
    assert_eq!((&user["site"], &user["external_id"]), (&json!("shop"), &json!("c-17")));
    assert!(user.get("anonymous").is_none(), "{user}");

    let claims = with(shop.claims(), "name", json!("Ana R."));
    let again = shop.sign_in("shop", &good(&with(claims, "jti", json!("2")))).await;
    assert_eq!((&again["user"]["id"], &again["user"]["name"]), (&user["id"], &json!("Ana R.")));
    // What is left out stays as it was.
    let bare = without(without(with(shop.claims(), "jti", json!("3")), "name"), "email");
    let bare = shop.sign_in("shop", &good(&bare)).await;
    assert_eq!((&bare["user"]["name"], &bare["user"]["email"]), (&json!("Ana R."), &json!("ana@mail.test")));
    let other = shop.sign_in("shop", &good(&with(shop.claims(), "sub", json!("c-18")))).await;
    assert_ne!(other["user"]["id"], user["id"]);

    // Staff sees that the shop vouches.
    let leo = shop.server.door.person(Role::Agent, "leo").await;
    let ana = shop.person(&again);
    let order = ana.direct(&leo).await;
    ana.write(order, "hello").await.ok();
    let seen = leo.get(&format!("/conversations/{order}")).await;
    let participants = seen["participants"].as_array().expect("a list");
    let her = participants.iter().find(|participant| participant["id"] == json!(ana.id)).expect("well made");
    assert_eq!((&her["verified"], &her["name"]), (&json!(true), &json!("Ana R.")), "{seen}");
    assert_eq!(seen["last_message"]["author"]["verified"], true, "{seen}");
    assert!(
        participants
            .iter()
            .all(|participant| participant["id"] == json!(ana.id) || participant.get("verified").is_none())
    );
}

#[tokio::test]
async fn an_address_that_the_shop_gives_opens_no_other_account() {
    let shop = Shop::open().await;
    let ana = shop.server.door.person(Role::Customer, "ana").await;
    let claims = with(shop.claims(), "email", json!("ana@shop.test"));
    let claims = with(with(claims, "role", json!("admin")), "verified", json!(false));
    let signed_in = shop.sign_in("shop", &good(&claims)).await;
    assert_ne!(signed_in["user"]["id"], json!(ana.id));
    assert_eq!(signed_in["user"]["role"], "customer");
    // Nor is anybody for whom a site vouches ever staff: the site would vouch for it.
    let admin = shop.server.door.sign_in(chat_tests::Door::ADMIN).await;
    let path = format!("/users/{}", signed_in["user"]["id"].as_str().expect("an id"));
    let promoted = admin.call_with("PATCH", &path, &json!({"role": "admin"})).await;
    assert_eq!(promoted.problem().code, ErrorCode::Conflict, "{}", promoted.text());
    // Neither takes the address from her, nor can it be signed in to.
    assert_eq!(shop.server.door.sign_in("ana@shop.test").await.id, ana.id);
    let claims = with(with(shop.claims(), "sub", json!("x")), "email", json!("new@shop.test"));
    shop.sign_in("shop", &good(&claims)).await;
    shop.server.door.person(Role::Customer, "new").await;
}

#[tokio::test]
async fn each_key_goes_with_its_own_algorithm() {
    let shop = Shop::open().await;
    let claims = with(shop.claims(), "aud", json!("https://chat.test"));
    let rsa = EncodingKey::from_rsa_der(include_bytes!("keys/rsa.der"));
    let p256 = EncodingKey::from_ec_der(include_bytes!("keys/p256.der"));
    let ed25519 = EncodingKey::from_ed_der(include_bytes!("keys/ed25519.der"));
    let keys = [
        ("rsa", "RS256", Algorithm::RS256, &rsa),
        ("p256", "ES256", Algorithm::ES256, &p256),
        ("ed25519", "EdDSA", Algorithm::EdDSA, &ed25519),
    ];
    let mut people = Vec::new();
    for (kid, alg, algorithm, key) in keys {
        let claims = with(claims.clone(), "jti", json!(kid));
        let signed_in = shop.sign_in("b2b", &signed(&json!({"alg": alg, "kid": kid}), &claims, key, algorithm)).await;
        people.push(signed_in["user"]["id"].clone());
        assert_eq!(signed_in["user"]["site"], "b2b");
    }
    assert!(people.iter().all(|id| *id == people[0]));
    // Under the name of another key, under the name of none, and by another of its family.
    for (kid, alg, algorithm, key) in keys {
        for other in ["rsa", "p256", "ed25519", "a", ""] {
            if other != kid {
                let token = signed(&json!({"alg": alg, "kid": other}), &claims, key, algorithm);
                refused(&format!("{kid} as {other}"), &shop.try_in("b2b", &token).await);
            }
        }
        let token = signed(&json!({"alg": alg}), &claims, key, algorithm);
        refused(&format!("{kid} without a name"), &shop.try_in("b2b", &token).await);
    }
    for (alg, algorithm) in [("RS384", Algorithm::RS384), ("RS512", Algorithm::RS512), ("PS256", Algorithm::PS256)] {
        let token = signed(&json!({"alg": alg, "kid": "rsa"}), &claims, &rsa, algorithm);
        refused(alg, &shop.try_in("b2b", &token).await);
    }
    // The public key taken for a secret: the confusion of RS256 and HS256.
    let set: Value = serde_json::from_str(JWKS).expect("well made");
    let modulus = BASE64URL_NOPAD.decode(set["keys"][0]["n"].as_str().expect("a text").as_bytes()).expect("well made");
    for secret in [modulus.as_slice(), JWKS.as_bytes(), set["keys"][0]["n"].as_str().expect("a text").as_bytes(), b""] {
        for kid in ["rsa", "p256", "ed25519"] {
            for alg in ["HS256", "RS256"] {
                let key = EncodingKey::from_secret(secret);
                let token = signed(&json!({"alg": alg, "kid": kid}), &claims, &key, Algorithm::HS256);
                refused("HS/RS confusion", &shop.try_in("b2b", &token).await);
            }
        }
    }
}

#[track_caller]
fn refused(case: &str, answer: &Answer) {
    assert_eq!(answer.status, 401, "{case}: {}", answer.text());
    assert_eq!(answer.problem().code, ErrorCode::Unauthenticated, "{case}: {}", answer.text());
}

#[tokio::test]
async fn forged_altered_and_foreign_tokens_open_nothing() {
    let shop = Shop::open().await;
    let claims = shop.claims();
    let token = good(&claims);
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("no JWT") };
    let head = |extra: Value| {
        let mut head = json!({"alg": "HS256", "kid": "a"});
        head.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        by_secret(&head, &claims)
    };
    let unsigned = |alg: &str| format!("{}.{payload}.", encoded(&json!({"alg": alg, "kid": "a"})));
    let jwk: Value = serde_json::from_str::<Value>(JWKS).expect("well made")["keys"][0].clone();
    let by_other = EncodingKey::from_secret(OTHER_SECRET);
    let own = EncodingKey::from_rsa_der(include_bytes!("keys/rsa.der"));
    for (case, token) in [
        ("nothing", String::new()),
        ("no JWT", "token".to_owned()),
        ("two parts", format!("{header}.{payload}")),
        ("four parts", format!("{token}.x")),
        ("no signature", format!("{header}.{payload}.")),
        ("alg none", unsigned("none")),
        ("alg NONE", unsigned("NONE")),
        ("alg none, signed", format!("{}{signature}", unsigned("none"))),
        ("another secret", signed(&json!({"alg": "HS256", "kid": "a"}), &claims, &by_other, Algorithm::HS256)),
        (
            "alg HS384",
            signed(&json!({"alg": "HS384", "kid": "a"}), &claims, &EncodingKey::from_secret(SECRET), Algorithm::HS384),
        ),
        ("alg in small letters", head(json!({"alg": "hs256"}))),
        ("a foreign kid", head(json!({"kid": "b"}))),
        ("a kid that is a path", head(json!({"kid": "../../dev/null"}))),
        ("a kid that is a number", head(json!({"kid": 1}))),
        ("crit", head(json!({"crit": ["exp"]}))),
        ("crit of an extension", head(json!({"crit": ["b64"], "b64": false}))),
        ("crit null", head(json!({"crit": null}))),
        ("jku", head(json!({"jku": "https://evil.test/jwks.json"}))),
        ("x5u", head(json!({"x5u": "https://evil.test/cert"}))),
        ("x5c", head(json!({"x5c": ["AA"]}))),
        ("its own key", signed(&json!({"alg": "RS256", "kid": "a", "jwk": jwk}), &claims, &own, Algorithm::RS256)),
        ("its own key under no name", signed(&json!({"alg": "RS256", "jwk": jwk}), &claims, &own, Algorithm::RS256)),
        ("an access token's type", head(json!({"typ": "at+jwt"}))),
        ("altered claims", format!("{header}.{}.{signature}", encoded(&with(claims.clone(), "sub", json!("c-1"))))),
        ("an access token", shop.server.door.admin.clone()),
        ("too long", "x".repeat(12_000)),
    ] {
        refused(case, &shop.try_in("shop", &token).await);
    }
    // The key of the one site vouches for nobody on another, and where there is no key nobody is vouched for.
    for site in ["b2b", "mute"] {
        refused(site, &shop.try_in(site, &token).await);
    }
    let nowhere = shop.try_in("elsewhere", &token).await;
    assert_eq!(nowhere.problem().code, ErrorCode::Invalid, "{}", nowhere.text());
    let without_site = Request::new("POST", "/api/v1/auth/identity").json(&json!({"token": token}));
    assert_eq!(shop.server.door.send(without_site).await.problem().code, ErrorCode::Invalid);
    // None of that has used it up, and as an access token it is nothing.
    let mut socket = Socket::connect(shop.server.door.address).await;
    socket.say(&json!({"t": "hello", "token": token})).await;
    assert_eq!(socket.end().await.1, Some(4401));
    let me = Request::new("GET", "/api/v1/me").token(&token);
    refused("as an access token", &shop.server.door.send(me).await);
    shop.sign_in("shop", &token).await;
}

#[tokio::test]
async fn what_is_claimed_is_needed_typed_in_time_and_for_us() {
    let shop = Shop::open().await;
    let now = shop.now();
    let times = |iat: i64, exp: i64| with(with(shop.claims(), "iat", json!(iat)), "exp", json!(exp));
    let claim = |key: &str, value: Value| with(shop.claims(), key, value);
    for (case, claims) in [
        ("no sub", without(shop.claims(), "sub")),
        ("no aud", without(shop.claims(), "aud")),
        ("no iat", without(shop.claims(), "iat")),
        ("no exp", without(shop.claims(), "exp")),
        ("another audience", claim("aud", json!("b2b"))),
        ("the audience among others", claim("aud", json!(["shop", "bank"]))),
        ("the audience in capitals", claim("aud", json!("SHOP"))),
        ("sub as a number", claim("sub", json!(17))),
        ("exp as a text", claim("exp", json!((now + 60).to_string()))),
        ("exp as a fraction", claim("exp", json!(1.5))),
        ("exp null", claim("exp", Value::Null)),
        ("exp for ever", claim("exp", json!(i64::MAX))),
        ("iat as a text", claim("iat", json!("now"))),
        ("nbf as a text", claim("nbf", json!("now"))),
        ("nbf to come", claim("nbf", json!(now + 60))),
        ("jti as a number", claim("jti", json!(1))),
        ("more than ten minutes", times(now, now + 601)),
        ("no time at all", times(now, now)),
        ("backwards", times(now + 10, now)),
        ("from the future", times(now + 31, now + 60)),
    ] {
        refused(case, &shop.try_in("shop", &good(&claims)).await);
    }
    for (case, claims) in [
        ("a name that hides", claim("name", json!("A\u{200b}na"))),
        ("an address that is none", claim("email", json!("ana"))),
        ("an empty sub", claim("sub", json!(""))),
        ("a long sub", claim("sub", json!("x".repeat(256)))),
        ("a sub with a zero", claim("sub", json!("a\u{0}b"))),
    ] {
        let answer = shop.try_in("shop", &good(&claims)).await;
        assert_eq!(answer.problem().code, ErrorCode::Invalid, "{case}: {}", answer.text());
    }
    // Clocks may differ by half a minute.
    let ended = times(now - 600, now - 30);
    let answer = shop.try_in("shop", &good(&ended)).await;
    assert_eq!((answer.status, answer.problem().code), (401, ErrorCode::TokenExpired), "{}", answer.text());
    shop.sign_in("shop", &good(&times(now - 600, now - 29))).await;
    shop.sign_in("shop", &good(&times(now + 30, now + 630))).await;
}

#[tokio::test]
async fn a_token_is_used_once_and_remembered_as_long_as_it_could_be_used() {
    let shop = Shop::open().await;
    let replayed = |answer: &Answer, case: &str| {
        assert_eq!((answer.status, answer.problem().code), (401, ErrorCode::TokenRevoked), "{case}: {}", answer.text());
    };
    let token = good(&shop.claims());
    shop.sign_in("shop", &token).await;
    replayed(&shop.try_in("shop", &token).await, "again");
    // The same `jti` in another token.
    let one = with(shop.claims(), "jti", json!("one"));
    shop.sign_in("shop", &good(&one)).await;
    replayed(&shop.try_in("shop", &good(&with(one, "sub", json!("c-18")))).await, "the same jti");
    // Of an ECDSA signature another one can be made that is good as well.
    let key = EncodingKey::from_ec_der(include_bytes!("keys/p256.der"));
    let claims = with(shop.claims(), "aud", json!("https://chat.test"));
    let token = signed(&json!({"alg": "ES256", "kid": "p256"}), &claims, &key, Algorithm::ES256);
    shop.sign_in("b2b", &token).await;
    let (message, signature) = token.rsplit_once('.').expect("well made");
    let twin = format!(
        "{message}.{}",
        BASE64URL_NOPAD.encode(&mirrored(&BASE64URL_NOPAD.decode(signature.as_bytes()).expect("well made")))
    );
    assert_ne!(twin, token);
    replayed(&shop.try_in("b2b", &twin).await, "the mirrored signature");
    // Only one of many at once.
    let token = good(&with(shop.claims(), "jti", json!("race")));
    let (a, b, c) = tokio::join!(shop.try_in("shop", &token), shop.try_in("shop", &token), shop.try_in("shop", &token));
    assert_eq!([a, b, c].iter().filter(|answer| answer.status == 200).count(), 1);
    // As long as it could be used: then it is expired, and forgotten with the next sign-ins.
    let token = good(&with(shop.claims(), "jti", json!("late")));
    shop.sign_in("shop", &token).await;
    shop.server.advance(Duration::from_secs(329));
    replayed(&shop.try_in("shop", &token).await, "in the leeway");
    shop.server.advance(Duration::from_secs(1));
    shop.sign_in("shop", &good(&with(shop.claims(), "jti", json!("next")))).await;
    assert_eq!(shop.try_in("shop", &token).await.problem().code, ErrorCode::TokenExpired);
}

/// The other `s` of the same signature: n - s, for P-256.
fn mirrored(signature: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (r, s) = signature.split_at(32);
    let mut mirrored = [0; 32];
    let mut borrow = 0;
    for i in (0..32).rev() {
        let digit = i32::from(ORDER[i]) - i32::from(s[i]) - borrow;
        borrow = i32::from(digit < 0);
        mirrored[i] = u8::try_from(digit.rem_euclid(256)).expect("well made");
    }
    [r, &mirrored].concat()
}

#[tokio::test]
async fn only_pages_of_the_site_may_use_its_key() {
    let shop = Shop::open().await;
    let from = async |origin: &str, jti: &str| {
        let body = json!({"token": good(&with(shop.claims(), "jti", json!(jti))), "site_key": "shop"});
        let request = Request::new("POST", "/api/v1/auth/identity").header("Origin", origin).json(&body);
        shop.server.door.send(request).await
    };
    for origin in
        ["https://evil.test", "https://shop.test.evil.test", "http://shop.test", "null", "https://shop.test:444"]
    {
        assert_eq!(from(origin, origin).await.problem().code, ErrorCode::Forbidden, "{origin}");
    }
    assert_eq!(from("https://shop.test", "good").await.status, 200);
}
