use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chat_proto::model::Message;
use chat_proto::wire::{ClientFrame, ReadFrame, SendFrame, TypingFrame};
use chat_proto::{ClientId, ConversationId, ErrorCode, Seq};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::pending::Pending;
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
    last_re: AtomicU64,
}

impl LiveSender {
    /// Sends a message; returns when it is on the server's disk.
    ///
    /// When the answer is lost ([`Error::Closed`], [`Error::Timeout`]), send again with the same `client_id`, here or
    /// over REST.
    pub async fn send(&self, conv: ConversationId, client_id: &ClientId, text: &str) -> Result<Message, Error> {
        let re = self.next_re();
        let frame = ClientFrame::Send(SendFrame::text(re, conv, client_id.clone(), text));
        let message = self.ask(re, &frame).await?;
        serde_json::from_value(message).map_err(|error| Error::Protocol(error.to_string()))
    }

    /// Moves my read mark to this message.
    pub async fn read(&self, conv: ConversationId, seq: Seq) -> Result<(), Error> {
        let re = self.next_re();
        let frame = ClientFrame::Read(ReadFrame { re: Some(re), conv, seq });
        self.ask(re, &frame).await.map(drop)
    }

    /// Tells the others that I am writing, or stopped. Not answered; a refusal comes as [`super::LiveEvent::Refused`].
    pub async fn typing(&self, conv: ConversationId, on: bool) -> Result<(), Error> {
        let frame = ClientFrame::Typing(TypingFrame { re: None, conv, on });
        self.write(&frame).await
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

    /// Writes a request and waits for its answer.
    async fn ask(&self, re: u64, frame: &ClientFrame) -> Result<Value, Error> {
        // In this order: an answer can only come to a request that is expected.
        let awaited = self.shared.pending.expect(re);
        let exchange = async {
            self.write(frame).await?;
            match awaited.answer().await {
                Some(answer) => answer.map_err(Error::from_frame),
                None => Err(self.ended()),
            }
        };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or(Err(Error::Timeout))
    }

    async fn write(&self, frame: &ClientFrame) -> Result<(), Error> {
        let json = serde_json::to_string(frame).map_err(|error| Error::Protocol(error.to_string()))?;
        if json.len() > self.frame_limit {
            let detail = format!("a frame may have at most {} bytes", self.frame_limit);
            return Err(Error::refusal(ErrorCode::TooLarge, &detail));
        }
        self.frames.send(json).await.map_err(|_| self.ended())
    }

    fn next_re(&self) -> u64 {
        self.shared.last_re.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn ended(&self) -> Error {
        Error::Closed(receiver::why(&self.shared.ended))
    }
}
