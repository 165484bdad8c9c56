//! Bodies, addresses, queries and methods.

use chat_proto::{ErrorCode, Role};
use chat_tests::{PASSWORD, Request};
use serde_json::{Value, json};

use super::{Shop, nested, refused};
use crate::attachments::raw;

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table, a few lines a row")]
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
        ("two values", post(&messages, r#"{"client_id":"a","text":"b"}{}"#), Invalid),
        ("an array", post(&messages, "[]"), Invalid),
        ("the values in the order of the fields", post(&messages, r#"["a","b",[],null,[],null]"#), Invalid),
        ("a sign-in as a list", post("/auth/login", r#"["ana@mail.example","a long password of ana"]"#), Invalid),
        ("null", post(&messages, "null"), Invalid),
        ("no text", post(&messages, r#"{"client_id":"a"}"#), Invalid),
        ("a null text", post(&messages, r#"{"client_id":"a","text":null}"#), Invalid),
        ("a number as text", post(&messages, r#"{"client_id":"a","text":1}"#), Invalid),
        ("an unknown field", post(&messages, r#"{"client_id":"a","text":"b","seq":1}"#), Invalid),
        ("a field twice", post(&messages, r#"{"client_id":"a","text":"b","text":"c"}"#), Invalid),
        ("a lone surrogate", post(&messages, r#"{"client_id":"a","text":"\ud800"}"#), Invalid),
        (
            "bad UTF-8",
            ana.request("POST", &messages).text(json_kind, *b"{\"client_id\":\"a\",\"text\":\"\xff\"}"),
            Invalid,
        ),
        ("a bad client id", post(&messages, r#"{"client_id":"a b","text":"b"}"#), Invalid),
        ("a blank text", post(&messages, r#"{"client_id":"a","text":" \n\t\u3000"}"#), Invalid),
        ("a text of nothing to see", post(&messages, "{\"client_id\":\"a\",\"text\":\"\u{200b} \u{2060}\"}"), Invalid),
        ("a long text", post(&messages, &json!({"client_id": "a", "text": "x".repeat(16_385)}).to_string()), TooLarge),
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
            ana.request("POST", &messages).text("text/plain", r#"{"client_id":"a","text":"b"}"#),
            UnsupportedMediaType,
        ),
        ("no content type", ana.request("POST", &messages), UnsupportedMediaType),
        ("a negative seq", post(&read, r#"{"seq":-1}"#), Invalid),
        ("a fraction of a seq", post(&read, r#"{"seq":1.5}"#), Invalid),
        ("a seq beyond 64 bits", post(&read, r#"{"seq":18446744073709551616}"#), Invalid),
        ("a seq as text", post(&read, r#"{"seq":"1"}"#), Invalid),
        ("typing without on", post(&shop.path("/typing"), "{}"), Invalid),
        ("a kind that is none", post("/conversations", r#"{"kind":"support","participants":[]}"#), Invalid),
        ("direct with nobody", post("/conversations", r#"{"kind":"direct","participants":[]}"#), Invalid),
        (
            "direct with oneself",
            post("/conversations", &json!({"kind": "direct", "participants": [me]}).to_string()),
            Invalid,
        ),
        (
            "direct with two",
            post("/conversations", &json!({"kind": "direct", "participants": [me, shop.leo.id]}).to_string()),
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
            post("/conversations", &json!({"kind": "direct", "participants": [conv]}).to_string()),
            Invalid,
        ),
        ("a customer's group", post("/conversations", r#"{"kind":"group","participants":[]}"#), Forbidden),
        ("a name that is too long", ana.request("PATCH", "/me").json(&json!({"name": long_name})), Invalid),
        ("a name that hides", ana.request("PATCH", "/me").json(&json!({"name": "a\u{202e}b"})), Invalid),
        ("another role for myself", ana.request("PATCH", "/me").json(&json!({"name": "a", "role": "admin"})), Invalid),
        (
            "a third in a direct conversation",
            ana.request("POST", &shop.path("/participants")).json(&json!({"user_id": me})),
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
            post(&format!("/conversations/{conv}/messages"), r#"{"client_id":"a","text":"b"}"#),
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
    let event_cursor = ana.get("/conversations").await["as_of"].as_str().expect("a cursor").to_owned();
    let page = shop.leo.direct(&shop.server.door.person(Role::Customer, "bo").await).await;
    assert_ne!(page, shop.order);
    let foreign = shop.leo.get("/conversations?limit=1").await["next_cursor"].as_str().expect("a page more").to_owned();
    let messages = shop.path("/messages");
    for (case, method, path, code) in [
        ("an unknown path", "GET", "/nothing".to_owned(), NotFound),
        ("a path too long", "GET", format!("{messages}/1/2/3"), NotFound),
        ("a user as conversation", "GET", format!("/conversations/{user}"), Invalid),
        ("no id", "GET", "/conversations/42".to_owned(), Invalid),
        ("an id in capitals", "GET", format!("/conversations/{}", shop.order.to_string().to_uppercase()), Invalid),
        ("a path that is no UTF-8", "GET", "/conversations/%ff".to_owned(), Invalid),
        ("an escape that is none", "GET", "/conversations/%zz".to_owned(), Invalid),
        ("a conversation as participant", "DELETE", shop.path(&format!("/participants/{}", shop.order)), Invalid),
        ("PUT", "PUT", messages.clone(), MethodNotAllowed),
        ("DELETE", "DELETE", "/me".to_owned(), MethodNotAllowed),
        ("GET", "GET", "/auth/login".to_owned(), MethodNotAllowed),
        ("a made-up method", "BREW", "/me".to_owned(), MethodNotAllowed),
        ("an unknown parameter", "GET", "/conversations?queue=mine".to_owned(), Invalid),
        ("an unknown parameter of messages", "GET", format!("{messages}?from=1"), Invalid),
        ("a parameter twice", "GET", format!("{messages}?after=1&after=2"), Invalid),
        ("before and after", "GET", format!("{messages}?before=1&after=2"), Invalid),
        ("a limit that is no number", "GET", "/conversations?limit=many".to_owned(), Invalid),
        ("a negative limit", "GET", "/conversations?limit=-1".to_owned(), Invalid),
        ("a number beyond 64 bits", "GET", format!("{messages}?after=18446744073709551616"), Invalid),
        ("no role", "GET", "/directory".to_owned(), Invalid),
        ("a role that is none", "GET", "/directory?role=root".to_owned(), Invalid),
        ("a cursor that is none", "GET", "/conversations?cursor=x".to_owned(), InvalidCursor),
        ("an empty cursor", "GET", "/conversations?cursor=".to_owned(), InvalidCursor),
        ("an event cursor", "GET", format!("/conversations?cursor={event_cursor}"), InvalidCursor),
        ("somebody else's cursor", "GET", format!("/conversations?cursor={foreign}"), InvalidCursor),
        ("a cursor of another list", "GET", format!("/directory?role=agent&cursor={foreign}"), InvalidCursor),
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
    let own = ana.request("GET", "/nothing").header("X-Request-Id", "my-own.id_1").send(ana.address).await;
    assert_eq!(own.problem().request_id, "my-own.id_1");
    for harmful in ["a b", "<script>", &"x".repeat(65), ""] {
        let made = ana.request("GET", "/nothing").header("X-Request-Id", harmful).send(ana.address).await;
        assert!(made.problem().request_id.starts_with("req_"), "{harmful}");
    }
}

#[tokio::test]
async fn what_is_hardly_http_is_refused_before_anybody_looks_at_it() {
    let shop = Shop::open().await;
    let before = shop.stored().await;
    let body = json!({"client_id": "a", "text": "b"});
    let send = || shop.ana.request("POST", &shop.path("/messages"));
    for (case, request, status) in [
        ("long headers", send().header("X-Long", "x".repeat(40 << 10)).json(&body), 431),
        ("two lengths", send().header("Content-Length", "3").json(&body), 400),
        ("no length", send().header("Content-Length", "many").json(&body), 400),
        ("a broken header", send().header("X Y", "z").json(&body), 400),
        ("a broken name", Request::new("PO ST", "/api/v1/me"), 400),
        ("another version", Request::new("GET", "/api/v1/me HTTP/3.0\r\nX: y"), 400),
        ("another coding", send().header("Transfer-Encoding", "gzip").json(&body), 400),
        ("two framings", send().header("Transfer-Encoding", "chunked").json(&body), 400),
    ] {
        let answer = request.send(shop.ana.address).await;
        assert_eq!(answer.status, status, "{case}: {answer:?}");
    }
    assert_eq!(shop.stored().await, before);
}

/// Nothing of it has to come for the server to say so.
#[tokio::test]
async fn a_body_that_is_said_to_be_too_large_is_refused_before_it_comes() {
    let shop = Shop::open().await;
    let token = shop.ana.token.as_str();
    let request = format!(
        "POST /api/v1{} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: 1000000000\r\nConnection: close\r\n\r\n",
        shop.path("/messages")
    );
    let answer = raw(shop.ana.address, &request).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_page_ends_once_and_shows_every_row_once() {
    let shop = Shop::open().await;
    for i in 0..7 {
        let customer = shop.server.door.person(Role::Customer, &format!("c{i}")).await;
        customer.direct(&shop.leo).await;
    }
    let all = shop.leo.get("/conversations").await;
    assert_eq!((all["items"].as_array().map(Vec::len), &all["next_cursor"]), (Some(8), &Value::Null));
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
