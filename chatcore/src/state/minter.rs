use std::sync::Arc;

use chat_proto::{AuditId, MessageId, Timestamp};

use crate::clock::{Clock, Entropy};

/// Gives each commit its moment and each message its id, both only ever growing.
///
/// Ids of messages grow with their numbers, so a message is found in its conversation by its id without an index.
/// A clock that is set back cannot break that: time then stands still here until it has caught up.
#[derive(Debug)]
pub struct Minter {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    now: Timestamp,
    clock_now: Timestamp,
    last_id: u128,
    /// Randomness is fetched in pieces of this size: a system call a message would cost more than the id.
    random: Vec<u8>,
}

const RANDOM_PIECE: usize = 1_000;

impl Minter {
    /// `last`: the moment of the newest entry in the log.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, last: Timestamp) -> Self {
        // The ids given in that last millisecond are not known any more.
        let now = Timestamp::from_millis(last.as_millis().saturating_add(1));
        let clock_now = clock.now();
        Self { clock, entropy, now, clock_now, last_id: 0, random: Vec::new() }
    }

    /// Reads the clock; called once per commit.
    pub fn tick(&mut self) {
        self.clock_now = self.clock.now();
        self.now = self.now.max(self.clock_now);
    }

    /// What the clock says, which may have been set back: what expires by the clock is compared with this.
    pub fn clock_now(&self) -> Timestamp {
        self.clock_now
    }

    /// The moment of this commit.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The next message's id.
    pub fn message_id(&mut self) -> MessageId {
        let random = self.random();
        let fresh = u128::from_be_bytes(MessageId::new(self.now, random).to_bytes());
        // Within one millisecond the random part decides; step up by a random stride when it would go back.
        let stride = u128::from(u32::from_be_bytes([random[0], random[1], random[2], random[3]])) + 1;
        self.last_id = if fresh > self.last_id { fresh } else { self.last_id + stride };
        MessageId::from_bytes(self.last_id.to_be_bytes())
    }

    /// The id of the next entry of the audit log; the entries too are told apart, and put in order, by their ids alone.
    pub fn audit_id(&mut self) -> AuditId {
        AuditId::from_bytes(self.message_id().to_bytes())
    }

    fn random(&mut self) -> [u8; 10] {
        if self.random.is_empty() {
            self.random.resize(RANDOM_PIECE, 0);
            self.entropy.fill(&mut self.random);
        }
        let rest = self.random.split_off(self.random.len() - 10);
        let mut random = [0; 10];
        random.copy_from_slice(&rest);
        random
    }
}
