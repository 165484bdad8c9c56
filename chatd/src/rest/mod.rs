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

use chat_proto::model::Cursor;
use serde::Deserialize;

use crate::problem::Refused;

type Answer<T> = Result<T, Refused>;

/// Which part of a list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// The most rows; 50 without it, never more than 200.
    limit: Option<usize>,
    /// `next_cursor` of the part before.
    cursor: Option<String>,
}

/// Rows in a part of a list when the request does not say.
const DEFAULT_ROWS: usize = 50;

impl PageQuery {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_ROWS)
    }

    fn cursor(self) -> Option<Cursor> {
        self.cursor.map(Cursor::from_text)
    }
}
