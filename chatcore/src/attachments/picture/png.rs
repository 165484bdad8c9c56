//! PNG: chunks with a name, a length and a checksum (W3C, Portable Network Graphics, third edition).

use std::io::{BufRead, Read, Write};

use crc32fast::Hasher;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};
use image::metadata::Orientation;

use super::super::Unfit;
use super::parts::{array, bytes, skip, u32_be};
use super::size::{Head, orientation};
use super::{MOST_FRAMES, icc};

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// Coded pixels are read and written so much at a time.
const PIECE: usize = 32 << 10;
/// Chunks that are looked at as a whole are at most so long; longer ones are left out.
const MOST_CHUNK: u32 = 2 << 20;
/// All frames together, not coded: decoding them takes seconds, not minutes.
const MOST_RAW: u64 = 1 << 30;

/// What the head says, and how the camera was held when that stands in front of the pixels.
pub(super) fn head(source: &mut impl Read) -> Result<Head, Unfit> {
    let canvas = Canvas::read(source)?;
    let mut head = Head {
        width: canvas.width,
        height: canvas.height,
        pixel: canvas.decoded(),
        beside: 0,
        orientation: Orientation::NoTransforms,
    };
    head.orientation = held(source).unwrap_or(Orientation::NoTransforms);
    Ok(head)
}

/// How the camera was held, if that stands in front of the pixels. What is damaged is found when it is copied.
fn held(source: &mut impl Read) -> Result<Orientation, Unfit> {
    loop {
        let (length, name) = chunk(source)?;
        match &name {
            b"IDAT" | b"IEND" => return Ok(Orientation::NoTransforms),
            b"eXIf" if length <= MOST_CHUNK => return Ok(orientation(&bytes(source, length as usize)?)),
            _ => skip(source, u64::from(length) + 4)?,
        }
    }
}

/// Copies what belongs to the picture. Whether it moves.
pub(super) fn copy(source: &mut impl BufRead, out: &mut impl Write) -> Result<bool, Unfit> {
    let canvas = Canvas::read(source)?;
    out.write_all(&SIGNATURE)?;
    write_chunk(out, *b"IHDR", &canvas.bytes)?;
    let mut copied = Copy { canvas, out, frames: None, told: 0, numbered: 0, raw: 0, pixels: None, seen: false };
    loop {
        let (length, name) = chunk(source)?;
        match &name {
            b"IDAT" => copied.still(source, length)?,
            b"fdAT" => copied.moving(source, length)?,
            b"IEND" => return copied.end(),
            _ if length <= MOST_CHUNK && is_kept(name) => {
                let content = bytes(source, length as usize)?;
                check(source, name, &content)?;
                copied.other(name, &content)?;
            }
            // What every decoder has to know.
            _ if name[0].is_ascii_uppercase() => {
                return Err(Unfit::Damaged("There is an unknown part in the picture."));
            }
            _ => skip(source, u64::from(length) + 4)?,
        }
    }
}

fn is_kept(name: [u8; 4]) -> bool {
    matches!(
        &name,
        b"PLTE"
            | b"tRNS"
            | b"gAMA"
            | b"cHRM"
            | b"sRGB"
            | b"iCCP"
            | b"sBIT"
            | b"bKGD"
            | b"pHYs"
            | b"cICP"
            | b"acTL"
            | b"fcTL"
    )
}

/// The measures of all frames.
struct Canvas {
    bytes: [u8; 13],
    width: u32,
    height: u32,
    bits: u64,
}

impl Canvas {
    fn read(source: &mut impl Read) -> Result<Self, Unfit> {
        if array(source)? != SIGNATURE || chunk(source)? != (13, *b"IHDR") {
            return Err(DAMAGED);
        }
        let bytes: [u8; 13] = array(source)?;
        check(source, *b"IHDR", &bytes)?;
        let channels = match bytes[9] {
            0 | 3 => 1,
            2 => 3,
            4 => 2,
            6 => 4,
            _ => return Err(DAMAGED),
        };
        let (width, height) = (u32_be(&bytes, 0), u32_be(&bytes, 4));
        Ok(Self { bytes, width, height, bits: channels * u64::from(bytes[8]) })
    }

    /// Bytes of a decoded pixel: palettes and bits become bytes, and colours of them may be seen through.
    fn decoded(&self) -> u64 {
        match (self.bytes[9], self.bytes[8]) {
            (3, _) => 4,
            (0 | 2, 16) => self.bits / 8 + 2,
            (0 | 2, _) => self.bits.div_ceil(8) + 1,
            _ => self.bits / 8,
        }
    }

