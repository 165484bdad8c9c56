//! Who is there. Never stored; told only to people who share a conversation, and not more often than is of use to them.
//!
//! What somebody *is* follows from their devices and stands in [`Rooms`](crate::rooms::Rooms). What the others *were
//! told* stands here. Whenever the two differ there is one task, which tells the newest state when its time has come.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_proto::model::PresenceState;
use chat_proto::{Timestamp, UserId};

use crate::access::{Action, Relation};
use crate::actor::Actor;
use crate::error::Result;
use crate::rooms::Mailbox;
use crate::signal::{Passing, Signal};
use crate::state::UserNo;
use crate::store::{StoreError, View};

/// Presence reaches the people of this many conversations, those with the newest activity …
const CONVERSATIONS: usize = 200;
/// … with at most this many participants: in larger ones it would be noise.
const PARTICIPANTS: usize = 50;
/// Who is back within this time was not gone: connections flap.
const GRACE: Duration = Duration::from_secs(3);
/// Changes of one person that follow each other faster than this are told as one.
const TOLD_EVERY: Duration = Duration::from_secs(2);
/// A device that comes is told of so many people at most: of those who are there, then of those who went last.
const SHOWN: usize = 256;
/// Of so many who went it is known when; of the others it is forgotten, as of all when the chat is opened again.
const REMEMBERED: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Presence {
    people: Mutex<People>,
    passing: Passing,
}

/// Those who are there, those of whom something is still to be told, and at most [`REMEMBERED`] who went.
#[derive(Debug, Default)]
struct People {
    known: HashMap<UserNo, Known>,
    /// Those whose going was told, by its moment.
    gone: BTreeSet<(Timestamp, UserNo)>,
}

#[derive(Debug)]
struct Known {
    user: UserId,
    /// What the others were told last.
    shown: PresenceState,
    told_at: Option<Timestamp>,
    /// When their last device went.
    gone_at: Option<Timestamp>,
    /// There is a task that tells what is to be told.
    unsettled: bool,
}

impl Presence {
    pub(crate) fn new(passing: Passing) -> Self {
        Self { people: Mutex::default(), passing }
    }

    /// A device began to listen: it learns who is there, and the others learn of its person.
    pub(crate) fn arrived(self: &Arc<Self>, device: &Arc<Mailbox>) {
        if !self.passing.goes_on() {
            return;
        }
        let news = self.note(device);
        let (presence, device) = (Arc::clone(self), Arc::clone(device));
        self.passing.spawn(async move {
            let contacts = presence.contacts(device.user).await;
            presence.show_around(&device, &contacts);
            if news {
                presence.settle(device.user, Some(contacts)).await;
            }
        });
    }

    /// One of somebody's devices went, or they turned away from it or back to it.
    pub(crate) fn changed(self: &Arc<Self>, device: &Mailbox) {
        if device.device && self.passing.goes_on() && self.note(device) {
            let (presence, user) = (Arc::clone(self), device.user);
            self.passing.spawn(async move { presence.settle(user, None).await });
        }
    }

    /// Looks at what somebody is now. `true`: the others do not know, and nobody sees to it yet.
    fn note(&self, device: &Mailbox) -> bool {
        let mut people = self.people();
        let state = self.passing.rooms.state_of(device.user);
        let offline = state == PresenceState::Offline;
        if offline && !people.known.contains_key(&device.user) {
            // They were refused before they were there.
            return false;
        }
        let known = people.known.entry(device.user).or_insert_with(|| Known::unheard_of(device.user_id));
        let gone_before = known.gone_at;
        known.gone_at = offline.then(|| gone_before.unwrap_or_else(|| self.passing.now()));
        // Who has gone is settled too: they are to be remembered.
        let news = !known.unsettled && (known.shown != state || offline);
        known.unsettled |= news;
        if let Some(at) = gone_before {
            people.gone.remove(&(at, device.user));
        }
        news
    }

    /// Tells what somebody is until the others know. `contacts`: them, read just now.
    async fn settle(&self, user: UserNo, mut contacts: Option<Vec<UserNo>>) {
        while let Some(due) = self.due(user) {
            if self.passing.now() < due {
                contacts = None;
                if !self.passing.sleep_until(due).await {
                    return;
                }
            } else {
                let contacts = match contacts.take() {
                    Some(contacts) => contacts,
                    None => self.contacts(user).await,
                };
                self.tell(user, &contacts);
            }
        }
    }

