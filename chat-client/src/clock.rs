//! Time and randomness come into the client through these two traits, so that one seed reproduces a run. Timers are
//! tokio's, which tests pause.

use std::fmt::Debug;

use chat_proto::Timestamp;

/// Where the client learns the time, for the names of messages and for when a token ends.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The moment now.
    fn now(&self) -> Timestamp;
}

/// Where the client gets its randomness, for the names of messages and for spreading reconnects.
pub trait Entropy: Debug + Send + Sync + 'static {
    /// Fills the slice with bytes that others cannot guess.
    fn fill(&self, bytes: &mut [u8]);
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place of the client that asks the machine")]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The randomness of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(clippy::disallowed_methods, reason = "this is the one place of the client that asks the machine")]
        let filled = getrandom::fill(bytes);
        // Without it two programs could give two messages one name.
        assert!(filled.is_ok(), "the operating system gives no randomness");
    }
}
