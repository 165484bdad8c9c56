//! Making the file. A file that was begun and not finished is no database, and redb refuses it for ever; so it is made
//! under another name and gets its own when it is whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use ::redb::backends::FileBackend;
use ::redb::{Database, StorageError};

use super::RedbOptions;
use super::open::lay_out;
use crate::store::{StoreError, StoreErrorKind};

/// Makes the file unless it is there. Whatever was left of an earlier attempt is overwritten.
pub(super) fn unless_there(path: &Path, options: &RedbOptions) -> Result<(), StoreError> {
    let io = |error: io::Error| StoreError::from(StorageError::Io(error));
    if path.try_exists().map_err(io)? {
        return Ok(());
    }
    let begun = path.with_extension("new");
    let mut private = OpenOptions::new();
    private.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut private, 0o600);
    let file = private.open(&begun).map_err(io)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Err(StoreError::new(StoreErrorKind::Locked, "it is just being made")),
        // A file system without locks: redb goes without them too.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    // Another program may have finished it while this one came to the lock.
    if path.try_exists().map_err(io)? {
        return Ok(());
    }
    file.set_len(0).map_err(io)?;
    let database = Database::builder().create_with_backend(FileBackend::new(file)?)?;
    lay_out(&database, options)?;
    database.close()?;
    fs::rename(&begun, path).map_err(io)?;
    match path.parent() {
        Some(folder) if folder != Path::new("") => File::open(folder).and_then(|folder| folder.sync_all()).map_err(io),
        _ => Ok(()),
    }
}
