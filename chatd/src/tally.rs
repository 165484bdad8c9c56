use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chatcore::Network;

/// How many things are open of each network; no larger than what is open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<HashMap<Network, usize>>>);

/// One of them; counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    tally: Tally,
    network: Network,
}

impl Tally {
    /// One more, unless there are so many.
    pub(crate) fn add(&self, network: Network, most: usize) -> Option<Counted> {
        let mut open = self.open();
        let count = open.entry(network).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Counted { tally: self.clone(), network })
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.open().is_empty()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Network, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.tally.open();
        if let Some(count) = open.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.network);
            }
        }
    }
}
