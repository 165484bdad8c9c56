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

#[tokio::test]
async fn what_overflows_the_mailbox_while_a_page_is_being_read_is_told_all_the_same() {
    let mut limits = Limits::default();
    limits.mailbox = 2;
    let chat = Chat::builder().limits(limits).open().await.unwrap();
    let ana = chat.people().create(NewPerson::customer("ana@mail.example")).await.unwrap();
    let leo = chat.people().create(NewPerson::agent("leo@shop.example")).await.unwrap();
    let (conversation, _) = chat.as_user(ana.id).open_direct(leo.id).await.unwrap();
    let order = chat.as_user(ana.id).conversation(conversation.id);
    let before = chat.as_user(leo.id).events().await.unwrap().cursor();
    order.send("1").await.unwrap();

    let mut news = chat.as_user(leo.id).events_after(&before).await.unwrap();
    // Polled once, so that the page is asked for, and given up: the page shows one message.
    {
        let next = std::pin::pin!(news.next());
        assert!(next.poll(&mut Context::from_waker(Waker::noop())).is_pending(), "the page is read elsewhere");
    }
    for text in ["2", "3", "4", "5", "6", "7", "8"] {
        order.send(text).await.unwrap();
    }
    for seq in 1..=8 {
        assert_eq!(next_seq(&mut news).await, seq);
    }
}
