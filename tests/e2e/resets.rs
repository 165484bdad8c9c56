//! Who cannot be told everything after their cursor is told so, at whichever door.

use std::net::SocketAddr;
use std::path::Path;

use chat_client::{Connection, FollowOptions, Update};
use chat_proto::model::Cursor;
use chat_proto::{ConversationId, Role};
use chat_tests::{Door, InProcess, Options, Person, Server, Socket, eventually};
use chatcore::Retention;
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::CHATD;
use crate::traffic::flood;

/// Of a message: near the limit, so that few of them are more than all buffers on the way hold.
const TEXT: usize = 16_000;

/// A server that keeps few events, so that those of a moment ago are gone.
async fn forgetful() -> InProcess {
    let retention = Retention { events: 10, ..Retention::default() };
    InProcess::start_with(Options { retention, ..Options::default() }).await
}

async fn customer_and_agent(door: &Door) -> (Person, Person, ConversationId) {
    let ana = door.person(Role::Customer, "ana").await;
    let leo = door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    (ana, leo, order)
}

async fn as_of(person: &Person) -> String {
    person.get("/conversations").await["as_of"].as_str().expect("a cursor").to_owned()
}

/// The reason with which a poll, a stream and a socket say that this cursor cannot be followed.
async fn refused(person: &Person, cursor: &str) -> [String; 3] {
    let reason = |frame: &Value| frame["reason"].as_str().expect("a reason").to_owned();
    let batch = person.get(&format!("/events?cursor={cursor}&wait=60")).await;
    assert_eq!(batch["items"], json!([]), "{batch}");

    let mut stream = person.event_source(Some(cursor)).await;
    let welcome = stream.next().await.expect("a welcome");
    assert_eq!((&welcome.data["resumed"], &welcome.id), (&json!(false), &None), "{welcome:?}");
    let reset = stream.next().await.expect("a reset");
    assert_eq!(
        (reset.name.as_str(), &reset.id),
        ("reset", &Some(welcome.data["cursor"].as_str().unwrap_or_default().to_owned()))
    );

    let mut socket = Socket::connect(person.address).await;
    socket.say(&json!({"t": "hello", "token": person.token, "resume": cursor})).await;
    let welcome = socket.json().await;
    assert_eq!((&welcome["t"], &welcome["resumed"]), (&json!("welcome"), &json!(false)), "{welcome}");
    let said = socket.until_t("reset").await.pop().expect("a reset");
    [batch["reset"].as_str().expect("a reason").to_owned(), reason(&reset.data), reason(&said)]
}

/// Waits until what came after this cursor is forgotten.
async fn forgotten(person: &Person, cursor: &str) {
    eventually("it is forgotten", async || {
        let batch = person.get(&format!("/events?cursor={cursor}&wait=0")).await;
        (batch["reset"] == "too_old").then_some(())
    })
    .await;
}

/// A line to the server on which nothing comes through while it is held.
async fn line_to(server: SocketAddr, held: watch::Receiver<bool>, tasks: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tasks.spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let outer = TcpSocket::new_v4().expect("a socket");
            // Small, so that it is soon the server that has to wait.
            outer.set_recv_buffer_size(16 << 10).expect("a size");
            let mut outer = outer.connect(server).await.expect("the server listens");
            let mut held = held.clone();
            while tokio::select! {
                _ = copy_bidirectional(&mut client, &mut outer) => false,
                changed = held.wait_for(|held| *held) => changed.is_ok(),
            } {
                if held.wait_for(|held| !held).await.is_err() {
                    break;
                }
            }
        }
    });
    address
}

#[tokio::test]
async fn a_cursor_from_before_what_is_kept_is_too_old_at_every_door() {
    let server = forgetful().await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let begin = as_of(&leo).await;
    flood(&mut ana.socket().await, order, 0..30, "Hello").await;
    forgotten(&leo, &begin).await;
    assert_eq!(refused(&leo, &begin).await, ["too_old"; 3]);
}

#[tokio::test]
async fn a_cursor_of_what_was_lost_by_restoring_is_of_another_epoch_at_every_door() {
    let mut server = Server::start(CHATD).await;
    let (ana, leo, order) = customer_and_agent(server.door()).await;
    ana.write(order, "kept").await.ok();
    let before = as_of(&leo).await;
    server.terminate();
    server.exited().await;
    let backup = tempfile::tempdir().expect("a folder");
    copy(&server.data_dir(), backup.path());

    server.spawn();
    server.ready().await;
    let (ana, leo) = (ana.at(server.door()), leo.at(server.door()));
    for text in ["lost", "lost too", "and this"] {
        ana.write(order, text).await.ok();
    }
    let lost = as_of(&leo).await;
    server.terminate();
    server.exited().await;
    copy(backup.path(), &server.data_dir());

    server.spawn();
    server.ready().await;
    let (ana, leo) = (ana.at(server.door()), leo.at(server.door()));
    assert_eq!(refused(&leo, &lost).await, ["epoch_changed"; 3]);
    for text in ["1", "2", "3", "4", "5"] {
        ana.write(order, text).await.ok();
    }
    assert_eq!(refused(&leo, &lost).await, ["epoch_changed"; 3]);
    let missed = leo.get(&format!("/events?cursor={before}&wait=0")).await;
    assert_eq!(missed.get("reset"), None, "who was away all the time goes on: {missed}");
    assert_eq!(missed["items"].as_array().map(Vec::len), Some(5), "{missed}");
}

/// Puts the files of one folder in the place of those in another.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("a file");
        if entry.file_type().expect("a file").is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("room");
        }
    }
}

#[tokio::test]
async fn a_program_that_is_cut_short_for_longer_than_events_are_kept_is_told_of_the_hole() {
    const MESSAGES: u64 = 800;
    let server = forgetful().await;
    let (ana, leo, order) = customer_and_agent(&server.door).await;
    let (hold, held) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let address = line_to(leo.address, held, &mut tasks).await;
    let begin = Cursor::from_text(as_of(&leo).await);
    let behind = Person { address, ..leo.clone() };
    let (follower, mut updates) = behind.client().follow(FollowOptions::new().after(begin));
    while !matches!(updates.next().await, Some(Update::Connection(Connection::Live))) {}
    hold.send_replace(true);
    let mut sending = ana.socket().await;
    flood(&mut sending, order, 0..MESSAGES, &"x".repeat(TEXT)).await;
    let late = as_of(&leo).await;
    flood(&mut sending, order, MESSAGES..MESSAGES + 20, "and then some").await;
    forgotten(&leo, &late).await;
    hold.send_replace(false);

    let (mut last, mut reset) = (0, None);
    let mut written = false;
    while last <= MESSAGES + 20 {
        match updates.next().await.expect("not the end") {
            Update::Event(change) => {
                let seq = change.head.seq.map_or(last, |seq| seq.0);
                assert!(seq <= last + 1 || reset.is_some(), "{seq} comes after {last}, and nothing was said of a hole");
                last = seq;
            }
            Update::Reset(reason) => reset = Some(reason),
            Update::Connection(Connection::Ended(why)) => panic!("ended: {why}"),
            _ => {}
        }
        if reset.is_some() && !std::mem::replace(&mut written, true) {
            ana.write(order, "Are you still there?").await.ok();
        }
    }
    assert_eq!(reset.as_deref(), Some("too_old"));
    follower.close().await;
}
