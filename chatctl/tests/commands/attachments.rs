//! Files, in and out of the shop.

use chat_proto::Role;
use chat_tests::Door;
use serde_json::Value;

use crate::desk::Desk;

/// A conversation of the admin, who sits at the desk, with Ana.
async fn order(desk: &Desk) -> (chat_tests::Person, String) {
    let door = &desk.server.door;
    let ana = door.person(Role::Customer, "ana").await;
    let order = door.sign_in(Door::ADMIN).await.direct(&ana).await;
    (ana, order.to_string())
}

#[tokio::test]
async fn files_go_up_with_a_message_and_come_down_whole() {
    let desk = Desk::signed_in().await;
    let (_ana, order) = order(&desk).await;
    // More than is moved at a time.
    let text = (0..30_000).map(|line| format!("order {line}\n")).collect::<Vec<_>>().concat();
    let [invoice, table] = ["invoice.txt", "orders.csv"].map(|name| desk.file(name));
    std::fs::write(&invoice, &text).expect("a file");
    std::fs::write(&table, "order,sum\n1001,12.50\n").expect("a file");
    let [invoice, table] = [&invoice, &table].map(|path| path.to_str().expect("text"));

    let sent = desk.run(&["conv", "send", &order, "--text", "Here", "--attach", invoice, "--attach", table]).await;
    assert_eq!(sent.ok(), "Sent as number 1.\n");
    let shown = desk.run(&["conv", "show", &order]).await;
    assert!(shown.ok().contains("Admin: Here\n    [invoice.txt (text/plain, 340.7 KiB)  att_"), "{shown:?}");
    assert!(shown.out.contains("\n    [orders.csv (text/csv, 21 B)  att_"), "{shown:?}");

    let exported: Value = serde_json::from_str(desk.run(&["conv", "export", &order]).await.ok()).expect("JSON");
    let id = exported["attachments"][0]["id"].as_str().expect("an id");
    let card = desk.run(&["attachment", "show", id, "--json"]).await.json();
    assert_eq!(
        card,
        serde_json::json!({"id": id, "name": "invoice.txt", "media_type": "text/plain", "size": text.len(),
        "sha256": exported["attachments"][0]["sha256"]})
    );

    let folder = desk.file("saved");
    std::fs::create_dir(&folder).expect("a folder");
    let into = folder.to_str().expect("text");
    desk.run(&["attachment", "save", id, "-o", into]).await.ok();
    assert_eq!(std::fs::read_to_string(folder.join("invoice.txt")).expect("it is there"), text);
    let piped = desk.run(&["file", "save", id, "-o", "-"]).await;
    assert_eq!(piped.ok(), text);

    // What is there stays, unless one says so; and nothing lies around afterwards.
    std::fs::write(folder.join("invoice.txt"), "mine").expect("a file");
    let again = desk.run(&["attachment", "save", id, "-o", into]).await;
    assert_eq!(again.code, Some(6), "{again:?}");
    assert_eq!(std::fs::read_to_string(folder.join("invoice.txt")).expect("it is there"), "mine");
    desk.run(&["attachment", "save", id, "-o", into, "--force"]).await.ok();
    assert_eq!(std::fs::read_to_string(folder.join("invoice.txt")).expect("it is there"), text);
    assert_eq!(folder.read_dir().expect("a folder").count(), 1);
}

#[tokio::test]
async fn what_was_uploaded_is_sent_taken_back_or_of_no_use() {
    let desk = Desk::signed_in().await;
    let uploaded = desk.run_with(&["attachment", "upload", "-", "--name", "../a\u{1b}[2J.log"], "one\ntwo\n").await;
    let (id, says) = uploaded.ok().trim_end().split_once("  ").expect("its id");
    assert_eq!(says, "a[2J.log (text/plain, 8 B)", "the server takes folders and controls away");
    let linked = desk.run(&["attachment", "link", id]).await;
    let url = linked.ok().trim_end();
    assert!(url.starts_with(&format!("{}/api/v1/attachments/{id}?", desk.url())), "{url}");
    desk.run(&["attachment", "delete", id]).await.ok();
    assert_eq!(desk.run(&["attachment", "show", id]).await.code, Some(5));
    assert_eq!(desk.run(&["attachment", "save", id]).await.code, Some(5));

    let script = desk.run_with(&["attachment", "upload", "-"], "#!/bin/sh\nrm -r ~\n").await;
    assert_eq!(script.code, Some(1), "{script:?}");
    assert!(script.err.contains("Scripts are not taken. (unsupported_media_type)"), "{script:?}");
    assert_eq!(desk.run(&["attachment", "upload", "/nowhere/at/all"]).await.code, Some(5));
    assert_eq!(desk.run(&["conversation", "send", "conv_01k9w2fxgre00v5sm7f3n1g8qt"]).await.code, Some(2));
    let nowhere = ["conversation", "send", "conv_01k9w2fxgre00v5sm7f3n1g8qt", "--text", "x"];
    assert_eq!(desk.run(&nowhere).await.code, Some(5));
}

#[tokio::test]
async fn who_is_not_in_the_conversation_gets_no_file_of_it() {
    let desk = Desk::signed_in().await;
    let (_ana, order) = order(&desk).await;
    let file = desk.file("note.txt");
    std::fs::write(&file, "for Ana").expect("a file");
    desk.run(&["conv", "send", &order, "--attach", file.to_str().expect("text")]).await.ok();
    let listed = desk.run(&["conv", "list", "-q"]).await;
    assert!(listed.ok().ends_with("\t[note.txt]\n"), "{listed:?}");
    let message: Value = serde_json::from_str(desk.run(&["conv", "export", &order]).await.ok()).expect("JSON");
    let id = message["attachments"][0]["id"].as_str().expect("an id");
    desk.server.door.person(Role::Customer, "ben").await;
    desk.becomes("ben@shop.test").await;
    assert_eq!(desk.run(&["attachment", "save", id]).await.code, Some(5));
    assert_eq!(desk.run(&["attachment", "link", id]).await.code, Some(5));
}
