use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::keys::Context;
use crate::state::{Link, State};
use crate::text::ends;
use crate::theme::{Look, Tone};

/// Who I am, what is new, how things stand with the server.
pub(super) fn draw(state: &State, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let news = state.rows.values().filter(|row| row.unread > 0).count();
    let more = if state.more_unread { "+" } else { "" };
    let news = if news > 0 || state.more_unread { format!("   {news}{more} unread") } else { String::new() };
    let moved = match state.list.moved() {
        0 => String::new(),
        moved => format!("   ({moved} moved)"),
    };
    let words = format!(" chat  {}{news}{moved}", state.my_name);
    let waiting = state.waiting();
    let waits =
        if waiting > 0 && !matches!(state.link, Link::Live) { format!("{waiting} queued   ") } else { String::new() };
    let words = ends(&words, &format!("{waits}{} ", link(state)), usize::from(area.width));
    frame.render_widget(Line::styled(words, look.theme.style(Tone::Bar)), area);
}

fn link(state: &State) -> String {
    // Elsewhere the key is a letter.
    let reads = state.context() == Context::Read;
    match &state.link {
        Link::Connecting => "connecting ...".to_owned(),
        Link::Syncing => "sync ...".to_owned(),
        Link::Reloading => "reset: reloading".to_owned(),
        Link::Live => "live".to_owned(),
        Link::Lost { retry_in, draining: true, .. } => format!("draining, back in ~{retry_in}s"),
        Link::Lost { retry_in: 0, .. } => "offline, trying".to_owned(),
        Link::Lost { retry_in, .. } if reads => format!("offline, retry {retry_in}s (R now)"),
        Link::Lost { retry_in, .. } => format!("offline, retry {retry_in}s"),
        Link::Ended(_) if reads => "offline - press L".to_owned(),
        Link::Ended(_) => "offline".to_owned(),
        Link::SignedOut if reads => "signed out - press L".to_owned(),
        Link::SignedOut => "signed out".to_owned(),
    }
}
