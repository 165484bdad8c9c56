use serde::{Deserialize, Serialize};

use crate::model::{Participant, Person, PresenceState};
use crate::{ClientId, ConversationId, Seq, Timestamp, UserId};

/// What happened: the `e` of an `ev` frame. Names that a client does not know are to be ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum EventName {
    /// `d` is the message.
    #[serde(rename = "message.created")]
    MessageCreated,
    /// Its text was changed; `d` is the message as it is now.
    #[serde(rename = "message.edited")]
    MessageEdited,
    /// Its text is gone; `d` is the message as it is now.
    #[serde(rename = "message.deleted")]
    MessageDeleted,
    /// Somebody reacted or took it back; `d` is the message as it is now.
    #[serde(rename = "reaction.changed")]
    ReactionChanged,
    /// A message has reached somebody; `d` is [`DeliveredMoved`].
    #[serde(rename = "delivered.moved")]
    DeliveredMoved,
    /// Somebody read on, or I marked as unread; `d` is [`ReadMoved`].
    #[serde(rename = "read.moved")]
    ReadMoved,
    /// A conversation with me began; `d` is the conversation.
    #[serde(rename = "conversation.created")]
    ConversationCreated,
    /// `d` is [`ParticipantAdded`].
    #[serde(rename = "participant.added")]
    ParticipantAdded,
    /// `d` is [`ParticipantRemoved`].
    #[serde(rename = "participant.removed")]
    ParticipantRemoved,
    /// I was added; `d` is the conversation.
    #[serde(rename = "access.granted")]
    AccessGranted,
    /// I am no longer in it; `d` is [`AccessRevoked`].
    #[serde(rename = "access.revoked")]
    AccessRevoked,
    /// My account changed; `d` is the user.
    #[serde(rename = "user.changed")]
    UserChanged,
    /// An event of a newer server.
    #[serde(other, rename = "unknown")]
    Unknown,
}

/// What every `ev` frame says before its `d`, but for its `n`, which differs per connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventHead {
    /// The cursor after this event.
    pub c: String,
    /// What happened.
    pub e: EventName,
    /// In which conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conv: Option<ConversationId>,
    /// The message concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// The version of the thing concerned: apply the event only when it is greater than the one you hold. Marks have
    /// none: with 0, what comes later counts.
    pub v: u64,
    /// When.
    pub at: Timestamp,
    /// By whom; absent when the shop itself did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Person>,
    /// The sender's own name for the message; only its author sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cid: Option<ClientId>,
}

/// Somebody has read up to here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMoved {
    /// Who.
    pub user_id: UserId,
    /// Up to which message.
    pub seq: Seq,
}

/// What was written up to here has reached one of somebody's devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredMoved {
    /// Whose.
    pub user_id: UserId,
    /// Up to which message.
    pub seq: Seq,
}

/// Somebody came into the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipantAdded {
    /// Who.
    pub participant: Participant,
}

/// Somebody is no longer in the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipantRemoved {
    /// Who.
    pub user_id: UserId,
}

/// I am no longer in the conversation: forget it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRevoked {
    /// Which.
    pub conversation_id: ConversationId,
}

/// What is told but never stored: lossy, never replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "e", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EphemeralEvent {
    /// Somebody is writing, or stopped.
    Typing {
        /// Where.
        conv: ConversationId,
        /// Who.
        user: UserId,
        /// `false`: stopped.
        on: bool,
        /// After this many milliseconds without another sign, take it as stopped.
        expires_in_ms: u64,
    },
    /// Somebody has a conversation open, or no longer.
    Viewing {
        /// Which.
        conv: ConversationId,
        /// Who.
        user: UserId,
        /// `false`: no longer.
        on: bool,
        /// After this many milliseconds without another sign, take it as closed.
        expires_in_ms: u64,
    },
    /// Somebody came, turned away from all their devices or back to one, or their last device went.
    Presence {
        /// Who.
        user: UserId,
        /// What they are over all their devices.
        state: PresenceState,
        /// When their last device went; only of who is offline, and only as far as the server remembers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_seen: Option<Timestamp>,
    },
}
