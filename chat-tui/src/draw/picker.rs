use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Stylize as _;
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};

use super::{clear, point};
use crate::keys::{self, Context};
use crate::state::{Picker, PickerKind};
use crate::text::{cut, ends};
use crate::theme::{Look, Tone};

/// A list to pick from: what is typed, what goes with it.
pub(super) fn draw(picker: &Picker, look: Look, frame: &mut Frame<'_>, over: Rect) {
    let width = 66.min(over.width.saturating_sub(2));
    let height = 18.min(over.height.saturating_sub(2));
    let area = Rect::new(over.x + (over.width - width) / 2, over.y + 1, width, height);
    clear(frame, area);
    let context = if picker.kind == PickerKind::Person { Context::Directory } else { Context::Pick };
    let block = Block::bordered()
        .title(format!(" {} ", picker.title()))
        .title_bottom(format!(" {} ", keys::hints(context, usize::from(width).saturating_sub(4))));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let columns = usize::from(inner.width).saturating_sub(2);
    let (typed, _, column) = picker.query.lines(columns.saturating_sub(4));
    let mut lines = vec![Line::from(format!(" > {}", typed.first().copied().unwrap_or_default())), Line::from("")];
    let shown = usize::from(inner.height).saturating_sub(2).max(1);
    let first = (picker.chosen + 1).saturating_sub(shown);
    for (place, item) in picker.found.iter().enumerate().skip(first).take(shown) {
        let chosen = place == picker.chosen;
        let mark = if chosen { '>' } else { ' ' };
        let text = match (picker.kind, picker.is_marked(item)) {
            (PickerKind::Person, true) => format!("* {}", item.text),
            (PickerKind::Person, false) => format!("  {}", item.text),
            _ => item.text.clone(),
        };
        let line = Line::from(format!("{mark}{}", ends(&text, &item.right, columns)));
        lines.push(if chosen { line.style(look.theme.style(Tone::Focus)).reversed() } else { line });
    }
    if picker.found.is_empty() {
        let words = match (picker.kind, &picker.directory.people) {
            (PickerKind::Person, None) => "Loading ...",
            _ if picker.directory.asked.is_some() => "Looking ...",
            _ if picker.looks_on => "Looking through older ones ...",
            _ => "Nothing goes with that.",
        };
        lines.push(Line::from(format!(" {}", cut(words, columns))).dim());
    }
    frame.render_widget(Paragraph::new(lines), inner);
    point(frame, inner, 3 + column, 0);
}
