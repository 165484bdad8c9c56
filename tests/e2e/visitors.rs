//! Visitors whom nobody knows: how they come, who they turn out to be, and how they are forgotten.

use std::time::Duration;

use chat_proto::{ErrorCode, Role};
use chat_tests::{Answer, Door, InProcess, Options, Person, Request, eventually};
use chatcore::{IdentityKey, Site};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

const SECRET: &[u8] = b"x9 a secret of the visitors' shop, made for tests";

async fn open() -> InProcess {
    let keys = vec![IdentityKey::secret(None, SECRET).expect("well made")];
    let shop = Site::new("shop")
        .expect("well made")
        .origins(["https://shop.test".to_owned()])
        .identity_keys(keys)
        .expect("well made");
    // As long as sessions last, so that a token need not be renewed while a month goes by.
    let month = Duration::from_hours(30 * 24);
    let sites = vec![shop];
    InProcess::start_with(Options {
        manual_clock: true,
        sites,
        access_ttl: month,
        refresh_ttl: month,
        ..Options::default()
    })
    .await
}

async fn admit(door: &Door) -> Answer {
    door.send(Request::new("POST", "/api/v1/auth/visitor").json(&json!({"site_key": "shop"}))).await
}

async fn visitor(door: &Door) -> Person {
    Person::of(&admit(door).await.ok(), door.address)
}

fn claim(visitor: &Person) -> Value {
    json!({"visitor_token": visitor.token})
}

#[tokio::test]
async fn a_visitor_is_a_customer_whom_nobody_knows() {
    let server = open().await;
    let answer = admit(&server.door).await;
    assert_eq!(answer.status, 201);
    let user = &answer.ok()["user"];
    assert_eq!((&user["anonymous"], &user["role"], &user["email"]), (&json!(true), &json!("customer"), &json!("")));
    assert_eq!(user["site"], "shop");
    assert!(user.get("verified").is_none(), "{user}");
    let visitor = Person::of(&answer.ok(), server.door.address);
    let verify = visitor.call("POST", "/me/verify-email").await;
    assert_eq!(verify.problem().code, ErrorCode::Conflict, "there is no address");
    let leo = server.door.person(Role::Agent, "leo").await;
    // Whom they may write to is what customers may.
    assert!(visitor.get("/directory?role=agent").await.to_string().contains(&leo.id.to_string()));
    let chat = visitor.direct(&leo).await;
    let mut leos = leo.socket().await;
    visitor.write(chat, "hello?").await.ok();
    let told = leos.find("ev message.created").await;
    assert_eq!(told["d"]["author"]["anonymous"], true, "{told}");
    // Lists of people are for people.
    assert!(!leo.get("/directory?role=customer").await.to_string().contains(&visitor.id.to_string()));
    let admin = json!({"email": "x@shop.test", "name": "X", "password": "new to all of us", "role": "admin"});
    assert_eq!(visitor.call_with("POST", "/users", &admin).await.status, 403);
    // Nobody signs in without an address.
    let blank = Request::new("POST", "/api/v1/auth/login").json(&json!({"email": "", "password": "new to all of us"}));
    assert_eq!(server.door.send(blank).await.status, 401);
    // And out.
    visitor.call("POST", "/auth/logout").await.ok();
    assert_eq!(visitor.call("GET", "/me").await.problem().code, ErrorCode::TokenRevoked);
}

#[tokio::test]
async fn visitors_come_from_pages_of_a_site() {
    let server = open().await;
    let from = async |site: &str, origin: Option<&str>| {
        let mut request = Request::new("POST", "/api/v1/auth/visitor").json(&json!({"site_key": site}));
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        server.door.send(request).await
    };
    assert_eq!(from("shop", Some("https://shop.test")).await.status, 201);
    assert_eq!(from("shop", Some("https://evil.test")).await.problem().code, ErrorCode::Forbidden);
    assert_eq!(from("shop", Some("null")).await.problem().code, ErrorCode::Forbidden);
    assert_eq!(from("shop", None).await.status, 201);
    assert_eq!(from("nowhere", None).await.problem().code, ErrorCode::Invalid);
}

