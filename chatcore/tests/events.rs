//! Following events: nothing is missed, however slow or restless the reader is.

use std::task::{Context, Waker};
use std::time::Duration;

use chatcore::{Chat, Event, EventStream, Incoming, Limits, NewPerson};

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
