use chat_client::{Connection, Diff, OutboxEntry};
use chat_proto::model::{Conversation, ConversationKind, Message, Participant, Person};
use chat_proto::{ConversationId, MessageId, Role, Seq, Timestamp, UserId};
use jiff::tz::TimeZone;

use crate::state::State;
use crate::update::{Effect, Event, update};

pub(super) const LEO: UserId = UserId::from_bytes([1; 16]);
pub(super) const ANA: UserId = UserId::from_bytes([2; 16]);
const BO: UserId = UserId::from_bytes([3; 16]);
pub(super) const ORDER: ConversationId = ConversationId::from_bytes([4; 16]);
pub(super) const MUGS: ConversationId = ConversationId::from_bytes([5; 16]);

/// 2026-11-22, 14:00 UTC and so many minutes.
fn at(minutes: u64) -> Timestamp {
    Timestamp::from_millis(1_795_356_000_000).after(std::time::Duration::from_secs(60 * minutes))
}

fn name(user: UserId) -> &'static str {
    match user {
        LEO => "Leo Marsh",
        // Names come from people: this one tries to clear the screen.
        ANA => "Ana\u{1b}[2J Ruiz",
        _ => "Bo Lind",
    }
}

pub(super) fn message(conv: ConversationId, seq: u64, author: UserId, text: &str) -> Message {
    Message {
        id: MessageId::from_bytes([u8::try_from(seq).unwrap(); 16]),
        conversation_id: conv,
        seq: Seq(seq),
        version: 1,
        author: Person {
            id: author,
            name: name(author).to_owned(),
            role: Role::Customer,
            anonymous: false,
            verified: false,
            bot: false,
        },
        kind: chat_proto::model::MessageKind::Message,
        text: text.to_owned(),
        reply_to: None,
        mentions: Vec::new(),
        reactions: Vec::new(),
        created_at: at(seq),
        edited_at: None,
        deleted_at: None,
        client_id: None,
    }
}

/// One of the two conversations, with this last message.
fn conversation(last: Message, unread: u64) -> Conversation {
    let (subject, people): (_, &[UserId]) = match last.conversation_id {
        ORDER => (None, &[ANA, LEO]),
        _ => (Some("Mug order, 40 pieces"), &[LEO, BO, ANA]),
    };
    let participant = |user: &UserId| Participant {
        id: *user,
        name: name(*user).to_owned(),
        role: Role::Customer,
        owner: false,
        joined_at: at(0),
        read_seq: Seq::ZERO,
        delivered_seq: Seq::ZERO,
        anonymous: false,
        verified: false,
        bot: false,
    };
    Conversation {
        id: last.conversation_id,
        kind: if subject.is_some() { ConversationKind::Group } else { ConversationKind::Direct },
        subject: subject.map(str::to_owned),
        participants: people.iter().map(participant).collect(),
        participant_count: 2,
        receipts: true,
        last_seq: last.seq,
        read_seq: Seq(last.seq.0 - unread),
        unread,
        created_at: at(0),
        updated_at: last.created_at,
        last_message: Some(last),
        version: 1,
    }
}

/// What is watched changes.
pub(super) fn take(state: &mut State, diff: Diff) -> Vec<Effect> {
    update(state, Event::Diff(diff))
}

/// A message is told, and so many are unread then.
pub(super) fn told(state: &mut State, message: &Message, unread: u64) -> Vec<Effect> {
    let mut effects = take(state, Diff::ConversationChanged(Box::new(conversation(message.clone(), unread))));
    effects.extend(take(state, Diff::MessageInserted(Box::new(message.clone()))));
    effects.extend(take(state, Diff::ConversationMoved { conversation: message.conversation_id, to: 0 }));
    effects
}

pub(super) fn read_moved(conversation: ConversationId, user: UserId, seq: u64) -> Diff {
    Diff::ReadMoved { conversation, user, seq: Seq(seq) }
}

/// Carries sends out: each is in the outbox then, under this name and a number.
pub(super) fn put_into_outbox(state: &mut State, effects: Vec<Effect>) -> Vec<OutboxEntry> {
    let mut entries = Vec::new();
    for effect in effects {
        let Effect::Send(conversation, text) = effect else { continue };
        let client_id = format!("outbox:{}", state.outbox.len()).parse().unwrap();
        let entry = OutboxEntry { client_id, conversation, text, written_at: at(9) };
        take(state, Diff::OutgoingAdded(entry.clone()));
        entries.push(entry);
    }
    entries
}

/// Leo's screen: Ana asks about an order (two unread messages), a group talks about mugs.
pub(super) fn opened() -> State {
    let mut state = State::new(LEO, "Leo Marsh", TimeZone::UTC);
    let question =
        message(ORDER, 3, ANA, "It should have come yesterday, and nobody\nanswers the telephone.\u{1b}[31m");
    let proof = message(MUGS, 2, BO, "Perfect.");
    let first = Diff::ConversationInserted { at: 0, conversation: Box::new(conversation(question.clone(), 2)) };
    assert_eq!(take(&mut state, first), [Effect::Open(ORDER)], "the latest is shown first");
    let second = Diff::ConversationInserted { at: 1, conversation: Box::new(conversation(proof, 0)) };
    assert!(take(&mut state, second).is_empty());
    take(&mut state, Diff::Connection(Connection::Live));
    take(&mut state, Diff::ThreadChanged { conversation: ORDER, loading: false, more_before: false });
    for message in [
        message(ORDER, 1, LEO, "Hello Ana, thank you for your order."),
        message(ORDER, 2, ANA, "Where is my order 1001?"),
        question,
    ] {
        take(&mut state, Diff::MessageInserted(Box::new(message)));
    }
    state
}
