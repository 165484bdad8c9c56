//! GIF: a palette, then blocks (`CompuServe`, version 89a).

use std::io::{Read, Write};

use image::metadata::Orientation;

use super::super::Unfit;
use super::MOST_FRAMES;
use super::parts::{array, copy as copy_bytes};
use super::size::Head;

const DAMAGED: Unfit = Unfit::Damaged("The picture is damaged.");

/// What the first bytes say.
pub(super) fn head(source: &mut impl Read) -> Result<Head, Unfit> {
    let canvas = Canvas::read(source)?;
    let (width, height) = (canvas.width.into(), canvas.height.into());
    // The picture, and the frame that is put into it, as places in the palette and as colours.
    Ok(Head { width, height, pixel: 4, beside: 5, orientation: Orientation::NoTransforms })
}

/// Copies what belongs to the picture. Whether it moves.
pub(super) fn copy(source: &mut impl Read, out: &mut impl Write) -> Result<bool, Unfit> {
    let canvas = Canvas::read(source)?;
    out.write_all(b"GIF89a")?;
    out.write_all(&canvas.bytes)?;
    copy_bytes(source, out, palette(canvas.bytes[4]))?;
    let mut frames = 0;
    loop {
        // Some programs leave the end out; what is there is whole.
        let mut block = [0];
        let read = source.read(&mut block)?;
        match (read, block) {
            (0, _) | (1, [b';']) if frames > 0 => break,
            (1, [b',']) => {
                frames += 1;
                if frames > MOST_FRAMES {
                    return Err(Unfit::TooLarge("The picture has too many frames.".into()));
                }
                copy_frame(source, out, &canvas)?;
            }
            (1, [b'!']) => copy_extension(source, out)?,
            _ => return Err(DAMAGED),
        }
    }
    out.write_all(b";")?;
    Ok(frames > 1)
}

struct Canvas {
    bytes: [u8; 7],
    width: u16,
    height: u16,
}

impl Canvas {
    fn read(source: &mut impl Read) -> Result<Self, Unfit> {
        if !matches!(&array(source)?, b"GIF87a" | b"GIF89a") {
            return Err(DAMAGED);
        }
        let bytes: [u8; 7] = array(source)?;
        let [width, height] = [[bytes[0], bytes[1]], [bytes[2], bytes[3]]].map(u16::from_le_bytes);
        Ok(Self { bytes, width, height })
    }
}

/// Bytes of the palette that follows, by the byte that says so.
fn palette(packed: u8) -> u64 {
    if packed & 0x80 == 0 { 0 } else { 3 << ((packed & 7) + 1) }
}

fn copy_frame(source: &mut impl Read, out: &mut impl Write, canvas: &Canvas) -> Result<(), Unfit> {
    let frame: [u8; 9] = array(source)?;
    let [left, top, width, height] = [0, 2, 4, 6].map(|at| u32::from(u16::from_le_bytes([frame[at], frame[at + 1]])));
    // A frame is as large in memory as it says, wherever it lies.
    if left + width > canvas.width.into() || top + height > canvas.height.into() {
        return Err(Unfit::Damaged("A frame of the picture is larger than the picture."));
    }
    out.write_all(b",")?;
    out.write_all(&frame)?;
    copy_bytes(source, out, palette(frame[8]))?;
    let bits: [u8; 1] = array(source)?;
    if !(1..=11).contains(&bits[0]) {
        return Err(DAMAGED);
    }
    out.write_all(&bits)?;
    copy_blocks(source, out)
}

/// Blocks with their length in front, up to the empty one.
fn copy_blocks(source: &mut impl Read, out: &mut impl Write) -> Result<(), Unfit> {
    loop {
        let length: [u8; 1] = array(source)?;
        out.write_all(&length)?;
        if length == [0] {
            return Ok(());
        }
        copy_bytes(source, out, length[0].into())?;
    }
}

/// How long a frame is seen, and how often all of them: nothing else.
fn copy_extension(source: &mut impl Read, out: &mut impl Write) -> Result<(), Unfit> {
    let label: [u8; 1] = array(source)?;
    let mut blocks = Blocks { first: Vec::new(), second: Vec::new() };
    blocks.read(source)?;
    let timing = label == [0xf9] && blocks.first.len() == 4;
    let looping = label == [0xff]
        && matches!(blocks.first.as_slice(), b"NETSCAPE2.0" | b"ANIMEXTS1.0")
        && matches!(blocks.second.as_slice(), [1, _, _]);
    if timing || looping {
        out.write_all(&[b'!', label[0]])?;
        for block in [&blocks.first, &blocks.second].into_iter().take(if looping { 2 } else { 1 }) {
            out.write_all(&[u8::try_from(block.len()).map_err(|_| DAMAGED)?])?;
            out.write_all(block)?;
        }
        out.write_all(&[0])?;
    }
    Ok(())
}

/// The first two blocks of an extension; the rest is passed over.
struct Blocks {
    first: Vec<u8>,
    second: Vec<u8>,
}

impl Blocks {
    fn read(&mut self, source: &mut impl Read) -> Result<(), Unfit> {
        let mut number = 0;
        loop {
            let length: [u8; 1] = array(source)?;
            if length == [0] {
                return Ok(());
            }
            let mut other = Vec::new();
            let block = match number {
                0 => &mut self.first,
                1 => &mut self.second,
                _ => &mut other,
            };
            copy_bytes(source, block, length[0].into())?;
            number += 1;
        }
    }
}
