//! Files that are being written, and are gone unless they are put where they belong.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::store::{AttachmentStore, Hash, failed};
use crate::clock::Entropy;
use crate::error::{Error, Result};

/// What is read and written at a time.
pub(super) const PIECE_BYTES: usize = 16 << 10;
/// After so many bytes it is looked again whether there is room.
const LOOK_EVERY: u64 = 1 << 20;

/// A file that is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Incoming {
    file: File,
    path: PathBuf,
    placed: bool,
}

/// A file that has come whole.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) content: Incoming,
    pub(crate) size: u64,
    pub(crate) sha256: Hash,
}

impl Incoming {
    pub(super) fn create(folder: &Path, entropy: &dyn Entropy) -> io::Result<Self> {
        let path = folder.join(HEXLOWER.encode(&entropy.bytes::<16>()));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self { file: options.open(&path)?, path, placed: false })
    }

    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// It lies where it belongs now, under another name.
    pub(super) fn placed(mut self) {
        self.placed = true;
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Its size and SHA-256. Blocks.
    pub(super) fn measure(mut self) -> io::Result<Received> {
        self.file.seek(SeekFrom::Start(0))?;
        let (mut size, mut hasher, mut piece) = (0, Sha256::new(), vec![0; PIECE_BYTES]);
        loop {
            match self.file.read(&mut piece)? {
                0 => return Ok(Received { content: self, size, sha256: hasher.finalize().into() }),
                read => {
                    size += read as u64;
                    hasher.update(&piece[..read]);
                }
            }
        }
    }

    pub(super) fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// A part of it: what is there from here on, and no more than this. Blocks.
    pub(super) fn part(&self, from: u64, most: u64) -> io::Result<Vec<u8>> {
        let mut file = &self.file;
        let size = self.size()?.saturating_sub(from).min(most);
        let mut part = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        file.seek(SeekFrom::Start(from))?;
        file.take(size).read_to_end(&mut part)?;
        if part.len() as u64 == size { Ok(part) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.placed
            && let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            // It goes at the next start.
            tracing::warn!(%error, "a temporary file could not be removed");
        }
    }
}

impl AttachmentStore {
    /// Writes what comes to a temporary file, counted and hashed on the way: in memory there is never more than a piece.
    pub(super) async fn receive(
        &self,
        bytes: impl AsyncRead,
        most: u64,
        keep_free: u64,
        entropy: &dyn Entropy,
    ) -> Result<Received> {
        let mut bytes = std::pin::pin!(bytes);
        let content = self.incoming(entropy)?;
        let mut file = tokio::fs::File::from_std(content.file.try_clone().map_err(failed)?);
        let (mut size, mut hasher, mut piece) = (0, Sha256::new(), vec![0; PIECE_BYTES]);
        loop {
            let read = bytes.read(&mut piece).await.map_err(|error| broke_off(&error))?;
            if read == 0 {
                break;
            }
            let before = size;
            size += read as u64;
            if size > most {
                return Err(too_large(most));
            }
            if before / LOOK_EVERY != size / LOOK_EVERY {
                self.require_space(keep_free)?;
            }
            hasher.update(&piece[..read]);
            file.write_all(&piece[..read]).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        Ok(Received { content, size, sha256: hasher.finalize().into() })
    }
}

pub(super) fn too_large(most: u64) -> Error {
    let detail = format!("A file has at most {most} bytes here.");
    Error::new(chat_proto::ErrorCode::TooLarge, detail)
}

/// Whoever sends it has stopped, or is too slow.
fn broke_off(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::TimedOut => Error::invalid("", "The file took too long to arrive."),
        // The reader itself finds something wrong, and says what.
        io::ErrorKind::InvalidInput => Error::invalid("", error.to_string()),
        _ => Error::invalid("", "The file broke off."),
    }
}
