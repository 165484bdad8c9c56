use std::time::Duration;

use chat_proto::model::PresenceState::{Away, Offline, Online};
use chat_proto::wire::EphemeralEvent;
use tokio::time::Instant;

use super::copy::Copy;
use super::shop::{ME, Shop, room_id, user_id};
use crate::watch::Inbox;
use crate::{Closed, Connection, Diff, Error};

fn typing(who: usize, on: bool) -> EphemeralEvent {
    EphemeralEvent::Typing { conv: room_id(0), user: user_id(who), on, expires_in_ms: 6_000 }
}

fn opened() -> (Shop, Inbox, Copy) {
    let mut shop = Shop::default();
    shop.create(&[ME, 1, 2]);
    let (mut inbox, mut copy) = (Inbox::default(), Copy::default());
    copy.take(inbox.replace(shop.snapshot()));
    (shop, inbox, copy)
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_more_or_sends_has_stopped_writing() {
    let (mut shop, mut inbox, mut copy) = opened();
    let now = Instant::now();
    copy.take(inbox.pass(&typing(1, true), now));
    assert!(inbox.pass(&typing(1, true), now + Duration::from_secs(3)).is_empty(), "that is known");
    copy.take(inbox.pass(&typing(2, true), now));
    assert!(inbox.pass(&typing(ME, true), now).is_empty(), "I know that I write");
    assert_eq!(inbox.next_expiry(), Some(now + Duration::from_secs(6)));
    copy.take(inbox.expire(now + Duration::from_secs(6)));
    assert!(inbox.typing(room_id(0)).eq([user_id(1)]));
    shop.send(0, 1);
    copy.take(inbox.apply(shop.told(shop.head()).unwrap()));
    assert_eq!(inbox.typing(room_id(0)).count(), 0);
    copy.take(inbox.pass(&typing(2, true), now));
    copy.take(inbox.pass(&typing(2, false), now));
    assert!(inbox.pass(&typing(2, false), now).is_empty());
    assert_eq!(copy, Copy::of(&inbox));
}

#[tokio::test]
async fn without_a_connection_nobody_is_there() {
    let (_, mut inbox, mut copy) = opened();
    copy.take(inbox.connected(Connection::Live));
    let told = [(1, Online), (2, Away), (3, Online), (3, Away), (3, Offline)];
    for (who, state) in told {
        let event = EphemeralEvent::Presence { user: user_id(who), state, last_seen: None };
        copy.take(inbox.pass(&event, Instant::now()));
        assert!(inbox.pass(&event, Instant::now()).is_empty(), "that is known");
    }
    copy.take(inbox.pass(&typing(1, true), Instant::now()));
    assert_eq!([1, 2, 3].map(|who| inbox.presence(user_id(who))), [Online, Away, Offline]);
    let why = Error::Closed(Closed::Silent);
    let diffs = inbox.connected(Connection::Waiting { why, retry_in: Duration::ZERO });
    assert!(matches!(diffs[0], Diff::Connection(Connection::Waiting { .. })));
    copy.take(diffs);
    assert_eq!((inbox.present.len(), inbox.typing(room_id(0)).count()), (0, 0));
    assert_eq!(copy, Copy::of(&inbox));
}
