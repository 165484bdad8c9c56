use std::fmt;

use chat_proto::model::{Cursor, DeviceState};
use chat_proto::{ConversationId, ErrorCode, Seq};
use tokio::time::{Instant, sleep_until};

use super::inbox::Asked;
use super::load::{Failed, Load, Loaded, Loader};
use super::{Diff, Inbox, WatchOptions};
use crate::follow::{Connection, Follower, OutboxEntry, Request, Update, Updates};
use crate::{Client, Draft, Error};

/// Updates that are taken up at once before their diffs are handed out.
const AT_ONCE: usize = 256;

/// Conversations that are held apart for what is unread in them; more are loaded when they are asked for.
const APART: usize = 1_000;

/// My [`Inbox`], kept up to date for as long as this is asked for the [`next`](Self::next) diffs.
///
/// Nothing here waits for the network but `next` and [`close`](Self::close). What is asked for between two calls of
/// `next` shows in the diffs of the following one.
pub struct Watch {
    inbox: Inbox,
    follower: Follower,
    updates: Updates,
    loader: Loader,
    /// Conversations that are loaded at first.
    rows: usize,
    /// Where the list goes on below its end; `None`: nowhere, or it is being loaded.
    below: Option<Cursor>,
    /// Where what is unread below the end goes on; `None`: nowhere, or it is being loaded.
    unread_below: Option<Cursor>,
    /// The snapshot is being loaded.
    loading: bool,
    /// Events come after a hole until following resumes from a snapshot.
    stale: bool,
    ready: Vec<Diff>,
    ended: bool,
}

impl Client {
    /// Watches everything that a user interface shows: my conversations, their messages, who is there.
    ///
    /// It begins empty. The first diffs fill it, and when the connection breaks or the server cannot tell what was
    /// missed, further diffs bring it up to date again: however it got there, it ends equal to a fresh snapshot. Needs a
    /// tokio runtime.
    pub fn watch(&self, options: WatchOptions) -> Watch {
        let backoff = options.follow.waits();
        let (follower, updates) = self.follow(options.follow.held());
        let mut watch = Watch {
            inbox: Inbox::default(),
            loader: Loader::new(follower.tokens().clone(), backoff),
            follower,
            updates,
            rows: options.conversations,
            below: None,
            unread_below: None,
            loading: false,
            stale: true,
            ready: Vec::new(),
            ended: false,
        };
        watch.ready = watch.inbox.replace_outgoing(watch.follower.outbox());
        watch.begin_anew();
        watch
    }
}

impl Watch {
    /// Everything as it is now, with all diffs that were handed out carried out.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// The next diffs, at least one. After [`Connection::Ended`] comes `None`.
    ///
    /// Cancel safe: no diff is lost when this is dropped before it is ready. While it is not called, at most 1,024
    /// updates wait; then the connection is given up, and comes back when they are taken.
    pub async fn next(&mut self) -> Option<Vec<Diff>> {
        while self.ready.is_empty() && !self.ended {
            let expiry = self.inbox.next_expiry();
            tokio::select! {
                update = self.updates.next() => match update {
                    Some(update) => self.take_all(update),
                    None => self.ended = true,
                },
                loaded = self.loader.next() => match loaded {
                    Ok(loaded) => self.take_loaded(loaded),
                    Err(failed) => self.take_failed(failed),
                },
                () = sleep_until(expiry.unwrap_or_else(Instant::now)), if expiry.is_some() => {
                    let diffs = self.inbox.expire(Instant::now());
                    self.ready.extend(diffs);
                }
            }
        }
        let diffs = std::mem::take(&mut self.ready);
        (!diffs.is_empty()).then_some(diffs)
    }

    /// Holds the messages of a conversation from now on, beginning with the newest 100. At most 32 conversations are
    /// open: another closes the one that was opened longest ago. Does nothing for one that is not in the list.
    pub fn open(&mut self, conversation: ConversationId) {
        let diffs = self.inbox.open(conversation);
        self.took(diffs);
    }

    /// Lets the messages of a conversation go.
    pub fn close_thread(&mut self, conversation: ConversationId) {
        let diff = self.inbox.close(conversation);
        self.took(diff);
    }

    /// Loads up to 100 messages before the first that is held, if there are any and none are being loaded. At most 5,000
    /// messages of a conversation are held: beyond it the newest of them are let go, and new ones do not come any more until
    /// [`newer`](Self::newer) or [`newest`](Self::newest) has come down to them.
    pub fn older(&mut self, conversation: ConversationId) {
        let diff = self.inbox.older(conversation);
        self.took(diff);
    }

