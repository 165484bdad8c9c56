use std::path::PathBuf;

use chat_proto::Role;
use chat_tests::Server;
use tokio::task::JoinSet;

use super::upload;
use crate::CHATD;

const UPLOADS: usize = 100;
const PEOPLE: usize = 5;
const MIB: u64 = 1 << 20;

/// The most memory that a process had at once, bytes.
fn most_resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(PathBuf::from(format!("/proc/{pid}/status"))).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_large_files_at_once_do_not_stand_in_memory() {
    let server = Server::start_with(CHATD, &[("CHATD_ATTACHMENTS__KEEP_FREE", "1MiB")]).await;
    let mut people = Vec::new();
    for n in 0..PEOPLE {
        people.push(server.door().person(Role::Customer, &format!("p{n}")).await);
    }
    // The paths are warm before it is measured.
    upload(&people[0], "a.txt", b"warm").send(people[0].address).await.ok();
    let before = most_resident(server.pid());
    let mut tasks = JoinSet::new();
    for n in 0..UPLOADS {
        let who = people[n % PEOPLE].clone();
        tasks.spawn(async move {
            // Different ones, so that each is kept.
            let mut content = format!("{n} ").into_bytes();
            content.resize(usize::try_from(5 * MIB).expect("it fits"), b'x');
            upload(&who, "a.txt", &content).send(who.address).await.ok()
        });
    }
    while let Some(kept) = tasks.join_next().await {
        assert_eq!(kept.expect("it ends")["size"], 5 * MIB);
    }
    let grown = most_resident(server.pid()) - before;
    println!("{UPLOADS} uploads of 5 MiB at once: {} MiB more", grown / MIB);
    assert!(grown < 64 * MIB, "{} MiB", grown / MIB);
}
