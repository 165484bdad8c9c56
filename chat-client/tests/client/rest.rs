use std::time::Duration;

use chat_client::{Client, Error, Outcome, PageQuery, Part};
use chat_proto::model::Cursor;
use chat_proto::wire::NewUser;
use chat_proto::{ErrorCode, Role, Seq};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::fake_http::{FakeHttp, Reply};
use crate::values::{alice, conv, conversation, limits, message, person, user};

fn signed_in() -> Value {
    json!({"user": user(), "access_token": "aaa.bbb.ccc", "refresh_token": "rt_x", "expires_in": 3600, "token_type": "Bearer"})
}

fn page(item: &Value) -> Value {
    json!({"items": [item], "next_cursor": "p2", "as_of": "c1"})
}

fn nothing() -> Reply {
    Reply::Raw(204, Vec::new())
}

#[tokio::test]
async fn signing_in_gives_a_client_that_acts_for_that_person() {
    let server = FakeHttp::answering([
        Reply::Json(201, signed_in()),
        Reply::Json(200, signed_in()),
        Reply::Json(200, user()),
        nothing(),
    ])
    .await;
    let client = Client::new(&server.url).unwrap();
    client.register("alice@example.com", "Alice", "correct horse").await.unwrap();
    let (as_alice, signed_in) = client.login("alice@example.com", "correct horse").await.unwrap();
    assert_eq!(as_alice.me().await.unwrap(), signed_in.user);
    as_alice.logout().await.unwrap();

    assert_eq!(
        server.asked(),
        [
            r#"POST /api/v1/auth/register {"email":"alice@example.com","name":"Alice","password":"correct horse"}"#,
            r#"POST /api/v1/auth/login {"email":"alice@example.com","password":"correct horse"}"#,
            "GET /api/v1/me",
            "POST /api/v1/auth/logout",
        ]
    );
    let token = Some("Bearer aaa.bbb.ccc".to_owned());
    assert_eq!(server.tokens(), [None, None, token.clone(), token]);
    assert_eq!(client.token(), None);
    assert!(!format!("{as_alice:?}").contains("aaa"), "a token is not for logs");
}

#[tokio::test]
async fn people_and_the_server_have_their_routes() {
    let server_info = json!({"version": "0.1.0", "protocols": ["chat.v1.json"], "limits": limits()});
    let server = FakeHttp::answering([
        Reply::Json(200, user()),
        Reply::Json(201, user()),
        Reply::Json(200, page(&person())),
        Reply::Json(200, page(&person())),
        Reply::Json(200, page(&person())),
        Reply::Json(200, server_info),
    ])
    .await;
    let client = Client::with_token(&server.url, "aaa").unwrap();
    client.rename("Alice").await.unwrap();
    let ben = NewUser {
        email: "ben@example.com".into(),
        name: "Ben".into(),
        password: "correct horse".into(),
        role: Role::Agent,
    };
    client.create_user(&ben).await.unwrap();
    let agents = client.directory(Role::Agent, &PageQuery::first()).await.unwrap();
    assert_eq!(agents.items[0].id, alice());
    let next = PageQuery::after(agents.next_cursor.unwrap()).limit(2);
    client.directory(Role::Agent, &next).await.unwrap();
    client.find_people("ali é", None, &PageQuery::first()).await.unwrap();
    assert_eq!(client.server().await.unwrap().limits.page_rows, 200);

    assert_eq!(
        server.asked(),
        [
            r#"PATCH /api/v1/me {"name":"Alice"}"#,
            r#"POST /api/v1/users {"email":"ben@example.com","name":"Ben","password":"correct horse","role":"agent"}"#,
            "GET /api/v1/directory?role=agent",
            "GET /api/v1/directory?limit=2&cursor=p2&role=agent",
            "GET /api/v1/directory?q=ali%20%C3%A9",
            "GET /api/v1/server",
        ]
    );
}

