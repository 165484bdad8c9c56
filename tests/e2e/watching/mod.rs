//! A user interface's picture over connections that break: it ends as a fresh snapshot, and what was sent arrives once.

mod proxy;

use std::time::Duration;

use chat_client::{Connection, FollowOptions, Inbox, PageQuery, Part, Watch, WatchOptions};
use chat_proto::model::{Conversation, Message, PresenceState};
use chat_proto::{ConversationId, Role, Seq};
use chat_tests::{DEADLINE, InProcess, Person, Server, option};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::CHATD;
use proxy::Proxy;

fn options() -> WatchOptions {
    // With the usual waits a test that cuts again and again would mostly wait.
    WatchOptions::new().follow(FollowOptions::new().backoff(Duration::from_millis(2), Duration::from_millis(20)))
}

async fn until(watch: &mut Watch, what: &str, mut is_it: impl FnMut(&Inbox) -> bool) {
    let looked = timeout(DEADLINE, async {
        while !is_it(watch.inbox()) {
            assert!(watch.next().await.is_some(), "it ended before: {what}");
        }
    });
    assert!(looked.await.is_ok(), "waited in vain: {what}: {:#?}", watch.inbox().connection());
}

fn is_live(inbox: &Inbox) -> bool {
    matches!(inbox.connection(), Connection::Live) && inbox.me().is_some()
}

/// What a fresh snapshot shows: the list, and the messages of each conversation.
async fn fresh(who: &Person) -> (Vec<Conversation>, Vec<Vec<Message>>) {
    let list = who.client().conversations(&PageQuery::first().limit(200)).await.expect("a list");
    let mut messages = Vec::new();
    for conversation in &list.items {
        let mut history = Vec::new();
        let mut after = Seq::ZERO;
        loop {
            let page = who.client().messages(conversation.id, Part::After(after), Some(200)).await.expect("messages");
            after = page.items.last().map_or(after, |message| message.seq);
            history.extend(page.items);
            if !page.more_after {
                break;
            }
        }
        messages.push(history);
    }
    (list.items, messages)
}

/// The same of what is watched; all conversations have to be open.
fn watched(inbox: &Inbox) -> (Vec<Conversation>, Vec<Vec<Message>>) {
    let messages = inbox.conversations().map(|conversation| {
        let thread = inbox.thread(conversation.id);
        thread.into_iter().flat_map(chat_client::Thread::messages).cloned().collect()
    });
    // Lists show the first 20.
    let list = inbox.conversations().map(|conversation| {
        let participants = conversation.participants.iter().take(20).cloned().collect();
        Conversation { participants, ..conversation.clone() }
    });
    (list.collect(), messages.collect())
}

/// Waits until what is watched is what a fresh snapshot shows.
async fn settles(watch: &mut Watch, who: &Person) {
    let expected = fresh(who).await;
    let ids: Vec<ConversationId> = expected.0.iter().map(|conversation| conversation.id).collect();
    until(watch, "the same conversations", |inbox| inbox.conversations().map(|held| held.id).eq(ids.clone())).await;
    for id in ids {
        watch.open(id);
        loop {
            until(watch, "messages", |inbox| inbox.thread(id).is_some_and(|thread| !thread.is_loading())).await;
            if !watch.inbox().thread(id).expect("it is open").more_before() {
                break;
            }
            watch.older(id);
            until(watch, "older messages", |inbox| inbox.thread(id).expect("it is open").is_loading()).await;
        }
    }
    let same = timeout(DEADLINE, async {
        while watched(watch.inbox()) != expected {
            assert!(watch.next().await.is_some(), "it ended");
        }
    });
    if same.await.is_err() {
        let (list, messages) = watched(watch.inbox());
        for (seen, expected) in list.iter().zip(&expected.0) {
            assert_eq!(seen, expected);
        }
        for (seen, expected) in messages.iter().zip(&expected.1) {
            for (seen, expected) in seen.iter().zip(expected) {
                assert_eq!(seen, expected);
            }
            assert_eq!(seen.len(), expected.len());
        }
        panic!("they differ in length");
    }
}

