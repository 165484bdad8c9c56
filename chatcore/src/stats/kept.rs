//! The counters as rows, so that after a restart only the newest lines are counted again.
//!
//! Rows are written in pieces, and a crash between two of them does no harm: who was active last on which day can only grow,
//! so counting the lines again changes nothing in it, and what was put down at the end of a day is written before anything
//! of the next. What is a sum is written with the last piece, which says how far it goes.

use chat_proto::Timestamp;
use chat_proto::model::Begun;
use minicbor::{Decode, Encode};

use super::counters::{AtEnd, Counters, OfDay, Part};
use super::{DayNo, LONGEST};
use crate::state::{Position, RecordKey};
use crate::store::{StoreError, View};

/// Rows of people and conversations that are written at a time, at the most; each has up to 1,280 bytes.
pub(super) const ROWS_AT_ONCE: usize = 64;
/// Rows that are read at a time.
const READ_AT_ONCE: usize = 256;

// Which counters a row holds; never reused.
const REACHED: u8 = 0;
const DAY: u8 = 1;
const AT_END: u8 = 2;
const PEOPLE: u8 = 3;
const CONVERSATIONS: u8 = 4;

/// Rows to be written; `None` forgets one.
pub(super) type Rows = Vec<(RecordKey, Option<Vec<u8>>)>;

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct ReachedRow {
    #[n(0)]
    reached: u64,
    #[n(1)]
    today: DayNo,
    /// Milliseconds.
    #[n(2)]
    since: Option<i64>,
}

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct DayRow {
    #[n(0)]
    messages: u64,
    #[n(1)]
    direct_begun: u64,
    #[n(2)]
    groups_begun: u64,
}

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct AtEndRow {
    #[n(0)]
    people: Vec<u64>,
    #[n(1)]
    conversations: Vec<u64>,
}

/// What is to be written when the counters are kept.
#[derive(Debug)]
pub(super) struct Keeping {
    /// How far what is kept will go.
    pub(super) reached: Position,
    parts: Vec<Part>,
    /// The sums as they were there, with that place.
    last: Rows,
}

impl Counters {
    /// Begins to keep what has changed.
    pub(super) fn keep(&mut self) -> Keeping {
        let (days, mut parts): (Vec<Part>, Vec<Part>) =
            self.changed.iter().partition(|part| matches!(part, Part::Day(_)));
        parts.retain(|part| !matches!(part, Part::AtEnd(_)));
        let mut last: Rows = days.iter().map(|day| self.row(*day)).collect();
        for day in &days {
            self.changed.remove(day);
        }
        let since = self.since.map(Timestamp::as_millis);
        let reached = ReachedRow { reached: self.reached.0, today: self.today, since };
        last.push((RecordKey::statistics(REACHED, 0), encoded(&reached)));
        Keeping { reached: self.reached, parts, last }
    }

    /// The next rows to be written, about so many; none: all are.
    pub(super) fn next_rows(&mut self, keeping: &mut Keeping, at_once: usize) -> Rows {
        let left = keeping.parts.len().saturating_sub(at_once);
        let mut rows = if keeping.last.is_empty() { Rows::new() } else { self.ends() };
        for part in keeping.parts.split_off(left) {
            rows.push(self.row(part));
            self.changed.remove(&part);
        }
        if left == 0 {
            rows.append(&mut keeping.last);
        }
        rows
    }

    /// What was put down at the end of days goes before all that came later.
    fn ends(&mut self) -> Rows {
        let is_end = |part: &Part| matches!(part, Part::AtEnd(_));
        let ends: Vec<Part> = self.changed.iter().copied().take_while(is_end).collect();
        self.changed.retain(|part| !is_end(part));
        ends.into_iter().map(|end| self.row(end)).collect()
    }

    /// These rows could not be written, nor what was to come after them.
    pub(super) fn not_kept(&mut self, rows: &Rows, keeping: &Keeping) {
        let keys = rows.iter().chain(&keeping.last).map(|(key, _)| key);
        self.changed.extend(keys.filter_map(part_of));
    }

