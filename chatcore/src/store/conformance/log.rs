use std::time::Duration;

use chat_proto::{Role, Seq, Timestamp};

use super::shop::{Acting, Shop};
use super::{Snapshot, cases};
use crate::state::{Change, Position, Scope};
use crate::store::Keep;

fn an_empty_store_shows_nothing(shop: &mut Shop) {
    shop.in_every_state(|shop| {
        let view = shop.view();
        assert_eq!((view.position(), view.last_at().as_millis()), (Position(0), 0));
        assert!(view.lines_after(Position(0), 10).expect("readable").is_empty());
        let nobody = shop.new_user_id();
        assert_eq!(view.user_no(nobody).expect("readable"), None);
    });
    let committed = shop.commit(Vec::new());
    assert!(committed.outcomes.is_empty() && committed.events.is_empty());
    assert_eq!(shop.view().position(), Position(0));
}

fn positions_are_dense_in_the_order_of_the_commits(shop: &mut Shop) {
    let ana = shop.person(Role::Agent, "ana");
    let leo = shop.person(Role::Agent, "leo");
    let group = shop.group(ana, &[leo]);
    let mut told = 3;
    for round in 0..12 {
        let batch = vec![
            ana.send(group, &format!("m{round}"), "hello"),
            ana.send(group, "m0", "a mismatch"),
            leo.read(group, round),
            ana.rename(&format!("Ana {round}")),
        ];
        for event in shop.commit(batch).events {
            told += 1;
            assert_eq!(event.position, Position(told));
        }
        assert_eq!(shop.view().position(), Position(told), "a commit shows as soon as it returns");
    }
    shop.in_every_state(|shop| {
        let log = shop.view().lines_after(Position(0), 1_000).expect("readable");
        let positions: Vec<_> = log.iter().map(|line| line.position.0).collect();
        assert_eq!(positions, (1..=told).collect::<Vec<_>>());
    });
    assert_eq!(shop.commit(vec![leo.rename("Leo")]).events[0].position, Position(told + 1));
}

fn entries_are_paged_by_position(shop: &mut Shop) {
    for i in 0..10 {
        shop.person(Role::Customer, &format!("c{i}"));
    }
    shop.in_every_state(|shop| {
        let view = shop.view();
        for (after, limit, expected) in [(0, 3, 1..4), (3, 3, 4..7), (8, 5, 9..11), (10, 5, 11..11), (99, 5, 11..11)] {
            let page = view.lines_after(Position(after), limit).expect("readable");
            let positions: Vec<_> = page.iter().map(|line| line.position.0).collect();
            assert_eq!(positions, expected.collect::<Vec<_>>(), "{limit} after {after}");
            for line in page {
                let Change::AccountCreated { user } = line.entry.change else { panic!("{line:?}") };
                assert_eq!(user.0, line.position.0);
            }
        }
        let some = [Position(2), Position(7), Position(11)];
        let lines = view.lines_at(&some).expect("readable");
        assert_eq!(lines.iter().map(|line| line.position).collect::<Vec<_>>(), some[..2]);
    });
}

fn everybody_finds_what_was_their_business(shop: &mut Shop) {
    let (ana, leo) = (shop.person(Role::Agent, "ana"), shop.person(Role::Agent, "leo"));
    let (group, other) = (shop.group(ana, &[leo]), shop.group(ana, &[leo]));
    for round in 0..30 {
        let mut batch = vec![
            ana.send(group, &format!("a{round}"), "hello"),
            leo.send(other, &format!("b{round}"), "hello"),
            leo.read(group, round),
        ];
        match round {
            9 => batch.push(ana.remove(group, leo)),
            11 => batch.push(ana.add(group, leo)),
            15 => shop.fold(),
            _ => batch.push(leo.rename(&format!("Leo {round}"))),
        }
        shop.commit(batch);
    }
    shop.in_every_state(|shop| {
        let view = shop.view();
        let log = view.lines_after(Position(0), 1_000).expect("readable");
        let of = |scope: Scope| -> Vec<Position> {
            let mine = log.iter().filter(|line| match (scope, line.entry.change.scope()) {
                (Scope::Conversation(no), Scope::ConversationAnd(other, _)) => no == other,
                (Scope::User(no), Scope::ConversationAnd(_, other)) => no == other,
                (one, other) => one == other,
            });
            mine.map(|line| line.position).collect()
        };
        let group = shop.conversation(group).no;
        let (all, personal) = (of(Scope::Conversation(group)), of(Scope::User(shop.no(leo))));
        assert!(all.len() > 50 && personal.len() > 20);
        for (after, limit) in [(0, 1_000), (0, 7), (40, 1_000), (60, 5), (95, 50)] {
            let page = |all: &[Position]| -> Vec<Position> {
                all.iter().copied().filter(|position| position.0 > after).take(limit).collect()
            };
            let found = view.positions_of_conversation(group, Position(after), limit).expect("readable");
            assert_eq!(found, page(&all), "{limit} after {after}");
            let found = view.positions_of_user(shop.no(leo), Position(after), limit).expect("readable");
            assert_eq!(found, page(&personal), "{limit} after {after}");
        }
    });
}

