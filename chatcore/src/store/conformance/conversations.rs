use chat_proto::model::ConversationKind;
use chat_proto::{ErrorCode, Role, UserId};

use super::cases;
use super::shop::{Acting, Shop};
use crate::state::{Command, Event, Outcome, Refusal};

fn refusal(shop: &mut Shop, command: Command) -> Refusal {
    shop.try_one(command).expect_err("this is refused")
}

fn a_pair_has_one_direct_conversation_in_either_order(shop: &mut Shop) {
    let (ana, leo) = (shop.person(Role::Agent, "ana"), shop.person(Role::Agent, "leo"));
    let chat = shop.direct(ana, leo);
    let no = shop.conversation(chat).no;
    shop.in_every_state(|shop| {
        for (by, with) in [(ana, leo), (leo, ana)] {
            let command = shop.open_direct(by, with);
            let committed = shop.commit(vec![command]);
            assert_eq!(committed.outcomes, [Ok(Outcome::Conversation { no, created: false })]);
            assert!(committed.events.is_empty());
            assert_eq!(shop.view().direct(shop.no(by), shop.no(with)).expect("readable"), Some(no));
        }
        let conversation = shop.conversation(chat);
        assert_eq!((conversation.kind, conversation.members.len()), (ConversationKind::Direct, 2));
    });
}

fn a_pair_has_one_direct_conversation_within_a_batch(shop: &mut Shop) {
    let (ana, leo) = (shop.person(Role::Agent, "ana"), shop.person(Role::Agent, "leo"));
    let batch = vec![shop.open_direct(ana, leo), shop.open_direct(leo, ana), shop.open_direct(ana, leo)];
    let committed = shop.commit(batch);
    let created = committed.outcomes.iter().map(|outcome| match outcome {
        Ok(Outcome::Conversation { no, created }) => (no.0, *created),
        other => panic!("{other:?}"),
    });
    assert_eq!(created.collect::<Vec<_>>(), [(1, true), (1, false), (1, false)]);
    assert_eq!(committed.events.len(), 1);
}

fn whom_the_matrix_does_not_name_does_not_exist(shop: &mut Shop) {
    let (ana, eve) = (shop.person(Role::Customer, "ana"), shop.person(Role::Customer, "eve"));
    let (admin, agent) = (shop.person(Role::Admin, "ada"), shop.person(Role::Agent, "leo"));
    let merchant = shop.person(Role::Merchant, "moe");
    let unknown = shop.new_user_id();
    shop.in_every_state(|shop| {
        let command = shop.open_direct(ana, unknown);
        let absent = refusal(shop, command);
        assert_eq!(absent.code, ErrorCode::NotFound);
        for (by, hidden) in [(ana, eve), (ana, admin), (merchant, ana)] {
            let command = shop.open_direct(by, hidden);
            assert_eq!(refusal(shop, command), absent, "the two answers must not differ");
        }
    });
    let group = shop.group(merchant, &[]);
    let absent = refusal(shop, merchant.add(group, unknown));
    assert_eq!(absent.code, ErrorCode::NotFound);
    assert_eq!(refusal(shop, merchant.add(group, ana)), absent);
    let absent = shop.create_group(merchant, &[agent, unknown]);
    let hidden = shop.create_group(merchant, &[agent, ana]);
    let absent = refusal(shop, absent);
    assert_eq!(refusal(shop, hidden), absent);
    assert_eq!(absent.fields[0].pointer, "/participants/1");
}

fn who_was_written_to_can_open_the_conversation_too(shop: &mut Shop) {
    let (ana, moe) = (shop.person(Role::Customer, "ana"), shop.person(Role::Merchant, "moe"));
    let command = shop.open_direct(moe, ana);
    assert_eq!(shop.refused(command), ErrorCode::NotFound);
    let no = shop.direct(ana, moe);
    let no = shop.conversation(no).no;
    let command = shop.open_direct(moe, ana);
    assert_eq!(shop.one(command), Outcome::Conversation { no, created: false });
    let command = shop.open_direct(ana, ana);
    assert_eq!(shop.refused(command), ErrorCode::Invalid);
}

