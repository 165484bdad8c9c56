//! The process is killed while files are uploaded, sent and deleted: whatever moment that is, no message lacks its file.

use chat_proto::{ConversationId, Role};
use chat_tests::{Dice, Person, Server, eventually};
use serde_json::{Value, json};

use super::gone::files;
use super::{download, sha256, upload};
use crate::CHATD;

const ROUNDS: usize = 12;
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn no_message_lacks_its_file_whenever_the_process_is_killed() {
    let mut server = Server::start(CHATD).await;
    let mut ana = server.door().person(Role::Customer, "ana").await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let conv = ana.direct(&leo).await;
    let mut dice = Dice::new(7);
    for round in 0..ROUNDS {
        let mut tasks = tokio::task::JoinSet::new();
        for lane in 0..AT_ONCE {
            tasks.spawn(work(ana.clone(), conv, round, lane));
        }
        tokio::time::sleep(dice.millis(20, 270)).await;
        server.kill();
        while tasks.join_next().await.is_some() {}
        server.spawn_again().await;
        ana = ana.at(server.door());
        whole(&ana, conv).await;
    }
    // What nobody needs goes: all that lies on the disk is some message's, or was not sent yet.
    let path = |message: &Value| format!("/conversations/{conv}/messages/{}", message["id"].as_str().expect("an id"));
    for message in all(&ana, conv).await {
        ana.call("DELETE", &path(&message)).await.ok();
    }
    let folder = server.data_dir().join("attachments");
    let unsent = eventually("only what was not sent is left", async || {
        let left = files(&folder);
        // One that goes while it is read was not the last that had to go.
        let read = left.into_iter().map(|path| Some((std::fs::read(&path).ok()?, path)));
        let read = read.collect::<Option<Vec<_>>>()?;
        (read.len() <= ROUNDS * AT_ONCE).then_some(read)
    });
    for (content, path) in unsent.await {
        assert!(path.starts_with(folder.join("contents")), "{}", path.display());
        assert_eq!(sha256(&content), path.file_name().expect("a name").to_string_lossy());
    }
}

/// Uploads, sends and deletes until the server is gone.
async fn work(ana: Person, conv: ConversationId, round: usize, lane: usize) {
    for n in 0.. {
        // Every other content is one that others upload, send and delete at the same time.
        let text = if n % 2 == 0 { format!("shared {}", n % 6) } else { format!("{round} {lane} {n}") };
        let content = text.repeat(3_000);
        let Some(kept) = upload(&ana, "a.txt", content.as_bytes()).try_send(ana.address).await else { return };
        if kept.status != 201 {
            continue;
        }
        let name = format!("{round}-{lane}-{n}");
        let body = json!({"client_id": name, "text": "", "attachments": [kept.ok()["id"]]});
        let send = ana.request("POST", &format!("/conversations/{conv}/messages")).json(&body);
        let Some(sent) = send.try_send(ana.address).await else { return };
        if sent.status == 201 && n % 3 == 0 {
            let message = sent.ok();
            let path = format!("/conversations/{conv}/messages/{}", message["id"].as_str().expect("an id"));
            if ana.request("DELETE", &path).try_send(ana.address).await.is_none() {
                return;
            }
        }
    }
}

/// Every file of every message is there, and is what the message says.
async fn whole(ana: &Person, conv: ConversationId) {
    for message in all(ana, conv).await {
        for attachment in message["attachments"].as_array().into_iter().flatten() {
            let bytes = download(ana, attachment).await;
            assert_eq!(bytes.status, 200, "{}", bytes.text());
            assert_eq!(json!(sha256(&bytes.body)), attachment["sha256"]);
        }
    }
}

async fn all(ana: &Person, conv: ConversationId) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let path = format!("/conversations/{conv}/messages?after={}&limit=200", all.len());
        let mut page = ana.get(&path).await;
        all.append(page["items"].as_array_mut().expect("rows"));
        if page["more_after"] == false {
            return all;
        }
    }
}
