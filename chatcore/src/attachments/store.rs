//! Where the contents of files lie: each once, under its SHA-256.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chat_proto::ErrorCode;
use data_encoding::HEXLOWER;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as Place;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::claim::Claim;
use super::distant::Turns;
use super::incoming::Incoming;
use crate::clock::Entropy;
use crate::error::{Error, Result};
use crate::keys::make_private_folder;

/// The folder of attachments in a data folder.
const FOLDER: &str = "attachments";
/// What is being uploaded lies here, in the same file system as what has been.
const INCOMING: &str = "incoming";
/// What has been uploaded.
pub(super) const CONTENTS: &str = "contents";
/// Whoever finds the store away comes back after this.
const COME_BACK_IN: Duration = Duration::from_secs(5);

/// SHA-256 of a content.
pub(crate) type Hash = [u8; 32];

/// Where the contents of attachments are kept. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AttachmentStore {
    objects: Arc<dyn ObjectStore>,
    /// Where what is being uploaded is written to.
    incoming: PathBuf,
    /// The folder of the objects, where they lie on this machine.
    folder: Option<PathBuf>,
    turns: Arc<Turns>,
    claim: Arc<Claim>,
    space: Arc<dyn Space>,
    /// Nobody can have left anything in it.
    pub(super) begins_empty: bool,
}

/// How much room there is.
pub trait Space: std::fmt::Debug + Send + Sync + 'static {
    /// Bytes that can still be written into this folder; `None`: nobody knows.
    fn free(&self, folder: &Path) -> io::Result<Option<u64>>;
}

/// What the file system says.
#[derive(Debug)]
struct FileSystem;

impl Space for FileSystem {
    #[cfg(target_os = "linux")]
    fn free(&self, folder: &Path) -> io::Result<Option<u64>> {
        let found = rustix::fs::statvfs(folder)?;
        Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
    }

    #[cfg(not(target_os = "linux"))]
    fn free(&self, _: &Path) -> io::Result<Option<u64>> {
        Ok(None)
    }
}

