//! An S3-compatible object store: AWS, Ceph, Garage, R2 and others. It needs the feature `s3`.
//!
//! Requests are signed (Signature Version 4) and written by the crate `object_store`, and carried by our own client. One is
//! tried three times, for 20 seconds, and once more takes 30 at the most: what is away for longer is `unavailable`.

mod answer;
mod options;
mod refusal;
#[cfg(test)]
mod tests;
mod transport;

use std::time::Duration;

use futures_util::StreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Place;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ObjectStore, ObjectStoreExt as _, RetryConfig};

use self::transport::Transport;
use super::store::{AttachmentStore, CONTENTS};

pub use options::{S3, S3Error};
pub(super) use refusal::{is_bucket_missing, is_full};

/// So often is a request tried again that was not answered, or with a fault of the server's own.
const RETRIES: usize = 2;
/// After this nothing is tried again.
const RETRY_FOR: Duration = Duration::from_secs(20);
const BACKOFF: BackoffConfig =
    BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(1), base: 2.0 };
/// Trying a bucket takes no longer.
const TRY_FOR: Duration = Duration::from_secs(10);
/// Written and removed to see whether that can be done.
const TRIED: &str = "tried";

impl AttachmentStore {
    /// In a bucket. Nothing is asked of it yet; see [`S3::try_out`].
    ///
    /// # Errors
    /// When the options make no sense.
    pub fn s3(options: &S3) -> Result<Self, S3Error> {
        options.open().map(Self::distant)
    }
}

impl S3 {
    /// Lists, writes and removes a little, so that what was set wrongly is seen before anybody's file is lost to it.
    ///
    /// # Errors
    /// When the bucket is not there, or refuses that; [`S3Error::Away`] when nobody answers, which may be over soon.
    pub async fn try_out(&self) -> Result<(), S3Error> {
        let objects = self.open()?;
        let trying = async {
            let place = Place::from(TRIED);
            objects.list(Some(&Place::from(CONTENTS))).next().await.transpose()?;
            objects.put(&place, "This can be written.".into()).await?;
            objects.delete(&place).await
        };
        match tokio::time::timeout(TRY_FOR, trying).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(refusal::of(&error, self)),
            Err(_) => Err(S3Error::Away { why: "no answer in time".to_owned() }),
        }
    }

    fn open(&self) -> Result<impl ObjectStore + use<>, S3Error> {
        let prefix = self.checked()?;
        let transport = Transport::new(self.trusted.as_deref())?;
        let mut builder = AmazonS3Builder::new()
            .with_http_connector(transport)
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_access_key_id(&self.access_key)
            .with_secret_access_key(self.secret_key.as_str())
            // Not every store knows how to remove several at once.
            .with_disable_bulk_delete(true)
            .with_allow_http(true)
            .with_retry(RetryConfig { backoff: BACKOFF, max_retries: RETRIES, retry_timeout: RETRY_FOR });
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        let objects = builder.build().map_err(|error| S3Error::Unusable(error.to_string()))?;
        Ok(PrefixStore::new(objects, prefix))
    }
}
