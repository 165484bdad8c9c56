use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chat_proto::model::Cursor;

use super::backoff::Backoff;
use super::{OutboxEntry, TokenSource};
use crate::clock::{Clock, Entropy, SystemClock, SystemEntropy};

/// How to [follow](crate::Client::follow).
#[derive(Clone)]
pub struct FollowOptions {
    pub(super) from: From,
    pub(super) outbox: Vec<OutboxEntry>,
    pub(super) tokens: Option<Arc<dyn TokenSource>>,
    pub(super) backoff: Backoff,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

/// Where following begins.
#[derive(Clone, Debug)]
pub(super) enum From {
    /// Whatever the moment of the first connection is.
    Now,
    After(Cursor),
    /// Nowhere until it is said where.
    Held,
}

impl Default for FollowOptions {
    fn default() -> Self {
        Self {
            from: From::Now,
            outbox: Vec::new(),
            tokens: None,
            backoff: Backoff::new(Backoff::FIRST, Backoff::LONGEST),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }
}

impl FollowOptions {
    /// From the moment of the first connection on, without a way to renew the token.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells what happened after this place: the `as_of` of what was loaded, the smallest when it was several things.
    #[must_use]
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.from = From::After(cursor);
        self
    }

    /// Does not connect until [`resume_after`](super::Follower::resume_after) says from where. What is sent meanwhile
    /// waits.
    #[must_use]
    pub fn held(mut self) -> Self {
        self.from = From::Held;
        self
    }

    /// Messages that an earlier run of the program did not get confirmed; they go first. See
    /// [`put_back`](super::Follower::put_back), which also says what does not fit; here it is left out.
    #[must_use]
    pub fn outbox(mut self, entries: Vec<OutboxEntry>) -> Self {
        self.outbox = entries;
        self
    }

    /// Where fresh tokens come from. Without a source, following ends with its token.
    #[must_use]
    pub fn token_source(mut self, source: impl TokenSource) -> Self {
        self.tokens = Some(Arc::new(source));
        self
    }

    /// The waits between tries: at random between nothing and `first` × 2^k, at most `longest`; 0.5 s and 30 s unless
    /// set.
    #[must_use]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = Backoff::new(first, longest);
        self
    }

    pub(crate) fn waits(&self) -> Backoff {
        self.backoff.clone()
    }

    /// Where the time comes from; the machine's clock unless set.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where randomness comes from; the operating system's unless set.
    #[must_use]
    pub fn entropy(mut self, entropy: impl Entropy) -> Self {
        self.entropy = Arc::new(entropy);
        self
    }
}

impl fmt::Debug for FollowOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowOptions")
            .field("from", &self.from)
            .field("outbox", &self.outbox.len())
            .field("renews_tokens", &self.tokens.is_some())
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}
