//! Who is there, and who else has this open: over sockets, and to nobody who should not know.

use std::time::Duration;

use chat_proto::{ConversationId, Role, Timestamp};
use chat_tests::{Door, InProcess, Options, Person, Socket, eventually};
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);

async fn start() -> InProcess {
    InProcess::start_with(Options { manual_clock: true, ..Options::default() }).await
}

async fn customer_and_agent(door: &Door) -> (Person, Person, ConversationId) {
    let ana = door.person(Role::Customer, "ana").await;
    let leo = door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    (ana, leo, order)
}

fn presence(of: &Person, state: &str) -> Value {
    json!({"t": "eph", "e": "presence", "user": of.id, "state": state})
}

/// Turns the clock until this socket is told of something in passing; the server notices in its own time that a
/// connection has gone.
async fn told_in_time(server: &InProcess, socket: &mut Socket) -> Value {
    let told = eventually("it is told", async || {
        server.advance(SECOND);
        let told: Vec<Value> = socket.settle().await.into_iter().filter(|frame| frame["t"] == "eph").collect();
        Some(told).filter(|told| !told.is_empty())
    });
    let mut told = told.await;
    assert_eq!(told.len(), 1, "{told:?}");
    told.remove(0)
}

#[tokio::test]
async fn somebody_is_offline_when_their_last_device_is_gone() {
    let server = start().await;
    let (ana, leo, _) = customer_and_agent(&server.door).await;
    let mut leos = leo.socket().await;
    let mut first = ana.socket().await;
    assert_eq!(leos.find("eph presence").await, presence(&ana, "online"));
    assert_eq!(first.find("eph presence").await, presence(&leo, "online"), "who is there already");
    let second = ana.socket().await;
    first.close().await;
    server.advance(10 * SECOND);
    let closed_at = server.chat.now();
    second.close().await;
    // Nothing between coming and going: neither the second device nor the first one's end is told.
    let gone = told_in_time(&server, &mut leos).await;
    let last_seen: Timestamp = gone["last_seen"].as_str().expect("a moment").parse().expect("a timestamp");
    assert_eq!((&gone["user"], &gone["state"]), (&json!(ana.id), &json!("offline")));
    assert!(last_seen >= closed_at && last_seen <= server.chat.now(), "{gone}");
    // Who comes later is told when she went.
    let mut again = leo.socket().await;
    assert_eq!(again.find("eph presence").await, gone);
}

#[tokio::test]
async fn who_comes_and_goes_quickly_is_told_once_and_as_it_is() {
    let server = InProcess::start().await;
    let (ana, leo, _) = customer_and_agent(&server.door).await;
    let mut leos = leo.socket().await;
    let mut device = ana.socket().await;
    assert_eq!(leos.find("eph presence").await, presence(&ana, "online"));
    for _ in 0..50 {
        drop(std::mem::replace(&mut device, ana.socket().await));
    }
    // In the order of things: what comes next is the only thing that was told.
    device.ask(&json!({"t": "presence", "re": 1, "state": "away"})).await;
    assert_eq!(leos.find("eph presence").await, presence(&ana, "away"));
    device.close().await;
    assert_eq!(leos.find("eph presence").await["state"], "offline");
}

#[tokio::test]
async fn somebody_is_away_when_they_sit_at_none_of_their_devices() {
    let server = start().await;
    let (ana, leo, _) = customer_and_agent(&server.door).await;
    let bo = server.door.person(Role::Customer, "bo").await;
    let (mut leos, mut bos) = (leo.socket().await, bo.socket().await);
    let (mut desk, mut phone) = (ana.socket().await, ana.socket().await);
    assert_eq!(leos.find("eph presence").await, presence(&ana, "online"));
    server.advance(5 * SECOND);
    let say = |re: u64, state: &str| json!({"t": "presence", "re": re, "state": state});
    assert_eq!(desk.ask(&say(1, "away")).await, json!({"t": "ok", "re": 1}));
    assert_eq!(phone.ask(&say(2, "away")).await["t"], "ok");
    assert_eq!(leos.find("eph presence").await, presence(&ana, "away"));
    server.advance(5 * SECOND);
    // Without a number there is no answer.
    phone.say(&json!({"t": "presence", "state": "online"})).await;
    assert_eq!(leos.find("eph presence").await, presence(&ana, "online"));
    let refused = phone.ask(&say(3, "offline")).await;
    assert_eq!((&refused["t"], &refused["code"]), (&json!("err"), &json!("invalid")), "who is gone says nothing");
    // A device that is away is taken for one when somebody comes.
    server.advance(5 * SECOND);
    phone.ask(&say(4, "away")).await;
    assert_eq!(leos.find("eph presence").await, presence(&ana, "away"));
    let mut again = leo.socket().await;
    assert_eq!(again.find("eph presence").await, presence(&ana, "away"));
    assert_eq!(bos.settle().await, [Value::Null; 0], "who shares no conversation is told nothing");
}

