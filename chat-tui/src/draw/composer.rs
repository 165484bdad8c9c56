use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Style, Stylize as _};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Paragraph};

use super::point;
use crate::state::{Draft, Stage, State};
use crate::text::cut;
use crate::theme::{Look, Tone};

/// Where one writes; its edge says what becomes of it.
pub(super) fn draw(state: &State, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let Some(row) = state.open_row() else { return };
    let draft = state.draft();
    let empty = draft.is_none_or(Draft::is_empty);
    let mut block = Block::new().borders(Borders::TOP).title(title(state, draft, &row.title));
    if state.writing {
        block = block.title_style(look.theme.style(Tone::Focus)).border_style(look.theme.style(Tone::Focus));
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if !state.writing && empty {
        frame.render_widget(Line::from(" Enter to write").dim(), inner);
        return;
    }
    let Some(draft) = draft else {
        point(frame, inner, 1, 0);
        return;
    };
    let [files, inner] =
        Layout::vertical([Constraint::Length(file_rows(Some(draft))), Constraint::Min(1)]).areas(inner);
    draw_files(draft, look, frame, files);
    let width = usize::from(inner.width).saturating_sub(2);
    let (lines, at, column) = draft.composer().lines(width);
    let height = usize::from(inner.height);
    let first = (at + 1).saturating_sub(height);
    let shown: Vec<Line<'_>> =
        lines.iter().skip(first).take(height).map(|line| Line::from(format!(" {line}"))).collect();
    frame.render_widget(Paragraph::new(shown), inner);
    if state.writing && state.over.is_none() {
        point(frame, inner, column + 1, at - first);
    }
}

/// Rows of the files that go with the message.
const FILES: usize = 3;

pub(crate) fn file_rows(draft: Option<&Draft>) -> u16 {
    let files = draft.filter(|draft| draft.edit.is_none()).map_or(0, |draft| draft.files.len());
    u16::try_from(files.min(FILES)).unwrap_or_default()
}

fn draw_files(draft: &Draft, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let columns = usize::from(area.width).saturating_sub(2);
    let rows = usize::from(area.height);
    // The last ones: Ctrl-X takes them away.
    let first = draft.files.len().saturating_sub(rows);
    let lines = draft.files.iter().skip(first).take(rows).enumerate().map(|(place, chip)| {
        let before = if place == 0 && first > 0 { format!("{first} more, ") } else { String::new() };
        let line = cut(&format!("{before}[{}  {}]", chip.name, chip.about()), columns);
        let failed = matches!(chip.stage, Stage::Failed(_));
        Line::styled(format!(" {line}"), if failed { look.theme.style(Tone::Alert) } else { Style::new() })
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
}

fn title(state: &State, draft: Option<&Draft>, to: &str) -> String {
    let answered = draft.and_then(|draft| draft.reply_to);
    let answered = answered.and_then(|id| state.open_thread()?.by_id(id)).map(|(_, entry)| {
        let author = if entry.mine { "your message" } else { entry.author.as_str() };
        format!(", answers {author}: {}", cut(entry.text.lines().next().unwrap_or_default(), 24))
    });
    let answered = answered.unwrap_or_default();
    match (draft, state.writing) {
        (Some(Draft { edit: Some(_), .. }), true) => " Edit your message ".to_owned(),
        (Some(Draft { edit: Some(_), .. }), false) => " change not saved yet ".to_owned(),
        (_, true) => format!(" To {}{answered} ", cut(to, 40)),
        (Some(draft), false) if !draft.is_empty() => " draft kept ".to_owned(),
        _ => String::new(),
    }
}
