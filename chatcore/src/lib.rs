//! The engine of a chat for online shops: customers, support agents, designers, merchants and admins talk to each
//! other, and no message is lost, doubled or out of order.
//!
//! ```
//! use chatcore::{Chat, Draft, Event, Incoming, NewPerson, Span};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> chatcore::Result<()> {
//! let chat = Chat::in_memory().await?; // Chat::open("./chat-data") keeps it
//! let ana = chat.people().create(NewPerson::customer("ana@mail.example").name("Ana")).await?;
//! let leo = chat.people().create(NewPerson::agent("leo@shop.example").name("Leo")).await?;
//!
//! let mut news = chat.as_user(leo.id).events().await?; // only what Leo may see
//! let (order, _) = chat.as_user(ana.id).open_direct(leo.id).await?;
//! chat.as_user(ana.id).conversation(order.id).send("Where is order 1001?").await?; // on disk when this returns
//!
//! while let Some(incoming) = news.next().await {
//!     if let Incoming::Event(told) = incoming?
//!         && let Event::MessageCreated(message) = told.event()
//!     {
//!         assert_eq!(message.text, "Where is order 1001?");
//!         break;
//!     }
//! }
//! chat.as_user(leo.id).conversation(order.id).send("It left today!").await?;
//! let history = chat.as_user(ana.id).conversation(order.id).history(Span::Newest, 50).await?;
//! assert_eq!(history.items.len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # The nouns
//!
//! | | |
//! |---|---|
//! | [`Chat`] | the chat of one shop; opened once, cloned everywhere |
//! | [`Actor`] | somebody who acts: all reading and writing goes through one, so the policy is always asked |
//! | [`ConversationHandle`] | one conversation, and what an actor can do in it |
//! | [`Event`] | something that happened and is on disk, in one order for the whole shop |
//! | [`Cursor`](model::Cursor) | a place in that order, to go on from |
//!
//! # What it promises
//!
//! - A call that changes something returns when the change is on disk.
//! - A message sent twice under one [`ClientId`] exists once.
//! - Messages of a conversation are numbered 1, 2, 3 … and everybody sees them in that order.
//! - An [`EventStream`] tells everything after its cursor; a slow reader is sent back to the log, never dropped.
//! - For everybody outside a conversation it does not exist.

#![warn(missing_docs)]

mod access;
mod actor;
mod administration;
mod api_keys;
pub mod attachments;
mod audit;
mod auth;
mod builder;
mod chat;
mod clock;
mod conversations;
mod cursor;
mod directory;
mod entrance;
mod error;
mod events;
mod importer;
mod keys;
mod letters;
mod links;
mod message;
mod names;
mod notify;
mod pace;
mod people;
mod presence;
mod replay;
mod revoked;
mod rooms;
mod shape;
mod signal;
mod site;
#[expect(missing_docs, reason = "the inner model; its types are described, their fields speak for themselves")]
pub mod state;
mod stats;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod timeline;
mod typing;
mod viewing;
mod visitors;
#[cfg(feature = "webhooks")]
mod webhooks;
mod writer;

/// The shared words, so that an embedding program needs no other crate.
pub use chat_proto::{
    ApiKeyId, AttachmentId, AuditId, ClientId, ConversationId, Day, ErrorCode, InvitationId, MessageId,
    PushSubscriptionId, Role, Seq, SessionId, Timestamp, UserId, WebhookId, model,
};

pub use access::{Action, ContactMatrix, PolicyRow, Relation, Rules, Scope, Scopes, UnknownWord, allows, can, policy};
pub use actor::Actor;
pub use api_keys::{CreatedKey, KeyOwner};
pub use attachments::{
    AVATAR_BYTES, Accepted, AttachmentLimits, AttachmentStore, FileBytes, FileLink, NewAvatar, StoredContent,
    StoredFile, Upload,
};
pub use auth::Bcrypt;
pub use builder::{ChatBuilder, Limits, PAGE_ROWS};
pub use chat::{Chat, SignedIn};
pub use clock::{Clock, Entropy, SystemClock, SystemEntropy};
pub use conversations::ConversationHandle;
pub use entrance::Entrance;
pub use error::{Error, Result};
pub use events::{EventStream, Incoming, Told};
pub use importer::{ImportedFile, Importer, Importing, KnownConversation};
pub use keys::rotate_server_key;
pub use letters::Letter;
pub use links::{LinkError, Links};
#[cfg(feature = "outgoing")]
pub use notify::AddressRules;
#[cfg(feature = "mail")]
pub use notify::mail;
pub use notify::{
    Channel, Delivering, News, Notification, Notifier, Undelivered, UnreadConversation, UnsubscribeToken,
};
#[cfg(feature = "push")]
pub use notify::{NewDevice, PushOptions, VapidKeys, WebPush};
pub use pace::{Network, Rate, Rates};
pub use people::{NewPerson, People};
pub use signal::Signal;
pub use site::{IdentityKey, Site, UnusableKey};
#[cfg(feature = "webhooks")]
pub use state::WebhookEvent;
pub use state::{AuditAction, Current, DeliveryId, Event, LetterId, LetterKind, MessageChange, Origin, Rendering};
pub use state::{Imported, ImportedConversation, ImportedMessage, ImportedUser};
pub use timeline::{Draft, Sent, Span, Submitted};
#[cfg(feature = "webhooks")]
pub use webhooks::{CreatedWebhook, NewWebhook, WebhookOptions, WebhookPatch, WriteEvent};
pub use writer::{Health, Retention};

/// The README's example is compiled and run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
