use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Stylize as _;
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::point;
use crate::keys::{self, Context};
use crate::state::SignIn;
use crate::text::wrap;
use crate::theme::{Look, Tone};

/// Columns of a field.
const FIELD: usize = 40;
/// Fits into a line.
const IN_CLEAR: &str = "Your password goes in clear: http is not secret.";

/// The form to sign in with.
pub(super) fn draw(form: &SignIn, look: Look, frame: &mut Frame<'_>, over: Rect) {
    let (width, height) = (56, 13);
    let area = Rect::new(over.x + (over.width - width) / 2, over.y + (over.height - height) / 3, width, height);
    let block = Block::bordered().title(" chat - sign in ");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let mut lines = vec![Line::from("")];
    for (place, label) in SignIn::LABELS.iter().enumerate() {
        let typed = form.fields[place].text();
        let shown =
            if place == SignIn::PASSWORD { "*".repeat(typed.graphemes(true).count()) } else { typed.to_owned() };
        let shown = if shown.width() < FIELD { shown } else { end(&shown) };
        let here = form.at == place && !form.busy;
        let line = Line::from(format!(" {}{label:<9} {shown}", if here { '>' } else { ' ' }));
        lines.push(if here { line.style(look.theme.style(Tone::Focus)) } else { line });
        lines.push(Line::from(""));
        if here {
            let (_, _, column) = form.fields[place].lines(usize::MAX / 2);
            let column = if place == SignIn::PASSWORD { shown.width() } else { column.min(shown.width()) };
            point(frame, inner, 12 + column, 1 + place * 2);
        }
    }
    let columns = usize::from(inner.width).saturating_sub(3);
    match (&form.why, form.busy) {
        (_, true) => lines.push(Line::from("  Signing in ...").dim()),
        (Some(why), _) => {
            let why = wrap(why, columns).into_iter().take(3);
            lines.extend(why.map(|line| Line::styled(format!("  {line}"), look.theme.style(Tone::Alert))));
        }
        _ => {}
    }
    if form.is_in_clear() {
        lines.push(Line::styled(format!("  {IN_CLEAR}"), look.theme.style(Tone::Alert)));
    }
    frame.render_widget(Paragraph::new(lines), inner);
    let last = Rect { y: over.bottom().saturating_sub(1), height: 1, ..over };
    let hints = keys::hints(Context::SignIn, usize::from(last.width).saturating_sub(1));
    frame.render_widget(Line::from(format!(" {hints}")).dim(), last);
}

/// The end of a text that is longer than its field.
fn end(text: &str) -> String {
    let mut columns = 0;
    let kept = text.graphemes(true).rev().take_while(|grapheme| {
        columns += grapheme.width();
        columns < FIELD
    });
    let mut kept: Vec<&str> = kept.collect();
    kept.reverse();
    kept.concat()
}
