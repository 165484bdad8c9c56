use chat_proto::{ErrorCode, Role};
use chat_tests::InProcess;
use serde_json::{Value, json};

use super::{ask, get, messages, with};

/// Everything there ever was, in one answer.
#[tokio::test]
async fn hole_18_lists_end_and_go_on() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let conversation = with(&ana, &leo).await["_id"].take();
    let id = conversation.as_str().expect("an id");
    // In the engine itself, since there are many; the last hundred are long.
    let (anas, order) = (server.chat.as_user(ana.id), id.parse().expect("an id"));
    for i in 1..=1_100 {
        let text = if i > 1_000 { "x".repeat(12 << 10) } else { format!("Message {i}") };
        anas.conversation(order).send(text).await.expect("it is sent");
    }
    let numbers = |messages: &[Value]| -> Vec<u64> {
        messages.iter().map(|message| message["seq"].as_u64().expect("a number")).collect()
    };
    let newest = numbers(&messages(&leo, &conversation).await);
    let first = newest[0];
    assert_eq!(newest, (first..=1_100).collect::<Vec<_>>(), "ascending, without a hole");
    assert!(newest.len() < 1_000, "long ones are fewer");
    let before = async |query: &str| {
        let mut page = get(&leo, &format!("/chat/conversations/{id}/messages?{query}")).await;
        numbers(page["data"]["messages"].take().as_array().expect("messages"))
    };
    assert_eq!(before("before=1001").await, (1..=1_000).collect::<Vec<_>>());
    assert_eq!(before("before=1001&limit=300").await, (701..=1_000).collect::<Vec<_>>());
    assert_eq!(before("before=1001&limit=9999").await.len(), 1_000);
    assert_eq!(before("limit=2").await, [1_099, 1_100]);
    assert_eq!(before("before=1").await, [0; 0]);
    assert_eq!(before("limit=0&_=1732612345678").await, [1_100], "what nobody knows is left alone");

    // Conversations, by cursor.
    let second = server.door.person(Role::Agent, "mia").await;
    with(&ana, &second).await;
    let page = get(&ana, "/chat/conversations?limit=1").await;
    assert_eq!(page["results"], 1);
    let cursor = page["nextCursor"].as_str().expect("there is more");
    let rest = get(&ana, &format!("/chat/conversations?cursor={cursor}")).await;
    assert_eq!((&rest["results"], &rest["nextCursor"]), (&json!(1), &Value::Null));
    assert_ne!(page["data"][0]["_id"], rest["data"][0]["_id"]);
    let foreign = ask(&leo, "GET", &format!("/chat/conversations?cursor={cursor}")).send(leo.address).await;
    assert_eq!(foreign.failure().0, ErrorCode::InvalidCursor);
}

#[tokio::test]
async fn unknown_paths_and_methods_of_the_dialect_are_told_in_it() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    for (method, path, code) in [
        ("GET", "/auth/nothing", ErrorCode::NotFound),
        ("GET", "/auth", ErrorCode::NotFound),
        ("POST", "/chat/conversations/x/pin", ErrorCode::NotFound),
        ("GET", "/admin", ErrorCode::NotFound),
        ("DELETE", "/auth/login", ErrorCode::MethodNotAllowed),
        ("PATCH", "/chat/messages", ErrorCode::MethodNotAllowed),
    ] {
        assert_eq!(ask(&ana, method, path).send(ana.address).await.failure().0, code, "{method} {path}");
    }
    for path in ["/api/nothing", "/api/v1/chat", "/nothing"] {
        let answer = chat_tests::Request::new("GET", path).send(ana.address).await;
        assert_eq!(answer.problem().code, ErrorCode::NotFound, "{path}");
    }
}

#[tokio::test]
async fn where_the_dialect_is_not_spoken_nothing_is_there() {
    let mut router = chatd::RouterConfig::default();
    router.compat = None;
    let server = InProcess::start_with(chat_tests::Options { router, ..Default::default() }).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    for (method, path) in [("GET", "/auth/profile"), ("POST", "/auth/login"), ("GET", "/chat/conversations")] {
        let answer = ask(&ana, method, path).send(ana.address).await;
        assert_eq!(answer.problem().code, ErrorCode::NotFound, "{path}");
    }
    let document = chat_tests::Request::new("GET", "/api/v1/openapi.json").send(ana.address).await.ok();
    let is_own = |path: &String| path.starts_with("/api/v1/") || ["/livez", "/readyz"].contains(&path.as_str());
    assert!(document["paths"].as_object().expect("paths").keys().all(is_own));
}
