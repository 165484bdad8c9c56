//! Who does not read is nobody else's trouble: the others are told everything, and the server does not grow.

use chat_proto::Role;
use chat_tests::{EngineIo, Frame, InProcess, Options, Server, Socket, option};
use serde_json::json;
use tokio::time::Instant;

use crate::CHATD;
use crate::traffic::flood;

/// Of a message: near the limit, so that few of them are much.
const TEXT: usize = 16_000;
/// Before the others come who never read.
const BEFORE: u64 = 500;

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "the memory of a process is asked of /proc")]
async fn who_never_reads_neither_slows_the_others_nor_makes_the_server_grow() {
    // What the database keeps in memory would hide what waits for readers.
    let mut server = Server::start_with(
        CHATD,
        &[
            ("CHATD_STORE__CACHE", "1MiB"),
            ("CHATD_LIMITS__SENDS_PER_USER", "off"),
            ("CHATD_LIMITS__SENDS_PER_CONVERSATION", "off"),
        ],
    )
    .await;
    let messages = option("CHAT_FLOOD_MIB").unwrap_or(180) * (1 << 20) / TEXT as u64;
    let ana = server.door().person(Role::Customer, "ana").await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let dana = server.door().person(Role::Designer, "dana").await;
    let group = leo.group("Flood", &[&ana, &dana]).await;
    // So would what hashing passwords has left behind.
    server.restart().await;
    let [ana, leo, dana] = [ana, leo, dana].map(|person| person.at(server.door()));
    let begin = leo.get("/conversations").await["as_of"].as_str().expect("a cursor").to_owned();
    let (mut sending, mut reading) = (ana.socket().await, dana.socket().await);
    let text = "x".repeat(TEXT);
    let read = async |reading: &mut Socket, from: u64, to: u64| {
        for seq in from + 1..=to {
            assert_eq!(reading.find("ev message.created").await["seq"], json!(seq));
        }
    };
    // With nobody stuck yet, so that everything has been done once.
    tokio::join!(flood(&mut sending, group, 0..BEFORE, &text), read(&mut reading, 0, BEFORE));
    let usual = server.resident_kib();

    let (mut stuck_sockets, mut stuck_streams) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        stuck_sockets.push(leo.socket().await);
        stuck_streams.push(leo.event_source(None).await);
        // And some who have missed more than is sent before they are stuck.
        let mut back = Socket::connect(leo.address).await;
        back.say(&json!({"t": "hello", "token": leo.token, "resume": begin})).await;
        stuck_sockets.push(back);
        stuck_streams.push(leo.event_source(Some(&begin)).await);
    }
    let (mut stuck_socket_io, mut stuck_polls) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        stuck_socket_io.push(EngineIo::websocket(leo.address, &leo.token).await);
        stuck_polls.push(EngineIo::connect(leo.address, "/", &leo.token).await);
    }
    let to = BEFORE + messages;
    // Every message is acknowledged and told while the others are stuck.
    tokio::join!(flood(&mut sending, group, BEFORE..to, &text), read(&mut reading, BEFORE, to));
    let grown = server.resident_kib().saturating_sub(usual);
    // A MiB for each that is stuck; what the store has in memory while it is folded, three times 8 MiB; and a batch, its
    // record and a piece of a fold, up to 8 MiB each with messages as long as these; and what the allocator keeps for the
    // threads that read. Much less than what was sent.
    assert!(grown < 96 << 10, "from {usual} KiB by {grown} KiB");
}

#[tokio::test]
async fn a_socket_that_takes_nothing_for_30_seconds_is_closed() {
    let server = InProcess::start_with(Options { manual_clock: true, ..Options::default() }).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    let mut anas = ana.socket().await;
    let mut stuck = leo.socket().await;
    anas.find("eph presence").await;
    // It is stuck from somewhere in between on.
    let earliest = Instant::now();
    flood(&mut anas, order, 0..600, &"x".repeat(TEXT)).await;
    let latest = Instant::now();
    tokio::time::pause();
    let gone = loop {
        match server.passing_time(anas.read()).await {
            Frame::Json(frame) if frame["e"] == "presence" => break frame,
            Frame::Json(_) => {}
            Frame::Closed(code) => panic!("who reads was closed with {code:?}"),
        }
    };
    let (least, most) = (latest.elapsed().as_secs(), earliest.elapsed().as_secs());
    tokio::time::resume();
    assert_eq!((&gone["user"], &gone["state"]), (&json!(leo.id), &json!("offline")));
    // The goodbye, which it does not take either, may take two, and three more it could be back.
    assert!(least <= 36 && most >= 29, "after {least} to {most} s");
    let (frames, code) = stuck.end().await;
    assert!(frames.len() < 600 && matches!(code, None | Some(4408)), "{code:?} after {} frames", frames.len());
    // What it missed is told when it is back.
    let cursor = stuck.cursor().to_owned();
    let mut back = Socket::connect(leo.address).await;
    back.say(&json!({"t": "hello", "token": leo.token, "resume": cursor})).await;
    let mut told = frames;
    told.extend(back.until_t("live").await);
    let seqs: Vec<u64> = told.iter().filter_map(|frame| frame["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=600).collect::<Vec<_>>());
}
