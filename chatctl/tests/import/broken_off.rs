//! An import that is killed and done again ends like one that was not.

use std::io::Read as _;
use std::process::Child;

use chat_tests::eventually;

use crate::dump::{Dump, conversation, message, user};
use crate::shop::{Shop, is_there};

fn large() -> Dump {
    let people = 40;
    let users = (0..people).map(|number| user(number, &format!("Person{number}"), "customer")).collect();
    let conversations = (0..200).map(|number| conversation(1_000 + number, &[number % people, (number / people) + 5]));
    let messages = (0..12_000_u32).map(|number| {
        let chat = (number * 7_919) % 200;
        message(10_000 + number, 1_000 + chat, chat % people, &format!("message {number}"))
    });
    Dump { users, conversations: conversations.collect(), messages: messages.collect() }
}

#[tokio::test]
async fn an_import_that_is_killed_and_done_again_ends_like_one_that_was_not() {
    let dump = large();
    let whole = Shop::with(&dump);
    assert_eq!(whole.import(&[]).code, Some(0));
    let expected = whole.picture();
    let all = whole.position();

    let shop = Shop::with(&dump);
    let mut partly = 0;
    // Each time somewhat further on.
    for megabytes in [1, 2, 3, 4] {
        let mut child = shop.begin_import(&[]);
        let enough = megabytes << 20;
        let far_enough = eventually("some of it has come", async || {
            (written(&child) >= enough || child.try_wait().expect("a child").is_some()).then_some(())
        });
        far_enough.await;
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
        let mut told = String::new();
        child.stderr.take().expect("it is piped").read_to_string(&mut told).expect("text");
        assert_eq!(told, "", "nothing went wrong before");
        if is_there(&shop.folder().join("chat.redb")) {
            let came = shop.position();
            assert!(came <= all + 3 * 200, "{came} of {all}");
            partly += usize::from(came > 0 && came < all);
        }
    }
    assert!(partly > 0, "it was always killed before the beginning or after the end");
    let ran = shop.import(&[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    similar(&shop.picture(), &expected);
}

/// How many bytes a process has written so far.
fn written(child: &Child) -> u64 {
    let counted = std::fs::read_to_string(format!("/proc/{}/io", child.id())).unwrap_or_default();
    let written = counted.lines().find_map(|line| line.strip_prefix("wchar: "));
    written.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}

/// Where two pictures differ first.
pub(crate) fn similar(one: &str, other: &str) {
    for (one, other) in one.lines().zip(other.lines()) {
        assert_eq!(one, other);
    }
    assert_eq!(one.lines().count(), other.lines().count());
}
