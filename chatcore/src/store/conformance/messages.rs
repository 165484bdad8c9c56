use std::time::Duration;

use chat_proto::{ConversationId, ErrorCode, Role, Seq, Timestamp, UserId};

use super::cases;
use super::shop::{Acting, Shop, client_id};
use crate::state::{Change, Event, Outcome, Position};

fn chat(shop: &mut Shop) -> (UserId, UserId, ConversationId) {
    let (ana, leo) = (shop.person(Role::Customer, "ana"), shop.person(Role::Agent, "leo"));
    let chat = shop.direct(ana, leo);
    (ana, leo, chat)
}

fn messages_are_numbered_without_a_hole(shop: &mut Shop) {
    let (ana, leo, chat) = chat(shop);
    let other = shop.group(leo, &[]);
    let mut expected = 0;
    for round in 0..10 {
        let batch = (0..round).map(|i| [ana, leo][i % 2].send(chat, &format!("{round}.{i}"), "hello"));
        let mut batch: Vec<_> = batch.collect();
        // Refused ones and other conversations in between take no number.
        batch.insert(round / 2, ana.send(other, "refused", "not mine"));
        batch.push(leo.send(other, &format!("o{round}"), "elsewhere"));
        for outcome in shop.commit(batch).outcomes {
            if let Ok(Outcome::Sent { message, .. }) = outcome
                && message.conversation_id == chat
            {
                expected += 1;
                assert_eq!(message.seq, Seq(expected));
            }
        }
    }
    assert_eq!(expected, 45);
    shop.in_every_state(|shop| {
        let seqs: Vec<_> = shop.timeline(chat, 1, 45).iter().map(|row| row.seq.0).collect();
        assert_eq!(seqs, (1..=45).collect::<Vec<_>>());
        assert_eq!(shop.conversation(chat).last_seq, Seq(45));
    });
    let Outcome::Sent { message, .. } = shop.one(ana.send(chat, "last", "last")) else { panic!("not sent") };
    assert_eq!(message.seq, Seq(46));
}

fn sending_again_answers_the_first_result(shop: &mut Shop) {
    let (ana, leo, chat) = chat(shop);
    let Outcome::Sent { message: first, duplicate: false } = shop.one(ana.send(chat, "one", "hello")) else {
        panic!("not sent")
    };
    for i in 0..40 {
        shop.one(leo.send(chat, &format!("m{i}"), "more"));
    }
    shop.in_every_state(|shop| {
        let committed = shop.commit(vec![ana.send(chat, "one", "hello")]);
        assert_eq!(committed.outcomes, [Ok(Outcome::Sent { message: first.clone(), duplicate: true })]);
        assert!(committed.events.is_empty());
    });
    let Outcome::Sent { duplicate, .. } = shop.one(leo.send(chat, "one", "hello")) else { panic!("not sent") };
    assert!(!duplicate, "the name belongs to its author");
}

fn sending_again_within_a_batch_answers_the_first_result(shop: &mut Shop) {
    let (ana, _, chat) = chat(shop);
    let command = ana.send(chat, "one", "hello");
    let committed = shop.commit(vec![command.clone(), ana.send(chat, "one", "other"), command]);
    assert_eq!(committed.events.len(), 1);
    let [
        Ok(Outcome::Sent { message: first, duplicate: false }),
        Err(other),
        Ok(Outcome::Sent { message, duplicate: true }),
    ] = &committed.outcomes[..]
    else {
        panic!("{:?}", committed.outcomes)
    };
    assert_eq!(message, first);
    assert_eq!(other.code, ErrorCode::IdempotencyMismatch);
}

fn another_message_under_a_used_name_is_refused(shop: &mut Shop) {
    let (ana, leo, chat) = chat(shop);
    let mia = shop.person(Role::Agent, "mia");
    let other = shop.direct(ana, mia);
    shop.one(ana.send(chat, "one", "hello"));
    shop.one(leo.send(chat, "two", "hi"));
    shop.in_every_state(|shop| {
        assert_eq!(shop.refused(ana.send(chat, "one", "hello!")), ErrorCode::IdempotencyMismatch);
        assert_eq!(shop.refused(ana.send(other, "one", "hello")), ErrorCode::IdempotencyMismatch);
    });
}

fn a_refused_command_does_not_fail_its_neighbours(shop: &mut Shop) {
    let (ana, leo, chat) = chat(shop);
    let (eve, nobody) = (shop.person(Role::Customer, "eve"), shop.new_user_id());
    let taken = shop.new_user(Role::Agent, "leo@shop.example", "Second Leo");
    let batch = vec![
        nobody.send(chat, "a", "who?"),
        ana.send(chat, "a", "one"),
        eve.send(chat, "a", "stranger"),
        taken,
        leo.send(chat, "a", "two"),
        ana.send(chat, "a", "mismatch"),
    ];
    let committed = shop.commit(batch);
    let stored: Vec<_> = committed.outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(stored, [false, true, false, false, true, false]);
    assert_eq!(committed.events.len(), 2);
    shop.in_every_state(|shop| {
        let texts: Vec<_> = shop.timeline(chat, 1, 2).iter().map(|row| row.text.clone()).collect();
        assert_eq!(texts, ["one", "two"]);
        assert_eq!(shop.view().sent(shop.no(eve), &client_id("a")).expect("readable"), None);
    });
}

