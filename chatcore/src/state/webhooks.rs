//! Webhooks: programs of the shop's that are told what happens, and how far each has been told.

use std::fmt;

use chat_proto::model::{Webhook, WebhookState};
use chat_proto::{Timestamp, WebhookId};
use minicbor::{Decode, Encode};

use super::{ConversationNo, Origin, Position, cbor};
#[cfg(feature = "webhooks")]
use super::{Event, MessageChange};
use crate::access::words;
use crate::store::StoreError;

words! {
    /// What a webhook can be told of, as `ev` frames name it.
    WebhookEvent {
        /// Somebody wrote.
        MessageCreated = "message.created",
        /// The text of a message was changed.
        MessageEdited = "message.edited",
        /// The text of a message is gone.
        MessageDeleted = "message.deleted",
        /// Somebody reacted, or took it back.
        ReactionChanged = "reaction.changed",
        /// A conversation began.
        ConversationCreated = "conversation.created",
        /// Somebody came into a group.
        ParticipantAdded = "participant.added",
        /// Somebody left a group, or was put out of it.
        ParticipantRemoved = "participant.removed",
        /// Somebody has read on.
        ReadMoved = "read.moved",
        /// Messages have reached somebody.
        DeliveredMoved = "delivered.moved",
    }
}

impl WebhookEvent {
    /// Its bit where they are stored; never reused.
    pub(crate) const fn bit(self) -> u32 {
        1 << match self {
            Self::MessageCreated => 0,
            Self::MessageEdited => 1,
            Self::MessageDeleted => 2,
            Self::ReactionChanged => 3,
            Self::ConversationCreated => 4,
            Self::ParticipantAdded => 5,
            Self::ParticipantRemoved => 6,
            Self::ReadMoved => 7,
            Self::DeliveredMoved => 8,
        }
    }

    /// What an event is to a webhook; most of them are nothing.
    #[cfg(feature = "webhooks")]
    pub(crate) fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::MessageCreated(_) => Self::MessageCreated,
            Event::MessageChanged { how: MessageChange::Edited, .. } => Self::MessageEdited,
            Event::MessageChanged { how: MessageChange::Deleted, .. } => Self::MessageDeleted,
            Event::MessageChanged { how: MessageChange::Reacted, .. } => Self::ReactionChanged,
            Event::ConversationCreated(_) => Self::ConversationCreated,
            Event::ParticipantAdded { .. } => Self::ParticipantAdded,
            Event::ParticipantRemoved { .. } => Self::ParticipantRemoved,
            Event::ReadMoved { .. } => Self::ReadMoved,
            Event::DeliveredMoved { .. } => Self::DeliveredMoved,
            _ => return None,
        })
    }

    /// Those of a set.
    pub(crate) fn in_set(bits: u32) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |event| bits & event.bit() != 0)
    }
}

/// A webhook, as admins made it.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct WebhookRow {
    #[cbor(n(0), with = "cbor::webhook_id")]
    pub id: WebhookId,
    /// May hold a secret of the receiver's.
    #[n(1)]
    pub url: String,
    #[n(2)]
    pub description: Option<String>,
    /// A bit for each [`WebhookEvent`].
    #[n(3)]
    pub events: u32,
    /// Signs what it is told.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub secret: [u8; 32],
    /// The secret before, which signs it too until then.
    #[n(5)]
    pub previous: Option<PreviousSecret>,
    #[n(6)]
    pub state: WebhookStateRow,
    #[cbor(n(7), with = "cbor::timestamp")]
    pub created_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct PreviousSecret {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub secret: [u8; 32],
    #[cbor(n(1), with = "cbor::timestamp")]
    pub until: Timestamp,
}

/// Whether it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum WebhookStateRow {
    #[n(0)]
    Enabled,
    /// By an admin.
    #[n(1)]
    Disabled,
    /// It has failed for too long, or said that it is gone.
    #[n(2)]
    Failed,
}

/// How far a webhook has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct WebhookPlaceRow {
    /// Everything up to here was delivered, is held, or is nothing to it.
    #[cbor(n(0), with = "cbor::position")]
    pub position: Position,
    /// Since when everything fails.
    #[cbor(n(1), with = "cbor::optional_timestamp")]
    pub failing_since: Option<Timestamp>,
    /// When something was delivered.
    #[cbor(n(2), with = "cbor::optional_timestamp")]
    pub success_at: Option<Timestamp>,
}

/// An event that waits: it could not be delivered, or one of its conversation before it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct WebhookHeldRow {
    #[n(0)]
    pub attempts: u32,
    #[cbor(n(1), with = "cbor::timestamp")]
    pub due: Timestamp,
}

