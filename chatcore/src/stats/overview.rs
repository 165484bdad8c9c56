use chat_proto::model::{Begun, MessagesOfDay, PeopleCount, Totals, Who};
use chat_proto::{Day, Timestamp};

use super::counters::{Counters, day_of, people};
use super::{DayNo, Period};
use crate::state::who_number;

/// What the counters say of a period that ends today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) from: Day,
    pub(super) to: Day,
    pub(super) since: Option<Timestamp>,
    pub(super) totals: Totals,
    pub(super) before: Option<Totals>,
    pub(super) messages_by_day: Vec<MessagesOfDay>,
    active: [u64; Who::ALL.len()],
}

impl Counters {
    /// The last so many days, of which this moment's is the last.
    pub(super) fn overview(&self, now: Timestamp, Period(days): Period) -> Counted {
        // A clock that was set back has not undone what was counted of later days.
        let to = day_of(now).max(self.today);
        let from = to.saturating_sub(days - 1);
        let sum = self.between(from, to);
        let counted_from = self.since.map_or(0, day_of);
        let messages_of = |day: DayNo| {
            let messages = self.days.get(&day).map_or(0, |of_day| of_day.messages);
            MessagesOfDay { day: shown(day), messages: (day >= counted_from).then_some(messages) }
        };
        let before = from.saturating_sub(1);
        let first_before = from.saturating_sub(days);
        Counted {
            from: shown(from),
            to: shown(to),
            since: self.since,
            totals: totals(sum.messages, sum.begun, (people(&sum), sum.conversations)),
            // The day on which counting began was not counted as a whole.
            before: (counted_from < first_before).then(|| {
                let sum = self.between(first_before, before);
                totals(sum.messages, sum.begun, self.active(before, days))
            }),
            messages_by_day: (from..=to).map(messages_of).collect(),
            active: sum.people,
        }
    }
}

impl Counted {
    /// A row of the accounts; how many there are is not for the log to say.
    pub(super) fn people(&self, who: Who, (accounts, disabled): (u64, u64), (online, away): (u64, u64)) -> PeopleCount {
        PeopleCount { who, accounts, disabled, active: self.active[who_number(who)], online, away }
    }
}

fn totals(messages: u64, conversations_begun: Begun, (active_people, active_conversations): (u64, u64)) -> Totals {
    Totals { active_people, active_conversations, conversations_begun, messages }
}

fn shown(day: DayNo) -> Day {
    Day::from_number(i32::try_from(day).unwrap_or(i32::MAX))
}
