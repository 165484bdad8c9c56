//! Watching: what is loaded, from where it is followed, and what happens when that cannot be done.

use std::time::Duration;

use chat_client::{Connection, Diff, FollowOptions, Watch, WatchOptions};
use chat_proto::{ConversationId, ErrorCode};
use serde_json::{Value, json};

use crate::fake_daemon::{FakeDaemon, problem};
use crate::values::{alice, conv, conversation, event, message, user, welcome};

const LIST: &str = "/conversations?limit=200";

fn elsewhere() -> ConversationId {
    "conv_01kay8m2r3f9vvk1a2b3c4d5e2".parse().unwrap()
}

fn row(id: ConversationId) -> Value {
    let mut row = conversation();
    row["id"] = json!(id);
    row
}

fn page(rows: &[Value], next: Option<&str>, as_of: &str) -> Value {
    json!({"items": rows, "next_cursor": next, "as_of": as_of})
}

fn history(messages: &[Value], more_before: bool) -> Value {
    json!({"items": messages, "more_before": more_before, "more_after": false, "as_of": "c-history"})
}

fn options() -> WatchOptions {
    WatchOptions::new().follow(FollowOptions::new().backoff(Duration::from_millis(1), Duration::from_millis(2)))
}

/// A daemon with one conversation.
async fn daemon() -> FakeDaemon {
    let daemon = FakeDaemon::new().await;
    daemon.answer("/me", 200, user());
    daemon.answer(LIST, 200, page(&[row(conv())], None, "c-first"));
    daemon
}

/// Takes diffs until the inbox is like this.
async fn until(watch: &mut Watch, what: &str, is_it: impl Fn(&Watch) -> bool) {
    while !is_it(watch) {
        assert!(watch.next().await.is_some(), "it ended before: {what}");
    }
}

async fn live(watch: &mut Watch, daemon: &mut FakeDaemon, resume: &str) -> crate::fake_socket::FakeSocket {
    let welcomed = async {
        let (hello, mut socket) = daemon.welcomed().await;
        assert_eq!(hello["resume"], resume);
        socket.say(&json!({"t": "live", "c": "c-live"})).await;
        socket
    };
    let is_live = until(watch, "a live connection", |watch| matches!(watch.inbox().connection(), Connection::Live));
    tokio::join!(welcomed, is_live).0
}

#[tokio::test]
async fn pages_are_loaded_and_followed_from_the_first() {
    let mut daemon = daemon().await;
    daemon.answer(LIST, 200, page(&[row(conv())], Some("p2"), "c-first"));
    daemon.answer("/conversations?limit=200&cursor=p2", 200, page(&[row(elsewhere())], Some("p3"), "c-second"));
    let third: ConversationId = "conv_01kay8m2r3f9vvk1a2b3c4d5e3".parse().unwrap();
    daemon.answer("/conversations?limit=200&cursor=p3", 200, page(&[row(third)], None, "c-third"));
    let mut watch = daemon.client.watch(options().conversations(201));
    until(&mut watch, "everything", |watch| watch.inbox().me().is_some()).await;
    // 201 rows are not reached with these pages, but a page is never asked for twice.
    assert!(watch.inbox().conversations().map(|held| held.id).eq([conv(), elsewhere(), third]));
    live(&mut watch, &mut daemon, "c-first").await;

    let mut watch = daemon.client.watch(options().conversations(1));
    daemon.answer("/conversations?limit=1", 200, page(&[row(conv())], Some("p2"), "c-first"));
    until(&mut watch, "the first page", |watch| watch.inbox().me().is_some()).await;
    assert!(watch.inbox().more_conversations());
    for _ in 0..3 {
        watch.more_conversations();
    }
    until(&mut watch, "the second page", |watch| watch.inbox().conversations().len() == 2).await;
    watch.more_conversations();
    until(&mut watch, "the third page", |watch| !watch.inbox().more_conversations()).await;
    assert_eq!(watch.inbox().conversations().len(), 3);
}

