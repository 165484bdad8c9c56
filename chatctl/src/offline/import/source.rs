//! Where a dump lies: which file holds which collection, and how it is read.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::mapping::Collection;
use crate::exit::{Exit, Failure};

/// A file with the records of one collection.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) collection: Collection,
    pub(super) path: PathBuf,
    /// How reports name it.
    pub(super) name: String,
    pub(super) format: Format,
    pub(super) packed: bool,
    pub(super) bytes: u64,
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Bson,
    Json,
}

/// The folders of a server that hold no shop.
const OF_THE_SERVER: [&str; 3] = ["admin", "config", "local"];
/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 10_000;
/// So much more than it takes when packed may come out of a file, beyond the first [`UNPACKED`]; chats pack to a tenth or so.
const MOST_TIMES: u64 = 250;
const UNPACKED: u64 = 64 << 20;
const BUFFER: usize = 256 << 10;

/// The files of a dump: in this folder, or in the only one in it that has any.
pub(super) fn find(dump: &Path) -> Result<Vec<Source>, Failure> {
    let at = dump.display();
    let listed = std::fs::metadata(dump);
    let listed = listed.map_err(|error| Failure::says(format!("{at} cannot be read: {error}."), Exit::NotFound))?;
    if !listed.is_dir() {
        let says = format!("{at} is a file: give the folder that mongodump --out wrote (an archive is none).");
        return Err(Failure::usage(says));
    }
    let (files, folders) = entries(dump)?;
    let found = sources(dump, &files)?;
    if !found.is_empty() {
        return complete(dump, found);
    }
    let mut databases = Vec::new();
    for folder in folders.iter().filter(|name| !OF_THE_SERVER.contains(&name.as_str())) {
        let folder = dump.join(folder);
        let found = sources(&folder, &entries(&folder)?.0)?;
        if !found.is_empty() {
            databases.push((folder, found));
        }
    }
    match databases.len() {
        0 => Err(Failure::says(
            format!("There is no dump in {at}: no users, conversations and messages, as .bson or .json."),
            Exit::NotFound,
        )),
        1 => {
            let (folder, found) = databases.remove(0);
            complete(&folder, found)
        }
        _ => {
            let names: Vec<_> = databases.iter().map(|(folder, _)| folder.display().to_string()).collect();
            Err(Failure::usage(format!("There are several databases: {}. Give the folder of one.", names.join(", "))))
        }
    }
}

/// The names of files and of folders in a folder, sorted. Links are followed nowhere: they may lead out of the dump.
fn entries(folder: &Path) -> Result<(Vec<String>, Vec<String>), Failure> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder)?.take(MOST_ENTRIES) {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type()?;
        if kind.is_file() {
            files.push(name);
        } else if kind.is_dir() {
            folders.push(name);
        }
    }
    files.sort_unstable();
    folders.sort_unstable();
    Ok((files, folders))
}

fn sources(folder: &Path, files: &[String]) -> Result<Vec<Source>, Failure> {
    let mut found: Vec<Source> = Vec::new();
    for name in files {
        let Some((collection, format)) = holds(name) else { continue };
        let path = folder.join(name);
        if let Some(other) = found.iter().find(|source| source.collection == collection) {
            let says = format!("{} and {} hold the same: keep one of them in the folder.", other.path.display(), name);
            return Err(Failure::usage(says));
        }
        let mut begin = [0; 2];
        let mut file = File::open(&path)?;
        let packed = file.read_exact(&mut begin).is_ok() && begin == [0x1f, 0x8b];
        let bytes = file.metadata()?.len();
        found.push(Source { collection, path, name: name.clone(), format, packed, bytes });
    }
    Ok(found)
}

/// What a file of this name holds.
fn holds(name: &str) -> Option<(Collection, Format)> {
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    let (stem, ending) = plain.rsplit_once('.')?;
    let format = match ending {
        "bson" => Format::Bson,
        "json" | "jsonl" | "ndjson" => Format::Json,
        _ => return None,
    };
    let stem = stem.to_lowercase();
    let collection = Collection::ALL.into_iter().find(|one| one.names().contains(&stem.as_str()))?;
    Some((collection, format))
}

fn complete(folder: &Path, found: Vec<Source>) -> Result<Vec<Source>, Failure> {
    if found.iter().all(|source| source.collection != Collection::Users) {
        let says = format!("There are no users in {}: without them nobody could read anything.", folder.display());
        return Err(Failure::says(says, Exit::NotFound));
    }
    Ok(found)
}

impl Source {
    /// Opens it, from its beginning. `read` counts the bytes that were read of the file.
    pub(super) fn open(&self, read: &Arc<AtomicU64>) -> io::Result<Reread> {
        let file = Counted { file: File::open(&self.path)?, read: Arc::clone(read) };
        let content: Box<dyn Read> = if self.packed {
            let most = UNPACKED.saturating_add(self.bytes.saturating_mul(MOST_TIMES));
            let unpacked = MultiGzDecoder::new(BufReader::with_capacity(BUFFER, file));
            Box::new(Bounded { inner: unpacked, left: most })
        } else {
            Box::new(file)
        };
        Ok(BufReader::with_capacity(BUFFER, content))
    }

    /// The file itself, for records that are read again by their places. One that is packed is unpacked into this folder
    /// before, into a file that has no name and is gone with the program; where it is damaged, that ends with an error.
    pub(super) fn spool(&self, folder: &Path, read: &Arc<AtomicU64>) -> io::Result<(File, Reread)> {
        if !self.packed {
            let file = File::open(&self.path)?;
            let counted = Counted { file: file.try_clone()?, read: Arc::clone(read) };
            return Ok((file, BufReader::with_capacity(BUFFER, Box::new(counted))));
        }
        let mut file = tempfile::tempfile_in(folder)?;
        let mut content = self.open(read)?;
        let mut damage = None;
        loop {
            let chunk = match content.fill_buf() {
                Ok([]) => break,
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    damage = Some(error);
                    break;
                }
            };
            file.write_all(chunk)?;
            let count = chunk.len();
            content.consume(count);
        }
        file.seek(SeekFrom::Start(0))?;
        let unpacked = Damaged { inner: file.try_clone()?, damage };
        Ok((file, BufReader::with_capacity(BUFFER, Box::new(unpacked))))
    }
}

/// A file from its beginning.
pub(super) type Reread = BufReader<Box<dyn Read>>;

/// What could be unpacked, and then why there is no more.
struct Damaged {
    inner: File,
    damage: Option<io::Error>,
}

impl Read for Damaged {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer)? {
            0 => self.damage.take().map_or(Ok(0), Err),
            count => Ok(count),
        }
    }
}

struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Ends with an error when more comes than there should be.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            io::Error::other(format!("it unpacks to more than {MOST_TIMES} times its size, as no chat does"))
        })?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_a_file_holds() {
        assert_eq!(holds("users.bson"), Some((Collection::Users, Format::Bson)));
        assert_eq!(holds("Conversations.bson.gz"), Some((Collection::Conversations, Format::Bson)));
        assert_eq!(holds("messages.json"), Some((Collection::Messages, Format::Json)));
        for other in
            ["users.metadata.json", "users.metadata.json.gz", "prelude.json", "users", "users.csv", "posts.bson"]
        {
            assert_eq!(holds(other), None, "{other}");
        }
    }
}
