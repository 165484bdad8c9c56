use chat_proto::{ErrorCode, Role};
use chat_tests::{InProcess, Options};
use chatd::{CompatConfig, RouterConfig};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{ask, call, get, messages, send, with};

#[tokio::test]
async fn a_conversation_as_the_old_front_end_holds_it() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let order = with(&ana, &leo).await;
    let id = &order["_id"];
    assert_eq!((id, &order["unreadCount"], &order["lastMessage"]), (&order["id"], &json!(0), &Value::Null));

    let sent = send(&ana, id, "Where is order 1001?").await;
    assert_eq!(sent.status, 201);
    let sent = sent.ok();
    let message = &sent["data"];
    assert_eq!((&sent["status"], &message["content"]), (&json!("success"), &json!("Where is order 1001?")));
    assert_eq!((&message["sender"], &message["conversation"]), (&json!(ana.id), id), "they are ids here");
    send(&leo, id, "It left today!").await.ok();

    let mut inbox = get(&leo, "/chat/conversations").await;
    assert_eq!(
        (&inbox["status"], &inbox["results"], &inbox["nextCursor"]),
        (&json!("success"), &json!(1), &Value::Null)
    );
    let row = inbox["data"][0].take();
    assert_eq!((&row["_id"], &row["lastMessage"]["content"]), (id, &json!("It left today!")));
    assert_eq!((&row["lastMessage"]["sender"], &row["lastMessage"]["conversation"]), (&json!(leo.id), id));
    let participant = row["participants"].as_array().expect("people").iter().find(|one| one["_id"] == json!(ana.id));
    let keys: Vec<&String> = participant.expect("Ana").as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["_id", "avatar", "email", "id", "lastSeen", "name", "online", "role"]);

    let history = messages(&ana, id).await;
    let texts: Vec<&Value> = history.iter().map(|message| &message["content"]).collect();
    assert_eq!(texts, ["Where is order 1001?", "It left today!"], "oldest first");
    for message in &history {
        assert!(message["_id"] == message["id"] && message["createdAt"].is_string(), "{message}");
        assert!(message["sender"]["_id"].is_string() && message["sender"]["name"].is_string(), "{message}");
        assert_eq!(message["conversation"]["_id"], *id);
        assert_eq!(message["conversation"]["participants"].as_array().map(Vec::len), Some(2), "{message}");
    }
    // The same conversation as in `/api/v1`, where it can be answered and changed.
    let first = history[0]["_id"].as_str().expect("an id");
    let path = format!("/conversations/{}/messages/{first}", id.as_str().expect("an id"));
    ana.call_with("PATCH", &path, &json!({"text": "Where is order 1002?"})).await.ok();
    let edited = &messages(&leo, id).await[0];
    assert_eq!(edited["content"], "Where is order 1002?");
    assert!(edited["updatedAt"].as_str() >= edited["createdAt"].as_str());
    ana.call("DELETE", &path).await.ok();
    let deleted = &messages(&leo, id).await[0];
    assert_eq!((&deleted["content"], &deleted["deleted"]), (&json!(""), &json!(true)));
}

/// It is one number for everybody, counts what one wrote oneself, and never goes down.
#[tokio::test]
async fn hole_14_unread_is_mine_and_goes_away_and_read_says_so() {
    for reading_marks_read in [true, false] {
        let mut compat = CompatConfig::default();
        compat.reading_marks_read = reading_marks_read;
        let mut router = RouterConfig::default();
        router.compat = Some(compat);
        let server = InProcess::start_with(Options { router, ..Options::default() }).await;
        let ana = server.door.person(Role::Customer, "ana").await;
        let leo = server.door.person(Role::Agent, "leo").await;
        let id = &with(&ana, &leo).await["_id"];
        for text in ["One", "Two", "Three"] {
            send(&ana, id, text).await.ok();
        }
        let unread = async |who| get(who, "/chat/conversations").await["data"][0]["unreadCount"].take();
        let read = async |who| -> Vec<bool> {
            messages(who, id).await.iter().map(|message| message["read"].as_bool().expect("a switch")).collect()
        };
        assert_eq!((unread(&ana).await, unread(&leo).await), (json!(0), json!(3)));
        assert_eq!(read(&ana).await, [false; 3], "Leo has not seen them");
        // Looking back is not reading.
        let id_text = id.as_str().expect("an id");
        get(&leo, &format!("/chat/conversations/{id_text}/messages?before=3")).await;
        assert_eq!(unread(&leo).await, json!(3));
        messages(&leo, id).await;
        assert_eq!(unread(&leo).await, json!(if reading_marks_read { 0 } else { 3 }));
        let marked = ask(&leo, "POST", &format!("/chat/conversations/{id_text}/read")).send(leo.address).await;
        assert_eq!(marked.ok()["status"], "success");
        assert_eq!(unread(&leo).await, json!(0));
        assert_eq!((read(&leo).await, read(&ana).await), (vec![true; 3], vec![true; 3]));
        assert_eq!(get(&ana, "/chat/conversations").await["data"][0]["lastMessage"]["read"], true);
    }
}

