use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_proto::SessionId;

use crate::entrance::session_ended;
use crate::error::Result;
use crate::state::{Author, Command};

/// Sessions that somebody signed out of while nothing could be stored. They have ended for everybody who asks here; the
/// writer puts it on disk as soon as that takes writes again, before anything that was asked for later.
#[derive(Debug, Default)]
pub(crate) struct Revoked {
    sessions: Mutex<HashMap<SessionId, Command>>,
    /// How many there are, since there are hardly ever any.
    count: AtomicUsize,
}

/// Beyond this, signing out fails like everything else while nothing can be stored.
const MOST: usize = 10_000;

impl Revoked {
    /// Refuses who acts in one of them.
    pub(crate) fn refuse(&self, by: Author) -> Result<()> {
        match by.session {
            Some(session) if self.contains(session) => Err(session_ended()),
            _ => Ok(()),
        }
    }

    pub(crate) fn contains(&self, session: SessionId) -> bool {
        !self.is_empty() && self.lock().contains_key(&session)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Remembers that this session has ended, and what is owed to the disk for it. `false`: there is no room.
    pub(crate) fn add(&self, session: SessionId, owed: Command) -> bool {
        let mut sessions = self.lock();
        if sessions.len() >= MOST && !sessions.contains_key(&session) {
            return false;
        }
        sessions.insert(session, owed);
        self.count.store(sessions.len(), Ordering::Release);
        true
    }

    /// What is owed to the disk, at most so much of it.
    pub(crate) fn owed(&self, most: usize) -> Vec<(SessionId, Command)> {
        if self.is_empty() {
            return Vec::new();
        }
        self.lock().iter().take(most).map(|(session, command)| (*session, command.clone())).collect()
    }

    /// It is on disk.
    pub(crate) fn paid(&self, sessions: impl Iterator<Item = SessionId>) {
        let mut owed = self.lock();
        for session in sessions {
            owed.remove(&session);
        }
        self.count.store(owed.len(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Command>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
