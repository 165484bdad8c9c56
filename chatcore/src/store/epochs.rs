//! Which start of the store saw which part of its log.
//!
//! Each start gives itself a name of its own, the epoch, and cursors tell during which one they were handed out. A copy
//! of the data folder, put back later, knows neither the starts after it nor that the one before it went on: a cursor of
//! a history that is gone is told from one that can be followed, and nobody has to say that anything was put back.

use std::sync::Arc;

use crate::state::Position;

/// Starts that are remembered, the newest; who comes back with a cursor of an older one loads anew.
const MOST: usize = 1_024;

/// The starts of a store, and where the log ended at each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epochs(Arc<[Epoch]>);

/// One start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its name, which no other start has.
    pub name: u64,
    /// Where the log ended when it began.
    pub after: Position,
}

impl Epochs {
    /// Those of a new store.
    #[must_use]
    pub fn new(name: u64) -> Self {
        Self(Arc::new([Epoch { name, after: Position(0) }]))
    }

    /// These, the oldest first; without any, the one that the store was made in.
    #[must_use]
    pub fn of(known: Vec<Epoch>, made_in: u64) -> Self {
        if known.is_empty() { Self::new(made_in) } else { Self(known.into()) }
    }

    /// Those that are known, the oldest first.
    #[must_use]
    pub fn known(&self) -> &[Epoch] {
        &self.0
    }

    /// The name of the newest.
    #[must_use]
    pub fn current(&self) -> u64 {
        self.0.last().map_or(0, |epoch| epoch.name)
    }

    /// With a new one, which begins where the log ends now; the same ones when it has begun already.
    #[must_use]
    pub fn begun(&self, name: u64, after: Position) -> Self {
        if self.current() == name {
            return self.clone();
        }
        let all = self.0.iter().copied().chain([Epoch { name, after }]);
        Self(all.skip((self.0.len() + 1).saturating_sub(MOST)).collect())
    }

    /// Whether the log had come to this position in this epoch, so that whoever was told so then can follow from there.
    #[must_use]
    pub fn reach(&self, name: u64, position: Position) -> bool {
        let Some(at) = self.0.iter().position(|epoch| epoch.name == name) else { return false };
        self.0.get(at + 1).is_none_or(|next| position <= next.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_ends_where_the_next_one_begins() {
        let epochs = Epochs::new(1).begun(2, Position(10)).begun(3, Position(10)).begun(3, Position(20));
        for (name, position, reaches) in
            [(1, 0, true), (1, 10, true), (1, 11, false), (2, 10, true), (2, 11, false), (3, 20, true), (4, 1, false)]
        {
            assert_eq!(epochs.reach(name, Position(position)), reaches, "{name} at {position}");
        }
        assert_eq!(epochs.current(), 3);
    }

    #[test]
    fn only_the_newest_are_remembered() {
        let epochs = (2..=3_000).fold(Epochs::new(1), |epochs, name| epochs.begun(name, Position(name)));
        assert_eq!((epochs.known().len(), epochs.current()), (MOST, 3_000));
        assert!(!epochs.reach(1, Position(1)) && epochs.reach(2_900, Position(1)));
    }
}
