//! How many accounts there are of each kind: one row, changed together with the accounts, so that it is never wrong.

use chat_proto::model::Who;
use minicbor::{Decode, Encode};

use super::{Account, AccountState, UserNo, cbor};
use crate::store::{StoreError, StoreErrorKind};

/// How many accounts there are.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Headcount {
    /// Accounts beyond this number are not counted yet: they were made before accounts were counted.
    #[cbor(n(0), with = "cbor::user_no")]
    up_to: UserNo,
    /// By [`who_number`]: those that can be used.
    #[n(1)]
    active: Vec<u64>,
    /// In the same order: those that are disabled.
    #[n(2)]
    disabled: Vec<u64>,
}

impl Headcount {
    /// Nobody was counted yet.
    pub fn unbegun() -> Self {
        Self { up_to: UserNo(0), active: Vec::new(), disabled: Vec::new() }
    }

    /// There is nobody, and whoever comes is counted.
    pub fn of_nobody() -> Self {
        Self { up_to: UserNo(u64::MAX), ..Self::unbegun() }
    }

    /// Whether all accounts are counted.
    pub fn is_complete(&self) -> bool {
        self.up_to.0 == u64::MAX
    }

    /// Up to which number accounts are counted.
    pub fn up_to(&self) -> UserNo {
        self.up_to
    }

    /// From now on accounts up to this number are counted.
    pub fn counted_up_to(&mut self, no: UserNo) {
        self.up_to = no;
    }

    /// An account is there that was not, or has become this.
    pub fn add(&mut self, account: &Account) {
        if let Some(count) = self.count(account) {
            *count += 1;
        }
    }

    /// An account is no longer there, or no longer this.
    pub fn take(&mut self, account: &Account) {
        if let Some(count) = self.count(account) {
            *count = count.saturating_sub(1);
        }
    }

    /// How many accounts of this kind can be used, and how many are disabled.
    pub fn of(&self, who: Who) -> (u64, u64) {
        let count = |counts: &Vec<u64>| counts.get(who_number(who)).copied().unwrap_or_default();
        (count(&self.active), count(&self.disabled))
    }

    /// Where this account is counted; those that were deleted are nobody.
    fn count(&mut self, account: &Account) -> Option<&mut u64> {
        let counts = match account.state {
            AccountState::Active => &mut self.active,
            AccountState::Disabled => &mut self.disabled,
            AccountState::Deleted => return None,
        };
        let number = who_number(who(account));
        if counts.len() <= number {
            counts.resize(number + 1, 0);
        }
        counts.get_mut(number)
    }

    pub(crate) fn encoded(&self) -> Vec<u8> {
        minicbor::to_vec(self).unwrap_or_default()
    }

    pub(crate) fn decoded(row: &[u8]) -> Result<Self, StoreError> {
        minicbor::decode(row).map_err(|error| StoreError::new(StoreErrorKind::Corrupt, error))
    }
}

/// As what an account is counted.
pub fn who(account: &Account) -> Who {
    Who::of(account.role, account.visitor().is_some(), account.is_bot())
}

/// The stored number of it; never reused.
pub(crate) const fn who_number(who: Who) -> usize {
    match who {
        Who::Admin => 0,
        Who::Agent => 1,
        Who::Customer => 2,
        Who::Designer => 3,
        Who::Merchant => 4,
        Who::Visitor => 5,
        // `non_exhaustive` towards other crates: there is no other.
        _ => 6,
    }
}

/// So many there are.
pub(crate) const WHO_NUMBERS: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::golden::golden;

    #[test]
    fn the_row_keeps_its_bytes() {
        golden(&Headcount { up_to: UserNo(9), active: vec![1, 300], disabled: vec![] }, "8309820119012c80");
    }

    #[test]
    fn everybody_has_a_number_of_their_own() {
        let mut numbers = Who::ALL.map(who_number);
        numbers.sort_unstable();
        assert_eq!(numbers, std::array::from_fn(|i| i));
        assert_eq!(numbers.len(), WHO_NUMBERS);
    }
}
