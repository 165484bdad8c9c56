//! What redb's errors mean to the shop.

use std::io;

use redb::{CommitError, CursorError, DatabaseError, StorageError, TableError, TransactionError};

use crate::store::{StoreError, StoreErrorKind};

fn kind(error: &redb::Error) -> StoreErrorKind {
    match error {
        redb::Error::Io(cause) if is_full(cause) => StoreErrorKind::Full,
        redb::Error::DatabaseAlreadyOpen => StoreErrorKind::Locked,
        redb::Error::Corrupted(_) | redb::Error::TableTypeMismatch { .. } => StoreErrorKind::Corrupt,
        redb::Error::UpgradeRequired(_) => StoreErrorKind::Newer,
        _ => StoreErrorKind::Unavailable,
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

macro_rules! from {
    ($($error:ty),+) => {$(
        impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                let error = redb::Error::from(error);
                Self::new(kind(&error), error)
            }
        }
    )+};
}

from!(CommitError, CursorError, DatabaseError, StorageError, TableError, TransactionError);

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        StorageError::Io(error).into()
    }
}
