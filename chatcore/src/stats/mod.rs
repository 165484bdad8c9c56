//! Statistics: a reader of the log with a cursor of its own, which keeps counters in memory.
//!
//! The writer shows it each commit, so that what is asked for is a sum over a few days and never a search. What it has
//! counted is kept as rows once a minute, and when the chat is closed; after a crash it counts the lines that came later
//! once more. How many accounts there are is no matter of the log: decisions count them (`state::headcount`).
//!
//! In memory: 4 bytes for each account and each conversation between the first and the last of 256 numbers of which any was
//! active in the last 90 days, and up to 400 days of some 1.5 KiB each.

mod counters;
mod follow;
mod kept;
mod last_active;
mod overview;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_proto::model::{PresenceState, StatsOverview, Who};
use chat_proto::{ErrorCode, Timestamp};
use tokio::sync::Notify;

use self::counters::{Counters, Happened};
use crate::access::{Action, Relation};
use crate::actor::{Actor, Reading};
use crate::chat::Engine;
use crate::error::{Error, Result};
use crate::state::{Audience, Change, Envelope, Event, Headcount, Line, Position, RecordKey, UserNo, who, who_number};
use crate::store::{StoreError, View};

/// Days since 1970-01-01 in UTC; 0: none.
type DayNo = u32;

/// The longest period that can be asked for, days.
const LONGEST: u32 = 90;
/// Whoever asks while lines are being counted once more waits for that, but not longer than this.
const WAIT: Duration = Duration::from_secs(5);

/// So many days, of which today is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Period(u32);

/// The counters, and how far they are kept.
#[derive(Debug)]
pub(crate) struct Statistics {
    counters: Mutex<Counters>,
    /// Rung when the writer has come to a line that does not follow on what is counted, or much is counted that is not kept.
    bell: Notify,
    /// Rung when lines have been read from the log.
    read_on: Notify,
    /// How far they are kept.
    kept: AtomicU64,
    /// They are not kept twice at a time.
    keeping: tokio::sync::Mutex<()>,
    /// With so many lines that were counted and not kept, they are kept at once.
    most_unkept: u64,
}

impl Statistics {
    /// Reads what was kept. `events`: how many lines the log holds at the most.
    pub(crate) fn of_store(view: &dyn View, events: u64) -> Result<Self, StoreError> {
        let counters = Counters::of_store(view)?;
        Ok(Self {
            kept: AtomicU64::new(counters.reached.0),
            counters: Mutex::new(counters),
            bell: Notify::new(),
            read_on: Notify::new(),
            keeping: tokio::sync::Mutex::default(),
            // Counting them again takes a second or two, and the log has to have them still.
            most_unkept: (events / 2).clamp(10_000, 1_000_000),
        })
    }

    /// What was committed just now; for the writer alone. What is missing before it is read from the log.
    pub(crate) fn saw(&self, events: &[Arc<Envelope>]) {
        let mut counters = self.counters();
        for event in events {
            if event.position > counters.reached.next() {
                return self.bell.notify_one();
            }
            counters.count(event.position, event.at, Happened::told(event));
        }
        if counters.reached.0.saturating_sub(self.kept.load(Ordering::Relaxed)) > self.most_unkept {
            self.bell.notify_one();
        }
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a piece of what the log holds beyond what is counted. `true`: that was all of it.
    fn read_on(&self, view: &dyn View) -> Result<bool, StoreError> {
        const LINES: usize = 1_000;
        let reached = self.counters().reached;
        if reached >= view.position() {
            return Ok(true);
        }
        let lines = view.lines_after(reached, LINES)?;
        let mut known = Known { view, people: HashMap::new() };
        let read = |line: Line| Ok((line.position, line.entry.at, Happened::read(&line, &mut known)?));
        let read: Vec<(Position, Timestamp, Happened)> =
            lines.into_iter().map(read).collect::<Result<_, StoreError>>()?;
        let mut counters = self.counters();
        for (position, at, happened) in read {
            counters.count(position, at, happened);
        }
        Ok(counters.reached >= view.position())
    }
}

impl Happened {
    /// What an event is, right after its commit.
    fn told(event: &Envelope) -> Self {
        match (&event.event, &event.audience) {
            // What was brought over happened elsewhere.
            (Event::MessageCreated(message), _) if message.created_at != event.at => Self::Other,
            (Event::ConversationCreated(conversation), _) if conversation.created_at != event.at => Self::Other,
            (Event::MessageCreated(message), _) => match (event.writer, event.conversation) {
                (Some(author), Some(conversation)) => {
                    let person = &message.author;
                    Self::Message { author, who: Who::of(person.role, person.anonymous, person.bot), conversation }
                }
                _ => Self::Other,
            },
            (Event::ConversationCreated(conversation), _) => Self::Began(conversation.kind),
            (Event::UserChanged(account), Audience::User(user)) => {
                Self::Changed { user: *user, who: Who::of(account.role, account.anonymous, account.bot) }
            }
            _ => Self::Other,
        }
    }

