use chat_client::{Connection, Diff, OutboxEntry};
use chat_proto::model::{
    Attachment, Conversation, ConversationKind, Message, Participant, Person, PresenceState, User,
};
use chat_proto::{AttachmentId, ConversationId, MessageId, Role, Seq, Timestamp, UserId};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;

use crate::state::State;
use crate::update::{Effect, Event, Found, update};

pub(super) const LEO: UserId = UserId::from_bytes([1; 16]);
pub(super) const ANA: UserId = UserId::from_bytes([2; 16]);
pub(super) const BO: UserId = UserId::from_bytes([3; 16]);
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

fn role(user: UserId) -> Role {
    if user == LEO { Role::Agent } else { Role::Customer }
}

pub(super) fn person(id: UserId, name: &str, role: Role) -> Person {
    Person { id, name: name.to_owned(), role, anonymous: false, verified: false, bot: false, avatar: None }
}

/// What the directory answers when it is opened; there are no others.
pub(super) fn found(people: Vec<Person>) -> Event {
    Event::Directory { typed: String::new(), found: Ok(Found { people, more: false }) }
}

pub(super) fn message(conv: ConversationId, seq: u64, author: UserId, text: &str) -> Message {
    Message {
        id: MessageId::from_bytes([u8::try_from(seq % 251).unwrap(); 16]),
        conversation_id: conv,
        seq: Seq(seq),
        version: 1,
        author: person(author, name(author), role(author)),
        kind: chat_proto::model::MessageKind::Message,
        text: text.to_owned(),
        reply_to: None,
        mentions: Vec::new(),
        attachments: Vec::new(),
        reactions: Vec::new(),
        created_at: at(seq),
        edited_at: None,
        deleted_at: None,
        client_id: None,
    }
}

/// A file on the server.
pub(crate) fn file(number: u8, name: &str) -> Attachment {
    Attachment {
        id: AttachmentId::from_bytes([number; 16]),
        name: name.to_owned(),
        media_type: "image/png".to_owned(),
        size: 48_213,
        sha256: "0".repeat(64),
        width: Some(640),
        height: Some(480),
        thumbnail: None,
    }
}

/// One of the two conversations, with this last message.
pub(super) fn conversation(last: Message, unread: u64) -> Conversation {
    let (subject, people): (_, &[UserId]) = match last.conversation_id {
        ORDER => (None, &[ANA, LEO]),
        _ => (Some("Mug order, 40 pieces"), &[LEO, BO, ANA]),
    };
    let participant = |user: &UserId| Participant {
        id: *user,
        name: name(*user).to_owned(),
        role: role(*user),
        owner: *user == LEO,
        joined_at: at(0),
        read_seq: Seq::ZERO,
        delivered_seq: Seq::ZERO,
        anonymous: false,
        verified: false,
        bot: false,
        avatar: None,
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

/// A key without Ctrl and Alt.
pub(super) fn press(state: &mut State, code: KeyCode) -> Vec<Effect> {
    press_with(state, KeyModifiers::NONE, code)
}

pub(super) fn press_with(state: &mut State, modifiers: KeyModifiers, code: KeyCode) -> Vec<Effect> {
    update(state, Event::Key(KeyEvent::new(code, modifiers)))
}

pub(super) fn type_text(state: &mut State, text: &str) {
    for c in text.chars() {
        press(state, KeyCode::Char(c));
    }
}

/// Writes and sends a message in the selected conversation.
pub(super) fn send(state: &mut State, text: &str) -> Vec<Effect> {
    if !state.writing {
        press(state, KeyCode::Enter);
    }
    type_text(state, text);
    press(state, KeyCode::Enter)
}

/// Carries sends out: each is in the outbox then, under a name and a number.
pub(super) fn put_into_outbox(state: &mut State, effects: Vec<Effect>) -> Vec<OutboxEntry> {
    let mut entries = Vec::new();
    for effect in effects {
        let Effect::Send { conv, text, files: attachments, reply_to, if_last_seq } = effect else { continue };
        let client_id = format!("outbox:{}", state.outbox.len()).parse().unwrap();
        let (conversation, mentions) = (conv, Vec::new());
        let entry = OutboxEntry {
            client_id,
            conversation,
            text,
            attachments,
            reply_to,
            mentions,
            if_last_seq,
            written_at: at(9),
        };
        take(state, Diff::OutgoingAdded(entry.clone()));
        entries.push(entry);
    }
    entries
}

/// Leo, whose screen it is.
pub(super) fn leo() -> User {
    serde_json::from_value(
        serde_json::json!({"id": LEO, "email": "leo@shop.example", "name": "Leo Marsh", "role": "agent",
        "created_at": at(0), "version": 1}),
    )
    .unwrap()
}

/// Leo's screen: Ana asks about an order (two unread messages), a group talks about mugs.
pub(super) fn opened() -> State {
    let mut state = State::new(TimeZone::UTC);
    state.signed_in(&leo(), std::collections::HashMap::new());
    let question =
        message(ORDER, 3, ANA, "It should have come yesterday, and nobody\nanswers the telephone.\u{1b}[31m");
    let proof = message(MUGS, 2, BO, "Perfect.");
    let first = Diff::ConversationInserted { at: 0, conversation: Box::new(conversation(question.clone(), 2)) };
    assert_eq!(
        take(&mut state, first),
        [Effect::Open(ORDER), Effect::Viewing(Some(ORDER))],
        "the latest is shown first"
    );
    let second = Diff::ConversationInserted { at: 1, conversation: Box::new(conversation(proof, 0)) };
    assert!(take(&mut state, second).is_empty());
    take(&mut state, Diff::Me(Box::new(leo())));
    take(&mut state, Diff::Connection(Connection::Live));
    take(&mut state, Diff::Presence { user: ANA, state: PresenceState::Online });
    take(
        &mut state,
        Diff::ThreadChanged { conversation: ORDER, loading: false, more_before: false, more_after: false },
    );
    for message in [
        message(ORDER, 1, LEO, "Hello Ana, thank you for your order."),
        message(ORDER, 2, ANA, "Where is my order 1001?"),
        question,
    ] {
        take(&mut state, Diff::MessageInserted(Box::new(message)));
    }
    state
}