#[tokio::test]
async fn with_the_token_as_proof_a_customer_becomes_who_the_visitor_was() {
    let server = open().await;
    let (ana, leo) = (server.door.person(Role::Customer, "ana").await, server.door.person(Role::Agent, "leo").await);
    let mia = server.door.person(Role::Designer, "mia").await;
    let before = visitor(&server.door).await;
    let with_leo = before.direct(&leo).await;
    let with_mia = before.direct(&mia).await;
    let ana_and_leo = ana.direct(&leo).await;
    before.write(with_leo, "where is my order?").await.ok();
    leo.write(with_leo, "one moment").await.ok();
    before.write(with_mia, "blue please").await.ok();
    let mut visitors_socket = before.socket().await;
    let mut anas = ana.socket().await;

    ana.call_with("POST", "/me/visitors", &claim(&before)).await.ok();
    // The visitor is gone, and the socket with it.
    assert_eq!(visitors_socket.end().await.1, Some(4401));
    assert_eq!(before.call("GET", "/me").await.problem().code, ErrorCode::TokenRevoked);
    let granted = [anas.find("ev access.granted").await, anas.find("ev access.granted").await];
    assert!(granted.iter().all(|told| told["d"]["id"] == json!(with_leo) || told["d"]["id"] == json!(with_mia)));

    // The history stays in its place, and what the visitor wrote is Ana's, for her and for Leo.
    for reader in [&ana, &leo] {
        let history = reader.get(&format!("/conversations/{with_leo}/messages")).await;
        let authors: Vec<&Value> =
            history["items"].as_array().expect("a list").iter().map(|message| &message["author"]["id"]).collect();
        assert_eq!(authors, [&json!(ana.id), &json!(leo.id)], "{history}");
        let seen = reader.get(&format!("/conversations/{with_leo}")).await;
        let people: Vec<&Value> =
            seen["participants"].as_array().expect("a list").iter().map(|who| &who["id"]).collect();
        assert!(people.contains(&&json!(ana.id)) && !people.contains(&&json!(before.id)), "{seen}");
    }
    assert_eq!(ana.unread(with_leo).await, 1, "as far as the visitor had read");
    // The old words are hers to change; who she writes with is found again, and not a third time.
    let first = &ana.get(&format!("/conversations/{with_leo}/messages")).await["items"][0];
    let path = format!("/conversations/{with_leo}/messages/{}", first["id"].as_str().expect("a text"));
    let edited = ana.call_with("PATCH", &path, &json!({"text": "where is order 7?"})).await.ok();
    assert_eq!((&edited["author"]["id"], &edited["text"]), (&json!(ana.id), &json!("where is order 7?")));
    assert_eq!(ana.direct(&leo).await, ana_and_leo);
    assert_eq!(ana.direct(&mia).await, with_mia);
    ana.write(with_leo, "hello again").await.ok();
    // Doing it again does nothing.
    let version = ana.get(&format!("/conversations/{with_leo}")).await["version"].clone();
    ana.call_with("POST", "/me/visitors", &claim(&before)).await.ok();
    assert_eq!(ana.get(&format!("/conversations/{with_leo}")).await["version"], version);
}

#[tokio::test]
async fn without_proof_nobody_becomes_anybody() {
    let server = open().await;
    let (ana, eve) = (server.door.person(Role::Customer, "ana").await, server.door.person(Role::Customer, "eve").await);
    let leo = server.door.person(Role::Agent, "leo").await;
    let (one, other) = (visitor(&server.door).await, visitor(&server.door).await);
    let chat = one.direct(&leo).await;
    one.write(chat, "hello").await.ok();
    let refused = async |who: &Person, body: Value, code: ErrorCode, case: &str| {
        let answer = who.call_with("POST", "/me/visitors", &body).await;
        assert_eq!(answer.problem().code, code, "{case}: {}", answer.text());
    };
    let forged = format!("{}x", one.token);
    for (case, token) in [
        ("nothing", ""),
        ("an id", &*one.id.to_string()),
        ("a forged token", &forged),
        ("a customer's token", &eve.token),
        ("one's own token", &ana.token),
        ("an agent's token", &leo.token),
    ] {
        refused(&ana, json!({"visitor_token": token}), ErrorCode::Invalid, case).await;
    }
    refused(&ana, json!({"visitor_id": one.id}), ErrorCode::Invalid, "an id in another field").await;
    refused(&leo, claim(&one), ErrorCode::Forbidden, "staff").await;
    refused(&other, claim(&one), ErrorCode::Conflict, "a visitor").await;
    assert_eq!(eve.call("GET", &format!("/conversations/{chat}")).await.status, 404);
    // Whoever came first stays it.
    ana.call_with("POST", "/me/visitors", &claim(&one)).await.ok();
    refused(&eve, claim(&one), ErrorCode::Invalid, "too late").await;
    assert_eq!(eve.call("GET", &format!("/conversations/{chat}")).await.status, 404);
    // A refresh token that is spent proves nothing, nor does it end the session here.
    let third = visitor(&server.door).await;
    let renew = Request::new("POST", "/api/v1/auth/refresh").json(&json!({"refresh_token": third.refresh_token}));
    let renewed = server.door.send(renew).await.ok();
    refused(&ana, json!({"visitor_token": third.refresh_token}), ErrorCode::Invalid, "spent").await;
    ana.call_with("POST", "/me/visitors", &json!({"visitor_token": renewed["refresh_token"]})).await.ok();
    // A session that was ended proves nothing.
    other.call("POST", "/auth/logout").await.ok();
    refused(&ana, claim(&other), ErrorCode::Invalid, "signed out").await;
}

