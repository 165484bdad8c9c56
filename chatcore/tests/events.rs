//! Following events: nothing is missed, however slow or restless the reader is.

use std::task::{Context, Waker};
use std::time::Duration;

use std::sync::Arc;

use chatcore::model::Cursor;
use chatcore::state::Position;
use chatcore::store::memory::MemoryStore;
use chatcore::store::{Keep, Store};
use chatcore::{Chat, ErrorCode, Event, EventStream, Incoming, Limits, NewPerson, Timestamp, UserId};

/// The number of the next message that the stream tells of.
async fn next_seq(news: &mut EventStream) -> u64 {
    loop {
        let incoming = tokio::time::timeout(Duration::from_secs(20), news.next()).await.expect("in time");
        if let Incoming::Event(told) = incoming.expect("the chat is open").expect("the store works")
            && let Event::MessageCreated(message) = told.event()
        {
            return message.seq.0;
        }
    }
}

#[test]
fn what_overflows_the_mailbox_while_a_page_is_being_read_is_told_all_the_same() {
    // One thread for reading, so that the test can keep a page from being read.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(overflow_while_reading());
}

async fn overflow_while_reading() {
    let mut limits = Limits::default();
    limits.mailbox = 2;
    let chat = Chat::builder().limits(limits).open().await.expect("it works");
    let ana = chat.people().create(NewPerson::customer("ana@mail.example")).await.expect("it works");
    let leo = chat.people().create(NewPerson::agent("leo@shop.example")).await.expect("it works");
    let (conversation, _) = chat.as_user(ana.id).open_direct(leo.id).await.expect("it works");
    let order = chat.as_user(ana.id).conversation(conversation.id);
    let before = chat.as_user(leo.id).events().await.expect("it works").cursor();
    order.send("1").await.expect("it works");

    let mut news = chat.as_user(leo.id).events_after(&before).await.expect("it works");
    let (go_on, wait) = std::sync::mpsc::sync_channel::<()>(1);
    let busy = tokio::task::spawn_blocking(move || wait.recv());
    // Polled once, so that the page is asked for, and given up: the page shows one message.
    {
        let next = std::pin::pin!(news.next());
        assert!(next.poll(&mut Context::from_waker(Waker::noop())).is_pending(), "the page cannot be read yet");
    }
    for text in ["2", "3", "4", "5", "6", "7", "8"] {
        order.send(text).await.expect("it works");
    }
    go_on.send(()).expect("it works");
    busy.await.expect("it works").expect("it works");
    for seq in 1..=8 {
        assert_eq!(next_seq(&mut news).await, seq);
    }
}

/// What the stream tells until it is live, in short.
async fn told(mut news: EventStream) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let incoming = tokio::time::timeout(Duration::from_secs(20), news.next()).await.expect("in time");
        match incoming.expect("the chat is open").expect("the store works") {
            Incoming::Event(event) => told.push(format!("{:?}", event.event())),
            Incoming::Live => return told,
            _ => {}
        }
    }
}

async fn follow(chat: &Chat, user: UserId, cursor: &Cursor) -> Vec<String> {
    told(chat.as_user(user).events_after(cursor).await.expect("it can be followed")).await
}