#[tokio::test]
async fn what_is_unread_below_the_list_comes_by_itself() {
    let daemon = daemon().await;
    daemon.answer("/conversations?limit=1", 200, page(&[row(conv())], Some("p2"), "c-first"));
    let unread = "/conversations?limit=200&cursor=p2&unread=true";
    daemon.answer(unread, 200, page(&[], Some("p3"), "c-second"));
    let mut news = row(elsewhere());
    (news["last_seq"], news["unread"]) = (json!(1), json!(1));
    daemon.answer("/conversations?limit=200&cursor=p3&unread=true", 200, page(&[news], None, "c-third"));
    let mut watch = daemon.client.watch(options().conversations(1));
    until(&mut watch, "all that is unread", |watch| watch.inbox().me().is_some() && !watch.inbox().more_unread()).await;
    assert!(watch.inbox().conversations().map(|held| held.id).eq([conv(), elsewhere()]));
    assert!(watch.inbox().more_conversations());

    // A server that does not know what is unread is not asked for ever.
    daemon.answer(unread, 400, problem(400, "invalid"));
    let mut watch = daemon.client.watch(options().conversations(1));
    until(&mut watch, "no answer", |watch| watch.inbox().me().is_some() && !watch.inbox().more_unread()).await;
    assert_eq!(watch.inbox().conversations().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_loaded_now_is_tried_again() {
    let mut daemon = daemon().await;
    daemon.answer(LIST, 503, problem(503, "unavailable"));
    let mut watch = daemon.client.watch(options());
    let diffs = watch.next().await.unwrap();
    assert_matches!(&diffs[..], [Diff::Connection(Connection::Waiting { why, .. })]
        if why.code() == Some(ErrorCode::Unavailable));
    daemon.answer(LIST, 200, page(&[row(conv())], None, "c-first"));
    live(&mut watch, &mut daemon, "c-first").await;

    let path = format!("/conversations/{}/messages?limit=100", conv());
    daemon.answer(&path, 503, problem(503, "unavailable"));
    watch.open(conv());
    until(&mut watch, "a thread that is loading", |watch| watch.inbox().thread(conv()).is_some()).await;
    let answered = async {
        while daemon.asked(&path) < 3 {
            tokio::task::yield_now().await;
        }
        daemon.answer(&path, 200, history(&[message(1, "Hello")], false));
    };
    let loaded = until(&mut watch, "messages", |watch| {
        watch.inbox().thread(conv()).is_some_and(|thread| thread.messages().count() == 1 && !thread.is_loading())
    });
    tokio::join!(answered, loaded);
}

#[tokio::test]
async fn what_can_never_be_loaded_is_told() {
    let mut daemon = daemon().await;
    let mut watch = daemon.client.watch(options());
    let mut socket = live(&mut watch, &mut daemon, "c-first").await;
    watch.open(conv());
    until(&mut watch, "that it cannot be loaded", |watch| watch.inbox().thread(conv()).is_none()).await;
    // A conversation that is gone again when it is asked for.
    let mut told = event(1, "message.created", &message(1, "Hello"));
    told["conv"] = json!(elsewhere());
    socket.say(&told).await;
    socket.say(&event(2, "message.created", &message(1, "Hi"))).await;
    until(&mut watch, "the other message", |watch| watch.inbox().conversation(conv()).unwrap().last_seq.0 == 1).await;
    assert_eq!(watch.inbox().conversations().len(), 1);

    daemon.answer(LIST, 401, problem(401, "token_expired"));
    let mut watch = daemon.client.watch(options());
    let diffs = watch.next().await.unwrap();
    assert_matches!(&diffs[..], [Diff::Connection(Connection::Ended(why))]
        if why.code() == Some(ErrorCode::TokenExpired));
    assert_matches!(watch.next().await, None);
}

#[tokio::test]
async fn requests_renew_the_token_too() {
    let mut daemon = daemon().await;
    daemon.expire("aaa.bbb.ccc");
    let options = FollowOptions::new().token_source(|| async { Ok("fresh".to_owned()) });
    let mut watch = daemon.client.watch(WatchOptions::new().follow(options));
    until(&mut watch, "everything", |watch| watch.inbox().me().is_some()).await;
    assert_eq!(daemon.welcomed().await.0["token"], "fresh");
    assert_eq!(watch.client().token(), Some("fresh"));
}

#[tokio::test]
async fn after_a_reset_the_difference_is_told_and_followed_from() {
    let mut daemon = daemon().await;
    daemon.answer(LIST, 200, page(&[row(conv()), row(elsewhere())], None, "c-first"));
    let path = format!("/conversations/{}/messages?limit=100", conv());
    daemon.answer(&path, 200, history(&[message(1, "Hello")], false));
    let mut watch = daemon.client.watch(options());
    let mut socket = live(&mut watch, &mut daemon, "c-first").await;
    watch.open(conv());
    let shows = |watch: &Watch, text: &str| {
        let thread = watch.inbox().thread(conv());
        thread.is_some_and(|thread| thread.messages().next_back().is_some_and(|message| message.text == text))
    };
    until(&mut watch, "messages", |watch| shows(watch, "Hello")).await;
    socket.close(4503).await;

    // A backup was restored: one conversation is gone, the message says something else under the same version.
    let mut restored = row(conv());
    restored["last_message"] = message(1, "Good day");
    restored["last_seq"] = json!(1);
    daemon.answer(LIST, 200, page(&[restored], None, "c-restored"));
    daemon.answer(&path, 200, history(&[message(1, "Good day")], false));
    let reset = async {
        let mut socket = daemon.socket().await;
        assert_eq!(socket.frame().await["resume"], "c-live");
        socket.say(&welcome()).await;
        socket.say(&json!({"t": "reset", "reason": "epoch_changed"})).await;
        // What comes after the hole is not taken for what came before it.
        socket.say(&event(1, "access.revoked", &json!({"conversation_id": conv()}))).await;
        socket
    };
    let mut told = Vec::new();
    let difference = async {
        while !shows(&watch, "Good day") {
            told.extend(watch.next().await.unwrap());
        }
    };
    let _socket = tokio::join!(reset, difference).0;
    let told: Vec<String> = told.iter().map(|diff| format!("{diff:?}")).collect();
    let count = |name: &str| told.iter().filter(|diff| diff.starts_with(name)).count();
    assert_eq!((count("ConversationRemoved"), count("ConversationChanged")), (1, 1), "{told:#?}");
    assert_eq!((count("ConversationInserted"), count("MessageChanged")), (0, 1), "{told:#?}");
    assert_eq!(watch.inbox().conversations().len(), 1);
    assert_eq!(daemon.welcomed().await.0["resume"], "c-restored");
}

#[tokio::test]
async fn what_is_sent_is_shown_at_once_and_until_it_is_told() {
    let mut daemon = daemon().await;
    let mut watch = daemon.client.watch(options());
    let kept = watch.put_back(Vec::new());
    assert!(kept.is_empty());
    let mut socket = live(&mut watch, &mut daemon, "c-first").await;
    let entry = watch.send(conv(), "Hello").unwrap();
    let diffs = watch.next().await.unwrap();
    assert_matches!(&diffs[..], [Diff::OutgoingAdded(added)] if *added == entry);
    let send = socket.frame().await;
    let mut mine = message(1, "Hello");
    mine["client_id"] = send["client_id"].clone();
    socket.say(&json!({"t": "ok", "re": send["re"], "d": mine})).await;
    let diffs = watch.next().await.unwrap();
    assert_matches!(&diffs[..], [Diff::OutgoingStored { client_id }] if *client_id == entry.client_id);
    let mut told = event(1, "message.created", &mine);
    told["cid"] = send["client_id"].clone();
    socket.say(&told).await;
    until(&mut watch, "the event", |watch| watch.inbox().outgoing().count() == 0).await;
    let row = watch.inbox().conversation(conv()).unwrap();
    assert_eq!((row.last_seq.0, row.unread, row.last_message.as_ref().unwrap().author.id), (1, 0, alice()));

    // What is not sent can be taken elsewhere.
    drop(socket);
    watch.send(conv(), "Later").unwrap();
    let kept = watch.take_outbox();
    assert_eq!(kept.len(), 1);
    until(&mut watch, "nothing outgoing", |watch| watch.inbox().outgoing().count() == 0).await;
    watch.close().await;
    let ended = |watch: &Watch| matches!(watch.inbox().connection(), Connection::Ended(_));
    until(&mut watch, "the end", ended).await;
    let watch = daemon.client.watch(WatchOptions::new().follow(FollowOptions::new().outbox(kept)));
    assert_eq!(watch.inbox().outgoing().count(), 1);
}