#[tokio::test]
async fn what_is_unread_is_in_the_picture_however_far_down_it_is() {
    let server = InProcess::start().await;
    let door = &server.door;
    let (ana, leo) = (door.person(Role::Customer, "ana").await, door.person(Role::Agent, "leo").await);
    let order = ana.direct(&leo).await;
    ana.write(order, "Where is my order?").await.ok();
    // More than the server looks at for one part, and more than is loaded of the list.
    for number in 0..1_100 {
        leo.group(&format!("Group {number}"), &[]).await;
    }
    let mut watch = leo.client().watch(options().conversations(50));
    until(&mut watch, "all that is unread", |inbox| is_live(inbox) && !inbox.more_unread()).await;
    assert_eq!(watch.inbox().conversations().len(), 51);
    assert!(watch.inbox().conversations().next_back().is_some_and(|last| (last.id, last.unread) == (order, 1)));
    // The list comes down to it.
    while watch.inbox().more_conversations() {
        let held = watch.inbox().conversations().len();
        watch.more_conversations();
        until(&mut watch, "a part more", |inbox| inbox.conversations().len() > held).await;
    }
    assert_eq!(watch.inbox().conversations().len(), 1_101);
    assert_eq!(watch.inbox().conversations().next_back().map(|last| last.id), Some(order));
}

#[tokio::test]
async fn what_happens_is_seen_and_ends_as_a_fresh_snapshot_shows_it() {
    let server = InProcess::start().await;
    let door = &server.door;
    let leo = door.person(Role::Agent, "leo").await;
    let (ana, bo) = (door.person(Role::Customer, "ana").await, door.person(Role::Customer, "bo").await);
    let order = ana.direct(&leo).await;
    ana.write(order, "Where is my order?").await.ok();
    let mut watch = leo.client().watch(options());
    until(&mut watch, "a live connection", is_live).await;
    watch.open(order);

    // A group with more people than a list shows, who come and go.
    let mut crowd = Vec::new();
    for i in 0..22 {
        crowd.push(door.person(Role::Customer, &format!("guest{i}")).await);
    }
    let group = leo.group("Mugs", &crowd.iter().collect::<Vec<_>>()).await;
    let participants = format!("/conversations/{group}/participants");
    leo.call_with("POST", &participants, &json!({"user_id": bo.id})).await.ok();
    assert_eq!(leo.call("DELETE", &format!("{participants}/{}", crowd[3].id)).await.status, 204);
    bo.write(group, "Hello everybody").await.ok();
    crowd[0].call_with("POST", &format!("/conversations/{group}/read"), &json!({"seq": 1})).await;
    ana.write(order, "Hello?").await.ok();
    leo.call_with("PATCH", "/me", &json!({"name": "Leo M."})).await.ok();
    let mugs = bo.direct(&leo).await;
    bo.write(mugs, "Just me").await.ok();
    settles(&mut watch, &leo).await;

    // Written here, read here.
    watch.send(order, "It left today.").expect("there is room");
    until(&mut watch, "my message", |inbox| inbox.outgoing().count() == 0).await;
    watch.read(mugs, Seq(1));
    until(&mut watch, "my mark", |inbox| inbox.conversation(mugs).is_some_and(|row| row.unread == 0)).await;
    settles(&mut watch, &leo).await;

    // What happens to a message afterwards, and marks that go back.
    let question = ana.write(order, "Are you sure?").await.ok();
    let path = |id: &serde_json::Value| format!("/conversations/{order}/messages/{}", id.as_str().expect("an id"));
    let (edited, deleted) = (path(&question["id"]), path(&ana.write(order, "Forget it").await.ok()["id"]));
    ana.call_with("PATCH", &edited, &json!({"text": "Are you really sure?"})).await.ok();
    ana.call("DELETE", &deleted).await;
    bo.call_with("POST", &format!("/conversations/{group}/delivered"), &json!({"seq": 1})).await;
    leo.call("PUT", &format!("{edited}/reactions/%F0%9F%91%8D")).await.ok();
    leo.call_with("POST", &format!("/conversations/{mugs}/unread"), &json!({"seq": 0})).await;
    until(&mut watch, "that it is unread", |inbox| inbox.conversation(mugs).is_some_and(|row| row.unread == 1)).await;
    settles(&mut watch, &leo).await;
    let thread = watch.inbox().thread(order).expect("it is open");
    let texts: Vec<&str> = thread.messages().rev().take(2).map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["", "Are you really sure?"]);

    // Who is there, and who writes.
    until(&mut watch, "nobody else", |inbox| inbox.presence(ana.id) == PresenceState::Offline).await;
    let mut socket = ana.socket().await;
    until(&mut watch, "that she came", |inbox| inbox.presence(ana.id) == PresenceState::Online).await;
    socket.say(&json!({"t": "typing", "conv": order, "on": true})).await;
    until(&mut watch, "that she writes", |inbox| inbox.typing(order).eq([ana.id])).await;
    socket.close().await;
    until(&mut watch, "that she went", |inbox| inbox.presence(ana.id) == PresenceState::Offline).await;

    // Out of the group, and in again.
    assert_eq!(leo.call("DELETE", &format!("{participants}/{}", leo.id)).await.status, 204);
    until(&mut watch, "that it is gone", |inbox| inbox.conversation(group).is_none()).await;
    settles(&mut watch, &leo).await;
    watch.close().await;
}

