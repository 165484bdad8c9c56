//! Who has a conversation open: told to the staff in it, and to nobody who should not know that they are looked at.

use std::sync::Arc;
use std::time::Duration;

use chatcore::testing::ManualClock;
use chatcore::{
    Chat, ConversationId, ErrorCode, Event, EventStream, Incoming, Limits, NewPerson, Signal, Timestamp, UserId,
};

const SECOND: Duration = Duration::from_secs(1);

/// Two customers and two agents in one group, and a clock that the test turns.
struct Shop {
    chat: Chat,
    clock: Arc<ManualClock>,
    ana: UserId,
    bo: UserId,
    leo: UserId,
    mia: UserId,
    order: ConversationId,
}

impl Shop {
    async fn open() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        let mut limits = Limits::default();
        limits.connections_per_user = 100;
        let chat = Chat::builder().clock(Arc::clone(&clock) as Arc<_>).limits(limits).open().await.expect("it works");
        let people = chat.people();
        let ana = people.create(NewPerson::customer("ana@mail.example")).await.expect("it works").id;
        let bo = people.create(NewPerson::customer("bo@mail.example")).await.expect("it works").id;
        let leo = people.create(NewPerson::agent("leo@shop.example")).await.expect("it works").id;
        let mia = people.create(NewPerson::agent("mia@shop.example")).await.expect("it works").id;
        let order = chat.as_user(leo).create_group(None, vec![ana, bo, mia]).await.expect("it works").id;
        Self { chat, clock, ana, bo, leo, mia, order }
    }

    /// A device of theirs.
    async fn device(&self, of: UserId) -> EventStream {
        self.chat.as_user(of).events().await.expect("it works")
    }

    /// Over the time within which changes are told as one.
    fn settle(&self) {
        self.clock.advance(2 * SECOND);
    }
}

async fn view(device: &mut EventStream, conversation: ConversationId, on: bool) {
    device.viewing(conversation, on).await.expect("it works");
}

async fn next(device: &mut EventStream) -> Incoming {
    let incoming = tokio::time::timeout(20 * SECOND, device.next()).await.expect("in time");
    incoming.expect("the chat is open").expect("the store works")
}

/// Who, whether they have it open, and for how many seconds.
type Shown = (UserId, bool, u64);

fn viewing(incoming: &Incoming) -> Option<Shown> {
    match *incoming {
        Incoming::Signal(Signal::Viewing { user, on, expires_in_ms, .. }) => Some((user, on, expires_in_ms / 1_000)),
        _ => None,
    }
}

/// What this device is told next.
async fn shown(device: &mut EventStream) -> Shown {
    loop {
        if let Some(shown) = viewing(&next(device).await) {
            return shown;
        }
    }
}

/// All that this device is told until its person is called this.
async fn shown_until_called(shop: &Shop, device: &mut EventStream, who: UserId, name: &str) -> Vec<Shown> {
    shop.chat.as_user(who).rename(name).await.expect("it works");
    let mut all = Vec::new();
    loop {
        let incoming = next(device).await;
        all.extend(viewing(&incoming));
        if let Incoming::Event(told) = incoming
            && let Event::UserChanged(user) = told.event()
            && user.name == name
        {
            return all;
        }
    }
}

#[tokio::test]
async fn the_staff_see_who_looks_and_customers_only_each_other() {
    let shop = Shop::open().await;
    let (mut anas, mut bos) = (shop.device(shop.ana).await, shop.device(shop.bo).await);
    let (mut leos, mut mias) = (shop.device(shop.leo).await, shop.device(shop.mia).await);
    // Of an agent the other agent is told, who has nothing open; of a customer too.
    view(&mut mias, shop.order, true).await;
    assert_eq!(shown(&mut leos).await, (shop.mia, true, 60));
    view(&mut anas, shop.order, true).await;
    for device in [&mut leos, &mut mias] {
        assert_eq!(shown(device).await, (shop.ana, true, 60));
    }
    shop.settle();
    // Whoever begins is told who else has: an agent of everybody, a customer of the customers.
    view(&mut leos, shop.order, true).await;
    assert_eq!(shown(&mut mias).await, (shop.leo, true, 60));
    let mut told = [shown(&mut leos).await, shown(&mut leos).await];
    told.sort();
    let mut expected = [(shop.mia, true, 58), (shop.ana, true, 58)];
    expected.sort();
    assert_eq!(told, expected);
    view(&mut bos, shop.order, true).await;
    assert_eq!(shown(&mut bos).await, (shop.ana, true, 58));
    assert_eq!(shown(&mut anas).await, (shop.bo, true, 60));
    for device in [&mut leos, &mut mias] {
        assert_eq!(shown(device).await, (shop.bo, true, 60));
    }
    // Who has it open no longer is told of nobody, but for the staff.
    view(&mut anas, shop.order, false).await;
    assert_eq!(shown(&mut leos).await, (shop.ana, false, 0));
    shop.settle();
    view(&mut bos, shop.order, false).await;
    assert_eq!(shown(&mut leos).await, (shop.bo, false, 0));
    view(&mut mias, shop.order, false).await;
    assert_eq!(shown(&mut leos).await, (shop.mia, false, 0));
    assert_eq!(shown_until_called(&shop, &mut anas, shop.ana, "Ana, who looked").await, []);
    assert_eq!(shown_until_called(&shop, &mut bos, shop.bo, "Bo, who looked").await, [(shop.ana, false, 0)]);
}

