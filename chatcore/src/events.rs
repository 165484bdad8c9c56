//! What somebody is told: events in the order of commits, and signals in passing.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use chat_proto::model::{Cursor, DeviceState, Person};
use chat_proto::{ConversationId, ErrorCode, Timestamp};
use tokio::sync::mpsc;

use crate::access::{Action, Relation};
use crate::actor::{self, Actor};
use crate::error::{Error, Result};
use crate::replay::{self, Replay};
use crate::rooms::{Delivery, Mailbox, weight};
use crate::signal::Signal;
use crate::state::{Envelope, Event, Position, Rendering, who};

/// Signals that are kept while catching up; more are dropped, as signals may be.
const MOST_SIGNALS: usize = 256;

/// Everything that one person may see, from one place in the log on.
///
/// It never loses an event: when its reader is slow it goes back to reading the log, at the reader's own pace.
pub struct EventStream {
    actor: Actor,
    mailbox: Arc<Mailbox>,
    queue: mpsc::Receiver<Delivery>,
    epoch: u64,
    /// Everything up to here was given out, or is not for this person.
    last: Position,
    /// Said in passing while it was behind; given out first.
    signals: VecDeque<Signal>,
    /// Read from the log, not given out yet; then everything up to `reached` is done.
    backlog: VecDeque<Told>,
    reached: Position,
    behind: bool,
    /// A page that is being read. It is kept over cancelled waits, or a busy caller would never get to its end.
    reading: Option<Reading>,
    /// How much of the log the last page covered.
    span: Option<u64>,
    /// The log does not go back far enough any more; to be said.
    too_old: bool,
    live: bool,
}

type Reading = Pin<Box<dyn Future<Output = Result<Replay>> + Send>>;

/// Something that came out of an [`EventStream`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Incoming {
    /// Something that happened and is on disk.
    Event(Told),
    /// Something in passing; may be missing.
    Signal(Signal),
    /// What was missed has been told; what follows is new. Comes once.
    Live,
    /// Something was missed that the log does not hold any more: a snapshot has to be taken. What follows is new.
    Reset,
}

/// An event, as one person sees it.
#[derive(Clone, Debug)]
pub struct Told {
    envelope: Arc<Envelope>,
    rendering: Rendering,
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStream")
            .field("user", &self.actor.user_id())
            .field("last", &self.last)
            .field("behind", &self.behind)
            .finish_non_exhaustive()
    }
}

impl Told {
    pub(crate) fn new(envelope: Arc<Envelope>, rendering: Rendering) -> Self {
        Self { envelope, rendering }
    }

    /// What happened, without what is not theirs to see.
    #[must_use]
    pub fn event(&self) -> Event {
        self.envelope.event.seen_as(self.rendering)
    }

    #[cfg(feature = "webhooks")]
    pub(crate) fn at_position(&self) -> Position {
        self.envelope.position
    }

    /// Its place in the log; what a customer must never see.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn position(&self) -> Position {
        self.envelope.position
    }

    /// When.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.envelope.at
    }

    /// By whom; `None`: the shop itself.
    #[must_use]
    pub fn by(&self) -> Option<&Person> {
        self.envelope.by.as_ref()
    }

    /// Which of its forms this is.
    #[must_use]
    pub fn rendering(&self) -> Rendering {
        self.rendering
    }

    /// The event in a door's own text; `encode` runs once per form, and everybody shares its result.
    pub fn encoded(&self, encode: impl FnOnce(&Self) -> Arc<str>) -> Arc<str> {
        self.envelope.encoded(self.rendering, || encode(self))
    }
}

impl EventStream {
    /// Follows as a device, which is seen to come and go, or unseen.
    pub(crate) async fn open(actor: &Actor, after: Option<Position>, device: bool) -> Result<Self> {
        let followed = actor.read(|me| {
            me.require(Action::FollowEvents, Relation::Stranger)?;
            Ok((me.no, who(&me.account)))
        });
        let (user, who) = followed.await?;
        let by = actor.by();
        let engine = actor.chat().engine();
        // First listen, then look where the log ends: in the other order an event in between would be lost.
        let (mailbox, queue) = engine.rooms.listen(user, by.user, who, by.session, device)?;
        let view = engine.store.view();
        let (epoch, last) = (view.epochs().current(), after.unwrap_or(view.position()));
        drop(view);
        let stream = Self {
            actor: actor.clone(),
            mailbox,
            queue,
            epoch,
            last,
            signals: VecDeque::new(),
            backlog: VecDeque::new(),
            reached: last,
            behind: after.is_some(),
            reading: None,
            span: None,
            too_old: false,
            live: false,
        };
        // A session that ended before it listened was not told so.
        actor.read(|_| Ok(())).await?;
        if device {
            engine.presence.arrived(&stream.mailbox);
        }
        Ok(stream)
    }

