//! Against guessing: who has failed to sign in has to wait, and longer each time.
//!
//! Counted is for each account (whether it exists or not), and for each address. Since anybody can fail on anybody's
//! account, this must not lock people out:
//!
//! - no wait is longer than [`LONGEST`], an attempt that comes too early does not make it longer, and an hour without
//!   failures forgets all;
//! - from an address from which somebody is signed in to the account, or has set a new password for it within a day, failures
//!   of others count nothing: only those on this account from this address;
//! - a network that has not failed on the account within a day has one attempt, whatever others do there, as long as no more
//!   than [`MOST_OF_ACCOUNT`] have failed on it: so many more guesses a day has who can come from as many networks;
//! - whoever sets a new password by mail has nothing to wait for;
//! - sessions go on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_proto::{ErrorCode, Timestamp};

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::pace::Network;
use crate::state::Origin;

use super::networks::{MOST_OF_ACCOUNT, Networks};
use super::slowed::{Reports, Slowed};

/// After so many failures on an account there is a wait of a second, and then twice the last.
const FREE_ON_ACCOUNT: u32 = 5;
/// The same for an address, behind which there may be many people.
const FREE_FROM_ADDRESS: u32 = 20;
const LONGEST: Duration = Duration::from_mins(15);
const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);
/// Attempts on an account that are looked at at the same time.
const AT_ONCE: u32 = 10;
/// Remembered at the same time; beyond it, those with the fewest failures are forgotten first.
const MOST: usize = 50_000;

/// Who has failed, and how often.
#[derive(Debug)]
pub(crate) struct Guard {
    clock: Arc<dyn Clock>,
    remembered: Mutex<Remembered>,
    reports: Reports,
    /// Whether a new password can be set by mail.
    mails: bool,
}

#[derive(Debug, Default)]
struct Remembered {
    failures: HashMap<Key, Failures>,
    /// From where somebody failed on an account, or tries to with the attempt that each network has.
    failed_from: Networks,
    /// From where somebody has set a new password for it.
    reset_from: Networks,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// The folded address of an account.
    Account(String),
    /// The same, and from where, when that is an address of theirs.
    AccountFrom(String, Option<Network>),
    Address(Network),
}

impl Key {
    fn account(&self) -> Option<&str> {
        match self {
            Self::Account(account) | Self::AccountFrom(account, _) => Some(account),
            Self::Address(_) => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    under_way: u32,
    last: Timestamp,
    until: Timestamp,
}

/// An attempt that may be looked at. One that is dropped has failed.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    guard: &'a Guard,
    /// What waits longer if it fails; nothing when it is the one that the network has.
    account: Option<Key>,
    address: Option<Key>,
    /// The account, and a network that may be anybody's.
    from: Option<(String, Network)>,
    succeeded: bool,
    /// Of an account that does not exist nothing is recorded.
    exists: bool,
    origin: Origin,
}

impl Guard {
    pub(crate) fn new(clock: Arc<dyn Clock>, mails: bool) -> Self {
        Self { clock, remembered: Mutex::default(), reports: Reports::default(), mails }
    }

    /// Somebody wants to sign in to the account of this folded address. `familiar`: somebody is signed in to it from there.
    ///
    /// # Errors
    /// `rate_limited` when there is something to wait for.
    pub(crate) fn attempt(&self, account: &str, from: Option<Network>, familiar: bool) -> Result<Attempt<'_>> {
        let now = self.clock.now();
        let mut remembered = self.lock();
        let known = from.is_some_and(|from| remembered.reset_from.contains(account, from, now));
        let attempt = if familiar || known {
            let key = Key::AccountFrom(account.to_owned(), from);
            remembered.admit(&key, now).map_err(|wait| self.too_often(wait))?;
            self.one(Some(key), None, None)
        } else {
            let address = from.map(Key::Address);
            let from = from.map(|from| (account.to_owned(), from.site()));
            let key = Key::Account(account.to_owned());
            let wait = address.as_ref().map_or(Duration::ZERO, |address| remembered.wait(address, now));
            if !wait.is_zero() {
                return Err(self.too_often(wait.max(remembered.wait(&key, now))));
            }
            match remembered.admit(&key, now) {
                Ok(()) => self.one(Some(key), address, from),
                Err(_) if remembered.has_one_left(from.as_ref(), now) => self.one(None, address, from),
                Err(wait) => return Err(self.too_often(wait)),
            }
        };
        Ok(attempt)
    }

