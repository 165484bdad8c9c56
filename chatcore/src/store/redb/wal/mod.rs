//! The write-ahead log: what is committed is on disk when it stands here, after one write and one sync.
//!
//! A batch that only appends to the log is one *record* in one of two files, which are used in turn: while the entries
//! of the one are folded into the tables, the other takes what comes; and what is folded is overwritten. So the files
//! stay as small as what waits to be folded, and after the first round nothing has to be allocated for a commit.
//!
//! A record is, little-endian: CRC-32 (as in RFC 1952) of all that follows, length of the payload, the store's epoch, the
//! position of its first line; then the lines, each as its length and its bytes, at consecutive positions. A file begins
//! with a record, and holds as many as follow each other with ascending positions; what stands behind them is left from
//! the round before, or from a write that never finished.

#[cfg(test)]
mod tests;

use redb::StorageBackend;

use super::rows::decode_line;
use crate::state::{Line, Position};
use crate::store::{StoreError, StoreErrorKind};

/// Bytes before the payload of a record.
pub(super) const HEADER: usize = 24;
/// A file grows by this much at a time, filled with zeros: writing into space that the file has already saves the file
/// system's own book-keeping at each sync (measured: 0.22 instead of 0.29 ms).
const GROW: u64 = 256 << 10;

/// The files, and where the next record goes.
#[derive(Debug)]
pub(super) struct Wal {
    epoch: u64,
    files: [WalFile; 2],
    active: usize,
}

#[derive(Debug)]
struct WalFile {
    backend: Box<dyn StorageBackend>,
    /// How much of the file there is.
    len: u64,
    /// Where its last record ends.
    end: u64,
    /// The first and the last line in it.
    first: Position,
    last: Position,
    /// Something may stand in it, behind the end too.
    written: bool,
}

/// What a file was found to hold.
struct Found {
    lines: Vec<Line>,
    /// Where each record begins, and the last one ends.
    bounds: Vec<usize>,
}

impl Wal {
    /// Opens the files. Returns what was written after `applied` too, ascending.
    ///
    /// The last record is written once more: if its sync had failed, nobody can know whether it is on the disk, though
    /// it can be read.
    ///
    /// # Errors
    /// `Corrupt` when a record is damaged and others follow it, or when they are another store's.
    pub(super) fn open(
        backends: [Box<dyn StorageBackend>; 2],
        epoch: u64,
        applied: Position,
    ) -> Result<(Self, Vec<Line>), StoreError> {
        let mut lines = Vec::new();
        let mut newest = None;
        let mut files = Vec::with_capacity(2);
        for backend in backends {
            let mut bytes = vec![0; size(backend.len()?)?];
            backend.read(0, &mut bytes)?;
            let found = read(&bytes, epoch, applied)?;
            let mut file = WalFile::empty(backend, bytes.len() as u64);
            if let (Some(first), Some(last)) = (found.lines.first(), found.lines.last()) {
                (file.first, file.last) = (first.position, last.position);
                file.end = found.bounds.last().copied().unwrap_or_default() as u64;
                if newest.as_ref().is_none_or(|(_, newest, _)| *newest < file.last) {
                    let begin = found.bounds.iter().rev().nth(1).copied().unwrap_or_default();
                    let record = bytes.get(begin..).and_then(|rest| rest.get(..found.bounds.last()? - begin));
                    newest = Some((files.len(), file.last, record.unwrap_or_default().to_vec()));
                }
            }
            lines.extend(found.lines.into_iter().filter(|line| line.position > applied));
            files.push(file);
        }
        lines.sort_unstable_by_key(|line| line.position);
        let files: [WalFile; 2] = files.try_into().map_err(|_| StoreError::corrupt("there are two files"))?;
        let active = newest.as_ref().map_or(0, |(i, ..)| *i);
        if let Some((i, last, record)) = newest
            && last > applied
        {
            let begin = files[i].end - record.len() as u64;
            files[i].backend.write(begin, &record)?;
            files[i].backend.sync_data()?;
        }
        Ok((Self { epoch, files, active }, lines))
    }

    /// Appends a record. It is on disk when this returns; after an error it may or may not be.
    pub(super) fn append(&mut self, record: &mut Record) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (record.first(), record.last()) else { return Ok(()) };
        let bytes = record.seal(self.epoch, first)?;
        let file = &mut self.files[self.active];
        let end = file.end + bytes.len() as u64;
        while file.len < end {
            file.backend.set_len(file.len + GROW)?;
            file.backend.write(file.len, &vec![0; size(GROW)?])?;
            file.len += GROW;
        }
        file.written = true;
        file.backend.write(file.end, bytes)?;
        file.backend.sync_data()?;
        if file.end == 0 {
            file.first = first;
        }
        (file.end, file.last) = (end, last);
        Ok(())
    }

    /// Goes on in the other file, if all that stands there is folded. Otherwise (after a crash in the middle of a fold)
    /// this one serves another round.
    pub(super) fn switch(&mut self, applied: Position) {
        let other = 1 - self.active;
        if self.files[other].last <= applied {
            self.active = other;
            self.files[other].end = 0;
        }
    }

    /// Overwrites what is folded. `true`: nothing from before this position stands in the files any more.
    pub(super) fn wipe(&mut self, applied: Position, before: Position) -> Result<bool, StoreError> {
        let mut wiped = true;
        for file in &mut self.files {
            if file.last > applied {
                wiped &= file.first > before;
                continue;
            }
            if file.written {
                file.clear()?;
                (file.end, file.written) = (0, false);
            }
        }
        Ok(wiped)
    }
}

