use std::fmt;
use std::net::IpAddr;

use http::Uri;
use object_store::path::Path as Place;
use zeroize::Zeroizing;

/// A bucket, and how it is reached.
#[derive(Clone)]
pub struct S3 {
    pub(super) bucket: String,
    pub(super) prefix: String,
    pub(super) endpoint: Option<String>,
    pub(super) region: String,
    pub(super) access_key: String,
    pub(super) secret_key: Zeroizing<String>,
    pub(super) allow_http: bool,
    pub(super) trusted: Option<Vec<u8>>,
}

/// Why attachments cannot be kept in a bucket as it is asked for. Every text says what is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum S3Error {
    /// The address of the bucket is written wrongly.
    #[error("`{text}` is no bucket such as s3://bucket or s3://bucket/prefix: {why}")]
    Address {
        /// As written.
        text: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The address of the server is written wrongly.
    #[error("`{text}` is no address of an object store such as https://s3.shop.example: {why}")]
    Endpoint {
        /// As written.
        text: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Files would go over the network in the clear.
    #[error("what people send could be read on its way to `{endpoint}`; make it https, or say that this may be")]
    InTheClear {
        /// As written.
        endpoint: String,
    },
    /// One of name and secret is missing, or both.
    #[error("the object store is asked with an access key and its secret key; both have to be set")]
    NoCredentials,
    /// The certificates that are to be trusted cannot be used.
    #[error("the certificates to trust cannot be used: {0}")]
    Certificates(String),
    /// The crate `object_store`, or TLS, does not take the options.
    #[error("the object store cannot be used: {0}")]
    Unusable(String),
    /// There is no such bucket.
    #[error("there is no bucket `{bucket}` there; make it, or name the one that there is")]
    NoBucket {
        /// Its name.
        bucket: String,
    },
    /// The keys are not taken.
    #[error("the object store does not take the access key and its secret key ({code})")]
    Credentials {
        /// The object store's word for it.
        code: String,
    },
    /// The keys are good, but not for this.
    #[error(
        "the access key may not do in the bucket `{bucket}` what is needed ({code}): \
         GetObject, PutObject, DeleteObject, ListBucket, AbortMultipartUpload"
    )]
    Denied {
        /// Its name.
        bucket: String,
        /// The object store's word for it.
        code: String,
    },
    /// The bucket is somewhere else.
    #[error("the bucket is not in the region `{region}` ({code})")]
    Region {
        /// The one that was asked for.
        region: String,
        /// The object store's word for it.
        code: String,
    },
    /// Signatures are good for minutes only.
    #[error("the clock of this machine and that of the object store are too far apart")]
    Clock,
    /// Nobody answers, or with a fault of its own: that may be over soon.
    #[error("the object store cannot be reached: {why}")]
    Away {
        /// What is known of it.
        why: String,
    },
}

impl S3 {
    /// A bucket by its address, `s3://bucket` or `s3://bucket/prefix`. All that is kept has the prefix; no two servers may
    /// have the same one in a bucket, since each removes what it does not know.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(address: &str) -> Result<Self, S3Error> {
        let refuse = |why| S3Error::Address { text: address.to_owned(), why };
        let rest = address.strip_prefix("s3://").ok_or_else(|| refuse("it begins with s3://"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let named = |bytes: &str, most| {
            (1..=most).contains(&bytes.len()) && bytes.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        };
        if bucket.len() < 3 || !named(bucket, 255) {
            return Err(refuse("the name of a bucket has 3 letters at the least, digits, and - . _"));
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if !prefix.is_empty() && !prefix.split('/').all(|part| named(part, 100) && part != "." && part != "..") {
            return Err(refuse("the prefix consists of letters, digits, and - . _ between slashes"));
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: None,
            region: "us-east-1".to_owned(),
            access_key: String::new(),
            secret_key: Zeroizing::default(),
            allow_http: false,
            trusted: None,
        })
    }

    /// Where the object store is, such as `https://s3.shop.example`. Default: AWS, in the region.
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// The region of the bucket. Default: `us-east-1`, which those take that know no regions.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// By which keys it is asked. There is no default.
    #[must_use]
    pub fn credentials(mut self, access_key: &str, secret_key: &str) -> Self {
        access_key.clone_into(&mut self.access_key);
        self.secret_key = Zeroizing::new(secret_key.to_owned());
        self
    }

    /// Whether files may go in the clear to an endpoint that is not on this machine. Default: they may not.
    #[must_use]
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.allow_http = allow;
        self
    }

    /// Certificates (PEM) by which the object store may prove itself too. Default: none but the public ones.
    #[must_use]
    pub fn trust(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trusted = Some(pem.into());
        self
    }

    /// What can be seen without asking anybody; gives the prefix.
    pub(super) fn checked(&self) -> Result<Place, S3Error> {
        if let Some(endpoint) = &self.endpoint {
            self.check_endpoint(endpoint)?;
        }
        if self.access_key.is_empty() || self.secret_key.is_empty() {
            return Err(S3Error::NoCredentials);
        }
        Ok(Place::from(self.prefix.as_str()))
    }

    fn check_endpoint(&self, endpoint: &str) -> Result<(), S3Error> {
        // What stands before an `@` may be a password.
        let shown = || endpoint.rsplit_once('@').map_or(endpoint, |(_, host)| host).to_owned();
        let refuse = |why| S3Error::Endpoint { text: shown(), why };
        let uri: Uri = endpoint.parse().map_err(|_| refuse("it is no address"))?;
        let host = uri.host().ok_or_else(|| refuse("it begins with https:// and a host"))?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(refuse("the keys do not stand in it"));
        }
        if uri.query().is_some() {
            return Err(refuse("it has no part behind a ?"));
        }
        match uri.scheme_str() {
            Some("https") => Ok(()),
            Some("http") if self.allow_http || is_this_machine(host) => Ok(()),
            Some("http") => Err(S3Error::InTheClear { endpoint: shown() }),
            _ => Err(refuse("it begins with https://")),
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    let digits = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || digits.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}
