//! Whatever comes in is answered with the documented error, stores nothing and never takes the server down.

use std::time::Duration;

use chat_proto::{ConversationId, ErrorCode, Role};
use chat_tests::{Answer, Door, Frame, InProcess, Options, PASSWORD, Person, Request, Socket};
use chatd::RouterConfig;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

/// A conversation with one message, and what must be the same after everything bad that was said.
struct Shop {
    server: InProcess,
    ana: Person,
    leo: Person,
    order: ConversationId,
}

impl Shop {
    async fn open() -> Self {
        Self::open_with(Options::default()).await
    }

    async fn open_with(options: Options) -> Self {
        let server = InProcess::start_with(options).await;
        let ana = server.door.person(Role::Customer, "ana").await;
        let leo = server.door.person(Role::Agent, "leo").await;
        let order = ana.direct(&leo).await;
        ana.write(order, "The only message").await.ok();
        Self {
            server,
            ana,
            leo,
            order,
        }
    }

    fn door(&self) -> &Door {
        &self.server.door
    }

    fn path(&self, rest: &str) -> String {
        format!("/conversations/{}{rest}", self.order)
    }

    /// Everything that could have been changed.
    async fn stored(&self) -> Vec<Value> {
        let mut stored = Vec::new();
        for who in [&self.ana, &self.leo] {
            stored.push(who.get("/me").await);
            stored.push(who.get("/conversations").await["items"].take());
            stored.push(who.get(&self.path("/messages")).await["items"].take());
        }
        for role in Role::ALL {
            let people = Request::new("GET", format!("/api/v1/directory?role={role}")).token(&self.door().admin);
            stored.push(self.door().send(people).await.ok()["items"].take());
        }
        stored
    }
}

