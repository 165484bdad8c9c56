//! What is changed after it was sent, marks, and what is said in passing.

use chat_client::{Client, Diff, Draft, Request, Update, WatchOptions};
use chat_proto::model::DeviceState;
use chat_proto::{ErrorCode, MessageId, Seq};
use serde_json::{Value, json};

use crate::fake_daemon::FakeDaemon;
use crate::fake_http::{FakeHttp, Reply};
use crate::fake_socket::{FakeListener, FakeSocket};
use crate::follow::{news, open, soon};
use crate::values::{alice, conv, conversation, event, message, user};

fn id() -> MessageId {
    "msg_01kay8m2r3f9vvk1a2b3c4d5e1".parse().unwrap()
}

async fn asked(socket: &mut FakeSocket, t: &str) -> Value {
    let frame = socket.frame().await;
    assert_eq!(frame["t"], t, "{frame}");
    frame
}

async fn ok(socket: &mut FakeSocket, frame: &Value) {
    socket.say(&json!({"t": "ok", "re": frame["re"], "d": message(1, "as it is now")})).await;
}

async fn err(socket: &mut FakeSocket, frame: &Value, code: ErrorCode) {
    socket
        .say(&json!({"t": "err", "re": frame["re"], "code": code, "status": code.status(), "detail": "No.",
            "retryable": code.is_retryable()}))
        .await;
}

