//! The conversation's pane.

use chat_proto::{ConversationId, Seq, Timestamp};
use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Stylize as _;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::state::{Row, State};
use crate::text::{cut, ends, wrap};

pub(crate) fn draw(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let Some(row) = state.selected.and_then(|id| state.row(id)) else {
        return;
    };
    let [title, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)]).areas(area);
    let columns = usize::from(area.width);
    frame.render_widget(Line::from(format!(" {}", cut(&row.title, columns.saturating_sub(2)))).bold(), title);

    let lines = lines(state, row, columns.saturating_sub(2));
    let height = usize::from(body.height);
    // Scrolling further than the beginning stays at the beginning.
    let scroll = state.scroll.min(lines.len().saturating_sub(height));
    let end = lines.len() - scroll;
    let shown = lines[end.saturating_sub(height)..end].to_vec();
    // A short conversation stands at the bottom, next to where one writes.
    let used = u16::try_from(shown.len()).unwrap_or(body.height);
    let at = Rect { y: body.y + body.height - used, height: used, ..body };
    frame.render_widget(Paragraph::new(shown), at);

    let below = match (scroll, writing(state, row.id)) {
        (1.., _) => format!("-- {scroll} more lines below --"),
        (_, Some(who)) => format!("{who} writing ..."),
        _ => String::new(),
    };
    frame.render_widget(Line::from(format!(" {}", cut(&below, columns.saturating_sub(2)))).dim(), foot);
}

fn lines(state: &State, row: &Row, columns: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let thread = state.threads.get(&row.id);
    let entries = thread.map(|thread| &thread.entries);
    if thread.is_some_and(|thread| thread.loading) {
        lines.push(Line::from(" Loading ...").dim());
    } else if thread.is_some_and(|thread| thread.more_before) {
        lines.push(Line::from(" PgUp loads older messages").dim());
    }
    let seen = entries.and_then(|entries| entries.iter().rev().find(|(_, entry)| entry.mine)).map(|(seq, _)| *seq);
    let mut day = String::new();
    for (seq, entry) in entries.into_iter().flatten() {
        let today = moment(entry.at, &state.zone, "%A, %-d %B %Y");
        if today != day {
            lines.push(Line::from(format!(" -- {today} --")).dim());
            day = today;
        }
        let author = if entry.mine { "You" } else { &entry.author };
        let head = format!(" {} {author}", moment(entry.at, &state.zone, "%H:%M"));
        let right = if seen == Some(*seq) { read_by(row, *seq) } else { String::new() };
        lines.push(Line::from(ends(&head, &right, columns)).bold());
        lines.extend(wrap(&entry.text, columns - 3).into_iter().map(|line| Line::from(format!("   {line}"))));
    }
    for outgoing in state.outbox.iter().filter(|outgoing| outgoing.conv == row.id) {
        lines.push(Line::from(if outgoing.stored { " You" } else { " You, sending ..." }).dim());
        lines.extend(wrap(&outgoing.text, columns - 3).into_iter().map(|line| Line::from(format!("   {line}")).dim()));
    }
    lines
}

/// How far my message has come.
fn read_by(row: &Row, seq: Seq) -> String {
    let readers = row.people.iter().filter(|person| person.read_seq >= seq).count();
    match (row.people.len(), readers) {
        (_, 0) => "sent".to_owned(),
        (1, _) => "seen".to_owned(),
        (people, readers) => format!("seen by {readers} of {people}"),
    }
}

fn writing(state: &State, conv: ConversationId) -> Option<String> {
    let row = state.row(conv)?;
    let typists = state.typing.iter().filter(|typist| typist.conv == conv);
    let name = |user| row.people.iter().find(|person| person.id == user).map(|person| person.name.as_str());
    let names: Vec<_> = typists.map(|typist| name(typist.user).unwrap_or("Somebody")).collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("{one} is")),
        several => Some(format!("{} are", several.join(", "))),
    }
}

fn moment(at: Timestamp, zone: &TimeZone, format: &str) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
    moment.to_zoned(zone.clone()).strftime(format).to_string()
}
