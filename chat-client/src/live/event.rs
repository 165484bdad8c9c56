use chat_proto::model::{Conversation, Cursor, Message, User};
use chat_proto::wire::{
    AccessRevoked, DeliveredMoved, EphemeralEvent, ErrFrame, Event, EventHead, EventName, ParticipantAdded,
    ParticipantRemoved, ReadMoved,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Closed;

/// What a live connection tells.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LiveEvent {
    /// Something happened, for good.
    Event(Box<LiveChange>),
    /// Something worth telling but not storing: typing, presence.
    Ephemeral(EphemeralEvent),
    /// What was missed has been told; what follows is new.
    Live(Cursor),
    /// A sign of life, with the newest cursor.
    Ping(Cursor),
    /// The cursor to follow from cannot be used, for this reason: load anew.
    Reset(String),
    /// The server refused something that nobody waits for, such as a typing notice.
    Refused(ErrFrame),
    /// The connection is over. Always the last event.
    Closed(Closed),
}

/// A durable event. `head` has the cursor, the version and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveChange {
    /// What every event says.
    pub head: EventHead,
    /// What happened.
    pub change: Change,
}

/// What happened, with the thing itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A message was sent.
    MessageCreated(Message),
    /// A message was edited, deleted or reacted to; this is how it is now.
    MessageChanged(Message),
    /// Somebody read on, or I marked as unread.
    ReadMoved(ReadMoved),
    /// A message has reached somebody.
    DeliveredMoved(DeliveredMoved),
    /// A conversation with me began.
    ConversationCreated(Conversation),
    /// Somebody came into a group.
    ParticipantAdded(ParticipantAdded),
    /// Somebody left a group.
    ParticipantRemoved(ParticipantRemoved),
    /// I was added to this group.
    AccessGranted(Conversation),
    /// I am no longer in this conversation.
    AccessRevoked(AccessRevoked),
    /// My account changed.
    UserChanged(User),
    /// An event of a newer server, to be ignored.
    Unknown,
}

impl LiveChange {
    pub(super) fn read(event: Event) -> Result<Self, String> {
        let Event { head, d, .. } = event;
        let change = match head.e {
            EventName::MessageCreated => Change::MessageCreated(content(&head, d)?),
            EventName::MessageEdited | EventName::MessageDeleted | EventName::ReactionChanged => {
                Change::MessageChanged(content(&head, d)?)
            }
            EventName::DeliveredMoved => Change::DeliveredMoved(content(&head, d)?),
            EventName::ReadMoved => Change::ReadMoved(content(&head, d)?),
            EventName::ConversationCreated => Change::ConversationCreated(content(&head, d)?),
            EventName::ParticipantAdded => Change::ParticipantAdded(content(&head, d)?),
            EventName::ParticipantRemoved => Change::ParticipantRemoved(content(&head, d)?),
            EventName::AccessGranted => Change::AccessGranted(content(&head, d)?),
            EventName::AccessRevoked => Change::AccessRevoked(content(&head, d)?),
            EventName::UserChanged => Change::UserChanged(content(&head, d)?),
            _ => Change::Unknown,
        };
        Ok(Self { head, change })
    }

    /// The event in the form in which the server told it, data included, without what belongs to the connection (`t` and
    /// `n`). What this client does not know of a newer server's events is left out.
    pub fn to_json(&self) -> Value {
        #[derive(Serialize)]
        struct Told<'a> {
            #[serde(flatten)]
            head: &'a EventHead,
            d: Value,
        }

        let d = match &self.change {
            Change::MessageCreated(message) | Change::MessageChanged(message) => json!(message),
            Change::ReadMoved(moved) => json!(moved),
            Change::DeliveredMoved(moved) => json!(moved),
            Change::ConversationCreated(conversation) | Change::AccessGranted(conversation) => json!(conversation),
            Change::ParticipantAdded(added) => json!(added),
            Change::ParticipantRemoved(removed) => json!(removed),
            Change::AccessRevoked(revoked) => json!(revoked),
            Change::UserChanged(user) => json!(user),
            Change::Unknown => Value::Null,
        };
        json!(Told { head: &self.head, d })
    }
}

fn content<T: DeserializeOwned>(head: &EventHead, d: Value) -> Result<T, String> {
    serde_json::from_value(d).map_err(|error| format!("the content of a {:?} event: {error}", head.e))
}
