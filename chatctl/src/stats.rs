use std::ffi::OsString;
use std::fmt::Write as _;

use chat_proto::model::{MessagesOfDay, PeopleCount, StatsOverview, Totals};
use clap::{Args, Subcommand};

use crate::access::Door;
use crate::exit::{Exit, Failure};
use crate::output::{Look, Style, moment, numbers};

#[derive(Debug, Subcommand)]
pub(crate) enum Stats {
    /// People, who is there now, and what happened in the last days beside the days before; for admins
    ///
    /// What each figure counts stands in docs/statistics.md.
    Overview(Overview),
}

#[derive(Debug, Args)]
pub(crate) struct Overview {
    /// Days in the period, of which today is the last; days are those of UTC
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=90))]
    days: u32,
    /// Draw with plain ASCII, as where the locale is not UTF-8
    #[arg(long)]
    ascii: bool,
    #[arg(skip = Locale::of_environment())]
    locale: Locale,
}

/// What the terminal shows; the first that is set says it.
#[derive(Clone, Debug)]
struct Locale([Option<OsString>; 3]);

impl Locale {
    fn of_environment() -> Self {
        Self(["LC_ALL", "LC_CTYPE", "LANG"].map(std::env::var_os))
    }

    fn is_utf8(&self) -> bool {
        let set = self.0.iter().flatten().find(|name| !name.is_empty());
        set.is_some_and(|name| name.to_string_lossy().to_ascii_lowercase().replace('-', "").contains("utf8"))
    }
}

pub(crate) async fn run(stats: &Stats, door: &Door, style: &Style) -> Result<Exit, Failure> {
    let Stats::Overview(args) = stats;
    let overview = door.client().await?.stats_overview(Some(args.days)).await?;
    style.screen(&overview, &["FIGURE", "VALUE", "BEFORE"], &figures(&overview), |look| {
        screen(&overview, look, args.ascii || !args.locale.is_utf8())
    })
}

/// Every figure by its place in the server's answer: what it is, and what it was in the days before.
fn figures(overview: &StatsOverview) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let before = overview.before.as_ref().map(totals);
    for (i, (name, _, value)) in totals(&overview.totals).into_iter().enumerate() {
        let before = before.as_ref().map(|before| before[i].2.to_string());
        rows.push(vec![name.to_owned(), value.to_string(), before.unwrap_or_default()]);
    }
    for MessagesOfDay { day, messages } in &overview.messages_by_day {
        let messages = messages.map(|messages| messages.to_string());
        rows.push(vec![format!("messages_by_day.{day}"), messages.unwrap_or_default(), String::new()]);
    }
    for count in &overview.people {
        for (name, value) in [
            ("accounts", count.accounts),
            ("disabled", count.disabled),
            ("active", count.active),
            ("online", count.online),
            ("away", count.away),
        ] {
            rows.push(vec![format!("people.{}.{name}", count.who), value.to_string(), String::new()]);
        }
    }
    rows
}

fn totals(totals: &Totals) -> [(&'static str, &'static str, u64); 5] {
    let Totals { active_people, active_conversations, conversations_begun: begun, messages } = totals;
    [
        ("active_people", "Active people", *active_people),
        ("active_conversations", "Active conversations", *active_conversations),
        ("conversations_begun.direct", "Conversations begun, of two", begun.direct),
        ("conversations_begun.group", "Conversations begun, groups", begun.group),
        ("messages", "Messages", *messages),
    ]
}