fn a_view_is_unmoved_by_what_comes_later(shop: &mut Shop) {
    let ana = shop.person(Role::Agent, "ana");
    let leo = shop.person(Role::Agent, "leo");
    let group = shop.group(ana, &[leo]);
    let mut views = Vec::new();
    for round in 0..30_u64 {
        shop.commit(vec![ana.send(group, &format!("m{round}"), "hello"), leo.read(group, round)]);
        match round % 10 {
            3 => drop(shop.one(ana.remove(group, leo))),
            5 => drop(shop.one(ana.add(group, leo))),
            7 => shop.fold(),
            9 => drop(shop.direct(leo, ana)),
            _ => {}
        }
        let view = shop.view();
        views.push((Snapshot::of(&*view), view));
    }
    for (expected, view) in &views {
        assert_eq!(Snapshot::of(&**view), *expected);
    }
    assert!(views.is_sorted_by_key(|(snapshot, _)| snapshot.position));
}

fn the_epoch_stays(shop: &mut Shop) {
    let epoch = shop.view().epoch();
    shop.person(Role::Admin, "ada");
    shop.in_every_state(|shop| assert_eq!(shop.view().epoch(), epoch));
}

fn reopening_a_sound_store_changes_nothing(shop: &mut Shop) {
    let ana = shop.person(Role::Agent, "ana");
    let group = shop.group(ana, &[]);
    for round in 0..20 {
        shop.commit((0..3).map(|i| ana.send(group, &format!("{round}.{i}"), "hello")).collect());
        let before = Snapshot::of(&*shop.view());
        shop.store().reopen().expect("the store opens");
        assert_eq!(Snapshot::of(&*shop.view()), before);
    }
}

fn folding_comes_to_an_end_and_leaves_nothing(shop: &mut Shop) {
    let ana = shop.person(Role::Agent, "ana");
    let groups: Vec<_> = (0..8).map(|_| shop.group(ana, &[])).collect();
    for round in 0..40 {
        shop.one(ana.send(groups[round % 8], &format!("m{round}"), "hello"));
        if round % 20 == 19 {
            shop.fold();
            assert!(!shop.store().maintain().expect("the store folds"), "there is nothing left");
        }
    }
}

fn what_is_too_old_is_forgotten_and_the_messages_stay(shop: &mut Shop) {
    let (ana, leo) = (shop.person(Role::Agent, "ana"), shop.person(Role::Agent, "leo"));
    let chat = shop.direct(ana, leo);
    for i in 0..20 {
        shop.clock.advance(Duration::from_mins(1));
        shop.commit(vec![ana.send(chat, &format!("m{i}"), "hello"), leo.rename(&format!("Leo {i}"))]);
        if i == 12 {
            shop.fold();
        }
    }
    let (before, no) = (Snapshot::of(&*shop.view()), shop.conversation(chat).no);
    let trim = |shop: &Shop, keep: Keep| while shop.store().trim(&keep).expect("the store trims") {};
    trim(shop, Keep { most: 20, since: Timestamp::from_millis(0) });
    // What is not worked up yet may be kept longer.
    assert!(shop.view().oldest().expect("readable") <= Position(before.position.0 - 19));
    shop.fold();
    trim(shop, Keep { most: 10, since: Timestamp::from_millis(0) });
    let by_number = shop.view().oldest().expect("readable");
    assert_eq!(by_number, Position(before.position.0 - 9));
    let since = before.log.iter().rev().nth(5).expect("a long log").entry.at;
    trim(shop, Keep { most: 1_000, since });
    shop.in_every_state(|shop| {
        let view = shop.view();
        let oldest = view.oldest().expect("readable");
        assert!(oldest > by_number && view.position() == before.position);
        let after = Snapshot::of(&*view);
        assert_eq!(after.log[..], before.log[usize::try_from(oldest.0 - 1).expect("small")..]);
        assert_eq!(view.messages(no, Seq(1), Seq(99)).expect("readable").len(), 20);
        assert_eq!(view.lines_after(Position(0), 1).expect("readable")[0].position, oldest);
        assert!(view.lines_at(&[Position(1)]).expect("readable").is_empty());
        for found in [
            view.positions_of_conversation(no, Position(0), 99).expect("readable"),
            view.positions_of_user(shop.no(leo), Position(0), 99).expect("readable"),
        ] {
            assert!(!found.is_empty() && found.iter().all(|position| *position >= oldest), "{found:?}");
        }
    });
    // The newest line is always kept: it tells where the log ends.
    shop.fold();
    trim(shop, Keep { most: 0, since: Timestamp::from_millis(i64::MAX) });
    shop.in_every_state(|shop| {
        assert_eq!(shop.view().oldest().expect("readable"), before.position);
        assert_eq!(shop.view().last_at(), before.log.last().expect("a log").entry.at);
    });
    let told = shop.commit(vec![ana.send(chat, "next", "hello")]).events[0].position;
    assert_eq!(told, before.position.next());
}

cases![
    a_view_is_unmoved_by_what_comes_later,
    an_empty_store_shows_nothing,
    entries_are_paged_by_position,
    everybody_finds_what_was_their_business,
    folding_comes_to_an_end_and_leaves_nothing,
    positions_are_dense_in_the_order_of_the_commits,
    reopening_a_sound_store_changes_nothing,
    the_epoch_stays,
    what_is_too_old_is_forgotten_and_the_messages_stay,
];
