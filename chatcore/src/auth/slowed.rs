//! What is to be recorded of guessing that begins to be slowed down. However much is guessed, that is bounded: a line for
//! each guess would be a way to fill the disk.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chat_proto::Timestamp;
use tokio::sync::Notify;

use crate::state::Origin;

/// Recorded within an hour, of accounts and of addresses each; so many addresses are cheap, and must not hide an account.
const MOST_AN_HOUR: u32 = 100;
const HOUR: Duration = Duration::from_hours(1);
/// Waiting to be recorded.
const MOST_WAITING: usize = 200;

/// Guessing has to wait from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slowed {
    /// The folded address of the account; `None`: it is an address of the network that has to wait, whatever the account.
    pub(crate) account: Option<String>,
    pub(crate) failures: u32,
    /// Where the last guess came from.
    pub(crate) origin: Origin,
}

/// Those that wait to be recorded.
#[derive(Debug, Default)]
pub(super) struct Reports {
    waiting: Mutex<Waiting>,
    rung: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    queue: VecDeque<Slowed>,
    since: Option<Timestamp>,
    accounts: u32,
    addresses: u32,
}

impl Reports {
    pub(super) fn add(&self, now: Timestamp, slowed: Slowed) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.since.is_none_or(|since| now.since(since) >= HOUR || now < since) {
            (waiting.since, waiting.accounts, waiting.addresses) = (Some(now), 0, 0);
        }
        let count = if slowed.account.is_some() { &mut waiting.accounts } else { &mut waiting.addresses };
        *count += 1;
        if *count <= MOST_AN_HOUR && waiting.queue.len() < MOST_WAITING {
            waiting.queue.push_back(slowed);
            self.rung.notify_one();
        }
    }

    /// The next one, once there is one. For one who waits.
    pub(super) async fn next(&self) -> Slowed {
        loop {
            let next = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).queue.pop_front();
            match next {
                Some(slowed) => return slowed,
                None => self.rung.notified().await,
            }
        }
    }

    #[cfg(test)]
    pub(super) fn take(&self) -> Vec<Slowed> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).queue.drain(..).collect()
    }
}
