//! The screen, from the state alone.

mod composer;
mod help;
mod list;
mod path;
mod people;
mod picker;
mod sign_in;
mod subject;
mod thread;
mod top;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Clear};
use unicode_width::UnicodeWidthStr as _;

use crate::keys::{self, Context};
use crate::panes::{LEAST, panes, too_small};
use crate::state::{Link, Over, Pane, State, bar};
use crate::text::cut;
use crate::theme::{Look, Tone};

pub(crate) use composer::file_rows;

pub(crate) fn draw(state: &State, look: Look, frame: &mut Frame<'_>) {
    let area = frame.area();
    if too_small((area.width, area.height)) {
        let words = format!("needs {}x{}, has {}x{}", LEAST.0, LEAST.1, area.width, area.height);
        frame.render_widget(words, area);
        return;
    }
    match &state.sign_in {
        Some(form) => sign_in::draw(form, look, frame, area),
        None => draw_panes(state, look, frame),
    }
    match &state.over {
        Some(Over::Help(scroll, of)) => help::draw(*scroll, *of, look, frame, area),
        Some(Over::Picker(picker)) => picker::draw(picker, look, frame, area),
        Some(Over::Subject(subject, picker)) => subject::draw(subject, picker, frame, area),
        Some(Over::Path(prompt)) => path::draw(prompt, frame, area),
        None => {}
    }
    look.plain(frame.buffer_mut());
}

fn draw_panes(state: &State, look: Look, frame: &mut Frame<'_>) {
    let panes = panes(state);
    top::draw(state, look, frame, panes.top);
    if let Some(area) = panes.list {
        list::draw(state, look, frame, area);
    }
    if let Some(area) = panes.thread {
        let area = edged(panes.list.is_some(), frame, area);
        thread::draw(state, look, frame, area);
    }
    if let Some(area) = panes.people {
        let area = edged(panes.list.is_some(), frame, area);
        people::draw(state, look, frame, area);
    }
    if let Some(area) = panes.composer {
        composer::draw(state, look, frame, area);
    }
    draw_last_line(state, look, frame, panes.hints);
}

/// The pane without the edge to the one on its left.
fn edged(has_left: bool, frame: &mut Frame<'_>, area: Rect) -> Rect {
    if !has_left {
        return area;
    }
    let edge = Block::new().borders(Borders::LEFT);
    let inner = edge.inner(area);
    frame.render_widget(edge, area);
    inner
}

fn draw_last_line(state: &State, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width).saturating_sub(1);
    let alert = look.theme.style(Tone::Alert);
    let line = match (&state.notice, &state.link) {
        (Some(words), _) => Line::styled(format!(" {}", cut(words, width)), alert),
        (None, Link::SignedOut) => {
            let end = key_words(state, " - L signs in again; drafts and unsent messages are kept.");
            Line::styled(in_full("You were signed out", &end, width), alert)
        }
        (None, Link::Lost { why, .. }) => {
            Line::styled(in_full(why, &key_words(state, " - what you send waits.  R tries now"), width), alert)
        }
        (None, Link::Ended(why)) => Line::styled(in_full(why, &key_words(state, " - L signs in again"), width), alert),
        _ if let Some(saving) = &state.saving => {
            let words = format!("Saving {}  {}", saving.name, bar(saving.done, saving.all));
            Line::from(format!(" {}", cut(&words, width)))
        }
        _ => Line::styled(format!(" {}", keys::hints(state.context(), width)), ratatui::style::Modifier::DIM),
    };
    frame.render_widget(line, area);
}

/// What a key does, where that key is a command; who writes is told how to get there.
fn key_words(state: &State, words: &str) -> String {
    match state.context() {
        Context::Read => words.to_owned(),
        _ => words.replace(" R ", " Esc R ").replace(" L ", " Esc L "),
    }
}

/// What happened, which gives way, and what is to be done about it.
fn in_full(why: &str, end: &str, width: usize) -> String {
    let why = cut(why, width.saturating_sub(end.width()));
    format!(" {}", cut(&format!("{why}{end}"), width))
}

/// Makes room for what lies over the screen. A wide character that reaches into it is taken away as a whole: terminals draw
/// it over what stands in its second half.
fn clear(frame: &mut Frame<'_>, area: Rect) {
    frame.render_widget(Clear, area);
    let Some(left) = area.x.checked_sub(1) else { return };
    let buffer = frame.buffer_mut();
    for y in area.top()..area.bottom() {
        if let Some(cell) = buffer.cell_mut((left, y))
            && cell.symbol().width() > 1
        {
            cell.set_symbol(" ");
        }
    }
}

/// Puts the terminal's cursor where the eye of a screen reader belongs.
fn point(frame: &mut Frame<'_>, within: Rect, column: usize, row: usize) {
    let x = within.x.saturating_add(u16::try_from(column).unwrap_or(u16::MAX)).min(within.right().saturating_sub(1));
    let y = within.y.saturating_add(u16::try_from(row).unwrap_or(u16::MAX)).min(within.bottom().saturating_sub(1));
    frame.set_cursor_position(Position::new(x, y));
}

/// Whether the keys go to this pane while reading.
fn has_keys(state: &State, pane: Pane) -> bool {
    state.over.is_none() && !state.writing && state.pane == pane
}