fn for_strangers_a_conversation_does_not_exist(shop: &mut Shop) {
    let (ana, leo) = (shop.person(Role::Customer, "ana"), shop.person(Role::Agent, "leo"));
    let (admin, eve) = (shop.person(Role::Admin, "ada"), shop.person(Role::Customer, "eve"));
    let chat = shop.direct(ana, leo);
    let unknown = shop.new_conversation_id();
    shop.in_every_state(|shop| {
        let actions: [fn(UserId, chat_proto::ConversationId, UserId) -> Command; 4] = [
            |by, to, _| by.send(to, "a", "hello"),
            |by, to, _| by.read(to, 1),
            |by, to, who| by.add(to, who),
            |by, to, who| by.remove(to, who),
        ];
        for action in actions {
            for stranger in [admin, eve] {
                let absent = refusal(shop, action(stranger, unknown, leo));
                assert_eq!(absent.code, ErrorCode::NotFound);
                assert_eq!(refusal(shop, action(stranger, chat, leo)), absent);
            }
        }
    });
}

fn a_direct_conversation_keeps_its_two(shop: &mut Shop) {
    let (ana, leo) = (shop.person(Role::Agent, "ana"), shop.person(Role::Agent, "leo"));
    let mia = shop.person(Role::Agent, "mia");
    let chat = shop.direct(ana, leo);
    assert_eq!(shop.refused(ana.add(chat, mia)), ErrorCode::Conflict);
    assert_eq!(shop.refused(ana.remove(chat, leo)), ErrorCode::Conflict);
    assert_eq!(shop.refused(ana.remove(chat, ana)), ErrorCode::Conflict);
}

fn a_group_has_its_people_once_and_at_most_so_many(shop: &mut Shop) {
    let ana = shop.person(Role::Agent, "ana");
    let others: Vec<_> = (0..4).map(|i| shop.person(Role::Agent, &format!("agent{i}"))).collect();
    shop.rules.group_participants = 3;
    let command = shop.create_group(ana, &others[..3]);
    assert_eq!(shop.refused(command), ErrorCode::Invalid);
    let group = shop.group(ana, &[others[0], ana, others[0], others[1]]);
    shop.in_every_state(|shop| {
        let conversation = shop.conversation(group);
        let members: Vec<_> = conversation.members.iter().map(|member| (member.user, member.owner)).collect();
        assert_eq!(members, [(shop.no(ana), true), (shop.no(others[0]), false), (shop.no(others[1]), false)]);
        assert_eq!(conversation.subject.as_deref(), Some("Spring"));
        assert_eq!(shop.refused(ana.add(group, others[2])), ErrorCode::Invalid);
        let no = conversation.no;
        let again = ana.add(group, others[1]);
        assert_eq!(shop.one(again), Outcome::Conversation { no, created: false }, "who is in it already stays");
    });
    let customer = shop.person(Role::Customer, "eve");
    let command = shop.create_group(customer, &[]);
    assert_eq!(shop.refused(command), ErrorCode::Forbidden);
}

fn who_was_removed_cannot_write_and_their_inbox_loses_the_row(shop: &mut Shop) {
    let (ana, leo) = (shop.person(Role::Agent, "ana"), shop.person(Role::Agent, "leo"));
    let group = shop.group(ana, &[leo]);
    let other = shop.direct(ana, leo);
    shop.one(leo.send(group, "mine", "while I was here"));
    shop.fold();
    let batch = vec![ana.remove(group, leo), leo.send(group, "late", "too late"), ana.send(group, "b", "bye")];
    let committed = shop.commit(batch);
    let codes: Vec<_> = committed.outcomes.iter().map(|outcome| outcome.as_ref().err().map(|r| r.code)).collect();
    assert_eq!(codes, [None, Some(ErrorCode::NotFound), None]);
    assert!(matches!(&committed.events[0].event, Event::ParticipantRemoved { user, version: 2, .. } if *user == leo));
    let left = shop.conversation(other).no;
    shop.in_every_state(|shop| {
        assert_eq!(shop.inbox(leo), [left]);
        assert_eq!(shop.inbox(ana).len(), 2);
        assert_eq!(shop.refused(leo.send(group, "late", "too late")), ErrorCode::NotFound);
        assert_eq!(shop.refused(leo.read(group, 2)), ErrorCode::NotFound);
        assert_eq!(shop.refused(ana.remove(group, leo)), ErrorCode::NotFound);
        let again = shop.one(leo.send(group, "mine", "while I was here"));
        assert!(matches!(again, Outcome::Sent { duplicate: true, .. }), "what was sent before is still answered");
    });
}

