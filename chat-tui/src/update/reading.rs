//! Read marks: what is newest counts as read when somebody has it on the screen and looks, not by being there.

use chat_proto::model::DeviceState;

use super::Effect;
use crate::panes::{panes, too_small};
use crate::state::{Link, State};

/// The selected conversation is opened, which is reading it.
pub(super) fn open(state: &mut State) -> Vec<Effect> {
    state.view.opened = true;
    state.attention.open();
    look(state)
}

/// The reader acts in the conversation, which is reading it.
pub(super) fn look(state: &mut State) -> Vec<Effect> {
    if newest_is_shown(state) && state.attention.focused { read_on(state) } else { Vec::new() }
}

/// Reads on if the newest message is shown to somebody.
pub(super) fn read_if_looked_at(state: &mut State) -> Vec<Effect> {
    if state.attention.reads() { look(state) } else { Vec::new() }
}

pub(super) fn focus(state: &mut State, focused: bool) -> Vec<Effect> {
    state.attention.focused = focused;
    if !focused {
        return Vec::new();
    }
    state.attention.settle();
    let back = state.attention.act();
    if back { vec![Effect::Presence(DeviceState::Online)] } else { Vec::new() }
}

/// A second has passed.
pub(super) fn tick(state: &mut State) -> Vec<Effect> {
    if let Link::Lost { retry_in, .. } = &mut state.link
        && *retry_in > 0
    {
        *retry_in -= 1;
        state.dirty = true;
    }
    let (looked, left) = state.attention.tick();
    if state.attention.rests() && state.list.settle() {
        state.dirty = true;
    }
    let mut effects = Vec::new();
    if looked {
        effects.extend(read_if_looked_at(state));
    }
    if left {
        effects.push(Effect::Presence(DeviceState::Away));
    }
    effects
}

fn newest_is_shown(state: &State) -> bool {
    state.over.is_none()
        && state.sign_in.is_none()
        && !too_small(state.size)
        && state.view.opened
        && state.view.bottom.is_none()
        && panes(state).thread.is_some()
        && state.open_thread().is_some_and(|thread| !thread.more_after)
}

/// Moves my read mark to the newest message.
fn read_on(state: &mut State) -> Vec<Effect> {
    let Some(row) = state.selected.and_then(|id| state.rows.get_mut(&id)) else { return Vec::new() };
    if row.unread == 0 {
        return Vec::new();
    }
    row.marked = Some(row.last_seq);
    row.count_unread();
    state.dirty = true;
    vec![Effect::Read(row.id, row.last_seq)]
}
