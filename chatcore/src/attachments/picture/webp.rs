//! WebP: chunks in a RIFF file (RFC 9649).

use std::io::{BufRead, Read, Seek, SeekFrom, Write};

use image::metadata::Orientation;

use super::super::Unfit;
use super::parts::{array, bytes, copy as copy_bytes, ended};
use super::size::{Head, orientation};
use super::{MOST_FRAMES, icc};

const DAMAGED: Unfit = Unfit::Damaged("The picture is damaged.");

/// Chunks of the file: three for each frame, and some.
const MOST_CHUNKS: usize = 4 * MOST_FRAMES;
const PROFILE: u8 = 0x20;
const ALPHA: u8 = 0x10;
const ANIMATED: u8 = 0x02;
/// So much of a frame stands in front of its chunks.
const FRAME: usize = 16;

/// What the head says, and how the camera was held.
pub(super) fn head(source: &mut (impl BufRead + Seek)) -> Result<Head, Unfit> {
    let file = Picture::read(source)?;
    let mut held = Orientation::NoTransforms;
    if let Some(exif) = file.chunks.iter().find(|chunk| &chunk.name == b"EXIF" && chunk.length <= icc::MOST as u64) {
        exif.seek(source)?;
        let exif = bytes(source, usize::try_from(exif.length).map_err(|_| DAMAGED)?)?;
        held = orientation(exif.strip_prefix(b"Exif\0\0").unwrap_or(&exif));
    }
    let held = if file.is_animated() { Orientation::NoTransforms } else { held };
    // The decoder keeps brightness and colours apart, what can be seen through besides, and of moving ones the frame.
    let beside = if file.is_animated() { 8 } else { 4 };
    Ok(Head { width: file.width, height: file.height, pixel: 4, beside, orientation: held })
}

/// Copies what belongs to the picture. Whether it moves.
pub(super) fn copy(source: &mut (impl BufRead + Seek), out: &mut impl Write) -> Result<bool, Unfit> {
    let file = Picture::read(source)?;
    let profile = file.profile(source)?;
    let kept = file.kept(source, profile.is_some())?;
    let length: u64 = 4 + kept.iter().map(Part::length).sum::<u64>();
    out.write_all(b"RIFF")?;
    out.write_all(&short(length)?)?;
    out.write_all(b"WEBP")?;
    for part in &kept {
        part.write(source, out, &file, profile.as_deref())?;
    }
    let frames = kept.iter().filter(|part| matches!(part, Part::Frame { .. })).count();
    Ok(frames > 1)
}

fn short(length: u64) -> Result<[u8; 4], Unfit> {
    u32::try_from(length).map(u32::to_le_bytes).map_err(|_| DAMAGED)
}

/// Where a chunk stands in the file that came.
#[derive(Clone, Copy)]
struct Chunk {
    name: [u8; 4],
    at: u64,
    length: u64,
}

impl Chunk {
    /// The chunks between two places.
    fn list(source: &mut (impl Read + Seek), from: u64, to: u64) -> Result<Vec<Self>, Unfit> {
        let mut chunks = Vec::new();
        let mut at = from;
        while at + 8 <= to {
            source.seek(SeekFrom::Start(at))?;
            let name = array(source)?;
            let length = u64::from(u32::from_le_bytes(array(source)?));
            chunks.push(Self { name, at: at + 8, length });
            at += 8 + length + length % 2;
            if at - length % 2 > to || chunks.len() > MOST_CHUNKS {
                return Err(DAMAGED);
            }
        }
        Ok(chunks)
    }

    fn seek(&self, source: &mut impl Seek) -> Result<(), Unfit> {
        source.seek(SeekFrom::Start(self.at))?;
        Ok(())
    }

    /// With its name, its length and what makes it even.
    fn whole(&self) -> u64 {
        8 + self.length + self.length % 2
    }