fn screen(overview: &StatsOverview, look: Look, ascii: bool) -> String {
    let StatsOverview { days, from, to, since, people, before, messages_by_day, .. } = overview;
    let period = if *days == 1 { "TODAY".to_owned() } else { format!("LAST {days} DAYS") };
    let before = before.as_ref().map(totals);
    let row = |(i, (_, name, value)): (usize, (&str, &str, u64))| {
        let before = before.as_ref().map(|before| before[i].2);
        let change = before.and_then(|before| change(value, before)).unwrap_or_default();
        let before = before.map_or_else(|| "-".to_owned(), |before| before.to_string());
        vec![name.to_owned(), value.to_string(), before, change]
    };
    let rows: Vec<_> = totals(&overview.totals).into_iter().enumerate().map(row).collect();
    let mut text = numbers(&["", &period, "BEFORE", "CHANGE"], &rows, look);
    let most = messages_by_day.iter().filter_map(|day| day.messages).max().unwrap_or_default();
    let line = sparkline(messages_by_day, most, ascii);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "\nMessages by day  {line}  {from} to {to}, at most {most} on a day\n");
    let row = |PeopleCount { who, accounts, disabled, active, online, away }: &PeopleCount| {
        let numbers = [accounts, disabled, active, online, away].map(u64::to_string);
        [vec![who.to_string()], numbers.to_vec()].concat()
    };
    let rows: Vec<_> = people.iter().map(row).collect();
    text += &numbers(&["PEOPLE", "ACCOUNTS", "DISABLED", "ACTIVE", "ONLINE NOW", "AWAY NOW"], &rows, look);
    text += "\nDays are those of UTC, and today is not over.";
    if let Some(since) = since {
        let _ = write!(text, " Counted since {}.", moment(*since));
    }
    text + "\n"
}

/// In per cent of what it was; nothing where it was nothing.
fn change(now: u64, before: u64) -> Option<String> {
    let tenths = (i128::from(now) - i128::from(before)) * 1_000;
    let tenths = tenths.checked_div(i128::from(before))?;
    let sign = if tenths < 0 { '-' } else { '+' };
    Some(format!("{sign}{}.{} %", tenths.abs() / 10, tenths.abs() % 10))
}

/// A character for each day, as high as its messages are many. Any message at all is more than none.
fn sparkline(days: &[MessagesOfDay], most: u64, ascii: bool) -> String {
    const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const PLAIN: [char; 9] = ['_', '.', ',', ':', '-', '=', '+', '*', '#'];
    let marks = if ascii { PLAIN } else { BLOCKS };
    let mark = |day: &MessagesOfDay| match day.messages {
        None => '?',
        Some(0) => marks[0],
        Some(messages) => {
            let height = u128::from(messages) * 8;
            marks[usize::try_from(height.div_ceil(u128::from(most.max(1)))).unwrap_or(8).min(8)]
        }
    };
    days.iter().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use chat_proto::Day;
    use chat_proto::model::{Begun, Cursor, Who};

    use super::*;

    fn days(messages: &[Option<u64>]) -> Vec<MessagesOfDay> {
        let day = |(i, messages): (i32, &Option<u64>)| MessagesOfDay {
            day: Day::from_number(20_783 + i),
            messages: *messages,
        };
        (0..).zip(messages).map(day).collect()
    }

    #[test]
    fn a_sparkline_is_as_high_as_its_days() {
        let days = days(&[None, Some(0), Some(1), Some(400), Some(800), Some(u64::MAX / 2)]);
        assert_eq!(sparkline(&days[..5], 800, false), "? ▁▄█");
        assert_eq!(sparkline(&days[..5], 800, true), "?_.-#");
        assert_eq!(sparkline(&days[5..], u64::MAX / 2, false), "█");
        assert_eq!(sparkline(&days[1..2], 0, false), " ");
    }

    #[test]
    fn a_change_is_in_per_cent() {
        assert_eq!(change(1_284, 1_190).as_deref(), Some("+7.8 %"));
        assert_eq!(change(1, 3).as_deref(), Some("-66.6 %"));
        assert_eq!((change(5, 5).as_deref(), change(5, 0)), (Some("+0.0 %"), None));
    }

    #[test]
    fn the_screen_is_the_snapshot() {
        let totals = |active_people| Totals {
            active_people,
            active_conversations: 8,
            conversations_begun: Begun { direct: 5, group: 0 },
            messages: 1_284,
        };
        let count = |who| PeopleCount { who, accounts: 12, disabled: 1, active: 3, online: 2, away: 0 };
        let mut overview = StatsOverview {
            days: 3,
            from: Day::from_number(20_783),
            to: Day::from_number(20_785),
            since: None,
            people: Who::ALL.map(count).to_vec(),
            totals: totals(12),
            before: Some(totals(16)),
            messages_by_day: days(&[Some(84), Some(1_000), Some(200)]),
            as_of: Cursor::from_text("cursor".to_owned()),
        };
        let look = Look { width: 80, colored: false };
        insta::assert_snapshot!("overview", screen(&overview, look, false));
        overview.before = None;
        overview.days = 1;
        insta::assert_snapshot!("overview of today", screen(&overview, look, true));
    }
}
