//! How much one address, one person, one conversation may ask for: token buckets, the same for every door.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chat_proto::{ErrorCode, Timestamp};
use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::clock::Clock;
use crate::state::{ConversationNo, Refusal, UserNo};

/// So much in so long: a bucket of tokens that fills up again evenly. All of it may be used at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many tokens the bucket holds.
    pub count: NonZeroU32,
    /// How long an empty one takes to fill up.
    pub per: Duration,
}

/// How much may be asked for; `None` is without a limit, and so is everything unless it is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rates {
    /// Requests of one address, of all kinds.
    pub requests_per_address: Option<Rate>,
    /// Attempts of one address to sign in or up.
    pub sign_ins_per_address: Option<Rate>,
    /// Messages that one person sends.
    pub sends_per_user: Option<Rate>,
    /// Everything else that one person changes or signals: marks, reactions, edits, participants, typing.
    pub changes_per_user: Option<Rate>,
    /// Messages that are sent into one conversation, by all together.
    pub sends_per_conversation: Option<Rate>,
}

/// What a bucket of an address belongs to: the address, or with IPv6 the network of one household, of which anybody has
/// more addresses than could be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The network of an address.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
            ip @ IpAddr::V4(_) => ip,
        })
    }

    /// The network of a whole site: with IPv6 48 bits of it, of which one may have 65,536 households.
    pub(crate) fn site(self) -> Self {
        Self(match self.0 {
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !(u128::MAX >> 48))),
            ip @ IpAddr::V4(_) => ip,
        })
    }
}

/// All buckets.
#[derive(Debug)]
pub(crate) struct Pace {
    requests_per_address: Option<Buckets<Network>>,
    sign_ins_per_address: Option<Buckets<Network>>,
    sends_per_user: Option<Buckets<UserNo>>,
    changes_per_user: Option<Buckets<UserNo>>,
    sends_per_conversation: Option<Buckets<ConversationNo>>,
}

/// How often buckets that are full again are forgotten.
const FORGET_EVERY: Duration = Duration::from_mins(1);

impl Pace {
    pub(crate) fn new(rates: Rates, clock: &Arc<dyn Clock>) -> Self {
        let time = PassingTime(Arc::new(Elapsed::new(Arc::clone(clock))));
        Self {
            requests_per_address: Buckets::new("requests_per_address", rates.requests_per_address, &time),
            sign_ins_per_address: Buckets::new("sign_ins_per_address", rates.sign_ins_per_address, &time),
            sends_per_user: Buckets::new("sends_per_user", rates.sends_per_user, &time),
            changes_per_user: Buckets::new("changes_per_user", rates.changes_per_user, &time),
            sends_per_conversation: Buckets::new("sends_per_conversation", rates.sends_per_conversation, &time),
        }
    }

    /// One request of this address.
    pub(crate) fn request(&self, from: Option<IpAddr>) -> Result<(), Refusal> {
        take(self.requests_per_address.as_ref(), stranger(from))
    }

    /// One attempt of this address to sign in or up.
    pub(crate) fn sign_in(&self, from: Option<IpAddr>) -> Result<(), Refusal> {
        take(self.sign_ins_per_address.as_ref(), stranger(from))
    }

    /// One message. Asked when it is certain that they are in the conversation, or a stranger could use up the room of
    /// those who are.
    pub(crate) fn send(&self, by: UserNo, to: ConversationNo) -> Result<(), Refusal> {
        take(self.sends_per_user.as_ref(), Some(by))?;
        take(self.sends_per_conversation.as_ref(), Some(to))
    }

    /// One change of any other kind.
    pub(crate) fn change(&self, by: UserNo) -> Result<(), Refusal> {
        take(self.changes_per_user.as_ref(), Some(by))
    }

    /// Forgets, every minute, the buckets that are full again.
    pub(crate) async fn keep_house(self: Arc<Self>, clock: Arc<dyn Clock>) {
        loop {
            clock.sleep_until(clock.now().after(FORGET_EVERY)).await;
            forget(self.requests_per_address.as_ref());
            forget(self.sign_ins_per_address.as_ref());
            forget(self.sends_per_user.as_ref());
            forget(self.changes_per_user.as_ref());
            forget(self.sends_per_conversation.as_ref());
        }
    }
}

