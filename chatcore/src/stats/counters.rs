//! What is counted of the log, line by line. What comes out follows from the lines alone.
//!
//! How many were active in the last N days is a sum over N days, because each of them is counted on one day only: the last
//! on which they were active. When a day ends, these sums are put down for every N, so that they can be asked for later
//! too, when many have been active again since.

use std::collections::{BTreeMap, BTreeSet};

use chat_proto::model::{Begun, ConversationKind, Who};
use chat_proto::{Day, Timestamp};

use super::last_active::{Last, LastActive};
use super::{DayNo, LONGEST};
use crate::state::{ConversationNo, Position, UserNo, WHO_NUMBERS, who_number};

/// Days on which something happened that are remembered, the newest.
const MOST_DAYS: usize = 400;

/// What a line of the log is to the statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// Somebody, who was this, wrote a message.
    Message { author: UserNo, who: Who, conversation: ConversationNo },
    /// A conversation began.
    Began(ConversationKind),
    /// Somebody may be something else now.
    Changed { user: UserNo, who: Who },
    /// Nothing that is counted.
    Other,
}

/// What happened on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OfDay {
    pub(super) messages: u64,
    pub(super) begun: Begun,
    /// Those who were active on this day the last time, by the number of what they are.
    pub(super) people: [u64; WHO_NUMBERS],
    /// The same, of conversations.
    pub(super) conversations: u64,
}

/// How many were active in the last 1, 2, 3 … days when a day ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AtEnd {
    pub(super) people: Vec<u64>,
    pub(super) conversations: Vec<u64>,
}

/// What has changed since it was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    AtEnd(DayNo),
    People(u64),
    Conversations(u64),
    Day(DayNo),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Counters {
    /// Everything up to here is counted.
    pub(super) reached: Position,
    /// The day of that line; 0 before the first.
    pub(super) today: DayNo,
    /// From when on it is counted; `None`: from the beginning.
    pub(super) since: Option<Timestamp>,
    pub(super) days: BTreeMap<DayNo, OfDay>,
    pub(super) at_end: BTreeMap<DayNo, AtEnd>,
    pub(super) people: LastActive,
    pub(super) conversations: LastActive,
    pub(super) changed: BTreeSet<Part>,
}

impl Counters {
    /// Counts the next line. One that is counted already is passed over; when lines are missing in between, which the log
    /// has forgotten, counting begins anew with this one.
    pub(super) fn count(&mut self, position: Position, at: Timestamp, happened: Happened) {
        if position <= self.reached {
            return;
        }
        if position != self.reached.next() {
            self.begin_anew(at);
        }
        self.reached = position;
        // In the log time never goes back.
        let day = day_of(at).max(self.today);
        if day > self.today {
            self.turn_to(day);
        }
        match happened {
            Happened::Message { author, who, conversation } => {
                self.today(|today| today.messages += 1);
                self.person_active(author, Some(day), who);
                self.conversation_active(conversation, day);
            }
            Happened::Began(kind) => self.today(|today| match kind {
                ConversationKind::Direct => today.begun.direct += 1,
                ConversationKind::Group => today.begun.group += 1,
                _ => {}
            }),
            Happened::Changed { user, who } => self.person_active(user, None, who),
            Happened::Other => {}
        }
    }

    /// What happened on these days, both included.
    pub(super) fn between(&self, from: DayNo, to: DayNo) -> OfDay {
        let mut sum = OfDay::default();
        for day in self.days.range(from..=to.max(from)).map(|(_, day)| day) {
            sum.messages += day.messages;
            sum.begun.direct += day.begun.direct;
            sum.begun.group += day.begun.group;
            sum.conversations += day.conversations;
            sum.people.iter_mut().zip(day.people).for_each(|(sum, people)| *sum += people);
        }
        sum
    }

    /// How many people and conversations were active in so many days that ended with this one.
    pub(super) fn active(&self, end: DayNo, days: u32) -> (u64, u64) {
        if end >= self.today {
            let sum = self.between(end.saturating_sub(days - 1), end);
            return (people(&sum), sum.conversations);
        }
        // Between that day and `end` nothing happened.
        let Some((day, at_end)) = self.at_end.range(..=end).next_back() else { return (0, 0) };
        let Some(ago) = days.checked_sub(end - day + 1).and_then(|ago| usize::try_from(ago).ok()) else {
            return (0, 0);
        };
        let sum = |sums: &[u64]| sums.get(ago).copied().unwrap_or_default();
        (sum(&at_end.people), sum(&at_end.conversations))
    }

