//! The lines of a conversation. Only those that are on the screen are ever made.

use chat_proto::{Seq, Timestamp};
use jiff::tz::TimeZone;
use ratatui::style::Stylize as _;
use ratatui::text::{Line, Span};

use crate::panes::panes;
use crate::state::{Entry, FileOf, Row, State, Thread, View};
use crate::text::{cut, ends, wrap};

/// Columns that the text of a message stands in from the edge.
const INDENT: usize = 3;

/// What is on the screen of the selected conversation.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) lines: Vec<Line<'static>>,
    /// The first message that is there with its head, and the last.
    pub(crate) range: Option<(Seq, Seq)>,
    /// Which line the chosen message begins in.
    pub(crate) chosen_at: Option<usize>,
}

/// Columns and lines that the messages have; `None`: they are not shown.
pub(crate) fn room(state: &State) -> Option<(usize, usize)> {
    let thread = panes(state).thread?;
    // An edge, a title above and a line below.
    Some((usize::from(thread.width).saturating_sub(2), usize::from(thread.height).saturating_sub(2)))
}

pub(crate) fn shown(state: &State, columns: usize, height: usize) -> Shown {
    let (Some(row), Some(thread)) = (state.open_row(), state.open_thread()) else { return Shown::default() };
    let mut shown = Shown::default();
    // From the bottom up; the lines are turned round in the end.
    let (mut at, mut below) = match state.view.bottom {
        Some((seq, below)) => (Some(seq), below),
        None => {
            // What is on its way comes after the newest.
            shown.lines = if thread.more_after { Vec::new() } else { tail(state, row, columns) };
            shown.lines.reverse();
            (thread.last(), 0)
        }
    };
    while let Some(seq) = at
        && shown.lines.len() < height
    {
        let block = block(state, row, thread, seq, columns);
        let whole = shown.lines.len() + block.len() - below.min(block.len()) <= height;
        shown.lines.extend(block.into_iter().rev().skip(below));
        below = 0;
        let last = shown.range.map_or(seq, |(_, last)| last);
        if whole || shown.range.is_none() {
            shown.range = Some((seq, last));
        }
        if state.view.chosen == Some(seq) {
            shown.chosen_at = Some(shown.lines.len());
        }
        at = thread.before(seq);
    }
    if at.is_none() && shown.lines.len() < height {
        shown.lines.extend(head(thread));
    }
    shown.lines.truncate(height);
    let total = shown.lines.len();
    shown.chosen_at = shown.chosen_at.map(|from_below| total.saturating_sub(from_below));
    shown.lines.reverse();
    shown
}

/// Lines of a message.
fn height(state: &State, row: &Row, thread: &Thread, seq: Seq, columns: usize) -> usize {
    block(state, row, thread, seq, columns).len()
}

/// Moves what is shown by so many lines, up when negative; `true`: there is nothing further up.
pub(crate) fn scroll(state: &mut State, by: isize) -> bool {
    let Some((columns, room)) = room(state) else { return false };
    let (bottom, top_reached) = scrolled(state, columns, room, by);
    state.view.bottom = bottom;
    top_reached
}

fn scrolled(state: &State, columns: usize, room: usize, by: isize) -> (Option<(Seq, usize)>, bool) {
    let (Some(row), Some(thread)) = (state.open_row(), state.open_thread()) else { return (None, false) };
    let Some((mut seq, mut below)) = state.view.bottom.or_else(|| Some((thread.last()?, 0))) else {
        return (None, true);
    };
    let height = |seq| height(state, row, thread, seq, columns);
    let highest = at_top(state, columns, room, None);
    if by < 0 {
        below += by.unsigned_abs();
        while below >= height(seq) {
            below -= height(seq);
            match thread.before(seq) {
                Some(before) => seq = before,
                None => return (highest, true),
            }
        }
    } else {
        let mut down = by.unsigned_abs();
        while down > below {
            down -= below;
            let Some(after) = thread.after(seq) else {
                // The newest are to be loaded yet.
                return (Some((seq, 0)).filter(|_| thread.more_after), false);
            };
            (seq, below) = (after, height(after));
        }
        below -= down;
    }
    // Nothing is shown above the beginning.
    let above = highest.is_none_or(|(top, lines)| (seq, std::cmp::Reverse(below)) <= (top, std::cmp::Reverse(lines)));
    let bottom = if above { highest } else { Some((seq, below)) };
    let newest = bottom == thread.last().map(|last| (last, 0)) && !thread.more_after;
    (bottom.filter(|_| !newest), above)
}

/// What is at the bottom when this message, or the first, is at the top.
fn at_top(state: &State, columns: usize, room: usize, seq: Option<Seq>) -> Option<(Seq, usize)> {
    let (row, thread) = (state.open_row()?, state.open_thread()?);
    let mut at = seq.or_else(|| thread.first())?;
    let mut lines = 0;
    loop {
        lines += height(state, row, thread, at, columns);
        if lines >= room {
            return Some((at, lines - room));
        }
        at = thread.after(at)?;
    }
}

/// Shows the chosen message if it is not on the screen.
pub(crate) fn reveal(state: &mut State) {
    let (Some((columns, room)), Some(chosen)) = (room(state), state.view.chosen) else { return };
    let Some((first, last)) = shown(state, columns, room).range else { return };
    if chosen < first {
        state.view.bottom = at_top(state, columns, room, Some(chosen));
    } else if chosen > last {
        let newest = state.open_thread().is_some_and(|thread| thread.last() == Some(chosen) && !thread.more_after);
        state.view.bottom = (!newest).then_some((chosen, 0));
    }
}