fn refused(case: &str, answer: &Answer, code: ErrorCode) {
    let text = answer.text();
    assert_eq!(answer.status, code.status(), "{case}: {text}");
    let problem = answer.problem();
    assert_eq!(problem.code, code, "{case}: {text}");
    if code == ErrorCode::Invalid {
        assert!(!problem.fields.is_empty(), "{case}: {text}");
    }
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[tokio::test]
async fn bad_bodies_are_refused_with_the_documented_error_and_store_nothing() {
    use ErrorCode::{Forbidden, IdempotencyMismatch, Invalid, NotFound, TooLarge, UnsupportedMediaType};
    let shop = Shop::open().await;
    let before = shop.stored().await;
    let messages = shop.path("/messages");
    let read = shop.path("/read");
    let conv = "conv_01kay8m2r3f9vvk1a2b3c4d5e6";
    let ana = &shop.ana;
    let me = json!(ana.id);
    let json_kind = "application/json";
    let large = format!(r#"{{"client_id":"a","text":"{}"}}"#, "x".repeat(1 << 20));
    let long_name = "x".repeat(101);
    let post = |path: &str, body: &str| ana.request("POST", path).text(json_kind, body);
    for (case, request, code) in [
        ("no body", ana.request("POST", &messages).text(json_kind, ""), Invalid),
        ("half a body", post(&messages, r#"{"client_id":"a","#), Invalid),
        ("not JSON", post(&messages, "client_id=a&text=b"), Invalid),
        (
            "two values",
            post(&messages, r#"{"client_id":"a","text":"b"}{}"#),
            Invalid,
        ),
        ("an array", post(&messages, "[]"), Invalid),
        ("null", post(&messages, "null"), Invalid),
        ("no text", post(&messages, r#"{"client_id":"a"}"#), Invalid),
        (
            "a null text",
            post(&messages, r#"{"client_id":"a","text":null}"#),
            Invalid,
        ),
        (
            "a number as text",
            post(&messages, r#"{"client_id":"a","text":1}"#),
            Invalid,
        ),
        (
            "an unknown field",
            post(&messages, r#"{"client_id":"a","text":"b","seq":1}"#),
            Invalid,
        ),
        (
            "a field twice",
            post(&messages, r#"{"client_id":"a","text":"b","text":"c"}"#),
            Invalid,
        ),
        (
            "a lone surrogate",
            post(&messages, r#"{"client_id":"a","text":"\ud800"}"#),
            Invalid,
        ),
        (
            "bad UTF-8",
            ana.request("POST", &messages)
                .text(json_kind, *b"{\"client_id\":\"a\",\"text\":\"\xff\"}"),
            Invalid,
        ),
        (
            "a bad client id",
            post(&messages, r#"{"client_id":"a b","text":"b"}"#),
            Invalid,
        ),
        (
            "a blank text",
            post(&messages, r#"{"client_id":"a","text":" \n\t\u3000"}"#),
            Invalid,
        ),
        (
            "a long text",
            post(
                &messages,
                &json!({"client_id": "a", "text": "x".repeat(16_385)}).to_string(),
            ),
            TooLarge,
        ),
        ("a large body", post(&messages, &large), TooLarge),
        ("deep nesting", post(&messages, &nested(100_000)), Invalid),
        (
            "deep nesting in a field",
            post(&messages, &format!(r#"{{"client_id":"a","text":{}}}"#, nested(100_000))),
            Invalid,
        ),
        (
            "other content under the same id",
            post(&messages, r#"{"client_id":"The_only_message","text":"b"}"#),
            IdempotencyMismatch,
        ),
        (
            "form data",
            ana.request("POST", &messages)
                .text("text/plain", r#"{"client_id":"a","text":"b"}"#),
            UnsupportedMediaType,
        ),
        ("no content type", ana.request("POST", &messages), UnsupportedMediaType),
        ("a negative seq", post(&read, r#"{"seq":-1}"#), Invalid),
        ("a fraction of a seq", post(&read, r#"{"seq":1.5}"#), Invalid),
        (
            "a seq beyond 64 bits",
            post(&read, r#"{"seq":18446744073709551616}"#),
            Invalid,
        ),
        ("a seq as text", post(&read, r#"{"seq":"1"}"#), Invalid),
        ("typing without on", post(&shop.path("/typing"), "{}"), Invalid),
        (
            "a kind that is none",
            post("/conversations", r#"{"kind":"support","participants":[]}"#),
            Invalid,
        ),
        (
            "direct with nobody",
            post("/conversations", r#"{"kind":"direct","participants":[]}"#),
            Invalid,
        ),
        (
            "direct with oneself",
            post(
                "/conversations",
                &json!({"kind": "direct", "participants": [me]}).to_string(),
            ),
            Invalid,
        ),
        (
            "direct with two",
            post(
                "/conversations",
                &json!({"kind": "direct", "participants": [me, shop.leo.id]}).to_string(),
            ),
            Invalid,
        ),
        (
            "direct with a subject",
            post(
                "/conversations",
                &json!({"kind": "direct", "participants": [shop.leo.id], "subject": "x"}).to_string(),
            ),
            Invalid,
        ),
        (
            "a participant of another kind",
            post(
                "/conversations",
                &json!({"kind": "direct", "participants": [conv]}).to_string(),
            ),
            Invalid,
        ),
        (
            "a customer's group",
            post("/conversations", r#"{"kind":"group","participants":[]}"#),
            Forbidden,
        ),
        (
            "a name that is too long",
            ana.request("PATCH", "/me").json(&json!({"name": long_name})),
            Invalid,
        ),
        (
            "a name that hides",
            ana.request("PATCH", "/me").json(&json!({"name": "a\u{202e}b"})),
            Invalid,
        ),
        (
            "another role for myself",
            ana.request("PATCH", "/me").json(&json!({"name": "a", "role": "admin"})),
            Invalid,
        ),
        (
            "a third in a direct conversation",
            ana.request("POST", &shop.path("/participants"))
                .json(&json!({"user_id": me})),
            ErrorCode::Conflict,
        ),
        (
            "leaving a direct conversation",
            ana.request("DELETE", &shop.path(&format!("/participants/{}", ana.id))),
            ErrorCode::Conflict,
        ),
        (
            "a customer makes an account",
            ana.request("POST", "/users")
                .json(&json!({"email": "x@shop.test", "name": "x", "password": PASSWORD, "role": "admin"})),
            Forbidden,
        ),
        (
            "an absent conversation",
            post(
                &format!("/conversations/{conv}/messages"),
                r#"{"client_id":"a","text":"b"}"#,
            ),
            NotFound,
        ),
    ] {
        refused(case, &request.send(ana.address).await, code);
    }
    // Refusals name the place.
    let answer = post(&messages, r#"{"client_id":"a","text":1}"#).send(ana.address).await;
    assert_eq!(answer.problem().fields[0].pointer, "/text");
    let body = json!({"kind": "direct", "participants": [conv]}).to_string();
    let problem = post("/conversations", &body).send(ana.address).await.problem();
    assert_eq!(problem.fields[0].pointer, "/participants/0");
    assert!(problem.detail.contains("expected a user id"), "{}", problem.detail);
    assert_eq!(shop.stored().await, before);
}

#[tokio::test]
async fn bad_addresses_queries_and_methods_are_refused() {
    use ErrorCode::{Invalid, InvalidCursor, MethodNotAllowed, NotFound};
    let shop = Shop::open().await;
    let ana = &shop.ana;
    let user = shop.leo.id;
    let event_cursor = ana.get("/conversations").await["as_of"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    let page = shop
        .leo
        .direct(&shop.server.door.person(Role::Customer, "bo").await)
        .await;
    assert_ne!(page, shop.order);
    let foreign = shop.leo.get("/conversations?limit=1").await["next_cursor"]
        .as_str()
        .expect("a page more")
        .to_owned();
    let messages = shop.path("/messages");
    for (case, method, path, code) in [
        ("an unknown path", "GET", "/nothing".to_owned(), NotFound),
        ("a path too long", "GET", format!("{messages}/1/2/3"), NotFound),
        (
            "a user as conversation",
            "GET",
            format!("/conversations/{user}"),
            Invalid,
        ),
        ("no id", "GET", "/conversations/42".to_owned(), Invalid),
        (
            "an id in capitals",
            "GET",
            format!("/conversations/{}", shop.order.to_string().to_uppercase()),
            Invalid,
        ),
        (
            "a path that is no UTF-8",
            "GET",
            "/conversations/%ff".to_owned(),
            Invalid,
        ),
        (
            "an escape that is none",
            "GET",
            "/conversations/%zz".to_owned(),
            Invalid,
        ),
        (
            "a conversation as participant",
            "DELETE",
            shop.path(&format!("/participants/{}", shop.order)),
            Invalid,
        ),
        ("PUT", "PUT", messages.clone(), MethodNotAllowed),
        ("DELETE", "DELETE", "/me".to_owned(), MethodNotAllowed),
        ("GET", "GET", "/auth/login".to_owned(), MethodNotAllowed),
        ("a made-up method", "BREW", "/me".to_owned(), MethodNotAllowed),
        (
            "an unknown parameter",
            "GET",
            "/conversations?queue=mine".to_owned(),
            Invalid,
        ),
        (
            "an unknown parameter of messages",
            "GET",
            format!("{messages}?from=1"),
            Invalid,
        ),
        (
            "a parameter twice",
            "GET",
            format!("{messages}?after=1&after=2"),
            Invalid,
        ),
        (
            "before and after",
            "GET",
            format!("{messages}?before=1&after=2"),
            Invalid,
        ),
        (
            "a limit that is no number",
            "GET",
            "/conversations?limit=many".to_owned(),
            Invalid,
        ),
        ("a negative limit", "GET", "/conversations?limit=-1".to_owned(), Invalid),
        (
            "a number beyond 64 bits",
            "GET",
            format!("{messages}?after=18446744073709551616"),
            Invalid,
        ),
        ("no role", "GET", "/directory".to_owned(), Invalid),
        ("a role that is none", "GET", "/directory?role=root".to_owned(), Invalid),
        (
            "a cursor that is none",
            "GET",
            "/conversations?cursor=x".to_owned(),
            InvalidCursor,
        ),
        (
            "an empty cursor",
            "GET",
            "/conversations?cursor=".to_owned(),
            InvalidCursor,
        ),
        (
            "an event cursor",
            "GET",
            format!("/conversations?cursor={event_cursor}"),
            InvalidCursor,
        ),
        (
            "somebody else's cursor",
            "GET",
            format!("/conversations?cursor={foreign}"),
            InvalidCursor,
        ),
        (
            "a cursor of another list",
            "GET",
            format!("/directory?role=agent&cursor={foreign}"),
            InvalidCursor,
        ),
    ] {
        refused(case, &ana.call(method, &path).await, code);
    }
    // What looks odd and is fine: limits are clamped, numbers may be far away.
    for (path, rows) in [
        ("?limit=0", 1),
        ("?limit=100000", 1),
        ("?before=18446744073709551615", 1),
        ("?around=18446744073709551615", 1),
        ("?after=18446744073709551615", 0),
        ("?before=0", 0),
        ("?before=1", 0),
        ("?after=0", 1),
    ] {
        let page = ana.get(&format!("{messages}{path}")).await;
        assert_eq!(page["items"].as_array().map(Vec::len), Some(rows), "{path}: {page}");
    }
    // A request id of the caller's is taken when it is harmless.
    let own = ana
        .request("GET", "/nothing")
        .header("X-Request-Id", "my-own.id_1")
        .send(ana.address)
        .await;
    assert_eq!(own.problem().request_id, "my-own.id_1");
    for harmful in ["a b", "<script>", &"x".repeat(65), ""] {
        let made = ana
            .request("GET", "/nothing")
            .header("X-Request-Id", harmful)
            .send(ana.address)
            .await;
        assert!(made.problem().request_id.starts_with("req_"), "{harmful}");
    }
}

#[tokio::test]
async fn a_page_ends_once_and_shows_every_row_once() {
    let shop = Shop::open().await;
    for i in 0..7 {
        let customer = shop.server.door.person(Role::Customer, &format!("c{i}")).await;
        customer.direct(&shop.leo).await;
    }
    let all = shop.leo.get("/conversations").await;
    assert_eq!(
        (all["items"].as_array().map(Vec::len), &all["next_cursor"]),
        (Some(8), &Value::Null)
    );
    for limit in [1, 3, 8, 200] {
        let mut rows = Vec::new();
        let mut path = format!("/conversations?limit={limit}");
        for _ in 0..20 {
            let page = shop.leo.get(&path).await;
            rows.extend(page["items"].as_array().expect("rows").clone());
            let Some(next) = page["next_cursor"].as_str() else {
                break;
            };
            path = format!("/conversations?limit={limit}&cursor={next}");
        }
        assert_eq!(json!(rows), all["items"], "limit {limit}");
    }
}

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
        (
            "a password of 257 bytes",
            with("password", json!("x".repeat(257))),
            Invalid,
        ),
        (
            "an address that is none",
            with("email", json!("new.shop.test")),
            Invalid,
        ),
        (
            "an address with a line break",
            with("email", json!("a@shop.test\r\nBcc: b@shop.test")),
            Invalid,
        ),
        ("a blank name", with("name", json!("  ")), Invalid),
        ("a name that hides", with("name", json!("A\u{200b}da")), Invalid),
        ("a taken address", with("email", json!("ana@shop.test")), EmailTaken),
        (
            "a taken address in capitals",
            with("email", json!("ANA@Shop.Test")),
            EmailTaken,
        ),
    ] {
        let request = Request::new("POST", "/api/v1/auth/register").json(&body);
        refused(case, &shop.door().send(request).await, code);
    }
    let mut answers = Vec::new();
    for (email, password) in [
        ("ana@shop.test", "wrong password"),
        ("nobody@shop.test", PASSWORD),
        ("ana@shop.test", "x"),
    ] {
        let request = Request::new("POST", "/api/v1/auth/login")
            .header("X-Request-Id", "same")
            .json(&json!({"email": email, "password": password}));
        let answer = shop.door().send(request).await;
        refused(email, &answer, InvalidCredentials);
        answers.push(answer.body);
    }
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "which of them it was is not told"
    );
    assert_eq!(shop.stored().await, before);
}

/// Tokens that must not be taken for Ana's.
fn forged(good: &str) -> Vec<(&'static str, String)> {
    let parts: Vec<&str> = good.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("not a JWT")
    };
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
        (
            "another signature",
            format!("{header}.{claims}.{}", BASE64URL_NOPAD.encode(&flipped)),
        ),
        (
            "another user",
            claiming("sub", json!("user_01kay8m2r3f9vvk1a2b3c4d5e6")),
        ),
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
    refused(
        "none",
        &shop.door().send(Request::new("GET", "/api/v1/me")).await,
        ErrorCode::Unauthenticated,
    );
    // A token in the address is none.
    let in_query = Request::new("GET", format!("/api/v1/me?access_token={}", shop.ana.token));
    refused("query", &shop.door().send(in_query).await, ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn a_token_whose_time_is_over_opens_nothing() {
    let shop = Shop::open_with(Options {
        manual_clock: true,
        session_ttl: Duration::from_secs(60),
        ..Options::default()
    })
    .await;
    shop.ana.get("/me").await;
    shop.server.advance(Duration::from_secs(61));
    refused("REST", &shop.ana.call("GET", "/me").await, ErrorCode::TokenExpired);
    let mut socket = Socket::connect(shop.ana.address).await;
    socket.say(&json!({"t": "hello", "token": shop.ana.token})).await;
    let (frames, code) = socket.end().await;
    assert_eq!(
        (code, &frames[0]["code"]),
        (Some(4401), &json!("token_expired")),
        "{frames:?}"
    );
}

#[tokio::test]
async fn a_socket_ends_when_its_token_does() {
    let shop = Shop::open_with(Options {
        manual_clock: true,
        session_ttl: Duration::from_secs(1),
        ..Options::default()
    })
    .await;
    let mut socket = shop.ana.socket().await;
    let (frames, code) = socket.end().await;
    let bye = frames.last().expect("a last word");
    assert_eq!(
        (code, &bye["reason"]),
        (Some(4401), &json!("token_expired")),
        "{frames:?}"
    );
}

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
        (
            &format!(r#"{{"t":"send","conv":"{order}","client_id":"a","text":"b"}}"#),
            "invalid",
            None,
        ),
        (
            &format!(r#"{{"t":"send","re":-1,"conv":"{order}","client_id":"a","text":"b"}}"#),
            "invalid",
            None,
        ),
        (
            &format!(r#"{{"t":"send","re":3,"conv":"{order}","client_id":"","text":"b"}}"#),
            "invalid",
            Some(3),
        ),
        (
            &format!(r#"{{"t":"send","re":4,"conv":"{order}","client_id":"a","text":"b","kind":"note"}}"#),
            "invalid",
            Some(4),
        ),
        (
            &format!(
                r#"{{"t":"send","re":5,"conv":"{}","client_id":"a","text":"b"}}"#,
                shop.leo.id
            ),
            "invalid",
            Some(5),
        ),
        (
            &format!(r#"{{"t":"read","re":6,"conv":"{order}","seq":-1}}"#),
            "invalid",
            Some(6),
        ),
        (
            &format!(
                r#"{{"t":"send","re":7,"conv":"{order}","client_id":"a","text":{}}}"#,
                nested(20_000)
            ),
            "invalid",
            Some(7),
        ),
    ] {
        socket.say_text(text).await;
        let answer = socket.json().await;
        let got = (answer["t"].as_str(), answer["code"].as_str(), answer["re"].as_u64());
        assert_eq!(got, (Some("err"), Some(code), re), "{text:.80}: {answer}");
        assert_eq!(
            (&answer["status"], &answer["retryable"]),
            (&json!(400), &json!(false)),
            "{text:.80}: {answer}"
        );
    }
    socket.say_binary(br#"{"t":"ping"}"#).await;
    assert_eq!(socket.json().await["code"], "invalid");
    // Frames that are frames, and still refused; they do not count as bad ones.
    for _ in 0..3 {
        for (frame, code) in [
            (
                json!({"t": "send", "re": 8, "conv": order, "client_id": "a", "text": " "}),
                "invalid",
            ),
            (
                json!({"t": "send", "re": 8, "conv": order, "client_id": "a", "text": "x".repeat(16_385)}),
                "too_large",
            ),
            (
                json!({"t": "send", "re": 8, "conv": order, "client_id": "The_only_message", "text": "b"}),
                "idempotency_mismatch",
            ),
            (
                json!({"t": "send", "re": 8, "conv": absent, "client_id": "a", "text": "b"}),
                "not_found",
            ),
            (json!({"t": "read", "re": 8, "conv": absent, "seq": 1}), "not_found"),
            (json!({"t": "typing", "re": 8, "conv": absent, "on": true}), "not_found"),
        ] {
            let answer = socket.ask(&frame).await;
            assert_eq!(
                (&answer["t"], &answer["code"]),
                (&json!("err"), &json!(code)),
                "{answer}"
            );
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
    assert_eq!(
        (&bye["reason"], &bye["reconnect"]),
        (&json!("rate_limited"), &json!(true)),
        "{bye}"
    );
    assert!(
        bye["after_ms"].as_u64().is_some_and(|wait| wait >= 1_000),
        "it says how long to wait: {bye}"
    );
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

    // Before the welcome there is less room, and the first frame is `hello`.
    let mut hello = Socket::connect(shop.ana.address).await;
    hello.say(&json!({"t": "hello", "token": "x".repeat(9 << 10)})).await;
    assert_eq!(hello.end().await.1, Some(1009), "a hello of more than 8 KiB");
    for first in [
        json!({"t": "ping"}),
        json!({"t": "send", "re": 1, "conv": shop.order, "client_id": "a", "text": "b"}),
        json!({"t": "subscribe"}),
        json!({"t": "hello"}),
        json!({"t": "hello", "token": shop.ana.token, "extra": 1}),
        json!("hello"),
    ] {
        let mut socket = Socket::connect(shop.ana.address).await;
        socket.say(&first).await;
        let (frames, code) = socket.end().await;
        assert_eq!(code, Some(4401), "{first}: {frames:?}");
        let names: Vec<&str> = frames.iter().filter_map(|frame| frame["t"].as_str()).collect();
        assert_eq!(names, ["err", "bye"], "{first}: {frames:?}");
    }
    let mut binary = Socket::connect(shop.ana.address).await;
    binary.say_binary(b"hello").await;
    assert!(binary.end().await.1.is_some_and(|code| code >= 4400));
    assert_eq!(shop.leo.unread(shop.order).await, 1, "nothing was sent");
}

#[tokio::test]
async fn a_cursor_that_cannot_be_followed_is_answered_with_reset() {
    let shop = Shop::open().await;
    let elsewhere = Shop::open().await;
    let foreign = elsewhere.ana.get("/conversations").await["as_of"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    shop.leo
        .direct(&shop.server.door.person(Role::Customer, "bo").await)
        .await;
    let page = shop.leo.get("/conversations?limit=1").await["next_cursor"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    for cursor in ["", "x", &foreign, &page, &"x".repeat(4_000)] {
        let mut socket = Socket::connect(shop.ana.address).await;
        socket
            .say(&json!({"t": "hello", "token": shop.ana.token, "resume": cursor}))
            .await;
        let frames = socket.until_t("live").await;
        assert_eq!(frames[0]["resumed"], false, "{cursor}: {frames:?}");
        assert_eq!(
            (&frames[1]["t"], &frames[1]["reason"]),
            (&json!("reset"), &json!("unknown")),
            "{frames:?}"
        );
    }
}

#[tokio::test]
async fn only_pages_of_the_shop_open_the_socket_and_only_for_this_protocol() {
    let mut router = RouterConfig::default();
    router.allowed_origins = vec!["https://shop.test".parse().expect("a header")];
    let shop = Shop::open_with(Options {
        router,
        ..Options::default()
    })
    .await;
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
                assert!(
                    ["forbidden", "unsupported"].contains(&problem["code"].as_str().expect("a code")),
                    "{body}"
                );
            }
            (opened, _) => panic!("{headers:?}: opened is {}", opened.is_ok()),
        }
    }
    // Without an upgrade it is an ordinary error.
    refused("plain GET", &shop.ana.call("GET", "/ws").await, ErrorCode::Unsupported);
    refused("POST", &shop.ana.call("POST", "/ws").await, ErrorCode::MethodNotAllowed);
    // Over REST a foreign page is told nothing that would let it read the answer.
    for (origin, allowed) in [
        ("https://shop.test", true),
        ("https://evil.test", false),
        ("null", false),
    ] {
        let answer = shop.ana.request("GET", "/me").header("Origin", origin).send(at).await;
        let told = answer.header("access-control-allow-origin");
        assert_eq!(told, allowed.then_some(origin), "{origin}");
    }
}
