use std::path::PathBuf;
use std::time::Duration;

use chat_proto::Role;
use chat_tests::{Person, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::upload;
use crate::CHATD;

const UPLOADS: usize = 100;
const PEOPLE: usize = 5;
const MIB: u64 = 1 << 20;
const PIECE: usize = 64 << 10;

/// The most memory that a process had at once, bytes.
pub(super) fn most_resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(PathBuf::from(format!("/proc/{pid}/status"))).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_large_files_at_once_do_not_stand_in_memory() {
    let server = Server::start(CHATD).await;
    let mut people = Vec::new();
    for n in 0..PEOPLE {
        people.push(server.door().person(Role::Customer, &format!("p{n}")).await);
    }
    // The paths are warm before it is measured.
    upload(&people[0], "a.txt", b"warm").send(people[0].address).await.ok();
    let before = most_resident(server.pid());
    let mut tasks = JoinSet::new();
    for n in 0..UPLOADS {
        tasks.spawn(upload_five_mib(people[n % PEOPLE].clone(), n));
    }
    while let Some(kept) = tasks.join_next().await {
        let answer = kept.expect("it ends");
        assert!(answer.starts_with("HTTP/1.1 201") && answer.contains("\"size\":5242880"), "{answer}");
    }
    let grown = most_resident(server.pid()) - before;
    println!("{UPLOADS} uploads of 5 MiB at once: {} MiB more", grown / MIB);
    assert!(grown < 64 * MIB, "{} MiB", grown / MIB);
}

/// Each another content, so that each is kept.
async fn upload_five_mib(who: Person, n: usize) -> String {
    let head = format!(
        "POST /api/v1/attachments?name=a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {}\r\n\r\n",
        who.token,
        5 * MIB
    );
    let mut piece = format!("{n} ").into_bytes();
    piece.resize(PIECE, b'x');
    let exchange = async {
        let mut stream = TcpStream::connect(who.address).await.expect("the server listens");
        stream.write_all(head.as_bytes()).await.expect("it reads");
        for _ in 0..5 * MIB / PIECE as u64 {
            stream.write_all(&piece).await.expect("it reads");
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    };
    // All of them share the machine, and each of them is synced.
    timeout(Duration::from_mins(5), exchange).await.expect("an answer")
}
