//! What becomes of a message: edited, deleted, reacted to, answered; and how far it has come with whom.

use chat_proto::{ConversationId, Role};
use chat_tests::{InProcess, Person, Server, Socket, name_of};
use serde_json::{Value, json};

use crate::CHATD;

fn path(conv: ConversationId, message: &Value, rest: &str) -> String {
    format!("/conversations/{conv}/messages/{}{rest}", message["id"].as_str().expect("an id"))
}

async fn stored(who: &Person, conv: ConversationId) -> Vec<Value> {
    who.get(&format!("/conversations/{conv}/messages")).await["items"].as_array().expect("rows").clone()
}

#[tokio::test]
async fn an_edit_reaches_everybody_and_keeps_what_was_said() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let mia = server.door.person(Role::Customer, "mia").await;
    let conv = leo.group("Order 7", &[&ana, &mia]).await;
    let first = ana.write(conv, "Helo").await.ok();
    let mut sockets = [ana.socket().await, leo.socket().await];

    let edited = ana.call_with("PATCH", &path(conv, &first, ""), &json!({"text": "Hello"})).await;
    assert_eq!(edited.header("etag"), Some("\"v2\""));
    let edited = edited.ok();
    assert_eq!((edited["version"].as_u64(), edited["text"].as_str()), (Some(2), Some("Hello")));
    let frame = json!({"t": "edit", "re": 4, "conv": conv, "id": first["id"], "text": "Hello!", "if_version": 2});
    let mut third = ana.socket().await;
    assert_eq!(third.ask(&frame).await["d"]["version"], 3);
    for (socket, mine) in sockets.iter_mut().zip([true, false]) {
        for (version, text) in [(2, "Hello"), (3, "Hello!")] {
            let frames = socket.until(|frame| frame["e"] == "message.edited" && frame["v"] == version).await;
            let ev = frames.last().expect("found");
            assert_eq!((&ev["d"]["text"], &ev["seq"]), (&json!(text), &json!(1)), "{ev}");
            assert!(ev["d"]["edited_at"].is_string(), "{ev}");
            assert_eq!(ev["d"]["client_id"].is_string(), mine, "only its author sees the name: {ev}");
        }
    }
    assert_eq!(stored(&leo, conv).await[0]["text"], "Hello!");

    // What it said before is there for its author and for staff.
    for who in [&ana, &leo] {
        let history = who.get(&path(conv, &first, "/history")).await;
        let texts: Vec<&Value> = history["items"].as_array().expect("rows").iter().map(|row| &row["text"]).collect();
        assert_eq!(texts, ["Helo", "Hello"]);
    }
    assert_eq!(mia.call("GET", &path(conv, &first, "/history")).await.problem().code.as_str(), "forbidden");

    // Sending it again under its name is still the same message; something else under it is not.
    let again = ana.write(conv, "Helo").await;
    assert_eq!((again.status, again.ok()["text"].as_str()), (200, Some("Hello!")));
    let other = json!({"client_id": "Helo", "text": "Hello!"});
    let other = ana.call_with("POST", &format!("/conversations/{conv}/messages"), &other).await;
    assert_eq!(other.problem().code.as_str(), "idempotency_mismatch");

    // Nobody changes what somebody else wrote, and nobody what they have not seen.
    let refused = leo.call_with("PATCH", &path(conv, &first, ""), &json!({"text": "Mine"})).await;
    assert_eq!(refused.problem().code.as_str(), "forbidden");
    let late = ana.request("PATCH", &path(conv, &first, "")).header("If-Match", "\"v2\"");
    let late = server.door.send(late.json(&json!({"text": "Late"}))).await.problem();
    assert_eq!((late.code.as_str(), late.version), ("version_mismatch", Some(3)));
    let late = json!({"t": "edit", "re": 5, "conv": conv, "id": first["id"], "text": "Late", "if_version": 2});
    let late = third.ask(&late).await;
    assert_eq!((&late["code"], &late["version"]), (&json!("version_mismatch"), &json!(3)), "{late}");
}

