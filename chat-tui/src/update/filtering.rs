//! Narrowing the list down.

use super::moving::{self, NEAR_THE_END};
use super::{Effect, acting, picking};
use crate::keys::Command;
use crate::state::{Filter, Over, Pane, PickerKind, State};

/// Begins to type, from what is filtered by already.
pub(super) fn begin(state: &mut State) -> Vec<Effect> {
    let selected = state.selected;
    let filter = state.list.filter.get_or_insert_with(|| Filter::new(selected));
    filter.typing = true;
    moving::show(state, Pane::List)
}

pub(super) fn filter(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Choose => keep(state),
        Command::Back => give_up(state),
        Command::Next => moving::step(state, 1),
        Command::Previous => moving::step(state, -1),
        Command::Switch | Command::PageUp | Command::PageDown => acting::act(state, command),
        command => {
            let edited = state.list.filter.as_mut().is_some_and(|filter| filter.query.edit(command));
            if edited { find(state) } else { Vec::new() }
        }
    }
}

/// Something is typed or pasted.
pub(super) fn narrow(state: &mut State, text: &str) -> Vec<Effect> {
    let Some(filter) = &mut state.list.filter else { return Vec::new() };
    filter.query.insert(&text.replace('\n', " "));
    find(state)
}

/// Shows all conversations again, and stays where one is.
pub(super) fn clear(state: &mut State) {
    state.list.filter = None;
}

/// What is typed has changed: the selection stays if it is among what is found, else it goes to the first.
fn find(state: &mut State) -> Vec<Effect> {
    let Some(filter) = &mut state.list.filter else { return Vec::new() };
    filter.find(&state.rows);
    look_on(state)
}

/// What is typed has changed, or older conversations came: they are loaded, part by part, until what goes with it fills a
/// screen, or to the end.
pub(super) fn look_on(state: &mut State) -> Vec<Effect> {
    if matches!(&state.over, Some(Over::Picker(picker)) if picker.kind == PickerKind::Switch) {
        return picking::look_on(state);
    }
    if state.list.filter.as_ref().is_none_or(Filter::is_blank) {
        return Vec::new();
    }
    let shown = state.list.shown();
    let (first, few) = (shown.first().copied(), shown.len() < NEAR_THE_END);
    let mut effects = Vec::new();
    if state.place().is_none() && first.is_some() {
        // Where one passes on the way is not where one was.
        let before = state.before;
        effects = moving::select(state, first);
        state.before = before;
    }
    if few && state.more && !effects.contains(&Effect::MoreConversations) {
        effects.push(Effect::MoreConversations);
    }
    effects
}

/// Back to commands, with the list as it is.
fn keep(state: &mut State) -> Vec<Effect> {
    let Some(filter) = &mut state.list.filter else { return Vec::new() };
    filter.typing = false;
    state.before = filter.came_from.filter(|from| Some(*from) != state.selected).or(state.before);
    if filter.is_blank() {
        clear(state);
    }
    Vec::new()
}

/// Back to where one was.
fn give_up(state: &mut State) -> Vec<Effect> {
    let from = state.list.filter.take().and_then(|filter| filter.came_from);
    let Some(from) = from.filter(|from| state.row(*from).is_some()) else { return Vec::new() };
    let before = state.before;
    let effects = moving::select(state, Some(from));
    state.before = before;
    effects
}
