//! Contents on their way to another machine, in parts: of all that are sent at once only a few parts stand in memory.

use bytes::Bytes;
use object_store::path::Path as Place;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::incoming::Incoming;
use super::store::{blocking, failed};
use crate::error::Result;

/// What is sent in one piece; S3 wants 5 MiB at the least.
const PART_BYTES: u64 = 5 << 20;
/// Parts that are in memory and on their way at once: 40 MiB.
const PARTS_AT_ONCE: usize = 8;
/// A part does not wait longer for its turn: what takes that long is as good as away.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);

/// Who may send a part now.
#[derive(Debug)]
pub(super) struct Turns(Semaphore);

impl Default for Turns {
    fn default() -> Self {
        Self(Semaphore::new(PARTS_AT_ONCE))
    }
}

impl Turns {
    async fn take(&self) -> Result<SemaphorePermit<'_>> {
        let taken = tokio::time::timeout(TURN_TIMEOUT, self.0.acquire()).await;
        taken.map_err(failed)?.map_err(failed)
    }

    /// Sends a content to its place. What fails leaves nothing there, as far as that can be asked for.
    pub(super) async fn send(&self, content: Incoming, to: &dyn ObjectStore, place: &Place) -> Result<()> {
        let content = Arc::new(content);
        let size = content.size().map_err(failed)?;
        if size <= PART_BYTES {
            let _turn = self.take().await?;
            let whole = part(&content, 0).await?;
            return to.put(place, whole.into()).await.map(drop).map_err(failed);
        }
        let mut upload = to.put_multipart(place).await.map_err(failed)?;
        let sent = match self.send_parts(&content, size, &mut *upload).await {
            Ok(()) => upload.complete().await.map(drop).map_err(failed),
            Err(error) => Err(error),
        };
        if sent.is_err()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(%error, "an upload that failed could not be taken back; the object store may keep parts of it");
        }
        sent
    }

    /// One after the other, each as large as the one before it, as some want it.
    async fn send_parts(&self, content: &Arc<Incoming>, size: u64, upload: &mut dyn MultipartUpload) -> Result<()> {
        let mut sent = 0;
        while sent < size {
            let _turn = self.take().await?;
            let part = part(content, sent).await?;
            sent += part.len() as u64;
            upload.put_part(part.into()).await.map_err(failed)?;
        }
        Ok(())
    }
}

async fn part(content: &Arc<Incoming>, from: u64) -> Result<Bytes> {
    let content = Arc::clone(content);
    blocking(move || content.part(from, PART_BYTES)).await.map(Bytes::from)
}
