//! Who has a conversation open. Never stored; a sign holds for a minute and then expires by itself.
//!
//! Each sign has one task: what a device says only changes the sign, and the task tells the others what it has become.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_proto::model::PresenceState;
use chat_proto::{ConversationId, Role, Timestamp, UserId};
use tokio::sync::Notify;

use crate::access;
use crate::rooms::{Mailbox, Rooms};
use crate::signal::{Passing, Signal};
use crate::state::{Conversation, ConversationNo, UserNo};
use crate::store::{StoreError, View};

/// So long a sign holds.
pub(crate) const HOLDS: Duration = Duration::from_mins(1);
/// What follows faster than this is told as one.
const TOLD_EVERY: Duration = Duration::from_secs(2);
/// In conversations with more participants nobody is told who has them open: it would be noise.
const PARTICIPANTS: usize = 50;
/// One person has so many conversations open at most; signs beyond it are dropped …
const OPEN: usize = 50;
/// … and so are those beyond this number in the whole shop.
const SIGNS: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Viewing {
    signs: Mutex<Signs>,
    passing: Passing,
}

/// Who has what open.
type Signs = BTreeMap<(UserNo, ConversationNo), Sign>;

#[derive(Debug)]
struct Sign {
    user: UserId,
    role: Role,
    conversation: ConversationId,
    /// The devices on which it is open, and until when that holds; as many as one person may have.
    devices: Vec<(Arc<Mailbox>, Timestamp)>,
    /// What the others were told last.
    shown: bool,
    /// They are to be told so again, since it holds longer than they know.
    renewed: bool,
    told_at: Option<Timestamp>,
    /// Wakes its task.
    changed: Arc<Notify>,
}

/// What comes next in the life of a sign.
enum Step {
    Tell,
    WaitUntil(Timestamp, Arc<Notify>),
    Over,
}

/// Those who may be told.
struct Audience {
    /// Whether the one who has it open is still in it, and it has not grown into a crowd.
    inside: bool,
    others: Vec<(UserNo, Role)>,
}

impl Viewing {
    pub(crate) fn new(passing: Passing) -> Self {
        Self { signs: Mutex::default(), passing }
    }

    /// A device says that it has a conversation open, of which its person, of this role, is a member. It is told who else
    /// has.
    pub(crate) fn open(self: &Arc<Self>, device: &Arc<Mailbox>, role: Role, conversation: &Conversation) {
        if !device.device || conversation.members.len() > PARTICIPANTS || !self.passing.goes_on() {
            return;
        }
        let place = (device.user, conversation.no);
        let mut signs = self.signs();
        let new = !signs.contains_key(&place);
        if new && (signs.len() >= SIGNS || of_person(&mut signs, device.user).count() >= OPEN) {
            return;
        }
        let sign = signs.entry(place).or_insert_with(|| Sign::new(device.user_id, role, conversation.id));
        sign.role = role;
        if sign.open_on(device, self.passing.now().after(HOLDS)) {
            self.show_others(&signs, device, role, conversation);
        }
        drop(signs);
        if new {
            let viewing = Arc::clone(self);
            self.passing.spawn(async move { viewing.attend(place).await });
        }
    }

    /// A device says that it has it open no longer.
    pub(crate) fn close(&self, device: &Arc<Mailbox>, conversation: ConversationNo) {
        if let Some(sign) = self.signs().get_mut(&(device.user, conversation)) {
            sign.close_on(device);
        }
    }

    /// A device is gone.
    pub(crate) fn left(&self, device: &Arc<Mailbox>) {
        let mut signs = self.signs();
        of_person(&mut signs, device.user).for_each(|sign| sign.close_on(device));
    }

    /// Somebody is no longer in a conversation.
    pub(crate) fn removed(&self, user: UserId, conversation: ConversationId) {
        let mut signs = self.signs();
        let sign = signs.values_mut().find(|sign| (sign.user, sign.conversation) == (user, conversation));
        if let Some(sign) = sign {
            sign.close();
        }
    }

    fn show_others(&self, signs: &Signs, device: &Mailbox, role: Role, conversation: &Conversation) {
        let others = conversation.members.iter().map(|member| member.user).filter(|user| *user != device.user);
        for sign in others.filter_map(|user| signs.get(&(user, conversation.no))) {
            if sign.shown && access::sees_viewing(role, true, sign.role) {
                device.signal(&sign.signal(self.passing.now()));
            }
        }
    }

    /// Tells of a sign until it is over.
    async fn attend(&self, place: (UserNo, ConversationNo)) {
        loop {
            match self.step(place) {
                Step::Tell => {
                    let rooms = Arc::clone(&self.passing.rooms);
                    let audience = self.passing.read(move |view| audience(view, &rooms, place)).await;
                    self.tell(place, audience);
                }
                Step::WaitUntil(moment, changed) => {
                    tokio::select! {
                        goes_on = self.passing.sleep_until(moment) => if !goes_on { return },
                        () = changed.notified() => {}
                    }
                }
                Step::Over => return,
            }
        }
    }

