//! redb refuses everything after an I/O error, a failed read of some view included, until it is opened again. Commits
//! that touch no table would not notice that, so somebody watches.

use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::redb::{BackendError, StorageBackend};

/// Storage whose failures are remembered.
#[derive(Debug)]
pub(super) struct Watched<B> {
    backend: B,
    failed: Failed,
}

/// Whether storage has failed.
#[derive(Clone, Debug, Default)]
pub(super) struct Failed(Arc<AtomicBool>);

impl Failed {
    pub(super) fn has(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl<B> Watched<B> {
    pub(super) fn new(backend: B) -> (Self, Failed) {
        let failed = Failed::default();
        (Self { backend, failed: failed.clone() }, failed)
    }

    fn noted<T>(&self, done: io::Result<T>) -> io::Result<T> {
        if done.is_err() {
            self.failed.0.store(true, Ordering::Release);
        }
        done
    }
}

impl<B: StorageBackend> StorageBackend for Watched<B> {
    fn len(&self) -> io::Result<u64> {
        self.noted(self.backend.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.noted(self.backend.read(offset, out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.noted(self.backend.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.noted(self.backend.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.noted(self.backend.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.backend.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.query_lock_range(start, end)
    }
}
