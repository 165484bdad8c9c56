//! What is told in passing: never stored, never replayed, and lost rather than waited for.

use std::future::Future;
use std::sync::Arc;

use chat_proto::model::PresenceState;
use chat_proto::{ConversationId, Timestamp, UserId};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::rooms::Rooms;
use crate::store::{Store, StoreError, View};

/// What is told but never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// Somebody is writing, or stopped.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// `false`: they stopped.
        on: bool,
        /// How long it holds without another sign.
        expires_in_ms: u64,
    },
    /// Somebody has a conversation open, or no longer.
    Viewing {
        /// Which.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// `false`: no longer.
        on: bool,
        /// How long it holds without another sign.
        expires_in_ms: u64,
    },
    /// Somebody came, turned away from all their devices or back to one, or their last device went.
    Presence {
        /// Who.
        user: UserId,
        /// What they are over all their devices.
        state: PresenceState,
        /// When their last device went; only of who is offline.
        last_seen: Option<Timestamp>,
    },
}

/// What those work with who tell in passing: whom to tell, and when.
#[derive(Clone, Debug)]
pub(crate) struct Passing {
    pub(crate) rooms: Arc<Rooms>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Passing {
    pub(crate) fn new(
        rooms: Arc<Rooms>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self { rooms, store, clock, tasks, stop }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether there is still somebody to be told: not when the chat is closed, nor when the program is ending and
    /// there is no runtime any more.
    pub(crate) fn goes_on(&self) -> bool {
        !self.stop.is_cancelled() && tokio::runtime::Handle::try_current().is_ok()
    }

    /// Tells behind the caller's back. Only while it [goes on](Self::goes_on).
    pub(crate) fn spawn(&self, telling: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(telling);
    }

    /// `false`: the chat is being closed.
    pub(crate) async fn sleep_until(&self, moment: Timestamp) -> bool {
        tokio::select! {
            () = self.clock.sleep_until(moment) => true,
            () = self.stop.cancelled() => false,
        }
    }

    /// Reads one consistent view. `None`: it cannot be read, of which there are better places to say so.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn View) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<T> {
        let view = self.store.view();
        tokio::task::spawn_blocking(move || read(&*view)).await.ok()?.ok()
    }
}
