//! One-time tickets for clients that cannot send headers: got over REST, shown in `hello`.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_proto::{ErrorCode, Timestamp, UserId};
use chatcore::{Actor, Entropy};
use data_encoding::BASE64URL_NOPAD;

use crate::problem::Refused;

/// How long a ticket may wait to be shown.
pub(crate) const LIFE: Duration = Duration::from_secs(30);

/// Tickets of that time, in total; beyond it none is made.
const MOST: usize = 20_000;

/// The same, of one person: what all their sockets need when they all come back, and once more.
const MOST_OF_ONE: usize = 40;

/// The tickets that were made within their life. Held in memory: after a restart one asks for another.
pub(crate) struct Tickets {
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    /// For whom, until it is shown.
    unused: HashMap<String, Actor>,
    /// All of them, the oldest first, used or not.
    all: VecDeque<(Timestamp, UserId, String)>,
    of_user: HashMap<UserId, usize>,
}

impl Tickets {
    pub(crate) fn new() -> Self {
        Self { made: Mutex::default() }
    }

    /// Makes one with which a socket acts as this person, in this session.
    pub(crate) fn make(&self, actor: Actor, now: Timestamp, entropy: &dyn Entropy) -> Result<String, Refused> {
        let mut made = self.made();
        made.forget(now);
        let user = actor.user_id();
        let refused = |code, detail| Refused { retry_after: Some(LIFE), ..Refused::new(code, detail) };
        if made.of_user.get(&user).is_some_and(|count| *count >= MOST_OF_ONE) {
            let detail = format!("You have made {MOST_OF_ONE} tickets in {} s: the limit.", LIFE.as_secs());
            return Err(refused(ErrorCode::RateLimited, detail));
        }
        if made.all.len() >= MOST {
            return Err(refused(ErrorCode::Unavailable, "Too many tickets are being made.".to_owned()));
        }
        let mut random = [0; 32];
        entropy.fill(&mut random);
        let ticket = BASE64URL_NOPAD.encode(&random);
        made.unused.insert(ticket.clone(), actor);
        made.all.push_back((now, user, ticket.clone()));
        *made.of_user.entry(user).or_default() += 1;
        Ok(ticket)
    }

    /// Who shows it; from then on it is worth nothing.
    pub(crate) fn take(&self, ticket: &str, now: Timestamp) -> Result<Actor, Refused> {
        let mut made = self.made();
        made.forget(now);
        let none = || Refused::new(ErrorCode::Unauthenticated, "This ticket is none, was used, or is too old.");
        made.unused.remove(ticket).ok_or_else(none)
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Made {
    /// Drops those whose time is over.
    fn forget(&mut self, now: Timestamp) {
        while let Some((_, user, ticket)) = self.all.pop_front_if(|(at, ..)| at.after(LIFE) <= now) {
            self.unused.remove(&ticket);
            if let Some(count) = self.of_user.get_mut(&user) {
                *count -= 1;
                if *count == 0 {
                    self.of_user.remove(&user);
                }
            }
        }
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tickets")
    }
}

#[cfg(test)]
mod tests {
    use chatcore::{Chat, SystemEntropy};

    use super::*;

    async fn somebody(seed: u8) -> Actor {
        Chat::in_memory().await.unwrap().as_user(UserId::from_bytes([seed; 16]))
    }

    #[tokio::test]
    async fn a_ticket_is_taken_once_and_in_time() {
        let (tickets, ana) = (Tickets::new(), somebody(1).await);
        let at = |seconds: i64| Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000);
        let make = |now| tickets.make(ana.clone(), now, &SystemEntropy).unwrap();
        let (first, second) = (make(at(0)), make(at(1)));
        assert!(first != second && first.len() >= 43);
        assert_eq!(tickets.take(&first, at(29)).unwrap().user_id(), ana.user_id());
        assert_eq!(tickets.take(&first, at(29)).unwrap_err().code, ErrorCode::Unauthenticated);
        assert_eq!(tickets.take(&second, at(31)).unwrap_err().code, ErrorCode::Unauthenticated);
        assert_eq!(tickets.take("", at(31)).unwrap_err().code, ErrorCode::Unauthenticated);
        let made = tickets.made();
        assert!(made.unused.is_empty() && made.all.is_empty() && made.of_user.is_empty());
    }

    #[tokio::test]
    async fn one_person_makes_so_many_and_no_more() {
        let (tickets, ana, leo) = (Tickets::new(), somebody(1).await, somebody(2).await);
        let now = Timestamp::from_millis(1_700_000_000_000);
        let make = |actor: &Actor, now| tickets.make(actor.clone(), now, &SystemEntropy);
        for _ in 0..MOST_OF_ONE {
            let ticket = make(&ana, now).unwrap();
            tickets.take(&ticket, now).unwrap();
        }
        assert_eq!(make(&ana, now).unwrap_err().code, ErrorCode::RateLimited);
        make(&leo, now).unwrap();
        make(&ana, now.after(LIFE)).unwrap();
    }
}