fn ids_ascend_with_the_numbers_when_the_clock_goes_back(shop: &mut Shop) {
    let (ana, leo, chat) = chat(shop);
    let send = |shop: &mut Shop, name: String| {
        let batch = (0..3).map(|i| [ana, leo][i % 2].send(chat, &format!("{name}.{i}"), "hello")).collect();
        shop.commit(batch);
    };
    send(shop, "a".to_owned());
    for (i, back) in [1, 60_000, 86_400_000_000].into_iter().enumerate() {
        let now = crate::clock::Clock::now(&*shop.clock).as_millis();
        shop.clock.set(Timestamp::from_millis(now - back));
        send(shop, format!("b{i}"));
        shop.drop_and_open();
        send(shop, format!("c{i}"));
        shop.clock.set(Timestamp::from_millis(now));
        shop.clock.advance(Duration::from_millis(1));
        send(shop, format!("d{i}"));
    }
    shop.in_every_state(|shop| {
        let rows = shop.timeline(chat, 1, 30);
        assert_eq!(rows.len(), 30);
        assert!(rows.is_sorted_by(|one, next| one.id < next.id), "a later message has the greater id");
        assert!(rows.is_sorted_by_key(|row| row.created_at));
        let log = shop.view().lines_after(Position(0), 1_000).expect("readable");
        assert!(log.is_sorted_by_key(|line| line.entry.at));
    });
}

fn an_event_tells_what_is_stored(shop: &mut Shop) {
    let (ana, _, chat) = chat(shop);
    let committed = shop.commit(vec![ana.send(chat, "one", "hello"), ana.send(chat, "two", "there")]);
    for (event, outcome) in committed.events.iter().zip(&committed.outcomes) {
        let Ok(Outcome::Sent { message, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(event.event, Event::MessageCreated(message.clone()));
        assert_eq!(event.by.as_ref().map(|by| by.id), Some(ana));
        let view = shop.view();
        let row = view.message(shop.conversation(chat).no, message.seq).expect("readable").expect("a message");
        assert_eq!((row.id, &row.text, row.seq), (message.id, &message.text, message.seq));
        let line = view.lines_after(Position(event.position.0 - 1), 1).expect("readable").remove(0);
        assert_eq!((line.position, line.message.as_ref()), (event.position, Some(&row)));
        assert!(matches!(line.entry.change, Change::MessageCreated { seq, .. } if seq == message.seq));
        assert_eq!(line.entry.at, event.at);
    }
}

fn a_read_mark_only_moves_forward_and_not_beyond_the_newest(shop: &mut Shop) {
    let (ana, leo, chat) = chat(shop);
    for i in 0..5 {
        shop.one(ana.send(chat, &format!("m{i}"), "hello"));
    }
    for (to, expected) in [(2, 2), (1, 2), (2, 2), (4, 4), (u64::MAX, 5), (0, 5)] {
        let before = shop.read_mark(chat, leo);
        let committed = shop.commit(vec![leo.read(chat, to)]);
        assert_eq!(committed.outcomes, [Ok(Outcome::Done)]);
        assert_eq!(committed.events.len(), usize::from(expected != before));
        shop.in_every_state(|shop| assert_eq!(shop.read_mark(chat, leo), expected));
    }
}

fn unread_is_what_others_wrote_after_the_mark(shop: &mut Shop) {
    let (ana, leo, chat) = chat(shop);
    let unread = |shop: &Shop, user: UserId| {
        let view = shop.view();
        crate::state::conversation_view(&*view, &shop.conversation(chat), shop.no(user), 10).expect("readable").unread
    };
    let both = |shop: &mut Shop, expected: (u64, u64)| {
        shop.in_every_state(|shop| assert_eq!((unread(shop, ana), unread(shop, leo)), expected));
    };
    both(shop, (0, 0));
    shop.commit((0..3).map(|i| ana.send(chat, &format!("m{i}"), "hello")).collect());
    both(shop, (0, 3));
    shop.one(leo.read(chat, 2));
    both(shop, (0, 1));
    shop.one(leo.send(chat, "answer", "hi"));
    both(shop, (1, 0));
    shop.one(ana.send(chat, "m4", "thanks"));
    both(shop, (0, 1));
}

cases![
    a_read_mark_only_moves_forward_and_not_beyond_the_newest,
    a_refused_command_does_not_fail_its_neighbours,
    an_event_tells_what_is_stored,
    another_message_under_a_used_name_is_refused,
    ids_ascend_with_the_numbers_when_the_clock_goes_back,
    messages_are_numbered_without_a_hole,
    sending_again_answers_the_first_result,
    sending_again_within_a_batch_answers_the_first_result,
    unread_is_what_others_wrote_after_the_mark,
];
