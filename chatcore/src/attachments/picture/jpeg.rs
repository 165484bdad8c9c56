//! JPEG: segments behind markers, and coded pixels in between (ITU T.81).

use std::io::{BufRead, Read, Write};

use image::metadata::Orientation;

use super::super::Unfit;
use super::icc;
use super::parts::{array, bytes, ended, filled, skip, u16_be};
use super::size::{Head, orientation};

const DAMAGED: Unfit = Unfit::Damaged("The picture is damaged.");

const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const QUANTISATION: u8 = 0xdb;
const HUFFMAN: u8 = 0xc4;
const RESTART_EVERY: u8 = 0xdd;
const JFIF: u8 = 0xe0;
const EXIF: u8 = 0xe1;
const PROFILE: u8 = 0xe2;
const ADOBE: u8 = 0xee;

/// Progressive pictures have about ten; each goes over all pixels.
const MOST_SCANS: usize = 64;
/// Tables may be said anew before each scan.
const MOST_TABLES: usize = 4 * MOST_SCANS;
const PROFILE_NAME: &[u8] = b"ICC_PROFILE\0";

/// What stands in front of the pixels.
pub(super) fn head(source: &mut impl Read) -> Result<Head, Unfit> {
    let mut held = Orientation::NoTransforms;
    begin(source)?;
    loop {
        let name = marker(source)?;
        if name == EXIF {
            let exif = segment(source)?;
            if let Some(tiff) = exif.strip_prefix(b"Exif\0\0") {
                held = orientation(tiff);
            }
        } else if is_frame(name)? {
            return Frame::read(name, &segment(source)?).map(|frame| frame.head(held));
        } else if name == SCAN || name == END {
            return Err(DAMAGED);
        } else if !stands_alone(name) {
            let length = length(source)?;
            skip(source, length as u64)?;
        }
    }
}

/// Copies what belongs to the picture.
pub(super) fn copy(source: &mut impl BufRead, out: &mut impl Write) -> Result<(), Unfit> {
    begin(source)?;
    out.write_all(&[0xff, START])?;
    let mut copied = Copy { out, profile: Profile::default(), frame: None, scans: 0, tables: 0 };
    let mut name = marker(source)?;
    loop {
        if name == END {
            return copied.end();
        }
        if stands_alone(name) {
            name = marker(source)?;
            continue;
        }
        let content = segment(source)?;
        copied.segment(name, &content)?;
        name = if name == SCAN { copied.pixels(source)? } else { marker(source)? };
    }
}

fn begin(source: &mut impl Read) -> Result<(), Unfit> {
    if array(source)? == [0xff, START] { Ok(()) } else { Err(DAMAGED) }
}

fn marker(source: &mut impl Read) -> Result<u8, Unfit> {
    if array(source)? != [0xff] {
        return Err(DAMAGED);
    }
    // Any number of these may stand in front.
    loop {
        match array(source)? {
            [0xff] => {}
            [0 | START] => return Err(DAMAGED),
            [name] => return Ok(name),
        }
    }
}

fn stands_alone(name: u8) -> bool {
    matches!(name, 0x01 | 0xd0..=0xd7)
}

fn length(source: &mut impl Read) -> Result<usize, Unfit> {
    usize::from(u16::from_be_bytes(array(source)?)).checked_sub(2).ok_or(DAMAGED)
}

fn segment(source: &mut impl Read) -> Result<Vec<u8>, Unfit> {
    let length = length(source)?;
    bytes(source, length)
}

/// Whether the measures follow. The other ways of coding are not used by anybody, and not decoded.
fn is_frame(name: u8) -> Result<bool, Unfit> {
    match name {
        0xc0..=0xc2 => Ok(true),
        0xc3 | 0xc5..=0xc7 | 0xc8..=0xcf | 0xdc | 0xde | 0xdf => {
            Err(Unfit::Damaged("The picture is coded in a way that is not understood."))
        }
        _ => Ok(false),
    }
}

/// The measures, and how the colours are stored.
struct Frame {
    width: u16,
    height: u16,
    progressive: bool,
    /// How finely each colour is stored, left to right and top to bottom.
    colours: Vec<(u8, u8)>,
}

impl Frame {
    fn read(name: u8, content: &[u8]) -> Result<Self, Unfit> {
        let colours = usize::from(*content.get(5).ok_or(DAMAGED)?);
        if !matches!(colours, 1..=4) || content.len() != 6 + 3 * colours || content[0] != 8 {
            return Err(DAMAGED);
        }
        let colours: Vec<(u8, u8)> =
            content[6..].chunks_exact(3).map(|colour| (colour[1] >> 4, colour[1] & 15)).collect();
        if !colours.iter().all(|(across, down)| (1..=4).contains(across) && (1..=4).contains(down)) {
            return Err(DAMAGED);
        }
        let (height, width) = (u16_be(content, 1), u16_be(content, 3));
        Ok(Self { width, height, progressive: name == 0xc2, colours })
    }

    fn head(&self, orientation: Orientation) -> Head {
        let pixel = if self.colours.len() == 1 { 1 } else { 3 };
        let across = self.colours.iter().map(|(across, _)| *across).max().unwrap_or(1);
        let down = self.colours.iter().map(|(_, down)| *down).max().unwrap_or(1);
        // A progressive one is kept as coefficients of two bytes each until its last scan.
        let finest = u64::from(across) * u64::from(down);
        let stored: u64 = self.colours.iter().map(|(across, down)| u64::from(across * down)).sum();
        let beside = if self.progressive { (2 * stored).div_ceil(finest) } else { 0 };
        Head { width: self.width.into(), height: self.height.into(), pixel, beside, orientation }
    }
}

