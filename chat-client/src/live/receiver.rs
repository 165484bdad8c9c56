use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;

use super::{Closed, LiveEvent};

/// The half of a live connection that listens.
#[derive(Debug)]
pub struct LiveReceiver {
    events: mpsc::Receiver<LiveEvent>,
    ended: Arc<OnceLock<Closed>>,
    told: bool,
}

impl LiveReceiver {
    pub(super) fn new(events: mpsc::Receiver<LiveEvent>, ended: Arc<OnceLock<Closed>>) -> Self {
        Self { events, ended, told: false }
    }

    /// The next event, in the order of the server. The last one is [`LiveEvent::Closed`], after which comes `None`.
    ///
    /// Cancel safe: no event is lost when this is dropped before it is ready.
    pub async fn next(&mut self) -> Option<LiveEvent> {
        if let Some(event) = self.events.recv().await {
            return Some(event);
        }
        if self.told {
            return None;
        }
        self.told = true;
        Some(LiveEvent::Closed(why(&self.ended)))
    }
}

/// Why the connection ended; only asked when it has.
pub(super) fn why(ended: &OnceLock<Closed>) -> Closed {
    ended
        .get()
        .cloned()
        // The runtime was shut down before the task could say why.
        .unwrap_or(Closed::Left)
}
