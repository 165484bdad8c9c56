//! Single steps that the histories do not tell apart, and bounds.

use chat_proto::model::{Message, Participant};
use chat_proto::{ConversationId, Seq, Timestamp, UserId};

use super::copy::Copy;
use super::shop::{ME, Shop, room_id};
use crate::watch::Inbox;
use crate::watch::inbox::Asked;
use crate::watch::snapshot::Snapshot;
use crate::{Diff, Error, OutboxEntry, Thread};

/// An inbox with everything that the shop has.
fn inbox(shop: &Shop) -> (Inbox, Copy) {
    let (mut inbox, mut copy) = (Inbox::default(), Copy::default());
    copy.take(inbox.replace(shop.snapshot()));
    (inbox, copy)
}

/// Applies the newest event.
fn tell(inbox: &mut Inbox, shop: &Shop) -> Vec<Diff> {
    inbox.apply(shop.told(shop.head()).expect("it is for me"))
}

fn names(diffs: &[Diff]) -> Vec<String> {
    diffs.iter().map(|diff| format!("{diff:?}").split([' ', '(']).next().unwrap().to_owned()).collect()
}

fn entry(name: &str, room: usize) -> OutboxEntry {
    OutboxEntry {
        client_id: name.parse().unwrap(),
        conversation: room_id(room),
        text: name.to_owned(),
        attachments: Vec::new(),
        reply_to: None,
        mentions: Vec::new(),
        if_last_seq: None,
        written_at: Timestamp::from_millis(0),
    }
}

fn last(inbox: &Inbox, id: ConversationId) -> Message {
    inbox.conversation(id).unwrap().last_message.clone().unwrap()
}

#[test]
fn a_message_changes_its_row_moves_it_up_and_stands_in_its_thread() {
    let mut shop = Shop::default();
    shop.create(&[ME, 1]);
    shop.create(&[ME, 2]);
    let (mut inbox, _) = inbox(&shop);
    let id = room_id(0);
    assert_eq!(names(&inbox.open(id)), ["ThreadChanged"]);
    let [Asked::Messages(_, question)] = inbox.questions()[..] else { panic!("messages are asked for") };
    let history = shop.history(0, question.part).unwrap();
    assert_eq!(names(&inbox.history_loaded(id, question.generation, history)), ["ThreadChanged"]);

    shop.send(0, 1);
    let told = tell(&mut inbox, &shop);
    assert_eq!(names(&told), ["ConversationChanged", "MessageInserted", "ConversationMoved"]);
    assert_eq!(inbox.conversation(id).unwrap().unread, 1);
    shop.edit(0, 0);
    let changed = shop.told(shop.head()).unwrap();
    assert_eq!(names(&inbox.apply(changed.clone())), ["ConversationChanged", "MessageChanged"]);
    assert!(inbox.apply(changed).is_empty(), "twice is harmless");
    assert_eq!(last(&inbox, id).text, "1 v2");
    shop.read(0, ME, 0);
    assert_eq!(names(&tell(&mut inbox, &shop)), ["ReadMoved"]);
    assert_eq!(inbox.conversation(id).unwrap().unread, 0);
    shop.remove(0, ME);
    assert_eq!(names(&tell(&mut inbox, &shop)), ["ThreadClosed", "ConversationRemoved"]);
}

#[test]
fn a_conversation_that_is_not_held_is_loaded_when_something_happens_in_it() {
    let mut shop = Shop::default();
    for other in 1..4 {
        shop.create(&[ME, other]);
    }
    let mut inbox = Inbox::default();
    let mut top = shop.snapshot();
    top.conversations.truncate(2);
    top.more = true;
    inbox.replace(top);
    // Reading is nothing that moves it up, and so nothing to load it for.
    shop.send(0, ME);
    shop.read(0, 1, 0);
    assert!(tell(&mut inbox, &shop).is_empty());
    assert_eq!(inbox.questions(), []);
    shop.send(0, 1);
    assert!(tell(&mut inbox, &shop).is_empty());
    let [Asked::Conversation(id, generation)] = inbox.questions()[..] else { panic!("it is asked for") };
    let answer = shop.conversation(0, usize::MAX);
    let diffs = inbox.conversation_loaded(id, generation, answer);
    assert!(matches!(&diffs[..], [Diff::ConversationInserted { at: 0, .. }]), "{diffs:?}");
}

