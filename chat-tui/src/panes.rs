//! Where everything stands, by the size of the screen: panes hide, they are never squeezed.

use ratatui::layout::{Constraint, Layout, Rect};

use crate::state::{Pane, State};

/// Below this nothing useful can be shown.
pub(crate) const LEAST: (u16, u16) = (60, 16);
/// Columns from which the list and the conversation stand side by side,
const TWO: u16 = 80;
/// and who is in it beside them.
const THREE: u16 = 120;
/// Columns of the people's pane.
const PEOPLE: u16 = 30;
/// Lines of the composer, its edge included.
const COMPOSER: u16 = 4;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Panes {
    pub(crate) top: Rect,
    pub(crate) list: Option<Rect>,
    pub(crate) thread: Option<Rect>,
    pub(crate) people: Option<Rect>,
    pub(crate) composer: Option<Rect>,
    pub(crate) hints: Rect,
}

/// Whether nothing useful can be shown.
pub(crate) fn too_small((columns, rows): (u16, u16)) -> bool {
    columns < LEAST.0 || rows < LEAST.1
}

/// How many panes stand side by side.
pub(crate) fn abreast(columns: u16) -> usize {
    match columns {
        ..TWO => 1,
        TWO..THREE => 2,
        THREE.. => 3,
    }
}

pub(crate) fn panes(state: &State) -> Panes {
    let (columns, rows) = state.size;
    let area = Rect::new(0, 0, columns, rows);
    let abreast = abreast(columns);
    let composes = state.selected.is_some() && (abreast > 1 || state.pane == Pane::Thread);
    let composer = if composes { composer_rows(state) } else { 0 };
    let [top, body, composer, hints] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(composer),
        Constraint::Length(1),
    ])
    .areas(area);
    let composer = composes.then_some(composer);
    let mut panes = Panes { top, composer, hints, ..Panes::default() };
    match (abreast, state.pane) {
        (1, Pane::List) => panes.list = Some(body),
        (1, Pane::Thread) => panes.thread = Some(body),
        (1, Pane::People) => panes.people = Some(body),
        (2, pane) => {
            let [list, rest] = Layout::horizontal([Constraint::Length(27), Constraint::Min(1)]).areas(body);
            panes.list = Some(list);
            if pane == Pane::People {
                panes.people = Some(rest);
            } else {
                panes.thread = Some(rest);
            }
        }
        _ => {
            let list = (columns / 4).clamp(27, 44);
            let [list, thread, people] =
                Layout::horizontal([Constraint::Length(list), Constraint::Min(1), Constraint::Length(PEOPLE)])
                    .areas(body);
            (panes.list, panes.thread, panes.people) = (Some(list), Some(thread), Some(people));
        }
    }
    panes
}

/// The composer grows with what is written, up to a third of the screen.
fn composer_rows(state: &State) -> u16 {
    let most = (state.size.1 / 3).max(COMPOSER);
    let width = usize::from(state.size.0).saturating_sub(2);
    let lines = state.draft().map_or(1, |draft| draft.composer().lines(width).0.len());
    let files = crate::draw::file_rows(state.draft());
    u16::try_from(lines + 1).unwrap_or(most).saturating_add(files).clamp(COMPOSER, most)
}
