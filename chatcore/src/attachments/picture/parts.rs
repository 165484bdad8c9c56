//! What the formats have in common: parts with a length in front.

use std::io::{self, BufRead, Read, Write};

use super::super::Unfit;

/// The next `N` bytes.
pub(super) fn array<const N: usize>(source: &mut impl Read) -> Result<[u8; N], Unfit> {
    let mut bytes = [0; N];
    source.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The next `length` bytes, in memory: the caller knows that they are few.
pub(super) fn bytes(source: &mut impl Read, length: usize) -> Result<Vec<u8>, Unfit> {
    let mut bytes = Vec::new();
    source.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length { Err(ended()) } else { Ok(bytes) }
}

/// Goes past the next `length` bytes.
pub(super) fn skip(source: &mut impl Read, length: u64) -> Result<(), Unfit> {
    copy(source, &mut io::sink(), length)
}

/// Copies the next `length` bytes.
pub(super) fn copy(source: &mut impl Read, out: &mut impl Write, length: u64) -> Result<(), Unfit> {
    let copied = io::copy(&mut source.take(length), out)?;
    if copied < length { Err(ended()) } else { Ok(()) }
}

/// What has been read already and not used; empty only at the end of the file.
pub(super) fn filled(source: &mut impl BufRead) -> Result<&[u8], Unfit> {
    Ok(source.fill_buf()?)
}

pub(super) fn ended() -> Unfit {
    io::Error::from(io::ErrorKind::UnexpectedEof).into()
}

/// A number of two bytes, the higher first. `at` lies inside.
pub(super) fn u16_be(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// A number of four bytes, the highest first. `at` lies inside.
pub(super) fn u32_be(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