impl AttachmentStore {
    /// In this folder, which is made when it is missing, readable by its owner alone. What an earlier process left half
    /// written in it goes.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn folder(folder: impl AsRef<Path>) -> io::Result<Self> {
        let folder = folder.as_ref();
        let (incoming, contents) = (folder.join(INCOMING), folder.join(CONTENTS));
        for folder in [folder, &contents] {
            make_private_folder(folder)?;
        }
        make_empty(&incoming)?;
        sync_folder(folder)?;
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
        let objects = LocalFileSystem::new_with_prefix(folder).map_err(io::Error::other)?.with_fsync(true);
        let objects = Arc::new(objects);
        Ok(Self {
            objects,
            incoming,
            folder: Some(folder.to_owned()),
            turns: Arc::default(),
            claim: Arc::default(),
            space: Arc::new(FileSystem),
            begins_empty: false,
        })
    }

    /// The same, at its usual place in a data folder.
    pub(crate) fn of_data_folder(folder: &Path) -> io::Result<Self> {
        Self::folder(folder.join(FOLDER))
    }

    /// On another machine.
    #[cfg(feature = "s3")]
    pub(super) fn distant(objects: impl ObjectStore) -> Self {
        Self::objects(Arc::new(objects))
    }

    /// In memory, gone when dropped.
    #[must_use]
    pub fn memory() -> Self {
        Self { begins_empty: true, ..Self::objects(Arc::new(InMemory::new())) }
    }

    /// In an object store of the caller's, below its root. What is being uploaded is written to this machine first: into the
    /// data folder, and where there is none into the folder for temporary files.
    #[must_use]
    pub fn objects(objects: Arc<dyn ObjectStore>) -> Self {
        let incoming = std::env::temp_dir();
        let space = Arc::new(FileSystem);
        let (turns, claim) = (Arc::default(), Arc::default());
        Self { objects, incoming, folder: None, turns, claim, space, begins_empty: false }
    }

    /// The same, with a data folder for what is being uploaded and for the mark of this server. What an earlier process left
    /// half written in it goes.
    pub(crate) fn beside_data_folder(mut self, folder: &Path, entropy: &dyn Entropy) -> io::Result<Self> {
        if self.folder.is_none() {
            let folder = folder.join(FOLDER);
            self.incoming = folder.join(INCOMING);
            make_private_folder(&folder)?;
            make_empty(&self.incoming)?;
            self.claim = Arc::new(Claim::of_folder(&folder, entropy)?);
        }
        Ok(self)
    }

    /// Nobody else can reach it: a folder beside a locked database, or memory.
    pub(super) fn is_private(&self) -> bool {
        self.folder.is_some() || self.begins_empty
    }

    /// Refused, with `conflict`, where another server keeps its attachments.
    pub(crate) async fn require_ours(&self) -> Result<()> {
        if self.is_private() { Ok(()) } else { self.claim.require(&*self.objects).await }
    }

    /// Asks something else how much room there is. For tests.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn with_space(mut self, space: Arc<dyn Space>) -> Self {
        self.space = space;
        self
    }

    /// Refuses while so much would not be left.
    pub(crate) fn require_space(&self, keep_free: u64) -> Result<()> {
        match self.space.free(&self.incoming) {
            Ok(Some(free)) if free < keep_free => Err(full()),
            // Where nobody knows, writing will tell.
            Ok(_) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// An empty file to write to, gone when dropped.
    pub(crate) fn incoming(&self, entropy: &dyn Entropy) -> Result<Incoming> {
        Incoming::create(&self.incoming, entropy).map_err(failed)
    }

    /// Puts a content where it belongs. When this returns it is there after a power cut too.
    pub(crate) async fn place(&self, content: Incoming, sha256: &Hash) -> Result<()> {
        let place = place_of(sha256);
        let Some(folder) = self.folder.clone() else {
            self.require_ours().await.map_err(|error| match error.code() {
                ErrorCode::Conflict => failed(error),
                _ => error,
            })?;
            return self.turns.send(content, &*self.objects, &place).await;
        };
        let from = Place::from(format!("{INCOMING}/{}", content.name()));
        let content = blocking(move || content.sync().map(|()| content)).await?;
        self.objects.rename(&from, &place).await.map_err(failed)?;
        content.placed();
        // The folders above may have been made by a process that was killed before it made sure of them.
        let parent = folder.join(place.as_ref());
        blocking(move || {
            let mut above = parent.ancestors().skip(1).take_while(|above| above.starts_with(&folder));
            above.try_for_each(sync_folder)
        })
        .await
    }

    /// Reads a part of a content.
    pub(crate) async fn read(&self, sha256: &Hash, range: Range<u64>) -> Result<FileBytes> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        match self.objects.get_opts(&place_of(sha256), options).await {
            Ok(found) => Ok(FileBytes(found.into_stream())),
            #[cfg(feature = "s3")]
            Err(error) if super::s3::is_bucket_missing(&error) => Err(failed(error)),
            Err(error @ object_store::Error::NotFound { .. }) => {
                Err(Error::new(ErrorCode::Internal, "The content of this attachment is missing.").caused_by(error))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Takes a content out; it need not be there.
    pub(crate) async fn remove(&self, sha256: &Hash) -> Result<()> {
        match self.objects.delete(&place_of(sha256)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// All contents that lie here, in no order, a few at a time in memory.
    pub(crate) fn all(&self) -> impl Stream<Item = Result<Hash>> + Send + 'static {
        let hash = |found: object_store::Result<ObjectMeta>| async {
            match found {
                // What has another name is none of ours.
                Ok(object) => hash_of(&object.location).map(Ok),
                Err(error) => Some(Err(failed(error))),
            }
        };
        self.objects.list(Some(&Place::from(CONTENTS))).filter_map(hash)
    }
}

/// `contents/ab/cd/<hash>`: few files in each folder, also when there are a million.
fn place_of(sha256: &Hash) -> Place {
    let name = HEXLOWER.encode(sha256);
    Place::from(format!("{CONTENTS}/{}/{}/{name}", &name[..2], &name[2..4]))
}

fn hash_of(place: &Place) -> Option<Hash> {
    HEXLOWER.decode(place.filename()?.as_bytes()).ok()?.try_into().ok()
}

/// The bytes of a file, or of a part of it, as they are read.
pub struct FileBytes(BoxStream<'static, object_store::Result<Bytes>>);

impl Stream for FileBytes {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context).map(|piece| piece.map(|piece| piece.map_err(failed)))
    }
}

impl FileBytes {
    /// The next piece; `None`: that was all.
    pub async fn piece(&mut self) -> Option<Result<Bytes>> {
        self.next().await
    }

    /// All of it in memory. It is as large as the range that was asked for.
    pub async fn all(mut self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(piece) = self.next().await {
            all.extend_from_slice(&piece?);
        }
        Ok(all)
    }
}

impl std::fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileBytes")
    }
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::new(ErrorCode::Internal, "Writing was broken off.").caused_by(error))?.map_err(failed)
}

/// Writing or reading a content failed.
pub(crate) fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let error = error.into();
    #[cfg(feature = "s3")]
    if super::s3::is_full(&*error) {
        return full().caused_by(error);
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&*error);
    while let Some(looked_at) = cause {
        if looked_at.downcast_ref::<io::Error>().is_some_and(is_full) {
            return full().caused_by(error);
        }
        cause = looked_at.source();
    }
    let away = Error::new(ErrorCode::Unavailable, "Attachments cannot be kept or read right now.");
    away.retry_in(COME_BACK_IN).caused_by(error)
}

/// Whether there is no room: on the disk, in the quota of the user, or below the largest size of a file.
pub(super) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

fn full() -> Error {
    Error::new(ErrorCode::StorageFull, "There is no room for attachments now.")
}

/// Makes a folder, or takes out what an earlier process left in it.
fn make_empty(folder: &Path) -> io::Result<()> {
    make_private_folder(folder)?;
    for left in std::fs::read_dir(folder)? {
        std::fs::remove_file(left?.path())?;
    }
    Ok(())
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}