#[tokio::test]
async fn a_deleted_message_keeps_its_place_and_loses_everything_else() {
    let mut server = Server::start(CHATD).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let conv = ana.direct(&leo).await;
    let to = format!("/conversations/{conv}/messages");
    let card = json!({"client_id": "card", "text": "4111 1111 1111 1111"});
    let secret = ana.call_with("POST", &to, &card).await.ok();
    ana.call_with("PATCH", &path(conv, &secret, ""), &json!({"text": "card 4111 1111 1111 1111"})).await.ok();
    leo.call("PUT", &path(conv, &secret, "/reactions/%F0%9F%91%8D")).await.ok();
    leo.write(conv, "Delete that!").await.ok();
    let refused = leo.call("DELETE", &path(conv, &secret, "")).await;
    assert_eq!(refused.problem().code.as_str(), "forbidden");

    let mut socket = leo.socket().await;
    let before = socket.cursor().to_owned();
    for _ in 0..2 {
        let gone = ana.call("DELETE", &path(conv, &secret, "")).await.ok();
        assert_eq!((&gone["text"], &gone["version"], &gone["seq"]), (&json!(""), &json!(4), &json!(1)), "{gone}");
        assert!(gone["deleted_at"].is_string() && gone.get("reactions").is_none(), "{gone}");
    }
    let ev = socket.find("ev message.deleted").await;
    assert_eq!((&ev["v"], &ev["d"]["text"]), (&json!(4), &json!("")), "{ev}");
    let frames = socket.settle().await;
    assert!(!frames.iter().any(|frame| frame["e"] == "message.deleted"), "deleting again tells nothing: {frames:?}");

    // Nothing can be done with it any more, and it is still what its name stands for.
    for (method, rest) in [("PATCH", ""), ("PUT", "/reactions/%F0%9F%91%8D")] {
        let refused = ana.call_with(method, &path(conv, &secret, rest), &json!({"text": "again"})).await;
        assert_eq!(refused.problem().code.as_str(), "conflict", "{method}");
    }
    let again = ana.call_with("POST", &to, &card).await;
    assert_eq!((again.status, again.ok()["deleted_at"].is_string()), (200, true));
    assert!(ana.get(&path(conv, &secret, "/history")).await["items"].as_array().expect("rows").is_empty());

    server.restart().await;
    let (ana, leo) = (ana.at(server.door()), leo.at(server.door()));
    for who in [&ana, &leo] {
        let rows = stored(who, conv).await;
        assert_eq!((rows.len(), rows[0]["text"].as_str(), rows[1]["seq"].as_u64()), (2, Some(""), Some(2)), "{rows:?}");
        assert!(!json!(rows).to_string().contains("4111"), "{rows:?}");
    }
    // Nor does it come out of the log for whoever was away.
    let mut late = Socket::connect(leo.address).await;
    late.say(&json!({"t": "hello", "token": leo.token, "resume": before})).await;
    let frames = late.until_t("live").await;
    assert!(!json!(frames).to_string().contains("4111"), "{frames:?}");
}

#[tokio::test]
async fn an_admin_in_the_conversation_can_delete_what_others_wrote() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let ada = server.door.person(Role::Admin, "ada-2").await;
    let conv = leo.group("Order 7", &[&ana, &ada]).await;
    let rude = ana.write(conv, "#!?").await.ok();
    let mut socket = ana.socket().await;
    assert!(ada.call("DELETE", &path(conv, &rude, "")).await.ok()["deleted_at"].is_string());
    let ev = socket.find("ev message.deleted").await;
    assert_eq!((&ev["by"]["id"], &ev["d"]["author"]["id"]), (&json!(ada.id), &json!(ana.id)), "{ev}");
}