impl WalFile {
    /// Overwrites all of it.
    fn clear(&self) -> Result<(), StoreError> {
        let zeros = vec![0; size(GROW)?];
        let mut at = 0;
        while at < self.len {
            let piece = GROW.min(self.len - at);
            self.backend.write(at, zeros.get(..size(piece)?).unwrap_or(&zeros))?;
            at += piece;
        }
        Ok(self.backend.sync_data()?)
    }

    fn empty(backend: Box<dyn StorageBackend>, len: u64) -> Self {
        Self { backend, len, end: 0, first: Position(0), last: Position(0), written: len > 0 }
    }
}

/// The lines that a batch appends, in the form of a record.
#[derive(Debug)]
pub(super) struct Record {
    bytes: Vec<u8>,
    /// Where each line stands in it.
    lines: Vec<(Position, std::ops::Range<usize>)>,
}

impl Default for Record {
    fn default() -> Self {
        Self { bytes: vec![0; HEADER], lines: Vec::new() }
    }
}

/// More room than this is not kept for the next batch.
const ROOM: usize = 1 << 20;

impl Record {
    /// Begins anew.
    pub(super) fn clear(&mut self) {
        if self.bytes.capacity() > ROOM {
            *self = Self::default();
        }
        self.bytes.truncate(HEADER);
        self.lines.clear();
    }

    /// Adds a line, which `write` appends to the buffer. Positions are consecutive.
    pub(super) fn push(&mut self, position: Position, write: impl FnOnce(&mut Vec<u8>)) {
        let at = self.bytes.len();
        self.bytes.extend([0; 4]);
        write(&mut self.bytes);
        let len = u32::try_from(self.bytes.len() - at - 4).unwrap_or(u32::MAX);
        self.bytes[at..at + 4].copy_from_slice(&len.to_le_bytes());
        self.lines.push((position, at + 4..self.bytes.len()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines, ascending.
    pub(super) fn lines(&self) -> impl Iterator<Item = (Position, &[u8])> {
        self.lines.iter().map(|(position, at)| (*position, self.bytes.get(at.clone()).unwrap_or_default()))
    }

    fn first(&self) -> Option<Position> {
        self.lines.first().map(|(position, _)| *position)
    }

    fn last(&self) -> Option<Position> {
        self.lines.last().map(|(position, _)| *position)
    }

    fn seal(&mut self, epoch: u64, first: Position) -> Result<&[u8], StoreError> {
        let payload = u32::try_from(self.bytes.len() - HEADER).map_err(too_long)?;
        self.bytes[4..8].copy_from_slice(&payload.to_le_bytes());
        self.bytes[8..16].copy_from_slice(&epoch.to_le_bytes());
        self.bytes[16..24].copy_from_slice(&first.0.to_le_bytes());
        let checksum = crc32fast::hash(&self.bytes[4..]);
        self.bytes[..4].copy_from_slice(&checksum.to_le_bytes());
        Ok(&self.bytes)
    }
}

/// Reads a file from its beginning as far as its records go.
fn read(bytes: &[u8], epoch: u64, applied: Position) -> Result<Found, StoreError> {
    let mut found = Found { lines: Vec::new(), bounds: vec![0] };
    let mut at = 0;
    let mut last = Position(0);
    while let Some((of, first, payload)) = bytes.get(at..).and_then(record) {
        if of != epoch {
            return Err(StoreError::corrupt("the write-ahead log belongs to another store, or to another epoch of it"));
        }
        if first <= last {
            break;
        }
        let mut position = first;
        for line in lines(payload) {
            found.lines.push(decode_line(position, line)?);
            last = position;
            position = position.next();
        }
        at += HEADER + payload.len();
        found.bounds.push(at);
    }
    // What was not finished was the last; so nothing newer can stand behind it.
    let rest = bytes.get(at..).unwrap_or_default();
    let newer = last.max(applied);
    let epoch = epoch.to_le_bytes();
    for (i, _) in rest.windows(8).enumerate().filter(|(i, window)| *i >= 8 && *window == epoch) {
        let first = rest.get(i + 8..i + 16).map(le64);
        if first.is_some_and(|first| first > newer.0) && rest.get(i - 8..).is_some_and(|at| record(at).is_some()) {
            return Err(StoreError::corrupt("a record of the write-ahead log is damaged, and others stand behind it"));
        }
    }
    Ok(found)
}

/// The record that begins here, if one does: its store's epoch, the position of its first line, its payload.
fn record(bytes: &[u8]) -> Option<(u64, Position, &[u8])> {
    let header = bytes.get(..HEADER)?;
    let payload = usize::try_from(le32(&header[4..8])).ok()?;
    let whole = bytes.get(..HEADER + payload)?;
    let genuine = payload > 0 && crc32fast::hash(&whole[4..]) == le32(&header[..4]);
    genuine.then(|| (le64(&header[8..16]), Position(le64(&header[16..24])), &whole[HEADER..]))
}

/// The lines of a payload that the checksum has proved to be whole.
fn lines(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = payload;
    std::iter::from_fn(move || {
        let len = usize::try_from(le32(rest.get(..4)?)).ok()?;
        let line = rest.get(4..4 + len)?;
        rest = rest.get(4 + len..)?;
        Some(line)
    })
}

fn size(len: u64) -> Result<usize, StoreError> {
    usize::try_from(len).map_err(too_long)
}

fn too_long(error: std::num::TryFromIntError) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, error)
}

fn le32(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn le64(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
