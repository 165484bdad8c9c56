//! Leaving a channel alone that does not work, so that not everything that waits for it has to find out.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_proto::Timestamp;

/// So many failures in a row open it: nothing is tried …
const FAILURES: u32 = 3;
/// … for this long, then one thing is; when that fails too, twice as long, …
const FIRST_REST: Duration = Duration::from_secs(15);
/// … up to this.
const MOST_REST: Duration = Duration::from_mins(5);

#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    closed_until: Option<Timestamp>,
}

impl Breaker {
    /// How many more may be tried now, while so many are.
    pub(crate) fn room(&self, now: Timestamp, tried: usize) -> usize {
        let state = self.state();
        match state.closed_until {
            None => usize::MAX,
            Some(until) if until <= now => usize::from(tried == 0),
            Some(_) => 0,
        }
    }

    /// Until when nothing is tried.
    pub(crate) fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.state().closed_until.filter(|until| *until > now)
    }

    /// It was reached.
    pub(crate) fn works(&self) {
        *self.state() = State::default();
    }

    /// It was not.
    pub(crate) fn failed(&self, now: Timestamp) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES {
            let rest = FIRST_REST.saturating_mul(1 << (state.failures - FAILURES).min(16)).min(MOST_REST);
            state.closed_until = Some(now.after(rest));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn what_fails_is_left_alone_longer_and_longer_and_tried_one_by_one() {
        let breaker = Breaker::default();
        breaker.failed(at(0));
        breaker.failed(at(0));
        assert_eq!(breaker.room(at(0), 8), usize::MAX);
        breaker.failed(at(0));
        assert_eq!((breaker.room(at(14), 0), breaker.closed_until(at(14))), (0, Some(at(15))));
        assert_eq!((breaker.room(at(15), 0), breaker.closed_until(at(15))), (1, None));
        assert_eq!(breaker.room(at(15), 1), 0);
        breaker.failed(at(15));
        assert_eq!(breaker.closed_until(at(15)), Some(at(45)));
        for _ in 0..40 {
            breaker.failed(at(45));
        }
        assert_eq!(breaker.closed_until(at(45)), Some(at(45 + 300)));
        breaker.works();
        assert_eq!(breaker.room(at(45), 8), usize::MAX);
    }
}
