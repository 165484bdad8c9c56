//! Live fan-out: from the log's tail to the mailboxes of those who listen. Fed by the writer alone, in the order of
//! commits; it never waits for anybody.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chat_proto::model::{DeviceState, PresenceState, Who};
use chat_proto::{ErrorCode, SessionId, UserId};
use rustc_hash::FxHasher;
use tokio::sync::{Notify, mpsc};

use crate::error::{Error, Result};
use crate::signal::Signal;
use crate::state::{Audience, Envelope, Event, Position, Rendering, UserNo};

/// Something that arrived in a mailbox.
#[derive(Clone, Debug)]
pub(crate) enum Delivery {
    Event(Arc<Envelope>, Rendering),
    /// In a box, so that the others are small: a mailbox has room for many.
    Signal(Box<Signal>),
    /// Look at the flags.
    Wake,
}

/// What waits in one mailbox, at the most, in bytes: as many events as that may still be too much when they are long.
pub(crate) const MAILBOX_BYTES: usize = 1 << 20;

/// Where one listener's deliveries wait.
#[derive(Debug)]
pub(crate) struct Mailbox {
    pub(crate) user: UserNo,
    pub(crate) user_id: UserId,
    /// As what they are counted.
    who: Who,
    /// The session whose end ends it; two while it goes over from one to the other.
    sessions: Mutex<[Option<SessionId>; 2]>,
    /// Whether somebody is there who reads; else they only look in, which neither makes them seem to be there nor
    /// leaves them the time for signals.
    pub(crate) device: bool,
    /// Nobody sits at it.
    away: AtomicBool,
    /// It was told who is there, and so is told who comes and goes.
    introduced: AtomicBool,
    queue: mpsc::Sender<Delivery>,
    /// The weight of the events in the queue.
    waiting: AtomicUsize,
    /// It was full: something is missing in it, which has to be read from the log.
    lagged: AtomicBool,
    /// The session was ended.
    ended: AtomicBool,
}

type ByUser = HashMap<UserNo, Vec<Arc<Mailbox>>, BuildHasherDefault<FxHasher>>;

/// Who listens.
#[derive(Debug)]
pub(crate) struct Rooms {
    listeners: RwLock<ByUser>,
    /// Everything up to here was put into the mailboxes that it was for.
    published: AtomicU64,
    /// Rung whenever that moves.
    pub(crate) progress: Notify,
    mailbox: usize,
    per_user: usize,
}

impl Mailbox {
    /// Whether something is missing; asking makes it whole again.
    pub(crate) fn take_lagged(&self) -> bool {
        self.lagged.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn set_lagged(&self) {
        self.lagged.store(true, Ordering::Release);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Only the writer pushes, so nobody else takes the room that was found. In an empty mailbox there is room for any
    /// event, however large.
    fn push(&self, envelope: &Arc<Envelope>, weight: usize) {
        let waiting = self.waiting.load(Ordering::Relaxed);
        if waiting > 0 && waiting + weight > MAILBOX_BYTES {
            return self.set_lagged();
        }
        let rendering = envelope.rendering_for(self.user, self.user_id);
        self.waiting.fetch_add(weight, Ordering::Relaxed);
        if self.queue.try_send(Delivery::Event(Arc::clone(envelope), rendering)).is_err() {
            self.took(weight);
            self.set_lagged();
        }
    }

    /// An event of this weight is no longer in the queue.
    pub(crate) fn took(&self, weight: usize) {
        self.waiting.fetch_sub(weight, Ordering::Relaxed);
    }

    /// `true`: it was something else before.
    pub(crate) fn set_state(&self, state: DeviceState) -> bool {
        let away = state == DeviceState::Away;
        self.away.swap(away, Ordering::AcqRel) != away
    }

    /// From now on it is told who comes and goes.
    pub(crate) fn introduce(&self) {
        self.introduced.store(true, Ordering::Release);
    }

    fn is_away(&self) -> bool {
        self.away.load(Ordering::Acquire)
    }

    /// Signals are lossy: when the mailbox is full there are better things to deliver.
    pub(crate) fn signal(&self, signal: &Signal) {
        if self.device {
            let _ = self.queue.try_send(Delivery::Signal(Box::new(signal.clone())));
        }
    }

    /// From now on the end of one of these ends it, and of no other.
    pub(crate) fn belong_to(&self, sessions: [Option<SessionId>; 2]) {
        *self.sessions.lock().unwrap_or_else(PoisonError::into_inner) = sessions;
    }

    fn belongs_to(&self, session: SessionId) -> bool {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).contains(&Some(session))
    }

    fn end(&self) {
        self.ended.store(true, Ordering::Release);
        // A full mailbox has something to wake its listener already.
        let _ = self.queue.try_send(Delivery::Wake);
    }
}

impl Rooms {
    /// `mailbox`: deliveries that wait for one listener; `per_user`: listeners of one person.
    pub(crate) fn new(mailbox: usize, per_user: usize) -> Self {
        Self { listeners: RwLock::default(), published: AtomicU64::new(0), progress: Notify::new(), mailbox, per_user }
    }

