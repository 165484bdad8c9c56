//! Time and randomness come into the engine through these two traits, so that one seed reproduces a run.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use chat_proto::Timestamp;

/// Where the engine learns the time.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The moment now.
    fn now(&self) -> Timestamp;

    /// Ends when [`now`](Self::now) has reached this moment.
    fn sleep_until(&self, moment: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Where the engine gets its randomness: ids, salts, keys.
pub trait Entropy: Debug + Send + Sync + 'static {
    /// Fills the slice with bytes that nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Entropy {
    /// As many random bytes as the type holds.
    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, moment: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // In pieces: the machine's clock may be set while we sleep.
            loop {
                let left = moment.as_millis() - self.now().as_millis();
                let Ok(left @ 1..) = u64::try_from(left) else { return };
                tokio::time::sleep(std::time::Duration::from_millis(left.min(60_000))).await;
            }
        })
    }
}

/// The randomness of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
        let filled = getrandom::fill(bytes);
        // Without randomness there are no secrets; going on would be worse than stopping.
        assert!(filled.is_ok(), "the operating system gives no randomness");
    }
}
