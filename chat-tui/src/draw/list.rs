use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Style, Stylize as _};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::{has_keys, point};
use crate::state::{Filter, Link, Pane, Row, State};
use crate::text::{cut, ends};
use crate::theme::{Look, Tone};

/// The conversations, two lines each; the selected one is always among them.
pub(super) fn draw(state: &State, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let columns = usize::from(area.width);
    if state.list.all().is_empty() {
        let words = match (state.loaded, &state.link) {
            (false, Link::Connecting | Link::Syncing | Link::Live | Link::Reloading) => " Loading ...",
            (false, _) => " Not loaded yet.",
            (true, _) => " No conversations yet.\n N begins one.",
        };
        frame.render_widget(Paragraph::new(words), area);
        return;
    }
    let order = state.list.shown();
    let area = match &state.list.filter {
        Some(filter) => draw_filter(state, look, filter, frame, area),
        None => area,
    };
    if order.is_empty() {
        let words = if state.more { "  Looking through older ones ..." } else { "  Nothing goes with that." };
        frame.render_widget(Paragraph::new(words).dim(), area);
        return;
    }
    let shown = usize::from(area.height / 2).max(1);
    let place = state.place().unwrap_or(0);
    let first = (place + 1).saturating_sub(shown);
    let mut lines = Vec::new();
    for row in order.iter().skip(first).take(shown).filter_map(|id| state.row(*id)) {
        lines.extend(two_lines(state, look, row, columns));
    }
    frame.render_widget(Paragraph::new(lines), area);
    if has_keys(state, Pane::List) && !state.list.filter.as_ref().is_some_and(|filter| filter.typing) {
        point(frame, area, 0, (place - first) * 2);
    }
}

/// What the list is narrowed down by, and how far; the rest of the area.
fn draw_filter(state: &State, look: Look, filter: &Filter, frame: &mut Frame<'_>, area: Rect) -> Rect {
    let columns = usize::from(area.width);
    let more = if state.more { "+" } else { "" };
    let found = format!("{} of {}{more} ", state.list.shown().len(), state.list.all().len());
    let (typed, _, column) = filter.query.lines(usize::MAX / 2);
    let line = ends(&format!(" /{}", typed.first().copied().unwrap_or_default()), &found, columns);
    let style = if filter.typing { look.theme.style(Tone::Focus) } else { Style::new().bold() };
    let [top, rest] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    frame.render_widget(Line::styled(line, style), top);
    if filter.typing && state.over.is_none() {
        point(frame, top, 2 + column, 0);
    }
    rest
}

fn two_lines(state: &State, look: Look, row: &Row, columns: usize) -> [Line<'static>; 2] {
    let selected = state.selected == Some(row.id);
    let mark = match (selected, row.unread) {
        (true, _) => '>',
        (_, 1..) => '*',
        _ => ' ',
    };
    let news = if row.unread > 0 { format!("{} new ", row.unread) } else { String::new() };
    let style = match (selected, row.unread) {
        (true, _) if has_keys(state, Pane::List) => look.theme.style(Tone::Focus).reversed(),
        (true, _) => look.theme.style(Tone::Focus),
        (_, 1..) => look.theme.style(Tone::Unread),
        _ => Style::new(),
    };
    let title = Line::styled(ends(&format!("{mark}{}", row.title), &news, columns), style);
    let writes = state.typing.iter().find(|(conv, _)| *conv == row.id);
    let second = match (writes, state.drafts.get(&row.id)) {
        (Some((_, who)), _) if row.group => format!("{} writes ...", state.name_in(row.id, *who)),
        (Some(_), _) => "writing ...".to_owned(),
        (None, Some(draft)) if !draft.is_empty() => format!("draft: {}", draft.composer().text().replace('\n', " ")),
        _ if state.outbox.iter().any(|outgoing| outgoing.conv == row.id && !outgoing.stored) => {
            "sending ...".to_owned()
        }
        _ => row.last.clone(),
    };
    [title, Line::from(format!("  {}", cut(&second, columns.saturating_sub(3)))).dim()]
}
