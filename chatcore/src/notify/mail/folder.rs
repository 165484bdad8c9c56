//! Mails as files.

use std::io;
use std::path::{Path, PathBuf};

use super::{Composed, Undelivered};
use crate::keys::{make_private_folder, write_private};

/// A folder that mails are put into.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Puts a mail there, whole or not at all. The same one again takes its own place.
    pub(super) async fn put(&self, mail: &Composed) -> Result<(), Undelivered> {
        let (folder, name, bytes) = (self.0.clone(), mail.name.clone(), mail.bytes.clone());
        let written = tokio::task::spawn_blocking(move || write(&folder, &name, &bytes)).await;
        let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
        written.map_err(|error| Undelivered::Down(format!("the folder for mails cannot be written to: {error}")))
    }
}

/// Who may read mails may come in by the links in them: nobody but their owner.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    make_private_folder(folder)?;
    write_private(folder, &format!("{name}.eml"), bytes)
}
