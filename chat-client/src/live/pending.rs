use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_proto::wire::ErrFrame;
use serde_json::Value;
use tokio::sync::oneshot;

pub(super) type Answer = Result<Value, ErrFrame>;

/// The requests whose answer has not come, by their `re`. As many as there are callers waiting.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<HashMap<u64, oneshot::Sender<Answer>>>);

/// A place in [`Pending`], given up when the caller no longer waits.
pub(super) struct Awaited<'a> {
    pending: &'a Pending,
    re: u64,
    answer: oneshot::Receiver<Answer>,
}

impl Pending {
    pub(super) fn expect(&self, re: u64) -> Awaited<'_> {
        let (sender, answer) = oneshot::channel();
        self.requests().insert(re, sender);
        Awaited { pending: self, re, answer }
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

impl Awaited<'_> {
    /// The answer; `None` when none will come.
    pub(super) async fn answer(mut self) -> Option<Answer> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.pending.requests().remove(&self.re);
    }
}