    /// What a line of the log is. People are taken for what they are now: where they became that, there is a line too.
    fn read(line: &Line, known: &mut Known<'_>) -> Result<Self, StoreError> {
        Ok(match (&line.entry.change, &line.message) {
            (Change::MessageCreated { .. }, Some(message)) if message.created_at != line.entry.at => Self::Other,
            (Change::ConversationCreated { began: Some(_), .. }, _) => Self::Other,
            (Change::MessageCreated { conversation, .. }, Some(message)) => match known.who(message.author)? {
                Some(who) => Self::Message { author: message.author, who, conversation: *conversation },
                None => Self::Other,
            },
            (Change::ConversationCreated { kind, .. }, _) => Self::Began(*kind),
            (Change::AccountChanged { user, .. }, _) => match known.who(*user)? {
                Some(who) => Self::Changed { user: *user, who },
                None => Self::Other,
            },
            _ => Self::Other,
        })
    }
}

/// What people are now.
struct Known<'a> {
    view: &'a dyn View,
    people: HashMap<UserNo, Option<Who>>,
}

impl Known<'_> {
    fn who(&mut self, user: UserNo) -> Result<Option<Who>, StoreError> {
        if let Some(who) = self.people.get(&user) {
            return Ok(*who);
        }
        let who = self.view.account(user)?.map(|account| who(&account));
        self.people.insert(user, who);
        Ok(who)
    }
}

impl Actor {
    /// How the shop does: people, and what happened in the last so many days, of which today is the last. Admins only.
    ///
    /// # Errors
    /// `forbidden`; `invalid` unless it is 1 to 90 days; `unavailable` while the newest events are still being counted
    /// after a start.
    pub async fn stats_overview(&self, days: u32) -> Result<StatsOverview> {
        if !(1..=LONGEST).contains(&days) {
            return Err(Error::invalid("/days", "A period has 1 to 90 days."));
        }
        let engine = Arc::clone(self.chat().engine());
        self.read(|me| me.require(Action::ReadStatistics, Relation::Stranger)).await?;
        engine.wait_for_statistics().await?;
        let now = engine.clock.now();
        self.read(move |me| {
            me.require(Action::ReadStatistics, Relation::Stranger)?;
            engine.stats_overview(me, Period(days), now)
        })
        .await
    }
}

impl Engine {
    fn stats_overview(&self, me: &Reading<'_>, period: Period, now: Timestamp) -> Result<StatsOverview> {
        let headcount = match me.view.record(&RecordKey::headcount())? {
            Some(row) => Headcount::decoded(&row)?,
            None if me.view.account(UserNo(1))?.is_none() => Headcount::of_nobody(),
            None => Headcount::unbegun(),
        };
        if !headcount.is_complete() {
            return Err(not_yet());
        }
        let (counted, reached) = {
            let counters = self.stats.counters();
            (counters.overview(now, period), counters.reached)
        };
        let mut here = [(0, 0); Who::ALL.len()];
        for (who, state) in self.rooms.people_here() {
            let (online, away) = &mut here[who_number(who)];
            match state {
                PresenceState::Online => *online += 1,
                PresenceState::Away => *away += 1,
                _ => {}
            }
        }
        let row = |who| counted.people(who, headcount.of(who), here[who_number(who)]);
        Ok(StatsOverview {
            days: period.0,
            people: Who::ALL.into_iter().map(row).collect(),
            // Both the accounts and the counters show at least this.
            as_of: self.cursor(me.view.epochs().current(), reached.min(me.view.position())),
            from: counted.from,
            to: counted.to,
            since: counted.since,
            totals: counted.totals,
            before: counted.before,
            messages_by_day: counted.messages_by_day,
        })
    }
}

fn not_yet() -> Error {
    Error::new(ErrorCode::Unavailable, "The server has just started and is still counting. Ask again in a moment.")
        .retry_in(Duration::from_secs(1))
}