    fn step(&self, place: (UserNo, ConversationNo)) -> Step {
        let now = self.passing.now();
        let mut signs = self.signs();
        let Some(sign) = signs.get_mut(&place) else { return Step::Over };
        let open_until = sign.open_until(now);
        let calm_at = sign.told_at.map_or(now, |at| at.after(TOLD_EVERY));
        let news = sign.shown != open_until.is_some() || (sign.shown && sign.renewed);
        match open_until {
            _ if news && calm_at <= now => Step::Tell,
            Some(until) if !news => Step::WaitUntil(until, Arc::clone(&sign.changed)),
            // Remembered until then, so that nobody is told more often by opening it anew.
            _ if calm_at > now => Step::WaitUntil(calm_at, Arc::clone(&sign.changed)),
            _ => {
                signs.remove(&place);
                Step::Over
            }
        }
    }

    /// `audience`: `None` when the store cannot be read; then nobody is told.
    fn tell(&self, (viewer, no): (UserNo, ConversationNo), audience: Option<Audience>) {
        let now = self.passing.now();
        let mut signs = self.signs();
        let Some(sign) = signs.get_mut(&(viewer, no)) else { return };
        if audience.as_ref().is_some_and(|audience| !audience.inside) {
            sign.close();
        }
        let open = sign.open_until(now).is_some();
        let news = std::mem::replace(&mut sign.shown, open) || open;
        (sign.renewed, sign.told_at) = (false, Some(now));
        let (signal, of) = (sign.signal(now), sign.role);
        let Some(audience) = audience.filter(|_| news) else { return };
        // Looked at under the lock: whoever opens it in this moment is told here, or is shown it by that.
        let has_it_open = |user| signs.get(&(user, no)).is_some_and(|sign| !sign.devices.is_empty());
        let others = audience.others.into_iter().filter(|(user, _)| *user != viewer);
        let told = others.filter(|(user, role)| access::sees_viewing(*role, has_it_open(*user), of));
        self.passing.rooms.signal(told.map(|(user, _)| user), &signal);
    }

    fn signs(&self) -> MutexGuard<'_, Signs> {
        self.signs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sign {
    fn new(user: UserId, role: Role, conversation: ConversationId) -> Self {
        let (devices, changed) = (Vec::new(), Arc::default());
        Self { user, role, conversation, devices, shown: false, renewed: false, told_at: None, changed }
    }

    /// `true`: it was not open on this device.
    fn open_on(&mut self, device: &Arc<Mailbox>, until: Timestamp) -> bool {
        let known = self.devices.iter_mut().find(|(known, _)| Arc::ptr_eq(known, device));
        let new = known.is_none();
        match known {
            Some((_, known_until)) => *known_until = until,
            None => self.devices.push((Arc::clone(device), until)),
        }
        self.renewed = true;
        self.changed.notify_one();
        new
    }

    fn close_on(&mut self, device: &Arc<Mailbox>) {
        self.devices.retain(|(known, _)| !Arc::ptr_eq(known, device));
        self.changed.notify_one();
    }

    fn close(&mut self) {
        self.devices.clear();
        self.changed.notify_one();
    }

    /// Until when it holds without another sign. `None`: it is not open on any device.
    fn open_until(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.devices.retain(|(_, until)| *until > now);
        self.devices.iter().map(|(_, until)| *until).max()
    }

    /// What the others are told of it as it is shown.
    fn signal(&self, now: Timestamp) -> Signal {
        let until = self.devices.iter().map(|(_, until)| *until).max().filter(|_| self.shown);
        let left = until.map_or(0, |until| until.as_millis() - now.as_millis());
        let (conversation, user, on) = (self.conversation, self.user, self.shown);
        Signal::Viewing { conversation, user, on, expires_in_ms: u64::try_from(left).unwrap_or(0) }
    }
}

/// All that one person has open.
fn of_person(signs: &mut Signs, user: UserNo) -> impl Iterator<Item = &mut Sign> {
    let places = (user, ConversationNo(0))..=(user, ConversationNo(u64::MAX));
    signs.range_mut(places).map(|(_, sign)| sign)
}

/// Who is in the conversation now and connected.
fn audience(view: &dyn View, rooms: &Rooms, (viewer, no): (UserNo, ConversationNo)) -> Result<Audience, StoreError> {
    let mut audience = Audience { inside: false, others: Vec::new() };
    let Some(conversation) = view.conversation(no)? else { return Ok(audience) };
    audience.inside = conversation.members.get(viewer).is_some() && conversation.members.len() <= PARTICIPANTS;
    let members = conversation.members.iter().take(PARTICIPANTS).map(|member| member.user);
    for user in members.filter(|user| rooms.state_of(*user) != PresenceState::Offline) {
        if let Some(account) = view.account(user)? {
            audience.others.push((user, account.role));
        }
    }
    Ok(audience)
}
