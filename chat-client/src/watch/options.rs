use crate::FollowOptions;

/// How to [watch](crate::Client::watch).
#[derive(Clone, Debug)]
pub struct WatchOptions {
    pub(super) follow: FollowOptions,
    pub(super) conversations: usize,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self { follow: FollowOptions::new(), conversations: 400 }
    }
}

impl WatchOptions {
    /// 400 conversations, followed in the usual way.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How to follow: where tokens come from, the outbox of an earlier run, and so on. From where is not asked: watching
    /// follows from its own snapshot.
    #[must_use]
    pub fn follow(mut self, options: FollowOptions) -> Self {
        self.follow = options;
        self
    }

    /// Conversations that are loaded at first, the ones with the newest activity; 400 unless set. Older ones come when
    /// something happens in them, or by [`more_conversations`](crate::Watch::more_conversations).
    #[must_use]
    pub fn conversations(mut self, rows: usize) -> Self {
        self.conversations = rows.max(1);
        self
    }
}