    /// Bytes of so many pixels before they are coded: a byte at each line's beginning. Interlaced ones have twice as
    /// many lines, and bits that begin a new byte.
    fn raw(&self, width: u32, height: u32) -> u64 {
        let (width, height) = (u64::from(width), u64::from(height));
        let lines = height * (1 + (width * self.bits).div_ceil(8));
        if self.bytes[12] == 0 { lines } else { lines + 4 * height + 64 }
    }
}

const DAMAGED: Unfit = Unfit::Damaged("The picture is damaged.");

fn chunk(source: &mut impl Read) -> Result<(u32, [u8; 4]), Unfit> {
    let length = u32::from_be_bytes(array(source)?);
    let name = array(source)?;
    if length > i32::MAX.unsigned_abs() || !name.iter().all(u8::is_ascii_alphabetic) {
        return Err(DAMAGED);
    }
    Ok((length, name))
}

fn check(source: &mut impl Read, name: [u8; 4], content: &[u8]) -> Result<(), Unfit> {
    if u32::from_be_bytes(array(source)?) == checksum(name, content) { Ok(()) } else { Err(DAMAGED) }
}

fn checksum(name: [u8; 4], content: &[u8]) -> u32 {
    let mut sum = Hasher::new();
    sum.update(&name);
    sum.update(content);
    sum.finalize()
}

fn write_chunk(out: &mut impl Write, name: [u8; 4], content: &[u8]) -> Result<(), Unfit> {
    let length = u32::try_from(content.len()).map_err(|_| DAMAGED)?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(&name)?;
    out.write_all(content)?;
    out.write_all(&checksum(name, content).to_be_bytes())?;
    Ok(())
}

struct Copy<'a, W> {
    canvas: Canvas,
    out: &'a mut W,
    /// How many frames are promised.
    frames: Option<u32>,
    /// How many there have been.
    told: u32,
    /// The number of the next chunk of an animation.
    numbered: u32,
    /// Bytes of all frames so far.
    raw: u64,
    /// The pixels that are being copied.
    pixels: Option<Pixels>,
    /// Whether there were pixels of the picture that does not move.
    seen: bool,
}

