//! SIGTERM: not ready, farewells one by one, closed; and a restart under load loses and repeats nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chat_proto::{ErrorCode, Role};
use chat_tests::history::faults;
use chat_tests::{Frame, Request, Server, Socket, eventually};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::CHATD;
use crate::traffic::{Reader, Sender, WINDOW, flood, stored};

/// Enough of them that their farewells take two seconds.
const SOCKETS: usize = 200;
const SLOWLY: [(&str, &str); 2] = [("CHATD_DRAIN__SPREAD", "2s"), ("CHATD_LIMITS__SOCKETS_PER_USER", "1000")];

/// A socket's farewell, and when it came.
async fn farewell(mut socket: Socket) -> (Instant, Value) {
    let bye = loop {
        match socket.next().await {
            Frame::Json(frame) if frame["t"] == "bye" => break frame,
            Frame::Json(_) => {}
            Frame::Closed(code) => panic!("closed with {code:?}, without a word"),
        }
    };
    let when = Instant::now();
    assert_eq!(socket.next().await, Frame::Closed(Some(4503)));
    (when, bye)
}

/// Waits until the server says that it is not ready.
async fn not_ready(server: &Server) {
    eventually("it is not ready", async || {
        let answer = server.door().send(Request::new("GET", "/readyz")).await;
        (answer.status == 503).then_some(())
    })
    .await;
}

#[tokio::test]
async fn it_is_not_ready_first_and_then_sends_everybody_away_one_by_one() {
    let mut server = Server::start_with(CHATD, &SLOWLY).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    let mut sockets = JoinSet::new();
    for _ in 0..SOCKETS {
        sockets.spawn(farewell(leo.socket().await));
    }
    let mut stream = leo.event_source(None).await;
    let cursor = leo.get("/events").await["cursor"].as_str().expect("a cursor").to_owned();
    let poll = leo.request("GET", &format!("/events?cursor={cursor}&wait=60"));
    let mut polling = JoinSet::new();
    let address = leo.address;
    polling.spawn(async move { poll.send(address).await });
    stream.until(|frame| frame["t"] == "live").await;

    server.terminate();
    not_ready(&server).await;
    // Nobody new is let in, and who is told so is told when to come back.
    let (status, body) = Socket::connect_with(leo.address, &[]).await.expect_err("it is refused");
    assert!(status == 503 && body.contains("draining"), "{status} {body}");
    for path in ["/events/stream", "/events"] {
        let refused = leo.call("GET", path).await;
        assert_eq!(refused.problem().code, ErrorCode::Draining);
        let wait = refused.header("retry-after").and_then(|wait| wait.parse().ok());
        assert!(wait.is_some_and(|wait: u64| (1..=6).contains(&wait)), "{wait:?}");
    }
    // Everything else goes on, and whoever is still there hears of it.
    ana.write(order, "meanwhile").await.ok();
    assert_eq!(leo.get(&format!("/conversations/{order}/messages")).await["items"][0]["text"], "meanwhile");

    let mut ends = sockets.join_all().await;
    ends.sort_by_key(|(when, _)| *when);
    let (first, last) = (ends[0].0, ends[SOCKETS - 1].0);
    assert!(last - first >= Duration::from_secs(1), "all in {:?}", last - first);
    let waits: BTreeSet<u64> = ends.iter().filter_map(|(_, bye)| bye["after_ms"].as_u64()).collect();
    assert!(ends.iter().all(|(_, bye)| bye["reason"] == "draining" && bye["reconnect"] == true));
    assert!(waits.len() > SOCKETS / 2, "they would come back together: {waits:?}");
    assert!(waits.first() >= Some(&1_000) && waits.last() <= Some(&5_000), "{waits:?}");

    let frames = stream.end().await;
    let bye = frames.last().expect("a last word");
    assert_eq!((&bye["t"], &bye["reason"], &bye["reconnect"]), (&json!("bye"), &json!("draining"), &json!(true)));
    assert_eq!(stream.retry_ms(), bye["after_ms"].as_u64());
    assert!(stream.is_complete());
    let polled = polling.join_next().await.expect("one").expect("no panic");
    // It was told what was said meanwhile, or to come back.
    if polled.status == 503 {
        assert_eq!(polled.problem().code, ErrorCode::Draining);
    } else {
        assert_eq!(polled.ok()["items"][0]["d"]["text"], "meanwhile");
    }
    assert_eq!(server.exited().await.code(), Some(0));
}

