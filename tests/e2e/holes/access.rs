use chat_proto::{ErrorCode, Role};
use chat_tests::{InProcess, Socket};
use serde_json::json;

/// Reading a conversation, writing into it and entering it without a look at who asks.
#[tokio::test]
async fn hole_2_reading_writing_and_joining_ask_for_membership() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    ana.write(order, "For Leo alone").await.ok();
    for role in [Role::Customer, Role::Agent, Role::Admin] {
        let mallory = server.door.person(role, &format!("mallory-{role}")).await;
        let at = |rest: &str| format!("/conversations/{order}{rest}");
        let join = json!({"user_id": mallory.id});
        for answer in [
            mallory.call("GET", &at("")).await,
            mallory.call("GET", &at("/messages")).await,
            mallory.write(order, "Let me in").await,
            mallory.call_with("POST", &at("/participants"), &join).await,
        ] {
            assert_eq!(answer.problem().code, ErrorCode::NotFound, "{role}: {}", answer.text());
        }
        let mut socket = mallory.socket().await;
        let sent = json!({"t": "send", "re": 1, "conv": order, "client_id": "a", "text": "Let me in"});
        assert_eq!(socket.ask(&sent).await["code"], "not_found", "{role}");
        for join in ["join", "subscribe", "room", "joinConversation"] {
            let answer = socket.ask(&json!({"t": join, "re": 2, "conv": order})).await;
            assert_eq!(answer["code"], "unsupported", "{role} {join}: {answer}");
        }
        ana.write(order, &format!("Still for Leo alone {role}")).await.ok();
        let heard = socket.settle().await;
        assert!(heard.is_empty(), "{role} heard {heard:?}");
    }
}

/// Everybody is told who of everybody is there, and the list of people gives their addresses away.
#[tokio::test]
async fn hole_9_neither_presence_nor_addresses_go_to_everybody() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let mallory = server.door.person(Role::Customer, "mallory").await;
    let order = ana.direct(&leo).await;
    let (mut hers, mut stranger) = (ana.socket().await, mallory.socket().await);
    // Leo comes: who shares a conversation with him is told, and the stranger is not.
    let _his = leo.socket().await;
    let told = hers.until(|frame| frame["e"] == "presence" && frame["user"] == json!(leo.id)).await;
    assert_eq!(told.last().expect("it was told")["state"], "online");
    let heard = stranger.settle().await;
    assert!(heard.is_empty(), "{heard:?}");
    // Nobody else's address stands in anything that others are shown.
    let shown = [
        mallory.get("/directory?role=agent").await,
        ana.get("/directory?role=agent").await,
        ana.get("/conversations").await,
        ana.get(&format!("/conversations/{order}")).await,
        leo.get("/conversations").await,
    ];
    for shown in shown {
        let text = shown.to_string();
        assert!(!text.contains("@shop.test") && !text.contains("email"), "{text}");
    }
    assert!(ana.get("/me").await["email"].is_string(), "one's own is one's own");
}

/// Who was put out goes on reading with what they had in hand before.
#[tokio::test]
async fn threat_16_lost_membership_ends_sight_at_once_also_by_old_cursors() {
    let server = InProcess::start().await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let group = leo.group("Order", &[&ana]).await;
    let mut socket = ana.socket().await;
    leo.write(group, "While she is in").await.ok();
    socket.find("ev message.created").await;
    let cursor = socket.cursor().to_owned();
    leo.call("DELETE", &format!("/conversations/{group}/participants/{}", ana.id)).await.ok();
    socket.find("ev access.revoked").await;
    leo.write(group, "After she was put out").await.ok();
    let heard = socket.settle().await;
    assert!(heard.is_empty(), "{heard:?}");
    let mut back = Socket::connect(ana.address).await;
    back.say(&json!({"t": "hello", "token": ana.token, "resume": cursor})).await;
    let told = back.until_t("live").await;
    let polled = ana.get(&format!("/events?wait=0&cursor={cursor}")).await;
    for told in [json!(told), polled] {
        let text = told.to_string();
        assert!(text.contains("access.revoked") && !text.contains("After she was put out"), "{text}");
    }
    assert_eq!(ana.call("GET", &format!("/conversations/{group}/messages")).await.problem().code, ErrorCode::NotFound);
}
