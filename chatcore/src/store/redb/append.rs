//! Lines on their way to the end of the log.

use std::ops::Bound;

use redb::Table;

use super::tables::encode_line;
use crate::state::{Entry, MessageRow, Position};
use crate::store::StoreError;

/// The lines that a batch appends. They are written together: finding the end of the table anew for each line costs more
/// than the line.
#[derive(Debug, Default)]
pub(super) struct Appends {
    bytes: Vec<u8>,
    /// Where each line ends in `bytes`, by ascending position.
    ends: Vec<(Position, usize)>,
}

impl Appends {
    pub(super) fn push(&mut self, position: Position, entry: &Entry, message: Option<&MessageRow>) {
        encode_line(entry, message, &mut self.bytes);
        self.ends.push((position, self.bytes.len()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(super) fn write(&self, table: &mut Table<'_, u64, &'static [u8]>) -> Result<(), StoreError> {
        let mut end_of_table = table.upper_bound_mut(Bound::<u64>::Unbounded)?;
        for (i, (position, end)) in self.ends.iter().enumerate() {
            end_of_table.insert_before(position.0, &self.bytes[self.start(i)..*end])?;
        }
        Ok(end_of_table.close()?)
    }

    fn start(&self, i: usize) -> usize {
        i.checked_sub(1).map_or(0, |before| self.ends[before].1)
    }
}