/// However slow the machine is, so many connections are cut, and so much is written by each.
const FEWEST_CUTS: usize = 20;
const FEWEST_WRITTEN: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_connections_that_are_cut_nothing_is_lost_doubled_or_disordered() {
    let seconds = option("CHAT_CUT_SECONDS").unwrap_or(4);
    let mut server = Server::start(CHATD).await;
    let door = server.door();
    let leo = door.person(Role::Agent, "leo").await;
    let mut people = vec![leo.clone()];
    for name in ["ana", "bo", "cem"] {
        people.push(door.person(Role::Customer, name).await);
    }
    let mut rooms = Vec::new();
    for customer in &people[1..] {
        rooms.push(leo.direct(customer).await);
    }
    rooms.push(leo.group("All", &people[1..].iter().collect::<Vec<_>>()).await);
    let proxy = Proxy::to(door.address).await;

    let end = Instant::now() + Duration::from_secs(seconds);
    let mut talking = JoinSet::new();
    for (i, person) in people.iter().enumerate() {
        // An agent is in all conversations, a customer in their own and the common one.
        let mine = if i == 0 { rooms.clone() } else { vec![rooms[i - 1], rooms[3]] };
        talking.spawn(talk(proxy.before(person), mine, end));
    }
    let mut chance = 0x5eed_u64;
    let mut cuts = 0;
    let mut restarted = false;
    while Instant::now() < end || cuts <= FEWEST_CUTS {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        sleep_until(Instant::now() + Duration::from_millis(20 + (chance >> 33) % 180)).await;
        cuts += proxy.cut();
        if !restarted && end.saturating_duration_since(Instant::now()) < Duration::from_secs(seconds / 2) {
            restarted = true;
            server.kill();
            server.spawn();
            proxy.moved(server.ready().await);
        }
    }

    let mut sent = Vec::new();
    let mut watches = Vec::new();
    while let Some(talked) = talking.join_next().await {
        let (watch, texts) = talked.expect("no panic");
        watches.push(watch);
        sent.push(texts);
    }
    for watch in &mut watches {
        until(watch, "everything is sent", |inbox| is_live(inbox) && inbox.outgoing().count() == 0).await;
    }
    for watch in &mut watches {
        let me = watch.inbox().me().expect("it was loaded").id;
        let who = people.iter().find(|person| person.id == me).expect("one of us").at(server.door());
        settles(watch, &who).await;
    }
    // Each message once, and those of one author in the order in which they were written.
    let leo = leo.at(server.door());
    let (list, messages) = fresh(&leo).await;
    for texts in sent {
        for (conversation, history) in list.iter().zip(&messages) {
            let stored = history.iter().map(|message| message.text.as_str());
            let stored: Vec<&str> = stored.filter(|text| texts.iter().any(|(_, sent)| sent == text)).collect();
            let written: Vec<&str> =
                texts.iter().filter(|(to, _)| *to == conversation.id).map(|(_, text)| text.as_str()).collect();
            assert_eq!(stored, written);
        }
    }
}

/// Watches, and writes into all conversations in turn, whatever the connection does. What was written, and where.
async fn talk(who: Person, rooms: Vec<ConversationId>, end: Instant) -> (Watch, Vec<(ConversationId, String)>) {
    let mut watch = who.client().watch(options());
    let mut written = Vec::new();
    let mut next = Instant::now();
    while Instant::now() < end || written.len() < FEWEST_WRITTEN {
        tokio::select! {
            diffs = watch.next() => assert!(diffs.is_some(), "{:?}", watch.inbox().connection()),
            () = sleep_until(next) => {
                next += Duration::from_millis(15);
                let room = rooms[written.len() % rooms.len()];
                let text = format!("{} {}", who.email, written.len());
                // The outbox has its bound; what does not fit is not written.
                if watch.send(room, &text).is_ok() {
                    written.push((room, text));
                }
                if written.len() == 20 {
                    for room in &rooms {
                        watch.open(*room);
                    }
                }
            }
        }
    }
    (watch, written)
}
