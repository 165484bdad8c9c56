use std::time::Duration;

use chat_proto::ClientId;
use chat_proto::model::{Cursor, Message};
use chat_proto::wire::EphemeralEvent;
use tokio::sync::mpsc;

use super::{OutboxEntry, Request};
use crate::live::LiveChange;
use crate::{Closed, Error};

/// What following tells, in the order in which it happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Update {
    /// How things stand with the connection. [`Connection::Ended`] is the last update.
    Connection(Connection),
    /// Something happened, for good. The cursor after it stands in its head.
    Event(Box<LiveChange>),
    /// Something in passing: typing, presence. Dropped while the updates are not taken.
    Ephemeral(EphemeralEvent),
    /// Nothing happened up to here; for programs that keep their place over their end.
    Cursor(Cursor),
    /// The place to follow from cannot be used, for this reason; what is told from here on comes after a hole. Load anew
    /// and [follow from there](super::Follower::resume_after).
    Reset(String),
    /// What is told from here on comes after this place, as [asked](super::Follower::resume_after).
    Resumed(Cursor),
    /// A message of the outbox is stored, and taken out of it.
    Sent {
        /// Its name.
        client_id: ClientId,
        /// The message. Its event comes too, or came: only events have an order.
        message: Box<Message>,
    },
    /// The server refuses a [request](super::Follower::request) for good.
    Refused {
        /// What was asked.
        request: Request,
        /// Why.
        error: Error,
    },
    /// The server refuses a message for good; it is taken out of the outbox.
    Failed {
        /// What it was.
        entry: OutboxEntry,
        /// Why.
        error: Error,
    },
}

/// How things stand with the server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Connection {
    /// A connection is being opened.
    Connecting,
    /// It is open; what was missed is being told.
    CatchingUp,
    /// All that was missed has been told; what comes is new.
    Live,
    /// There is none; the next try comes by itself.
    Waiting {
        /// Why the last one ended, or could not be opened.
        why: Error,
        /// When the next try comes, from now.
        retry_in: Duration,
    },
    /// There is none, and no use in trying: this side left, or the server's verdict is final.
    Ended(Error),
}

/// The receiving end of [following](crate::Client::follow). Dropping it ends the following.
///
/// At most 1,024 updates wait; when they are not taken, the connection ends after a while ([`Closed::Lagging`]), and
/// goes on from where it stopped when they are. Nothing is lost by that.
#[derive(Debug)]
pub struct Updates {
    updates: mpsc::Receiver<Update>,
    ended: bool,
}

impl Updates {
    pub(super) fn new(updates: mpsc::Receiver<Update>) -> Self {
        Self { updates, ended: false }
    }

    /// An update that is there already.
    pub(crate) fn try_next(&mut self) -> Option<Update> {
        let update = self.updates.try_recv().ok().filter(|_| !self.ended)?;
        self.ended = matches!(update, Update::Connection(Connection::Ended(_)));
        Some(update)
    }

    /// The next update. After [`Connection::Ended`] comes `None`.
    ///
    /// Cancel safe: no update is lost when this is dropped before it is ready.
    pub async fn next(&mut self) -> Option<Update> {
        if self.ended {
            return None;
        }
        let update = self.updates.recv().await;
        // The runtime was shut down before the task could say why.
        let update = update.unwrap_or(Update::Connection(Connection::Ended(Error::Closed(Closed::Left))));
        self.ended = matches!(update, Update::Connection(Connection::Ended(_)));
        Some(update)
    }
}
