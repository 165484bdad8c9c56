use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};

use super::clear;
use crate::keys::{self, Context};
use crate::text::cut;
use crate::theme::{Look, Tone};

/// Columns of the keys, which all but one have room in.
const KEYS: usize = 20;

/// The keys, from the table.
pub(super) fn draw(scroll: usize, of: Context, look: Look, frame: &mut Frame<'_>, over: Rect) {
    let width = 76.min(over.width);
    let inner = usize::from(width).saturating_sub(2);
    let rows: Vec<Line<'_>> = keys::help(of)
        .into_iter()
        .map(|(keys, says)| match says {
            "" => Line::styled(format!(" {keys}"), look.theme.style(Tone::Focus)),
            // What is longer pushes its words along.
            _ => Line::from(cut(&format!("   {keys:<KEYS$} {says}"), inner)),
        })
        .collect();
    let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(2).min(over.height);
    let shown = usize::from(height).saturating_sub(2);
    let scroll = scroll.min(rows.len().saturating_sub(shown));
    let below = rows.len().saturating_sub(scroll + shown);
    let area = Rect::new(over.x + (over.width - width) / 2, over.y, width, height);
    clear(frame, area);
    let mut block = Block::bordered().title(" Keys - Esc closes ");
    if below > 0 {
        block = block.title_bottom(format!(" {below} more: j k PgDn PgUp "));
    }
    let rows: Vec<Line<'_>> = rows.into_iter().skip(scroll).take(shown).collect();
    frame.render_widget(Paragraph::new(rows).block(block), area);
}
