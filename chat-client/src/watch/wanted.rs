use std::collections::HashMap;

use chat_proto::ConversationId;

use super::conversations::Rank;
use crate::live::LiveChange;

/// Conversations that are being loaded one by one: something happened in them, and they are not held, or not in full.
#[derive(Debug, Default)]
pub(super) struct Wanted(HashMap<ConversationId, Want>);

/// What happened in a conversation since it was asked for. The answer may show an earlier moment.
#[derive(Debug)]
pub(super) struct Want {
    generation: u64,
    /// The place in the list that what happened gives it.
    pub(super) rank: Rank,
    pub(super) told: Vec<(Rank, LiveChange)>,
}

impl Wanted {
    /// Conversations that are awaited at once; when there are more, beginning anew is less work.
    pub(super) const MOST: usize = 256;
    /// Events that are remembered of one conversation.
    const MOST_TOLD: usize = 256;

    pub(super) fn contains(&self, id: ConversationId) -> bool {
        self.0.contains_key(&id)
    }

    /// Asks for one; `false`: it was asked for before.
    pub(super) fn ask(&mut self, id: ConversationId, generation: u64, rank: Rank) -> bool {
        let fresh = !self.0.contains_key(&id);
        self.0.entry(id).or_insert(Want { generation, rank, told: Vec::new() });
        fresh
    }

    /// Gives it a place no lower than this.
    pub(super) fn raise(&mut self, id: ConversationId, rank: Rank) {
        if let Some(want) = self.0.get_mut(&id) {
            want.rank = want.rank.max(rank);
        }
    }

    /// Remembers what happened in it; `false`: there is no room.
    pub(super) fn tell(&mut self, id: ConversationId, rank: Rank, change: LiveChange) -> bool {
        let want = self.0.get_mut(&id).filter(|want| want.told.len() < Self::MOST_TOLD);
        want.map(|want| want.told.push((rank, change))).is_some()
    }

    pub(super) fn awaits(&self, id: ConversationId, generation: u64) -> bool {
        self.0.get(&id).is_some_and(|want| want.generation == generation)
    }

    /// The answer came, to this very question.
    pub(super) fn answered(&mut self, id: ConversationId, generation: u64) -> Option<Want> {
        if self.awaits(id, generation) { self.0.remove(&id) } else { None }
    }

    /// No answer is of use any more.
    pub(super) fn forget(&mut self, id: ConversationId) {
        self.0.remove(&id);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