struct Copy<'a, W> {
    out: &'a mut W,
    profile: Profile,
    frame: Option<Frame>,
    scans: usize,
    tables: usize,
}

impl<W: Write> Copy<'_, W> {
    fn segment(&mut self, name: u8, content: &[u8]) -> Result<(), Unfit> {
        if is_frame(name)? {
            if self.frame.is_some() {
                return Err(DAMAGED);
            }
            self.frame = Some(Frame::read(name, content)?);
            self.write_profile()?;
            return self.write(name, content);
        }
        match name {
            SCAN => {
                self.scans += 1;
                let colours = usize::from(*content.first().ok_or(DAMAGED)?);
                let fits = matches!(colours, 1..=4) && content.len() == 4 + 2 * colours;
                if !fits || self.frame.is_none() || self.scans > MOST_SCANS {
                    return Err(DAMAGED);
                }
                self.write(name, content)
            }
            QUANTISATION | HUFFMAN => {
                self.tables += 1;
                let fits = if name == HUFFMAN { are_huffman(content) } else { are_quantisation(content) };
                if !fits || self.tables > MOST_TABLES {
                    return Err(DAMAGED);
                }
                self.write(name, content)
            }
            RESTART_EVERY if content.len() == 2 => self.write(name, content),
            RESTART_EVERY => Err(DAMAGED),
            // Its density of pixels, without the small picture.
            JFIF if self.is_at_start() && content.starts_with(b"JFIF\0") && content.len() >= 14 => {
                self.write(name, &[&content[..12], &[0, 0]].concat())
            }
            ADOBE if self.frame.is_none() && content.starts_with(b"Adobe") && content.len() >= 12 => {
                self.write(name, &content[..12])
            }
            PROFILE => {
                self.profile.take(content);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn is_at_start(&self) -> bool {
        self.frame.is_none() && self.tables == 0
    }

    fn write(&mut self, name: u8, content: &[u8]) -> Result<(), Unfit> {
        let length = u16::try_from(content.len() + 2).map_err(|_| DAMAGED)?;
        self.out.write_all(&[0xff, name])?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(content)?;
        Ok(())
    }

    fn write_profile(&mut self) -> Result<(), Unfit> {
        let profile = std::mem::take(&mut self.profile).bytes;
        let Some(profile) = icc::tidy(&profile) else { return Ok(()) };
        let pieces = profile.chunks(usize::from(u16::MAX) - 2 - PROFILE_NAME.len() - 2);
        let all = u8::try_from(pieces.len()).map_err(|_| DAMAGED)?;
        for (piece, number) in pieces.zip(1..=all) {
            self.write(PROFILE, &[PROFILE_NAME, &[number, all], piece].concat())?;
        }
        Ok(())
    }

    /// Copies coded pixels up to the next marker, and says which it is.
    fn pixels(&mut self, source: &mut impl BufRead) -> Result<u8, Unfit> {
        loop {
            let piece = filled(source)?;
            if piece.is_empty() {
                return Err(ended());
            }
            let plain = piece.iter().position(|byte| *byte == 0xff).unwrap_or(piece.len());
            self.out.write_all(&piece[..plain])?;
            let is_marker = plain < piece.len();
            source.consume(plain + usize::from(is_marker));
            if !is_marker {
                continue;
            }
            let mut name = array::<1>(source)?[0];
            while name == 0xff {
                name = array::<1>(source)?[0];
            }
            match name {
                // A byte of pixels that looks like a marker, and the marks between which pixels can be mended.
                0 | 0xd0..=0xd7 => self.out.write_all(&[0xff, name])?,
                START => return Err(DAMAGED),
                name => return Ok(name),
            }
        }
    }

    fn end(self) -> Result<(), Unfit> {
        if self.scans == 0 {
            return Err(DAMAGED);
        }
        Ok(self.out.write_all(&[0xff, END])?)
    }
}

/// A colour profile comes in numbered pieces.
#[derive(Default)]
struct Profile {
    bytes: Vec<u8>,
    pieces: u8,
}

impl Profile {
    /// Pieces in another order than theirs make no profile.
    fn take(&mut self, content: &[u8]) {
        let Some([number, _, piece @ ..]) = content.strip_prefix(PROFILE_NAME) else { return };
        if self.pieces.checked_add(1) == Some(*number) && self.bytes.len() + piece.len() <= icc::MOST {
            self.pieces = *number;
            self.bytes.extend_from_slice(piece);
        }
    }
}

/// Tables of 64 numbers of one or two bytes, one behind the other.
fn are_quantisation(mut tables: &[u8]) -> bool {
    while let [first, rest @ ..] = tables {
        let length = if first >> 4 == 0 { 64 } else { 128 };
        let Some(rest) = rest.get(length..) else { return false };
        tables = rest;
    }
    true
}

/// Tables of as many bytes as their first sixteen numbers add up to.
fn are_huffman(mut tables: &[u8]) -> bool {
    while let [_, rest @ ..] = tables {
        let Some((counts, rest)) = rest.split_at_checked(16) else { return false };
        let values: usize = counts.iter().map(|count| usize::from(*count)).sum();
        let Some(rest) = rest.get(values..) else { return false };
        tables = rest;
    }
    true
}
