//! The REST resources, a file each. Handlers are thin: take the request apart, let an actor do it, show the result.

pub(crate) mod api_keys;
pub(crate) mod attachments;
pub(crate) mod audit_log;
pub(crate) mod auth;
pub(crate) mod avatars;
pub(crate) mod conversations;
pub(crate) mod directory;
pub(crate) mod events;
pub(crate) mod file;
pub(crate) mod invitations;
pub(crate) mod me;
pub(crate) mod message;
pub(crate) mod messages;
pub(crate) mod notifications;
pub(crate) mod participants;
pub(crate) mod policy;
pub(crate) mod probes;
#[cfg(feature = "push")]
pub(crate) mod push;
pub(crate) mod server;
pub(crate) mod sessions;
pub(crate) mod stats;
pub(crate) mod unsubscribe;
pub(crate) mod users;
pub(crate) mod visitor;
#[cfg(feature = "webhooks")]
pub(crate) mod webhooks;

use crate::problem::Refused;

type Answer<T> = Result<T, Refused>;

/// Rows in a part of a list when the request does not say.
const DEFAULT_ROWS: usize = 50;
