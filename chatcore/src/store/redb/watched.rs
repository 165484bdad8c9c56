//! redb refuses everything after an I/O error, a failed read of some view included, until it is opened again. Commits
//! that touch no table would not notice that, so somebody watches.

use std::io;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use ::redb::{BackendError, StorageBackend};

use super::error::kind_of;
use crate::store::{StoreError, StoreErrorKind};

/// Storage whose failures are remembered.
#[derive(Debug)]
pub(super) struct Watched<B> {
    backend: B,
    failed: Failed,
}

/// Whether storage has failed, and how first.
#[derive(Clone, Debug, Default)]
pub(super) struct Failed(Arc<OnceLock<StoreErrorKind>>);

impl Failed {
    /// What this error means: redb tells only the first who meets a failure what it was, and all others that it is closed.
    pub(super) fn explain(&self, error: StoreError) -> StoreError {
        match self.0.get() {
            Some(first) if error.kind() == StoreErrorKind::Unavailable => StoreError::new(*first, error),
            _ => error,
        }
    }

    /// An error for everybody who comes after the failure, whoever met it.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.0.get() {
            None => Ok(()),
            Some(kind) => Err(StoreError::new(*kind, "the file of the tables has failed before")),
        }
    }
}

impl<B> Watched<B> {
    pub(super) fn new(backend: B) -> (Self, Failed) {
        let failed = Failed::default();
        (Self { backend, failed: failed.clone() }, failed)
    }

    fn noted<T>(&self, done: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &done {
            self.failed.0.get_or_init(|| kind_of(error));
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
