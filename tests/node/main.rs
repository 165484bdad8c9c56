//! The front ends' own libraries, `socket.io-client` and `axios` on Node, against the server; and its own page, in Chromium.

mod script;

use std::collections::{HashMap, HashSet};

use chat_tests::{Door, Request, Server};
use serde_json::Value;

use self::script::Script;

/// The program that is shipped.
const CHATD: &str = env!("CARGO_BIN_EXE_chatd-under-test");

/// A page of the shop's, and no waiting for people who sign in as often as tests do.
const SETTINGS: &[(&str, &str)] =
    &[("CHATD_ALLOWED_ORIGINS", "https://shop.example"), ("CHATD_LIMITS__SIGN_INS_PER_ADDRESS", "off")];

/// Runs a file of tests to its end.
async fn passes(file: &str) {
    let server = Server::start_with(CHATD, SETTINGS).await;
    let mut script = Script::start(&["--test", file], server.door());
    script.ends_well().await;
}

/// The same, with mails in a folder that the script looks into.
async fn passes_with_mails(file: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let mails = folder.path().join("mails").display().to_string();
    let url = format!("file:{mails}");
    let own = [
        ("CHATD_MAIL__URL", url.as_str()),
        ("CHATD_MAIL__FROM", "Mug Shop <chat@shop.test>"),
        ("CHATD_MAIL__DELAY", "1s"),
    ];
    let server = Server::start_with(CHATD, &[SETTINGS, &own].concat()).await;
    let mut script = Script::start_with(&["--test", file], server.door(), &[("CHAT_MAILS", &mails)]);
    script.ends_well().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_original_dialect_is_spoken_over_every_transport() {
    passes("original.test.mjs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_siblings_dialects_are_spoken() {
    passes("dialects.test.mjs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_go_with_messages() {
    passes("files.test.mjs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_not_is_refused_and_nobody_hears_of_it() {
    passes("refusals.test.mjs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_account_page_works_in_a_browser() {
    passes("account.test.mjs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_in_letters_lead_to_pages_that_work_in_a_browser() {
    passes_with_mails("letters.test.mjs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_a_conversation_works_in_a_browser() {
    passes_with_mails("conversation.test.mjs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_come_back_by_themselves_when_the_server_was_restarted() {
    let mut server = Server::start_with(CHATD, SETTINGS).await;
    let mut script = Script::start(&["restart.mjs"], server.door());
    for transport in ["websocket", "polling"] {
        script.says(&format!("{transport} connected"), 1).await;
    }
    server.terminate();
    for transport in ["websocket", "polling"] {
        script.says(&format!("{transport} disconnected: transport"), 1).await;
    }
    assert_eq!(server.exited().await.code(), Some(0), "{:#?}", server.log());
    let log = server.log();
    assert!(!log.iter().any(|line| line.contains("did not end in time")), "{log:#?}");
    server.spawn_again().await;
    for transport in ["websocket", "polling"] {
        script.says(&format!("{transport} connected"), 2).await;
    }
    script.tell("say");
    script.says("said", 1).await;
    script.tell("stop");
    script.ends_well().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9_once() {
    const ROUNDS: usize = 6;
    const A_ROUND: usize = 60;
    let mut server = Server::start_with(CHATD, SETTINGS).await;
    let mut script = Script::start(&["sender.mjs"], server.door());
    for round in 1..=ROUNDS {
        script.says("acked", round * A_ROUND).await;
        server.kill();
        server.spawn_again().await;
    }
    let acknowledged_before = script.count("acked");
    script.says("acked", acknowledged_before + A_ROUND).await;
    script.tell("stop");
    script.says("done", 1).await;
    script.ends_well().await;

    let lines = script.lines();
    let line = lines.iter().find_map(|line| line.strip_prefix("conversation ")).expect("it says where");
    let (conversation, token) = line.split_once(' ').expect("and as whom");
    let stored = stored(server.door(), conversation, token).await;
    let mut by_client_id: HashMap<&str, Vec<&Value>> = HashMap::new();
    for message in &stored {
        by_client_id.entry(message["client_id"].as_str().expect("a name")).or_default().push(message);
    }
    assert!(by_client_id.values().all(|messages| messages.len() == 1), "something is there twice");
    let acknowledged: HashSet<&str> = lines.iter().filter_map(|line| line.strip_prefix("acked ")).collect();
    assert!(acknowledged.len() > ROUNDS * A_ROUND);
    for line in acknowledged {
        let (client_id, id) = line.split_once(' ').expect("two words");
        let message = by_client_id.get(client_id).unwrap_or_else(|| panic!("{client_id} is lost"))[0];
        assert_eq!((message["id"].as_str(), message["text"].as_str()), (Some(id), Some(&*format!("I am {client_id}"))));
    }
}

/// The whole history, as its author sees it.
async fn stored(door: &Door, conversation: &str, token: &str) -> Vec<Value> {
    let mut messages: Vec<Value> = Vec::new();
    loop {
        let after = messages.last().map_or(0, |last| last["seq"].as_u64().expect("a number"));
        let path = format!("/api/v1/conversations/{conversation}/messages?limit=200&after={after}");
        let mut page = door.send(Request::new("GET", path).token(token)).await.ok();
        messages.append(page["items"].as_array_mut().expect("a list"));
        if page["more_after"] != true {
            return messages;
        }
    }
}