#[tokio::test]
async fn reactions_are_counted_once_for_each_person() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let conv = ana.direct(&leo).await;
    let message = leo.write(conv, "It is on its way").await.ok();
    let mut socket = leo.socket().await;
    let heart = path(conv, &message, "/reactions/%E2%9D%A4%EF%B8%8F");
    for _ in 0..2 {
        let shown = ana.call("PUT", &heart).await.ok();
        assert_eq!(shown["reactions"], json!([{"emoji": "❤️", "users": [ana.id]}]));
        assert_eq!(shown["version"], 2);
    }
    let react = json!({"t": "react", "re": 3, "conv": conv, "id": message["id"], "emoji": "❤️", "on": true});
    assert_eq!(socket.ask(&react).await["d"]["reactions"][0]["users"], json!([ana.id, leo.id]));
    assert_eq!(ana.call("DELETE", &heart).await.ok()["reactions"], json!([{"emoji": "❤️", "users": [leo.id]}]));
    let off = json!({"t": "react", "re": 4, "conv": conv, "id": message["id"], "emoji": "❤️", "on": false});
    assert!(socket.ask(&off).await["d"].get("reactions").is_none());
    for bad in ["ok", "%F0%9F%91%8D%F0%9F%91%8D", "%20", "%07"] {
        let refused = ana.call("PUT", &path(conv, &message, &format!("/reactions/{bad}"))).await.problem();
        assert_eq!((refused.code.as_str(), refused.fields[0].pointer.as_str()), ("invalid", "/emoji"), "{bad}");
    }
}

#[tokio::test]
async fn a_message_answers_another_and_speaks_to_people() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let eve = server.door.person(Role::Customer, "eve").await;
    let (conv, other) = (ana.direct(&leo).await, eve.direct(&leo).await);
    let question = ana.write(conv, "Where is it?").await.ok();
    let foreign = eve.write(other, "Mine is late").await.ok();
    let mut socket = ana.socket().await;
    let to = format!("/conversations/{conv}/messages");
    let answer = json!({
        "client_id": "a1", "text": "@ana, here", "reply_to": question["id"], "mentions": [ana.id, ana.id], "if_last_seq": 1
    });
    let shown = leo.call_with("POST", &to, &answer).await.ok();
    assert_eq!((&shown["reply_to"], &shown["mentions"]), (&question["id"], &json!([ana.id])), "{shown}");
    let ev = socket.find("ev message.created").await;
    assert_eq!((&ev["d"]["reply_to"], &ev["d"]["mentions"]), (&question["id"], &json!([ana.id])), "{ev}");

    // Said without knowing of the answer above.
    let late = json!({"client_id": "q2", "text": "Hello?", "if_last_seq": 1});
    let late = ana.call_with("POST", &to, &late).await.problem();
    assert_eq!((late.code.as_str(), late.last_seq.map(|seq| seq.0)), ("newer_messages", Some(2)));
    let late = json!({"t": "send", "re": 8, "conv": conv, "client_id": "q2", "text": "Hello?", "if_last_seq": 1});
    let late = socket.ask(&late).await;
    assert_eq!((&late["code"], &late["last_seq"]), (&json!("newer_messages"), &json!(2)), "{late}");
    // The same again is the first result, whatever has come since.
    assert_eq!(leo.call_with("POST", &to, &answer).await.ok()["id"], shown["id"]);

    for (field, value) in [("reply_to", &foreign["id"]), ("mentions", &json!([eve.id]))] {
        let bad = json!({"client_id": "b1", "text": "x", field: value});
        let refused = leo.call_with("POST", &to, &bad).await.problem();
        assert_eq!(refused.code.as_str(), "invalid", "{field}");
        assert!(refused.fields[0].pointer.starts_with(&format!("/{field}")), "{:?}", refused.fields);
    }
    // Nor is a message found under another conversation.
    let wrong = leo.call_with("PATCH", &path(conv, &foreign, ""), &json!({"text": "x"})).await;
    assert_eq!(wrong.problem().code.as_str(), "not_found");
}