    fn one(&self, account: Option<Key>, address: Option<Key>, from: Option<(String, Network)>) -> Attempt<'_> {
        let origin = Origin::default();
        Attempt { guard: self, account, address, from, succeeded: false, exists: false, origin }
    }

    /// There is nothing to wait for any more on this account, and least of all from where its password was set anew.
    pub(crate) fn forgive(&self, account: &str, from: Option<Network>) {
        let mut remembered = self.lock();
        remembered.failures.retain(|key, _| match key {
            Key::Account(known) | Key::AccountFrom(known, _) => known != account,
            Key::Address(_) => true,
        });
        if let Some(from) = from {
            remembered.reset_from.add(account, from, self.clock.now());
        }
    }

    /// Where guessing begins to be slowed down, one after the other. For one who waits.
    pub(crate) async fn slowed(&self) -> Slowed {
        self.reports.next().await
    }

    fn too_often(&self, wait: Duration) -> Error {
        let or_mail = if self.mails { ", or set a new password by mail" } else { "" };
        let detail = format!("Too many failed attempts to sign in. Wait{or_mail}.");
        Error::new(ErrorCode::RateLimited, detail).retry_in(wait)
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remembered {
    /// Lets one more attempt be under way; or says how long there is to wait.
    fn admit(&mut self, account: &Key, now: Timestamp) -> std::result::Result<(), Duration> {
        let wait = self.wait(account, now);
        if !wait.is_zero() {
            return Err(wait);
        }
        if self.failures.len() >= MOST {
            make_room(&mut self.failures, now);
        }
        let entry = self.failures.entry(account.clone()).or_insert_with(|| Failures::none(now));
        if entry.is_forgotten(now) {
            entry.count = 0;
        }
        if entry.under_way >= AT_ONCE.saturating_sub(entry.count).max(1) {
            return Err(Duration::from_secs(1));
        }
        entry.under_way += 1;
        Ok(())
    }

    fn wait(&self, key: &Key, now: Timestamp) -> Duration {
        self.failures.get(key).map_or(Duration::ZERO, |failures| failures.wait(now))
    }

    /// Whether this network has an attempt of its own on this account, which it uses up.
    fn has_one_left(&mut self, from: Option<&(String, Network)>, now: Timestamp) -> bool {
        let Some((account, network)) = from else { return false };
        let failed = &mut self.failed_from;
        let has = !failed.contains(account, *network, now) && failed.count(account, now) < MOST_OF_ACCOUNT;
        if has {
            failed.add(account, *network, now);
        }
        has
    }
}

impl Attempt<'_> {
    /// Whether there is such an account, and where the attempt came from: for the record.
    pub(crate) fn known_as(mut self, exists: bool, origin: &Origin) -> Self {
        (self.exists, self.origin) = (exists, origin.clone());
        self
    }

    /// It was the right password.
    pub(crate) fn succeeded(mut self) {
        self.succeeded = true;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let now = self.guard.clock.now();
        let mut remembered = self.guard.lock();
        let Remembered { failures, failed_from, .. } = &mut *remembered;
        let mut slowed = Vec::new();
        if let Some(key) = self.account.take()
            && let Some(entry) = failures.get_mut(&key)
        {
            entry.under_way = entry.under_way.saturating_sub(1);
            if !self.succeeded && entry.failed(now, FREE_ON_ACCOUNT) && self.exists {
                slowed.push((key.account().map(str::to_owned), entry.count));
            }
            if self.succeeded && entry.under_way == 0 {
                failures.remove(&key);
            }
        }
        // An address keeps its failures: whoever guesses at others has an account of their own as well.
        if !self.succeeded
            && let Some(address) = self.address.take()
        {
            let entry = failures.entry(address).or_insert_with(|| Failures::none(now));
            if entry.failed(now, FREE_FROM_ADDRESS) {
                slowed.push((None, entry.count));
            }
        }
        match &self.from {
            Some((account, network)) if self.succeeded => failed_from.remove(account, *network),
            Some((account, network)) => failed_from.add(account, *network, now),
            None => {}
        }
        drop(remembered);
        for (account, failures) in slowed {
            self.guard.reports.add(now, Slowed { account, failures, origin: self.origin.clone() });
        }
    }
}

impl Failures {
    fn none(now: Timestamp) -> Self {
        Self { count: 0, under_way: 0, last: now, until: now }
    }

    /// `true`: there is something to wait for now, and was nothing before.
    fn failed(&mut self, now: Timestamp, free: u32) -> bool {
        self.count = if self.is_forgotten(now) { 1 } else { self.count.saturating_add(1) };
        self.last = now;
        if let Some(beyond) = self.count.checked_sub(free) {
            self.until = now.after(Duration::from_secs(1 << beyond.min(20)).min(LONGEST));
        }
        self.count == free
    }

    fn is_forgotten(&self, now: Timestamp) -> bool {
        now.since(self.last) >= FORGOTTEN_AFTER
    }

    /// Never longer than the longest, also when the clock was set back.
    fn wait(&self, now: Timestamp) -> Duration {
        self.until.since(now).min(LONGEST)
    }
}

