use std::fmt;
use std::sync::{Arc, OnceLock};

use chat_proto::model::{Cursor, DeviceState};
use chat_proto::{ConversationId, ErrorCode, Seq};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::requests::Requests;
use super::token::Tokens;
use super::{FollowOptions, OutboxEntry, Request};
use crate::clock::{Clock, Entropy};
use crate::{Client, Draft, Error};

/// Bytes of a text that is put into the outbox; the server's own limit is known only when there is a connection.
const LONGEST_TEXT: usize = 256 * 1024;

/// A handle to ask with while [following](Client::follow). Cheap to clone. Nothing here waits for the network.
#[derive(Clone)]
pub struct Follower {
    pub(super) shared: Arc<Shared>,
}

/// What the handles and the task have in common.
pub(super) struct Shared {
    pub(super) requests: Requests,
    pub(super) tokens: Tokens,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) leave: CancellationToken,
    pub(super) ended: OnceLock<Error>,
    pub(super) task: TaskTracker,
}

impl Follower {
    pub(super) fn new(client: &Client, options: &FollowOptions) -> Self {
        let shared = Shared {
            requests: Requests::default(),
            tokens: Tokens::new(client.clone(), options.tokens.clone()),
            clock: Arc::clone(&options.clock),
            entropy: Arc::clone(&options.entropy),
            leave: CancellationToken::new(),
            ended: OnceLock::new(),
            task: TaskTracker::new(),
        };
        let follower = Self { shared: Arc::new(shared) };
        follower.put_back(options.outbox.clone());
        follower
    }

    /// Puts a message into the outbox and returns at once, with what can be shown until it is confirmed.
    ///
    /// It stays there until the server says that it is stored ([`super::Update::Sent`]) or that it is refused for good
    /// ([`super::Update::Failed`]), over any number of connections: it is sent again under the same `client_id`, in
    /// order within its conversation, and stored once.
    ///
    /// When it is refused because of newer messages ([`Draft::if_last_seq`]), those that were written after it in the same
    /// conversation come back with it, the latest first.
    ///
    /// # Errors
    /// [`Error::OutboxFull`] when 1,024 messages wait; `too_large` beyond 256 KiB, which no server takes; why the
    /// following ended, when it has.
    pub fn send(&self, conversation: ConversationId, draft: impl Into<Draft>) -> Result<OutboxEntry, Error> {
        let Draft { text, attachments, reply_to, mentions, if_last_seq } = draft.into();
        if text.len() > LONGEST_TEXT {
            return Err(Error::refusal(ErrorCode::TooLarge, "no server takes so long a message"));
        }
        let mut random = [0; 10];
        self.shared.entropy.fill(&mut random);
        let written_at = self.shared.clock.now();
        let mut state = self.shared.requests.lock();
        if let Some(error) = self.shared.ended.get() {
            return Err(error.clone());
        }
        let client_id = state.ids.next(written_at, random);
        let entry =
            OutboxEntry { client_id, conversation, text, attachments, reply_to, mentions, if_last_seq, written_at };
        if !state.outbox.push(entry.clone()) {
            return Err(Error::OutboxFull);
        }
        drop(state);
        self.shared.requests.wake.notify_one();
        Ok(entry)
    }

    /// Moves my read mark to this message, as soon as there is a connection. It may get lost when the program ends
    /// before, or when there is none and more than 1,024 conversations wait; the next mark makes up for it.
    pub fn read(&self, conversation: ConversationId, seq: Seq) {
        self.shared.requests.lock().mark_read(conversation, seq);
        self.shared.requests.wake.notify_one();
    }

    /// Tells the others that I am writing, or stopped. For each key: it is passed on every three seconds. Without a
    /// connection it is forgotten.
    pub fn typing(&self, conversation: ConversationId, on: bool) {
        if self.shared.requests.lock().passing.type_in(conversation, on, Instant::now()) {
            self.shared.requests.wake.notify_one();
        }
    }

    /// Says that the messages up to this one have reached this device; as [`read`](Self::read).
    pub fn delivered(&self, conversation: ConversationId, seq: Seq) {
        self.shared.requests.lock().mark_delivered(conversation, seq);
        self.shared.requests.wake.notify_one();
    }

    /// Asks for a change of what was sent before, as soon as there is a connection, over any number of them, in order.
    /// What becomes of it is told by events; a refusal by [`super::Update::Refused`]. It gets lost with the program.
    ///
    /// # Errors
    /// [`Error::OutboxFull`] when 256 wait; why the following ended, when it has.
    pub fn request(&self, request: Request) -> Result<(), Error> {
        let mut state = self.shared.requests.lock();
        if let Some(error) = self.shared.ended.get() {
            return Err(error.clone());
        }
        if !state.change(request) {
            return Err(Error::OutboxFull);
        }
        drop(state);
        self.shared.requests.wake.notify_one();
        Ok(())
    }

    /// Tells that this device has a conversation open, or none, until something else is said: over all connections.
    pub fn viewing(&self, conversation: Option<ConversationId>) {
        self.shared.requests.lock().passing.view(conversation);
        self.shared.requests.wake.notify_one();
    }

    /// Tells whether somebody sits at this device; at first somebody does.
    pub fn presence(&self, state: DeviceState) {
        self.shared.requests.lock().passing.sit(state);
        self.shared.requests.wake.notify_one();
    }

    /// The messages that are not confirmed yet, in the order in which they were written.
    pub fn outbox(&self) -> Vec<OutboxEntry> {
        self.shared.requests.lock().outbox.entries()
    }

    /// Takes all messages out of the outbox, to keep them elsewhere. One that was on its way may get stored all the
    /// same; sending it again later is harmless.
    pub fn take_outbox(&self) -> Vec<OutboxEntry> {
        self.shared.requests.lock().outbox.take()
    }

    /// Puts messages back, before those that wait. Returns those for which there is no room (1,024 wait already).
    pub fn put_back(&self, entries: Vec<OutboxEntry>) -> Vec<OutboxEntry> {
        let beyond = self.shared.requests.lock().outbox.put_back(entries);
        self.shared.requests.wake.notify_one();
        beyond
    }

    /// Follows from another place: what is told after [`super::Update::Resumed`] comes after it. For after a
    /// [`super::Update::Reset`], with the `as_of` of the first answer that was loaded.
    pub fn resume_after(&self, cursor: Cursor) {
        self.shared.requests.lock().resume_after = Some(cursor);
        self.shared.requests.wake.notify_one();
    }

    /// Tries to connect now instead of when the wait is over.
    pub fn retry_now(&self) {
        self.shared.requests.lock().retry_now = true;
        self.shared.requests.wake.notify_one();
    }

    /// A client for REST that acts with the token in use now.
    pub fn client(&self) -> Client {
        self.shared.tokens.client()
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.shared.tokens
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.shared.entropy
    }

    /// Ends the following without waiting for it.
    pub(crate) fn leave(&self) {
        self.shared.leave.cancel();
    }

    /// Says goodbye and waits until the connection is closed. What waits in the outbox stays there, to be
    /// [taken](Self::take_outbox).
    pub async fn close(&self) {
        self.shared.leave.cancel();
        self.shared.task.wait().await;
    }
}

impl Shared {
    /// No more requests are taken.
    pub(super) fn end(&self, why: &Error) {
        // Under the lock, so that nothing is put into the outbox after it.
        let _state = self.requests.lock();
        let _ = self.ended.set(why.clone());
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("ended", &self.shared.ended.get()).finish_non_exhaustive()
    }
}
