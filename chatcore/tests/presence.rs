//! Who is there: told to those who share a conversation, once it is certain, and to nobody else.

use std::sync::Arc;
use std::time::Duration;

use chatcore::model::{DeviceState, PresenceState};
use chatcore::testing::ManualClock;
use chatcore::{Chat, Event, EventStream, Incoming, NewPerson, Signal, Timestamp, UserId};

use PresenceState::{Away, Offline, Online};

const SECOND: Duration = Duration::from_secs(1);

/// What was told of somebody's presence: who, what, last seen when.
type Shown = (UserId, PresenceState, Option<Timestamp>);

/// Ana, a customer, and Leo, an agent, who share a conversation; and a clock that the test turns.
struct Shop {
    chat: Chat,
    clock: Arc<ManualClock>,
    ana: UserId,
    leo: UserId,
}

impl Shop {
    async fn open() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        let chat = Chat::builder().clock(Arc::clone(&clock) as Arc<_>).open().await.expect("it works");
        let people = chat.people();
        let ana = people.create(NewPerson::customer("ana@mail.example")).await.expect("it works").id;
        let leo = people.create(NewPerson::agent("leo@shop.example")).await.expect("it works").id;
        chat.as_user(ana).open_direct(leo).await.expect("it works");
        Self { chat, clock, ana, leo }
    }

    async fn agent(&self, name: &str) -> UserId {
        let agent = NewPerson::agent(format!("{name}@shop.example"));
        self.chat.people().create(agent).await.expect("it works").id
    }

    /// A device of theirs.
    async fn device(&self, of: UserId) -> EventStream {
        self.chat.as_user(of).events().await.expect("it works")
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

async fn next(device: &mut EventStream) -> Incoming {
    let incoming = tokio::time::timeout(20 * SECOND, device.next()).await.expect("in time");
    incoming.expect("the chat is open").expect("the store works")
}

fn presence(incoming: &Incoming) -> Option<Shown> {
    match *incoming {
        Incoming::Signal(Signal::Presence { user, state, last_seen }) => Some((user, state, last_seen)),
        _ => None,
    }
}

/// What this device is told next of somebody's presence.
async fn shown(device: &mut EventStream) -> Shown {
    loop {
        if let Some(shown) = presence(&next(device).await) {
            return shown;
        }
    }
}

/// What this device is told of anybody's presence until its person is called this.
async fn shown_until_called(shop: &Shop, device: &mut EventStream, who: UserId, name: &str) -> Vec<Shown> {
    shop.chat.as_user(who).rename(name).await.expect("it works");
    let mut all = Vec::new();
    loop {
        let incoming = next(device).await;
        all.extend(presence(&incoming));
        if let Incoming::Event(told) = incoming
            && let Event::UserChanged(user) = told.event()
            && user.name == name
        {
            return all;
        }
    }
}

#[tokio::test]
async fn who_is_back_within_three_seconds_was_not_gone() {
    let shop = Shop::open().await;
    let mut leos = shop.device(shop.leo).await;
    let anas = shop.device(shop.ana).await;
    assert_eq!(shown(&mut leos).await, (shop.ana, Online, None), "coming is told at once");
    shop.pass(10 * SECOND);
    let mut anas = Some(anas);
    for i in 0..5 {
        drop(anas.take());
        shop.pass(2 * SECOND);
        assert_eq!(shown_until_called(&shop, &mut leos, shop.leo, &format!("Leo {i}")).await, []);
        anas = Some(shop.device(shop.ana).await);
        shop.pass(2 * SECOND);
    }
    shop.pass(10 * SECOND);
    // What is told of one person is told in order: nothing was told before this.
    anas.as_ref().expect("a device").appear(DeviceState::Away);
    assert_eq!(shown(&mut leos).await, (shop.ana, Away, None));
}

#[tokio::test]
async fn who_stays_away_longer_is_gone_and_was_last_seen_when_they_went() {
    let shop = Shop::open().await;
    let mut leos = shop.device(shop.leo).await;
    let anas = shop.device(shop.ana).await;
    assert_eq!(shown(&mut leos).await.1, Online);
    shop.pass(10 * SECOND);
    let went = shop.chat.now();
    drop(anas);
    shop.pass(Duration::from_millis(2_900));
    assert_eq!(shown_until_called(&shop, &mut leos, shop.leo, "Leo, who waits").await, []);
    shop.pass(Duration::from_millis(100));
    assert_eq!(shown(&mut leos).await, (shop.ana, Offline, Some(went)));

    // Who comes later is told of it too; who shares nothing with her is not.
    shop.pass(60 * SECOND);
    let mia = shop.agent("mia").await;
    let mut mias = shop.device(mia).await;
    let mut second = shop.device(shop.leo).await;
    assert_eq!(shown(&mut second).await, (shop.ana, Offline, Some(went)));
    assert_eq!(shown_until_called(&shop, &mut mias, mia, "Mia, a stranger").await, []);

    // And it is over when she is back.
    let _anas = shop.device(shop.ana).await;
    assert_eq!(shown(&mut leos).await, (shop.ana, Online, None));
}

#[tokio::test]
async fn somebody_is_what_they_are_at_the_device_that_they_sit_at() {
    let shop = Shop::open().await;
    let mut leos = shop.device(shop.leo).await;
    let phone = shop.device(shop.ana).await;
    assert_eq!(shown(&mut leos).await.1, Online);
    let settle = || shop.pass(5 * SECOND);
    settle();
    phone.appear(DeviceState::Away);
    assert_eq!(shown(&mut leos).await, (shop.ana, Away, None));
    settle();
    let desk = shop.device(shop.ana).await;
    assert_eq!(shown(&mut leos).await.1, Online, "a device that comes has somebody at it");
    settle();
    desk.appear(DeviceState::Away);
    assert_eq!(shown(&mut leos).await.1, Away, "there is nobody at either");
    settle();
    phone.appear(DeviceState::Online);
    assert_eq!(shown(&mut leos).await.1, Online);
    settle();
    drop(phone);
    assert_eq!(shown(&mut leos).await.1, Away, "what is left is the one at which nobody sits");
    settle();
    drop(desk);
    shop.pass(3 * SECOND);
    assert_eq!(shown(&mut leos).await.1, Offline);
    settle();
    // Who only looks in is not there.
    let _polls = shop.chat.as_user(shop.ana).events_unseen(None).await.expect("it works");
    let tablet = shop.device(shop.ana).await;
    assert_eq!(shown(&mut leos).await.1, Online);
    settle();
    drop(tablet);
    shop.pass(3 * SECOND);
    assert_eq!(shown(&mut leos).await.1, Offline, "although a poll still waits");
}

#[tokio::test]
async fn changes_that_follow_each_other_quickly_are_told_as_one() {
    let shop = Shop::open().await;
    let mut leos = shop.device(shop.leo).await;
    let anas = shop.device(shop.ana).await;
    assert_eq!(shown(&mut leos).await.1, Online);
    for last in [DeviceState::Away, DeviceState::Online, DeviceState::Away] {
        for _ in 0..20 {
            anas.appear(DeviceState::Away);
            anas.appear(DeviceState::Online);
        }
        anas.appear(last);
        shop.pass(Duration::from_millis(1_900));
        for i in 0..5 {
            let name = format!("Leo {i} at {}", shop.chat.now().as_millis());
            assert_eq!(shown_until_called(&shop, &mut leos, shop.leo, &name).await, [], "two seconds are not over");
        }
        shop.pass(Duration::from_millis(100));
        let expected = if last == DeviceState::Away { Away } else { Online };
        assert_eq!(shown(&mut leos).await.1, expected, "the last one counts");
    }
}

#[tokio::test]
async fn who_shares_no_conversation_any_more_hears_nothing_any_more() {
    let shop = Shop::open().await;
    let mia = shop.agent("mia").await;
    let group = shop.chat.as_user(shop.leo).create_group(None, vec![shop.ana, mia]).await.expect("it works").id;
    let (mut leos, mut mias) = (shop.device(shop.leo).await, shop.device(mia).await);
    assert_eq!(shown(&mut leos).await, (mia, Online, None));
    assert_eq!(shown(&mut mias).await, (shop.leo, Online, None));
    let anas = shop.device(shop.ana).await;
    for device in [&mut leos, &mut mias] {
        assert_eq!(shown(device).await, (shop.ana, Online, None), "of each other they were told once");
    }
    let out = async |who| shop.chat.as_user(shop.leo).conversation(group).remove(who).await.expect("it works");
    // She is put out after Ana has gone, and before that is told.
    shop.pass(10 * SECOND);
    drop(anas);
    out(mia).await;
    shop.pass(3 * SECOND);
    assert_eq!(shown(&mut leos).await.1, Offline);
    // She is in it again when Ana comes, which is not told yet since Ana has just gone; and out before it is.
    shop.chat.as_user(shop.leo).conversation(group).add(mia).await.expect("it works");
    let mut anas = shop.device(shop.ana).await;
    for _ in [shop.leo, mia] {
        assert_eq!(shown(&mut anas).await.1, Online, "it was looked up who is around her");
    }
    out(mia).await;
    shop.pass(2 * SECOND);
    assert_eq!(shown(&mut leos).await, (shop.ana, Online, None));
    assert_eq!(shown_until_called(&shop, &mut mias, mia, "Mia, put out").await, []);
    // Neither does she when she comes back.
    let mut again = shop.device(mia).await;
    assert_eq!(shown_until_called(&shop, &mut again, mia, "Mia, still out").await, []);
}

#[tokio::test]
async fn in_a_crowd_nobody_is_told() {
    let shop = Shop::open().await;
    let mut crowd = Vec::new();
    for i in 0..50 {
        crowd.push(shop.agent(&format!("agent-{i}")).await);
    }
    let everybody = crowd.iter().copied().chain([shop.ana]).collect();
    shop.chat.as_user(shop.leo).create_group(None, everybody).await.expect("it works");
    let mut one = shop.device(crowd[0]).await;
    let mut leos = shop.device(shop.leo).await;
    let _anas = shop.device(shop.ana).await;
    assert_eq!(shown(&mut leos).await.0, shop.ana, "the two share a conversation of their own");
    assert_eq!(shown_until_called(&shop, &mut one, crowd[0], "One of many").await, []);
}

#[tokio::test]
async fn who_only_asks_is_told_the_same_and_is_not_there_for_it() {
    let shop = Shop::open().await;
    let asked = async |who| {
        let around = shop.chat.as_user(who).presence().await.expect("it works");
        around.into_iter().filter_map(|signal| presence(&Incoming::Signal(signal))).collect::<Vec<_>>()
    };
    let mut leos = shop.device(shop.leo).await;
    assert_eq!(asked(shop.leo).await, [], "nobody has come yet");
    let anas = shop.device(shop.ana).await;
    assert_eq!(shown(&mut leos).await.1, Online);
    assert_eq!(asked(shop.leo).await, [(shop.ana, Online, None)]);
    shop.pass(10 * SECOND);
    let went = shop.chat.now();
    drop(anas);
    shop.pass(3 * SECOND);
    assert_eq!(shown(&mut leos).await.1, Offline);
    assert_eq!(asked(shop.leo).await, [(shop.ana, Offline, Some(went))]);
    // Ana asks, and nobody is told that she is there; a stranger learns nothing.
    assert_eq!(asked(shop.ana).await, [(shop.leo, Online, None)]);
    let mia = shop.agent("mia").await;
    assert_eq!(asked(mia).await, []);
    assert_eq!(shown_until_called(&shop, &mut leos, shop.leo, "Leo, who waits").await, []);
}