/// The first line of all.
fn head(thread: &Thread) -> Option<Line<'static>> {
    if thread.loading {
        Some(Line::from(" Loading ...").dim())
    } else if thread.more_before {
        Some(Line::from(" PgUp loads older messages").dim())
    } else {
        None
    }
}

/// A message with what stands above it: the day, and where the news begin.
fn block(state: &State, row: &Row, thread: &Thread, seq: Seq, columns: usize) -> Vec<Line<'static>> {
    let Some(entry) = thread.entries.get(&seq) else { return Vec::new() };
    let mut lines = Vec::new();
    let before = thread.before(seq).and_then(|before| thread.entries.get(&before));
    let day = day(entry.at, &state.zone);
    if before.is_none_or(|before| self::day(before.at, &state.zone) != day) {
        lines.push(Line::from(format!(" -- {} --", moment(entry.at, &state.zone, "%A, %-d %B %Y"))).dim());
    }
    let View { chosen, new_after, .. } = state.view;
    if !entry.mine && new_after.is_some_and(|after| seq > after && thread.before(seq).is_none_or(|it| it <= after)) {
        let rule = "-".repeat(columns.saturating_sub(7) / 2);
        lines.push(Line::from(format!(" {rule} new {rule}")).bold());
    }
    let author = if entry.mine { "You" } else { entry.author.as_str() };
    let mark = if chosen == Some(seq) { '>' } else { ' ' };
    let head = format!(
        "{mark}{} {author}{}",
        moment(entry.at, &state.zone, "%H:%M"),
        if entry.edited { "  (edited)" } else { "" }
    );
    let right = if entry.mine && newest_of_mine(thread, seq) { read_by(state, row, seq) } else { String::new() };
    let head = Line::from(ends(&head, &right, columns));
    lines.push(if entry.mine { head.dim().bold() } else { head.bold() });
    lines.extend(quote(thread, entry, columns));
    let text = if entry.text.is_empty() { Vec::new() } else { wrap(&entry.text, columns.saturating_sub(INDENT)) };
    for line in text {
        let line = Line::from(format!("{:INDENT$}{line}", ""));
        lines.push(if entry.deleted { line.dim() } else { line });
    }
    lines.extend(entry.files.iter().map(|file| file_line(file, columns)));
    if !entry.reactions.is_empty() {
        let reactions: Vec<String> = entry
            .reactions
            .iter()
            .map(|(emoji, count, mine)| format!("{emoji} {count}{}", if *mine { "*" } else { "" }))
            .collect();
        lines.push(Line::from(cut(&format!("{:INDENT$}[{}]", "", reactions.join("  ")), columns)).dim());
    }
    lines
}

/// A file of a message.
fn file_line(file: &FileOf, columns: usize) -> Line<'static> {
    Line::from(cut(&format!("{:INDENT$}{}", "", file.line()), columns)).bold()
}

/// What the message answers.
fn quote(thread: &Thread, entry: &Entry, columns: usize) -> Option<Line<'static>> {
    let answered = entry.reply_to?;
    let words = match thread.by_id(answered) {
        Some((_, of)) => {
            let author = if of.mine { "You" } else { of.author.as_str() };
            format!("{author}: {}", of.text.lines().next().unwrap_or_default())
        }
        None => "an earlier message".to_owned(),
    };
    Some(Line::from(cut(&format!("{:INDENT$}| {words}", ""), columns)).dim())
}

/// What stands below the newest message: mine that are on their way.
fn tail(state: &State, row: &Row, columns: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for outgoing in state.outbox.iter().filter(|outgoing| outgoing.conv == row.id) {
        let how = if outgoing.stored { "" } else { ", sending ..." };
        lines.push(Line::from(vec![Span::from(" You"), Span::from(how)]).dim());
        let text =
            if outgoing.text.is_empty() { Vec::new() } else { wrap(&outgoing.text, columns.saturating_sub(INDENT)) };
        lines.extend(text.into_iter().map(|line| Line::from(format!("{:INDENT$}{line}", "")).dim()));
        lines.extend(outgoing.files.iter().map(|file| file_line(file, columns).dim()));
    }
    lines
}

fn newest_of_mine(thread: &Thread, seq: Seq) -> bool {
    thread.entries.range(seq.next()..).all(|(_, entry)| !entry.mine)
}

/// How far my message has come.
fn read_by(state: &State, row: &Row, seq: Seq) -> String {
    let others: Vec<_> = row.others(state.me).collect();
    let readers = others.iter().filter(|person| person.read_seq >= seq).count();
    let reached = others.iter().filter(|person| person.delivered_seq >= seq).count();
    match (others.len(), readers) {
        _ if !row.receipts => String::new(),
        (_, 0) if reached > 0 => "delivered".to_owned(),
        (_, 0) => "sent".to_owned(),
        (1, _) => "seen".to_owned(),
        (people, readers) => format!("seen by {readers} of {people}"),
    }
}

fn day(at: Timestamp, zone: &TimeZone) -> jiff::civil::Date {
    zoned(at, zone).date()
}

fn moment(at: Timestamp, zone: &TimeZone, format: &str) -> String {
    zoned(at, zone).strftime(format).to_string()
}

fn zoned(at: Timestamp, zone: &TimeZone) -> jiff::Zoned {
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default().to_zoned(zone.clone())
}
