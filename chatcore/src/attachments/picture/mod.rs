//! Pictures: measured before they are decoded, cleaned of everything that is not the picture, made smaller.
//!
//! ```text
//! let size = Size::read(&mut source, format, &bounds)?;   // reads the head only
//! let room = memory.reserve(&size).await;                 // waits for others
//! spawn_blocking(move || clean(&size, room, &mut source, &mut cleaned, &mut thumbnail))
//! ```

use std::fs::File;
use std::io::{Read, Seek};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Unfit;

/// How a picture is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// PNG, animated ones too.
    Png,
    /// JPEG, baseline or progressive.
    Jpeg,
    /// GIF, animated or not.
    Gif,
    /// WebP, animated or not.
    Webp,
}

impl Format {
    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }
}

/// What is the most.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Pixels of one picture.
    pub pixels: u64,
    /// Pixels of its longer side.
    pub side: u32,
    /// Bytes of memory that one picture may need while it is decoded; one that needs more is refused.
    pub memory: u64,
    /// Pixels of the longer side of a thumbnail.
    pub thumbnail: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { pixels: 40_000_000, side: 16_384, memory: 256 << 20, thumbnail: 320 }
    }
}

/// How large a picture is, as its head says, and what decoding it will take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Its format.
    pub format: Format,
    /// Pixels from left to right, as stored.
    pub width: u32,
    /// Pixels from top to bottom, as stored.
    pub height: u32,
    /// Bytes of memory that cleaning it takes at most.
    pub memory: u64,
}

impl Size {
    /// Reads the head of a picture. Whatever it says costs nothing: no pixel is decoded.
    pub fn read(source: &mut (impl Read + Seek), format: Format, bounds: &Bounds) -> Result<Self, Unfit> {
        let _ = (source, format, bounds);
        Err(Unfit::Damaged("Not yet."))
    }
}

/// The memory that all pictures together may take while they are decoded.
#[derive(Clone, Debug)]
pub struct Memory {
    pages: Arc<Semaphore>,
    all: u32,
}

/// A part of the memory, given back when dropped. It belongs into the task that decodes: that goes on when whoever
/// asked for it is gone.
#[derive(Debug)]
pub struct Reserved {
    _pages: OwnedSemaphorePermit,
}

/// Memory is counted in pieces of this size.
const PAGE: u64 = 64 << 10;

impl Memory {
    /// `bytes` for all pictures that are decoded at the same time.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let all = u32::try_from(bytes.div_ceil(PAGE)).unwrap_or(u32::MAX);
        Self { pages: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// Waits until there is room for the picture, in the order of asking. One that needs more than there is has
    /// everything for itself.
    pub async fn reserve(&self, size: &Size) -> Reserved {
        let pages = u32::try_from(size.memory.div_ceil(PAGE)).unwrap_or(u32::MAX).min(self.all);
        let pages = Arc::clone(&self.pages).acquire_many_owned(pages).await;
        Reserved { _pages: pages.expect("nobody closes it") }
    }
}

/// What came of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// Pixels from left to right, as it is seen.
    pub width: u32,
    /// Pixels from top to bottom, as it is seen.
    pub height: u32,
    /// Whether it moves.
    pub animated: bool,
    /// Bytes of the cleaned file.
    pub bytes: u64,
    /// Its thumbnail.
    pub thumbnail: Thumbnail,
}

/// A small picture of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// JPEG, or PNG where something can be seen through.
    pub format: Format,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Bytes of its file.
    pub bytes: u64,
}

/// Writes to `cleaned` the picture without what others are not to have (where and with what it was taken, comments,
/// anything before, between and behind that is not the picture), and to `thumbnail` a small one. Blocks.
pub fn clean(
    size: &Size,
    room: Reserved,
    source: &mut File,
    cleaned: &mut File,
    thumbnail: &mut File,
) -> Result<Cleaned, Unfit> {
    let _ = (size, source, cleaned, thumbnail);
    drop(room);
    Err(Unfit::Damaged("Not yet."))
}
