//! The shop's nouns as everybody sees them: what the engine answers with and what travels as JSON.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use crate::audit::{AuditEntry, AuditFields, AuditPerson, AuditSubject};
pub use crate::notifications::{
    ChannelPreferences, Digest, MutedConversation, NotificationPreferences, QuietHours, UndeliveredNotification,
};
pub use crate::statistics::{Begun, MessagesOfDay, PeopleCount, StatsOverview, Totals, Who};

use crate::{
    ApiKeyId, AttachmentId, ClientId, ConversationId, InvitationId, MessageId, PushSubscriptionId, Role, Seq,
    SessionId, Timestamp, UserId, WebhookId,
};

/// What anybody may know of a person that they can meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Person {
    /// Whose.
    pub id: UserId,
    /// As they chose it; hostile to terminals and pages until escaped there.
    pub name: String,
    /// What they are to the shop.
    pub role: Role,
    /// Nobody has said who this is: a visitor of one of the shop's pages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anonymous: bool,
    /// The shop has vouched for who this is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verified: bool,
    /// A program of the shop's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
    /// Which picture others see them by, of `GET /users/{id}/avatar`: another picture has another word here. Without it
    /// there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

/// An account, as its owner and admins see it.
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts, each a field on the wire")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// Whose.
    pub id: UserId,
    /// The sign-in address, as typed at sign-up; of somebody for whom the shop vouches, what the shop gave. Empty: there is
    /// none.
    pub email: String,
    /// As shown to others.
    pub name: String,
    /// What they are to the shop.
    pub role: Role,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Grows with each change of the account, from 1.
    pub version: u64,
    /// Nobody has said who this is: a visitor of one of the shop's pages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anonymous: bool,
    /// The shop has vouched for who this is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verified: bool,
    /// A program of the shop's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
    /// Under which key the site is known that they came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Who they are to that site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Whether the account may be used.
    #[serde(default)]
    pub state: UserState,
    /// Whether somebody has shown that they get what is sent to the address.
    #[serde(default)]
    pub email_verified: bool,
    /// Which picture others see them by, of `GET /users/{id}/avatar`: another picture has another word here. Without it
    /// there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UserState {
    /// It may.
    #[default]
    Active,
    /// Nobody can sign in to it, and nothing is done in its name.
    Disabled,
    /// There was one. What was written in it stays, under a name that is nobody's; the rest is gone for good.
    Deleted,
}

impl fmt::Display for UserState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        })
    }
}

/// An invitation that nobody has accepted yet, as admins see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invitation {
    /// Which.
    pub id: InvitationId,
    /// Who is invited: the sign-in address of the account to be.
    pub email: String,
    /// What they will be to the shop.
    pub role: Role,
    /// Who invites.
    pub by: Person,
    /// Since when.
    pub created_at: Timestamp,
    /// When it is over.
    pub expires_at: Timestamp,
}

/// A sign-in that stands, as its person and admins see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// Which.
    pub id: SessionId,
    /// When somebody signed in.
    pub created_at: Timestamp,
    /// When its tokens were renewed the last time.
    pub last_used_at: Timestamp,
    /// When it ends unless they are renewed before.
    pub expires_at: Timestamp,
    /// What the program said of itself, at most 200 characters; hostile to terminals and pages until escaped there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Where its tokens were renewed from the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub address: Option<IpAddr>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A program of the shop's that is told what happens, as admins see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Webhook {
    /// Which.
    pub id: WebhookId,
    /// Where it is told.
    pub url: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Of what it is told, as `ev` frames name it.
    pub events: Vec<String>,
    /// Whether it is.
    pub state: WebhookState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When something was delivered the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success_at: Option<Timestamp>,
    /// Since when everything fails; after three days it is told nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
}

/// Whether a webhook is told what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// It is.
    Enabled,
    /// An admin has switched it off.
    Disabled,
    /// It has failed for three days, or said that it is gone, and is not any more.
    Failed,
    /// A state of a newer server.
    #[serde(other)]
    Unknown,
}

/// An event that could not be delivered to a webhook for a day, and was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookDelivery {
    /// The `webhook-id` under which it was and will be told.
    pub id: String,
    /// What happened, while it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<ConversationId>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was given up.
    pub given_up_at: Timestamp,
    /// What went wrong the last time.
    pub trouble: String,
}

/// What came of a test of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookTest {
    /// Whether it answered that it has it.
    pub delivered: bool,
    /// What went wrong; of an answer nothing but its status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// A device that is pushed to, as its owner sees it. Where exactly it is pushed to stays with the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PushSubscription {
    /// Which.
    pub id: PushSubscriptionId,
    /// The host of the service that passes pushes on to it, such as `fcm.googleapis.com`.
    pub service: String,
    /// What the program said of itself, at most 200 characters; hostile to terminals and pages until escaped there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// When it subscribed.
    pub created_at: Timestamp,
    /// When its service took a push the last time, to the hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success_at: Option<Timestamp>,
    /// Whether it belongs to the session that asks, with which it ends.
    pub current: bool,
}

/// A key of a program of the shop's, as admins see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKey {
    /// Which.
    pub id: ApiKeyId,
    /// What it is for.
    pub name: String,
    /// What it may be used for: `users:read`, `users:write`, `conversations:read`, `conversations:write`,
    /// `messages:write`, `events:read`, `audit:read`, `stats:read`.
    pub scopes: Vec<String>,
    /// The bot that it acts as; without one it acts as the shop itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Person>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the hour after a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

