//! `chatctl import mongo`: dumps as the replaced backend's tools write them, the real program, and what is there then.

#[cfg(target_os = "linux")]
mod broken_off;
mod dump;
mod hostile;
mod shop;
mod signing_in;
#[cfg(target_os = "linux")]
mod uploads;

use std::time::Duration;

use bson::doc;
use chatcore::state::AccountState;
use chatcore::{Chat, Role};
use serde_json::json;

use dump::{Dump, Form, at, conversation, id, message, user};
use shop::{Shop, is_there, texts};

#[test]
fn a_shop_comes_over_and_again_nothing_changes() {
    let shop = Shop::with(&Dump::of_a_shop());
    let ran = shop.import(&["--dry-run"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let expected = ran.json();
    assert!(!is_there(&shop.folder()), "a dry run makes nothing");
    let dry = shop.report();

    let ran = shop.import(&[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut summary = ran.json();
    assert_eq!(shop.report(), dry, "a dry run tells the same");
    summary["dry_run"] = true.into();
    assert_eq!(summary, expected);
    assert_eq!(summary["accounts"], json!({"imported": 4, "already_there": 0, "skipped": 0}));
    assert_eq!(summary["conversations"], json!({"imported": 2, "already_there": 0, "skipped": 0}));
    assert_eq!(summary["messages"], json!({"imported": 4, "already_there": 0, "skipped": 0}));
    assert_eq!((&summary["merged"], &summary["admins"]), (&json!(1), &json!(1)));
    assert_eq!(summary["admin_emails"], json!(["ada@shop.example"]));

    assert_eq!(texts(&shop, id(2, 10)), ["Where is my order?", "It left today.", "Thanks"]);
    let picture = shop.picture();
    insta::assert_snapshot!("a_shop", picture);
    let position = shop.position();
    let ran = shop.import(&[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let again = ran.json();
    assert_eq!(again["accounts"], json!({"imported": 0, "already_there": 4, "skipped": 0}));
    assert_eq!(again["conversations"], json!({"imported": 0, "already_there": 2, "skipped": 0}));
    assert_eq!(again["messages"], json!({"imported": 0, "already_there": 4, "skipped": 0}));
    assert_eq!((shop.picture(), shop.position()), (picture, position));
}

#[test]
fn every_form_of_a_dump_means_the_same() {
    let dump = Dump::of_a_shop();
    let picture = |form| {
        let shop = Shop::new();
        dump.write(&shop.dump(), form);
        let ran = shop.import(&["--dry-run"]);
        assert_eq!(ran.json()["messages"]["imported"], 4, "{form:?} {ran:?}");
        let ran = shop.import(&[]);
        assert_eq!(ran.code, Some(0), "{form:?} {ran:?}");
        shop.picture()
    };
    let expected = picture(Form::Bson);
    for form in [
        Form::PackedBson,
        Form::Lines { canonical: false },
        Form::Lines { canonical: true },
        Form::PackedLines,
        Form::Array { pretty: false },
        Form::Array { pretty: true },
        Form::Pretty,
    ] {
        assert_eq!(picture(form), expected, "{form:?}");
    }
}

#[test]
fn for_people_there_is_a_summary_and_no_bar_in_a_pipe() {
    let mut dump = Dump::of_a_shop();
    dump.users.push(doc! {"_id": "seven", "name": "\u{1b}[31mRed", "email": "red@shop.example"});
    let shop = Shop::with(&dump);
    let folder = shop.dump();
    let ran = shop.run(&["import", "mongo", folder.to_str().expect("text")], "");
    assert_eq!((ran.code, ran.err.as_str()), (Some(9), ""), "{ran:?}");
    insta::assert_snapshot!("for_people", ran.out);
}

/// What siblings of the replaced backend call things, and what they have besides.
#[test]
fn siblings_names_and_roles_are_understood() {
    let support = doc! {
        "_id": id(1, 2), "firstName": "Leo", "lastName": "Marsh", "email": "leo@shop.example", "role": "support",
        "isVerified": true, "createdAt": at(5),
    };
    let barred = doc! {"_id": id(1, 3), "username": "eve", "email": "eve@shop.example", "isBlocked": true};
    let group = doc! {
        "_id": id(2, 10), "title": "Spring\nsale", "createdAt": at(10),
        "members": [
            {"user": id(1, 1), "role": "customer", "lastReadAt": at(20)},
            {"user": id(1, 3), "lastReadAt": bson::Bson::Null}, {"user": id(1, 2)},
        ],
    };
    let said = |second: u32, names: [&str; 3], text: &str| {
        let mut record = doc! {"_id": id(3, second)};
        record.insert(names[0], id(2, 10));
        record.insert(names[1], id(1, 1));
        record.insert(names[2], text);
        record
    };
    let mut edited = said(22, ["conversationId", "sender", "body"], "three");
    edited.extend(doc! {"isEdited": true, "createdAt": at(22), "updatedAt": at(30)});
    let mut deleted = said(23, ["chatId", "sender_id", "message"], "never to be seen");
    deleted.extend(doc! {"deleted": true});
    let mut file = said(24, ["conversation", "from", "content"], "");
    file.extend(doc! {"attachment": "/uploads/1700-photo.png"});
    let mut both = said(25, ["conversation", "sender", "content"], "look");
    both.extend(doc! {"file": {"url": "https://cdn.example/a%20b.pdf?x=1"}});
    let dump = Dump {
        users: vec![user(1, "Ana", "customer"), support, barred],
        conversations: vec![group],
        messages: vec![
            said(20, ["conversationId", "senderId", "text"], "one"),
            said(21, ["conversation_id", "sender", "message"], "two"),
            edited,
            deleted,
            file,
            both,
        ],
    };
    let shop = Shop::with(&dump);
    let ran = shop.import(&[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    insta::assert_snapshot!("siblings", shop.picture());
    let why: Vec<_> = shop.report().iter().map(|line| line["why"].as_str().expect("text").to_owned()).collect();
    insta::assert_json_snapshot!("siblings_report", why);
    let leo = shop.account("leo@shop.example").expect("an account");
    assert_eq!((leo.name.as_str(), leo.role, leo.email_verified), ("Leo Marsh", Role::Agent, true));
    assert_eq!(shop.account("eve@shop.example").map(|eve| eve.state), Some(AccountState::Disabled));
}

#[test]
fn what_readers_are_told_of_is_unread_for_the_others() {
    let mut dump = Dump::of_a_shop();
    dump.messages[0].insert("readBy", vec![id(1, 2)]);
    let shop = Shop::with(&dump);
    assert_eq!(shop.import(&[]).code, Some(0));
    let unread = |email: &str| {
        shop.view(|view| {
            let no = view.user_by_email(email).expect("readable").expect("somebody");
            let inbox = view.inbox(no, None, 10).expect("readable");
            let unread = inbox.iter().map(|(_, chat)| {
                let last = view.conversation(*chat).expect("readable").expect("a conversation").last_seq.0;
                last - view.mark(*chat, no).expect("readable").read.0
            });
            unread.sum::<u64>()
        })
    };
    // Leo wrote after what he has read, Ana wrote last there; of the group nobody is told to have read anything.
    assert_eq!((unread("ana@shop.example"), unread("leo@shop.example")), (1, 2));
    assert_eq!(unread("eve@shop.example"), 0, "she wrote it");
}

#[test]
fn a_later_dump_adds_what_is_new() {
    let mut dump = Dump::of_a_shop();
    let shop = Shop::with(&dump);
    assert_eq!(shop.import(&[]).code, Some(0));
    dump.users[0].insert("name", "Ana Ruiz");
    dump.users.push(user(5, "Mia", "designer"));
    dump.conversations.push(conversation(30, &[5, 1]));
    dump.messages.push(message(31, 30, 5, "A draft"));
    dump.messages.push(message(32, 11, 2, "It has arrived"));
    // Another process of the replaced backend was late to write it.
    dump.messages.push(message(19, 10, 1, "Hello?"));
    std::fs::remove_dir_all(shop.dump()).expect("the old dump goes");
    dump.write(&shop.dump(), Form::Bson);
    let ran = shop.import(&[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let summary = ran.json();
    assert_eq!(summary["accounts"]["imported"], 1);
    assert_eq!(summary["conversations"]["imported"], 1);
    assert_eq!(summary["messages"], json!({"imported": 3, "already_there": 4, "skipped": 0}));
    let expected = ["Where is my order?", "It left today.", "Thanks", "It has arrived", "Hello?"];
    assert_eq!(texts(&shop, id(2, 10)), expected);
    assert_eq!(shop.account("ana@shop.example").map(|ana| ana.name), Some("Ana".to_owned()), "what is there stays");
    let report = shop.report();
    assert!(report.iter().any(|line| line["why"].as_str().is_some_and(|why| why.contains("a new id"))), "{report:?}");
}

#[test]
fn staff_comes_as_customers_when_that_is_asked_for() {
    let shop = Shop::with(&Dump::of_a_shop());
    let ran = shop.import(&["--staff-as-customers"]);
    assert_eq!((ran.code, &ran.json()["admins"]), (Some(0), &json!(0)), "{ran:?}");
    assert_eq!(shop.account("ada@shop.example").map(|ada| ada.role), Some(Role::Customer));
}

#[test]
fn an_address_that_somebody_has_here_stays_theirs() {
    let shop = Shop::with(&Dump::of_a_shop());
    let create = ["user", "create", "Ada@shop.example", "--role", "admin", "--password-stdin"];
    assert_eq!(shop.run(&create, chat_tests::PASSWORD).code, Some(0));
    let ran = shop.import(&[]);
    assert_eq!((ran.code, &ran.json()["accounts"]["imported"]), (Some(0), &json!(4)), "{ran:?}");
    let ada = shop.account("ada@shop.example").expect("an account");
    assert!(ada.email == "Ada@shop.example" && ada.password.is_some_and(|hash| hash.starts_with("$argon2id$")));
}

#[tokio::test]
async fn a_folder_in_use_and_a_folder_without_a_dump_are_told_in_one_sentence() {
    let shop = Shop::with(&Dump::of_a_shop());
    let chat = Chat::open(shop.folder()).await.expect("it opens");
    let ran = shop.import(&[]);
    assert_eq!(ran.code, Some(7), "{ran:?}");
    assert!(ran.err.contains("chatd has") && ran.err.lines().count() == 1, "{ran:?}");
    chat.close(Duration::from_secs(10)).await.expect("it closes");

    let empty = Shop::new();
    let ran = empty.import(&[]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    std::fs::create_dir_all(empty.dump().join("admin")).expect("a folder");
    let ran = empty.import(&[]);
    assert!(ran.code == Some(5) && ran.err.contains("There is no dump in"), "{ran:?}");
    assert!(!is_there(&empty.folder()));
    for database in ["one", "other"] {
        std::fs::create_dir_all(empty.dump().join(database)).expect("a folder");
        std::fs::write(empty.dump().join(database).join("users.bson"), "").expect("a file");
    }
    let ran = empty.import(&[]);
    assert!(ran.code == Some(2) && ran.err.contains("several databases"), "{ran:?}");
    let without = std::process::Command::new(env!("CARGO_BIN_EXE_chatctl")).args(["import", "mongo", "x"]).output();
    let without = without.expect("the program starts");
    assert_eq!(without.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&without.stderr).contains("--data-dir"));
}