/// Whom a limit per address is for. This machine itself has none: programs of the shop's own run on it, and a proxy that
/// the configuration does not name, behind which everybody is.
pub(crate) fn stranger(from: Option<IpAddr>) -> Option<Network> {
    from.filter(|ip| !ip.to_canonical().is_loopback()).map(Network::of)
}

fn take<K: Copy + Eq + Hash>(buckets: Option<&Buckets<K>>, key: Option<K>) -> Result<(), Refusal> {
    match (buckets, key) {
        (Some(buckets), Some(key)) => buckets.take(key),
        _ => Ok(()),
    }
}

fn forget<K: Copy + Eq + Hash>(buckets: Option<&Buckets<K>>) {
    if let Some(buckets) = buckets {
        buckets.count();
    }
}

/// One kind of limit, a bucket for each key.
struct Buckets<K: Copy + Eq + Hash> {
    name: &'static str,
    limiter: RateLimiter<Slot<K>, DashMapStateStore<Slot<K>>, PassingTime, NoOpMiddleware<Nanos>>,
    time: PassingTime,
    /// So many takes may each bring a new key until the keys are counted again.
    room: AtomicUsize,
    /// Second in which they were counted last.
    counted: AtomicI64,
    hasher: RandomState,
}

/// Which bucket a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Slot<K> {
    Own(K),
    /// When there are too many keys to remember, the new ones share some.
    Shared(u64),
}

/// Buckets of one kind that are remembered; a few MiB.
const MOST_KEYS: usize = 1 << 16;
const SHARED: u64 = 1 << 10;

impl<K: Copy + Eq + Hash> Buckets<K> {
    fn new(name: &'static str, rate: Option<Rate>, time: &PassingTime) -> Option<Self> {
        let Rate { count, per } = rate?;
        // Zero is none: faster than anything can be asked for.
        let quota = Quota::with_period(per / count.get())?.allow_burst(count);
        let limiter = RateLimiter::new(quota, DashMapStateStore::default(), time.clone());
        Some(Self {
            name,
            limiter,
            time: time.clone(),
            room: AtomicUsize::new(MOST_KEYS),
            counted: AtomicI64::new(i64::MIN),
            hasher: RandomState::new(),
        })
    }

    fn take(&self, key: K) -> Result<(), Refusal> {
        let slot = if self.has_room() { Slot::Own(key) } else { Slot::Shared(self.hasher.hash_one(key) % SHARED) };
        self.limiter.check_key(&slot).map_err(|until| {
            let wait = until.wait_time_from(self.time.now());
            let detail = format!("Too much at once: the limit is `{}`.", self.name);
            Refusal { retry_after: Some(wait), ..Refusal::new(ErrorCode::RateLimited, detail) }
        })
    }

    /// Whether there is room for a key that is new. Counting them costs a walk over all, so each take is thought to
    /// bring a new one until it is known better, and under a flood of new ones that is once a second.
    fn has_room(&self) -> bool {
        let had_room =
            || self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(1)).is_ok();
        if had_room() {
            return true;
        }
        let second = i64::try_from(Duration::from(self.time.now()).as_secs()).unwrap_or(i64::MAX);
        if self.counted.swap(second, Ordering::Relaxed) != second {
            self.count();
        }
        had_room()
    }

    fn count(&self) {
        self.limiter.retain_recent();
        self.room.store(MOST_KEYS.saturating_sub(self.limiter.len()), Ordering::Relaxed);
    }
}

impl<K: Copy + Eq + Hash> fmt::Debug for Buckets<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The engine's clock as the limits see it: a clock that is set back takes nothing away from anybody, and from then on
/// time passes as usual.
#[derive(Clone, Debug)]
struct PassingTime(Arc<Elapsed>);

#[derive(Debug)]
struct Elapsed {
    clock: Arc<dyn Clock>,
    /// The last moment, and how much time had passed by then.
    last: Mutex<(Timestamp, Duration)>,
}

