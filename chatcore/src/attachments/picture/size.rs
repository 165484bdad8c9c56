use std::io::{BufReader, Read, Seek};

use image::metadata::Orientation;

use super::super::Unfit;
use super::{Bounds, Format, gif, jpeg, png, webp};

/// How large a picture is, as its head says, and what decoding it will take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How it is coded.
    pub format: Format,
    /// Pixels from left to right, as stored.
    pub width: u32,
    /// Pixels from top to bottom, as stored.
    pub height: u32,
    /// Bytes of memory that cleaning it takes at most.
    pub memory: u64,
    pub(super) orientation: Orientation,
}

/// What the head of a picture says.
pub(super) struct Head {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Bytes of a decoded pixel.
    pub(super) pixel: u64,
    /// Bytes that the decoder needs for each pixel besides.
    pub(super) beside: u64,
    pub(super) orientation: Orientation,
}

/// Buffers, tables and the thumbnail, whatever the picture. Measured of six million pixels, in bytes a pixel: PNG 3 or 4
/// (8 of sixteen bits), JPEG 3, turned 6, progressive 9 at its finest, GIF 5, WebP 4; a test compares.
const ALWAYS: u64 = 2 << 20;

impl Size {
    /// Reads the head of a picture. Whatever it says costs nothing: no pixel is decoded.
    pub fn read(source: &mut (impl Read + Seek), format: Format, bounds: &Bounds) -> Result<Self, Unfit> {
        let length = source.seek(std::io::SeekFrom::End(0))?;
        source.rewind()?;
        let mut source = BufReader::new(source);
        let head = match format {
            Format::Png => png::head(&mut source),
            Format::Jpeg => jpeg::head(&mut source),
            Format::Gif => gif::head(&mut source),
            Format::Webp => webp::head(&mut source),
        }?;
        let Head { width, height, pixel, beside, orientation } = head;
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 {
            return Err(Unfit::Damaged("The picture has no pixels."));
        }
        if pixels > bounds.pixels || width.max(height) > bounds.side {
            return Err(Unfit::TooLarge(
                format!(
                    "The picture has {width} × {height} pixels; the most are {} million, and {} on a side.",
                    bounds.pixels / 1_000_000,
                    bounds.side
                )
                .into(),
            ));
        }
        let mut size = Self { format, width, height, memory: 0, orientation };
        // Of a JPEG the decoder wants all bytes in memory. What is turned is there twice.
        let file = if format == Format::Jpeg { length } else { 0 };
        let turned = if size.is_turned() { pixel } else { 0 };
        size.memory = ALWAYS + file + pixels * (pixel + beside.max(turned));
        if size.memory > bounds.memory {
            return Err(Unfit::TooLarge(
                format!(
                    "The picture would take {} MiB to look at; the most are {}. Save it smaller, or not as progressive.",
                    size.memory >> 20,
                    bounds.memory >> 20
                )
                .into(),
            ));
        }
        Ok(size)
    }

    /// Whether its camera was held in another way than the picture is stored.
    pub(super) fn is_turned(&self) -> bool {
        self.orientation != Orientation::NoTransforms
    }
}

/// How the camera was held, by what it wrote (TIFF, as in EXIF).
pub(super) fn orientation(exif: &[u8]) -> Orientation {
    Orientation::from_exif_chunk(exif).unwrap_or(Orientation::NoTransforms)
}
