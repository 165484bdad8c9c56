//! The counters against a recount of the whole log, kept in pieces and losing at random what was not kept.

use std::collections::{BTreeMap, BTreeSet};

use chat_proto::model::{Begun, ConversationKind, MessagesOfDay, PeopleCount, Totals, Who};
use chat_proto::{Day, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Period;
use super::counters::{Counters, Happened};
use super::kept::Keeping;
use crate::state::{ConversationNo, Position, RecordKey, UserNo};

const DAY: i64 = 24 * 60 * 60 * 1_000;
const BEGINNING: i64 = 20_000 * DAY + DAY / 3;
/// Accounts and conversations lie apart, so that they are kept in several rows.
const APART: u64 = 200;
const PEOPLE: usize = 6;

#[derive(Clone, Copy, Debug)]
enum Act {
    Write {
        author: usize,
        conversation: u64,
    },
    Begin(ConversationKind),
    Become {
        who: usize,
        role: usize,
    },
    /// Something else happens.
    Other,
    Pass {
        hours: u16,
    },
    /// A piece of what has changed is written, or the next one of what was begun.
    Keep,
    /// What is being written cannot be.
    FailToKeep,
    /// What was not kept is lost, and the log is read on from there.
    Crash,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        8 => (0..PEOPLE, 0_u64..4).prop_map(|(author, conversation)| Act::Write { author, conversation }),
        1 => prop_oneof![Just(ConversationKind::Direct), Just(ConversationKind::Group)].prop_map(Act::Begin),
        1 => (0..PEOPLE, 0..Who::ALL.len()).prop_map(|(who, role)| Act::Become { who, role }),
        1 => Just(Act::Other),
        2 => (1_u16..60).prop_map(|hours| Act::Pass { hours }),
        1 => (1_u16..2_400).prop_map(|hours| Act::Pass { hours }),
        6 => Just(Act::Keep),
        1 => Just(Act::FailToKeep),
        2 => Just(Act::Crash),
    ];
    proptest::collection::vec(act, 1..120)
}

#[derive(Clone, Copy, Debug)]
enum Line {
    Message { author: usize, conversation: u64 },
    Began(ConversationKind),
    Changed { who: usize },
    Other,
}

/// A shop, its log, and what was kept of the counters.
struct Shop {
    now: i64,
    log: Vec<(Timestamp, Line)>,
    /// What everybody is now.
    who: [Who; PEOPLE],
    counters: Counters,
    rows: BTreeMap<RecordKey, Vec<u8>>,
    keeping: Option<Keeping>,
}

impl Shop {
    fn new() -> Self {
        let who = [Who::Admin, Who::Agent, Who::Customer, Who::Customer, Who::Visitor, Who::Bot];
        let (counters, rows) = (Counters::default(), BTreeMap::new());
        Self { now: BEGINNING, log: Vec::new(), who, counters, rows, keeping: None }
    }

    fn carry_out(&mut self, act: Act) {
        match act {
            Act::Write { author, conversation } => self.append(Line::Message { author, conversation }),
            Act::Begin(kind) => self.append(Line::Began(kind)),
            Act::Become { who, role } => {
                self.who[who] = Who::ALL[role];
                self.append(Line::Changed { who });
            }
            Act::Other => self.append(Line::Other),
            Act::Pass { hours } => self.now += i64::from(hours) * DAY / 24,
            Act::Keep => {
                let mut keeping = self.keeping.take().unwrap_or_else(|| self.counters.keep());
                let rows = self.counters.next_rows(&mut keeping, 1);
                self.keeping = (!rows.is_empty()).then_some(keeping);
                for (key, row) in rows {
                    match row {
                        Some(row) => self.rows.insert(key, row),
                        None => self.rows.remove(&key),
                    };
                }
            }
            Act::FailToKeep => {
                if let Some(mut keeping) = self.keeping.take() {
                    let rows = self.counters.next_rows(&mut keeping, 1);
                    self.counters.not_kept(&rows, &keeping);
                }
            }
            Act::Crash => self.crash(),
        }
    }

    fn append(&mut self, line: Line) {
        let at = Timestamp::from_millis(self.now);
        self.log.push((at, line));
        self.count(self.log.len() - 1);
    }

    fn count(&mut self, index: usize) {
        let (at, line) = self.log[index];
        let user = |who: usize| UserNo(who as u64 * APART + 1);
        let happened = match line {
            Line::Message { author, conversation } => Happened::Message {
                author: user(author),
                who: self.who[author],
                conversation: ConversationNo(conversation * APART + 1),
            },
            Line::Began(kind) => Happened::Began(kind),
            Line::Changed { who } => Happened::Changed { user: user(who), who: self.who[who] },
            Line::Other => Happened::Other,
        };
        self.counters.count(Position(index as u64 + 1), at, happened);
    }

    fn crash(&mut self) {
        self.keeping = None;
        self.counters = Counters::default();
        for (key, row) in &self.rows {
            self.counters.read(key, row).expect("a row");
        }
        self.counters.count_active();
        for index in usize::try_from(self.counters.reached.0).expect("few")..self.log.len() {
            self.count(index);
        }
    }

    /// The same from scratch, by sets.
    fn recount(&self, from: i32, to: i32) -> (Totals, BTreeSet<usize>) {
        let (mut people, mut conversations) = (BTreeSet::new(), BTreeSet::new());
        let (mut conversations_begun, mut messages) = (Begun::default(), 0);
        for (_, line) in self.log.iter().filter(|(at, _)| (from..=to).contains(&Day::of(*at).number())) {
            match line {
                Line::Message { author, conversation } => {
                    people.insert(*author);
                    conversations.insert(*conversation);
                    messages += 1;
                }
                Line::Began(ConversationKind::Direct) => conversations_begun.direct += 1,
                Line::Began(_) => conversations_begun.group += 1,
                Line::Changed { .. } | Line::Other => {}
            }
        }
        (
            Totals {
                active_people: 0,
                active_conversations: conversations.len() as u64,
                conversations_begun,
                messages,
            },
            people,
        )
    }

