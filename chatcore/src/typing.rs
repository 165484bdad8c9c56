//! Who is writing. Never stored; a sign holds for six seconds and then expires by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chat_proto::{ConversationId, Timestamp, UserId};

use crate::signal::{Passing, Signal};
use crate::state::{Conversation, ConversationNo, Members, UserNo};

/// So long a sign holds.
pub(crate) const HOLDS: Duration = Duration::from_secs(6);
/// Signs that follow each other faster than this are not passed on.
const PASSED_ON_EVERY: Duration = Duration::from_secs(2);
/// More people than this are not kept track of; beyond it signs are dropped.
const MOST_WRITING: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Typing {
    writing: Mutex<HashMap<(ConversationId, UserId), Sign>>,
    passing: Passing,
}

#[derive(Debug)]
struct Sign {
    place: Place,
    until: Timestamp,
    told_at: Timestamp,
    /// The others were told, and nothing since has ended it.
    shown: bool,
}

/// Who writes where.
#[derive(Clone, Debug)]
struct Place {
    conversation: ConversationId,
    no: ConversationNo,
    user: UserId,
    user_no: UserNo,
}

impl Typing {
    pub(crate) fn new(passing: Passing) -> Self {
        Self { writing: Mutex::default(), passing }
    }

    /// A member says that they are writing, or stopped.
    pub(crate) fn sign(self: &Arc<Self>, conversation: &Conversation, user_no: UserNo, user: UserId, on: bool) {
        let place = Place { conversation: conversation.id, no: conversation.no, user, user_no };
        let key = (place.conversation, user);
        let now = self.passing.now();
        let (tell, new) = {
            let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            let room = writing.len() < MOST_WRITING;
            match writing.get_mut(&key) {
                Some(sign) if on => {
                    sign.until = now.after(HOLDS);
                    let tell = sign.told_at.after(PASSED_ON_EVERY) <= now;
                    if tell {
                        (sign.told_at, sign.shown) = (now, true);
                    }
                    (tell, false)
                }
                Some(sign) => (std::mem::take(&mut sign.shown), false),
                None if on && room => {
                    writing
                        .insert(key, Sign { place: place.clone(), until: now.after(HOLDS), told_at: now, shown: true });
                    (true, true)
                }
                None => (false, false),
            }
        };
        if tell {
            self.tell(&place, &conversation.members, on);
        }
        if new {
            let typing = Arc::clone(self);
            self.passing.spawn(async move { typing.expire(place).await });
        }
    }

    /// They sent what they wrote: the sign is over without another word, since the message tells it.
    pub(crate) fn forget(&self, conversation: ConversationId, user: UserId) {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sign) = writing.get_mut(&(conversation, user)) {
            sign.shown = false;
        }
    }

    /// They are no longer in the conversation: for those who are, the sign is over.
    pub(crate) fn removed(self: &Arc<Self>, user: UserId, conversation: ConversationId) {
        let place = {
            let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(sign) = writing.get_mut(&(conversation, user)) else { return };
            if !std::mem::take(&mut sign.shown) {
                return;
            }
            sign.place.clone()
        };
        let typing = Arc::clone(self);
        self.passing.spawn(async move { typing.tell_end(&place).await });
    }

    /// Each sign has one such task, which alone removes it.
    async fn expire(&self, place: Place) {
        let key = (place.conversation, place.user);
        let shown = loop {
            let until = {
                let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(sign) = writing.get(&key) else { return };
                let (until, shown) = (sign.until, sign.shown);
                if until <= self.passing.now() {
                    writing.remove(&key);
                    break shown;
                }
                until
            };
            if !self.passing.sleep_until(until).await {
                return;
            }
        };
        if shown {
            self.tell_end(&place).await;
        }
    }

    async fn tell_end(&self, place: &Place) {
        if let Some(members) = self.members_now(place.no).await {
            self.tell(place, &members, false);
        }
    }

    /// Who is in the conversation when a sign expires: those who left it since are told nothing more of it.
    async fn members_now(&self, conversation: ConversationNo) -> Option<Arc<Members>> {
        let read = self.passing.read(move |view| view.conversation(conversation));
        Some(Arc::clone(&read.await??.members))
    }

    fn tell(&self, place: &Place, members: &Members, on: bool) {
        let signal = Signal::Typing {
            conversation: place.conversation,
            user: place.user,
            on,
            expires_in_ms: u64::try_from(HOLDS.as_millis()).unwrap_or(u64::MAX),
        };
        let others = members.iter().map(|member| member.user).filter(|user| *user != place.user_no);
        self.passing.rooms.signal(others, &signal);
    }
}
