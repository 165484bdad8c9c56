//! A flood of sign-ins: those who are in notice nothing, and the server does not grow.
//!
//! Each sign-in is 19 MiB and a good deal of a core, on purpose. The figure that matters, how long an acknowledgement
//! takes meanwhile, depends on the machine and is asserted only when it is asked for: `CHAT_FLOOD=1` runs longer, prints
//! it, and fails beyond 50 ms.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use chat_proto::{ConversationId, Role};
use chat_tests::{PASSWORD, Person, Request, Server, Socket, option};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::CHATD;

/// Sign-ins at a time, each followed by the next.
const PARALLEL: usize = 200;
/// People who write meanwhile, each into a conversation of their own.
const WRITERS: u64 = 4;
/// Between two messages of one of them.
const PACE: Duration = Duration::from_millis(20);

/// What became of the sign-ins.
#[derive(Debug, Default)]
struct Flood {
    over: AtomicBool,
    let_in: AtomicU64,
    wrong: AtomicU64,
    sent_away: AtomicU64,
}

impl Flood {
    /// Signs in again and again: every other time as somebody who exists.
    async fn pour(self: Arc<Self>, address: SocketAddr, email: String) {
        for turn in 0.. {
            let email = if turn % 2 == 0 { email.clone() } else { format!("{turn}-{email}") };
            let body = json!({"email": email, "password": PASSWORD});
            let answer = Request::new("POST", "/api/v1/auth/login").json(&body).send(address).await;
            match answer.status {
                200 => &self.let_in,
                401 => &self.wrong,
                429 | 503 => {
                    answer.problem();
                    &self.sent_away
                }
                other => panic!("{other}: {}", answer.text()),
            }
            .fetch_add(1, Ordering::Relaxed);
            if self.over.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// Pours from a thread that lets all others go first: those who flood have machines of their own, and what theirs would do is
/// not to slow those who measure.
fn pour_aside(flood: Arc<Flood>, address: SocketAddr, emails: Vec<String>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        #[cfg(target_os = "linux")]
        rustix::process::setpriority_process(None, 10).expect("it is a thread of ours");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let pouring: JoinSet<()> =
                emails.into_iter().map(|email| Arc::clone(&flood).pour(address, email)).collect();
            pouring.join_all().await;
        });
    })
}

/// Sends at a steady pace, one message after the other, and says how long each acknowledgement took.
async fn write(mut socket: Socket, conversation: ConversationId, numbers: Range<u64>) -> Vec<Duration> {
    let mut due = interval(PACE);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut took = Vec::new();
    for re in numbers {
        due.tick().await;
        let began = Instant::now();
        let sent = json!({"t": "send", "re": re, "conv": conversation, "client_id": format!("m{re}"), "text": "Hello"});
        let answer = socket.ask(&sent).await;
        assert_eq!((&answer["t"], &answer["d"]["seq"]), (&json!("ok"), &json!(re)), "{answer}");
        took.push(began.elapsed());
    }
    took
}

/// How long acknowledgements took.
struct Latencies {
    p50: Duration,
    p99: Duration,
    most: Duration,
}

impl Latencies {
    fn of(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        let at = |percent: usize| took[(took.len() - 1) * percent / 100];
        Self { p50: at(50), p99: at(99), most: at(100) }
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:.1?}, p99 {:.1?}, at the most {:.1?}", self.p50, self.p99, self.most)
    }
}

/// Reads all messages of all conversations, each in its order.
async fn read(mut socket: Socket, messages: u64) {
    let mut next = std::collections::HashMap::<String, u64>::new();
    for _ in 0..messages * WRITERS {
        let event = socket.find("ev message.created").await;
        let expected = next.entry(event["conv"].as_str().expect("a conversation").to_owned()).or_insert(1);
        assert_eq!(event["seq"], json!(expected), "{event}");
        *expected += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(target_os = "linux"), ignore = "the memory of a process is asked of /proc")]
async fn a_flood_of_sign_ins_disturbs_nobody_who_is_in() {
    let measured = option("CHAT_FLOOD").is_some();
    let messages = if measured { 500 } else { 50 };
    let server = Server::start_with(CHATD, &[("CHATD_STORE__CACHE", "1MiB")]).await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let mut writers: Vec<(Person, ConversationId)> = Vec::new();
    for i in 0..WRITERS {
        let writer = server.door().person(Role::Customer, &format!("writer-{i}")).await;
        let conversation = writer.direct(&leo).await;
        writers.push((writer, conversation));
    }
    let reading = leo.socket().await;
    let write_all = async |numbers: Range<u64>| {
        let mut writing = JoinSet::new();
        for (writer, conversation) in &writers {
            writing.spawn(write(writer.socket().await, *conversation, numbers.clone()));
        }
        writing.join_all().await.concat()
    };
    let calm = write_all(1..messages + 1).await;
    let before = server.resident_kib();

    let flood = Arc::new(Flood::default());
    let emails = (0..PARALLEL).map(|i| writers[i % writers.len()].0.email.clone()).collect();
    let pouring = pour_aside(Arc::clone(&flood), server.door().address, emails);
    let reading = JoinSet::from_iter([read(reading, 2 * messages)]);
    let flooded = write_all(messages + 1..2 * messages + 1).await;
    reading.join_all().await;
    let grown = server.resident_kib().saturating_sub(before);
    flood.over.store(true, Ordering::Relaxed);
    tokio::task::spawn_blocking(|| pouring.join()).await.expect("no panic").expect("no panic");

    let [let_in, wrong, sent_away] =
        [&flood.let_in, &flood.wrong, &flood.sent_away].map(|count| count.load(Ordering::Relaxed));
    if measured {
        let (calm, flooded) = (Latencies::of(calm), Latencies::of(flooded));
        println!(
            "acknowledged in the calm after {calm}, in the flood after {flooded}; grown by {grown} KiB; {let_in} let in, \
             {wrong} wrong, {sent_away} sent away"
        );
        assert!(flooded.p99 < Duration::from_millis(50), "{flooded}");
    }

    // The memory of a hash for each thread that makes them, and some for what waits.
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    assert!(grown < (cores * 20 + 48) << 10, "from {before} KiB by {grown} KiB");
    assert!(let_in > 0 && wrong > 0, "signing in goes on: {flood:?}");
    assert!(sent_away > 0, "more than can wait are sent away: {flood:?}");
}
