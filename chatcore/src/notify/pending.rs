//! What somebody may have to be told of soon. In memory only: after a restart it follows from the log once more, which is
//! kept in mind only as far as everything before it is decided.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use chat_proto::Timestamp;

use super::Channel;
use crate::state::{ConversationNo, Position, UserNo};

/// What waits for whom. One entry per person and conversation, however many messages there are.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The channels there are, and how long each waits.
    delays: Vec<(Channel, Duration)>,
    waiting: HashMap<(UserNo, ConversationNo), Waiting>,
    due: BTreeSet<(Timestamp, Channel, UserNo, ConversationNo)>,
    /// The first message of each entry.
    first: BTreeSet<(Position, UserNo, ConversationNo)>,
    /// Everything up to here was heard.
    reached: Position,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    first: Position,
    /// When they are due by each channel.
    by_channel: [Option<Timestamp>; Channel::ALL.len()],
}

/// Somebody who may have to be told now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) channel: Channel,
    pub(crate) user: UserNo,
    pub(crate) conversation: ConversationNo,
}

impl Pending {
    pub(crate) fn new(delays: Vec<(Channel, Duration)>, reached: Position) -> Self {
        let (waiting, due, first) = (HashMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { delays, waiting, due, first, reached }
    }

    /// Everything up to here was heard.
    pub(crate) const fn reached(&self) -> Position {
        self.reached
    }

    /// Nothing more happened up to here.
    pub(crate) fn reach(&mut self, position: Position) {
        self.reached = self.reached.max(position);
    }

    /// How far everything is decided: what comes after it is to be heard again after a restart.
    pub(crate) fn decided(&self) -> Position {
        self.first.first().map_or(self.reached, |(position, ..)| Position(position.0.saturating_sub(1)))
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Somebody wrote something that this person has not read.
    pub(crate) fn message(&mut self, position: Position, at: Timestamp, user: UserNo, conversation: ConversationNo) {
        let waiting = self.waiting.entry((user, conversation)).or_insert_with(|| {
            self.first.insert((position, user, conversation));
            Waiting { first: position, by_channel: [None; Channel::ALL.len()] }
        });
        for (channel, delay) in &self.delays {
            let slot = &mut waiting.by_channel[usize::from(channel.number())];
            if slot.is_none() {
                let due = at.after(*delay);
                *slot = Some(due);
                self.due.insert((due, *channel, user, conversation));
            }
        }
    }

    /// Nothing waits any more.
    fn forget(&mut self, user: UserNo, conversation: ConversationNo) {
        let Some(waiting) = self.waiting.remove(&(user, conversation)) else { return };
        self.first.remove(&(waiting.first, user, conversation));
        for (channel, due) in Channel::ALL.into_iter().zip(waiting.by_channel) {
            if let Some(due) = due {
                self.due.remove(&(due, channel, user, conversation));
            }
        }
    }

    /// When somebody is due next.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, ..)| *due)
    }

    /// Those whose time has come, at most so many. Each is still waiting until it is [settled](Self::settle) or comes
    /// [again](Self::again).
    pub(crate) fn due(&self, now: Timestamp, most: usize) -> Vec<Candidate> {
        let candidate = |(_, channel, user, conversation)| Candidate { channel, user, conversation };
        self.due.iter().copied().take_while(|(due, ..)| *due <= now).take(most).map(candidate).collect()
    }

    /// It is decided.
    pub(crate) fn settle(&mut self, candidate: &Candidate) {
        let Candidate { channel, user, conversation, .. } = *candidate;
        let Some(waiting) = self.waiting.get_mut(&(user, conversation)) else { return };
        if let Some(due) = waiting.by_channel[usize::from(channel.number())].take() {
            self.due.remove(&(due, channel, user, conversation));
        }
        if waiting.by_channel.iter().all(Option::is_none) {
            self.forget(user, conversation);
        }
    }

    /// It is looked at again at this moment.
    pub(crate) fn again(&mut self, candidate: &Candidate, at: Timestamp) {
        let Candidate { channel, user, conversation, .. } = *candidate;
        let Some(waiting) = self.waiting.get_mut(&(user, conversation)) else { return };
        if let Some(slot) = &mut waiting.by_channel[usize::from(channel.number())] {
            self.due.remove(&(*slot, channel, user, conversation));
            *slot = at;
            self.due.insert((at, channel, user, conversation));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000;
    const A: (UserNo, ConversationNo) = (UserNo(1), ConversationNo(1));

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * SECOND)
    }

    fn pending() -> Pending {
        let delays = vec![(Channel::Mail, Duration::from_mins(1)), (Channel::Push, Duration::from_secs(5))];
        Pending::new(delays, Position(0))
    }

    #[test]
    fn messages_of_a_conversation_are_one_and_wait_from_the_first() {
        let mut pending = pending();
        for (position, seconds) in [(1, 0), (2, 3), (3, 4)] {
            pending.message(Position(position), at(seconds), A.0, A.1);
            pending.reach(Position(position));
        }
        assert_eq!((pending.len(), pending.next_due()), (1, Some(at(5))));
        assert_eq!((pending.decided(), pending.reached()), (Position(0), Position(3)));
        assert_eq!(pending.due(at(4), 9), []);
        let [push] = pending.due(at(5), 9)[..] else { panic!("the push") };
        assert_eq!(push.channel, Channel::Push);
        pending.settle(&push);
        // What comes now is a push of its own, and part of the mail.
        pending.message(Position(4), at(30), A.0, A.1);
        assert_eq!(pending.next_due(), Some(at(35)));
        pending.settle(&pending.due(at(35), 9)[0].clone());
        let [mail] = pending.due(at(60), 9)[..] else { panic!("the mail") };
        assert_eq!(mail.channel, Channel::Mail);
        pending.again(&mail, at(90));
        assert_eq!((pending.due(at(89), 9).len(), pending.decided()), (0, Position(0)));
        pending.settle(&pending.due(at(90), 9)[0].clone());
        assert_eq!((pending.len(), pending.next_due(), pending.decided()), (0, None, Position(3)));
    }
}
