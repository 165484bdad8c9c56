//! What redb's errors mean to the shop.

use std::io;

use redb::{CommitError, CursorError, DatabaseError, SetDurabilityError, StorageError, TableError, TransactionError};

use crate::store::{StoreError, StoreErrorKind};

fn kind(error: &redb::Error) -> StoreErrorKind {
    match error {
        redb::Error::Io(cause) => kind_of(cause),
        redb::Error::DatabaseAlreadyOpen => StoreErrorKind::Locked,
        redb::Error::Corrupted(_) | redb::Error::TableTypeMismatch { .. } => StoreErrorKind::Corrupt,
        redb::Error::UpgradeRequired(_) => StoreErrorKind::Newer,
        _ => StoreErrorKind::Unavailable,
    }
}

pub(super) fn kind_of(error: &io::Error) -> StoreErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => StoreErrorKind::Full,
        _ => StoreErrorKind::Unavailable,
    }
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

from!(CommitError, CursorError, DatabaseError, SetDurabilityError, StorageError, TableError, TransactionError);

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        StorageError::Io(error).into()
    }
}
