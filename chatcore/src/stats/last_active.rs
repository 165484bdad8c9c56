//! On which day each of many was active last, found by their dense numbers.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use rustc_hash::FxHasher;

use super::DayNo;

/// So many numbers lie together: in memory, and as one row where they are kept.
const CHUNK: usize = 256;

/// The last day on which somebody, or a conversation, was active, and as what they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) day: DayNo,
    pub(super) kind: u8,
}

/// 4 bytes for each number between the first and the last of a chunk in which anybody was active lately.
#[derive(Clone, Debug, Default)]
pub(super) struct LastActive(HashMap<u64, Chunk, BuildHasherDefault<FxHasher>>);

#[derive(Clone, Debug)]
struct Chunk {
    /// The last day of any of them.
    newest: DayNo,
    /// 0: never; else the day, and what they are in the lowest byte.
    entries: Box<[u32; CHUNK]>,
}

impl LastActive {
    /// In which chunk a number lies.
    pub(super) const fn chunk_of(no: u64) -> u64 {
        no / CHUNK as u64
    }

    pub(super) fn get(&self, no: u64) -> Option<Last> {
        unpacked(self.0.get(&Self::chunk_of(no))?.entries[place(no)])
    }

    pub(super) fn set(&mut self, no: u64, last: Last) {
        let empty = || Chunk { newest: 0, entries: Box::new([0; CHUNK]) };
        let chunk = self.0.entry(Self::chunk_of(no)).or_insert_with(empty);
        chunk.newest = chunk.newest.max(last.day);
        chunk.entries[place(no)] = packed(last);
    }

    /// Forgets the chunks in which nobody was active since this day, and says which.
    pub(super) fn forget_before(&mut self, day: DayNo) -> Vec<u64> {
        self.0.extract_if(|_, chunk| chunk.newest < day).map(|(number, _)| number).collect()
    }

    /// All that is known.
    pub(super) fn iter(&self) -> impl Iterator<Item = Last> {
        self.0.values().flat_map(|chunk| chunk.entries.iter().copied().filter_map(unpacked))
    }

    pub(super) fn chunks(&self) -> impl Iterator<Item = u64> {
        self.0.keys().copied()
    }

    /// A chunk as a row: those who were ever active, by their place in it. `None`: it was forgotten.
    pub(super) fn row(&self, chunk: u64) -> Option<Vec<u8>> {
        let chunk = self.0.get(&chunk)?;
        let mut row = Vec::new();
        for (place, entry) in (0..=u8::MAX).zip(chunk.entries.iter()).filter(|(_, entry)| **entry != 0) {
            row.push(place);
            row.extend_from_slice(&entry.to_be_bytes());
        }
        Some(row)
    }

    /// Reads such a row. `None`: it is none.
    pub(super) fn read(&mut self, chunk: u64, row: &[u8]) -> Option<()> {
        let (entries, rest) = row.as_chunks::<5>();
        for [place, entry @ ..] in entries {
            let no = chunk.checked_mul(CHUNK as u64)? + u64::from(*place);
            self.set(no, unpacked(u32::from_be_bytes(*entry))?);
        }
        rest.is_empty().then_some(())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is less than CHUNK")]
const fn place(no: u64) -> usize {
    (no % CHUNK as u64) as usize
}

/// Days have 24 bits, which is enough for 45,000 years.
fn packed(last: Last) -> u32 {
    last.day << 8 | u32::from(last.kind)
}

fn unpacked(entry: u32) -> Option<Last> {
    let [.., kind] = entry.to_be_bytes();
    (entry != 0).then_some(Last { day: entry >> 8, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_they_are_written_and_forgotten_when_they_are_old() {
        let mut people = LastActive::default();
        for (no, day) in [(1, 7), (255, 8), (256, 3), (u64::MAX, 9)] {
            people.set(no, Last { day, kind: 2 });
        }
        let mut again = LastActive::default();
        for chunk in people.chunks().collect::<Vec<_>>() {
            again.read(chunk, &people.row(chunk).unwrap()).unwrap();
        }
        for no in [1, 255, 256, u64::MAX, 2, 512] {
            assert_eq!(again.get(no), people.get(no), "{no}");
        }
        assert_eq!(people.row(0).unwrap(), [1, 0, 0, 7, 2, 255, 0, 0, 8, 2]);
        assert_eq!(people.forget_before(8), [1]);
        assert_eq!((people.get(1), people.get(256)), (Some(Last { day: 7, kind: 2 }), None));
        assert!(people.row(1).is_none() && again.read(0, &[1, 2]).is_none());
    }
}