    /// Begins to listen, as a device or unseen.
    pub(crate) fn listen(
        &self,
        user: UserNo,
        user_id: UserId,
        who: Who,
        session: Option<SessionId>,
        device: bool,
    ) -> Result<(Arc<Mailbox>, mpsc::Receiver<Delivery>)> {
        let (queue, deliveries) = mpsc::channel(self.mailbox);
        let mailbox = Arc::new(Mailbox {
            user,
            user_id,
            who,
            sessions: Mutex::new([session, None]),
            device,
            away: AtomicBool::new(false),
            introduced: AtomicBool::new(false),
            queue,
            waiting: AtomicUsize::new(0),
            lagged: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        let devices = listeners.entry(user).or_default();
        if devices.len() >= self.per_user {
            let most = self.per_user;
            return Err(Error::new(ErrorCode::RateLimited, format!("You have {most} connections open; close one."))
                .retry_in(std::time::Duration::from_mins(1)));
        }
        devices.push(Arc::clone(&mailbox));
        Ok((mailbox, deliveries))
    }

    /// Stops listening.
    pub(crate) fn leave(&self, mailbox: &Arc<Mailbox>) {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        let Some(devices) = listeners.get_mut(&mailbox.user) else { return };
        devices.retain(|device| !Arc::ptr_eq(device, mailbox));
        if devices.is_empty() {
            listeners.remove(&mailbox.user);
        }
    }

    /// What somebody is over all their devices: online when they sit at one, away when they sit at none.
    pub(crate) fn state_of(&self, user: UserNo) -> PresenceState {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        listeners.get(&user).map_or(PresenceState::Offline, |devices| state_over(devices))
    }

    /// The same of everybody who listens, with what they are counted as.
    pub(crate) fn people_here(&self) -> Vec<(Who, PresenceState)> {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        // All devices of somebody were told the same of who they are.
        let person = |devices: &Vec<Arc<Mailbox>>| Some((devices.last()?.who, state_over(devices)));
        listeners.values().filter_map(person).collect()
    }

    /// The newest position of which everything is in the mailboxes.
    pub(crate) fn position(&self) -> Position {
        Position(self.published.load(Ordering::Acquire))
    }

    /// Everything up to here has been told.
    pub(crate) fn published(&self, position: Position) {
        self.published.store(position.0, Ordering::Release);
        self.progress.notify_waiters();
    }

    /// Puts events into the mailboxes that they are for.
    pub(crate) fn publish(&self, events: &[Arc<Envelope>]) {
        let Some(last) = events.last() else { return };
        {
            let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
            for envelope in events {
                deliver(&listeners, envelope);
            }
        }
        self.published(last.position);
    }

    /// Ends what listens in this session, which has ended and is not told of by an event yet.
    pub(crate) fn end_session(&self, session: SessionId) {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        listeners.values().flatten().filter(|device| device.belongs_to(session)).for_each(|device| device.end());
    }

    /// Tells these people something in passing.
    pub(crate) fn signal(&self, users: impl Iterator<Item = UserNo>, signal: &Signal) {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        for device in users.filter_map(|user| listeners.get(&user)).flatten() {
            device.signal(signal);
        }
    }

    /// Tells these people of somebody's presence, on the devices that know what was before.
    pub(crate) fn signal_presence(&self, users: &[UserNo], signal: &Signal) {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        for device in users.iter().filter_map(|user| listeners.get(user)).flatten() {
            if device.introduced.load(Ordering::Acquire) {
                device.signal(signal);
            }
        }
    }
}

fn state_over(listeners: &[Arc<Mailbox>]) -> PresenceState {
    let mut devices = listeners.iter().filter(|listener| listener.device).peekable();
    if devices.peek().is_none() {
        PresenceState::Offline
    } else if devices.all(|device| device.is_away()) {
        PresenceState::Away
    } else {
        PresenceState::Online
    }
}

/// About as many bytes as the event takes as a frame, without encoding it.
pub(crate) fn weight(envelope: &Envelope) -> usize {
    /// What stands around a text, or is all of an event.
    const FRAME: usize = 512;
    const PARTICIPANT: usize = 192;
    let thing = match &envelope.event {
        Event::MessageCreated(message) | Event::MessageChanged { message, .. } => message.text.len(),
        Event::ConversationCreated(conversation) => conversation.participants.len() * PARTICIPANT,
        Event::ParticipantAdded { snapshot: Some(conversation), .. } => {
            let last = conversation.last_message.as_ref().map_or(0, |message| message.text.len());
            conversation.participants.len() * PARTICIPANT + last
        }
        _ => 0,
    };
    FRAME + thing
}

fn deliver(listeners: &ByUser, envelope: &Arc<Envelope>) {
    let devices_of = |user: &UserNo| listeners.get(user).into_iter().flatten();
    let weight = weight(envelope);
    match (&envelope.event, &envelope.audience) {
        (Event::SessionEnded(session), Audience::User(user)) => {
            devices_of(user).filter(|device| device.belongs_to(*session)).for_each(|device| device.end());
        }
        (_, Audience::Conversation { members, also }) => {
            for member in members.iter() {
                devices_of(&member.user).for_each(|device| device.push(envelope, weight));
            }
            if let Some(user) = also {
                devices_of(user).for_each(|device| device.push(envelope, weight));
            }
        }
        (_, Audience::User(user)) => devices_of(user).for_each(|device| device.push(envelope, weight)),
        (_, Audience::Nobody) => {}
    }
}