#[tokio::test]
async fn changes_have_their_routes() {
    let replies = (0..4).map(|_| Reply::Json(200, message(1, "Hi")));
    let revisions = json!({"items": [{"version": 1, "text": "Ho", "at": "2026-11-22T14:07:03.250Z"}]});
    let rest = [Reply::Json(200, revisions), Reply::Raw(204, Vec::new()), Reply::Raw(204, Vec::new())];
    let server = FakeHttp::answering(replies.chain(rest)).await;
    let client = Client::with_token(&server.url, "aaa").unwrap();
    client.edit(conv(), id(), "Hi").await.unwrap();
    client.delete_message(conv(), id()).await.unwrap();
    client.react(conv(), id(), "👍", true).await.unwrap();
    client.react(conv(), id(), "👍", false).await.unwrap();
    assert_eq!(client.revisions(conv(), id()).await.unwrap()[0].text, "Ho");
    client.mark_unread(conv(), Seq(2)).await.unwrap();
    client.mark_delivered(conv(), Seq(3)).await.unwrap();
    let at = format!("/api/v1/conversations/{}", conv());
    let of = format!("{at}/messages/{}", id());
    assert_eq!(
        server.asked(),
        [
            format!(r#"PATCH {of} {{"text":"Hi"}}"#),
            format!("DELETE {of}"),
            format!("PUT {of}/reactions/%F0%9F%91%8D"),
            format!("DELETE {of}/reactions/%F0%9F%91%8D"),
            format!("GET {of}/history"),
            format!(r#"POST {at}/unread {{"seq":2}}"#),
            format!(r#"POST {at}/delivered {{"seq":3}}"#),
        ]
    );
}

#[tokio::test]
async fn changes_have_their_frames() {
    let server = FakeListener::new().await;
    let (live, mut socket) = server.connected().await;
    let sender = live.sender();
    let name = "a-1".parse().unwrap();
    let draft = Draft::text("two").reply_to(id()).mentions(vec![alice()]).if_last_seq(Seq(1));
    let (made, ()) = tokio::join!(sender.send(conv(), &name, draft), async {
        let send = asked(&mut socket, "send").await;
        assert_eq!((&send["reply_to"], &send["mentions"]), (&json!(id()), &json!([alice()])));
        assert_eq!(send["if_last_seq"], 1);
        err(&mut socket, &send, ErrorCode::NewerMessages).await;
    });
    assert_eq!(made.unwrap_err().code(), Some(ErrorCode::NewerMessages));
    let answers = async {
        for (t, field, value) in [
            ("edit", "if_version", json!(2)),
            ("delete", "id", json!(id())),
            ("react", "on", json!(true)),
            ("unread", "seq", json!(4)),
            ("delivered", "seq", json!(5)),
        ] {
            let frame = asked(&mut socket, t).await;
            assert_eq!(frame[field], value, "{frame}");
            ok(&mut socket, &frame).await;
        }
        assert_eq!(asked(&mut socket, "viewing").await["on"], true);
        assert_eq!(asked(&mut socket, "presence").await["state"], "away");
    };
    let asking = async {
        sender.edit(conv(), id(), "Hi", Some(2)).await.unwrap();
        sender.delete(conv(), id(), None).await.unwrap();
        sender.react(conv(), id(), "👍", true).await.unwrap();
        sender.unread(conv(), Seq(4)).await.unwrap();
        sender.delivered(conv(), Seq(5)).await.unwrap();
        sender.viewing(conv(), true).await.unwrap();
        sender.presence(DeviceState::Away).await.unwrap();
    };
    tokio::join!(answers, asking);
}

#[tokio::test]
async fn requests_are_repeated_over_connections_in_order_and_a_refusal_is_told() {
    let server = FakeListener::new().await;
    let (follower, mut updates) = server.client.follow(soon());
    let edit =
        |text: &str| Request::Edit { conversation: conv(), message: id(), text: text.to_owned(), if_version: None };
    follower.request(edit("one")).unwrap();
    follower.request(edit("two")).unwrap();
    follower.request(Request::Unread { conversation: conv(), seq: Seq(1) }).unwrap();
    follower.delivered(conv(), Seq(7));

    let (_, mut socket) = server.welcomed().await;
    assert_eq!(asked(&mut socket, "edit").await["text"], "one");
    assert_eq!(asked(&mut socket, "delivered").await["seq"], 7);
    drop(socket);
    let (_, mut socket) = server.welcomed().await;
    let mark = asked(&mut socket, "delivered").await;
    ok(&mut socket, &mark).await;
    // What may have been carried out is repeated when all that was missed is told.
    socket.say(&json!({"t": "live", "c": "c1"})).await;
    let one = asked(&mut socket, "edit").await;
    assert_eq!(one["text"], "one");
    err(&mut socket, &one, ErrorCode::Unavailable).await;
    let again = asked(&mut socket, "edit").await;
    assert_eq!(again["text"], "one");
    err(&mut socket, &again, ErrorCode::Forbidden).await;
    assert_matches!(news(&mut updates).await, Update::Cursor(_));
    assert_matches!(news(&mut updates).await, Update::Refused { request, error }
        if request == edit("one") && error.code() == Some(ErrorCode::Forbidden));
    let two = asked(&mut socket, "edit").await;
    assert_eq!(two["text"], "two");
    ok(&mut socket, &two).await;
    asked(&mut socket, "unread").await;
}

#[tokio::test]
async fn an_edit_whose_confirmation_was_lost_undoes_nothing() {
    let server = FakeListener::new().await;
    let (follower, mut updates) = server.client.follow(soon());
    let edit =
        |text: &str| Request::Edit { conversation: conv(), message: id(), text: text.to_owned(), if_version: Some(1) };
    for text in ["mine", "mine too"] {
        follower.request(edit(text)).unwrap();
    }
    let (_, mut socket) = server.welcomed().await;
    let first = asked(&mut socket, "edit").await;
    assert_eq!((&first["text"], &first["if_version"]), (&json!("mine"), &json!(1)));
    drop(socket);

    // It was carried out, as is told before all is told: it is not repeated.
    let (_, mut socket) = server.welcomed().await;
    let mut told = message(1, "mine");
    told["id"] = json!(id());
    socket.say(&event(1, "message.edited", &told)).await;
    assert_matches!(news(&mut updates).await, Update::Event(_));
    let second = asked(&mut socket, "edit").await;
    assert_eq!((&second["text"], &second["if_version"]), (&json!("mine too"), &json!(1)), "the next one, at once");
    drop(socket);

    // What another device has written since stays: the repetition says again what it was made on.
    let (_, mut socket) = server.welcomed().await;
    told["text"] = json!("another device's");
    socket.say(&event(1, "message.edited", &told)).await;
    socket.say(&json!({"t": "live", "c": "c2"})).await;
    let again = asked(&mut socket, "edit").await;
    assert_eq!((&again["text"], &again["if_version"]), (&json!("mine too"), &json!(1)));
    err(&mut socket, &again, ErrorCode::VersionMismatch).await;
    assert_matches!(news(&mut updates).await, Update::Event(_));
    assert_matches!(news(&mut updates).await, Update::Cursor(_));
    assert_matches!(news(&mut updates).await, Update::Refused { request, error }
        if request == edit("mine too") && error.code() == Some(ErrorCode::VersionMismatch));
}

#[tokio::test]
async fn of_reading_and_marking_as_unread_the_later_one_counts() {
    let server = FakeListener::new().await;
    let (follower, _updates) = server.client.follow(soon());
    let unread = |seq| Request::Unread { conversation: conv(), seq: Seq(seq) };
    follower.read(conv(), Seq(9));
    follower.request(unread(5)).unwrap();
    let (_, mut socket) = server.welcomed().await;
    let frame = asked(&mut socket, "unread").await;
    assert_eq!(frame["seq"], 5);
    assert_eq!(asked(&mut socket, "read").await["seq"], 4, "and no further");
    // It left and was not answered when all was read after all, so it does not come again.
    follower.read(conv(), Seq(9));
    assert_eq!(asked(&mut socket, "read").await["seq"], 9);
    err(&mut socket, &frame, ErrorCode::Unavailable).await;
    follower.request(unread(7)).unwrap();
    // Nine was not confirmed. In either order they come to the same.
    let mut two = [socket.frame().await, socket.frame().await].map(|frame| (frame["t"].clone(), frame["seq"].clone()));
    two.sort_by_key(|(_, seq)| seq.as_u64());
    assert_eq!(two, [(json!("read"), json!(6)), (json!("unread"), json!(7))]);
    // One that has not left yet does not leave any more.
    follower.request(unread(8)).unwrap();
    follower.read(conv(), Seq(9));
    assert_eq!(asked(&mut socket, "read").await["seq"], 9);
    drop(socket);
    let (_, mut socket) = server.welcomed().await;
    assert_eq!(asked(&mut socket, "read").await["seq"], 9);
    follower.delivered(conv(), Seq(9));
    asked(&mut socket, "delivered").await;
}

#[tokio::test]
async fn what_is_refused_because_of_newer_messages_takes_back_what_came_after_it() {
    let server = FakeListener::new().await;
    let (follower, mut updates) = server.client.follow(soon());
    let (_, mut socket) = server.welcomed().await;
    let first = follower.send(conv(), Draft::text("one").if_last_seq(Seq(3))).unwrap();
    let second = follower.send(conv(), "two").unwrap();
    let send = asked(&mut socket, "send").await;
    assert_eq!(send["if_last_seq"], 3);
    err(&mut socket, &send, ErrorCode::NewerMessages).await;
    for expected in [second, first] {
        assert_matches!(news(&mut updates).await, Update::Failed { entry, .. } if entry == expected);
    }
    assert!(follower.outbox().is_empty());
    follower.send(conv(), "three").unwrap();
    assert_eq!(asked(&mut socket, "send").await["text"], "three");
}

#[tokio::test]
async fn what_holds_is_said_anew_on_each_connection() {
    let server = FakeListener::new().await;
    let (follower, mut updates) = server.client.follow(soon());
    follower.viewing(Some(conv()));
    follower.presence(DeviceState::Away);
    for _ in 0..2 {
        let (_, mut socket) = server.welcomed().await;
        assert_eq!(asked(&mut socket, "presence").await["state"], "away");
        assert_eq!(asked(&mut socket, "viewing").await["on"], true);
    }
    let (_, mut socket) = server.welcomed().await;
    open(&mut updates).await;
    asked(&mut socket, "presence").await;
    asked(&mut socket, "viewing").await;
    follower.viewing(None);
    assert_eq!(asked(&mut socket, "viewing").await["on"], false);
}

#[tokio::test]
async fn who_else_looks_is_watched() {
    let mut daemon = FakeDaemon::new().await;
    daemon.answer("/me", 200, user());
    daemon.answer(
        "/conversations?limit=200",
        200,
        json!({"items": [conversation()], "next_cursor": null, "as_of": "c"}),
    );
    let mut watch = daemon.client.watch(WatchOptions::new().follow(soon()));
    let bo = "user_01kay8m2r3f9vvk1a2b3c4d5e9";
    let told = async {
        let (_, mut socket) = daemon.welcomed().await;
        for (on, expires) in [(true, 60_000), (false, 0), (true, 1)] {
            socket
                .say(&json!({"t": "eph", "e": "viewing", "conv": conv(), "user": bo, "on": on, "expires_in_ms": expires}))
                .await;
        }
        socket
    };
    let seen = async {
        let mut seen = Vec::new();
        // The last one runs out by itself.
        while seen.len() < 4 {
            for diff in watch.next().await.unwrap() {
                if let Diff::Viewing { on, .. } = diff {
                    seen.push(on);
                }
            }
        }
        seen
    };
    let (_socket, seen) = tokio::join!(told, seen);
    assert_eq!(seen, [true, false, true, false]);
}
