use chat_client::{Change, LiveChange};
use chat_proto::model::{Conversation, ConversationKind, History, Message, Participant, Person};
use chat_proto::wire::{EventHead, EventName};
use chat_proto::{ConversationId, MessageId, Role, Seq, Timestamp, UserId};
use jiff::tz::TimeZone;

use crate::state::{Link, State};
use crate::update::{Event, update};

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
        author: Person { id: author, name: name(author).to_owned(), role: Role::Customer },
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

fn conversation(
    id: ConversationId,
    subject: Option<&str>,
    people: &[UserId],
    last: Message,
    unread: u64,
) -> Conversation {
    let participant = |user: &UserId| Participant {
        id: *user,
        name: name(*user).to_owned(),
        role: Role::Customer,
        owner: false,
        joined_at: at(0),
        read_seq: Seq::ZERO,
        delivered_seq: Seq::ZERO,
    };
    Conversation {
        id,
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

pub(super) fn history(items: Vec<Message>, more_before: bool) -> History {
    History { items, more_before, more_after: false, as_of: chat_proto::model::Cursor::from_text("c1".to_owned()) }
}

pub(super) fn change(conv: ConversationId, change: Change) -> Event {
    let head = EventHead {
        c: "c2".to_owned(),
        e: EventName::Unknown,
        conv: Some(conv),
        seq: None,
        v: 1,
        at: at(9),
        by: None,
        cid: None,
    };
    Event::Change(Box::new(LiveChange { head, change }))
}

/// Leo's screen: Ana asks about an order (two unread messages), a group talks about mugs.
pub(super) fn opened() -> State {
    let mut state = State::new(LEO, "Leo Marsh", "sess_1".to_owned(), TimeZone::UTC);
    update(&mut state, Event::Link(Link::Live));
    let question =
        message(ORDER, 3, ANA, "It should have come yesterday, and nobody\nanswers the telephone.\u{1b}[31m");
    let proof = message(MUGS, 2, BO, "Perfect.");
    let inbox = vec![
        conversation(MUGS, Some("Mug order, 40 pieces"), &[LEO, BO, ANA], proof, 0),
        conversation(ORDER, None, &[ANA, LEO], question.clone(), 2),
    ];
    let effects = update(&mut state, Event::Inbox(inbox));
    assert_eq!(effects, [crate::update::Effect::Load(ORDER, None)], "the latest is shown first");
    let items = vec![
        message(ORDER, 1, LEO, "Hello Ana, thank you for your order."),
        message(ORDER, 2, ANA, "Where is my order 1001?"),
        question,
    ];
    update(&mut state, Event::History(ORDER, Ok(history(items, false))));
    state
}
