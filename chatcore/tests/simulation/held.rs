//! What a device holds, and how it applies events: the client's half of the contract, as docs/protocol.md states it.

use std::collections::BTreeMap;

use chatcore::model::{Conversation, Message, Participant, User};
use chatcore::{ConversationId, Event, Seq, UserId};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Held {
    pub(crate) me: Option<User>,
    pub(crate) conversations: BTreeMap<ConversationId, HeldConversation>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HeldConversation {
    version: u64,
    last_seq: Seq,
    read_seq: Seq,
    participants: BTreeMap<UserId, HeldParticipant>,
    messages: BTreeMap<Seq, Message>,
}

#[derive(Clone, Debug, PartialEq)]
struct HeldParticipant {
    owner: bool,
    read: Seq,
    delivered: Seq,
}

/// What has to be loaded before the event counts as applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Nothing,
    Conversation(ConversationId),
}

impl HeldConversation {
    pub(crate) fn new(shown: &Conversation, messages: Vec<Message>) -> Self {
        let participants = shown.participants.iter().map(|one| (one.id, HeldParticipant::new(one)));
        Self {
            version: shown.version,
            last_seq: shown.last_seq,
            read_seq: shown.read_seq,
            participants: participants.collect(),
            messages: messages.into_iter().map(|message| (message.seq, nameless(message))).collect(),
        }
    }

    fn take(&mut self, message: &Message) {
        let held = self.messages.get(&message.seq);
        if held.is_none_or(|held| message.version > held.version) {
            self.messages.insert(message.seq, nameless(message.clone()));
        }
    }
}

impl HeldParticipant {
    fn new(shown: &Participant) -> Self {
        Self { owner: shown.owner, read: shown.read_seq, delivered: shown.delivered_seq }
    }

    fn read_on(&mut self, seq: Seq) {
        self.read = self.read.max(seq);
        self.delivered = self.delivered.max(seq);
    }
}

/// The names of others are not followed: only one's own account is.
fn nameless(mut message: Message) -> Message {
    message.author.name = String::new();
    message
}

impl Held {
    pub(crate) fn apply(&mut self, event: &Event, me: UserId) -> Missing {
        match event {
            Event::ConversationCreated(shown) => {
                if !self.conversations.contains_key(&shown.id) {
                    return Missing::Conversation(shown.id);
                }
            }
            Event::ParticipantAdded { conversation, snapshot: Some(_), .. } => {
                return Missing::Conversation(*conversation);
            }
            Event::ParticipantRemoved { conversation, user, .. } if *user == me => {
                self.conversations.remove(conversation);
            }
            Event::UserChanged(user) => {
                if self.me.as_ref().is_none_or(|held| user.version > held.version) {
                    self.me = Some(user.clone());
                }
            }
            _ => return self.apply_within(event, me),
        }
        Missing::Nothing
    }

    /// What happens in a conversation. One that is not held was missed while the list was read: it moved.
    fn apply_within(&mut self, event: &Event, me: UserId) -> Missing {
        let Some(id) = conversation_of(event) else { return Missing::Nothing };
        let Some(held) = self.conversations.get_mut(&id) else { return Missing::Conversation(id) };
        match event {
            Event::MessageCreated(message) => {
                held.take(message);
                held.last_seq = held.last_seq.max(message.seq);
                // Who writes has read what stands above, also when the message itself is held already.
                if message.author.id == me {
                    held.read_seq = held.read_seq.max(message.seq);
                }
                if let Some(author) = held.participants.get_mut(&message.author.id) {
                    author.read_on(message.seq);
                }
            }
            Event::MessageChanged { message, .. } => held.take(message),
            Event::ReadMoved { user, seq, .. } => {
                if *user == me {
                    held.read_seq = *seq;
                }
                if let Some(reader) = held.participants.get_mut(user) {
                    reader.read_on(*seq);
                }
            }
            Event::DeliveredMoved { user, seq, .. } => {
                if let Some(reader) = held.participants.get_mut(user) {
                    reader.delivered = reader.delivered.max(*seq);
                }
            }
            Event::ParticipantAdded { participant, version, .. } if *version > held.version => {
                held.version = *version;
                held.participants.insert(participant.id, HeldParticipant::new(participant));
            }
            Event::ParticipantRemoved { user, version, .. } if *version > held.version => {
                held.version = *version;
                held.participants.remove(user);
            }
            _ => {}
        }
        Missing::Nothing
    }
}

fn conversation_of(event: &Event) -> Option<ConversationId> {
    match event {
        Event::MessageCreated(message) | Event::MessageChanged { message, .. } => Some(message.conversation_id),
        Event::ReadMoved { conversation, .. }
        | Event::DeliveredMoved { conversation, .. }
        | Event::ParticipantAdded { conversation, .. }
        | Event::ParticipantRemoved { conversation, .. } => Some(*conversation),
        _ => None,
    }
}