/// An event that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct WebhookDeadRow {
    #[cbor(n(0), with = "cbor::conversation_no")]
    pub conversation: ConversationNo,
    /// The bit of it; 0 when nobody knows any more.
    #[n(1)]
    pub event: u32,
    #[n(2)]
    pub attempts: u32,
    #[cbor(n(3), with = "cbor::timestamp")]
    pub given_up_at: Timestamp,
    /// What went wrong the last time, for admins.
    #[n(4)]
    pub trouble: String,
}

/// What came of telling a webhook.
#[derive(Clone, Debug)]
pub struct WebhookStep {
    pub webhook: WebhookId,
    pub place: WebhookPlaceRow,
    pub hold: Vec<(ConversationNo, Position, WebhookHeldRow)>,
    /// These wait no more.
    pub settled: Vec<(ConversationNo, Position)>,
    pub dead: Vec<(Position, WebhookDeadRow)>,
    /// It is told nothing more.
    pub disable: bool,
}

/// What an admin changes of a webhook.
#[derive(Clone, Default)]
pub struct WebhookChange {
    pub url: Option<String>,
    pub description: Option<Option<String>>,
    pub events: Option<u32>,
    pub enabled: Option<bool>,
    /// The next secret, and until when the one before signs too.
    pub secret: Option<([u8; 32], Timestamp)>,
    pub origin: Origin,
}

impl WebhookRow {
    /// The host of its address; what else stands in it is nobody's business.
    pub(crate) fn host(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        rest.split(['/', '?']).next().unwrap_or_default()
    }

    /// As admins see it.
    pub(crate) fn shown(&self, place: Option<WebhookPlaceRow>) -> Webhook {
        Webhook {
            id: self.id,
            url: self.url.clone(),
            description: self.description.clone(),
            events: WebhookEvent::in_set(self.events).map(|event| event.as_str().to_owned()).collect(),
            state: match self.state {
                WebhookStateRow::Enabled => WebhookState::Enabled,
                WebhookStateRow::Disabled => WebhookState::Disabled,
                WebhookStateRow::Failed => WebhookState::Failed,
            },
            created_at: self.created_at,
            last_success_at: place.and_then(|place| place.success_at),
            failing_since: place.and_then(|place| place.failing_since),
        }
    }
}

macro_rules! rows {
    ($($row:ident = $what:literal),+) => {$(
        impl $row {
            pub(crate) fn encoded(&self) -> Vec<u8> {
                minicbor::to_vec(self).unwrap_or_default()
            }

            pub fn decoded(row: &[u8]) -> Result<Self, StoreError> {
                minicbor::decode(row).map_err(|_| StoreError::corrupt($what))
            }
        }
    )+};
}

rows!(
    WebhookRow = "a webhook",
    WebhookPlaceRow = "how far a webhook was told",
    WebhookHeldRow = "what waits for a webhook",
    WebhookDeadRow = "what was given up for a webhook"
);

impl fmt::Debug for WebhookRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookRow").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

impl fmt::Debug for WebhookChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookChange").field("enabled", &self.enabled).finish_non_exhaustive()
    }
}

impl fmt::Debug for PreviousSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreviousSecret").field("until", &self.until).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::golden::golden;

    #[test]
    fn rows_keep_their_bytes() {
        let at = Timestamp::from_millis(1_000);
        let row = WebhookRow {
            id: WebhookId::from_bytes([1; 16]),
            url: "https://a.example/x?y".to_owned(),
            description: Some("CRM".to_owned()),
            events: 3,
            secret: [2; 32],
            previous: Some(PreviousSecret { secret: [3; 32], until: at }),
            state: WebhookStateRow::Failed,
            created_at: at,
        };
        let (one, two, three) = ("01".repeat(16), "02".repeat(32), "03".repeat(32));
        let url = "7568747470733a2f2f612e6578616d706c652f783f79";
        golden(&row, &format!("8850{one}{url}6343524d035820{two}825820{three}1903e8021903e8"));
        assert_eq!(row.host(), "a.example");
        let place = WebhookPlaceRow { position: Position(7), failing_since: Some(at), success_at: Some(at) };
        golden(&place, "83071903e81903e8");
        golden(&WebhookHeldRow { attempts: 2, due: at }, "82021903e8");
        let (conversation, trouble) = (ConversationNo(4), "no".to_owned());
        golden(
            &WebhookDeadRow { conversation, event: 1, attempts: 9, given_up_at: at, trouble },
            "850401091903e8626e6f",
        );
    }

    #[test]
    fn no_two_events_have_one_bit() {
        let all = WebhookEvent::ALL.iter().fold(0, |bits, event| bits | event.bit());
        assert_eq!(all.count_ones() as usize, WebhookEvent::ALL.len());
        assert_eq!(WebhookEvent::in_set(all).collect::<Vec<_>>(), WebhookEvent::ALL);
    }
}
