//! An import with files that is killed leaves no message without its file, and ends like one that was not.

use std::collections::BTreeSet;
use std::path::PathBuf;

use chat_tests::eventually;
use chatcore::Seq;
use chatcore::state::ConversationNo;
use data_encoding::HEXLOWER;

use super::{files, photograph, with};
use crate::broken_off::similar;
use crate::dump::{Dump, conversation, message, user};
use crate::shop::{Shop, is_there};

const MESSAGES: u32 = 300;

fn shop() -> Shop {
    let users = (0..4).map(|number| user(number, &format!("Person{number}"), "customer")).collect();
    let conversations = vec![conversation(100, &[0, 1]), conversation(101, &[2, 3]), conversation(102, &[0, 2, 3])];
    let messages = (0..MESSAGES).map(|number| {
        let (chat, sender) = [(100, number % 2), (101, 2 + number % 2), (102, 3)][number as usize % 3];
        let text = if number % 5 == 0 { "" } else { "look" };
        let file = if number % 7 == 0 { "/uploads/photo.jpg".to_owned() } else { format!("/uploads/{number}.txt") };
        with(message(1_000 + number, chat, sender, text), "attachment", file)
    });
    let shop = Shop::with(&Dump { users, conversations, messages: messages.collect() });
    shop.upload("photo.jpg", photograph());
    for number in 0..MESSAGES {
        shop.upload(&format!("{number}.txt"), format!("note {number}\n").repeat(200));
    }
    shop
}

fn contents(shop: &Shop) -> Vec<PathBuf> {
    files(&shop.folder().join("attachments/contents"))
}

fn names(contents: &[PathBuf]) -> BTreeSet<String> {
    contents.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect()
}

/// How many messages there are; each has its file, and each file its content, whole.
fn complete(shop: &Shop) -> usize {
    let there = contents(shop);
    let names = names(&there);
    shop.view(|view| {
        let mut count = 0;
        for no in (1..).map(ConversationNo) {
            let Some(conversation) = view.conversation(no).expect("readable") else { break };
            for message in view.messages(no, Seq(1), conversation.last_seq).expect("readable") {
                let [file] = message.attachments() else { panic!("{message:?}") };
                let name = HEXLOWER.encode(&file.sha256);
                assert!(names.contains(&name), "{} lacks its content", message.id);
                let path = there.iter().find(|path| path.ends_with(&name)).expect("a path");
                assert_eq!(path.metadata().expect("a file").len(), file.size);
                count += 1;
            }
        }
        count
    })
}

#[tokio::test]
async fn an_import_with_files_that_is_killed_and_done_again_ends_like_one_that_was_not() {
    let whole = shop();
    assert_eq!(whole.import_with_files(&[]).code, Some(0));
    assert_eq!(complete(&whole), MESSAGES as usize);
    let (expected, all) = (whole.picture(), contents(&whole).len());

    let shop = shop();
    let uploads = shop.uploads();
    let (mut partly, mut more) = (0, 0);
    for part in 1..=5 {
        let mut child = shop.begin_import(&["--uploads", uploads.to_str().expect("text")]);
        let enough = part * all / 6;
        let far_enough = eventually("some files have come", async || {
            (contents(&shop).len() >= enough || child.try_wait().expect("a child").is_some()).then_some(())
        });
        far_enough.await;
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
        if is_there(&shop.folder().join("chat.redb")) {
            let came = complete(&shop);
            partly += usize::from(contents(&shop).len() < all);
            more = more.max(came);
        }
    }
    assert!(partly > 0 && more > 0, "it was always killed before the beginning or after the end");
    let ran = shop.import_with_files(&[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(complete(&shop), MESSAGES as usize);
    similar(&shop.picture(), &expected);
    assert_eq!(names(&contents(&shop)), names(&contents(&whole)));
    assert_eq!(files(&shop.folder().join("attachments/incoming")), [] as [PathBuf; 0]);
}