impl Elapsed {
    fn new(clock: Arc<dyn Clock>) -> Self {
        // Some time must have passed for a bucket to be full.
        let last = Mutex::new((clock.now(), Duration::from_hours(24 * 365)));
        Self { clock, last }
    }
}

impl governor::clock::Clock for PassingTime {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let now = self.0.clock.now();
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (moment, elapsed) = &mut *last;
        let passed = u64::try_from(now.as_millis().saturating_sub(moment.as_millis())).unwrap_or(0);
        *moment = now;
        *elapsed = elapsed.saturating_add(Duration::from_millis(passed));
        Nanos::from(*elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ManualClock;

    const SECOND: Duration = Duration::from_secs(1);

    fn rate(count: u32, per: Duration) -> Option<Rate> {
        NonZeroU32::new(count).map(|count| Rate { count, per })
    }

    fn pace(rates: Rates) -> (Arc<ManualClock>, Pace) {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_700_000_000_000)));
        let shared: Arc<dyn Clock> = clock.clone();
        (clock, Pace::new(rates, &shared))
    }

    fn wait(refused: Result<(), Refusal>) -> Duration {
        let refusal = refused.unwrap_err();
        assert_eq!(refusal.code, ErrorCode::RateLimited);
        refusal.retry_after.unwrap()
    }

    #[test]
    fn a_bucket_is_used_up_and_fills_again() {
        let (clock, pace) = pace(Rates { changes_per_user: rate(3, SECOND * 30), ..Rates::default() });
        for _ in 0..3 {
            pace.change(UserNo(1)).unwrap();
        }
        assert_eq!(wait(pace.change(UserNo(1))), SECOND * 10);
        pace.change(UserNo(2)).unwrap();
        clock.advance(SECOND * 10);
        pace.change(UserNo(1)).unwrap();
        assert!(pace.change(UserNo(1)).is_err());
        assert!(pace.send(UserNo(1), ConversationNo(1)).is_ok(), "what has no limit is free");
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let (clock, pace) = pace(Rates { changes_per_user: rate(1, SECOND), ..Rates::default() });
        pace.change(UserNo(1)).unwrap();
        clock.set(Timestamp::from_millis(1));
        assert_eq!(wait(pace.change(UserNo(1))), SECOND);
        clock.advance(SECOND);
        pace.change(UserNo(1)).unwrap();
    }

    #[test]
    fn a_household_is_one_and_this_machine_is_nobody() {
        let (_, pace) = pace(Rates { requests_per_address: rate(1, SECOND), ..Rates::default() });
        let ask = |ip: &str| pace.request(Some(ip.parse().unwrap())).is_ok();
        assert!(ask("2001:db8:0:1::1") && !ask("2001:db8:0:1:ffff::2") && ask("2001:db8:0:2::1"));
        assert!(ask("192.0.2.1") && !ask("::ffff:192.0.2.1") && ask("192.0.2.2"));
        assert!((0..9).all(|_| ask("127.0.0.1") && ask("::1") && ask("::ffff:127.0.0.1")));
        assert!((0..9).all(|_| pace.request(None).is_ok()));
    }

    #[test]
    fn a_flood_of_addresses_does_not_grow_without_bound() {
        let (clock, pace) = pace(Rates { requests_per_address: rate(2, SECOND * 60), ..Rates::default() });
        let buckets = pace.requests_per_address.as_ref().unwrap();
        let flood =
            |from: u32| (from..from + 200_000).filter(|i| pace.request(Some(IpAddr::from(i.to_be_bytes()))).is_ok());
        let let_in = flood(1 << 24).count();
        assert!(buckets.limiter.len() <= MOST_KEYS + 1_024, "{}", buckets.limiter.len());
        assert!((MOST_KEYS..MOST_KEYS + 3_000).contains(&let_in), "{let_in}: those beyond share what there is");
        // Later they are forgotten, and a newcomer has a bucket of their own.
        clock.advance(SECOND * 180);
        buckets.count();
        assert_eq!(buckets.limiter.len(), 0);
        assert!(pace.request(Some(IpAddr::from([192, 0, 2, 1]))).is_ok());
    }
}