/// A message that was sent over REST is told to nobody.
#[tokio::test]
async fn hole_12_what_is_sent_is_told_live() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let id = &with(&ana, &leo).await["_id"];
    let mut socket = leo.socket().await;
    send(&ana, id, "Hello").await.ok();
    assert_eq!(socket.find("ev message.created").await["d"]["text"], "Hello");
}

/// Somebody stays online for ever, or goes offline with the first of their tabs.
#[tokio::test]
async fn hole_13_who_is_there_follows_their_devices() {
    let server = InProcess::start_with(Options { manual_clock: true, ..Options::default() }).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    with(&ana, &leo).await;
    let mut watching = leo.socket().await;
    let seen = async || {
        let row = get(&leo, "/chat/conversations").await["data"][0].take();
        let people = row["participants"].as_array().expect("people").clone();
        let ana = people.into_iter().find(|one| one["_id"] == json!(ana.id)).expect("Ana");
        (ana["online"].as_bool().expect("a switch"), ana["lastSeen"].is_string())
    };
    assert_eq!(seen().await, (false, false));
    let (first, second) = (ana.socket().await, ana.socket().await);
    let told = watching.find("eph presence").await;
    assert_eq!(told["state"], "online", "{told}");
    assert_eq!(seen().await, (true, false));
    first.close().await;
    assert_eq!(seen().await, (true, false), "the other tab is open");
    second.close().await;
    server.passing_time(async { while watching.find("eph presence").await["state"] != "offline" {} }).await;
    assert_eq!(seen().await, (false, true));
    // Whoever asks over REST only is there for oneself, and for nobody else.
    assert_eq!(get(&ana, "/auth/profile").await["data"]["online"], true);
    assert_eq!(seen().await, (false, true));
}

/// Two conversations of the same pair, with oneself, with nobody; another answer the first time.
#[tokio::test]
async fn hole_16_there_is_one_conversation_of_a_pair_and_it_always_looks_the_same() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let both = (0..8).map(|i| if i % 2 == 0 { (&ana, &leo) } else { (&leo, &ana) });
    let mut asking = JoinSet::new();
    for (one, other) in both {
        let (request, at) = (ask(one, "GET", &format!("/chat/conversation/{}", other.id)), one.address);
        asking.spawn(async move { request.send(at).await.ok()["data"].take() });
    }
    let shown = asking.join_all().await;
    for one in &shown {
        assert_eq!(one["_id"], shown[0]["_id"]);
        assert_eq!(one["participants"].as_array().map(Vec::len), Some(2));
        assert!(one["participants"][0]["name"].is_string(), "{one}");
    }
    assert_eq!(get(&ana, "/chat/conversations").await["results"], 1);
    let bo = server.door.person(Role::Customer, "bo").await;
    let old_id = "507f1f77bcf86cd799439011";
    for (id, code) in [
        (ana.id.to_string(), ErrorCode::Invalid),
        (bo.id.to_string(), ErrorCode::NotFound),
        (old_id.to_owned(), ErrorCode::NotFound),
        ("user_01kay8m2r3f9vvk1a2b3c4d5e6".to_owned(), ErrorCode::NotFound),
        (shown[0]["_id"].as_str().expect("an id").to_owned(), ErrorCode::Invalid),
        ("undefined".to_owned(), ErrorCode::Invalid),
    ] {
        let answer = ask(&ana, "GET", &format!("/chat/conversation/{id}")).send(ana.address).await;
        assert_eq!(answer.failure().0, code, "{id}");
    }
    assert_eq!(get(&ana, "/chat/conversations").await["results"], 1, "nothing was begun");
}

#[tokio::test]
async fn sending_again_under_the_same_name_is_harmless() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let id = &with(&ana, &leo).await["_id"];
    for (key, name) in [
        ("clientId", json!("a-1")),
        ("client_id", json!("a-2")),
        ("tempId", json!("temp-1732612345678")),
        ("tempId", json!(1_732_612_345_678_u64)),
        ("tempId", json!("1e5")),
        ("clientId", json!("null")),
    ] {
        let body = json!({"conversation": id, "content": "Hello", key: name});
        let (first, second) =
            (call(&ana, "POST", "/chat/messages", &body).await, call(&ana, "POST", "/chat/messages", &body).await);
        assert_eq!((first.status, second.status), (201, 200), "{body}");
        assert_eq!(first.ok(), second.ok());
        assert_eq!(first.ok()["data"]["clientId"], name.as_str().map_or_else(|| name.to_string(), str::to_owned));
        let other = json!({"conversation": id, "content": "Something else", key: name});
        let refused = call(&ana, "POST", "/chat/messages", &other).await;
        assert_eq!(refused.failure().0, ErrorCode::IdempotencyMismatch);
    }
    // Without a name each is a message of its own.
    for _ in 0..2 {
        assert_eq!(send(&ana, id, "Hello").await.status, 201);
    }
    assert_eq!(messages(&leo, id).await.len(), 8);
    for name in [json!("a b"), json!({"$gt": ""}), json!(true), json!("x".repeat(65))] {
        let body = json!({"conversation": id, "content": "Hello", "clientId": name});
        assert_eq!(call(&ana, "POST", "/chat/messages", &body).await.failure().0, ErrorCode::Invalid, "{body}");
    }
}
