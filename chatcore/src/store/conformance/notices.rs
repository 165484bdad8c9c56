use std::time::Duration;

use chat_proto::model::NotificationPreferences;
use chat_proto::{ErrorCode, Role, Seq, Timestamp, UserId};

use super::audit::entry_of;
use super::cases;
use super::shop::{Acting, Shop};
use crate::clock::Clock;
use crate::state::{
    Channel, Command, ConversationNo, DeliveryEnd, DeliveryId, DeliveryRow, Held, Notice, Origin, Outcome, Position,
    RecordKey, Telling, Unread, UserNo, row_number,
};

const MINUTE: Duration = Duration::from_mins(1);
const MAIL: Channel = Channel::Mail;

fn notice(notice: Notice) -> Command {
    Command::Notice(Box::new(notice))
}

/// Somebody is told of the messages up to this one.
fn tell(id: u8, user: UserNo, conversation: ConversationNo, to: u64) -> Command {
    let of = vec![Unread { conversation, from: Seq(1), to: Seq(to) }];
    let (id, settled, looked_at) = (DeliveryId([id; 16]), Vec::new(), None);
    notice(Notice::Tell(vec![Telling { id, channel: MAIL, user, of, settled, together: false, looked_at }]))
}

fn claim(shop: &mut Shop, most: usize) -> Vec<DeliveryRow> {
    let until = shop.clock.now().after(MINUTE);
    match shop.one(notice(Notice::Claim { channel: MAIL, until, most })) {
        Outcome::Claimed(rows) => rows,
        other => panic!("{other:?}"),
    }
}

fn end(shop: &mut Shop, row: &DeliveryRow, end: DeliveryEnd) {
    let command = Notice::End { channel: MAIL, id: row.id, attempt: row.attempts, end };
    assert_eq!(shop.one(notice(command)), Outcome::Done);
}

/// Two people with messages, as numbers.
fn talk(shop: &mut Shop) -> (UserId, UserNo, ConversationNo) {
    let (leo, ana) = (shop.person(Role::Agent, "leo"), shop.person(Role::Customer, "ana"));
    let order = shop.direct(leo, ana);
    for text in ["one", "two", "three"] {
        shop.one(leo.send(order, text, text));
    }
    let no = shop.view().conversation_no(order).expect("readable").expect("a conversation");
    (ana, shop.no(ana), no)
}

fn whoever_decides_nobody_is_told_of_anything_twice(shop: &mut Shop) {
    let (_, ana, order) = talk(shop);
    let committed = shop.commit(vec![tell(1, ana, order, 2), tell(2, ana, order, 2), tell(3, ana, order, 3)]);
    assert!(committed.outcomes.iter().all(Result::is_ok));
    shop.fold();
    shop.restart();
    assert_eq!(shop.one(tell(4, ana, order, 3)), Outcome::Done);
    let claimed = claim(shop, 9);
    let told: Vec<_> = claimed.iter().map(|row| (row.id.0[0], row.attempts, row.what.clone())).collect();
    let of = |from, to| crate::state::Delivered::Messages {
        of: vec![Unread { conversation: order, from: Seq(from), to: Seq(to) }],
        together: false,
    };
    assert_eq!(told, [(1, 1, of(1, 2)), (3, 1, of(3, 3))]);
}

fn what_is_claimed_is_nobody_elses_until_its_time_is_over(shop: &mut Shop) {
    let (_, ana, order) = talk(shop);
    shop.one(tell(1, ana, order, 3));
    let [mine] = &claim(shop, 9)[..] else { panic!("not one") };
    shop.in_every_state(|shop| assert_eq!(claim(shop, 9), []));
    shop.clock.advance(MINUTE);
    let [others] = &claim(shop, 9)[..] else { panic!("not one") };
    assert_eq!((others.id, others.attempts), (mine.id, 2));
    // Who took too long has nothing to say any more.
    end(shop, mine, DeliveryEnd::Done);
    let again = shop.clock.now().after(2 * MINUTE);
    end(shop, others, DeliveryEnd::Again { at: again, trouble: "busy".to_owned() });
    shop.clock.advance(MINUTE);
    shop.in_every_state(|shop| assert_eq!(claim(shop, 9), []));
    shop.clock.advance(MINUTE);
    let [again] = &claim(shop, 9)[..] else { panic!("not one") };
    assert_eq!((again.attempts, again.trouble.as_deref()), (3, Some("busy")));
    end(shop, again, DeliveryEnd::Done);
    shop.clock.advance(60 * MINUTE);
    shop.in_every_state(|shop| assert_eq!(claim(shop, 9), []));
}

fn what_a_killed_program_had_claimed_is_due_when_the_store_is_opened(shop: &mut Shop) {
    let (_, ana, order) = talk(shop);
    shop.one(tell(1, ana, order, 2));
    shop.one(tell(2, ana, order, 3));
    let [failed, claimed] = &claim(shop, 9)[..] else { panic!("not two") };
    let again = DeliveryEnd::Again { at: shop.clock.now().after(MINUTE / 2), trouble: "busy".to_owned() };
    end(shop, failed, again);
    shop.restart();
    assert_eq!(claim(shop, 9), []);
    shop.one(notice(Notice::Release(MAIL)));
    let [due] = &claim(shop, 9)[..] else { panic!("not one") };
    assert_eq!((due.id, due.attempts), (claimed.id, 2));
}