fn who_is_added_has_read_what_came_before(shop: &mut Shop) {
    let (ana, leo) = (shop.person(Role::Agent, "ana"), shop.person(Role::Agent, "leo"));
    let group = shop.group(ana, &[]);
    for i in 0..3 {
        shop.one(ana.send(group, &format!("m{i}"), "before"));
    }
    shop.fold();
    let committed = shop.commit(vec![ana.add(group, leo), ana.send(group, "after", "after")]);
    let at = committed.events[0].position;
    shop.in_every_state(|shop| {
        assert_eq!(shop.read_mark(group, leo), 3);
        let conversation = shop.conversation(group);
        let member = conversation.members.get(shop.no(leo)).expect("readable");
        assert_eq!((member.joined, member.owner), (at, false));
        assert_eq!(shop.inbox(leo), [conversation.no]);
        assert_eq!(conversation.version, 2);
    });
    shop.one(ana.remove(group, leo));
    shop.one(ana.send(group, "gone", "while away"));
    shop.one(ana.add(group, leo));
    shop.in_every_state(|shop| assert_eq!(shop.read_mark(group, leo), 5, "back again"));
}

fn numbers_are_given_once(shop: &mut Shop) {
    let ana = shop.person(Role::Agent, "ana");
    let mut groups = Vec::new();
    let moves: [fn(&mut Shop); 4] = [Shop::drop_and_open, Shop::fold, Shop::restart, |_| {}];
    for round in 0..12 {
        let other = shop.person(Role::Agent, &format!("agent{round}"));
        groups.push(shop.group(ana, &[other]));
        assert_eq!(shop.no(other).0, round + 2);
        for (no, group) in (1..).zip(&groups) {
            assert_eq!(shop.conversation(*group).no.0, no);
        }
        moves[groups.len() % 4](shop);
    }
}

fn who_may_change_a_group(shop: &mut Shop) {
    let (owner, member) = (shop.person(Role::Designer, "owner"), shop.person(Role::Merchant, "member"));
    let (agent, admin) = (shop.person(Role::Agent, "agent"), shop.person(Role::Admin, "admin"));
    let new = shop.person(Role::Agent, "new");
    let group = shop.group(owner, &[member, agent, admin]);
    assert_eq!(shop.refused(member.add(group, new)), ErrorCode::Forbidden);
    assert_eq!(shop.refused(member.remove(group, agent)), ErrorCode::Forbidden);
    assert_eq!(shop.refused(agent.remove(group, member)), ErrorCode::Forbidden);
    shop.one(agent.add(group, new));
    shop.one(admin.remove(group, new));
    shop.one(member.remove(group, member));
    assert_eq!(shop.conversation(group).members.len(), 3);
}

cases![
    a_direct_conversation_keeps_its_two,
    a_group_has_its_people_once_and_at_most_so_many,
    a_pair_has_one_direct_conversation_in_either_order,
    a_pair_has_one_direct_conversation_within_a_batch,
    for_strangers_a_conversation_does_not_exist,
    numbers_are_given_once,
    who_is_added_has_read_what_came_before,
    who_may_change_a_group,
    who_was_removed_cannot_write_and_their_inbox_loses_the_row,
    who_was_written_to_can_open_the_conversation_too,
    whom_the_matrix_does_not_name_does_not_exist,
];
