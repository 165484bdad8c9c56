use std::error::Error;
use std::fmt;

/// What went wrong in the store; the cause is for the log.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What a store's error means for whoever meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The disk is full.
    Full,
    /// Reading or writing failed; the store has to be opened again.
    Unavailable,
    /// Another process has the data folder open.
    Locked,
    /// What is stored makes no sense.
    Corrupt,
    /// Written by a newer version of this program.
    Newer,
}

impl StoreError {
    /// An error of this kind; the source is for the log.
    pub fn new(kind: StoreErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    pub(crate) fn corrupt(what: &'static str) -> Self {
        Self::new(StoreErrorKind::Corrupt, what)
    }

    /// What it means.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Full => "the disk is full",
            StoreErrorKind::Unavailable => "the store cannot be read or written",
            StoreErrorKind::Locked => "another program has the data folder open",
            StoreErrorKind::Corrupt => "the store is damaged",
            StoreErrorKind::Newer => "the store was written by a newer version",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
