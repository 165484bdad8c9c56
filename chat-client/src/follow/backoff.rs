use std::time::Duration;

use crate::clock::Entropy;

/// Waits between tries: full jitter over `first` × 2^k, at most `longest` (docs/protocol.md, "Heartbeat").
///
/// Full jitter is Marc Brooker's ("Exponential Backoff and Jitter", AWS 2015): of many that lost the server in the same
/// moment, hardly two come back in the same moment.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    tries: u32,
}

impl Backoff {
    pub(crate) const FIRST: Duration = Duration::from_millis(500);
    pub(crate) const LONGEST: Duration = Duration::from_secs(30);
    /// After so long without a failure the next one counts as the first.
    pub(crate) const CALM: Duration = Duration::from_mins(1);

    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, tries: 0 }
    }

    /// How long to wait after another failure.
    pub(crate) fn next(&mut self, entropy: &dyn Entropy) -> Duration {
        let ceiling = self.first.saturating_mul(1 << self.tries.min(16)).min(self.longest);
        self.tries = self.tries.saturating_add(1);
        let mut random = [0; 4];
        entropy.fill(&mut random);
        // A fraction of 2^32 parts.
        let nanos = (ceiling.as_nanos() * u128::from(u32::from_be_bytes(random))) >> 32;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// All is well again.
    pub(crate) fn calm(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Always(u8);

    impl Entropy for Always {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn the_wait_grows_to_its_bound_and_is_anything_below_it() {
        let mut backoff = Backoff::new(Backoff::FIRST, Backoff::LONGEST);
        let waits: Vec<u128> = (0..40).map(|_| backoff.next(&Always(0xff)).as_millis()).collect();
        assert_eq!(waits[..8], [499, 999, 1_999, 3_999, 7_999, 15_999, 29_999, 29_999]);
        assert_eq!(waits[39], 29_999);
        assert_eq!(backoff.next(&Always(0)), Duration::ZERO);
        assert_eq!(backoff.next(&Always(0x80)).as_secs(), 15);
        backoff.calm();
        assert_eq!(backoff.next(&Always(0xff)).as_millis(), 499);
    }
}
