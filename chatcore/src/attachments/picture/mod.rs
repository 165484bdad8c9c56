//! Pictures: measured before they are decoded, cleaned of everything that is not the picture, made smaller.
//!
//! ```text
//! let size = Size::read(&mut source, format, &bounds)?;   // reads the head only
//! let room = memory.reserve(&size).await;                 // waits for others
//! darkroom.run(move || clean(&size, room, &bounds, &mut source, &mut cleaned, &mut thumbnail))
//! ```
//!
//! What others see is made anew, part by part, from what the format knows: nothing is copied that is not known, and
//! what stands behind the end is gone. Pixels stay as they are, but for a picture that its camera held sideways: that is
//! turned and coded once more, since the note that says so goes with the rest.

mod darkroom;
mod decode;
mod foreign;
mod gif;
mod icc;
mod jpeg;
mod memory;
mod parts;
mod png;
mod size;
#[cfg(test)]
mod tests;
mod webp;

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, Write};

pub use darkroom::Darkroom;
pub use memory::{Memory, Reserved};
pub use size::Size;

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

/// A small picture of the picture; of one that moves, of its beginning.
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

/// Pictures that move have at most so many frames: beyond that they are made to keep somebody's machine busy.
const MOST_FRAMES: usize = 4_096;

/// Writes to `cleaned` the picture without what others are not to have (where and with what it was taken, comments,
/// anything before, between and behind that is not the picture), and to `thumbnail` a small one. Both are written from
/// their beginning on, and end where what was written ends; nothing is synced. Blocks for as long as decoding takes,
/// which for the largest pictures is about a second.
pub fn clean(
    size: &Size,
    room: Reserved,
    bounds: &Bounds,
    source: &mut File,
    cleaned: &mut File,
    thumbnail: &mut File,
) -> Result<Cleaned, Unfit> {
    let animated = copy_parts(size, source, cleaned)?;
    foreign::refuse(cleaned)?;
    let mut decoded = decode::decode(size, cleaned)?;
    if size.is_turned() && !animated {
        decoded.turn(size.orientation);
        decode::encode(&decoded, size.format, cleaned)?;
    }
    let thumbnail = decode::thumbnail(&decoded, bounds.thumbnail, thumbnail)?;
    let (width, height) = decoded.dimensions();
    drop((decoded, room));
    Ok(Cleaned { width, height, animated, bytes: cleaned.metadata()?.len(), thumbnail })
}

/// Writes to `made` the square in the middle of the picture, at most `side` pixels wide, and nothing else of it; of one that
/// moves, of its beginning. `parts` is to write to meanwhile. Blocks as [`clean`] does.
pub fn square(
    size: &Size,
    room: Reserved,
    side: u32,
    source: &mut File,
    parts: &mut File,
    made: &mut File,
) -> Result<Thumbnail, Unfit> {
    copy_parts(size, source, parts)?;
    foreign::refuse(parts)?;
    let mut decoded = decode::decode(size, parts)?;
    decoded.cut_square(side);
    // Of a square all sides are the same length: it is turned when there is little of it left.
    decoded.turn(size.orientation);
    let made = decode::thumbnail(&decoded, side, made);
    drop((decoded, room));
    made
}

/// Whether the picture moves.
fn copy_parts(size: &Size, source: &mut File, cleaned: &mut File) -> Result<bool, Unfit> {
    source.rewind()?;
    let mut source = BufReader::new(source);
    let animated = write_anew(cleaned, |out| match size.format {
        Format::Png => png::copy(&mut source, out),
        Format::Jpeg => jpeg::copy(&mut source, out).map(|()| false),
        Format::Gif => gif::copy(&mut source, out),
        Format::Webp => webp::copy(&mut source, out),
    })?;
    Ok(animated)
}

/// Replaces whatever is in `file`.
fn write_anew<T>(
    file: &mut File,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, Unfit>,
) -> Result<T, Unfit> {
    file.rewind()?;
    file.set_len(0)?;
    let mut out = BufWriter::new(file);
    let written = write(&mut out)?;
    out.flush()?;
    Ok(written)
}