/// Whether somebody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PresenceState {
    /// They sit at one of their devices.
    Online,
    /// Devices of theirs are connected, and they sit at none.
    Away,
    /// None of their devices is connected.
    Offline,
    /// A state of a newer server; never sent.
    #[serde(other)]
    Unknown,
}

/// What a device says of who uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// They sit at it.
    Online,
    /// They do not.
    Away,
}

/// The kind of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConversationKind {
    /// Two people; one conversation per pair, for ever.
    Direct,
    /// Several people, who can be added and removed.
    Group,
    /// A kind of a newer server; never sent.
    #[serde(other)]
    Unknown,
}

/// A person in a conversation.
#[expect(clippy::struct_excessive_bools, reason = "each is a word of its own on the wire")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Participant {
    /// Who.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// Their role in the shop.
    pub role: Role,
    /// May add and remove people of this group.
    pub owner: bool,
    /// When they came into the conversation.
    pub joined_at: Timestamp,
    /// The last message that they have read; 0 where there are no receipts.
    pub read_seq: Seq,
    /// The last message that has reached one of their devices; 0 where there are no receipts.
    #[serde(default)]
    pub delivered_seq: Seq,
    /// Nobody has said who this is: a visitor of one of the shop's pages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anonymous: bool,
    /// The shop has vouched for who this is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verified: bool,
    /// A program of the shop's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
    /// Which picture others see them by, of `GET /users/{id}/avatar`: another picture has another word here. Without it
    /// there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

/// A conversation, as one of its participants sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Conversation {
    /// Which.
    pub id: ConversationId,
    /// Its kind.
    pub kind: ConversationKind,
    /// What it is about; groups only.
    pub subject: Option<String>,
    /// Who is in it, in the order of their coming. Lists carry the first 20; a single conversation carries all.
    pub participants: Vec<Participant>,
    /// How many are in it.
    pub participant_count: u32,
    /// Whether everybody is told how far the others have read. It ends for good when a group grows over 50 people.
    #[serde(default)]
    pub receipts: bool,
    /// The newest message.
    pub last_message: Option<Message>,
    /// The number of the newest message; 0 when there is none.
    pub last_seq: Seq,
    /// The last message that I have read.
    pub read_seq: Seq,
    /// How many messages of others came after it.
    pub unread: u64,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When its newest message was written or its participants changed.
    pub updated_at: Timestamp,
    /// Grows with each change of the conversation itself (not with messages), from 1.
    pub version: u64,
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MessageKind {
    /// For everybody in the conversation.
    #[default]
    Message,
    /// A kind of a newer server; never sent.
    #[serde(other)]
    Unknown,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    /// Which.
    pub id: MessageId,
    /// Where.
    pub conversation_id: ConversationId,
    /// Its number in the conversation.
    pub seq: Seq,
    /// Grows with each change of the message, from 1.
    pub version: u64,
    /// Who wrote it.
    pub author: Person,
    /// Whom it is for.
    pub kind: MessageKind,
    /// Plain text, up to 16,384 bytes; hostile to terminals and pages until escaped there. Empty once it is deleted, and
    /// where attachments say it all.
    pub text: String,
    /// Files that were sent with it, in the order of its author; none once it is deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The message of the same conversation that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// Who is spoken to by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// In the order of their first use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When its text was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    /// When it was deleted; its place and number stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// The sender's own name for it; only its author sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
}

/// A file that somebody sends with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attachment {
    /// Which.
    pub id: AttachmentId,
    /// What it is called, at most 255 bytes, without any folder; hostile to terminals and pages until escaped there.
    pub name: String,
    /// What its content is, such as `image/png`: found by looking at it, whatever was said of it.
    pub media_type: String,
    /// How many bytes are downloaded.
    pub size: u64,
    /// SHA-256 of what is downloaded, in hexadecimal. Of pictures only the picture is kept, so it may be another than that of
    /// what was uploaded.
    pub sha256: String,
    /// Pictures only: how wide, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pictures only: how high, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// There is a small picture of it, to be shown in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<Thumbnail>,
}

/// A small picture of an attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Thumbnail {
    /// What its content is.
    pub media_type: String,
    /// How wide, in pixels.
    pub width: u32,
    /// How high, in pixels.
    pub height: u32,
}

/// What people feel about a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reaction {
    /// One emoji.
    pub emoji: String,
    /// Who, in the order of their reacting.
    pub users: Vec<UserId>,
}

/// An earlier text of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Revision {
    /// The first version of the message that had it.
    pub version: u64,
    /// The text.
    pub text: String,
    /// Since when.
    pub at: Timestamp,
}

/// Where somebody stands in the shop's events, or in a list. Opaque: keep it and give it back, never read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// Takes a text for a cursor; whether it is one is seen when it is used.
    #[must_use]
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The text to keep.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next part begins; `null` at the end, and only there.
    pub next_cursor: Option<Cursor>,
    /// The event cursor of the moment that this part shows: what comes after it is news.
    pub as_of: Cursor,
}

/// A part of a conversation's history, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct History {
    /// The messages, by ascending `seq`.
    pub items: Vec<Message>,
    /// Whether there are older ones than the first of these.
    pub more_before: bool,
    /// Whether there are newer ones than the last of these.
    pub more_after: bool,
    /// The event cursor of the moment that this part shows: what comes after it is news.
    pub as_of: Cursor,
}

/// One conversation and the moment it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Snapshot<T> {
    /// The thing itself.
    #[serde(flatten)]
    pub item: T,
    /// The event cursor of that moment: what comes after it is news.
    pub as_of: Cursor,
}