    /// Loads up to 100 messages after the last that is held, if there are any and none are being loaded; beyond 5,000
    /// messages the oldest of them are let go.
    pub fn newer(&mut self, conversation: ConversationId) {
        let diff = self.inbox.newer(conversation);
        self.took(diff);
    }

    /// Loads the first 100 messages of all, if they are not held; other parts that are being loaded are not waited for. Where
    /// there is a hole to what is held, that is let go.
    pub fn oldest(&mut self, conversation: ConversationId) {
        let diff = self.inbox.oldest(conversation);
        self.took(diff);
    }

    /// Loads the newest 100 messages, if they are not held; where there is a hole to what is held, that is let go.
    pub fn newest(&mut self, conversation: ConversationId) {
        let diffs = self.inbox.newest(conversation);
        self.took(diffs);
    }

    /// Loads the next 200 conversations below the list, if there are any and none are being loaded.
    pub fn more_conversations(&mut self) {
        if let Some(cursor) = self.below.take() {
            self.loader.load(Load::Page(cursor));
        }
    }

    /// Loads more of the conversations below the list in which something is unread, if there may be any and none are being
    /// loaded. The first 1,000 come by themselves.
    pub fn more_unread(&mut self) {
        if let Some(cursor) = self.unread_below.take() {
            self.loader.load(Load::Unread(cursor));
        }
    }

    /// Puts a message into the outbox; see [`Follower::send`].
    pub fn send(&mut self, conversation: ConversationId, draft: impl Into<Draft>) -> Result<OutboxEntry, Error> {
        let entry = self.follower.send(conversation, draft)?;
        self.ready.push(self.inbox.add_outgoing(entry.clone()));
        Ok(entry)
    }

    /// Moves my read mark; see [`Follower::read`]. The inbox shows it when the server has moved it.
    pub fn read(&self, conversation: ConversationId, seq: Seq) {
        self.follower.read(conversation, seq);
    }

    /// Tells the others that I am writing, or stopped; see [`Follower::typing`].
    pub fn typing(&self, conversation: ConversationId, on: bool) {
        self.follower.typing(conversation, on);
    }

    /// Says that the messages up to this one have reached this device; see [`Follower::delivered`].
    pub fn delivered(&self, conversation: ConversationId, seq: Seq) {
        self.follower.delivered(conversation, seq);
    }

    /// Asks for a change of what was sent before; see [`Follower::request`]. What becomes of it is told by diffs.
    pub fn request(&self, request: Request) -> Result<(), Error> {
        self.follower.request(request)
    }

    /// Tells that this device has a conversation open, or none; see [`Follower::viewing`].
    pub fn viewing(&self, conversation: Option<ConversationId>) {
        self.follower.viewing(conversation);
    }

    /// Tells whether somebody sits at this device; see [`Follower::presence`].
    pub fn presence(&self, state: DeviceState) {
        self.follower.presence(state);
    }

    /// Takes all messages out of the outbox; see [`Follower::take_outbox`].
    pub fn take_outbox(&mut self) -> Vec<OutboxEntry> {
        let entries = self.follower.take_outbox();
        let diffs = self.inbox.replace_outgoing(Vec::new());
        self.ready.extend(diffs);
        entries
    }

    /// Puts messages back into the outbox; see [`Follower::put_back`].
    pub fn put_back(&mut self, entries: Vec<OutboxEntry>) -> Vec<OutboxEntry> {
        let beyond = self.follower.put_back(entries);
        let diffs = self.inbox.replace_outgoing(self.follower.outbox());
        self.ready.extend(diffs);
        beyond
    }

    /// Tries to connect, and to load what is missing, now instead of when the wait is over.
    pub fn retry_now(&self) {
        self.follower.retry_now();
        self.loader.retry_now();
    }

    /// A client for REST that acts with the token in use now.
    pub fn client(&self) -> Client {
        self.follower.client()
    }

    /// Says goodbye and waits until the connection is closed. What waits in the outbox stays there, to be taken.
    pub async fn close(&self) {
        self.follower.close().await;
    }

    /// Loads a snapshot, and follows from there.
    fn begin_anew(&mut self) {
        self.stale = true;
        if !self.loading {
            self.loading = true;
            self.loader.forget();
            self.loader.load(Load::Snapshot(self.rows));
        }
    }

