use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use chat_proto::ErrorCode;

use crate::state::{Current, Field, Refusal, Stop};
use crate::store::{StoreError, StoreErrorKind};

/// Why something was not done. One pointer wide; nothing was changed.
pub struct Error(Box<Inner>);

/// The result of everything that can be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

struct Inner {
    code: ErrorCode,
    detail: Cow<'static, str>,
    fields: Vec<Field>,
    current: Option<Current>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Refusal::new(code, detail).into()
    }

    pub(crate) fn invalid(pointer: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Refusal::invalid(pointer, detail).into()
    }

    /// A command was answered with another kind of outcome: a fault of the engine.
    pub(crate) fn unexpected() -> Self {
        Self::new(ErrorCode::Internal, "The engine answered something unexpected.")
    }

    pub(crate) fn retry_in(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The stable word for it, the same as on the wire.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// What went wrong, for a person; safe to show.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Which values are at fault.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.0.fields
    }

    /// With `newer_messages` and `version_mismatch`: what it is now.
    #[must_use]
    pub fn current(&self) -> Option<Current> {
        self.0.current
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.code.is_retryable()
    }

    /// How long to wait before.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.0.code)
            .field("detail", &self.0.detail)
            .field("fields", &self.0.fields)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, detail, fields, current, retry_after } = refusal;
        Self(Box::new(Inner { code, detail, fields, current, retry_after, source: None }))
    }
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused(refusal) => refusal.into(),
            Stop::Store(error) => error.into(),
        }
    }
}

impl Error {
    /// The same while the disk is full: when the store cannot be read or written, that is why.
    pub(crate) fn on_full_disk(self) -> Self {
        if self.code() == ErrorCode::ReadOnly { StoreError::new(StoreErrorKind::Full, self).into() } else { self }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let stored = match error.kind() {
            StoreErrorKind::Full => Self::new(ErrorCode::StorageFull, "The disk is full; nothing can be stored."),
            StoreErrorKind::Unavailable => Self::new(ErrorCode::ReadOnly, "Nothing can be stored right now."),
            StoreErrorKind::Locked => {
                Self::new(ErrorCode::Unavailable, "Another program has the data folder open; stop it first.")
            }
            StoreErrorKind::Newer => {
                Self::new(ErrorCode::Unavailable, "The data was written by a newer version; use that one.")
            }
            StoreErrorKind::Corrupt => Self::new(
                ErrorCode::Internal,
                "What is stored is damaged: a file of the data folder is not what was written. Bring back a backup of the folder.",
            ),
        };
        stored.retry_in(RETRY_STORE).caused_by(error)
    }
}

/// The store tries to open itself again at least this often.
const RETRY_STORE: Duration = Duration::from_secs(5);
