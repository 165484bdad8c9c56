use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Size;

/// The memory that all pictures together may take while they are decoded.
#[derive(Clone, Debug)]
pub struct Memory {
    pages: Arc<Semaphore>,
    all: u32,
}

/// A part of the memory, given back when dropped. It belongs into the task that decodes: that goes on when whoever
/// asked for it is gone.
#[derive(Debug)]
pub struct Reserved {
    _pages: OwnedSemaphorePermit,
}

/// Memory is counted in pieces of this size.
const PAGE: u64 = 64 << 10;

impl Memory {
    /// `bytes` for all pictures that are decoded at the same time.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let all = u32::try_from(bytes.div_ceil(PAGE)).unwrap_or(u32::MAX).clamp(1, 1 << 24);
        Self { pages: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// Waits until there is room for the picture, in the order of asking. One that needs more than there is has
    /// everything for itself.
    pub async fn reserve(&self, size: &Size) -> Reserved {
        let pages = u32::try_from(size.memory.div_ceil(PAGE)).unwrap_or(u32::MAX).min(self.all);
        let pages = Arc::clone(&self.pages).acquire_many_owned(pages).await;
        Reserved { _pages: pages.expect("nobody closes it") }
    }
}