#[test]
fn an_answer_does_not_bring_back_what_was_revoked_while_it_was_under_way() {
    let mut shop = Shop::default();
    shop.create(&[ME, 1]);
    let mut inbox = Inbox::default();
    let nothing = Snapshot { me: shop.me(), conversations: Vec::new(), more: true };
    inbox.replace(nothing);
    shop.send(0, 1);
    tell(&mut inbox, &shop);
    let [Asked::Conversation(id, generation)] = inbox.questions()[..] else { panic!("it is asked for") };
    let answer = shop.conversation(0, usize::MAX);
    shop.remove(0, ME);
    assert!(tell(&mut inbox, &shop).is_empty());
    assert!(inbox.conversation_loaded(id, generation, answer).is_empty());
    assert_eq!(inbox.conversations().len(), 0);
}

#[test]
fn too_many_unknown_conversations_are_a_reason_to_begin_anew() {
    let mut shop = Shop::default();
    let mut inbox = Inbox::default();
    shop.create(&[ME, 1]);
    inbox.replace(shop.snapshot());
    shop.send(0, 1);
    let told = shop.told(shop.head()).unwrap();
    for number in 0_u32..257 {
        let mut told = told.clone();
        let mut bytes = [9; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        told.head.conv = Some(ConversationId::from_bytes(bytes));
        inbox.apply(told);
    }
    let questions = inbox.questions();
    assert_eq!(questions.iter().filter(|asked| matches!(asked, Asked::Everything)).count(), 1);
    assert!(inbox.replace(shop.snapshot()).len() == 1, "only the message was missed");
    assert_eq!(inbox.questions(), []);
}

#[test]
fn an_older_page_goes_below_and_what_is_known_stays() {
    let mut shop = Shop::default();
    for other in 1..4 {
        shop.create(&[ME, other]);
    }
    let everything = shop.snapshot().conversations;
    let mut inbox = Inbox::default();
    let mut top = shop.snapshot();
    top.conversations.truncate(2);
    top.more = true;
    let mut copy = Copy::default();
    copy.take(inbox.replace(top));
    copy.take(inbox.extend(everything[1..].to_vec(), false));
    assert_eq!(copy, Copy::of(&inbox));
    assert!(inbox.conversations().eq(&everything));
    assert!(!inbox.more_conversations());
}

#[test]
fn what_is_unread_below_the_list_is_held_apart_until_the_list_comes_down_to_it() {
    let mut shop = Shop::default();
    for _ in 0..6 {
        shop.create(&[ME, 1]);
    }
    for room in 0..6 {
        shop.send(room, 1);
    }
    let everything = shop.snapshot().conversations;
    let (mut inbox, mut copy) = (Inbox::default(), Copy::default());
    let mut top = shop.snapshot();
    top.conversations.truncate(2);
    top.more = true;
    copy.take(inbox.replace(top));
    assert!(inbox.more_unread());
    copy.take(inbox.hold_apart(vec![everything[5].clone()], true));
    copy.take(inbox.hold_apart(vec![everything[1].clone(), everything[3].clone()], false));
    let held = |inbox: &Inbox| inbox.conversations().map(|held| held.id).collect::<Vec<_>>();
    let ids = |places: &[usize]| places.iter().map(|place| everything[*place].id).collect::<Vec<_>>();
    assert_eq!(held(&inbox), ids(&[0, 1, 3, 5]), "in the order of the list");
    assert!(!inbox.more_unread());
    copy.take(inbox.extend(everything[2..4].to_vec(), true));
    assert_eq!(held(&inbox), ids(&[0, 1, 2, 3, 5]));
    // What comes in goes to the top from wherever it was.
    shop.send(0, 1);
    copy.take(tell(&mut inbox, &shop));
    assert_eq!(held(&inbox), ids(&[5, 0, 1, 2, 3]));
    copy.take(inbox.extend(everything[4..].to_vec(), false));
    assert_eq!(held(&inbox), ids(&[5, 0, 1, 2, 3, 4]));
    assert_eq!(copy, Copy::of(&inbox));
}

#[test]
fn a_part_of_the_list_does_not_bring_back_what_was_revoked_while_it_was_under_way() {
    let mut shop = Shop::default();
    for _ in 0..3 {
        shop.create(&[ME, 1]);
    }
    let (mut inbox, mut copy) = (Inbox::default(), Copy::default());
    let mut top = shop.snapshot();
    let below = top.conversations.split_off(1);
    top.more = true;
    copy.take(inbox.replace(top));
    shop.remove(0, ME);
    copy.take(tell(&mut inbox, &shop));
    copy.take(inbox.hold_apart(vec![below[1].clone()], false));
    copy.take(inbox.extend(below, false));
    assert!(inbox.conversations().map(|held| held.id).eq([2, 1].map(room_id)));
    shop.add(0, ME);
    copy.take(tell(&mut inbox, &shop));
    assert!(inbox.conversations().map(|held| held.id).eq([0, 2, 1].map(room_id)));
    assert_eq!(copy, Copy::of(&inbox));
}

#[test]
fn what_i_mark_as_unread_elsewhere_is_held_though_it_does_not_move_up() {
    let mut shop = Shop::default();
    for _ in 0..3 {
        shop.create(&[ME, 1]);
    }
    shop.send(0, 1);
    shop.read(0, ME, 0);
    shop.send(1, 1);
    shop.send(2, 1);
    let (mut inbox, mut copy) = (Inbox::default(), Copy::default());
    let mut top = shop.snapshot();
    top.conversations.truncate(1);
    top.more = true;
    copy.take(inbox.replace(top));
    shop.unread(0, 1);
    copy.take(tell(&mut inbox, &shop));
    let [Asked::Conversation(id, generation)] = inbox.questions()[..] else { panic!("it is asked for") };
    // Meanwhile the list goes on to its end, past where that one belongs.
    copy.take(inbox.extend(shop.snapshot().conversations.split_off(1), false));
    copy.take(inbox.conversation_loaded(id, generation, shop.conversation(0, usize::MAX)));
    assert!(inbox.conversations().map(|held| held.id).eq([2, 1, 0].map(room_id)));
    assert_eq!(inbox.conversation(room_id(0)).unwrap().unread, 1);
    assert_eq!(copy, Copy::of(&inbox));
}

#[test]
fn outgoing_messages_are_shown_until_they_are_told() {
    let mut shop = Shop::default();
    shop.create(&[ME, 1]);
    let (mut inbox, mut copy) = inbox(&shop);
    for name in ["0-1", "other-device", "0-3", "refused"] {
        copy.take(vec![inbox.add_outgoing(entry(name, 0))]);
    }
    // Stored and told, in either order.
    shop.send(0, ME);
    let first = shop.history(0, crate::Part::Newest).unwrap().items.remove(0);
    copy.take(inbox.sent(&"0-1".parse().unwrap(), &first));
    assert!(inbox.outgoing().next().unwrap().stored.is_some());
    copy.take(tell(&mut inbox, &shop));
    assert_eq!(inbox.outgoing().count(), 3);
    let diffs = inbox.sent(&"other-device".parse().unwrap(), &first);
    assert_eq!(names(&diffs), ["OutgoingStored", "OutgoingRemoved"]);
    copy.take(diffs);
    // Stored, and the conversation gone before it is told.
    let third = Message { seq: Seq(3), ..first };
    copy.take(inbox.sent(&"0-3".parse().unwrap(), &third));
    copy.take(vec![inbox.failed(entry("refused", 0), Error::OutboxFull)]);
    shop.remove(0, ME);
    copy.take(tell(&mut inbox, &shop));
    assert_eq!(inbox.outgoing().count(), 0);
    assert_eq!(copy, Copy::of(&inbox));
    // Put back from elsewhere.
    copy.take(inbox.replace_outgoing(vec![entry("kept", 0)]));
    copy.take(inbox.replace_outgoing(Vec::new()));
    assert_eq!(copy, Copy::of(&inbox));
}

#[test]
fn with_more_than_fifty_people_nobody_is_told_of_the_marks_of_others() {
    let mut shop = Shop::default();
    shop.create(&[ME, 1]);
    shop.send(0, 1);
    let mut crowded = shop.snapshot();
    let group = &mut crowded.conversations[0];
    for i in 0..48 {
        let id = UserId::from_bytes([0x80 + i; 16]);
        group.participants.push(Participant { id, ..group.participants[1].clone() });
    }
    group.participant_count = 50;
    let mut inbox = Inbox::default();
    inbox.replace(crowded);
    let marks = |inbox: &Inbox| -> Vec<u64> {
        let group = inbox.conversation(room_id(0)).unwrap();
        group.participants.iter().map(|participant| participant.read_seq.0).collect()
    };
    assert_eq!(marks(&inbox).iter().sum::<u64>(), 49);
    shop.add(0, 2);
    tell(&mut inbox, &shop);
    assert_eq!((marks(&inbox).len(), marks(&inbox).iter().sum::<u64>()), (51, 0));
    assert!(!inbox.conversation(room_id(0)).unwrap().receipts);
    shop.send(0, ME);
    tell(&mut inbox, &shop);
    assert_eq!(marks(&inbox).iter().sum::<u64>(), 0, "for good");
    assert_eq!(inbox.conversation(room_id(0)).unwrap().read_seq, Seq(2), "my own is mine to know");
}

#[test]
fn so_many_conversations_are_open_at_once() {
    let mut shop = Shop::default();
    for _ in 0..=Inbox::MOST_OPEN {
        shop.create(&[ME, 1]);
    }
    let (mut inbox, _) = inbox(&shop);
    for room in 0..Inbox::MOST_OPEN {
        inbox.open(room_id(room));
    }
    assert!(inbox.open(room_id(0)).is_empty(), "it is open, and now the one that was opened last");
    let diffs = inbox.open(room_id(Inbox::MOST_OPEN));
    assert!(matches!(diffs[0], Diff::ThreadClosed { conversation } if conversation == room_id(1)), "{diffs:?}");
    assert!(inbox.open(ConversationId::from_bytes([0xff; 16])).is_empty(), "what is not mine cannot be opened");
}

#[test]
fn a_thread_holds_so_many_messages_and_lets_the_oldest_go() {
    let mut shop = Shop::default();
    shop.create(&[ME, 1]);
    let (mut inbox, mut copy) = inbox(&shop);
    let id = room_id(0);
    copy.take(inbox.open(id));
    let [Asked::Messages(_, question)] = inbox.questions()[..] else { panic!("messages are asked for") };
    copy.take(inbox.history_loaded(id, question.generation, shop.history(0, question.part).unwrap()));
    for _ in 0..=Thread::MOST {
        shop.send(0, 1);
        copy.take(tell(&mut inbox, &shop));
    }
    let thread = inbox.thread(id).unwrap();
    assert_eq!((thread.messages().count(), thread.messages().next().unwrap().seq), (Thread::MOST, Seq(2)));
    assert!(thread.more_before());
    assert_eq!(copy, Copy::of(&inbox));
}

#[test]
fn every_message_is_reached_and_one_comes_back_to_the_newest() {
    let mut shop = Shop::default();
    shop.create(&[ME, 1]);
    for _ in 0..3 * Thread::MOST {
        shop.send(0, 1);
    }
    let (mut inbox, mut copy) = inbox(&shop);
    let id = room_id(0);
    let held = |inbox: &Inbox| {
        let thread = inbox.thread(id).unwrap();
        assert!(thread.messages().count() <= Thread::MOST);
        let mut seqs = thread.messages().map(|message| message.seq.0);
        (seqs.next().unwrap(), seqs.next_back().unwrap(), thread.more_before(), thread.more_after())
    };
    let answer = |inbox: &mut Inbox, copy: &mut Copy, shop: &Shop| {
        let [Asked::Messages(_, question)] = inbox.questions()[..] else { panic!("messages are asked for") };
        copy.take(inbox.history_loaded(id, question.generation, shop.history(0, question.part).unwrap()));
    };
    copy.take(inbox.open(id));
    answer(&mut inbox, &mut copy, &shop);
    let last = 3 * Thread::MOST as u64;
    while inbox.thread(id).unwrap().more_before() {
        copy.take(inbox.older(id).into_iter().collect());
        // What comes in meanwhile makes no hole.
        shop.send(0, 1);
        copy.take(tell(&mut inbox, &shop));
        answer(&mut inbox, &mut copy, &shop);
    }
    assert_eq!(held(&inbox), (1, Thread::MOST as u64, false, true));
    assert!(shop.rooms() == 1 && inbox.conversation(id).unwrap().last_seq.0 > last);
    while inbox.thread(id).unwrap().more_after() {
        copy.take(inbox.newer(id).into_iter().collect());
        shop.send(0, 1);
        copy.take(tell(&mut inbox, &shop));
        answer(&mut inbox, &mut copy, &shop);
    }
    let newest = inbox.conversation(id).unwrap().last_seq.0;
    assert_eq!(held(&inbox), (newest + 1 - Thread::MOST as u64, newest, true, false));
    // To both ends at once.
    copy.take(inbox.oldest(id).into_iter().collect());
    answer(&mut inbox, &mut copy, &shop);
    assert_eq!(held(&inbox), (1, 3, false, true));
    copy.take(inbox.newest(id));
    answer(&mut inbox, &mut copy, &shop);
    assert_eq!(held(&inbox), (newest - 2, newest, true, false));
    assert!(inbox.newest(id).is_empty(), "it is there");
    assert_eq!(copy, Copy::of(&inbox));
}

#[test]
fn messages_that_cannot_be_loaded_are_told_and_the_thread_can_be_opened_again() {
    let mut shop = Shop::default();
    shop.create(&[ME, 1]);
    let (mut inbox, _) = inbox(&shop);
    let id = room_id(0);
    inbox.open(id);
    let [Asked::Messages(_, question)] = inbox.questions()[..] else { panic!("messages are asked for") };
    let diffs = inbox.history_failed(id, question.generation, Error::Timeout);
    assert_eq!(names(&diffs), ["ThreadChanged", "ThreadClosed", "NotLoaded"]);
    assert!(inbox.history_failed(id, question.generation, Error::Timeout).is_empty());
    assert_eq!(names(&inbox.open(id)), ["ThreadChanged"]);
}