    fn totals(&self, from: i32, to: i32) -> Totals {
        let (totals, people) = self.recount(from, to);
        let active_people = people.iter().filter(|person| self.who[**person] != Who::Bot).count() as u64;
        Totals { active_people, ..totals }
    }

    fn check(&self, days: u32) {
        let now = Timestamp::from_millis(self.now);
        let counted = self.counters.overview(now, Period(days));
        let length = i32::try_from(days).expect("few");
        let to = Day::of(now).number();
        let from = to - length + 1;
        assert_eq!((counted.from.number(), counted.to.number(), counted.since), (from, to, None));
        assert_eq!(counted.totals, self.totals(from, to), "of {days} days");
        let mut messages = BTreeMap::<i32, u64>::new();
        for (at, _) in self.log.iter().filter(|(_, line)| matches!(line, Line::Message { .. })) {
            *messages.entry(Day::of(*at).number()).or_default() += 1;
        }
        let of_day = |day| Some(messages.get(&day).copied().unwrap_or_default());
        let by_day: Vec<_> =
            (from..=to).map(|day| MessagesOfDay { day: Day::from_number(day), messages: of_day(day) }).collect();
        assert_eq!(counted.messages_by_day, by_day);
        let active = self.recount(from, to).1;
        for who in Who::ALL {
            let these = active.iter().filter(|person| self.who[**person] == who).count() as u64;
            let row = PeopleCount { who, accounts: 2, disabled: 1, active: these, online: 4, away: 3 };
            assert_eq!(counted.people(who, (2, 1), (4, 3)), row);
        }
        // A day that is over counts people as what they were when it ended.
        let end = from - 1;
        let over = self.log.iter().filter(|(at, _)| Day::of(*at).number() > end).count() > 0;
        let before = counted.before.expect("all is counted");
        let expected = self.totals(from - length, end);
        assert_eq!((before.messages, before.conversations_begun), (expected.messages, expected.conversations_begun));
        assert_eq!(before.active_conversations, expected.active_conversations, "of {days} days before");
        if !over || !self.log.iter().any(|(_, line)| matches!(line, Line::Changed { .. })) {
            assert_eq!(before.active_people, expected.active_people, "of {days} days before");
        }
    }
}

#[test]
fn the_counters_are_what_a_recount_gives_across_restarts_and_crashes() {
    #[expect(clippy::disallowed_methods, reason = "how long to test is not the engine's business")]
    let cases = std::env::var("CHAT_PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&acts(), |acts| {
        let mut shop = Shop::new();
        for (act, days) in acts.into_iter().zip([1, 2, 7, 90].into_iter().cycle()) {
            shop.carry_out(act);
            shop.check(days);
        }
        Ok(())
    });
    if let Err(failed) = run {
        panic!("{failed}");
    }
}

#[test]
fn when_lines_are_missing_it_begins_anew_and_says_since_when() {
    let mut shop = Shop::new();
    for _ in 0..3 {
        shop.carry_out(Act::Write { author: 1, conversation: 1 });
        shop.carry_out(Act::Pass { hours: 24 });
    }
    while shop.keeping.is_some() || !shop.counters.changed.is_empty() {
        shop.carry_out(Act::Keep);
    }
    let at = Timestamp::from_millis(shop.now);
    let author = UserNo(1);
    let message = Happened::Message { author, who: Who::Customer, conversation: ConversationNo(1) };
    shop.counters.count(Position(9), at, message);
    let counted = shop.counters.overview(at, Period(3));
    assert_eq!((counted.since, counted.totals.messages, counted.totals.active_people), (Some(at), 1, 1));
    assert_eq!(counted.before, None);
    let by_day: Vec<_> = counted.messages_by_day.iter().map(|day| day.messages).collect();
    assert_eq!(by_day, [None, None, Some(1)]);
    // What was kept of before goes.
    while shop.keeping.is_some() || !shop.counters.changed.is_empty() {
        shop.carry_out(Act::Keep);
    }
    shop.counters = Counters::default();
    for (key, row) in &shop.rows {
        shop.counters.read(key, row).expect("a row");
    }
    shop.counters.count_active();
    assert_eq!(shop.counters.overview(at, Period(3)), counted);
    // Once the days before the period were counted, they are compared with.
    let later = Timestamp::from_millis(shop.now + 6 * DAY);
    let counted = shop.counters.overview(later, Period(3));
    assert_eq!(counted.before.map(|before| before.messages), Some(0));
    assert_eq!(shop.counters.overview(at, Period(90)).before, None);
}

#[test]
fn what_is_remembered_has_an_end() {
    let mut counters = Counters::default();
    for day in 0..1_000_u64 {
        let at = Timestamp::from_millis(BEGINNING + i64::try_from(day).expect("few") * DAY);
        let author = UserNo(day * 300);
        let message = Happened::Message { author, who: Who::Customer, conversation: ConversationNo(day * 300) };
        counters.count(Position(day + 1), at, message);
    }
    assert_eq!((counters.days.len(), counters.at_end.len()), (400, 400));
    // Today, and the 90 days before.
    assert_eq!((counters.people.chunks().count(), counters.conversations.chunks().count()), (91, 91));
    let now = Timestamp::from_millis(BEGINNING + 999 * DAY);
    let counted = counters.overview(now, Period(90));
    assert_eq!((counted.totals.active_people, counted.totals.messages), (90, 90));
    assert_eq!(counted.before.map(|before| (before.active_people, before.active_conversations)), Some((90, 90)));
}
