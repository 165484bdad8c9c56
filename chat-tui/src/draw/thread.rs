use chat_proto::UserId;
use chat_proto::model::PresenceState;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Stylize as _;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::{has_keys, point};
use crate::state::{Pane, Row, State};
use crate::text::{cut, ends};
use crate::theme::{Look, Tone};
use crate::timeline::shown;

/// The conversation's pane: a title, the messages, who writes and looks.
pub(super) fn draw(state: &State, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let Some(row) = state.open_row() else { return };
    let [title, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)]).areas(area);
    let columns = usize::from(area.width).saturating_sub(2);
    let focused = has_keys(state, Pane::Thread);
    let style = if focused { look.theme.style(Tone::Focus) } else { ratatui::style::Style::new().bold() };
    let right = about(state, row);
    frame.render_widget(Line::styled(format!(" {}", ends(&row.title, &right, columns)), style), title);

    let shown = shown(state, columns, usize::from(body.height));
    // A short conversation stands at the bottom, next to where one writes.
    let used = u16::try_from(shown.lines.len()).unwrap_or(body.height);
    let at = Rect { y: body.y + body.height - used, height: used, ..body };
    frame.render_widget(Paragraph::new(shown.lines), at);
    if focused {
        let line = shown.chosen_at.unwrap_or(usize::from(used).saturating_sub(1));
        point(frame, at, 0, line);
    }

    let below = match (state.view.bottom, shown.range) {
        (Some(_), Some((_, last))) => {
            let more = row.last_seq.0.saturating_sub(last.0);
            let news = if row.unread > 0 { format!(", {} unread", row.unread) } else { String::new() };
            format!("-- {more} more below{news} - G goes there --")
        }
        _ => ends(&writing(state, row), &looking(state, row), columns),
    };
    frame.render_widget(Line::from(format!(" {}", cut(&below, columns))).dim(), foot);
}

/// Who the other is, or how many they are.
fn about(state: &State, row: &Row) -> String {
    let mut others = row.others(state.me);
    match (others.next(), others.next()) {
        (Some(one), None) if !row.group => format!("{}, {}", one.about, presence(state, one.id)),
        _ => format!("{} people", row.count),
    }
}

pub(super) fn presence(state: &State, user: UserId) -> &'static str {
    match state.present.get(&user) {
        Some(PresenceState::Online) => "online",
        Some(PresenceState::Away) => "away",
        _ => "offline",
    }
}

fn writing(state: &State, row: &Row) -> String {
    match names(state, row, &state.typing).as_slice() {
        [] => String::new(),
        [one] => format!("{one} is writing ..."),
        several => format!("{} are writing ...", several.join(", ")),
    }
}

fn looking(state: &State, row: &Row) -> String {
    match names(state, row, &state.viewing).as_slice() {
        [] => String::new(),
        [one] => format!("{one} looks, too"),
        several => format!("{} look, too", several.join(", ")),
    }
}

fn names<'a>(state: &'a State, row: &Row, of: &[(chat_proto::ConversationId, UserId)]) -> Vec<&'a str> {
    of.iter().filter(|(conv, _)| *conv == row.id).map(|(conv, user)| state.name_in(*conv, *user)).collect()
}
