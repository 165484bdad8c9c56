use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chat_proto::model::Message;
use chat_proto::wire::{ClientFrame, ReadFrame, SendFrame, TypingFrame};
use chat_proto::{ClientId, ConversationId, ErrorCode, Seq};
use serde_json::Value;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::pending::{Awaited, Pending};
use super::{Closed, receiver};
use crate::Error;

/// The half of a live connection that asks. Cheap to clone; requests of all clones are carried out in order.
#[derive(Clone, Debug)]
pub struct LiveSender {
    pub(super) frames: mpsc::Sender<String>,
    pub(super) shared: Arc<Shared>,
    /// The largest frame that may be written.
    pub(super) frame_limit: usize,
    /// How long an answer may take.
    pub(super) timeout: Duration,
}

/// What the handles and the task have in common.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) pending: Pending,
    pub(super) ended: Arc<OnceLock<Closed>>,
    pub(super) leave: CancellationToken,
    pub(super) task: TaskTracker,
    /// Wakes the writing half for a `ping`.
    pub(super) ping: Notify,
    last_re: AtomicU64,
}

impl LiveSender {
    /// Sends a message; returns when it is on the server's disk.
    ///
    /// When the answer is lost ([`Error::Closed`], [`Error::Timeout`]), send again with the same `client_id`, here or
    /// over REST.
    pub async fn send(&self, conv: ConversationId, client_id: &ClientId, text: &str) -> Result<Message, Error> {
        let (client_id, text) = (client_id.clone(), text.to_owned());
        let message = self.ask(|re| ClientFrame::Send(SendFrame::text(re, conv, client_id, text))).await?;
        serde_json::from_value(message).map_err(|error| Error::Protocol(error.to_string()))
    }

    /// Moves my read mark to this message.
    pub async fn read(&self, conv: ConversationId, seq: Seq) -> Result<(), Error> {
        self.ask(|re| ClientFrame::Read(ReadFrame { re: Some(re), conv, seq })).await.map(drop)
    }

    /// Tells the others that I am writing, or stopped. Not answered; a refusal comes as [`super::LiveEvent::Refused`].
    pub async fn typing(&self, conv: ConversationId, on: bool) -> Result<(), Error> {
        let frame = ClientFrame::Typing(TypingFrame { re: None, conv, on });
        self.room().await.ok_or_else(|| self.ended())?.tell(&frame)
    }

    /// Says goodbye and waits until the connection is closed. What was not yet answered ends with [`Closed::Left`].
    pub async fn close(&self) {
        self.shared.leave.cancel();
        self.shared.task.wait().await;
    }

    /// Why the connection ended; `None` while it lives.
    pub fn closed(&self) -> Option<Closed> {
        self.shared.ended.get().cloned()
    }

    /// Waits until a frame can be queued; `None` when the connection is over. Cancel safe.
    pub(crate) async fn room(&self) -> Option<Room<'_>> {
        let permit = self.frames.reserve().await.ok()?;
        Some(Room { permit, sender: self })
    }

    /// Writes a request and waits for its answer.
    async fn ask(&self, request: impl FnOnce(u64) -> ClientFrame) -> Result<Value, Error> {
        let exchange = async {
            let room = self.room().await.ok_or_else(|| self.ended())?;
            match room.ask(request)?.answer().await {
                Some(answer) => answer.map_err(Error::from_frame),
                None => Err(self.ended()),
            }
        };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or(Err(Error::Timeout))
    }

    fn ended(&self) -> Error {
        Error::Closed(receiver::why(&self.shared.ended))
    }
}

/// Room for one frame in the queue to the socket.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    permit: mpsc::Permit<'a, String>,
    sender: &'a LiveSender,
}

impl Room<'_> {
    /// Queues a request under a number of its own.
    pub(crate) fn ask(self, request: impl FnOnce(u64) -> ClientFrame) -> Result<Awaited, Error> {
        let shared = &self.sender.shared;
        let re = shared.last_re.fetch_add(1, Ordering::Relaxed) + 1;
        let frame = request(re);
        // In this order: an answer can only come to a request that is expected.
        let awaited = shared.pending.expect(re);
        self.tell(&frame)?;
        Ok(awaited)
    }

    /// Queues a frame that is not answered.
    pub(crate) fn tell(self, frame: &ClientFrame) -> Result<(), Error> {
        let json = serde_json::to_string(frame).map_err(|error| Error::Protocol(error.to_string()))?;
        let limit = self.sender.frame_limit;
        if json.len() > limit {
            return Err(Error::refusal(ErrorCode::TooLarge, &format!("a frame may have at most {limit} bytes")));
        }
        self.permit.send(json);
        Ok(())
    }
}
