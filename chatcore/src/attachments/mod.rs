//! Files that people send with messages: kept, checked, and shown to nobody but those who see the message. And pictures of
//! people, which come the same way and lie in the same place.

mod avatar;
mod claim;
mod distant;
mod download;
pub(crate) mod imported;
mod incoming;
pub mod kind;
mod limits;
mod link;
mod name;
pub mod picture;
#[cfg(feature = "s3")]
pub mod s3;
mod seats;
mod store;
pub(crate) mod sweep;
mod unfit;
mod upload;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chat_proto::ErrorCode;
use tokio::sync::{Notify, RwLock};
use tokio::time::timeout;

use self::picture::{Bounds, Darkroom, Memory};
use self::seats::Seats;
use crate::cursor::Seal;
use crate::error::Result;

pub use avatar::{AVATAR_BYTES, NewAvatar};
pub use download::{StoredContent, StoredFile};
pub use limits::{Accepted, AttachmentLimits, KNOWN_KINDS};
pub use link::FileLink;
pub use store::{AttachmentStore, FileBytes, Space};
pub use unfit::Unfit;
pub use upload::Upload;

/// What pictures may take together while they are decoded; the next one waits.
const PICTURES_BYTES: u64 = 48 << 20;

/// What the engine holds for attachments.
#[derive(Debug)]
pub(crate) struct Attachments {
    store: AttachmentStore,
    /// Shared by those who keep files, held alone by who takes contents out; see [`sweep`].
    removing: RwLock<()>,
    /// There may be contents: else nothing has to be looked for.
    used: AtomicBool,
    /// Rung by the writer when contents may have become unneeded.
    pub(crate) freed: Arc<Notify>,
    seats: Seats,
    bounds: Bounds,
    memory: Memory,
    darkroom: Darkroom,
    links: Seal,
}

/// Whether the store is another server's is waited for no longer at the start.
const ASKED_FOR: Duration = Duration::from_secs(10);

impl Attachments {
    /// Refused, with `conflict`, where another server keeps its attachments. A store that is away is asked when it is needed.
    pub(crate) async fn require_ours_at_start(&self) -> Result<()> {
        if self.store.is_private() {
            return Ok(());
        }
        match timeout(ASKED_FOR, self.store.require_ours()).await {
            Ok(Err(error)) if error.code() == ErrorCode::Conflict => Err(error),
            _ => Ok(()),
        }
    }

    pub(crate) fn new(store: AttachmentStore, freed: Arc<Notify>, link_key: &[u8; 32]) -> Self {
        Self {
            used: AtomicBool::new(!store.begins_empty),
            store,
            removing: RwLock::new(()),
            freed,
            seats: Seats::default(),
            bounds: Bounds::default(),
            memory: Memory::new(PICTURES_BYTES),
            darkroom: Darkroom::default(),
            links: Seal::new(link_key),
        }
    }
}
