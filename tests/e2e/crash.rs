//! `kill -9` again and again: what was acknowledged is there, once, in order.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chat_client::{Outcome, Part};
use chat_proto::{ConversationId, Role, Seq};
use chat_tests::history::{Sent, Stored, faults};
use chat_tests::{Frame, Person, Server, Socket, eventually, option};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::CHATD;

/// Messages of one sender that wait for their answer on one socket.
const WINDOW: usize = 16;
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

/// The whole history. Only an author sees a client id, so each reads their own.
async fn stored(senders: &[Sender], address: SocketAddr) -> Vec<Stored> {
    let mut all: BTreeMap<u64, Stored> = BTreeMap::new();
    for sender in senders {
        let client = Person { address, ..sender.person.clone() }.client();
        let mut after = Seq(0);
        let mut seen = 0_usize;
        loop {
            let page = client.messages(sender.group, Part::After(after), Some(200)).await.expect("history");
            seen += page.items.len();
            for message in &page.items {
                after = message.seq;
                if let Some(client_id) = &message.client_id {
                    assert_eq!(message.author.id, sender.person.id, "a foreign client id");
                    let stored = Stored {
                        seq: message.seq.0,
                        author: message.author.id.to_string(),
                        client_id: client_id.to_string(),
                    };
                    assert_eq!(all.insert(message.seq.0, stored), None, "a number is given once");
                }
            }
            if !page.more_after {
                break;
            }
        }
        assert_eq!(after.0, seen as u64, "the history has a hole");
    }
    all.into_values().collect()
}

/// Somebody who sends, and keeps what is not acknowledged to send it again.
struct Sender {
    person: Person,
    group: ConversationId,
    sent: Sent,
    /// Sent and not acknowledged, in order.
    outbox: VecDeque<String>,
}

impl Sender {
    fn new(person: &Person, group: ConversationId) -> Self {
        Self { person: person.clone(), group, sent: Sent::default(), outbox: VecDeque::new() }
    }

    /// What to send first after a crash: all that is not acknowledged, in order, and a tenth of what is.
    fn again(&self) -> Vec<String> {
        let tenth = self.sent.acknowledged.keys().step_by(10).cloned();
        self.outbox.iter().cloned().chain(tenth).collect()
    }

    fn new_message(&mut self) -> String {
        let name = self.person.email.split('@').next().unwrap_or_default();
        let id = format!("{name}-{:06}", self.sent.ids.len());
        self.sent.ids.push(id.clone());
        self.outbox.push_back(id.clone());
        id
    }

    fn acknowledge(&mut self, id: &str, seq: u64) {
        self.outbox.retain(|waiting| waiting != id);
        let first = *self.sent.acknowledged.entry(id.to_owned()).or_insert(seq);
        assert_eq!(first, seq, "{id} was given another number");
    }

    /// Pipelined, until the connection breaks.
    async fn over_socket(&mut self, acknowledged: &AtomicU64) {
        let Some(mut socket) = Socket::try_connect(self.person.address).await else {
            return;
        };
        if !socket.try_say(&json!({"t": "hello", "token": self.person.token})).await {
            return;
        }
        let mut again = VecDeque::from(self.again());
        let mut waiting: BTreeMap<u64, String> = BTreeMap::new();
        let mut re = 0;
        loop {
            while waiting.len() < WINDOW {
                let id = again.pop_front().unwrap_or_else(|| self.new_message());
                re += 1;
                let frame = json!({"t": "send", "re": re, "conv": self.group, "client_id": id, "text": id});
                waiting.insert(re, id);
                if !socket.try_say(&frame).await {
                    return;
                }
            }
            let Frame::Json(frame) = socket.next().await else {
                return;
            };
            assert_ne!(frame["t"], "err", "{frame}");
            if frame["t"] == "ok" {
                let id = waiting.remove(&frame["re"].as_u64().expect("a number")).expect("one of ours");
                let message: &Value = &frame["d"];
                assert_eq!(message["client_id"], json!(id), "{frame}");
                self.acknowledge(&id, message["seq"].as_u64().expect("a number"));
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// One after the other, until the server is gone.
    async fn over_rest(&mut self, acknowledged: &AtomicU64) {
        let client = self.person.client();
        let mut again = VecDeque::from(self.again());
        loop {
            let id = again.pop_front().unwrap_or_else(|| self.new_message());
            let known = self.sent.acknowledged.contains_key(&id);
            let client_id = id.parse().expect("a client id");
            match client.send(self.group, &client_id, &id).await {
                Ok((message, outcome)) => {
                    assert!(!known || outcome == Outcome::Duplicate, "{id} was stored again");
                    self.acknowledge(&id, message.seq.0);
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                Err(chat_client::Error::Transport(_)) => return,
                Err(error) => panic!("{id}: {error}"),
            }
        }
    }
}

/// Somebody who only reads, and goes on after each crash where they were.
struct Reader {
    person: Person,
    cursor: String,
    seen: Vec<u64>,
}

impl Reader {
    async fn new(person: &Person) -> Self {
        let list = person.get("/conversations").await;
        Self { person: person.clone(), cursor: list["as_of"].as_str().expect("a cursor").to_owned(), seen: Vec::new() }
    }

    /// Reads until the connection breaks, or this message has come.
    async fn read(&mut self, address: SocketAddr, last: Option<u64>) {
        let Some(mut socket) = Socket::try_connect(address).await else {
            return;
        };
        let hello = json!({"t": "hello", "token": self.person.token, "resume": self.cursor});
        if !socket.try_say(&hello).await {
            return;
        }
        while last.is_none() || self.seen.last().copied() != last {
            let Frame::Json(frame) = socket.next().await else {
                return;
            };
            assert_ne!(frame["t"], "reset", "{frame}");
            if frame["e"] == "message.created" {
                self.seen.push(frame["seq"].as_u64().expect("a number"));
            }
            if let Some(cursor) = frame["c"].as_str() {
                cursor.clone_into(&mut self.cursor);
            }
        }
    }
}
