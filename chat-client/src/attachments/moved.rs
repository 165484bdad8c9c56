//! How far a file has come, shared by what moves it and by what watches that it moves.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::Error;

#[derive(Clone, Debug, Default)]
pub(super) struct Moved(Arc<State>);

#[derive(Debug, Default)]
struct State {
    bytes: AtomicU64,
    /// Why the file on this side could not be read.
    failed: Mutex<Option<std::io::Error>>,
}

impl Moved {
    pub(super) fn add(&self, bytes: u64) -> u64 {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    pub(super) fn fail(&self, error: std::io::Error) {
        *self.0.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// The error on this side, which the other side saw as a broken connection.
    pub(super) fn failure(&self) -> Option<Error> {
        self.0.failed.lock().unwrap_or_else(PoisonError::into_inner).take().map(Error::file)
    }

    /// Waits for as long as something moves; a file may take longer than a request usually does.
    pub(super) async fn unless_stalled<T>(
        &self,
        timeout: Duration,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut work = std::pin::pin!(work);
        let mut seen = 0;
        loop {
            if let Ok(done) = tokio::time::timeout(timeout, &mut work).await {
                return done;
            }
            let now = self.0.bytes.load(Ordering::Relaxed);
            if now == seen {
                return Err(Error::Timeout);
            }
            seen = now;
        }
    }
}