#[tokio::test]
async fn marks_tell_the_others_how_far_somebody_is_and_never_that_they_went_back() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let conv = ana.direct(&leo).await;
    for text in ["one", "two", "three"] {
        ana.write(conv, text).await.ok();
    }
    let (mut anas, mut leos) = (ana.socket().await, leo.socket().await);
    let own = async |who: &Person| {
        let shown = who.get(&format!("/conversations/{conv}")).await;
        let other = shown["participants"].as_array().expect("people").iter().find(|one| one["id"] == json!(leo.id));
        let other = other.expect("leo");
        [&shown["read_seq"], &shown["unread"], &other["read_seq"], &other["delivered_seq"]]
            .map(|n| n.as_u64().expect("n"))
    };
    let mut second = leo.socket().await;
    second.ask(&json!({"t": "delivered", "re": 1, "conv": conv, "seq": 3})).await;
    let moved = anas.find("ev delivered.moved").await;
    assert_eq!(moved["d"], json!({"user_id": leo.id, "seq": 3}), "{moved}");
    assert_eq!(own(&leo).await, [0, 3, 0, 3]);
    second.ask(&json!({"t": "read", "re": 2, "conv": conv, "seq": 2})).await;
    assert_eq!(anas.find("ev read.moved").await["d"], json!({"user_id": leo.id, "seq": 2}));
    assert_eq!(own(&leo).await, [2, 1, 2, 3]);

    let back = leo.call_with("POST", &format!("/conversations/{conv}/unread"), &json!({"seq": 1})).await;
    assert_eq!(back.status, 204);
    assert_eq!(own(&leo).await, [0, 3, 2, 3], "the others know what they knew");
    leos.until(|frame| frame["e"] == "read.moved" && frame["seq"] == 0).await;
    // Reading again what was read before is nobody else's business; what is new is.
    second.ask(&json!({"t": "read", "re": 3, "conv": conv, "seq": 1})).await;
    second.ask(&json!({"t": "read", "re": 4, "conv": conv, "seq": 3})).await;
    let frames = anas.until(|frame| frame["e"] == "read.moved" && frame["seq"] == 3).await;
    let moves = frames.iter().filter(|frame| name_of(frame) == "ev read.moved").count();
    assert_eq!(moves, 1, "{frames:?}");
    assert_eq!(own(&ana).await, [3, 0, 3, 3]);
}

#[tokio::test]
async fn what_is_unread_is_listed_however_far_down_it_is() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let mut groups = Vec::new();
    for number in 0..7 {
        groups.push(leo.group(&format!("Order {number}"), &[&ana]).await);
    }
    // Those with even numbers, the newest activity last.
    for number in [0, 2, 4, 6] {
        ana.write(groups[number], &format!("Where is order {number}?")).await.ok();
    }
    leo.write(groups[1], "Any news?").await.ok();
    let list = async |query: &str| {
        let page = leo.get(&format!("/conversations?{query}")).await;
        let ids = page["items"].as_array().expect("rows").iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
        (ids, page["next_cursor"].as_str().map(str::to_owned))
    };
    let of = |numbers: &[usize]| numbers.iter().map(|number| json!(groups[*number])).collect::<Vec<_>>();
    assert_eq!(list("unread=true").await, (of(&[6, 4, 2, 0]), None));
    assert_eq!(list("unread=false").await, list("").await);
    let (first, next) = list("unread=true&limit=3").await;
    assert_eq!(first, of(&[6, 4, 2]));
    assert_eq!(list(&format!("unread=true&cursor={}", next.expect("a part more"))).await, (of(&[0]), None));
    // A cursor of the whole list is good, too: what is unread below it.
    let (top, next) = list("limit=3").await;
    assert_eq!(top, of(&[1, 6, 4]));
    assert_eq!(list(&format!("unread=true&cursor={}", next.expect("a part more"))).await, (of(&[2, 0]), None));
    leo.call_with("POST", &format!("/conversations/{}/read", groups[4]), &json!({"seq": 1})).await;
    assert_eq!(list("unread=true").await, (of(&[6, 2, 0]), None));
    leo.call_with("POST", &format!("/conversations/{}/unread", groups[4]), &json!({"seq": 1})).await;
    assert_eq!(list("unread=true").await, (of(&[6, 4, 2, 0]), None));
    // It is of no use to somebody else.
    let cursor = list("limit=1").await.1.expect("a part more");
    let other = ana.call("GET", &format!("/conversations?unread=true&cursor={cursor}")).await;
    assert_eq!(other.problem().code.as_str(), "invalid_cursor");
}
