//! Making the file. A file that was begun and not finished is no database, and redb refuses it for ever; so it is made
//! under another name and gets its own when it is whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use ::redb::Database;
use ::redb::backends::FileBackend;

use super::open::lay_out;
use super::{RedbOptions, StoreFile};
use crate::store::{StoreError, StoreErrorKind};

/// Makes the file unless it is there. Whatever was left of an earlier attempt is overwritten.
pub(super) fn unless_there(path: &Path, options: &RedbOptions) -> Result<(), StoreError> {
    if path.try_exists()? {
        return Ok(());
    }
    let begun = path.with_extension("new");
    let file = private().create(true).truncate(false).open(&begun)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Err(StoreError::new(StoreErrorKind::Locked, "it is just being made")),
        // A file system without locks: redb goes without them too.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    // Another program may have finished it while this one came to the lock.
    if path.try_exists()? {
        return Ok(());
    }
    file.set_len(0)?;
    let database = Database::builder().create_with_backend(FileBackend::new(file)?)?;
    lay_out(&database, options)?;
    database.close()?;
    for wal in [StoreFile::FirstWal, StoreFile::SecondWal] {
        private().create(true).truncate(true).open(wal.beside(path))?;
    }
    fs::rename(&begun, path)?;
    match path.parent() {
        Some(folder) if folder != Path::new("") => Ok(File::open(folder)?.sync_all()?),
        _ => Ok(()),
    }
}

/// Opens one of the files.
pub(super) fn open_file(path: &Path, file: StoreFile) -> Result<FileBackend, StoreError> {
    let path = file.beside(path);
    let file = private().open(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let says =
                format!("{} is missing; it belongs to the data file and may hold what came last", path.display());
            StoreError::new(StoreErrorKind::Corrupt, says)
        }
        _ => error.into(),
    })?;
    Ok(FileBackend::new(file)?)
}

/// Read and written by its owner alone.
fn private() -> OpenOptions {
    let mut private = OpenOptions::new();
    private.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut private, 0o600);
    private
}
