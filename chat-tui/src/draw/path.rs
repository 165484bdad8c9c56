use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Stylize as _;
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};

use super::{clear, point};
use crate::keys::{self, Context};
use crate::safe;
use crate::state::{PathOf, PathPrompt};
use crate::text::cut;

/// Lines of what could be meant.
const FOUND: usize = 6;

/// A path that is being typed, and what it could be.
pub(super) fn draw(prompt: &PathPrompt, frame: &mut Frame<'_>, over: Rect) {
    let width = 72.min(over.width.saturating_sub(2));
    let columns = usize::from(width).saturating_sub(4);
    let shown = prompt.found.len().min(FOUND);
    let height = u16::try_from(shown).unwrap_or(0) + 3 + u16::from(shown > 0);
    let area = Rect::new(over.x + (over.width - width) / 2, over.y + 1, width, height);
    let title = match &prompt.of {
        PathOf::Attach(_) => "Attach a file".to_owned(),
        PathOf::Save { file, .. } => format!("Save {} as", cut(&file.name, 40)),
    };
    clear(frame, area);
    let block = Block::bordered()
        .title(format!(" {title} "))
        .title_bottom(format!(" {} ", keys::hints(Context::Path, columns)));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let room = columns.saturating_sub(3);
    let (typed, row, column) = prompt.path.lines(room);
    let mut lines = vec![Line::from(format!(" > {}", typed.get(row).copied().unwrap_or_default()))];
    for (place, found) in prompt.found.iter().take(FOUND).enumerate() {
        let more = prompt.found.len() - FOUND.min(prompt.found.len());
        let last = place + 1 == FOUND && more > 0;
        let text = if last { format!("and {} more", more + 1) } else { safe::line(found) };
        lines.push(Line::from(format!("   {}", cut(&text, room))).dim());
    }
    frame.render_widget(Paragraph::new(lines), inner);
    point(frame, inner, 3 + column, 0);
}