    /// After reading what was kept: on which day how many were active last follows from who was.
    pub(super) fn count_active(&mut self) {
        for Last { day, kind } in self.people.iter() {
            if let Some(people) = self.days.entry(day).or_default().people.get_mut(usize::from(kind)) {
                *people += 1;
            }
        }
        for Last { day, .. } in self.conversations.iter() {
            self.days.entry(day).or_default().conversations += 1;
        }
    }

    fn begin_anew(&mut self, at: Timestamp) {
        let mut changed = std::mem::take(&mut self.changed);
        changed.extend(self.days.keys().map(|day| Part::Day(*day)));
        changed.extend(self.at_end.keys().map(|day| Part::AtEnd(*day)));
        changed.extend(self.people.chunks().map(Part::People));
        changed.extend(self.conversations.chunks().map(Part::Conversations));
        *self = Self { since: Some(at), changed, ..Self::default() };
    }

    /// The first line of another day: the one before is over.
    fn turn_to(&mut self, day: DayNo) {
        // What was put down before a crash stands: part of what came later may be kept already.
        if self.today != 0 && !self.at_end.contains_key(&self.today) {
            self.at_end.insert(self.today, self.sums(self.today));
            self.changed.insert(Part::AtEnd(self.today));
        }
        self.today = day;
        self.forget();
    }

    /// How many were active in the last 1, 2, 3 … days that ended with this one.
    fn sums(&self, end: DayNo) -> AtEnd {
        let mut at_end = AtEnd::default();
        let (mut all_people, mut conversations) = (0, 0);
        for ago in 0..LONGEST {
            if let Some(day) = end.checked_sub(ago).and_then(|day| self.days.get(&day)) {
                all_people += people(day);
                conversations += day.conversations;
            }
            at_end.people.push(all_people);
            at_end.conversations.push(conversations);
        }
        at_end
    }

    fn forget(&mut self) {
        // Today is still to come.
        while self.days.len() >= MOST_DAYS
            && let Some((day, _)) = self.days.pop_first()
        {
            self.changed.insert(Part::Day(day));
        }
        while self.at_end.len() > MOST_DAYS
            && let Some((day, _)) = self.at_end.pop_first()
        {
            self.changed.insert(Part::AtEnd(day));
        }
        let oldest = self.today.saturating_sub(LONGEST);
        self.changed.extend(self.people.forget_before(oldest).into_iter().map(Part::People));
        self.changed.extend(self.conversations.forget_before(oldest).into_iter().map(Part::Conversations));
    }

    fn today(&mut self, change: impl FnOnce(&mut OfDay)) {
        change(self.days.entry(self.today).or_default());
        self.changed.insert(Part::Day(self.today));
    }

    /// Somebody was active on this day, or, without one, is something else now.
    fn person_active(&mut self, user: UserNo, day: Option<DayNo>, who: Who) {
        let before = self.people.get(user.0);
        // After a crash a later day may be known already.
        let Some(day) = day.max(before.map(|before| before.day)) else { return };
        let now = Last { day, kind: kind(who) };
        if before == Some(now) {
            return;
        }
        if let Some(count) = before.and_then(|before| self.people_on(before)) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = self.people_on(now) {
            *count += 1;
        }
        self.people.set(user.0, now);
        self.changed.insert(Part::People(LastActive::chunk_of(user.0)));
    }

    fn people_on(&mut self, last: Last) -> Option<&mut u64> {
        self.days.get_mut(&last.day)?.people.get_mut(usize::from(last.kind))
    }

    fn conversation_active(&mut self, conversation: ConversationNo, day: DayNo) {
        let before = self.conversations.get(conversation.0).map(|before| before.day);
        if before >= Some(day) {
            return;
        }
        if let Some(count) = before.and_then(|before| self.days.get_mut(&before)) {
            count.conversations = count.conversations.saturating_sub(1);
        }
        self.days.entry(day).or_default().conversations += 1;
        self.conversations.set(conversation.0, Last { day, kind: 0 });
        self.changed.insert(Part::Conversations(LastActive::chunk_of(conversation.0)));
    }
}

/// Of a moment; never 0, which is no day.
pub(super) fn day_of(at: Timestamp) -> DayNo {
    const LAST: DayNo = (1 << 24) - 1;
    DayNo::try_from(Day::of(at).number()).unwrap_or(0).clamp(1, LAST)
}

/// All of them but bots.
pub(super) fn people(day: &OfDay) -> u64 {
    day.people.iter().sum::<u64>() - day.people[who_number(Who::Bot)]
}

#[expect(clippy::cast_possible_truncation, reason = "there are seven")]
fn kind(who: Who) -> u8 {
    who_number(who) as u8
}