    /// When what somebody is may be told. `None`: the others know; who has gone is then remembered for a while.
    fn due(&self, user: UserNo) -> Option<Timestamp> {
        let mut people = self.people();
        let known = people.known.get_mut(&user)?;
        let state = self.passing.rooms.state_of(user);
        if known.shown != state {
            return Some(known.due(state, self.passing.now()));
        }
        known.unsettled = false;
        if let Some(gone_at) = known.gone_at.filter(|_| state == PresenceState::Offline) {
            people.remember(user, gone_at);
        }
        None
    }

    fn tell(&self, user: UserNo, contacts: &[UserNo]) {
        let mut people = self.people();
        let (state, now) = (self.passing.rooms.state_of(user), self.passing.now());
        let Some(known) = people.known.get_mut(&user) else { return };
        // Looked at again, since they may have come or gone while the contacts were read.
        if known.shown != state && known.due(state, now) <= now {
            (known.shown, known.told_at) = (state, Some(now));
            self.passing.rooms.signal_presence(contacts, &known.signal());
        }
    }

    /// Tells a device what was last told of the people around it; what it is told from now on follows from there.
    fn show_around(&self, device: &Mailbox, contacts: &[UserNo]) {
        let people = self.people();
        for known in people.around(contacts) {
            device.signal(&known.signal());
        }
        device.introduce();
    }

    /// The same, for who only asks.
    pub(crate) fn around(&self, contacts: &[UserNo]) -> Vec<Signal> {
        self.people().around(contacts).map(Known::signal).collect()
    }

    /// The people who share a conversation with this one now.
    async fn contacts(&self, user: UserNo) -> Vec<UserNo> {
        self.passing.read(move |view| contacts(view, user)).await.unwrap_or_default()
    }

    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl People {
    /// What was last told of these: at most [`SHOWN`] of them, first those who are there, then those who went last.
    fn around(&self, contacts: &[UserNo]) -> impl Iterator<Item = &Known> {
        let mut around: Vec<&Known> = contacts.iter().filter_map(|contact| self.known.get(contact)).collect();
        around.retain(|known| known.shown != PresenceState::Offline || known.gone_at.is_some());
        around.sort_unstable_by_key(|known| (known.shown == PresenceState::Offline, Reverse(known.gone_at)));
        around.into_iter().take(SHOWN)
    }

    fn remember(&mut self, user: UserNo, gone_at: Timestamp) {
        self.gone.insert((gone_at, user));
        if self.gone.len() > REMEMBERED
            && let Some((_, longest_gone)) = self.gone.pop_first()
        {
            self.known.remove(&longest_gone);
        }
    }
}

impl Known {
    fn unheard_of(user: UserId) -> Self {
        Self { user, shown: PresenceState::Offline, told_at: None, gone_at: None, unsettled: false }
    }

    /// When the others may be told that they are this.
    fn due(&self, state: PresenceState, now: Timestamp) -> Timestamp {
        let calm = self.told_at.map(|at| at.after(TOLD_EVERY));
        let certain = (state == PresenceState::Offline).then(|| self.gone_at.unwrap_or(now).after(GRACE));
        calm.max(certain).unwrap_or(now)
    }

    fn signal(&self) -> Signal {
        let last_seen = self.gone_at.filter(|_| self.shown == PresenceState::Offline);
        Signal::Presence { user: self.user, state: self.shown, last_seen }
    }
}

impl Actor {
    /// What a device of mine would be told as it comes: who of the people that I share a conversation with is there, and
    /// who went last. At most 256 of them, and only in conversations of up to 50; nobody learns that I asked. Of whoever is
    /// not named nothing is known.
    pub async fn presence(&self) -> Result<Vec<Signal>> {
        let contacts = self.read(|me| {
            me.require(Action::FollowEvents, Relation::Stranger)?;
            Ok(contacts(me.view, me.no)?)
        });
        Ok(self.chat().engine().presence.around(&contacts.await?))
    }
}

fn contacts(view: &dyn View, user: UserNo) -> Result<Vec<UserNo>, StoreError> {
    let mut contacts = HashSet::new();
    for (_, no) in view.inbox(user, None, CONVERSATIONS)? {
        if let Some(conversation) = view.conversation(no)?
            && conversation.members.len() <= PARTICIPANTS
        {
            contacts.extend(conversation.members.iter().map(|member| member.user));
        }
    }
    contacts.remove(&user);
    Ok(contacts.into_iter().collect())
}