    fn row(&self, part: Part) -> (RecordKey, Option<Vec<u8>>) {
        let (counters, number, row) = match part {
            Part::Day(day) => (
                DAY,
                u64::from(day),
                self.days.get(&day).and_then(|of_day| {
                    let OfDay { messages, begun: Begun { direct, group }, .. } = *of_day;
                    encoded(&DayRow { messages, direct_begun: direct, groups_begun: group })
                }),
            ),
            Part::AtEnd(day) => (
                AT_END,
                u64::from(day),
                self.at_end.get(&day).and_then(|at_end| {
                    let AtEnd { people, conversations } = at_end.clone();
                    encoded(&AtEndRow { people, conversations })
                }),
            ),
            Part::People(chunk) => (PEOPLE, chunk, self.people.row(chunk)),
            Part::Conversations(chunk) => (CONVERSATIONS, chunk, self.conversations.row(chunk)),
        };
        (RecordKey::statistics(counters, number), row)
    }

    /// Reads what was kept.
    pub(super) fn of_store(view: &dyn View) -> Result<Self, StoreError> {
        let mut counters = Self::default();
        let mut from = RecordKey::first_statistics();
        loop {
            let rows = view.records(&from, &RecordKey::headcount(), READ_AT_ONCE)?;
            let Some((last, _)) = rows.last() else { break };
            from = last.following();
            for (key, row) in &rows {
                counters.read(key, row).ok_or_else(|| StoreError::corrupt("a row of the statistics"))?;
            }
        }
        counters.count_active();
        Ok(counters)
    }

    pub(super) fn read(&mut self, key: &RecordKey, row: &[u8]) -> Option<()> {
        let (counters, number) = key.counted()?;
        match counters {
            REACHED => {
                let ReachedRow { reached, today, since } = minicbor::decode(row).ok()?;
                self.reached = Position(reached);
                self.today = today;
                self.since = since.map(Timestamp::from_millis);
            }
            DAY => {
                let DayRow { messages, direct_begun, groups_begun } = minicbor::decode(row).ok()?;
                let begun = Begun { direct: direct_begun, group: groups_begun };
                self.days.insert(DayNo::try_from(number).ok()?, OfDay { messages, begun, ..OfDay::default() });
            }
            AT_END => {
                let AtEndRow { people, conversations } = minicbor::decode(row).ok()?;
                if people.len().max(conversations.len()) > LONGEST as usize {
                    return None;
                }
                self.at_end.insert(DayNo::try_from(number).ok()?, AtEnd { people, conversations });
            }
            PEOPLE => self.people.read(number, row)?,
            CONVERSATIONS => self.conversations.read(number, row)?,
            // Of a newer version.
            _ => {}
        }
        Some(())
    }
}

fn part_of(key: &RecordKey) -> Option<Part> {
    let (counters, number) = key.counted()?;
    match counters {
        DAY => DayNo::try_from(number).ok().map(Part::Day),
        AT_END => DayNo::try_from(number).ok().map(Part::AtEnd),
        PEOPLE => Some(Part::People(number)),
        CONVERSATIONS => Some(Part::Conversations(number)),
        _ => None,
    }
}

fn encoded(row: &impl Encode<()>) -> Option<Vec<u8>> {
    minicbor::to_vec(row).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::golden::golden;

    #[test]
    fn rows_keep_their_bytes() {
        golden(&ReachedRow { reached: 70_000, today: 20_783, since: Some(-1) }, "831a0001117019512f20");
        golden(&ReachedRow { reached: 1, today: 2, since: None }, "820102");
        golden(&DayRow { messages: 300, direct_begun: 2, groups_begun: 1 }, "8319012c0201");
        golden(&AtEndRow { people: vec![1, 3], conversations: vec![] }, "8282010380");
    }
}