/// Forgets what is old, and if that is not enough, the half that has failed least.
fn make_room(failures: &mut HashMap<Key, Failures>, now: Timestamp) {
    failures.retain(|_, entry| entry.under_way > 0 || !entry.is_forgotten(now));
    if failures.len() < MOST {
        return;
    }
    let mut counts: Vec<(u32, Timestamp)> = failures.values().map(|entry| (entry.count, entry.last)).collect();
    counts.sort_unstable();
    let median = counts[counts.len() / 2];
    failures.retain(|_, entry| entry.under_way > 0 || (entry.count, entry.last) > median);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ManualClock;

    fn guard() -> (Guard, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        (Guard::new(clock.clone(), true), clock)
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the guard is asked")]
    fn from(last: u8) -> Option<Network> {
        Some(Network::of([203, 0, 113, last].into()))
    }

    /// Tries until it has to wait; how often that was, and for how long it has to.
    fn fail(guard: &Guard, account: &str, from: Option<Network>, familiar: bool) -> (usize, Duration) {
        for tries in 0.. {
            match guard.attempt(account, from, familiar) {
                Ok(attempt) => drop(attempt),
                Err(error) => return (tries, error.retry_after().unwrap()),
            }
        }
        unreachable!()
    }

    #[test]
    fn the_wait_grows_up_to_a_quarter_of_an_hour_and_is_forgotten_after_an_hour() {
        let (guard, clock) = guard();
        let (tries, mut wait) = fail(&guard, "ana", None, false);
        assert_eq!((tries, wait), (5, Duration::from_secs(1)));
        for _ in 0..15 {
            // Trying meanwhile changes nothing.
            assert_eq!(fail(&guard, "ana", None, false), (0, wait));
            clock.advance(wait);
            let (tries, next) = fail(&guard, "ana", None, false);
            assert_eq!((tries, next), (1, (wait * 2).min(LONGEST)));
            wait = next;
        }
        assert_eq!(wait, LONGEST);
        clock.advance(FORGOTTEN_AFTER);
        assert_eq!(fail(&guard, "ana", from(1), false).0, 5);
        assert_eq!(fail(&guard, "leo", from(9), false).0, 5, "and nobody else has waited");
    }

    #[test]
    fn an_address_that_tries_account_after_account_waits_too() {
        let (guard, _) = guard();
        let tried = (0..99).find(|i| guard.attempt(&format!("user{i}"), from(1), false).is_err());
        assert_eq!(tried, Some(20));
        assert!(guard.attempt("ana", from(2), false).is_ok());
        let household = |host: u16| Some(Network::of([0x2001, 0xdb8, 0, 1, 0, 0, 0, host].into()));
        let tried = (0..99).find(|i| guard.attempt(&format!("user{i}"), household(*i), false).is_err());
        assert_eq!(tried, Some(20), "the addresses of one household are one");
    }

    #[test]
    fn a_stranger_locks_nobody_out_of_where_they_are_signed_in() {
        let (guard, _) = guard();
        fail(&guard, "ana", from(66), false);
        assert!(guard.attempt("ana", from(66), false).is_err());
        fail(&guard, "ana", from(1), false);
        guard.attempt("ana", from(1), true).unwrap().succeeded();
        assert_eq!(fail(&guard, "ana", from(1), true).0, 5, "there, too, one can guess only so often");
        guard.forgive("ana", None);
        assert!(guard.attempt("ana", from(1), false).is_ok() && guard.attempt("ana", from(1), true).is_ok());
    }

    /// Many networks take every attempt that there is, for a day. What they get by it is bounded.
    #[test]
    fn attackers_who_go_on_lock_nobody_out() {
        let (guard, clock) = guard();
        let hers = Network::of([192, 0, 2, 7].into());
        let attackers: Vec<_> = (0..500_u16)
            .map(|i| {
                let [high, low] = i.to_be_bytes();
                Network::of([198, 51, high, low].into())
            })
            .collect();
        let guesses_of = |second: usize| {
            let now = (0..20).map(|i| attackers[(second * 20 + i) % attackers.len()]);
            now.filter(|from| guard.attempt("ana", Some(*from), false).is_ok()).count()
        };
        let mut guesses = 0;
        for second in 0..3_600 {
            guesses += guesses_of(second);
            clock.advance(Duration::from_secs(1));
        }
        // She comes from where nobody knows her, and fails on nothing.
        guard.attempt("ana", Some(hers), false).unwrap().succeeded();
        // She mistypes it: now she has to wait as they have.
        drop(guard.attempt("ana", Some(hers), false).unwrap());
        assert_eq!(guard.attempt("ana", Some(hers), false).unwrap_err().code(), ErrorCode::RateLimited);
        guard.forgive("ana", Some(hers));
        for second in 0..3_600 {
            guesses += guesses_of(second);
            guard.attempt("ana", Some(hers), false).unwrap().succeeded();
            clock.advance(Duration::from_secs(1));
        }
        assert!((500..560).contains(&guesses), "one from each, and what an account has anyway: {guesses}");
        // With more networks than are bounded for, nothing but the letter helps.
        for i in 0..2_000_u16 {
            let [high, low] = i.to_be_bytes();
            drop(guard.attempt("ana", Some(Network::of([10, 0, high, low].into())), false));
        }
        let fresh = Network::of([192, 0, 2, 8].into());
        assert!(guard.attempt("ana", Some(fresh), false).is_err() && guard.attempt("ana", Some(hers), false).is_ok());
    }

    #[test]
    fn households_of_one_site_have_one_attempt_together() {
        let (guard, _) = guard();
        fail(&guard, "ana", None, false);
        let household = |number: u16| Some(Network::of([0x2001, 0xdb8, 7, number, 0, 0, 0, 1].into()));
        assert_eq!((0..99).filter(|number| guard.attempt("ana", household(*number), false).is_ok()).count(), 1);
    }

    #[test]
    fn success_clears_the_account_and_not_the_address() {
        let (guard, _) = guard();
        for _ in 0..3 {
            drop(guard.attempt("ana", from(1), false).unwrap());
        }
        guard.attempt("ana", from(1), false).unwrap().succeeded();
        assert_eq!(fail(&guard, "ana", from(2), false).0, 5);
        for i in 0..17 {
            drop(guard.attempt(&format!("user{i}"), from(1), false).unwrap());
        }
        assert!(guard.attempt("leo", from(1), false).is_err());
    }

    #[test]
    fn guesses_at_the_same_time_are_counted_too() {
        let (guard, _) = guard();
        let attempts: Vec<_> = (0..100).filter_map(|_| guard.attempt("ana", from(1), false).ok()).collect();
        assert_eq!(attempts.len(), 11, "ten, and the one that the network has");
        drop(attempts);
        assert_eq!(guard.attempt("ana", from(1), false).unwrap_err().retry_after(), Some(Duration::from_secs(32)));
    }

    #[test]
    fn it_is_told_once_when_guessing_begins_to_be_slowed_down() {
        let (guard, clock) = guard();
        let origin = Origin::new(Some([203, 0, 113, 1].into()), Some("curl"));
        let guess = |account: &str, exists| {
            clock.advance(LONGEST);
            drop(guard.attempt(account, from(1), false).unwrap().known_as(exists, &origin));
        };
        (0..4).for_each(|_| guess("ana", true));
        assert_eq!(guard.reports.take(), []);
        (0..8).for_each(|_| guess("ana", true));
        let slowed = |account: Option<&str>, failures| Slowed {
            account: account.map(str::to_owned),
            failures,
            origin: origin.clone(),
        };
        assert_eq!(guard.reports.take(), [slowed(Some("ana"), 5)]);
        // Of somebody who does not exist nothing is told, but of who tries.
        (0..8).for_each(|_| guess("12345678", false));
        assert_eq!(guard.reports.take(), [slowed(None, 20)]);
        clock.advance(FORGOTTEN_AFTER);
        (0..5).for_each(|_| guess("ana", true));
        assert_eq!(guard.reports.take(), [slowed(Some("ana"), 5)], "and again when it begins again");
    }

    #[test]
    fn what_is_told_is_bounded_whatever_is_tried() {
        let (guard, clock) = guard();
        for host in 0..1_000_u16 {
            let network = Some(Network::of([0x2001, 0xdb8, 0, host, 0, 0, 0, 1].into()));
            (0..20).for_each(|i| drop(guard.attempt(&format!("user{host}-{i}"), network, false)));
        }
        fail(&guard, "nobody", None, false);
        let attempt = || guard.attempt("ana", None, false).map(|attempt| attempt.known_as(true, &Origin::default()));
        while let Ok(attempt) = attempt() {
            drop(attempt);
        }
        let told = guard.reports.take();
        assert_eq!(told.len(), 101);
        assert_eq!(told[100].account.as_deref(), Some("ana"), "addresses hide no account");
        clock.advance(FORGOTTEN_AFTER);
        (0..20).for_each(|i| drop(guard.attempt(&format!("user{i}"), from(1), false)));
        assert_eq!(guard.reports.take().len(), 1);
    }

    #[test]
    fn it_is_bounded_and_those_who_failed_most_are_remembered() {
        let (guard, clock) = guard();
        fail(&guard, "ana", None, false);
        for i in 0..MOST + 10 {
            clock.advance(Duration::from_millis(1));
            drop(guard.attempt(&format!("user{i}"), None, false));
        }
        assert!(guard.lock().failures.len() <= MOST);
        assert!(guard.lock().failures.contains_key(&Key::Account("ana".to_owned())));
    }
}