#[tokio::test]
async fn conversations_have_their_routes() {
    let server = FakeHttp::answering([
        Reply::Json(200, page(&conversation())),
        Reply::Json(200, page(&conversation())),
        Reply::Json(200, conversation()),
        Reply::Json(201, conversation()),
        Reply::Json(201, conversation()),
        Reply::Json(200, conversation()),
        nothing(),
        nothing(),
        nothing(),
    ])
    .await;
    let client = Client::with_token(&server.url, "aaa").unwrap();
    let first = client.conversations(&PageQuery::first()).await.unwrap();
    let next = PageQuery::after(first.next_cursor.unwrap()).limit(2);
    assert_eq!(client.conversations(&next).await.unwrap().as_of, Cursor::from_text("c1".into()));
    assert_eq!(client.conversation(conv()).await.unwrap().id, conv());
    client.open_direct(alice()).await.unwrap();
    client.create_group(Some("Order 1042"), &[alice()]).await.unwrap();
    client.add_participant(conv(), alice()).await.unwrap();
    client.remove_participant(conv(), alice()).await.unwrap();
    client.mark_read(conv(), Seq(3)).await.unwrap();
    client.typing(conv(), true).await.unwrap();

    let (alice, conv) = (alice(), conv());
    assert_eq!(
        server.asked(),
        [
            "GET /api/v1/conversations".to_owned(),
            "GET /api/v1/conversations?limit=2&cursor=p2".to_owned(),
            format!("GET /api/v1/conversations/{conv}"),
            format!(r#"POST /api/v1/conversations {{"kind":"direct","participants":["{alice}"]}}"#),
            format!(
                r#"POST /api/v1/conversations {{"kind":"group","participants":["{alice}"],"subject":"Order 1042"}}"#
            ),
            format!(r#"POST /api/v1/conversations/{conv}/participants {{"user_id":"{alice}"}}"#),
            format!("DELETE /api/v1/conversations/{conv}/participants/{alice}"),
            format!(r#"POST /api/v1/conversations/{conv}/read {{"seq":3}}"#),
            format!(r#"POST /api/v1/conversations/{conv}/typing {{"on":true}}"#),
        ]
    );
}

#[tokio::test]
async fn messages_have_their_routes() {
    let history = json!({"items": [message(1, "Hello")], "more_before": false, "more_after": false, "as_of": "c1"});
    let mut replies: Vec<_> = (0..4).map(|_| Reply::Json(200, history.clone())).collect();
    replies.push(Reply::Json(201, message(2, "Hi")));
    replies.push(Reply::Json(200, message(2, "Hi")));
    let server = FakeHttp::answering(replies).await;
    let client = Client::with_token(&server.url, "aaa").unwrap();
    for (part, limit) in [
        (Part::Newest, None),
        (Part::Before(Seq(9)), Some(5)),
        (Part::After(Seq(9)), None),
        (Part::Around(Seq(9)), None),
    ] {
        let history = client.messages(conv(), part, limit).await.unwrap();
        assert_eq!(history.items[0].text, "Hello");
    }
    let client_id = "a-1".parse().unwrap();
    let (message, outcome) = client.send(conv(), &client_id, "Hi").await.unwrap();
    assert_eq!((message.seq, outcome), (Seq(2), Outcome::Created));
    let (_, outcome) = client.send(conv(), &client_id, "Hi").await.unwrap();
    assert_eq!(outcome, Outcome::Duplicate);

    let messages = format!("/api/v1/conversations/{}/messages", conv());
    let sent = format!(r#"POST {messages} {{"client_id":"a-1","text":"Hi"}}"#);
    assert_eq!(
        server.asked(),
        [
            format!("GET {messages}"),
            format!("GET {messages}?before=9&limit=5"),
            format!("GET {messages}?after=9"),
            format!("GET {messages}?around=9"),
            sent.clone(),
            sent,
        ]
    );
}

#[tokio::test]
async fn a_refusal_is_the_servers_own_word() {
    let problem = json!({"type": "about:blank", "title": "Not found", "status": 404, "detail": "No such conversation.",
        "instance": "/api/v1/me", "code": "not_found", "retryable": false, "request_id": "r1"});
    let server = FakeHttp::answering([Reply::Json(404, problem)]).await;
    let error = Client::new(&server.url).unwrap().me().await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NotFound));
    assert_eq!(error.to_string(), "No such conversation. (not_found)");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn answers_of_others_are_told_apart() {
    let server = FakeHttp::answering([
        Reply::Raw(502, b"<html>Bad gateway</html>".to_vec()),
        Reply::Elsewhere,
        Reply::Raw(200, b"<html>Welcome to the hotel</html>".to_vec()),
        Reply::Raw(200, vec![b' '; 8 * 1024 * 1024 + 1]),
    ])
    .await;
    let client = Client::new(&server.url).unwrap();
    let error = client.me().await.unwrap_err();
    assert!(matches!(&error, Error::Status(status) if status.as_u16() == 502), "{error:?}");
    assert!(error.is_retryable());
    let error = client.me().await.unwrap_err();
    assert!(matches!(&error, Error::Status(status) if status.as_u16() == 302), "{error:?}");
    for reason in ["expected value", "more than 8388608 bytes"] {
        let error = client.me().await.unwrap_err();
        assert!(matches!(&error, Error::Protocol(what) if what.contains(reason)), "{error:?}");
        assert!(!error.is_retryable());
    }
    assert_eq!(server.asked().len(), 4, "a redirect is not followed");
}

#[tokio::test]
async fn an_answer_that_never_comes_is_a_timeout() {
    let server = FakeHttp::answering([Reply::Never]).await;
    let client = Client::new(&server.url).unwrap().timeout(Duration::from_millis(50));
    let error = client.me().await.unwrap_err();
    assert!(matches!(error, Error::Timeout) && error.is_retryable());
}

#[tokio::test]
async fn a_closed_port_is_a_transport_error_in_one_line() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Client::new(&url).unwrap().me().await.unwrap_err();
    assert!(matches!(error, Error::Transport(_)) && error.is_retryable());
    let line = error.to_string();
    assert!(line.to_lowercase().contains("refused") && !line.contains('\n'), "{line}");
}

#[tokio::test]
async fn readiness_is_asked_beside_the_api() {
    let server =
        FakeHttp::answering([Reply::Raw(200, Vec::new()), Reply::Raw(503, Vec::new()), Reply::Raw(404, Vec::new())])
            .await;
    let client = Client::new(&format!("{}/shop/", server.url)).unwrap();
    assert!(client.ready().await.unwrap());
    assert!(!client.ready().await.unwrap());
    assert_matches!(client.ready().await, Err(Error::Status(status)) if status == 404);
    assert_eq!(server.asked(), ["GET /shop/readyz"; 3]);
}