#[tokio::test]
async fn signing_in_by_the_shops_word_takes_the_visitor_along() {
    let server = open().await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let before = visitor(&server.door).await;
    let chat = before.direct(&leo).await;
    before.write(chat, "hello").await.ok();
    let now = server.chat.now().as_seconds();
    let token = |jti: &str| {
        let claims = json!({"sub": "c-1", "aud": "shop", "iat": now, "exp": now + 60, "name": "Ana", "jti": jti});
        encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(SECRET)).expect("well made")
    };
    let sign_in = async |jti: &str, visitor: &str| {
        let body = json!({"token": token(jti), "visitor_token": visitor});
        server.door.send(Request::new("POST", "/api/v1/auth/identity").json(&body)).await
    };
    let bad = sign_in("1", "no token").await;
    assert_eq!(bad.problem().code, ErrorCode::Invalid, "{}", bad.text());
    // A bad visitor's token has not used up the good one.
    let ana = Person::of(&sign_in("1", &before.refresh_token).await.ok(), server.door.address);
    let history = ana.get(&format!("/conversations/{chat}/messages")).await;
    assert_eq!(history["items"][0]["author"]["id"], json!(ana.id));
    assert_eq!(history["items"][0]["author"]["verified"], true);
    // And somebody else's is no way in.
    let other = server.door.person(Role::Customer, "other").await;
    let again = Person::of(&sign_in("2", &other.token).await.ok(), server.door.address);
    assert_eq!(again.id, ana.id);
    other.get("/me").await;
}

#[tokio::test]
async fn visitors_who_say_nothing_are_forgotten_after_a_day_and_the_others_after_a_month() {
    let server = open().await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let silent = visitor(&server.door).await;
    let talking = visitor(&server.door).await;
    let contacted = visitor(&server.door).await;
    let newest = visitor(&server.door).await;
    let chat = talking.direct(&leo).await;
    talking.write(chat, "hello").await.ok();
    let called = leo.direct(&contacted).await;
    let mut socket = silent.socket().await;
    let gone = async |who: &Person| {
        eventually("the visitor is gone", async || {
            server.advance(Duration::from_mins(10));
            (who.call("GET", "/me").await.status == 401).then_some(())
        })
        .await;
    };
    server.advance(Duration::from_hours(23));
    silent.get("/me").await;
    server.advance(Duration::from_mins(61));
    gone(&silent).await;
    assert_eq!(socket.end().await.1, Some(4401));
    assert_eq!(server.chat.people().get(silent.id).await.expect("well made"), None);
    assert!(
        server.chat.people().get(newest.id).await.expect("well made").is_some(),
        "the last number is not given out again"
    );
    talking.get("/me").await;
    contacted.get(&format!("/conversations/{called}")).await;
    // The log still tells of who is gone; whoever reads it again is not disturbed by that.
    let late = server.door.sign_in(&leo.email).await;
    late.get("/conversations").await;
    server.advance(Duration::from_hours(29 * 24));
    let leo = server.door.sign_in(&leo.email).await;
    gone(&talking).await;
    gone(&contacted).await;
    gone(&newest).await;
    let leo = server.door.sign_in(&leo.email).await;
    // What was said stays.
    let history = leo.get(&format!("/conversations/{chat}/messages")).await;
    assert_eq!(history["items"][0]["author"]["id"], json!(talking.id));
}
