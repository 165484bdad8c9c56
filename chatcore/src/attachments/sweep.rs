//! What nobody needs any more goes: attachments that were never sent, and contents that nothing refers to.
//!
//! # Why nothing is taken out that is needed
//!
//! A content may be uploaded again at the very moment at which it is about to be removed. Two rules keep these apart:
//!
//! 1. Whoever keeps a file puts its contents into their places *and* has the command carried out that counts them, all
//!    the while holding [`Attachments::removing`](super::Attachments) for reading. The task that does so is dropped by
//!    nobody who merely goes away.
//! 2. Whoever removes contents holds it for writing, and only then looks into the newest view whether they are counted.
//!
//! So a remover sees either the count of a finished upload, or none of it: then the content is placed after it was removed.
//! In an object store where [another server's mark](super::claim) stands nothing is removed at all.
//! After a failed commit nobody knows whether it survived; nothing is removed before the store is open again and says so.
//!
//! # Why nothing is left for ever
//!
//! The last to let go of a content leaves a note in the same transaction. Notes are worked through after commits, and again
//! at each start; one is taken away only when the content is gone. What was placed for a command that then was refused, or
//! never came because the process was killed, has neither a count nor a note: all that lies in the folder is compared with
//! the counts at the start and once a day. Temporary files of an earlier process go before this one takes any.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::store::Hash;
use crate::chat::Engine;
use crate::error::Result;
use crate::state::{Command, RecordKey};
use crate::writer::Health;

/// How often it is looked what was not sent for too long, and what could not be removed when it was to be.
const LOOK_EVERY: Duration = Duration::from_mins(10);
/// How often all that lies in the folder is looked at.
const SWEEP_EVERY: Duration = Duration::from_hours(24);
/// Attachments and contents that are looked at together.
const AT_ONCE: usize = 64;
/// Contents that are being removed at the same time.
const REMOVED_AT_ONCE: usize = 8;
/// After so many failures in a row the store is taken to be away.
const FAILURES: usize = 2;

/// Does all of that, as long as the engine is there.
pub(crate) async fn look_after(engine: Weak<Engine>) {
    let Some(clock) = engine.upgrade().map(|engine| Arc::clone(&engine.clock)) else { return };
    let mut sweep_at = clock.now();
    loop {
        let Some(held) = engine.upgrade() else { return };
        let freed = Arc::clone(&held.attachments.freed);
        if held.attachments.used.load(Ordering::Acquire) {
            held.remove_what_is_noted().await;
            if sweep_at <= clock.now() {
                held.sweep().await;
                sweep_at = clock.now().after(SWEEP_EVERY);
            }
            while matches!(held.collect_unsent().await, Ok(true)) {}
        }
        drop(held);
        let look_at = clock.now().after(LOOK_EVERY);
        tokio::select! {
            () = freed.notified() => {}
            () = clock.sleep_until(look_at) => {}
        }
    }
}

impl Engine {
    /// A piece of it; `true`: there is more.
    async fn collect_unsent(&self) -> Result<bool> {
        let now = self.clock.now();
        let due = self.read(move |view| {
            let (from, before) = RecordKey::attachments_due_before(now);
            Ok(view.records(&from, &before, AT_ONCE)?)
        });
        let due: Vec<RecordKey> = due.await?.into_iter().map(|(key, _)| key).collect();
        let more = due.len() == AT_ONCE;
        if !due.is_empty() {
            self.writer.carry(Command::CollectAttachments { due }).await?;
            self.attachments.freed.notify_one();
        }
        Ok(more)
    }

    async fn remove_what_is_noted(&self) {
        let mut after = None;
        loop {
            let from = after.clone();
            let noted = self.read(move |view| {
                let (first, before) = RecordKey::contents_gone();
                Ok(view.records(&from.unwrap_or(first), &before, AT_ONCE)?)
            });
            let Ok(noted) = noted.await else { return };
            let Some((last, _)) = noted.last() else { return };
            after = Some(last.following());
            self.remove_unneeded(noted.iter().filter_map(|(key, _)| key.gone_content())).await;
        }
    }

    /// All that lies in the folder.
    async fn sweep(&self) {
        let mut found = Box::pin(self.attachments.store.all().ready_chunks(AT_ONCE));
        while let Some(contents) = found.next().await {
            match contents.into_iter().collect::<Result<Vec<Hash>>>() {
                Ok(contents) => self.remove_unneeded(contents.into_iter()).await,
                Err(error) => {
                    return tracing::warn!(?error, "not all attachments could be looked at; they will be tomorrow");
                }
            }
        }
    }

    /// Removes those of these contents that nothing refers to.
    pub(super) async fn remove_unneeded(&self, contents: impl Iterator<Item = Hash>) {
        let contents: Vec<Hash> = contents.collect();
        let unneeded = self.unneeded(contents.clone()).await;
        if unneeded.as_ref().is_ok_and(Vec::is_empty) || self.attachments.store.require_ours().await.is_err() {
            return;
        }
        let removed = {
            let _alone = self.attachments.removing.write().await;
            if self.writer.health() != Health::Ready || self.stop.is_cancelled() {
                return;
            }
            let Ok(unneeded) = self.unneeded(contents).await else { return };
            self.remove_all(unneeded).await
        };
        // If this fails they are removed again, which does nothing.
        let _ = self.writer.carry(Command::ContentsRemoved { contents: removed }).await;
    }

    /// Gives those that are gone. Nobody can keep a file meanwhile; so a store that is away is not asked for each of them.
    async fn remove_all(&self, contents: Vec<Hash>) -> Vec<Hash> {
        let store = &self.attachments.store;
        let removing = |sha256: Hash| async move { store.remove(&sha256).await.map(|()| sha256) };
        let mut removing = stream::iter(contents).map(removing).buffered(REMOVED_AT_ONCE);
        let (mut removed, mut failures) = (Vec::new(), 0);
        while failures < FAILURES
            && let Some(done) = removing.next().await
        {
            match done {
                Ok(sha256) => {
                    removed.push(sha256);
                    failures = 0;
                }
                Err(error) => {
                    tracing::warn!(?error, "an attachment could not be removed; it will be tried again");
                    failures += 1;
                }
            }
        }
        removed
    }

    async fn unneeded(&self, contents: Vec<Hash>) -> Result<Vec<Hash>> {
        self.read(move |view| {
            let mut unneeded = Vec::new();
            for sha256 in contents {
                if view.record(&RecordKey::content(&sha256))?.is_none() {
                    unneeded.push(sha256);
                }
            }
            Ok(unneeded)
        })
        .await
    }
}