    fn write(&self, source: &mut (impl Read + Seek), out: &mut impl Write) -> Result<(), Unfit> {
        self.seek(source)?;
        out.write_all(&self.name)?;
        out.write_all(&short(self.length)?)?;
        copy_bytes(source, out, self.length)?;
        if self.length % 2 == 1 {
            out.write_all(&[0])?;
        }
        Ok(())
    }

    fn is_pixels(&self) -> bool {
        matches!(&self.name, b"VP8 " | b"VP8L")
    }

    /// How large the coded pixels say they are.
    fn measures(&self, source: &mut (impl Read + Seek)) -> Result<(u32, u32), Unfit> {
        self.seek(source)?;
        if &self.name == b"VP8L" {
            let [mark, rest @ ..]: [u8; 5] = array(source)?;
            let bits = u32::from_le_bytes(rest);
            return if mark == 0x2f { Ok(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1)) } else { Err(DAMAGED) };
        }
        let start: [u8; 10] = array(source)?;
        if start[3..6] != [0x9d, 0x01, 0x2a] {
            return Err(DAMAGED);
        }
        let [width, height] = [6, 8].map(|at| u32::from(u16::from_le_bytes([start[at], start[at + 1]]) & 0x3fff));
        Ok((width, height))
    }
}

/// A WebP file: its measures and its chunks.
struct Picture {
    width: u32,
    height: u32,
    /// Of the extended form: what it says is in it.
    flags: Option<u8>,
    chunks: Vec<Chunk>,
}

impl Picture {
    fn read(source: &mut (impl Read + Seek)) -> Result<Self, Unfit> {
        let length = source.seek(SeekFrom::End(0))?;
        source.rewind()?;
        let riff: [u8; 4] = array(source)?;
        let end = u64::from(u32::from_le_bytes(array(source)?)) + 8;
        if &riff != b"RIFF" || &array(source)? != b"WEBP" {
            return Err(DAMAGED);
        }
        if end > length {
            return Err(ended());
        }
        let chunks = Chunk::list(source, 12, end)?;
        let first = chunks.first().ok_or(DAMAGED)?;
        if &first.name != b"VP8X" {
            let (width, height) = if first.is_pixels() { first.measures(source)? } else { return Err(DAMAGED) };
            return Ok(Self { width, height, flags: None, chunks });
        }
        first.seek(source)?;
        let said: [u8; 10] = array(source)?;
        let [width, height] = [4, 7].map(|at| u32::from_le_bytes([said[at], said[at + 1], said[at + 2], 0]) + 1);
        Ok(Self { width, height, flags: Some(said[0] & (PROFILE | ALPHA | ANIMATED)), chunks })
    }

    fn is_animated(&self) -> bool {
        self.flags.is_some_and(|flags| flags & ANIMATED != 0)
    }

    fn profile(&self, source: &mut (impl Read + Seek)) -> Result<Option<Vec<u8>>, Unfit> {
        let named = self.chunks.iter().find(|chunk| &chunk.name == b"ICCP" && chunk.length <= icc::MOST as u64);
        let Some(chunk) = named.filter(|_| self.flags.is_some()) else { return Ok(None) };
        chunk.seek(source)?;
        let profile = bytes(source, usize::try_from(chunk.length).map_err(|_| DAMAGED)?)?;
        Ok(icc::tidy(&profile).map(<[u8]>::to_vec))
    }