    fn take_all(&mut self, update: Update) {
        self.take(update);
        for _ in 0..AT_ONCE {
            let Some(update) = self.updates.try_next() else { return };
            self.take(update);
        }
    }

    fn take(&mut self, update: Update) {
        let diffs = match update {
            Update::Event(change) if !self.stale => self.inbox.apply(*change),
            Update::Ephemeral(event) => self.inbox.pass(&event, Instant::now()),
            Update::Connection(connection) => self.inbox.connected(connection),
            Update::Sent { client_id, message } => self.inbox.sent(&client_id, &message),
            Update::Failed { entry, error } => vec![self.inbox.failed(entry, error)],
            Update::Refused { request, error } => vec![Diff::Refused { request, error }],
            Update::Reset(_) => {
                self.ready.push(Diff::Reloading);
                self.begin_anew();
                return;
            }
            Update::Resumed(_) => {
                // Unless what was loaded could not be followed from either.
                self.stale = self.loading;
                return;
            }
            Update::Event(_) | Update::Cursor(_) => return,
        };
        self.took(diffs);
    }

    fn take_loaded(&mut self, loaded: Loaded) {
        let diffs = match loaded {
            Loaded::Snapshot { snapshot, as_of, next } => {
                self.loading = false;
                self.below.clone_from(&next);
                self.unread_below = next;
                self.more_unread();
                self.follower.resume_after(as_of);
                self.inbox.replace(snapshot)
            }
            Loaded::Page(page) => {
                let more = page.next_cursor.is_some();
                self.below = page.next_cursor;
                self.inbox.extend(page.items, more)
            }
            Loaded::Unread(page) => {
                let diffs = self.inbox.hold_apart(page.items, page.next_cursor.is_some());
                self.unread_below = page.next_cursor;
                if self.inbox.held_apart() < APART {
                    self.more_unread();
                }
                diffs
            }
            Loaded::Conversation(id, generation, conversation) => {
                self.inbox.conversation_loaded(id, generation, conversation.map(|conversation| *conversation))
            }
            Loaded::Messages(id, generation, history) => self.inbox.history_loaded(id, generation, history),
        };
        self.took(diffs);
    }

    fn take_failed(&mut self, failed: Failed) {
        let error = failed.error.clone();
        if !error.is_retryable() {
            self.give_up(&failed.load, error);
            return;
        }
        let wanted = match failed.load {
            Load::Conversation(id, generation) => self.inbox.awaits(Asked::Conversation(id, generation)),
            Load::Messages(id, question) => self.inbox.awaits(Asked::Messages(id, question)),
            Load::Snapshot(_) | Load::Page(_) | Load::Unread(_) => true,
        };
        if wanted {
            let at_first = matches!(failed.load, Load::Snapshot(_)) && self.inbox.me().is_none();
            let retry_in = self.loader.again(failed, self.follower.entropy());
            if at_first {
                // Nothing is connected before there is a place to follow from.
                let diffs = self.inbox.connected(Connection::Waiting { why: error, retry_in });
                self.took(diffs);
            }
        }
    }

    /// It cannot be loaded, for good.
    fn give_up(&mut self, load: &Load, error: Error) {
        let diffs = match *load {
            Load::Snapshot(_) => {
                // There is nothing to watch then.
                self.follower.leave();
                self.ended = true;
                self.inbox.connected(Connection::Ended(error))
            }
            Load::Conversation(id, generation) => self.inbox.conversation_loaded(id, generation, None),
            Load::Messages(id, question) => self.inbox.history_failed(id, question.generation, error),
            // A server that does not know what is unread.
            Load::Unread(_) if error.code() != Some(ErrorCode::InvalidCursor) => {
                self.inbox.hold_apart(Vec::new(), false)
            }
            // Its cursor is of no use any more.
            Load::Page(_) | Load::Unread(_) => return self.begin_anew(),
        };
        self.took(diffs);
    }

    /// Hands out diffs, and asks for what the inbox wants to know.
    fn took(&mut self, diffs: impl IntoIterator<Item = Diff>) {
        self.ready.extend(diffs);
        for asked in self.inbox.questions() {
            self.loader.load(match asked {
                Asked::Conversation(id, generation) => Load::Conversation(id, generation),
                Asked::Messages(id, question) => Load::Messages(id, question),
                Asked::Everything => return self.begin_anew(),
            });
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("follower", &self.follower).field("stale", &self.stale).finish_non_exhaustive()
    }
}
