//! Files with messages, as the old front ends send and show them.

use std::time::Duration;

use chat_proto::{ErrorCode, Role};
use chat_tests::{Answer, InProcess, Options, Person, Request, eventually};
use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::attachments::files;

use super::{Part, ask, call, field, file, form, get, login, messages, with};

const NOTE: &str = "The mug is blue, and it was 12.50 last week.\n";
/// A picture of one point.
const DOT: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Two people and their conversation.
struct Talk {
    server: InProcess,
    ana: Person,
    leo: Person,
    eve: Person,
    conversation: Value,
}

impl Talk {
    async fn begin(options: Options) -> Self {
        let server = InProcess::start_with(options).await;
        let ana = server.door.person(Role::Customer, "ana").await;
        let leo = server.door.person(Role::Agent, "leo").await;
        let eve = server.door.person(Role::Agent, "eve").await;
        let conversation = with(&ana, &leo).await["_id"].take();
        Self { server, ana, leo, eve, conversation }
    }

    fn id(&self) -> &str {
        self.conversation.as_str().expect("an id")
    }

    async fn post(&self, parts: &[Part<'_>]) -> Answer {
        form(ask(&self.ana, "POST", "/chat/messages"), parts).send(self.ana.address).await
    }

    /// What is at an address, for whoever knows it.
    async fn at(&self, address: &Value) -> Answer {
        Request::new("GET", address.as_str().expect("an address")).send(self.server.door.address).await
    }

    /// Uploads a file by itself.
    async fn upload(&self, who: &Person) -> Value {
        let request = who.request("POST", "/attachments?name=note.txt").text("text/plain", NOTE);
        request.send(who.address).await.ok()["id"].take()
    }
}

#[tokio::test]
async fn a_file_in_a_form_is_sent_with_its_message_and_shown_to_who_sees_it() {
    let talk = Talk::begin(Options::default()).await;
    let text = [field("conversation", talk.id()), field("content", "Look")];
    for (name, before) in [("attachment", true), ("file", false), ("image", false)] {
        let note = file(name, "my note é.txt", NOTE);
        let parts = if before { [text[0], text[1], note] } else { [note, text[0], text[1]] };
        let sent = talk.post(&parts).await;
        assert_eq!(sent.status, 201, "{}", sent.text());
        let sent = sent.ok()["data"].take();
        assert_eq!(sent["content"], "Look");
        let shown = messages(&talk.leo, &talk.conversation).await.pop().expect("a message");
        for seen in [&sent, &shown] {
            let files = seen["attachments"].as_array().expect("files");
            assert_eq!((files.len(), &seen["attachment"]), (1, &files[0]["url"]), "{seen}");
            let size = NOTE.len();
            assert_eq!((&files[0]["type"], &files[0]["size"]), (&json!("text/plain"), &json!(size)));
            assert_eq!((&files[0]["_id"], &files[0]["thumbnailUrl"]), (&files[0]["id"], &Value::Null));
            assert!(seen["attachment"].as_str().expect("an address").ends_with("/my%20note%20%C3%A9.txt"), "{seen}");
            let got = talk.at(&files[0]["url"]).await;
            assert_eq!((got.status, &*got.body), (200, NOTE.as_bytes()));
            for (header, value) in [
                ("content-type", "text/plain; charset=utf-8"),
                ("x-content-type-options", "nosniff"),
                ("content-security-policy", "sandbox; default-src 'none'"),
                ("cross-origin-resource-policy", "cross-origin"),
                ("cache-control", "private, no-cache"),
            ] {
                assert_eq!(got.header(header), Some(value), "{header}");
            }
            assert!(got.header("content-disposition").is_some_and(|how| how.starts_with("attachment;")));
        }
        assert_ne!(sent["attachment"], shown["attachment"], "a link is somebody's own");
        let last = get(&talk.leo, "/chat/conversations").await["data"][0]["lastMessage"].take();
        assert_eq!(last["attachment"], shown["attachment"], "the same for a while");
    }
}

#[tokio::test]
async fn a_message_may_be_files_alone_and_pictures_have_a_small_one() {
    let talk = Talk::begin(Options::default()).await;
    let dot = BASE64.decode(DOT.as_bytes()).expect("base64");
    let body = [
        format!("--b\r\nContent-Disposition: form-data; name=\"conversation\"\r\n\r\n{}\r\n", talk.id()).into_bytes(),
        b"--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"dot.png\"\r\n\r\n".to_vec(),
        dot,
        b"\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"note.txt\"\r\n\r\n".to_vec(),
        NOTE.as_bytes().to_vec(),
        b"\r\n--b--\r\n".to_vec(),
    ];
    let request = ask(&talk.ana, "POST", "/chat/messages").text("multipart/form-data; boundary=b", body.concat());
    let sent = request.send(talk.ana.address).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    let shown = messages(&talk.leo, &talk.conversation).await.pop().expect("a message");
    assert_eq!(shown["content"], "");
    let names: Vec<_> = shown["attachments"].as_array().expect("files").iter().map(|file| &file["name"]).collect();
    assert_eq!(names, ["dot.png", "note.txt"]);
    let picture = &shown["attachments"][0];
    for address in [&picture["url"], &picture["thumbnailUrl"]] {
        let got = talk.at(address).await;
        assert_eq!((got.status, got.header("content-type")), (200, Some("image/png")), "{address}");
        assert!(got.header("content-disposition").is_some_and(|how| how.starts_with("inline;")));
    }
}

#[tokio::test]
async fn a_link_is_good_for_one_file_for_a_while_and_for_who_may_have_it() {
    let talk = Talk::begin(Options::default()).await;
    let sent = talk.post(&[field("conversation", talk.id()), file("file", "note.txt", NOTE)]).await.ok()["data"].take();
    let shown = messages(&talk.leo, &talk.conversation).await.pop().expect("a message");
    let (url, id) = (shown["attachment"].as_str().expect("an address"), shown["attachments"][0]["id"].as_str());
    let (id, other) = (id.expect("an id"), talk.upload(&talk.ana).await);
    let other = other.as_str().expect("an id");

    // Changed it is none, whoever asks.
    let seal = url.split('/').nth(3).expect("a seal");
    let (expires, signature) = seal.split_once('.').expect("two parts");
    for changed in [
        format!("/uploads/{other}/{seal}/note.txt"),
        format!("/uploads/{id}/{}.{signature}/note.txt", expires.parse::<u64>().expect("a number") + 1),
        format!("/uploads/{id}/small.{seal}/note.txt"),
        format!("/uploads/{id}/{expires}.{}/note.txt", &signature[1..]),
        format!("/uploads/{id}/{expires}./note.txt"),
        format!("/uploads/{id}/x/note.txt"),
    ] {
        assert_eq!(talk.at(&json!(changed)).await.failure().0, ErrorCode::NotFound, "{changed}");
        let by_eve = Request::new("GET", changed.clone()).token(&talk.eve.token).send(talk.eve.address).await;
        assert_eq!(by_eve.failure().0, ErrorCode::NotFound, "{changed}");
    }

    // Without a link by token or cookie.
    let plain = format!("/uploads/{id}");
    let ask = async |request: Request| request.send(talk.server.door.address).await;
    let cookie = |who: &Person| Request::new("GET", plain.clone()).header("Cookie", format!("jwt={}", who.token));
    assert_eq!(ask(Request::new("GET", plain.clone())).await.failure().0, ErrorCode::Unauthenticated);
    assert_eq!(ask(cookie(&talk.eve)).await.failure().0, ErrorCode::NotFound);
    let foreign = cookie(&talk.leo).header("Sec-Fetch-Site", "cross-site");
    assert_eq!(ask(foreign).await.failure().0, ErrorCode::Forbidden, "another's page");
    for request in [
        Request::new("GET", plain.clone()).token(&talk.leo.token),
        cookie(&talk.leo),
        cookie(&talk.leo).header("Sec-Fetch-Site", "same-origin"),
    ] {
        let got = ask(request).await;
        assert_eq!((got.status, &*got.body), (200, NOTE.as_bytes()));
        assert_eq!(got.header("cross-origin-resource-policy"), Some("same-origin"));
    }

    // It ends with its session: then it needs a token.
    let again = login(talk.leo.address, &talk.leo.email).await.ok()["token"].take();
    let again = again.as_str().expect("a token");
    call(&talk.leo, "POST", "/auth/logout", &json!({})).await;
    assert_eq!(talk.at(&shown["attachment"]).await.failure().0, ErrorCode::NotFound);
    let got = ask(Request::new("GET", url).token(again)).await;
    assert_eq!((got.status, &*got.body), (200, NOTE.as_bytes()));

    // And with its message.
    let path = format!("/conversations/{}/messages/{}", talk.id(), sent["id"].as_str().expect("an id"));
    assert_eq!(talk.at(&sent["attachment"]).await.status, 200);
    talk.ana.call("DELETE", &path).await.ok();
    assert_eq!(talk.at(&sent["attachment"]).await.failure().0, ErrorCode::NotFound);
    let deleted = messages(&talk.ana, &talk.conversation).await.pop().expect("a message");
    assert_eq!((deleted.get("attachment"), &deleted["attachments"]), (None, &json!([])));
}

#[tokio::test]
async fn of_a_message_that_is_refused_no_file_is_kept() {
    let mut limits = chatcore::Limits::default();
    limits.attachments.bytes = 1_000;
    limits.attachments.per_message = 2;
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = Some(folder.path().to_owned());
    let talk = Talk::begin(Options { limits, data_dir, ..Options::default() }).await;
    let absent = talk.id().replace(char::is_numeric, "0");
    let conversation = field("conversation", talk.id());
    let (note, large) = (file("file", "note.txt", NOTE), "x".repeat(1_001));
    let named = json!(["att_01kay8m2r3f9vvk1a2b3c4d5e6"]).to_string();
    for (what, parts, code) in [
        ("no conversation", vec![note], ErrorCode::Invalid),
        ("no such conversation", vec![note, field("conversation", &absent)], ErrorCode::NotFound),
        ("too many", vec![conversation, note, note, note], ErrorCode::TooManyAttachments),
        ("too large", vec![note, conversation, file("file", "large.txt", &large)], ErrorCode::TooLarge),
        ("empty", vec![note, conversation, file("file", "empty.txt", "")], ErrorCode::Invalid),
        ("a program", vec![note, conversation, file("file", "a.png", "#!/bin/sh\n")], ErrorCode::UnsupportedMediaType),
        ("another field", vec![note, conversation, file("other", "a.txt", NOTE)], ErrorCode::Unsupported),
        ("one that is not there", vec![note, conversation, field("attachments", &named)], ErrorCode::Invalid),
        ("twice", vec![note, conversation, field("content", "a"), field("content", "b")], ErrorCode::Invalid),
    ] {
        let (said, message) = talk.post(&parts).await.failure();
        assert_eq!(said, code, "{what}: {message}");
    }
    assert_eq!(messages(&talk.ana, &talk.conversation).await, [Value::Null; 0]);
    let contents = folder.path().join("attachments/contents");
    eventually("all are off the disk", async || files(&contents).is_empty().then_some(())).await;
    // Nothing else has been in the way of finding them.
    talk.post(&[conversation, note]).await.ok();
    assert_eq!(files(&contents).len(), 1);
}

#[tokio::test]
async fn a_link_is_over_after_an_hour_or_two_and_the_list_has_a_new_one() {
    let talk = Talk::begin(Options { manual_clock: true, ..Options::default() }).await;
    talk.post(&[field("conversation", talk.id()), file("file", "note.txt", NOTE)]).await.ok();
    let leo = login(talk.leo.address, &talk.leo.email).await.ok()["token"].take();
    let leo = Person { token: leo.as_str().expect("a token").to_owned(), ..talk.leo.clone() };
    let url = async || messages(&leo, &talk.conversation).await.pop().expect("a message")["attachment"].take();
    let first = url().await;
    assert_eq!(talk.at(&first).await.status, 200);
    talk.server.advance(Duration::from_hours(1));
    assert_eq!(talk.at(&first).await.status, 200, "an hour at least");
    talk.server.advance(Duration::from_hours(1));
    assert_eq!(talk.at(&first).await.failure().0, ErrorCode::NotFound);
    let second = url().await;
    assert_ne!(second, first);
    assert_eq!(talk.at(&second).await.status, 200);
}

#[tokio::test]
async fn what_was_uploaded_before_is_sent_by_its_id() {
    let talk = Talk::begin(Options::default()).await;
    for name in ["attachments", "attachment", "attachmentId"] {
        let id = talk.upload(&talk.ana).await;
        let body = json!({"conversation": talk.conversation, name: if name == "attachments" { json!([id]) } else { id.clone() },
            "clientId": name});
        let sent = call(&talk.ana, "POST", "/chat/messages", &body).await;
        assert_eq!(sent.status, 201, "{}", sent.text());
        assert_eq!(sent.ok()["data"]["attachments"][0]["id"], id);
        let again = call(&talk.ana, "POST", "/chat/messages", &body).await;
        assert_eq!((again.status, &again.ok()["data"]["attachments"][0]["id"]), (200, &id), "sent once");
        let twice = json!({"conversation": talk.conversation, "attachment": id});
        assert_eq!(call(&talk.ana, "POST", "/chat/messages", &twice).await.failure().0, ErrorCode::Conflict);
    }
    assert_eq!(messages(&talk.leo, &talk.conversation).await.len(), 3);

    // Under a name that was used a file of a form is another one.
    let named = [field("conversation", talk.id()), field("clientId", "form"), file("file", "note.txt", NOTE)];
    assert_eq!(talk.post(&named).await.status, 201);
    assert_eq!(talk.post(&named).await.failure().0, ErrorCode::IdempotencyMismatch);
    assert_eq!(messages(&talk.leo, &talk.conversation).await.len(), 4);
}
