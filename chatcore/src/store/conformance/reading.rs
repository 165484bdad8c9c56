use chat_proto::{MessageId, Role, Seq};

use super::cases;
use super::shop::{Acting, Shop};
use crate::state::{ConversationNo, Outcome, Position, Refusal};
use crate::store::View;

fn the_inbox_has_the_newest_activity_first(shop: &mut Shop) {
    let ana = shop.person(Role::Agent, "ana");
    let others: Vec<_> = (0..6).map(|i| shop.person(Role::Agent, &format!("agent{i}"))).collect();
    let chats: Vec<_> = others.iter().map(|other| shop.direct(ana, *other)).collect();
    let mut order: Vec<_> = (0..6).rev().collect();
    // Each move is told in another state of folding.
    for (round, moved) in [0, 3, 3, 5, 1, 0, 4, 2, 2, 5].into_iter().enumerate() {
        shop.one(others[moved].send(chats[moved], &format!("r{round}"), "hello"));
        order.retain(|other| *other != moved);
        order.insert(0, moved);
        if round % 3 == 0 {
            shop.fold();
        }
        let expected: Vec<_> = order.iter().map(|i| shop.conversation(chats[*i]).no).collect();
        assert_eq!(shop.inbox(ana), expected, "after move {round}");
        assert_eq!(shop.inbox(others[moved]), [expected[0]]);
    }
    shop.one(ana.read(chats[order[5]], 1));
    let expected: Vec<_> = order.iter().map(|i| shop.conversation(chats[*i]).no).collect();
    shop.in_every_state(|shop| assert_eq!(shop.inbox(ana), expected, "reading moves nothing"));
}

fn the_inbox_is_paged_by_activity(shop: &mut Shop) {
    let ana = shop.person(Role::Agent, "ana");
    let others: Vec<_> = (0..20).map(|i| shop.person(Role::Agent, &format!("agent{i}"))).collect();
    let chats: Vec<_> = others.iter().map(|other| shop.direct(ana, *other)).collect();
    shop.fold();
    // Some conversations are in the tables, some were moved since.
    for i in [3, 8, 9, 15, 3] {
        let round = shop.view().position().0;
        shop.one(ana.send(chats[i], &format!("p{round}"), "hello"));
    }
    let expected = shop.view().inbox(shop.no(ana), None, 1_000).expect("readable");
    assert_eq!(expected.len(), 20);
    assert!(expected.is_sorted_by(|(one, _), (next, _)| one > next));
    shop.in_every_state(|shop| {
        let (view, no) = (shop.view(), shop.no(ana));
        for limit in 1..=21 {
            let mut rows: Vec<(Position, ConversationNo)> = Vec::new();
            loop {
                let page = view.inbox(no, rows.last().map(|(activity, _)| *activity), limit).expect("readable");
                assert!(page.len() <= limit);
                if page.is_empty() {
                    break;
                }
                rows.extend(page);
            }
            assert_eq!(rows, expected, "in pages of {limit}");
        }
        assert!(view.inbox(no, Some(Position(0)), 5).expect("readable").is_empty());
    });
}

fn sent(outcome: &Result<Outcome, Refusal>) -> MessageId {
    let Ok(Outcome::Sent { message, .. }) = outcome else { panic!("not sent: {outcome:?}") };
    message.id
}

fn ids(view: &dyn View, conversation: ConversationNo, from: u64, to: u64) -> Vec<MessageId> {
    view.messages(conversation, Seq(from), Seq(to)).expect("readable").iter().map(|row| row.id).collect()
}

fn a_timeline_is_read_across_the_border_of_folding(shop: &mut Shop) {
    let (ana, leo) = (shop.person(Role::Agent, "ana"), shop.person(Role::Agent, "leo"));
    let (chat, other) = (shop.direct(ana, leo), shop.group(leo, &[]));
    let mut expected = Vec::new();
    for i in 0..40 {
        let committed =
            shop.commit(vec![leo.send(other, &format!("o{i}"), "x"), ana.send(chat, &format!("m{i}"), "y")]);
        expected.push(sent(&committed.outcomes[1]));
        if i == 17 {
            shop.fold();
        }
    }
    let no = shop.conversation(chat).no;
    shop.in_every_state(|shop| {
        let view = shop.view();
        for from in 1..=41_u64 {
            for to in from - 1..=40 {
                let found = ids(&*view, no, from, to);
                let range = usize::try_from(from - 1).expect("small")..usize::try_from(to).expect("small");
                assert_eq!(found, expected[range], "{from}..={to}");
            }
        }
    });
}

fn a_timeline_ends_at_its_newest_message(shop: &mut Shop) {
    let (ana, leo) = (shop.person(Role::Agent, "ana"), shop.person(Role::Agent, "leo"));
    let (chat, empty) = (shop.direct(ana, leo), shop.group(leo, &[]));
    let mut expected = Vec::new();
    for i in 0..4 {
        expected.push(sent(&shop.commit(vec![ana.send(chat, &format!("m{i}"), "y")]).outcomes[0]));
    }
    shop.in_every_state(|shop| {
        let view = shop.view();
        let (chat, empty) = (shop.conversation(chat).no, shop.conversation(empty).no);
        assert_eq!(ids(&*view, chat, 2, 1_000), expected[1..]);
        assert_eq!(ids(&*view, chat, 0, u64::MAX), expected);
        assert!(ids(&*view, chat, 5, 9).is_empty());
        assert!(ids(&*view, chat, 3, 2).is_empty());
        assert!(ids(&*view, empty, 1, 9).is_empty());
        assert!(ids(&*view, empty, 1, 0).is_empty());
    });
}

fn what_is_unknown_is_nothing(shop: &mut Shop) {
    let ana = shop.person(Role::Agent, "ana");
    shop.group(ana, &[]);
    shop.in_every_state(|shop| {
        let view = shop.view();
        let (nobody, nowhere) = (crate::state::UserNo(99), ConversationNo(99));
        assert!(view.account(nobody).expect("readable").is_none());
        assert!(view.conversation(nowhere).expect("readable").is_none());
        assert!(view.message(ConversationNo(1), Seq(0)).expect("readable").is_none(), "they count from 1");
        assert!(view.message(ConversationNo(1), Seq(1)).expect("readable").is_none());
        assert!(view.message(nowhere, Seq(1)).expect("readable").is_none());
        assert!(ids(&*view, nowhere, 1, 9).is_empty());
        assert!(view.positions_of_conversation(nowhere, Position(0), 9).expect("readable").is_empty());
        assert!(view.positions_of_user(nobody, Position(0), 9).expect("readable").is_empty());
        assert!(view.inbox(nobody, None, 9).expect("readable").is_empty());
        assert_eq!(view.mark(nowhere, nobody).expect("readable"), crate::state::Mark::default());
        assert_eq!(view.direct(nobody, shop.no(ana)).expect("readable"), None);
    });
}

cases![
    a_timeline_ends_at_its_newest_message,
    a_timeline_is_read_across_the_border_of_folding,
    the_inbox_has_the_newest_activity_first,
    the_inbox_is_paged_by_activity,
    what_is_unknown_is_nothing,
];
