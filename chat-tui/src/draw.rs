//! The screen, from the state alone. Meaning never stands in colour: only words, signs, bold, dim and reverse.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Style, Stylize as _};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Clear, Paragraph};
use unicode_width::UnicodeWidthStr as _;

use crate::state::{Focus, Link, State};
use crate::text::{cut, ends, wrap};
use crate::{keys, thread};

/// Below this nothing useful can be shown.
const LEAST: (u16, u16) = (60, 16);
const LIST_COLUMNS: u16 = 27;
const COMPOSER_ROWS: u16 = 4;

pub(crate) fn draw(state: &State, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let words = format!("needs {}x{}, has {}x{}", LEAST.0, LEAST.1, area.width, area.height);
        frame.render_widget(words, area);
        return;
    }
    let composer = if state.shows_thread() { COMPOSER_ROWS } else { 0 };
    let [top, body, composer, hints] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(composer),
        Constraint::Length(1),
    ])
    .areas(area);
    draw_top(state, frame, top);
    if state.is_wide() {
        let [list, pane] = Layout::horizontal([Constraint::Length(LIST_COLUMNS), Constraint::Min(1)]).areas(body);
        draw_list(state, frame, list);
        let border = Block::new().borders(Borders::LEFT);
        let inner = border.inner(pane);
        frame.render_widget(border, pane);
        thread::draw(state, frame, inner);
    } else if state.shows_thread() {
        thread::draw(state, frame, body);
    } else {
        draw_list(state, frame, body);
    }
    if state.shows_thread() {
        draw_composer(state, frame, composer);
    }
    let last = match (&state.notice, &state.link) {
        (Some(words), _) | (None, Link::Lost(words) | Link::Ended(words)) => {
            Line::from(format!(" {}", cut(words, usize::from(hints.width) - 1))).bold()
        }
        _ => Line::from(format!(" {}", cut(&keys::hints(state.focus), usize::from(hints.width) - 1))).dim(),
    };
    frame.render_widget(last, hints);
    if state.help {
        draw_help(frame, area);
    }
}

fn draw_top(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let unread: u64 = state.rows.iter().map(|row| row.unread).sum();
    let news = if unread > 0 { format!("  {unread} new") } else { String::new() };
    let link = match &state.link {
        Link::Connecting => "connecting ".to_owned(),
        Link::Live => "live ".to_owned(),
        Link::Lost(_) => "offline, trying again ".to_owned(),
        Link::Ended(_) => "signed out ".to_owned(),
    };
    let words = ends(&format!(" chat  {}{news}", state.my_name), &link, usize::from(area.width));
    frame.render_widget(Line::styled(words, Style::new().reversed()), area);
}

fn draw_list(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let columns = usize::from(area.width);
    if state.rows.is_empty() {
        let words = match (state.loaded, &state.link) {
            (false, Link::Connecting | Link::Live | Link::Lost(_)) => " Loading ...",
            _ => " No conversations yet.",
        };
        frame.render_widget(words, area);
        return;
    }
    // Two lines each; the selected one is always among those shown.
    let shown = usize::from(area.height / 2).max(1);
    let place = state.place().unwrap_or(0);
    let first = (place + 1).saturating_sub(shown);
    let mut lines = Vec::new();
    for row in state.rows.iter().skip(first).take(shown) {
        let selected = state.selected == Some(row.id);
        let mark = match (selected, row.unread) {
            (true, _) => '>',
            (_, 1..) => '*',
            _ => ' ',
        };
        let news = if row.unread > 0 { format!("{} new ", row.unread) } else { String::new() };
        let style = if row.unread > 0 || selected { Style::new().bold() } else { Style::new() };
        lines.push(Line::styled(ends(&format!("{mark}{}", row.title), &news, columns), style));
        let second = match state.drafts.get(&row.id) {
            _ if state.typing.iter().any(|typist| typist.conv == row.id) => "writing ...".to_owned(),
            Some(draft) if !draft.is_empty() && !selected => format!("draft: {}", draft.replace('\n', " ")),
            _ => row.last.clone(),
        };
        lines.push(Line::from(format!("  {}", cut(&second, columns.saturating_sub(3)))).dim());
    }
    frame.render_widget(Paragraph::new(lines), area);
    if state.focus == Focus::Read && !state.help {
        // A screen reader follows the terminal's cursor.
        let y = u16::try_from((place - first) * 2).unwrap_or(0);
        frame.set_cursor_position(Position::new(area.x, area.y + y));
    }
}

fn draw_composer(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let row = state.selected.and_then(|id| state.row(id));
    let title = match (row, state.focus) {
        (None, _) => String::new(),
        (Some(row), Focus::Write) => format!(" to {} ", cut(&row.title, 40)),
        (Some(_), Focus::Read) if state.draft().is_empty() => String::new(),
        (Some(_), Focus::Read) => " draft kept ".to_owned(),
    };
    let block = Block::new().borders(Borders::TOP).title(title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if row.is_some() && state.focus == Focus::Read && state.draft().is_empty() {
        frame.render_widget(Line::from(" Enter to reply").dim(), inner);
        return;
    }
    let lines = wrap(state.draft(), usize::from(inner.width).saturating_sub(3));
    let first = lines.len().saturating_sub(usize::from(inner.height));
    let shown: Vec<Line<'_>> = lines[first..].iter().map(|line| Line::from(format!(" {line}"))).collect();
    let end = lines.last().map_or(0, |line| line.width());
    let height = shown.len();
    frame.render_widget(Paragraph::new(shown), inner);
    if state.focus == Focus::Write && !state.help {
        let x = inner.x + 1 + u16::try_from(end).unwrap_or(0);
        let y = inner.y + u16::try_from(height.saturating_sub(1)).unwrap_or(0);
        frame.set_cursor_position(Position::new(x, y));
    }
}

fn draw_help(frame: &mut Frame<'_>, over: Rect) {
    let rows: Vec<Line<'_>> = keys::help()
        .into_iter()
        .map(|(keys, says)| match says {
            "" => Line::from(keys).bold(),
            _ => Line::from(format!("  {keys:<18}{says}")),
        })
        .collect();
    let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(2).min(over.height);
    let width = 54.min(over.width);
    let area = Rect::new(over.x + (over.width - width) / 2, over.y, width, height);
    frame.render_widget(Clear, area);
    let block = Block::bordered().title(" Keys - any key closes ");
    frame.render_widget(Paragraph::new(rows).block(block), area);
}