    /// The parts that stay, in their order.
    fn kept(&self, source: &mut (impl Read + Seek), profile: bool) -> Result<Vec<Part>, Unfit> {
        let Some(flags) = self.flags else { return Ok(vec![Part::Chunk(self.chunks[0])]) };
        let flags = if profile { flags | PROFILE } else { flags & !PROFILE };
        let mut kept = vec![Part::Head { flags }];
        if profile {
            kept.push(Part::Profile { length: self.profile(source)?.map_or(0, |profile| profile.len() as u64) });
        }
        if self.is_animated() {
            let timing = self.chunks.iter().find(|chunk| &chunk.name == b"ANIM" && chunk.length == 6).ok_or(DAMAGED)?;
            kept.push(Part::Chunk(*timing));
            for frame in self.chunks.iter().filter(|chunk| &chunk.name == b"ANMF") {
                kept.push(self.frame(source, frame)?);
            }
            let frames = kept.iter().filter(|part| matches!(part, Part::Frame { .. })).count();
            return match frames {
                0 => Err(DAMAGED),
                1..=MOST_FRAMES => Ok(kept),
                _ => Err(Unfit::TooLarge("The picture has too many frames.".into())),
            };
        }
        kept.extend(pixels(source, &self.chunks, (self.width, self.height))?.into_iter().map(Part::Chunk));
        Ok(kept)
    }

    fn frame(&self, source: &mut (impl Read + Seek), frame: &Chunk) -> Result<Part, Unfit> {
        frame.seek(source)?;
        let place: [u8; FRAME] = array(source)?;
        let [left, top, width, height] =
            [0, 3, 6, 9].map(|at| u32::from_le_bytes([place[at], place[at + 1], place[at + 2], 0]));
        if 2 * left + width + 1 > self.width || 2 * top + height + 1 > self.height {
            return Err(DAMAGED);
        }
        let inside = Chunk::list(source, frame.at + FRAME as u64, frame.at + frame.length)?;
        let chunks = pixels(source, &inside, (width + 1, height + 1))?;
        Ok(Part::Frame { place, chunks })
    }
}

/// The pixels, and in front of them how far they can be seen through; nothing else.
fn pixels(source: &mut (impl Read + Seek), chunks: &[Chunk], measures: (u32, u32)) -> Result<Vec<Chunk>, Unfit> {
    let at = chunks.iter().position(Chunk::is_pixels).ok_or(DAMAGED)?;
    // Otherwise the decoder takes memory for another picture than was measured.
    if chunks[at].measures(source)? != measures {
        return Err(DAMAGED);
    }
    let through = chunks[..at].iter().find(|chunk| &chunk.name == b"ALPH" && &chunks[at].name == b"VP8 ");
    Ok(through.into_iter().chain([&chunks[at]]).copied().collect())
}

/// What is written.
enum Part {
    Head { flags: u8 },
    Profile { length: u64 },
    Chunk(Chunk),
    Frame { place: [u8; FRAME], chunks: Vec<Chunk> },
}

impl Part {
    fn length(&self) -> u64 {
        match self {
            Self::Head { .. } => 18,
            Self::Profile { length } => 8 + length + length % 2,
            Self::Chunk(chunk) => chunk.whole(),
            Self::Frame { chunks, .. } => 8 + FRAME as u64 + chunks.iter().map(Chunk::whole).sum::<u64>(),
        }
    }

    fn write(
        &self,
        source: &mut (impl Read + Seek),
        out: &mut impl Write,
        file: &Picture,
        profile: Option<&[u8]>,
    ) -> Result<(), Unfit> {
        match self {
            Self::Head { flags } => {
                let [width, height] = [file.width - 1, file.height - 1].map(u32::to_le_bytes);
                out.write_all(b"VP8X\x0a\0\0\0")?;
                out.write_all(&[*flags, 0, 0, 0])?;
                out.write_all(&[&width[..3], &height[..3]].concat())?;
            }
            Self::Profile { length } => {
                out.write_all(b"ICCP")?;
                out.write_all(&short(*length)?)?;
                out.write_all(profile.unwrap_or_default())?;
                out.write_all(if length % 2 == 1 { &[0] } else { &[] })?;
            }
            Self::Chunk(chunk) => chunk.write(source, out)?,
            Self::Frame { place, chunks } => {
                out.write_all(b"ANMF")?;
                out.write_all(&short(self.length() - 8)?)?;
                out.write_all(place)?;
                for chunk in chunks {
                    chunk.write(source, out)?;
                }
            }
        }
        Ok(())
    }
}
