use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};

use super::{clear, point};
use crate::keys::{self, Context};
use crate::state::{Composer, Picker};
use crate::text::{cut, wrap};

/// Lines that the names of a group's people may take.
const NAMES: usize = 4;

/// The subject of a group that begins, and who will be in it.
pub(super) fn draw(subject: &Composer, picker: &Picker, frame: &mut Frame<'_>, over: Rect) {
    let width = 66.min(over.width.saturating_sub(2));
    let columns = usize::from(width).saturating_sub(4);
    let names: Vec<&str> = picker.marked.iter().map(|(_, name)| name.as_str()).collect();
    let (with, all) = (format!("With {}", names.join(", ")), format!("... {} people in all", names.len() + 1));
    let mut names = wrap(&with, columns);
    if names.len() > NAMES {
        names.truncate(NAMES - 1);
        names.push(&all);
    }
    let height = u16::try_from(names.len()).unwrap_or(0) + 4;
    let area = Rect::new(over.x + (over.width - width) / 2, over.y + 1, width, height);
    clear(frame, area);
    let block =
        Block::bordered().title(" A new group ").title_bottom(format!(" {} ", keys::hints(Context::Subject, columns)));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let at = names.len() + 1;
    let mut lines: Vec<Line<'_>> =
        names.iter().map(|line| Line::from(format!(" {}", cut(line.trim_end(), columns)))).collect();
    lines.push(Line::from(""));
    let room = columns.saturating_sub(10);
    let (typed, row, column) = subject.lines(room);
    lines.push(Line::from(format!(" Subject > {}", typed.get(row).copied().unwrap_or_default())));
    frame.render_widget(Paragraph::new(lines), inner);
    point(frame, inner, 11 + column, at);
}
