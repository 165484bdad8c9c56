//! The WebSocket: one task owns it, handles ask it to write, and a bounded queue carries events out of it.

mod closed;
mod connect;
mod event;
mod frame;
mod pending;
mod receiver;
mod sender;
mod socket;

use std::time::Duration;

use chat_proto::model::Message;
use chat_proto::wire::Welcome;
use chat_proto::{ClientId, ConversationId, Seq};

pub use closed::Closed;
pub(crate) use connect::NotConnected;
pub use event::{Change, LiveChange, LiveEvent};
pub(crate) use pending::Answer;
pub use receiver::LiveReceiver;
pub use sender::LiveSender;
pub(crate) use sender::Room;

use crate::{Draft, Error};

/// Frames that wait to be written; a request beyond them waits for room.
const OUTBOUND_FRAMES: usize = 64;
/// Events that wait to be taken. When they are full the socket is not read on, at most for [`STALL`].
const INBOUND_EVENTS: usize = 1_024;
/// How long a full queue of events, or a frame that cannot be written, is put up with.
const STALL: Duration = Duration::from_secs(10);
/// How long the server may take for `welcome` (docs/protocol.md, "WebSocket").
const WELCOME_WITHIN: Duration = Duration::from_secs(10);
/// So many seconds of silence after which the server says `ping` are believed; it is 25 by docs/protocol.md.
const HEARTBEAT_SECONDS: std::ops::RangeInclusive<u64> = 1..=300;
/// So much later the connection is taken for dead. At half of it the server is asked whether it is there.
const HEARTBEAT_GRACE: Duration = Duration::from_secs(10);

/// A live connection: what the server tells, and a way to answer.
///
/// Dropping it (after [`split`](Self::split): both halves and every clone of the sender) closes the connection.
///
/// Queues are bounded: 64 frames out, 1,024 events in. While the events are full nothing more is read from the socket,
/// answers included; if nobody takes an event for 10 s the connection ends with [`Closed::Lagging`]. Typing, presence
/// and pings are dropped instead of queued when the queue is full.
#[derive(Debug)]
pub struct Live {
    welcome: Welcome,
    sender: LiveSender,
    receiver: LiveReceiver,
}

impl Live {
    /// What the server said first: who I am, where the events begin, its limits.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// The next event; see [`LiveReceiver::next`].
    pub async fn next(&mut self) -> Option<LiveEvent> {
        self.receiver.next().await
    }

    /// Sends a message; see [`LiveSender::send`].
    pub async fn send(
        &self,
        conv: ConversationId,
        client_id: &ClientId,
        draft: impl Into<Draft>,
    ) -> Result<Message, Error> {
        self.sender.send(conv, client_id, draft).await
    }

    /// Moves my read mark; see [`LiveSender::read`].
    pub async fn read(&self, conv: ConversationId, seq: Seq) -> Result<(), Error> {
        self.sender.read(conv, seq).await
    }

    /// Tells the others that I am writing, or stopped; see [`LiveSender::typing`].
    pub async fn typing(&self, conv: ConversationId, on: bool) -> Result<(), Error> {
        self.sender.typing(conv, on).await
    }

    /// A handle for requests; clone it for other tasks.
    pub fn sender(&self) -> &LiveSender {
        &self.sender
    }

    /// One half to ask with, one half to listen with, for different tasks.
    pub fn split(self) -> (LiveSender, LiveReceiver) {
        (self.sender, self.receiver)
    }

    /// Says goodbye and waits until the connection is closed.
    pub async fn close(self) {
        self.sender.close().await;
    }
}
