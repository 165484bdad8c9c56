use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chat_client::{Clock, Entropy};
use chat_proto::Timestamp;

/// Chance that always falls the same way.
#[derive(Debug)]
pub(crate) struct Always(pub(crate) u8);

impl Entropy for Always {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

/// Chance that follows from a seed (`SplitMix64`).
#[derive(Debug)]
pub(crate) struct Seeded(pub(crate) AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut mixed = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes()[..chunk.len()]);
        }
    }
}

/// A clock that goes on by a millisecond whenever it is looked at.
#[derive(Debug)]
pub(crate) struct Steps(pub(crate) AtomicI64);

impl Clock for Steps {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }
}