#[tokio::test]
async fn it_holds_for_a_minute_and_ends_with_the_last_device() {
    let shop = Shop::open().await;
    let mut leos = shop.device(shop.leo).await;
    let (mut desk, mut phone) = (shop.device(shop.mia).await, shop.device(shop.mia).await);
    view(&mut desk, shop.order, true).await;
    assert_eq!(shown(&mut leos).await, (shop.mia, true, 60));
    shop.clock.advance(50 * SECOND);
    view(&mut desk, shop.order, true).await;
    assert_eq!(shown(&mut leos).await, (shop.mia, true, 60), "it is told that it holds on");
    shop.clock.advance(59 * SECOND);
    assert_eq!(shown_until_called(&shop, &mut leos, shop.leo, "Leo, who waits").await, []);
    shop.clock.advance(SECOND);
    assert_eq!(shown(&mut leos).await, (shop.mia, false, 0), "without another sign it ends");

    // As long as it is open on one device, it is open.
    shop.settle();
    view(&mut desk, shop.order, true).await;
    assert_eq!(shown(&mut leos).await, (shop.mia, true, 60));
    shop.settle();
    view(&mut phone, shop.order, true).await;
    assert_eq!(shown(&mut leos).await, (shop.mia, true, 60));
    shop.settle();
    view(&mut desk, shop.order, false).await;
    assert_eq!(shown_until_called(&shop, &mut leos, shop.leo, "Leo, who waits on").await, []);
    drop(phone);
    assert_eq!(shown(&mut leos).await, (shop.mia, false, 0), "and it ends with the connection");
}

#[tokio::test]
async fn what_follows_quickly_is_told_as_one() {
    let shop = Shop::open().await;
    let (mut leos, mut mias) = (shop.device(shop.leo).await, shop.device(shop.mia).await);
    view(&mut mias, shop.order, true).await;
    assert_eq!(shown(&mut leos).await, (shop.mia, true, 60));
    for i in 0..20 {
        view(&mut mias, shop.order, i % 2 == 1).await;
    }
    view(&mut mias, shop.order, false).await;
    shop.clock.advance(Duration::from_millis(1_900));
    assert_eq!(shown_until_called(&shop, &mut leos, shop.leo, "Leo, who waits").await, []);
    shop.clock.advance(Duration::from_millis(100));
    assert_eq!(shown(&mut leos).await, (shop.mia, false, 0));
    // Nor more often by opening it anew.
    view(&mut mias, shop.order, true).await;
    assert_eq!(shown_until_called(&shop, &mut leos, shop.leo, "Leo, who waits on").await, []);
    shop.settle();
    assert_eq!(shown(&mut leos).await, (shop.mia, true, 58));
}

#[tokio::test]
async fn who_is_put_out_looks_no_longer_and_hears_nothing() {
    let shop = Shop::open().await;
    let (mut leos, mut mias) = (shop.device(shop.leo).await, shop.device(shop.mia).await);
    view(&mut mias, shop.order, true).await;
    assert_eq!(shown(&mut leos).await, (shop.mia, true, 60));
    shop.settle();
    let owner = shop.chat.as_user(shop.leo).conversation(shop.order);
    owner.remove(shop.mia).await.expect("it works");
    assert_eq!(shown(&mut leos).await, (shop.mia, false, 0));
    let refused = mias.viewing(shop.order, true).await.expect_err("she is not in it");
    assert_eq!(refused.code(), ErrorCode::NotFound);
    let mut anas = shop.device(shop.ana).await;
    view(&mut anas, shop.order, true).await;
    assert_eq!(shown(&mut leos).await, (shop.ana, true, 60));
    assert_eq!(shown_until_called(&shop, &mut mias, shop.mia, "Mia, put out").await, []);
    // Somebody who writes has stopped, too.
    shop.chat.as_user(shop.bo).conversation(shop.order).typing(true).await.expect("it works");
    owner.remove(shop.bo).await.expect("it works");
    let mut typing = Vec::new();
    while typing.len() < 2 {
        if let Incoming::Signal(Signal::Typing { user, on, .. }) = next(&mut leos).await {
            typing.push((user, on));
        }
    }
    assert_eq!(typing, [(shop.bo, true), (shop.bo, false)]);
}

#[tokio::test]
async fn signs_are_bounded_and_in_a_crowd_there_are_none() {
    let shop = Shop::open().await;
    let leo = shop.chat.as_user(shop.leo);
    let mut groups = Vec::new();
    for _ in 0..51 {
        groups.push(leo.create_group(None, vec![shop.mia]).await.expect("it works").id);
    }
    let (mut leos, mut mias) = (shop.device(shop.leo).await, shop.device(shop.mia).await);
    for group in &groups {
        view(&mut mias, *group, true).await;
    }
    for _ in 0..50 {
        assert_eq!(shown(&mut leos).await, (shop.mia, true, 60));
    }
    assert_eq!(shown_until_called(&shop, &mut leos, shop.leo, "Leo, who counts").await, []);
    // There is room again where one was closed.
    shop.settle();
    view(&mut mias, groups[0], false).await;
    assert_eq!(shown(&mut leos).await, (shop.mia, false, 0));

    let mut crowd = vec![shop.mia];
    for i in 0..49 {
        let person = NewPerson::agent(format!("agent-{i}@shop.example"));
        crowd.push(shop.chat.people().create(person).await.expect("it works").id);
    }
    let full = leo.create_group(None, crowd).await.expect("it works").id;
    let mut desk = shop.device(shop.leo).await;
    view(&mut desk, full, true).await;
    let late = leo.create_group(None, vec![shop.mia]).await.expect("it works").id;
    view(&mut desk, late, true).await;
    loop {
        if let Incoming::Signal(Signal::Viewing { conversation, user, .. }) = next(&mut mias).await {
            assert_eq!((conversation, user), (late, shop.leo), "51 are a crowd");
            break;
        }
    }
}