#[tokio::test]
async fn what_is_sent_before_ones_own_farewell_is_answered() {
    let unlimited = [("CHATD_LIMITS__SENDS_PER_USER", "off"), ("CHATD_LIMITS__SENDS_PER_CONVERSATION", "off")];
    let mut server = Server::start_with(CHATD, &[&SLOWLY[..], &unlimited].concat()).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    // Of somebody who hears nothing of it, so that the senders are all there is to do.
    let bo = server.door().person(Role::Customer, "bo").await;
    let mut idle = JoinSet::new();
    for _ in 0..SOCKETS {
        idle.spawn(farewell(bo.socket().await));
    }
    let mut senders = Vec::new();
    for _ in 0..10 {
        senders.push(ana.socket().await);
    }
    server.terminate();
    not_ready(&server).await;
    let mut sending = JoinSet::new();
    for (i, mut socket) in senders.into_iter().enumerate() {
        sending.spawn(async move {
            let mut acknowledged = Vec::new();
            for round in 0.. {
                // Many at a time, so that some are under way when the farewell comes.
                for re in 0..WINDOW {
                    let id = format!("{i}-{round}-{re}");
                    let frame = json!({"t": "send", "re": re, "conv": order, "client_id": id, "text": id});
                    socket.try_say(&frame).await;
                }
                let mut answers = 0;
                while answers < WINDOW {
                    match socket.next().await {
                        Frame::Json(frame) if frame["t"] == "ok" => {
                            answers += 1;
                            let id = frame["d"]["client_id"].as_str().expect("a client id").to_owned();
                            acknowledged.push((id, frame["d"]["seq"].as_u64().expect("a number")));
                        }
                        Frame::Json(frame) if frame["t"] == "err" => {
                            assert_eq!(frame["code"], "draining", "{frame}");
                            answers += 1;
                        }
                        Frame::Json(frame) => assert!(["ev", "eph", "bye"].contains(&frame["t"].as_str().expect("t"))),
                        Frame::Closed(code) => {
                            assert_eq!(code, Some(4503));
                            return acknowledged;
                        }
                    }
                }
            }
            acknowledged
        });
    }
    let acknowledged = sending.join_all().await;
    assert!(acknowledged.iter().filter(|mine| !mine.is_empty()).count() >= 5, "{acknowledged:?}");
    assert_eq!(server.exited().await.code(), Some(0));
    server.spawn();
    server.ready().await;
    // Each that was taken in was answered, and so there is none that nobody knows of.
    let acknowledged: BTreeMap<u64, String> = acknowledged.into_iter().flatten().map(|(id, seq)| (seq, id)).collect();
    let mut kept = BTreeMap::new();
    loop {
        let path = format!("/conversations/{order}/messages?limit=200&after={}", kept.len());
        let page = ana.at(server.door()).get(&path).await;
        for message in page["items"].as_array().expect("items") {
            let id = message["client_id"].as_str().expect("a client id").to_owned();
            kept.insert(message["seq"].as_u64().expect("a number"), id);
        }
        if page["more_after"] == false {
            break;
        }
    }
    assert_eq!(kept, acknowledged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_under_load_loses_and_repeats_nothing() {
    const ROUNDS: u64 = 4;
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
    let group = leo.group("Restart me", &rest.iter().collect::<Vec<_>>()).await;
    let mut senders: Vec<Sender> = people[..4].iter().map(|person| Sender::new(person, group)).collect();
    let mut readers = [Reader::new(&people[4]).await, Reader::new(&people[4]).await, Reader::new(&people[4]).await];
    for round in 0..ROUNDS {
        let address = server.door().address;
        let acknowledged = Arc::new(AtomicU64::new(0));
        let mut sending = JoinSet::new();
        for (i, mut sender) in senders.drain(..).enumerate() {
            sender.person = sender.person.at(server.door());
            let acknowledged = Arc::clone(&acknowledged);
            let over_socket = (i as u64 + round).is_multiple_of(2);
            sending.spawn(async move {
                if over_socket {
                    sender.over_socket(&acknowledged).await;
                } else {
                    sender.over_rest(&acknowledged).await;
                }
                sender
            });
        }
        let [mut by_socket, mut by_stream, mut by_poll] = readers;
        let reading = async {
            tokio::join!(
                by_socket.read(address, None),
                by_stream.read_stream(address, None),
                by_poll.poll(address, None),
            );
        };
        let stopping = async {
            eventually("messages are acknowledged", async || {
                (acknowledged.load(Ordering::Relaxed) >= 100).then_some(())
            })
            .await;
            server.terminate();
            let status = server.exited().await;
            assert_eq!(status.code(), Some(0));
        };
        tokio::join!(reading, stopping);
        readers = [by_socket, by_stream, by_poll];
        senders = sending.join_all().await;
        senders.sort_by_key(|sender| sender.person.email.clone());
        server.spawn();
        server.ready().await;
    }
    let address = server.door().address;
    let stored = stored(&senders, address).await;
    let sent: BTreeMap<_, _> = senders.into_iter().map(|sender| (sender.person.id.to_string(), sender.sent)).collect();
    assert!(sent.values().map(|sent| sent.acknowledged.len()).sum::<usize>() as u64 > 100 * ROUNDS / 2);
    assert_eq!(faults(&sent, &stored), Vec::<String>::new());

    let [by_socket, by_stream, by_poll] = &mut readers;
    let last = stored.last().map(|last| last.seq);
    tokio::join!(by_socket.read(address, last), by_stream.read_stream(address, last), by_poll.poll(address, last));
    let all: Vec<u64> = (1..=stored.len() as u64).collect();
    for (door, reader) in ["the socket", "the stream", "the poll"].into_iter().zip(&readers) {
        assert_eq!(reader.seen, all, "over {door}");
    }
}

#[tokio::test]
async fn who_takes_nothing_does_not_hold_it_up() {
    let grace = [("CHATD_HTTP__SHUTDOWN_GRACE", "120s")];
    let mut server = Server::start_with(CHATD, &grace).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    let stuck_socket = leo.socket().await;
    let stuck_stream = leo.event_source(None).await;
    let mut sending = ana.socket().await;
    let text = "x".repeat(16_000);
    flood(&mut sending, order, 0..1_000, &text).await;
    server.terminate();
    // Far sooner than the grace is over, or than they would be given up otherwise.
    assert_eq!(server.exited().await.code(), Some(0));
    drop((stuck_socket, stuck_stream));
}

#[tokio::test]
async fn all_of_it_ends_within_the_grace() {
    let grace = [("CHATD_HTTP__SHUTDOWN_GRACE", "2s"), ("CHATD_DRAIN__SPREAD", "1s")];
    let mut server = Server::start_with(CHATD, &grace).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let socket = ana.socket().await;
    // A request whose body does not come would be waited for half a minute.
    let mut stalled = TcpStream::connect(ana.address).await.expect("the server listens");
    let head = format!(
        "PATCH /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 9\r\n\r\n{{",
        ana.token
    );
    stalled.write_all(head.as_bytes()).await.expect("it is sent");
    // Known to be at that request, and not idle, when it has answered another.
    ana.get("/me").await;
    server.terminate();
    assert_eq!(farewell(socket).await.1["reason"], "draining");
    assert_eq!(server.exited().await.code(), Some(0));
}
