use chat_proto::Role;
use chat_tests::InProcess;
use serde_json::json;

use super::{NOTE, attach, dot, download, id, messages, refused, send, sha256};

#[tokio::test]
async fn a_file_is_sent_and_everybody_in_the_conversation_has_it() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let conv = ana.direct(&leo).await;
    let note = attach(&ana, "note.txt", NOTE).await;
    assert_eq!((&note["media_type"], &note["size"]), (&json!("text/plain"), &json!(NOTE.len())), "{note}");
    assert_eq!((&note["name"], &note["sha256"]), (&json!("note.txt"), &json!(sha256(NOTE))), "{note}");
    let picture = attach(&ana, "dot.png", &dot()).await;
    assert_eq!((&picture["width"], &picture["height"]), (&json!(1), &json!(1)), "{picture}");
    assert!(picture["thumbnail"]["width"] == 1, "{picture}");

    // Nobody else knows of it before it is sent; she herself can look.
    assert_eq!(download(&leo, &note).await.problem().code.as_str(), "not_found");
    assert_eq!(download(&ana, &note).await.body, NOTE);

    let (mut socket, mut stream) = (leo.socket().await, leo.event_source(None).await);
    let sent = send(&ana, conv, "m1", "Look", &[&note, &picture]).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    assert_eq!(sent.ok()["attachments"], json!([note, picture]));
    let told = socket.until(|frame| frame["e"] == "message.created").await;
    assert_eq!(told.last().expect("found")["d"]["attachments"], json!([note, picture]));
    let told = stream.until(|event| event["e"] == "message.created").await;
    assert_eq!(told.last().expect("found")["d"]["attachments"], json!([note, picture]));
    assert_eq!(messages(&leo, conv).await[0]["attachments"], json!([note, picture]));
    let listed = leo.get("/conversations").await;
    assert_eq!(listed["items"][0]["last_message"]["attachments"], json!([note, picture]));
    for who in [&ana, &leo] {
        assert_eq!(download(who, &note).await.body, NOTE);
        let seen = download(who, &picture).await.body;
        assert_eq!(json!(sha256(&seen)), picture["sha256"]);
        let small = who.call("GET", &format!("/attachments/{}/thumbnail", id(&picture))).await;
        assert_eq!(small.header("content-type"), picture["thumbnail"]["media_type"].as_str());
        assert_eq!(who.call("GET", &format!("/attachments/{}/thumbnail", id(&note))).await.status, 404);
    }
}

#[tokio::test]
async fn a_text_is_not_needed_and_a_caption_can_be_changed() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let conv = ana.direct(&leo).await;
    let note = attach(&ana, "note.txt", NOTE).await;
    let mut socket = ana.socket().await;
    let frame =
        json!({"t": "send", "re": 3, "conv": conv, "client_id": "m1", "text": " ", "attachments": [note["id"]]});
    let sent = socket.ask(&frame).await;
    assert_eq!((&sent["t"], &sent["d"]["text"]), (&json!("ok"), &json!("")), "{sent}");
    assert_eq!(sent["d"]["attachments"], json!([note]));

    // Edited, reacted to and answered, it keeps its files.
    let path = format!("/conversations/{conv}/messages/{}", sent["d"]["id"].as_str().expect("an id"));
    for text in ["A note", ""] {
        let edited = ana.call_with("PATCH", &path, &json!({"text": text})).await.ok();
        assert_eq!((&edited["text"], &edited["attachments"]), (&json!(text), &json!([note])));
    }
    let reacted = leo.call("PUT", &format!("{path}/reactions/%E2%9D%A4")).await.ok();
    assert_eq!(reacted["attachments"], json!([note]));
    let answer = json!({"client_id": "m2", "text": "Thanks", "reply_to": sent["d"]["id"]});
    leo.call_with("POST", &format!("/conversations/{conv}/messages"), &answer).await.ok();
    assert_eq!(messages(&leo, conv).await[0]["attachments"], json!([note]));

    // Where there is no file a text is needed.
    let plain = ana.write(conv, "Plain").await.ok();
    let path = format!("/conversations/{conv}/messages/{}", plain["id"].as_str().expect("an id"));
    assert_eq!(ana.call_with("PATCH", &path, &json!({"text": " "})).await.problem().code.as_str(), "invalid");
    assert_eq!(send(&ana, conv, "m3", "", &[]).await.problem().code.as_str(), "invalid");
}

#[tokio::test]
async fn a_file_is_sent_once_and_by_who_uploaded_it() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let conv = ana.direct(&leo).await;
    let (note, other) = (attach(&ana, "note.txt", NOTE).await, attach(&ana, "other.txt", b"Another one").await);

    // A stranger's file and one that is not there are the same.
    let absent = json!({"id": "att_01kay8m2r3f9vvk1a2b3c4d5e6"});
    for nothing in [&note, &absent] {
        let refused = send(&leo, conv, "l1", "Mine", &[nothing]).await.problem();
        assert_eq!((refused.code.as_str(), &*refused.fields[0].pointer), ("invalid", "/attachments/0"));
    }
    assert_eq!(send(&ana, conv, "m0", "Twice", &[&note, &note]).await.problem().code.as_str(), "invalid");

    assert_eq!(send(&ana, conv, "m1", "Once", &[&note]).await.status, 201);
    let again = send(&ana, conv, "m1", "Once", &[&note]).await;
    assert_eq!((again.status, &again.ok()["attachments"]), (200, &json!([note])));
    for others in [&[][..], &[&other], &[&note, &other]] {
        let refused = send(&ana, conv, "m1", "Once", others).await.problem();
        assert_eq!(refused.code.as_str(), "idempotency_mismatch");
    }
    let refused = send(&ana, conv, "m2", "Once more", &[&other, &note]).await.problem();
    assert_eq!((refused.code.as_str(), &*refused.fields[0].pointer), ("conflict", "/attachments/1"));
    // What was refused has changed nothing.
    assert_eq!(send(&ana, conv, "m3", "The other", &[&other]).await.status, 201);
    assert_eq!(messages(&ana, conv).await.len(), 2);
}

#[tokio::test]
async fn what_was_not_sent_can_be_taken_back() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let conv = ana.direct(&leo).await;
    let (note, sent) = (attach(&ana, "note.txt", NOTE).await, attach(&ana, "note.txt", NOTE).await);
    assert_ne!(note["id"], sent["id"]);
    let path = format!("/attachments/{}", id(&note));
    assert_eq!(leo.call("DELETE", &path).await.problem().code.as_str(), "not_found");
    assert_eq!(ana.call("DELETE", &path).await.status, 204);
    assert_eq!(ana.call("DELETE", &path).await.problem().code.as_str(), "not_found");
    assert_eq!(download(&ana, &note).await.status, 404);
    assert_eq!(send(&ana, conv, "m1", "Gone", &[&note]).await.problem().code.as_str(), "invalid");

    // The same content was uploaded twice, and the other one is still whole.
    assert_eq!(send(&ana, conv, "m2", "", &[&sent]).await.status, 201);
    let refused = ana.call("DELETE", &format!("/attachments/{}", id(&sent))).await.problem();
    assert_eq!(refused.code.as_str(), "conflict");
    assert_eq!(download(&leo, &sent).await.body, NOTE);
    assert_eq!(self::refused(&ana, "empty.txt", b"").await, "invalid");
}
