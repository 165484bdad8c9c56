//! The task that reads on in the log where the writer's commits do not follow on what is counted, and keeps what is.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;

use super::kept::ROWS_AT_ONCE;
use super::{Statistics, WAIT, not_yet};
use crate::chat::Engine;
use crate::error::Result;
use crate::state::{Command, Headcount, RecordKey};
use crate::writer::Health;

/// How often what was counted is kept, when anything was.
const KEEP_EVERY: Duration = Duration::from_mins(1);

impl Engine {
    /// As long as the chat is open.
    pub(crate) async fn follow_the_log(&self) {
        let mut keep_at = self.clock.now().after(KEEP_EVERY);
        let mut accounts_counted = false;
        loop {
            if let Err(error) = self.read_on().await {
                tracing::warn!(code = %error.code(), "the statistics are behind; reading on in a minute");
            }
            if !accounts_counted {
                accounts_counted = self.count_accounts().await.is_ok();
            }
            if self.clock.now() >= keep_at || self.stats.much_is_unkept() {
                self.keep_statistics().await;
                keep_at = self.clock.now().after(KEEP_EVERY);
            }
            tokio::select! {
                () = self.stats.bell.notified() => {}
                () = self.clock.sleep_until(keep_at) => {}
            }
        }
    }

    /// Counts what the log holds beyond what is counted.
    async fn read_on(&self) -> Result<()> {
        loop {
            let stats = std::sync::Arc::clone(&self.stats);
            let is_all = self.read(move |view| Ok(stats.read_on(view)?)).await?;
            self.stats.read_on.notify_waiters();
            if is_all {
                return Ok(());
            }
            if self.stats.much_is_unkept() {
                self.keep_statistics().await;
            }
        }
    }

    /// Counts the accounts of a store that is from before accounts were counted.
    async fn count_accounts(&self) -> Result<()> {
        let are_counted = || {
            self.read(|view| {
                Ok(match view.record(&RecordKey::headcount())? {
                    Some(row) => Headcount::decoded(&row)?.is_complete(),
                    // The first account will be counted.
                    None => view.position().0 == 0,
                })
            })
        };
        while !are_counted().await? {
            self.writer.carry(Command::CountAccounts).await?;
        }
        Ok(())
    }

    /// Waits until everything is counted that has been told.
    pub(super) async fn wait_for_statistics(&self) -> Result<()> {
        let told = self.rooms.position();
        let counted = async {
            loop {
                let read_on = self.stats.read_on.notified();
                // From here on it is heard of; so look only now.
                let mut read_on = std::pin::pin!(read_on);
                read_on.as_mut().enable();
                if self.stats.counters().reached >= told {
                    return;
                }
                // The writer tells only of commits that it made itself.
                self.stats.bell.notify_one();
                read_on.await;
            }
        };
        timeout(WAIT, counted).await.map_err(|_| not_yet())
    }

    /// Writes what has changed since it was kept, in pieces. When that cannot be done now, it is done later.
    pub(crate) async fn keep_statistics(&self) {
        let stats = &self.stats;
        let _only_one = stats.keeping.lock().await;
        if !stats.is_to_be_kept() || self.writer.health() != Health::Ready {
            return;
        }
        let mut keeping = stats.counters().keep();
        loop {
            let rows = stats.counters().next_rows(&mut keeping, ROWS_AT_ONCE);
            if rows.is_empty() {
                stats.kept.store(keeping.reached.0, Ordering::Relaxed);
                return;
            }
            let written = self.writer.carry(Command::KeepStatistics { rows: rows.clone() }).await;
            if let Err(error) = written {
                tracing::warn!(code = %error.code(), "what was counted could not be kept");
                stats.counters().not_kept(&rows, &keeping);
                return;
            }
        }
    }
}

impl Statistics {
    /// Something was counted, or there is much that was not to be counted and need not be read again.
    fn is_to_be_kept(&self) -> bool {
        !self.counters().changed.is_empty() || self.much_is_unkept()
    }

    fn much_is_unkept(&self) -> bool {
        self.counters().reached.0.saturating_sub(self.kept.load(Ordering::Relaxed)) > self.most_unkept
    }
}