/// A person in few conversations is told by the indexes, one in many by the log: both are told the same of what they
/// share.
#[tokio::test]
async fn who_missed_much_is_told_the_same_by_either_way() {
    let chat = Chat::in_memory().await.expect("it works");
    let people = chat.people();
    let ana = people.create(NewPerson::customer("ana@mail.example")).await.expect("it works").id;
    let leo = people.create(NewPerson::agent("leo@shop.example")).await.expect("it works").id;
    let mia = people.create(NewPerson::agent("mia@shop.example")).await.expect("it works").id;
    // So many that looking at each would cost more than reading what happens below.
    for _ in 0..700 {
        chat.as_user(leo).create_group(None, Vec::new()).await.expect("it works");
    }
    let before = chat.as_user(ana).events().await.expect("it works").cursor();
    let group = chat.as_user(leo).create_group(None, vec![ana, mia]).await.expect("it works").id;
    for i in 0..300 {
        let noise = chat.as_user(leo).create_group(None, Vec::new()).await.expect("it works").id;
        chat.as_user(leo).conversation(noise).send(format!("noise {i}")).await.expect("it works");
        // Ana cannot write while she is out.
        let author = if (151..=160).contains(&i) { leo } else { [ana, leo, mia][i % 3] };
        let sent = chat.as_user(author).conversation(group).send(format!("{i}")).await.expect("it works");
        match i {
            100 => drop(chat.as_user(author).conversation(group).edit(sent.message.id, "changed", None).await),
            150 => chat.as_user(leo).conversation(group).remove(ana).await.expect("it works"),
            160 => drop(chat.as_user(leo).conversation(group).add(ana).await.expect("it works")),
            170 => chat.as_user(leo).conversation(group).remove(mia).await.expect("it works"),
            _ => continue,
        }
        if i == 150 {
            for j in 0..9 {
                chat.as_user(mia).conversation(group).send(format!("without ana {j}")).await.expect("it works");
            }
        }
        if i == 170 {
            break;
        }
    }
    let of_group = |told: Vec<String>| -> Vec<String> {
        told.into_iter().filter(|event| !event.contains("noise") && event.contains(&group.to_string())).collect()
    };
    let (anas, leos) = (of_group(follow(&chat, ana, &before).await), of_group(follow(&chat, leo, &before).await));
    assert!(!anas.iter().any(|event| event.contains("without ana")), "what was said while she was out is not hers");
    assert!(anas.iter().any(|event| event.starts_with("ParticipantRemoved")), "she is told that she was put out");
    let since_her_return = |told: &[String]| -> Vec<String> {
        let is_one = |event: &&String| (161..170).any(|i| event.contains(&format!("text: \"{i}\"")));
        let shown = told.iter().filter(is_one);
        // Only its author sees the name.
        shown.map(|event| event.split("client_id").next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(since_her_return(&anas).len(), 9, "{anas:?}");
    assert_eq!(since_her_return(&anas), since_her_return(&leos));
    // Whoever is out at the end is told of that and of nothing else.
    let mias = of_group(follow(&chat, mia, &before).await);
    assert_eq!(mias.len(), 1, "{mias:?}");
    assert!(mias[0].starts_with("ParticipantRemoved"), "{mias:?}");
}

#[tokio::test]
async fn a_cursor_from_before_what_is_kept_needs_a_snapshot() {
    let store = Arc::new(MemoryStore::new(7));
    let chat = Chat::builder().store(Arc::clone(&store) as Arc<dyn Store>).open().await.expect("it works");
    let ana = chat.people().create(NewPerson::customer("ana@mail.example")).await.expect("it works");
    let leo = chat.people().create(NewPerson::agent("leo@shop.example")).await.expect("it works");
    let (conversation, _) = chat.as_user(ana.id).open_direct(leo.id).await.expect("it works");
    let order = chat.as_user(ana.id).conversation(conversation.id);
    let mut cursors = vec![chat.as_user(leo.id).events().await.expect("it works").cursor()];
    for i in 0..20 {
        order.send(format!("{i}")).await.expect("it works");
        cursors.push(chat.as_user(leo.id).events().await.expect("it works").cursor());
    }
    // Follows, and is overtaken before it has read anything.
    let mut overtaken = chat.as_user(leo.id).events_after(&cursors[0]).await.expect("it works");
    store.trim(&Keep { most: 5, since: Timestamp::from_millis(0) }).expect("it works");
    assert!(matches!(overtaken.next().await, Some(Ok(Incoming::Reset))), "something is missing");
    assert_eq!(store.view().oldest().expect("readable"), Position(19));
    assert_eq!(overtaken.cursor(), *cursors.last().expect("some"));
    order.send("new").await.expect("it works");
    assert_eq!(next_seq(&mut overtaken).await, 21);
    for (i, cursor) in cursors.iter().enumerate() {
        let followed = chat.as_user(leo.id).events_after(cursor).await;
        if i < 15 {
            let refused = followed.expect_err("too old");
            assert_eq!((refused.code(), refused.detail()), (ErrorCode::InvalidCursor, "too_old"), "{i}");
        } else {
            assert_eq!(told(followed.expect("kept")).await.len(), 21 - i, "{i}");
        }
    }
}

#[tokio::test]
async fn more_than_a_mailbox_may_weigh_is_told_all_the_same() {
    let chat = Chat::in_memory().await.expect("it works");
    let ana = chat.people().create(NewPerson::customer("ana@mail.example")).await.expect("it works");
    let leo = chat.people().create(NewPerson::agent("leo@shop.example")).await.expect("it works");
    let (conversation, _) = chat.as_user(ana.id).open_direct(leo.id).await.expect("it works");
    let order = chat.as_user(ana.id).conversation(conversation.id);
    let mut news = chat.as_user(leo.id).events().await.expect("it works");
    while !matches!(news.next().await, Some(Ok(Incoming::Live))) {}
    // Fewer than a mailbox may hold, but three times as heavy; the short ones in between would find room.
    let long = "x".repeat(16_000);
    for seq in 1..=200 {
        order.send(if seq % 3 == 0 { "short" } else { &long }).await.expect("it works");
    }
    for seq in 1..=200 {
        assert_eq!(next_seq(&mut news).await, seq);
    }
}