impl<W: Write> Copy<'_, W> {
    fn other(&mut self, name: [u8; 4], content: &[u8]) -> Result<(), Unfit> {
        let length = content.len();
        let fits = match &name {
            b"acTL" => return self.animation(content),
            b"fcTL" => return self.frame(content),
            b"iCCP" => return if self.seen { Ok(()) } else { self.profile(content) },
            b"PLTE" => length <= 768 && length.is_multiple_of(3),
            b"tRNS" => length <= 256,
            b"gAMA" => length == 4,
            b"cHRM" => length == 32,
            b"sRGB" => length == 1,
            b"sBIT" | b"cICP" => length <= 4,
            b"bKGD" => length <= 6,
            _ => length == 9,
        };
        match (fits, self.seen) {
            (true, false) => write_chunk(self.out, name, content),
            (false, _) => Err(DAMAGED),
            (true, true) => Ok(()),
        }
    }

    fn profile(&mut self, content: &[u8]) -> Result<(), Unfit> {
        let Some(named) = content.iter().take(80).position(|byte| *byte == 0) else { return Ok(()) };
        let mut profile = Vec::new();
        let coded = content.get(named + 2..).unwrap_or_default();
        let read = ZlibDecoder::new(coded).take(icc::MOST as u64).read_to_end(&mut profile);
        let Some(profile) = read.ok().and_then(|_| icc::tidy(&profile)) else { return Ok(()) };
        let mut coded = ZlibEncoder::new(b"icc\0\0".to_vec(), Compression::default());
        coded.write_all(profile)?;
        write_chunk(self.out, *b"iCCP", &coded.finish()?)
    }

    fn animation(&mut self, content: &[u8]) -> Result<(), Unfit> {
        if content.len() != 8 || self.frames.is_some() || self.seen {
            return Err(DAMAGED);
        }
        let frames = u32_be(content, 0);
        if frames == 0 || frames as usize > MOST_FRAMES {
            return Err(Unfit::TooLarge("The picture has too many frames.".into()));
        }
        self.frames = Some(frames);
        write_chunk(self.out, *b"acTL", content)
    }

    fn frame(&mut self, content: &[u8]) -> Result<(), Unfit> {
        // Without an announcement they mean nothing.
        let Some(frames) = self.frames else { return Ok(()) };
        self.finish()?;
        if content.len() != 26 || self.told == frames {
            return Err(DAMAGED);
        }
        let [width, height, left, top] = [4, 8, 12, 16].map(|at| u32_be(content, at));
        let inside = |from: u32, side: u32, all: u32| side > 0 && from.checked_add(side).is_some_and(|end| end <= all);
        if !inside(left, width, self.canvas.width) || !inside(top, height, self.canvas.height) {
            return Err(DAMAGED);
        }
        self.told += 1;
        self.pixels = Some(self.begin(width, height)?);
        let mut content = content.to_vec();
        content[..4].copy_from_slice(&self.number().to_be_bytes());
        write_chunk(self.out, *b"fcTL", &content)
    }

    fn begin(&mut self, width: u32, height: u32) -> Result<Pixels, Unfit> {
        let raw = self.canvas.raw(width, height);
        self.raw += raw;
        if self.raw > MOST_RAW {
            return Err(Unfit::TooLarge("The picture has too many frames for its size.".into()));
        }
        Ok(Pixels { inflate: Decompress::new(true), scratch: vec![0; PIECE], left: raw, ended: false })
    }

    fn number(&mut self) -> u32 {
        self.numbered += 1;
        self.numbered - 1
    }

    fn still(&mut self, source: &mut impl BufRead, length: u32) -> Result<(), Unfit> {
        if self.seen && self.told > 1 {
            return Err(DAMAGED);
        }
        if self.pixels.is_none() {
            if self.seen {
                return Err(DAMAGED);
            }
            self.pixels = Some(self.begin(self.canvas.width, self.canvas.height)?);
        }
        self.seen = true;
        self.pixels(source, *b"IDAT", Hasher::new(), length)
    }

    fn moving(&mut self, source: &mut impl BufRead, length: u32) -> Result<(), Unfit> {
        if self.frames.is_none() {
            return skip(source, u64::from(length) + 4);
        }
        if !self.seen || self.pixels.is_none() || length < 4 {
            return Err(DAMAGED);
        }
        let mut sum = Hasher::new();
        sum.update(b"fdAT");
        sum.update(&array::<4>(source)?);
        self.pixels(source, *b"fdAT", sum, length - 4)
    }

    /// Copies coded pixels up to where they end, in pieces of our own.
    fn pixels(&mut self, source: &mut impl BufRead, name: [u8; 4], mut sum: Hasher, length: u32) -> Result<(), Unfit> {
        if name == *b"IDAT" {
            sum.update(&name);
        }
        let mut left = length as usize;
        while left > 0 {
            let piece = bytes(source, left.min(PIECE))?;
            left -= piece.len();
            sum.update(&piece);
            let kept = self.pixels.as_mut().ok_or(DAMAGED)?.take(&piece)?;
            if kept == 0 {
                continue;
            }
            if name == *b"IDAT" {
                write_chunk(self.out, name, &piece[..kept])?;
            } else {
                let numbered = [&self.number().to_be_bytes(), &piece[..kept]].concat();
                write_chunk(self.out, name, &numbered)?;
            }
        }
        if u32::from_be_bytes(array(source)?) == sum.finalize() { Ok(()) } else { Err(DAMAGED) }
    }

    fn finish(&mut self) -> Result<(), Unfit> {
        match self.pixels.take() {
            Some(pixels) if !pixels.ended => Err(DAMAGED),
            _ => Ok(()),
        }
    }

    fn end(mut self) -> Result<bool, Unfit> {
        self.finish()?;
        if !self.seen || self.frames.is_some_and(|frames| frames != self.told) {
            return Err(DAMAGED);
        }
        write_chunk(self.out, *b"IEND", &[])?;
        Ok(self.told > 1)
    }
}

/// Coded pixels: decoded only to see where they end.
struct Pixels {
    inflate: Decompress,
    scratch: Vec<u8>,
    /// Bytes that they may still become.
    left: u64,
    ended: bool,
}

impl Pixels {
    /// How many of the bytes belong to them.
    fn take(&mut self, piece: &[u8]) -> Result<usize, Unfit> {
        let mut used = 0;
        while used < piece.len() && !self.ended {
            let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(&piece[used..], &mut self.scratch, FlushDecompress::None)
                .map_err(|_| DAMAGED)?;
            let read = self.inflate.total_in() - read;
            let written = self.inflate.total_out() - written;
            used += usize::try_from(read).map_err(|_| DAMAGED)?;
            self.left =
                self.left.checked_sub(written).ok_or(Unfit::Damaged("The picture has more data than pixels."))?;
            self.ended = status == Status::StreamEnd;
            if read == 0 && written == 0 && !self.ended {
                return Err(DAMAGED);
            }
        }
        Ok(used)
    }
}
