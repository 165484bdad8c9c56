use chat_proto::model::PresenceState;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Stylize as _;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::thread::presence;
use super::{has_keys, point};
use crate::state::{Pane, State};
use crate::text::{cut, ends};
use crate::theme::{Look, Tone};

/// Who is in the conversation, who of them is there, how far they have read.
pub(super) fn draw(state: &State, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let Some(row) = state.open_row() else { return };
    let columns = usize::from(area.width).saturating_sub(2);
    let focused = has_keys(state, Pane::People);
    let heading = Line::from(format!(" {}", ends("PEOPLE", &row.count.to_string(), columns)));
    let mut lines = vec![if focused { heading.style(look.theme.style(Tone::Focus)) } else { heading.bold() }];
    for person in &row.people {
        let me = person.id == state.me;
        let sign = match state.present.get(&person.id) {
            _ if me => '+',
            Some(PresenceState::Online) => '+',
            Some(PresenceState::Away) => '~',
            _ => ' ',
        };
        let is = if me { "you" } else { presence(state, person.id) };
        let name = Line::from(format!(" {}", ends(&format!("{sign} {}", person.name), is, columns)));
        lines.push(if sign == '+' { name.style(look.theme.style(Tone::Good)) } else { name });
        let owner = if person.owner { ", owner" } else { "" };
        let read = match row.last_seq.0.saturating_sub(person.read_seq.0) {
            _ if me || !row.receipts => "",
            0 => "read all",
            _ if person.delivered_seq >= row.last_seq => "delivered",
            _ => "",
        };
        lines.push(Line::from(format!(" {}", ends(&format!("  {}{owner}", person.about), read, columns))).dim());
    }
    let hidden = u64::from(row.count).saturating_sub(row.people.len() as u64);
    if hidden > 0 {
        lines.push(Line::from(cut(&format!("   and {hidden} more"), columns)).dim());
    }
    frame.render_widget(Paragraph::new(lines), area);
    if focused {
        point(frame, area, 0, 0);
    }
}
