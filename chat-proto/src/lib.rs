//! The words that every part of the shop chat shares: ids, roles, plain data and error codes.
//!
//! Nothing here does I/O. The engine (`chatcore`) answers with the types of [`model`]; the daemon and
//! its clients exchange the frames and bodies of `wire`, which stands behind the feature of that name so
//! that the engine cannot name a frame.
//!
//! ```
//! use chat_proto::{ErrorCode, UserId};
//!
//! let id: UserId = "user_01kay8m2r3f9vvk1a2b3c4d5e6".parse().unwrap();
//! assert_eq!(id.to_string(), "user_01kay8m2r3f9vvk1a2b3c4d5e6");
//! assert!("conv_01kay8m2r3f9vvk1a2b3c4d5e6".parse::<UserId>().is_err());
//! assert_eq!(ErrorCode::NotFound.status(), 404);
//! ```

mod audit;
mod client_id;
mod day;
mod error;
mod id;
pub mod model;
mod notifications;
mod object_id;
mod role;
mod seq;
mod statistics;
mod time;
#[cfg(feature = "wire")]
pub mod wire;

pub use client_id::{ClientId, InvalidClientId};
pub use day::Day;
pub use error::ErrorCode;
pub use id::{
    ApiKeyId, AttachmentId, AuditId, ConversationId, InvalidId, InvitationId, MessageId, NotificationId,
    PushSubscriptionId, SessionId, UserId, WebhookId,
};
pub use notifications::{InvalidTimeOfDay, TimeOfDay};
pub use object_id::{InvalidObjectId, ObjectId};
pub use role::{Role, UnknownRole};
pub use seq::Seq;
pub use time::Timestamp;
