use std::io;
use std::path::{Path, PathBuf};

use tokio::fs::{self, File, OpenOptions};

use super::Download;
use crate::Error;

impl Download {
    /// Writes all of it into the file at `path`, which is there only when it is whole: until then its bytes are in another
    /// file beside it. Tells how many bytes have come after each piece.
    ///
    /// # Errors
    /// [`Error::File`] of the kind `AlreadyExists` when there is such a file and it is not to be replaced; else as
    /// [`save`](Self::save). Nothing is left behind then.
    pub async fn save_as(self, path: &Path, replace: bool, told: impl FnMut(u64)) -> Result<(), Error> {
        if !replace && fs::symlink_metadata(path).await.is_ok() {
            return Err(Error::file(io::ErrorKind::AlreadyExists.into()));
        }
        let mut part = Part::create(path, &self.id().to_string()).await.map_err(Error::file)?;
        self.save(&mut part.file, told).await?;
        part.keep(path, replace).await.map_err(Error::file)
    }
}

/// A file that is not whole yet; gone when this is dropped.
struct Part {
    file: File,
    path: PathBuf,
}

impl Part {
    async fn create(whole: &Path, id: &str) -> io::Result<Self> {
        let path = whole.with_file_name(format!(".{id}.{}.part", std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).open(&path).await?;
        Ok(Self { file, path })
    }

    async fn keep(self, whole: &Path, replace: bool) -> io::Result<()> {
        self.file.sync_all().await?;
        if replace {
            return fs::rename(&self.path, whole).await;
        }
        // Unlike renaming, a link never takes the place of a file that came meanwhile.
        match fs::hard_link(&self.path, whole).await {
            Err(error)
                if error.kind() != io::ErrorKind::AlreadyExists && fs::symlink_metadata(whole).await.is_err() =>
            {
                // A file system without links.
                fs::rename(&self.path, whole).await
            }
            linked => linked,
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have got its name already.
        let _ = std::fs::remove_file(&self.path);
    }
}
