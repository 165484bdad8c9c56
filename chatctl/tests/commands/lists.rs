//! Lists, which say when they are not whole.

use chat_proto::Role;
use chat_tests::{Door, InProcess, Tmux};
use serde_json::Value;

use crate::desk::Desk;

const MORE: &str = "There are more: --limit N shows so many, --all shows them all.\n";

/// Three accounts, three conversations, and as many acts.
async fn shop(server: &InProcess) {
    let admin = server.door.sign_in(Door::ADMIN).await;
    for name in ["ana", "ben", "cleo"] {
        let person = server.door.person(Role::Customer, name).await;
        admin.direct(&person).await;
    }
}

#[tokio::test]
async fn a_list_that_is_cut_off_says_so_and_how_to_see_the_rest() {
    let desk = Desk::signed_in().await;
    shop(&desk.server).await;
    let admin = desk.server.door.sign_in(Door::ADMIN).await;
    for (list, path) in
        [(["user", "list"], "/users"), (["conversation", "list"], "/conversations"), (["audit", "list"], "/audit-log")]
    {
        let run = async |more: &[&str]| desk.run(&[&list, more].concat()).await;
        let cut = run(&["--limit", "2"]).await;
        assert_eq!((cut.ok().lines().count(), cut.err.as_str()), (3, MORE), "{cut:?}");
        for whole in [&["--limit", "200"][..], &["--all"], &[]] {
            let whole = run(whole).await;
            assert!(whole.ok().lines().count() > 3 && whole.err.is_empty(), "{whole:?}");
        }
        for quiet in ["--quiet", "--json"] {
            assert_eq!(run(&["--limit", "2", quiet]).await.err, "");
        }
        let nothing = run(&["--limit", "0"]).await;
        assert_eq!(nothing.code, Some(2), "{nothing:?}");

        // Programs are told by the cursor, which goes on where the list was cut off.
        let json = run(&["--limit", "2", "--json"]).await.json();
        let server = admin.get(&format!("{path}?limit=2")).await;
        assert_eq!(json["items"], server["items"]);
        let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&json), keys(&server));
        let next = json["next_cursor"].as_str().expect("a cursor");
        let rest = admin.get(&format!("{path}?cursor={next}")).await;
        let all = run(&["--all", "--json"]).await.json();
        let both = [&json, &rest].map(|part| part["items"].as_array().expect("rows").clone()).concat();
        assert_eq!(all["items"].as_array(), Some(&both));
        assert_eq!(all["next_cursor"], Value::Null);
    }
}

#[tokio::test]
async fn more_than_the_server_gives_at_a_time_are_still_one_list() {
    let desk = Desk::signed_in().await;
    let people = desk.server.chat.people();
    for n in 0..205 {
        people.create(chatcore::NewPerson::customer(format!("c{n}@shop.test"))).await.expect("an account");
    }
    let cut = desk.run(&["user", "list", "--limit", "203", "-q"]).await;
    assert_eq!(cut.ok().lines().count(), 203);
    let all = desk.run(&["user", "list", "--all", "--json"]).await.json();
    let mut ids: Vec<&str> =
        all["items"].as_array().expect("rows").iter().filter_map(|user| user["id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 206, "each once");
}

#[tokio::test]
async fn times_are_the_readers_on_a_terminal_and_plain_data_through_a_pipe() {
    let desk = Desk::signed_in().await;
    let made: String = desk.run(&["user", "show", Door::ADMIN, "--json"]).await.json()["created_at"]
        .as_str()
        .expect("a moment")
        .to_owned();
    assert!(made.ends_with('Z'), "{made}");
    let row = desk.run(&["user", "list", "-q"]).await;
    assert_eq!(row.ok().split('\t').nth(4), Some(&*made));
    assert!(desk.run(&["user", "show", Door::ADMIN]).await.ok().contains(&made));

    let tmux = Tmux::new();
    let home = format!("HOME={}", desk.home.path().display());
    // Where it is always the next morning or nearly so.
    let list = ["-u", "XDG_STATE_HOME", &home, "TZ=<+14>-14", env!("CARGO_BIN_EXE_chatctl"), "user", "list"];
    let terminal = tmux.start("list", (140, 10), "/usr/bin/env", &list);
    let moment: jiff::Timestamp = made.parse().expect("RFC 3339");
    let there = moment.to_zoned(jiff::tz::Offset::constant(14).to_time_zone()).strftime("%Y-%m-%d %H:%M ").to_string();
    terminal.until("the reader's time", |screen| screen.contains(&there)).await;
    assert!(!terminal.screen().contains(&made));
}
