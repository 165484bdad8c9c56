use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_proto::wire::ErrFrame;
use serde_json::Value;
use tokio::sync::oneshot;

/// What the server answered: what it made, or why not.
pub(crate) type Answer = Result<Value, ErrFrame>;

/// The requests whose answer has not come, by their `re`. As many as there are callers waiting.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending(Arc<Mutex<HashMap<u64, oneshot::Sender<Answer>>>>);

/// A place in [`Pending`], given up when the caller no longer waits.
#[derive(Debug)]
pub(crate) struct Awaited {
    pending: Pending,
    re: u64,
    answer: oneshot::Receiver<Answer>,
}

impl Pending {
    pub(super) fn expect(&self, re: u64) -> Awaited {
        let (sender, answer) = oneshot::channel();
        self.requests().insert(re, sender);
        Awaited { pending: self.clone(), re, answer }
    }

    /// Hands an answer to its caller, if there still is one.
    pub(super) fn resolve(&self, re: u64, answer: Answer) {
        let caller = self.requests().remove(&re);
        if let Some(caller) = caller {
            // An error means that the caller has just gone.
            let _ = caller.send(answer);
        }
    }

    /// No answer will come any more.
    pub(super) fn abandon(&self) {
        self.requests().clear();
    }

    fn requests(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Answer>>> {
        // The map is whole between any two statements that could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Awaited {
    /// The answer; `None` when none will come.
    pub(crate) async fn answer(mut self) -> Option<Answer> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.pending.requests().remove(&self.re);
    }
}
