use chat_proto::model::{Conversation, Participant};
use chat_proto::{ConversationId, Seq, UserId};

/// More people than this, and everybody's marks are their own business (docs/protocol.md, "Marks").
const RECEIPTS_UP_TO: u32 = 50;

/// My conversations in the order of their activity.
///
/// The order is that of the events, not of `updated_at`: several things happen in one millisecond. So each conversation
/// has a rank, which is that of the last event that moved it to the top.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    /// By rank, the greatest first.
    held: Vec<Held>,
    last_rank: Rank,
    /// Whether the server has older ones.
    pub(super) more: bool,
    /// Whether something may be unread in those that are not held.
    pub(super) more_unread: bool,
}

#[derive(Debug)]
struct Held {
    rank: Rank,
    conversation: Conversation,
}

/// Grows with each event; what was loaded below everything else has negative ones.
pub(super) type Rank = i64;

/// The rank of those that are held apart, for what is unread in them: between them and the others are some that are not
/// held. Among themselves they stand by the moment of their newest activity.
pub(super) const APART: Rank = Rank::MIN;

impl Conversations {
    /// With these in this order, nothing else.
    pub(super) fn replace(&mut self, conversations: Vec<Conversation>, more: bool) {
        self.more_unread = more;
        self.last_rank = Rank::try_from(conversations.len()).unwrap_or(Rank::MAX);
        let ranks = (1..=self.last_rank).rev();
        self.held = ranks.zip(conversations).map(|(rank, conversation)| Held { rank, conversation }).collect();
        self.more = more;
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Conversation> + ExactSizeIterator {
        self.held.iter().map(|held| &held.conversation)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Conversation> {
        self.held.iter_mut().map(|held| &mut held.conversation)
    }

    pub(super) fn get(&self, id: ConversationId) -> Option<&Conversation> {
        self.iter().find(|conversation| conversation.id == id)
    }

    pub(super) fn get_mut(&mut self, id: ConversationId) -> Option<&mut Conversation> {
        self.iter_mut().find(|conversation| conversation.id == id)
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// The rank of another event.
    pub(super) fn next_rank(&mut self) -> Rank {
        self.last_rank += 1;
        self.last_rank
    }

    /// A rank below all others but those that are held apart.
    pub(super) fn lowest_rank(&self) -> Rank {
        self.held.iter().rev().find(|held| held.rank > APART).map_or(0, |held| held.rank - 1)
    }

    /// How many are held apart.
    pub(super) fn apart(&self) -> usize {
        self.held.iter().rev().take_while(|held| held.rank == APART).count()
    }

    /// Adds one that is not held; its place.
    pub(super) fn insert(&mut self, rank: Rank, conversation: Conversation) -> usize {
        let later = |held: &Held| held.rank == APART && held.conversation.updated_at > conversation.updated_at;
        let at = self.held.partition_point(|held| held.rank > rank || (rank == APART && later(held)));
        self.held.insert(at, Held { rank, conversation });
        at
    }

    pub(super) fn remove(&mut self, id: ConversationId) -> bool {
        let before = self.held.len();
        self.held.retain(|held| held.conversation.id != id);
        self.held.len() < before
    }

    /// Something happened in it; its new place, if that is another.
    pub(super) fn touch(&mut self, id: ConversationId, rank: Rank) -> Option<usize> {
        let from = self.held.iter().position(|held| held.conversation.id == id)?;
        if self.held[from].rank >= rank {
            return None;
        }
        let held = self.held.remove(from);
        let to = self.insert(rank, held.conversation);
        (from != to).then_some(to)
    }
}

/// Brings together what is held of a conversation and what was loaded or told of it, whichever is newer in what.
pub(super) fn merge(held: &mut Conversation, other: Conversation) {
    let Conversation { kind, subject, participants, participant_count, last_message, last_seq, .. } = other;
    let fuller = other.version == held.version && participants.len() > held.participants.len();
    if other.version > held.version || fuller {
        let before = std::mem::replace(&mut held.participants, participants);
        held.version = other.version;
        held.participant_count = participant_count;
        (held.kind, held.subject) = (kind, subject);
        held.receipts &= other.receipts;
        for Participant { id, read_seq, delivered_seq, .. } in before {
            read_up_to(held, id, read_seq, None);
            delivered_up_to(held, id, delivered_seq);
        }
    } else {
        for Participant { id, read_seq, delivered_seq, .. } in participants {
            read_up_to(held, id, read_seq, None);
            delivered_up_to(held, id, delivered_seq);
        }
    }
    if !held.receipts {
        without_receipts(held);
    }
    let newer = match (&held.last_message, &last_message) {
        _ if last_seq != held.last_seq => last_seq > held.last_seq,
        (Some(held), Some(other)) => other.version > held.version,
        (held, other) => held.is_none() && other.is_some(),
    };
    if newer {
        held.last_seq = last_seq;
        held.last_message = last_message;
    }
    held.updated_at = held.updated_at.max(other.updated_at);
    held.read_seq = held.read_seq.max(other.read_seq);
    count_unread(held);
}

/// Moves somebody's read mark, if it is a step forward; `me` has one of their own too.
pub(super) fn read_up_to(conversation: &mut Conversation, user: UserId, seq: Seq, me: Option<UserId>) -> bool {
    let mut moved = false;
    for participant in &mut conversation.participants {
        if conversation.receipts && participant.id == user && participant.read_seq < seq {
            participant.read_seq = seq;
            participant.delivered_seq = participant.delivered_seq.max(seq);
            moved = true;
        }
    }
    if me == Some(user) && conversation.read_seq < seq {
        conversation.read_seq = seq;
        count_unread(conversation);
        moved = true;
    }
    moved
}

/// What somebody says of their reading: the others' marks only grow, one's own goes where it was moved, also back.
pub(super) fn read_moved(conversation: &mut Conversation, user: UserId, seq: Seq, me: Option<UserId>) -> bool {
    let mut moved = read_up_to(conversation, user, seq, me);
    if me == Some(user) && conversation.read_seq != seq {
        conversation.read_seq = seq;
        count_unread(conversation);
        moved = true;
    }
    moved
}

/// What was written up to here has reached somebody.
pub(super) fn delivered_up_to(conversation: &mut Conversation, user: UserId, seq: Seq) -> bool {
    let theirs = conversation.participants.iter_mut().find(|participant| participant.id == user);
    match theirs {
        Some(participant) if conversation.receipts && participant.delivered_seq < seq => {
            participant.delivered_seq = seq;
            true
        }
        _ => false,
    }
}

/// Once so many are in it, nobody is told of the others' marks any more, for good.
pub(super) fn count_people(conversation: &mut Conversation) {
    if conversation.participant_count > RECEIPTS_UP_TO {
        conversation.receipts = false;
        without_receipts(conversation);
    }
}

fn without_receipts(conversation: &mut Conversation) {
    for participant in &mut conversation.participants {
        (participant.read_seq, participant.delivered_seq) = (Seq::ZERO, Seq::ZERO);
    }
}

/// Writing moves one's own mark, so all that comes after it is by others.
pub(super) fn count_unread(conversation: &mut Conversation) {
    conversation.unread = conversation.last_seq.0.saturating_sub(conversation.read_seq.0);
}

/// Whether participants are missing: lists carry only the first 20.
pub(super) fn is_partial(conversation: &Conversation) -> bool {
    u32::try_from(conversation.participants.len()).is_ok_and(|held| held < conversation.participant_count)
}
