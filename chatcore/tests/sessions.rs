//! Sign-ins over time.

use std::sync::Arc;
use std::time::Duration;

use std::sync::atomic::{AtomicBool, Ordering};

use chatcore::state::{Command, Minter};
use chatcore::store::memory::MemoryStore;
use chatcore::store::{Committed, Keep, Store, StoreError, StoreErrorKind, View};
use chatcore::testing::ManualClock;
use chatcore::{Chat, Clock, ErrorCode, NewPerson, Origin, Rules, Timestamp};

#[tokio::test]
async fn a_clock_that_was_set_forward_once_ends_no_later_session() {
    let today = Timestamp::from_millis(1_800_000_000_000);
    let clock = Arc::new(ManualClock::at(today));
    let half_a_day = Duration::from_hours(12);
    let builder = Chat::builder().clock(clock.clone()).cheap_passwords().refresh_ttl(half_a_day);
    let chat = builder.open().await.unwrap();
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

/// A store on a disk that can be full.
#[derive(Debug)]
struct Full {
    store: MemoryStore,
    full: AtomicBool,
}

impl Store for Full {
    fn commit(&self, batch: Vec<Command>, rules: &Rules, minter: &mut Minter) -> Result<Committed, StoreError> {
        if self.full.load(Ordering::Acquire) {
            return Err(StoreError::new(StoreErrorKind::Full, "no space left"));
        }
        self.store.commit(batch, rules, minter)
    }

    fn maintain(&self) -> Result<bool, StoreError> {
        self.store.maintain()
    }

    fn keep_up(&self) -> Result<(), StoreError> {
        self.store.keep_up()
    }

    fn trim(&self, keep: &Keep) -> Result<bool, StoreError> {
        self.store.trim(keep)
    }

    fn view(&self) -> Arc<dyn View> {
        self.store.view()
    }

    fn reopen(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test]
async fn signing_out_works_while_the_disk_is_full_and_is_stored_before_anything_else() {
    let store = Arc::new(Full { store: MemoryStore::new(1), full: AtomicBool::new(false) });
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let chat = Chat::builder().store(store.clone()).clock(clock.clone()).cheap_passwords().open().await.unwrap();
    let (email, password) = ("ana@mail.example", "correct horse".to_owned());
    chat.register(email, "Ana", password.clone()).await.unwrap();
    let one = chat.login(email, password.clone()).await.unwrap();
    let other = chat.login(email, password.clone()).await.unwrap();
    let (ones, others) = (chat.authenticate(&one.token).unwrap(), chat.authenticate(&other.token).unwrap());
    let mut news = ones.events().await.unwrap();

    store.full.store(true, Ordering::Release);
    let entrance = chat.entrance(Origin::default());
    let codes = [
        entrance.login(email, password.clone()).await.unwrap_err().code(),
        entrance.refresh(&other.refresh_token).await.unwrap_err().code(),
        others.end_session(one.session).await.unwrap_err().code(),
        others.rename("Anna").await.unwrap_err().code(),
    ];
    assert_eq!(codes, [ErrorCode::StorageFull; 4]);
    ones.log_out().await.expect("in memory");
    while let Some(told) = news.next().await {
        told.unwrap();
    }
    assert!(news.has_ended());
    for refused in [
        chat.authenticate(&one.token).unwrap_err(),
        ones.me().await.unwrap_err(),
        entrance.refresh(&one.refresh_token).await.unwrap_err(),
    ] {
        assert_eq!(refused.code(), ErrorCode::TokenRevoked);
    }
    assert_eq!(others.sessions().await.unwrap().items.len(), 3, "it is not on disk yet");

    store.full.store(false, Ordering::Release);
    clock.advance(Duration::from_secs(5));
    // Asked for earlier, carried out later than the end of the session.
    assert_eq!(ones.rename("Eve").await.unwrap_err().code(), ErrorCode::TokenRevoked);
    let left: Vec<_> = others.sessions().await.unwrap().items.iter().map(|session| session.id).collect();
    assert!(left.len() == 2 && !left.contains(&one.session));
    entrance.refresh(&other.refresh_token).await.expect("the refusal has not spent it");
}

#[tokio::test]
async fn a_lasting_token_is_good_until_its_session_ends_and_no_longer() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let (day, access) = (Duration::from_hours(24), Duration::from_mins(15));
    let builder = Chat::builder().clock(clock.clone()).cheap_passwords().access_ttl(access).refresh_ttl(90 * day);
    let chat = builder.open().await.unwrap();
    let password = || "correct horse".to_owned();
    chat.register("ana@mail.example", "Ana", password()).await.unwrap();
    let lasting = || chat.entrance(Origin::default()).with_lasting_tokens();
    let [first, second, third] = [
        lasting().login("ana@mail.example", password()).await.unwrap(),
        lasting().login("ana@mail.example", password()).await.unwrap(),
        lasting().login("ana@mail.example", password()).await.unwrap(),
    ];
    assert_eq!(first.expires_in, 90 * day);
    let usual = chat.login("ana@mail.example", password()).await.unwrap();
    assert_eq!(usual.expires_in, access, "only who asks for it gets one");

    clock.advance(89 * day);
    let ana = |token: &str| chat.authenticate(token).map_err(|error| error.code());
    assert_eq!(ana(&usual.token).unwrap_err(), ErrorCode::TokenExpired);
    ana(&first.token).unwrap().me().await.unwrap();
    // Signing out, or another password, ends it at once.
    ana(&second.token).unwrap().log_out().await.unwrap();
    let dead = async |token: &str| ana(token).unwrap().me().await.unwrap_err().code();
    assert_eq!(dead(&second.token).await, ErrorCode::TokenRevoked);
    ana(&first.token).unwrap().change_password(password(), "another horse".to_owned()).await.unwrap();
    assert_eq!(dead(&third.token).await, ErrorCode::TokenRevoked);
    clock.advance(2 * day);
    assert_eq!(ana(&first.token).unwrap_err(), ErrorCode::TokenExpired);
}
