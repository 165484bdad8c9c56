//! The store as simply as it can be said: maps in memory, copied for each commit. The reference for the others, and
//! what tests and examples run on.

mod rows;

use std::sync::{Arc, Mutex, PoisonError};

pub use rows::MemoryView;

use super::{Committed, Keep, Store, StoreError, View};
use crate::access::Rules;
use crate::state::{Command, Minter, apply, decide, envelope};

/// Keeps everything in memory; gone when dropped.
#[derive(Debug)]
pub struct MemoryStore {
    current: Mutex<Arc<MemoryView>>,
}

impl MemoryStore {
    /// An empty store that was made in this epoch.
    #[must_use]
    pub fn new(epoch: u64) -> Self {
        Self { current: Mutex::new(Arc::new(MemoryView::empty(epoch))) }
    }

    /// A copy, as of a file, that was opened in this epoch.
    #[must_use]
    pub fn copied(&self, epoch: u64) -> Self {
        let copy = self.current().begun(epoch);
        Self { current: Mutex::new(Arc::new(copy)) }
    }

    fn current(&self) -> Arc<MemoryView> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for MemoryStore {
    fn commit(&self, batch: Vec<Command>, rules: &Rules, minter: &mut Minter) -> Result<Committed, StoreError> {
        minter.tick();
        let mut next = (*self.current()).clone();
        let mut committed = Committed::default();
        for command in batch {
            let decision = match decide(command, &next, rules, minter, next.next())? {
                Ok(decision) => decision,
                Err(refusal) => {
                    committed.outcomes.push(Err(refusal));
                    continue;
                }
            };
            for put in decision.puts {
                next.put(put);
            }
            for (change, new) in decision.changes {
                let (row, message) = new.map(|new| (Arc::clone(&new.row), (new.row.author, new.message))).unzip();
                let (position, entry) = next.append(minter.now(), decision.by, change);
                apply(position, &entry, row.as_ref(), &mut next)?;
                committed.events.push(Arc::new(envelope(position, &entry, message, None, &next)?));
            }
            committed.outcomes.push(Ok(decision.outcome));
        }
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(committed)
    }

    fn keep_up(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn maintain(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn trim(&self, keep: &Keep) -> Result<bool, StoreError> {
        let mut next = (*self.current()).clone();
        while next.trim_oldest(keep) {}
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(false)
    }

    fn view(&self) -> Arc<dyn View> {
        self.current()
    }

    fn reopen(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
