use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chat_proto::model::{DeviceState, Message};
use chat_proto::wire::{
    ClientFrame, DeleteFrame, EditFrame, NewMessage, PresenceFrame, ReactFrame, ReadFrame, SendFrame, TypingFrame,
    ViewingFrame,
};
use chat_proto::{ClientId, ConversationId, ErrorCode, MessageId, Seq};
use serde_json::Value;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::pending::{Awaited, Pending};
use super::{Closed, receiver};
use crate::{Draft, Error};

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
    pub async fn send(
        &self,
        conv: ConversationId,
        client_id: &ClientId,
        draft: impl Into<Draft>,
    ) -> Result<Message, Error> {
        let NewMessage { client_id, text, attachments, reply_to, mentions, if_last_seq } =
            draft.into().under(client_id.clone());
        let frame = |re| SendFrame { re, conv, client_id, text, attachments, reply_to, mentions, if_last_seq };
        self.ask_for_message(|re| ClientFrame::Send(frame(re))).await
    }

    /// Changes the text of a message of mine, `if_version`: only while it is this one; the message as it is now.
    pub async fn edit(
        &self,
        conv: ConversationId,
        id: MessageId,
        text: &str,
        if_version: Option<u64>,
    ) -> Result<Message, Error> {
        let text = text.to_owned();
        self.ask_for_message(|re| ClientFrame::Edit(EditFrame { re, conv, id, text, if_version })).await
    }

    /// Deletes a message, `if_version`: only while it is this one; what is left of it.
    pub async fn delete(&self, conv: ConversationId, id: MessageId, if_version: Option<u64>) -> Result<Message, Error> {
        self.ask_for_message(|re| ClientFrame::Delete(DeleteFrame { re, conv, id, if_version })).await
    }

    /// Reacts to a message with one emoji, or takes that back; the message as it is now.
    pub async fn react(&self, conv: ConversationId, id: MessageId, emoji: &str, on: bool) -> Result<Message, Error> {
        let emoji = emoji.to_owned();
        self.ask_for_message(|re| ClientFrame::React(ReactFrame { re, conv, id, emoji, on })).await
    }

    async fn ask_for_message(&self, request: impl FnOnce(u64) -> ClientFrame) -> Result<Message, Error> {
        let message = self.ask(request).await?;
        serde_json::from_value(message).map_err(|error| Error::Protocol(error.to_string()))
    }

    /// Moves my read mark to this message.
    pub async fn read(&self, conv: ConversationId, seq: Seq) -> Result<(), Error> {
        self.ask(|re| ClientFrame::Read(ReadFrame { re: Some(re), conv, seq })).await.map(drop)
    }

    /// Moves my read mark back: this message and what comes after it is unread again.
    pub async fn unread(&self, conv: ConversationId, seq: Seq) -> Result<(), Error> {
        self.ask(|re| ClientFrame::Unread(ReadFrame { re: Some(re), conv, seq })).await.map(drop)
    }

    /// Says that the messages up to this one have reached this device.
    pub async fn delivered(&self, conv: ConversationId, seq: Seq) -> Result<(), Error> {
        self.ask(|re| ClientFrame::Delivered(ReadFrame { re: Some(re), conv, seq })).await.map(drop)
    }

    /// Tells that this device has a conversation open, or no longer; to be said again within 60 s. Not answered, as
    /// [`typing`](Self::typing).
    pub async fn viewing(&self, conv: ConversationId, on: bool) -> Result<(), Error> {
        self.say(&ClientFrame::Viewing(ViewingFrame { re: None, conv, on })).await
    }

    /// Tells whether somebody sits at this device. Not answered, as [`typing`](Self::typing).
    pub async fn presence(&self, state: DeviceState) -> Result<(), Error> {
        self.say(&ClientFrame::Presence(PresenceFrame { re: None, state })).await
    }

    /// Tells the others that I am writing, or stopped. Not answered; a refusal comes as [`super::LiveEvent::Refused`].
    pub async fn typing(&self, conv: ConversationId, on: bool) -> Result<(), Error> {
        self.say(&ClientFrame::Typing(TypingFrame { re: None, conv, on })).await
    }

    async fn say(&self, frame: &ClientFrame) -> Result<(), Error> {
        self.room().await.ok_or_else(|| self.ended())?.tell(frame)
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
