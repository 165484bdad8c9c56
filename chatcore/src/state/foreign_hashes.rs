//! How many passwords are still kept as they were hashed where they come from: one row, changed together with the
//! accounts. Signing in asks it, to take equally long for everybody whose password is wrong.

use minicbor::{Decode, Encode};

use crate::auth::Bcrypt;
use crate::store::{StoreError, StoreErrorKind};

/// How many accounts have a bcrypt hash, by its cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ForeignHashes {
    /// From the lowest cost on.
    #[n(0)]
    by_cost: Vec<u64>,
}

impl ForeignHashes {
    /// The highest cost that there is.
    pub fn highest_cost(&self) -> Option<u32> {
        let place = self.by_cost.iter().rposition(|count| *count > 0)?;
        Some(Bcrypt::LOWEST_COST + u32::try_from(place).ok()?)
    }

    /// One more with this cost.
    pub fn add(&mut self, cost: u32) {
        let place = place(cost);
        if self.by_cost.len() <= place {
            self.by_cost.resize(place + 1, 0);
        }
        if let Some(count) = self.by_cost.get_mut(place) {
            *count += 1;
        }
    }

    /// One less.
    pub fn take(&mut self, cost: u32) {
        if let Some(count) = self.by_cost.get_mut(place(cost)) {
            *count = count.saturating_sub(1);
        }
    }

    pub(crate) fn encoded(&self) -> Vec<u8> {
        minicbor::to_vec(self).unwrap_or_default()
    }

    /// The row again.
    pub fn decoded(row: &[u8]) -> Result<Self, StoreError> {
        minicbor::decode(row).map_err(|error| StoreError::new(StoreErrorKind::Corrupt, error))
    }
}

fn place(cost: u32) -> usize {
    cost.saturating_sub(Bcrypt::LOWEST_COST) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::golden::golden;

    #[test]
    fn the_highest_cost_is_known_until_the_last_hash_of_it_is_gone() {
        let mut hashes = ForeignHashes::default();
        assert_eq!(hashes.highest_cost(), None);
        for cost in [10, 12, 10] {
            hashes.add(cost);
        }
        golden(&hashes, "8189000000000000020001");
        assert_eq!(hashes.highest_cost(), Some(12));
        hashes.take(12);
        assert_eq!(hashes.highest_cost(), Some(10));
        hashes.take(10);
        hashes.take(10);
        assert_eq!(hashes.highest_cost(), None);
    }
}