fn what_is_given_up_can_be_tried_again_by_an_admin(shop: &mut Shop) {
    let (customer, ana, order) = talk(shop);
    let admin = shop.person(Role::Admin, "ada");
    shop.one(tell(1, ana, order, 3));
    let [row] = &claim(shop, 9)[..] else { panic!("not one") };
    end(shop, row, DeliveryEnd::Dead { trouble: "refused".to_owned() });
    let retry = |by: UserId, id| Command::RetryDelivery { by: by.author(), id, origin: Origin::default() };
    shop.clock.advance(60 * MINUTE);
    shop.in_every_state(|shop| assert_eq!(claim(shop, 9), []));
    assert_eq!(shop.refused(retry(customer, row.id)), ErrorCode::Forbidden);
    assert_eq!(shop.refused(retry(admin, DeliveryId([9; 16]))), ErrorCode::NotFound);
    let (outcome, entry) = entry_of(shop, retry(admin, row.id));
    assert_eq!(outcome, Outcome::Done);
    let whose = shop.view().account(ana).expect("readable").expect("an account").id;
    assert_eq!((&*entry.action, entry.subject.user.map(|user| user.id)), ("notification.retried", Some(whose)));
    assert_eq!(shop.refused(retry(admin, row.id)), ErrorCode::NotFound);
    let [again] = &claim(shop, 9)[..] else { panic!("not one") };
    assert_eq!((again.id, again.attempts), (row.id, 1));
}

fn what_is_held_waits_for_its_time_in_the_order_of_time(shop: &mut Shop) {
    let (_, ana, order) = talk(shop);
    let start = shop.clock.now();
    let due = |minutes: u32| start.after(minutes * MINUTE);
    let held = |minutes, channel| Held { channel, user: ana, conversation: order, due: due(minutes) };
    shop.one(notice(Notice::Hold(vec![held(300, MAIL), held(5, Channel::Push)])));
    let looked_at = |shop: &Shop, now: Timestamp| {
        let (first, end) = RecordKey::held_due_until(now);
        let rows = shop.view().records(&first, &end, 9).expect("readable");
        rows.iter().filter_map(|(key, _)| key.due_held()).collect::<Vec<_>>()
    };
    shop.in_every_state(|shop| {
        assert_eq!(looked_at(shop, due(4)), []);
        assert_eq!(looked_at(shop, due(5)), [(due(5), Channel::Push, ana)]);
        assert_eq!(looked_at(shop, due(300)), [(due(5), Channel::Push, ana), (due(300), MAIL, ana)]);
    });
    let telling = Telling {
        id: DeliveryId([1; 16]),
        channel: MAIL,
        user: ana,
        of: Vec::new(),
        settled: vec![order],
        together: true,
        looked_at: Some(due(300)),
    };
    shop.one(notice(Notice::Tell(vec![telling])));
    shop.in_every_state(|shop| {
        assert_eq!(looked_at(shop, due(300)), [(due(5), Channel::Push, ana)]);
        let held = |channel| shop.view().record(&RecordKey::held(channel, ana, order)).expect("readable");
        assert_eq!((held(MAIL), held(Channel::Push)), (None, Some(Vec::new())));
    });
}

fn wishes_and_mutes_are_ones_own_and_go_with_the_account(shop: &mut Shop) {
    let (customer, ana, order) = talk(shop);
    let admin = shop.person(Role::Admin, "ada");
    let id = shop.view().conversation(order).expect("readable").expect("a conversation").id;
    let until = Some(shop.clock.now().after(MINUTE));
    let mute = |by: UserId, until| Command::Mute { by: by.author(), conversation: id, until };
    assert_eq!(shop.refused(mute(admin, until)), ErrorCode::NotFound, "a stranger");
    shop.one(mute(customer, until));
    let wishes = Box::new(NotificationPreferences { time_zone: "Asia/Tokyo".to_owned(), ..Default::default() });
    shop.one(Command::SetWishes { by: customer.author(), wishes });
    let rows = |shop: &Shop| {
        let record = |key: &RecordKey| shop.view().record(key).expect("readable");
        (record(&RecordKey::muted(ana, order)), record(&RecordKey::wishes(ana)).is_some())
    };
    shop.in_every_state(|shop| {
        let (muted, has_wishes) = rows(shop);
        assert_eq!(muted.as_deref().and_then(row_number), until.map(|until| until.as_millis().unsigned_abs()));
        assert!(has_wishes);
    });
    let origin = crate::state::Origin::default();
    shop.one(Command::DeleteUser { by: admin.author(), user: customer, if_version: None, origin });
    shop.in_every_state(|shop| assert_eq!(rows(shop), (None, false)));
    // Nobody is told who is not there any more.
    shop.one(tell(1, ana, order, 3));
    assert_eq!(claim(shop, 9), []);
}

fn how_far_everything_is_decided_is_kept(shop: &mut Shop) {
    shop.one(notice(Notice::Reached(Position(7))));
    shop.in_every_state(|shop| {
        let kept = shop.view().record(&RecordKey::noticed()).expect("readable");
        assert_eq!(kept.as_deref().and_then(row_number), Some(7));
    });
}

cases![
    how_far_everything_is_decided_is_kept,
    what_a_killed_program_had_claimed_is_due_when_the_store_is_opened,
    what_is_claimed_is_nobody_elses_until_its_time_is_over,
    what_is_given_up_can_be_tried_again_by_an_admin,
    what_is_held_waits_for_its_time_in_the_order_of_time,
    whoever_decides_nobody_is_told_of_anything_twice,
    wishes_and_mutes_are_ones_own_and_go_with_the_account,
];
