//! Rows on their way to the end of a table.

use std::ops::Bound;

use minicbor::Encode;
use redb::Table;

use super::tables::encode;
use crate::state::Position;
use crate::store::StoreError;

/// The rows that a batch appends to one table. They are written together: finding the end of the table anew for each
/// row costs more than the row.
#[derive(Debug, Default)]
pub(super) struct Appends {
    bytes: Vec<u8>,
    /// Where each row ends in `bytes`, by ascending position.
    ends: Vec<(Position, usize)>,
}

impl Appends {
    pub(super) fn push<T: Encode<()>>(&mut self, position: Position, row: &T) {
        encode(row, &mut self.bytes);
        self.ends.push((position, self.bytes.len()));
    }

    pub(super) fn get(&self, position: Position) -> Option<&[u8]> {
        let i = self.ends.binary_search_by_key(&position, |(position, _)| *position).ok()?;
        self.bytes.get(self.start(i)..self.ends[i].1)
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