fn viewing(conv: ConversationId, who: &Person, on: bool) -> Value {
    let expires_in_ms = if on { 60_000 } else { 0 };
    json!({"t": "eph", "e": "viewing", "conv": conv, "user": who.id, "on": on, "expires_in_ms": expires_in_ms})
}

fn view(conv: ConversationId, on: bool) -> Value {
    json!({"t": "viewing", "re": 1, "conv": conv, "on": on})
}

#[tokio::test]
async fn colleagues_see_who_else_has_it_open_and_customers_are_not_told() {
    let server = start().await;
    let (ana, leo, _) = customer_and_agent(&server.door).await;
    let mia = server.door.person(Role::Agent, "mia").await;
    let order = leo.group("Order 1001", &[&ana, &mia]).await;
    let (mut anas, mut leos, mut mias) = (ana.socket().await, leo.socket().await, mia.socket().await);
    let mut stream = leo.event_source(None).await;
    assert_eq!(anas.ask(&view(order, true)).await, json!({"t": "ok", "re": 1}));
    for socket in [&mut leos, &mut mias] {
        assert_eq!(socket.find("eph viewing").await, viewing(order, &ana, true));
    }
    assert_eq!(mias.ask(&view(order, true)).await["t"], "ok");
    assert_eq!(leos.find("eph viewing").await, viewing(order, &mia, true));
    assert_eq!(mias.find("eph viewing").await, viewing(order, &ana, true), "who begins is told who else does");
    // It goes with the connection; without a number there is no answer.
    leos.say(&json!({"t": "viewing", "conv": order, "on": true})).await;
    assert_eq!(mias.find("eph viewing").await, viewing(order, &leo, true));
    let mut others =
        vec![leos.find("eph viewing").await["user"].clone(), leos.find("eph viewing").await["user"].clone()];
    others.sort_by_key(Value::to_string);
    let mut expected = vec![json!(ana.id), json!(mia.id)];
    expected.sort_by_key(Value::to_string);
    assert_eq!(others, expected);
    server.advance(2 * SECOND);
    leos.close().await;
    assert_eq!(mias.find("eph viewing").await, viewing(order, &leo, false), "although he still reads a stream");
    assert_eq!(anas.ask(&view(order, false)).await["t"], "ok");
    assert_eq!(mias.find("eph viewing").await, viewing(order, &ana, false));
    let streamed = stream.until(|frame| *frame == viewing(order, &ana, false)).await;
    assert!(streamed.contains(&viewing(order, &mia, true)), "his other devices are told");

    // Put out, she looks no longer, and is told nothing any more.
    let out = format!("/conversations/{order}/participants/{}", mia.id);
    leo.call("DELETE", &out).await.ok();
    stream.until(|frame| *frame == viewing(order, &mia, false)).await;
    assert_eq!(mias.ask(&view(order, true)).await["code"], "not_found");
    server.advance(2 * SECOND);
    anas.ask(&view(order, true)).await;
    stream.until(|frame| *frame == viewing(order, &ana, true)).await;
    assert!(mias.settle().await.iter().all(|frame| frame["e"] != "viewing"));
    let heard = anas.settle().await;
    assert!(heard.iter().all(|frame| frame["e"] != "viewing"), "a customer sees no agents looking: {heard:?}");
}
