//! `kill -9` again and again: what was acknowledged is there, once, in order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chat_proto::Role;
use chat_tests::history::faults;
use chat_tests::{Server, eventually, option};
use tokio::task::JoinSet;

use crate::CHATD;
use crate::traffic::{Reader, Sender, stored};

/// So many messages have been acknowledged in a round, at the most, when the process is killed.
const MOST_A_ROUND: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9_once_and_in_order() {
    let rounds = option("CHAT_CRASH_ROUNDS").unwrap_or(40);
    let mut server = Server::start(CHATD).await;
    let mut people = Vec::new();
    for (role, name) in [
        (Role::Agent, "leo"),
        (Role::Customer, "ana"),
        (Role::Customer, "bo"),
        (Role::Merchant, "milo"),
        (Role::Designer, "dana"),
    ] {
        people.push(server.door().person(role, name).await);
    }
    let [leo, rest @ ..] = &people[..] else { unreachable!() };
    let group = leo.group("Kill me", &rest.iter().collect::<Vec<_>>()).await;
    let mut senders: Vec<Sender> = people[..4].iter().map(|person| Sender::new(person, group)).collect();
    let mut reader = Reader::new(&people[4]).await;
    let mut chance = 0x5eed_u64;

    for round in 0..rounds {
        if round % 5 == 4 {
            // Killed while it starts, perhaps while it recovers from the kill before.
            server.kill();
            server.spawn();
            let until = tokio::time::Instant::now() + std::time::Duration::from_millis(next(&mut chance) % 40);
            tokio::time::sleep_until(until).await;
            server.kill();
            server.spawn();
            server.ready().await;
        }
        let acknowledged = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for (i, mut sender) in senders.drain(..).enumerate() {
            sender.person = sender.person.at(server.door());
            let acknowledged = Arc::clone(&acknowledged);
            // Two over each door, and all of them over both in turn.
            let over_socket = (i as u64 + round).is_multiple_of(2);
            tasks.spawn(async move {
                if over_socket {
                    sender.over_socket(&acknowledged).await;
                } else {
                    sender.over_rest(&acknowledged).await;
                }
                sender
            });
        }
        let address = server.door().address;
        let mut reading = JoinSet::new();
        reading.spawn(async move {
            reader.read(address, None).await;
            reader
        });
        let enough = next(&mut chance) % MOST_A_ROUND;
        eventually("messages are acknowledged", async || {
            (acknowledged.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
        server.kill();
        senders = tasks.join_all().await;
        senders.sort_by_key(|sender| sender.person.email.clone());
        reader = reading.join_next().await.expect("one task").expect("no panic");
        server.spawn();
        server.ready().await;
    }

    let stored = stored(&senders, server.door().address).await;
    let sent =
        senders.into_iter().map(|sender| (sender.person.id.to_string(), sender.sent)).collect::<BTreeMap<_, _>>();
    let acknowledged: usize = sent.values().map(|sent| sent.acknowledged.len()).sum();
    assert!(acknowledged as u64 > rounds, "only {acknowledged} messages in {rounds} rounds");
    assert_eq!(faults(&sent, &stored), Vec::<String>::new());

    // Who read along over all kills has seen each message once, in order.
    reader.read(server.door().address, stored.last().map(|last| last.seq)).await;
    let seen: Vec<u64> = (1..=stored.len() as u64).collect();
    assert_eq!(reader.seen, seen);
}

/// When the log has grown long enough, it goes on in its other file, and what is in the first is folded into the tables
/// beside those who write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_kill_comes_while_the_log_is_folded() {
    const ROUNDS: u64 = 5;
    const LONGER_BY: usize = 12_000;
    let mut server = Server::start(CHATD).await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let group = leo.group("Kill me while you fold", &[&ana]).await;
    let mut senders: Vec<Sender> =
        [&leo, &ana].into_iter().map(|person| Sender::new(person, group).longer_by(LONGER_BY)).collect();
    let mut chance = 0xf01d_u64;
    for _ in 0..ROUNDS {
        let acknowledged = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for mut sender in senders.drain(..) {
            sender.person = sender.person.at(server.door());
            let acknowledged = Arc::clone(&acknowledged);
            tasks.spawn(async move {
                sender.over_socket(&acknowledged).await;
                sender
            });
        }
        eventually("the first messages are acknowledged", async || {
            (acknowledged.load(Ordering::Relaxed) > 0).then_some(())
        })
        .await;
        let first = written_last(&server);
        eventually("the log goes on in its other file", async || (written_last(&server) != first).then_some(())).await;
        let until = tokio::time::Instant::now() + std::time::Duration::from_millis(next(&mut chance) % 60);
        tokio::time::sleep_until(until).await;
        server.kill();
        senders = tasks.join_all().await;
        server.spawn();
        server.ready().await;
    }
    let stored = stored(&senders, server.door().address).await;
    let sent =
        senders.into_iter().map(|sender| (sender.person.id.to_string(), sender.sent)).collect::<BTreeMap<_, _>>();
    assert_eq!(faults(&sent, &stored), Vec::<String>::new());
}

/// Which file of the log was written last.
fn written_last(server: &Server) -> &'static str {
    let written = |name: &str| std::fs::metadata(server.data_dir().join(name)).and_then(|file| file.modified());
    let newest = ["chat.1.wal", "chat.2.wal"].into_iter().max_by_key(|name| written(name).ok());
    newest.expect("there are two")
}

#[tokio::test]
async fn a_kill_during_the_first_start_spoils_nothing() {
    let mut chance = 0xbeef_u64;
    for _ in 0..3 {
        let mut server = Server::new(CHATD, &[]);
        for _ in 0..5 {
            server.spawn();
            let until = tokio::time::Instant::now() + std::time::Duration::from_millis(next(&mut chance) % 60);
            tokio::time::sleep_until(until).await;
            server.kill();
        }
        server.spawn();
        server.open().await;
        let ana = server.door().person(Role::Customer, "ana").await;
        server.restart().await;
        ana.at(server.door()).get("/me").await;
    }
}

/// A step of a linear congruential generator: the same kills each time.
fn next(chance: &mut u64) -> u64 {
    *chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *chance >> 33
}
