//! Sign-ins over time.

use std::sync::Arc;
use std::time::Duration;

use chatcore::testing::ManualClock;
use chatcore::{Chat, Clock, ErrorCode, NewPerson, Timestamp};

#[tokio::test]
async fn a_clock_that_was_set_forward_once_ends_no_later_session() {
    let today = Timestamp::from_millis(1_800_000_000_000);
    let clock = Arc::new(ManualClock::at(today));
    let chat = Chat::builder().clock(clock.clone()).cheap_passwords().open().await.unwrap();
    let leo = chat.people().create(NewPerson::agent("leo@shop.example")).await.unwrap();
    clock.set(today.after(Duration::from_hours(24 * 30)));
    chat.register("ana@mail.example", "Ana", "correct horse".to_owned()).await.unwrap();
    clock.set(today);

    let ana = chat.login("ana@mail.example", "correct horse".to_owned()).await.unwrap();
    let ana = chat.authenticate(&ana.token).unwrap();
    let (order, _) = ana.open_direct(leo.id).await.expect("the session is young");
    ana.conversation(order.id).send("Hello").await.expect("the session is young");

    clock.advance(Duration::from_hours(13));
    assert!(clock.now() < today.after(Duration::from_hours(24)), "and still it ends when its time is over");
    assert_eq!(ana.conversation(order.id).send("Late").await.unwrap_err().code(), ErrorCode::TokenExpired);
}
