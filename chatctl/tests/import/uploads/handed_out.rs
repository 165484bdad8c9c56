//! Who may have what came: those who see the message, over both dialects, and nobody else.

use chat_tests::{Answer, InProcess, Options, Request};
use chatcore::ConversationId;
use serde_json::{Value, json};

use super::{NOTE, WHERE, dump, has, shop};
use crate::dump::{Form, id};

const PASSWORD: &str = "old password of all";

async fn sign_in(server: &InProcess, email: &str) -> String {
    let body = json!({"email": email, "password": PASSWORD});
    let answer = Request::new("POST", "/api/v1/auth/login").json(&body).send(server.door.address).await.ok();
    answer["access_token"].as_str().expect("a token").to_owned()
}

async fn get(server: &InProcess, token: &str, path: &str) -> Answer {
    Request::new("GET", path).token(token).send(server.door.address).await
}

#[tokio::test]
async fn who_sees_the_message_has_its_files_and_nobody_else() {
    let shop = shop();
    let mut dump = dump();
    let hash = bcrypt::hash_with_salt(PASSWORD, 4, [7; 16]).expect("a hash");
    for user in &mut dump.users {
        user.insert("password", hash.format_for_version(bcrypt::Version::TwoB));
    }
    std::fs::remove_dir_all(shop.dump().join("shop")).expect("the dump without passwords goes");
    dump.write(&shop.dump(), Form::Bson);
    let create = ["user", "create", chat_tests::Door::ADMIN, "--role", "admin", "--password-stdin"];
    assert_eq!(shop.run(&create, chat_tests::PASSWORD).code, Some(0));
    assert_eq!(shop.import_with_files(&[]).code, Some(9));

    let server = InProcess::start_with(Options { data_dir: Some(shop.folder()), ..Options::default() }).await;
    let (ana, leo, eve) = (
        sign_in(&server, "ana@shop.example").await,
        sign_in(&server, "leo@shop.example").await,
        sign_in(&server, "eve@shop.example").await,
    );
    let chat = ConversationId::from(chat_proto::ObjectId::from_bytes(id(2, 10).bytes()));
    let page = get(&server, &leo, &format!("/api/v1/conversations/{chat}/messages")).await.ok();
    let messages = page["items"].as_array().expect("a list");
    let of = |text: &str| messages.iter().find(|message| message["text"] == text).expect("a message");
    let photograph = &of("Look")["attachments"][0];
    assert_eq!((&photograph["name"], &photograph["media_type"]), (&json!("1700-here.jpg"), &json!("image/jpeg")));
    let address = format!("/api/v1/attachments/{}", photograph["id"].as_str().expect("an id"));
    for token in [&ana, &leo] {
        for path in [address.clone(), format!("{address}/thumbnail")] {
            let got = get(&server, token, &path).await;
            assert_eq!((got.status, got.header("content-type")), (200, Some("image/jpeg")), "{path}");
            assert!(!has(&got.body, WHERE) && !has(&got.body, b"Exif"));
        }
    }
    assert_eq!(get(&server, &eve, &address).await.status, 404);
    let silent = of("")["attachments"].as_array().expect("files");
    let names: Vec<_> = silent.iter().map(|file| &file["name"]).collect();
    assert_eq!(names, ["My note.txt", "blue mug.jpg"]);
    assert!(of("[File: gone.png]").get("attachments").is_none());

    let old = get(&server, &ana, &format!("/api/chat/conversations/{}/messages", id(2, 10))).await.ok();
    let messages = old["data"]["messages"].as_array().expect("a list");
    let note = messages.iter().find(|message| message["content"] == "" && message["attachment"] != Value::Null);
    let note = &note.expect("a message")["attachments"][0];
    let link = note["url"].as_str().expect("a link");
    let got = Request::new("GET", link).send(server.door.address).await;
    assert_eq!((got.status, &*got.body), (200, NOTE.as_bytes()));
    let plain = format!("/uploads/{}", note["_id"].as_str().expect("an id"));
    assert_eq!(get(&server, &ana, &plain).await.body, NOTE.as_bytes());
    assert_eq!(get(&server, &eve, &plain).await.status, 404);
    assert_eq!(Request::new("GET", &*plain).send(server.door.address).await.status, 401);
    // Nothing is new to anybody.
    let inbox = get(&server, &leo, "/api/v1/conversations").await.ok();
    assert!(inbox["items"].as_array().expect("a list").iter().all(|chat| chat["unread"] == 0), "{inbox}");
}