    /// Waits for what comes next. `None`: the session ended, or the chat is closed.
    ///
    /// Cancelling the wait loses nothing.
    ///
    /// # Errors
    /// The store's, while catching up; calling again goes on where it stopped.
    pub async fn next(&mut self) -> Option<Result<Incoming>> {
        loop {
            if let Some(incoming) = self.try_next() {
                return Some(Ok(incoming));
            }
            if self.mailbox.has_ended() {
                return None;
            }
            if std::mem::take(&mut self.too_old) {
                return Some(Ok(Incoming::Reset));
            }
            if self.behind {
                if let Err(error) = self.read_on().await {
                    return Some(Err(error));
                }
                continue;
            }
            if !self.live {
                self.live = true;
                return Some(Ok(Incoming::Live));
            }
            // What is received is looked at by `try_next`'s rules.
            let delivery = self.queue.recv().await?;
            if let Some(incoming) = self.accept(delivery) {
                return Some(Ok(incoming));
            }
        }
    }

    /// What is there without waiting or reading, for who sends many and flushes once.
    pub fn try_next(&mut self) -> Option<Incoming> {
        if let Some(signal) = self.signals.pop_front() {
            return Some(Incoming::Signal(signal));
        }
        if let Some(told) = self.backlog.pop_front() {
            self.last = told.envelope.position;
            return Some(Incoming::Event(told));
        }
        self.last = self.last.max(self.reached);
        // While a page is being read the mark stays: what is missing may lie after that page.
        while self.reading.is_none() {
            // Before each delivery, since the next may lie behind one that found no room.
            if self.mailbox.take_lagged() {
                self.behind = true;
            }
            if !self.live || self.behind || self.too_old || self.mailbox.has_ended() {
                return None;
            }
            let delivery = self.queue.try_recv().ok()?;
            if let Some(incoming) = self.accept(delivery) {
                return Some(incoming);
            }
        }
        None
    }

    fn accept(&mut self, delivery: Delivery) -> Option<Incoming> {
        self.took(&delivery);
        match delivery {
            Delivery::Event(envelope, _) if envelope.position <= self.last => None,
            Delivery::Event(envelope, rendering) => {
                self.last = envelope.position;
                Some(Incoming::Event(Told { envelope, rendering }))
            }
            Delivery::Signal(signal) => Some(Incoming::Signal(*signal)),
            Delivery::Wake => None,
        }
    }

    /// It is out of the mailbox, which has room for others.
    fn took(&self, delivery: &Delivery) {
        if let Delivery::Event(envelope, _) = delivery {
            self.mailbox.took(weight(envelope));
        }
    }

    /// Reads a page of what was missed.
    async fn read_on(&mut self) -> Result<()> {
        let reading = match &mut self.reading {
            Some(reading) => reading,
            None => {
                // What waits in the mailbox now is in the log, which is read to an end that lies after it; all but the
                // signals. What comes while the page is being read stays.
                while let Ok(delivery) = self.queue.try_recv() {
                    self.took(&delivery);
                    if let Delivery::Signal(signal) = delivery
                        && self.signals.len() < MOST_SIGNALS
                    {
                        self.signals.push_back(*signal);
                    }
                }
                let (actor, last, span) = (self.actor.clone(), self.last, self.span);
                let page = async move { actor.read(move |me| replay::read_page(me, last, span)).await };
                self.reading.insert(Box::pin(page))
            }
        };
        let page = reading.as_mut().await;
        self.reading = None;
        match page? {
            Replay::Page(page) => {
                self.backlog = page.told;
                self.reached = page.reached;
                self.behind = page.more;
                self.span = Some(page.span).filter(|_| page.more);
            }
            Replay::TooOld(head) => {
                self.too_old = true;
                self.reached = head;
                self.behind = false;
                self.span = None;
            }
        }
        Ok(())
    }

