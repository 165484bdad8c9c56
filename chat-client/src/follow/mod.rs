//! Following the server for as long as the program runs: connections come and go, updates and messages do not get lost.

mod answer;
mod backoff;
mod changes;
mod connected;
mod follower;
mod keeper;
mod options;
mod outbox;
mod passing;
mod requests;
mod token;
mod update;

use std::sync::Arc;

use tokio::sync::mpsc;

pub(crate) use backoff::Backoff;
pub use changes::Request;
pub use follower::Follower;
pub use options::FollowOptions;
pub use outbox::OutboxEntry;
pub(crate) use token::Tokens;
pub use token::{Renewal, TokenSource};
pub use update::{Connection, Update, Updates};

use crate::Client;
use keeper::Keeper;

/// Updates that wait to be taken. When they are full nothing more is read from the connection.
const UPDATES: usize = 1_024;

impl Client {
    /// Stays connected: opens the live connection, opens it again whenever it ends, and goes on where it was, so that no
    /// event is missed or told twice. What is sent meanwhile waits in an outbox.
    ///
    /// It ends by [`Follower::close`], by dropping the [`Updates`], or by the server's final word. Needs a tokio runtime.
    pub fn follow(&self, options: FollowOptions) -> (Follower, Updates) {
        let (tell, updates) = mpsc::channel(UPDATES);
        let follower = Follower::new(self, &options);
        let shared = Arc::clone(&follower.shared);
        shared.task.spawn(Keeper::new(Arc::clone(&shared), tell, options).run());
        // So that `close` can wait for this one task.
        shared.task.close();
        (follower, Updates::new(updates))
    }
}
