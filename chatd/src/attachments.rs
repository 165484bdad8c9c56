//! Where attachments lie, as the configuration says it.

use crate::config::Config;
use crate::mail::Unusable;

#[cfg(feature = "s3")]
pub(crate) use self::in_bucket::{bucket, store};

#[cfg(feature = "s3")]
mod in_bucket {
    use std::fs;
    use std::path::Path;

    use chatcore::AttachmentStore;
    use chatcore::attachments::s3::{S3, S3Error};

    use super::{Config, Unusable};

    /// The bucket; asks nobody. `None`: they lie in the data folder.
    pub(crate) fn bucket(config: &Config) -> Result<Option<S3>, Unusable> {
        let (address, s3) = (&config.attachments.store, &config.attachments.s3);
        if address.is_empty() {
            return Ok(None);
        }
        let mut bucket = S3::parse(address)?
            .region(&s3.region)
            .credentials(&s3.access_key, s3.secret_key.expose())
            .allow_http(s3.allow_http);
        if !s3.endpoint.is_empty() {
            bucket = bucket.endpoint(&s3.endpoint);
        }
        if !s3.ca_file.as_os_str().is_empty() {
            let pem = fs::read(&s3.ca_file).map_err(|cause| {
                let why = format!("{}: {cause}", s3.ca_file.display());
                Unusable { key: "attachments.s3.ca_file", why }
            })?;
            bucket = bucket.trust(pem);
        }
        AttachmentStore::s3(&bucket)?;
        Ok(Some(bucket))
    }

    /// What is in it, once it is known to be usable. One that is away may come back; messages do not wait for it.
    pub(crate) async fn store(bucket: &S3, config: &Config) -> Result<AttachmentStore, Unusable> {
        match bucket.try_out().await {
            Ok(()) => {}
            Err(away @ S3Error::Away { .. }) => {
                tracing::warn!("{away}; until it is there, files are neither taken nor shown");
            }
            Err(refused) => return Err(refused.into()),
        }
        let folder = config.data_dir.join("attachments/contents");
        if holds_something(&folder) {
            tracing::warn!(
                folder = %folder.display(),
                "files of before lie in the data folder; copy them into the bucket, or they are missing: docs/attachments.md"
            );
        }
        Ok(AttachmentStore::s3(bucket)?)
    }

    fn holds_something(folder: &Path) -> bool {
        fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
    }

    impl From<S3Error> for Unusable {
        fn from(error: S3Error) -> Self {
            let key = match &error {
                S3Error::Endpoint { .. } | S3Error::InTheClear { .. } | S3Error::Away { .. } => {
                    "attachments.s3.endpoint"
                }
                S3Error::Credentials { .. } | S3Error::Denied { .. } => "attachments.s3.access_key",
                S3Error::Certificates(_) => "attachments.s3.ca_file",
                S3Error::Region { .. } => "attachments.s3.region",
                // The bucket, and what is needed for one.
                _ => "attachments.store",
            };
            let why = match &error {
                S3Error::NoCredentials => {
                    format!("{error}: `attachments.s3.access_key` and `attachments.s3.secret_key`")
                }
                S3Error::InTheClear { .. } => format!("{error} by `attachments.s3.allow_http`"),
                _ => error.to_string(),
            };
            Self { key, why }
        }
    }
}

/// Without the feature there is none.
#[cfg(not(feature = "s3"))]
pub(crate) fn bucket(config: &Config) -> Result<Option<std::convert::Infallible>, Unusable> {
    if config.attachments.store.is_empty() {
        return Ok(None);
    }
    let why = "this program was built without the feature `s3`; leave it empty, or use one that has it".to_owned();
    Err(Unusable { key: "attachments.store", why })
}

/// There is none.
#[cfg(not(feature = "s3"))]
pub(crate) async fn store(
    bucket: &std::convert::Infallible,
    _: &Config,
) -> Result<chatcore::AttachmentStore, Unusable> {
    match *bucket {}
}