    /// The place after everything that was given out so far.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.actor.chat().engine().cursor(self.epoch, self.last)
    }

    /// The cursor after an event of this stream.
    #[must_use]
    pub fn cursor_of(&self, told: &Told) -> Cursor {
        self.actor.chat().engine().cursor(self.epoch, told.envelope.position)
    }

    /// The place up to which nothing was missed, when nothing is waiting: it may lie after the last event given out,
    /// since much of what happens is not for this person.
    pub fn idle_cursor(&mut self) -> Option<Cursor> {
        // The order matters: first how far everything was delivered, then whether this mailbox is empty.
        let delivered = self.actor.chat().engine().rooms.position();
        if self.behind || self.too_old || !self.live || !self.backlog.is_empty() || !self.queue.is_empty() {
            return None;
        }
        if self.mailbox.take_lagged() {
            self.behind = true;
            return None;
        }
        self.last = self.last.max(delivered);
        Some(self.cursor())
    }

    /// Goes on for the same person in the session of this actor: its end ends the stream from now on, and no longer the
    /// end of the one before.
    ///
    /// # Errors
    /// `forbidden` when it is another person; `token_revoked` or `token_expired` when its session is over. Then nothing
    /// changes.
    pub async fn renew(&mut self, actor: &Actor) -> Result<()> {
        if actor.user_id() != self.actor.user_id() {
            return Err(Error::new(ErrorCode::Forbidden, "This is another person's token."));
        }
        // Looked at while the end of either would be told, so that neither's can be missed.
        self.mailbox.belong_to([self.actor.session_id(), actor.session_id()]);
        let stands = actor.read(|_| Ok(())).await;
        let session = if stands.is_ok() { actor.session_id() } else { self.actor.session_id() };
        self.mailbox.belong_to([session, None]);
        stands?;
        self.actor = actor.clone();
        // A page that is being read is read in the session before, which may be over.
        self.reading = None;
        Ok(())
    }

    /// Says whether somebody sits at this device; in the beginning, somebody does. The people who share a conversation
    /// with me are told what follows for me over all my devices: online while I sit at one of them, else away. Changes
    /// that follow each other within two seconds are told as one. Nothing comes of it for who follows
    /// [unseen](Actor::events_unseen).
    pub fn appear(&self, state: DeviceState) {
        if self.mailbox.set_state(state) {
            self.actor.chat().engine().presence.changed(&self.mailbox);
        }
    }

    /// Says that this device has a conversation open, or no longer. It holds for a minute without another sign, and ends
    /// with this stream. The staff in the conversation are told, and those who have it open too, but customers never of
    /// the staff. A device that opens it is told who else has. Nothing comes of it in conversations of more than 50, nor
    /// for who follows [unseen](Actor::events_unseen).
    ///
    /// # Errors
    /// `not_found` when I am not in it; `token_revoked` or `token_expired`.
    pub async fn viewing(&mut self, conversation: ConversationId, on: bool) -> Result<()> {
        let pace = Arc::clone(&self.actor.chat().engine().pace);
        let mine = move |me: &actor::Reading<'_>| {
            let conversation = me.own_conversation(conversation)?;
            me.require(Action::SignalViewing, conversation.relation(me.no))?;
            pace.change(me.no)?;
            Ok((conversation, me.account.role))
        };
        let (conversation, role) = self.actor.read(mine).await?;
        let viewing = &self.actor.chat().engine().viewing;
        if on {
            viewing.open(&self.mailbox, role, &conversation);
        } else {
            viewing.close(&self.mailbox, conversation.no);
        }
        Ok(())
    }

    /// Whether the session was ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.mailbox.has_ended()
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        let engine = self.actor.chat().engine();
        engine.rooms.leave(&self.mailbox);
        engine.presence.changed(&self.mailbox);
        engine.viewing.left(&self.mailbox);
    }
}

impl Error {
    /// Whether this says that a cursor cannot be followed.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        self.code() == ErrorCode::InvalidCursor
    }
}
