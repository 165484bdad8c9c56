//! What people are told while they are not here, over `kill -9` and on a real server.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chat_proto::{ConversationId, Role};
use chat_tests::{Person, Server, eventually};
use tokio::task::JoinSet;

use crate::CHATD;

/// So many people are written to …
const READERS: usize = 25;
/// … by each of so many.
const WRITERS: usize = 40;
/// The server is killed so often meanwhile.
const KILLS: usize = 10;

/// Of whom there are mails, about which conversation, and how many.
fn mails(folder: &Path) -> BTreeMap<(String, String), usize> {
    let mut mails = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().map_while(Result::ok) {
        if entry.path().extension().is_none_or(|extension| extension != "eml") {
            continue;
        }
        let mail = std::fs::read_to_string(entry.path()).expect("a mail").replace("=\r\n", "");
        let after = |mark: &str| mail.split_once(mark).unwrap_or_else(|| panic!("{mark} in {mail}")).1;
        let to = after("\r\nTo: ").lines().next().expect("a line").to_owned();
        let conversation = after("/c/").chars().take("conv_".len() + 26).collect();
        *mails.entry((to, conversation)).or_default() += 1;
    }
    mails
}

/// One person writes to all readers, in a conversation with each.
async fn write_to_all(writer: Person, readers: Arc<Vec<Person>>) -> Vec<(String, ConversationId)> {
    let mut written = Vec::with_capacity(readers.len());
    for (n, reader) in readers.iter().enumerate() {
        let conversation = writer.direct(reader).await;
        writer.write(conversation, &format!("Are you there, {n}?")).await.ok();
        written.push((reader.email.clone(), conversation));
    }
    written
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_notifications_arrive_once_over_kill_9() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("mails");
    let url = format!("file:{}", folder.display());
    let settings = [
        ("CHATD_MAIL__URL", url.as_str()),
        ("CHATD_MAIL__FROM", "Mug Shop <chat@shop.test>"),
        ("CHATD_MAIL__DELAY", "0s"),
        ("CHATD_PUBLIC_URL", "https://chat.shop.test"),
    ];
    let mut server = Server::start_with(CHATD, &settings).await;
    let mut readers = Vec::with_capacity(READERS);
    for n in 0..READERS {
        readers.push(server.door().person(Role::Agent, &format!("reader-{n}")).await);
    }
    let readers = Arc::new(readers);
    let mut writers = Vec::with_capacity(WRITERS);
    for n in 0..WRITERS {
        writers.push(server.door().person(Role::Designer, &format!("writer-{n}")).await);
    }
    let mut due = BTreeMap::new();
    let mut chance = 0x5eed_u64;
    for writers in writers.chunks(WRITERS / KILLS) {
        let mut writing = JoinSet::new();
        for writer in writers {
            let (writer, readers) = (writer.at(server.door()), Arc::clone(&readers));
            writing.spawn(write_to_all(writer, readers));
        }
        for written in writing.join_all().await.into_iter().flatten() {
            due.insert((written.0, written.1.to_string()), 1);
        }
        // Some of them have arrived, others are on their way or not decided about yet.
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let some = mails(&folder).len() + (chance >> 33) as usize % (due.len() - mails(&folder).len()).max(1);
        eventually("some mails", async || (mails(&folder).len() >= some).then_some(())).await;
        server.kill();
        server.spawn();
        server.ready().await;
    }
    assert_eq!(due.len(), READERS * WRITERS);
    eventually("the mails", async || (mails(&folder).len() == due.len()).then_some(())).await;
    // Whatever would come twice comes before this one, which is written last.
    let last = server.door().person(Role::Merchant, "last").await;
    let conversation = last.direct(&readers[0].at(server.door())).await;
    last.write(conversation, "The last one").await.ok();
    due.insert((readers[0].email.clone(), conversation.to_string()), 1);
    let all = async || Some(mails(&folder)).filter(|mails| mails.len() == due.len());
    assert_eq!(eventually("the last mail", all).await, due, "each of them once");
}
