//! From conversation to conversation, from message to message, from pane to pane.

use chat_proto::ConversationId;
use chat_proto::model::Conversation;

use super::{Effect, filtering, incoming, reading, say};
use crate::panes::{abreast, panes};
use crate::state::{Pane, State, Thread, View};
use crate::timeline;

/// Rows below the selection at which older conversations are loaded.
pub(super) const NEAR_THE_END: usize = 20;

/// Selects this conversation.
pub(super) fn select(state: &mut State, id: Option<ConversationId>) -> Vec<Effect> {
    if state.selected == id {
        return Vec::new();
    }
    state.before = state.selected.or(state.before);
    state.selected = id;
    // Whoever goes on has done what they wanted with the list as it stood.
    state.list.settle();
    if id.is_some() && state.place().is_none() {
        // Somewhere else than in what was looked for.
        filtering::clear(state);
    }
    state.attention.settle();
    let new_after = id.and_then(|id| state.row(id)).filter(|row| row.unread > 0).map(|row| row.read_seq);
    state.view = View { new_after, ..View::default() };
    if id.is_none() {
        state.writing = false;
        state.pane = Pane::List;
    }
    let mut effects: Vec<Effect> = id.map(Effect::Open).into_iter().collect();
    effects.push(Effect::Viewing(id.filter(|_| panes(state).thread.is_some())));
    let near = state.place().is_some_and(|place| place + NEAR_THE_END >= state.list.shown().len());
    if state.more && near {
        effects.push(Effect::MoreConversations);
    }
    effects
}

/// Goes to a conversation and shows it.
pub(super) fn go(state: &mut State, id: ConversationId) -> Vec<Effect> {
    state.pane = Pane::Thread;
    if let Some(filter) = &mut state.list.filter {
        filter.typing = false;
    }
    let mut effects = select(state, Some(id));
    effects.extend(reading::open(state));
    effects
}

/// Nothing is chosen and nothing looked at any more, though it stays selected.
pub(super) fn leave(state: &mut State) {
    state.view.new_after = None;
}

/// Up or down in the pane that has the keys.
pub(super) fn step(state: &mut State, by: isize) -> Vec<Effect> {
    if state.pane != Pane::List {
        return choose(state, by);
    }
    let shown = state.list.shown();
    let last = shown.len().saturating_sub(1);
    let Some(to) = state.place().map(|place| place.saturating_add_signed(by).min(last)) else {
        return Vec::new();
    };
    let id = shown.get(to).copied();
    select(state, id)
}

/// Chooses the message above or below.
pub(super) fn choose(state: &mut State, by: isize) -> Vec<Effect> {
    state.view.opened = true;
    let Some(thread) = state.open_thread() else { return Vec::new() };
    let next = match state.view.chosen {
        None if by < 0 => thread.last(),
        None => None,
        Some(chosen) if by < 0 => thread.before(chosen).or(Some(chosen)),
        Some(chosen) => thread.after(chosen).or(Some(chosen).filter(|_| thread.more_after)),
    };
    let at_first = next.is_some() && next == thread.first();
    let at_last = next.is_some() && next == thread.last();
    state.view.chosen = next;
    if next.is_none() {
        state.view.bottom = None;
    }
    timeline::reveal(state);
    match by < 0 {
        true if at_first => load(state, |thread| thread.more_before, Effect::Older),
        false if at_last => load(state, |thread| thread.more_after, Effect::Newer),
        _ => Vec::new(),
    }
}

/// Scrolls by most of the pane's height.
pub(super) fn page(state: &mut State, by: isize) -> Vec<Effect> {
    state.view.opened = true;
    let Some((_, rows)) = timeline::room(state) else { return Vec::new() };
    let lines = isize::try_from(rows.saturating_sub(2).max(1)).unwrap_or(isize::MAX);
    let at_top = timeline::scroll(state, by * lines);
    state.view.chosen = None;
    let bottom = state.open_thread().and_then(Thread::last).map(|last| (last, 0));
    match by < 0 {
        true if at_top => load(state, |thread| thread.more_before, Effect::Older),
        false if state.view.bottom == bottom => load(state, |thread| thread.more_after, Effect::Newer),
        _ => Vec::new(),
    }
}

/// The first message of all.
pub(super) fn oldest(state: &mut State) -> Vec<Effect> {
    state.view.opened = true;
    state.view.chosen = state.open_thread().and_then(Thread::first);
    timeline::reveal(state);
    if std::mem::replace(&mut state.view.to_oldest, true) {
        return Vec::new();
    }
    // Whatever else is being loaded gives way.
    let thread = state.selected.and_then(|conv| state.threads.get_mut(&conv).filter(|thread| thread.more_before));
    state.view.to_oldest = thread.is_some();
    let Some(thread) = thread else { return Vec::new() };
    thread.loading = true;
    state.selected.map(Effect::First).into_iter().collect()
}

/// What was loaded is there; it may be the beginning of the conversation, to be gone to.
pub(super) fn arrive(state: &mut State) {
    let Some(thread) = state.open_thread().filter(|thread| state.view.to_oldest && !thread.loading) else { return };
    let first = thread.first().filter(|_| !thread.more_before);
    state.view.to_oldest = false;
    if first.is_some() {
        (state.view.chosen, state.view.bottom) = (first, None);
        timeline::reveal(state);
    }
}

pub(super) fn newest(state: &mut State) -> Vec<Effect> {
    (state.view.chosen, state.view.bottom) = (None, None);
    reading::open(state)
}

/// Whoever looks at the end has the newest messages there.
pub(super) fn newest_if_shown(state: &mut State) -> Vec<Effect> {
    if state.view.bottom.is_some() || state.view.to_oldest {
        return Vec::new();
    }
    load(state, |thread| thread.more_after, Effect::Newest)
}

/// Loads other messages, once at a time.
fn load(state: &mut State, if_more: impl Fn(&Thread) -> bool, of: impl Fn(ConversationId) -> Effect) -> Vec<Effect> {
    let Some(conv) = state.selected else { return Vec::new() };
    let Some(thread) = state.threads.get_mut(&conv).filter(|thread| if_more(thread) && !thread.loading) else {
        return Vec::new();
    };
    thread.loading = true;
    vec![of(conv)]
}

/// The next conversation below, from the top again, in which something is unread.
pub(super) fn next_unread(state: &mut State) -> Vec<Effect> {
    // Whoever goes on has done what they wanted with the list as it stood.
    state.list.settle();
    let from = state.place().map_or(0, |place| place + 1);
    let shown = state.list.shown();
    let (head, tail) = shown.split_at(from.min(shown.len()));
    let unread = |id: &&ConversationId| state.row(**id).is_some_and(|row| row.unread > 0);
    match tail.iter().chain(head).find(unread).copied() {
        Some(id) => {
            if std::mem::take(&mut state.seeks_unread) {
                state.notice = None;
            }
            go(state, id)
        }
        None if state.list.filter.is_some() && state.rows.values().any(|row| row.unread > 0) => {
            say(state, "Nothing unread goes with the filter. Esc in the list shows all.")
        }
        None if state.more_unread => {
            state.seeks_unread = true;
            say(state, "Looking further down for what is unread ...");
            vec![Effect::MoreUnread]
        }
        None => {
            state.seeks_unread = false;
            say(state, "Nothing is unread.")
        }
    }
}

pub(super) fn pane(state: &mut State, by: isize) -> Vec<Effect> {
    let order = [Pane::List, Pane::Thread, Pane::People];
    let at = order.iter().position(|pane| *pane == state.pane).unwrap_or(0);
    show(state, order[at.saturating_add_signed(by).min(order.len() - 1)])
}

pub(super) fn next_pane(state: &mut State) -> Vec<Effect> {
    let next = match state.pane {
        Pane::List => Pane::Thread,
        Pane::Thread => Pane::People,
        Pane::People => Pane::List,
    };
    show(state, next)
}

pub(super) fn people(state: &mut State) -> Vec<Effect> {
    let pane = if state.pane == Pane::People { Pane::Thread } else { Pane::People };
    show(state, pane)
}

pub(super) fn show(state: &mut State, pane: Pane) -> Vec<Effect> {
    if state.selected.is_none() {
        return Vec::new();
    }
    let hidden = panes(state).thread.is_none();
    state.pane = pane;
    // Who goes there opens it, and who goes back to the list closes it.
    state.view.opened &= pane == Pane::People;
    let mut effects = if pane == Pane::Thread { reading::open(state) } else { Vec::new() };
    if hidden != panes(state).thread.is_none() {
        effects.push(Effect::Viewing(state.selected.filter(|_| hidden)));
        state.attention.settle();
    }
    effects
}

/// After the size changed: who writes sees what they write in.
pub(super) fn keep_pane(state: &mut State) {
    if state.writing && abreast(state.size.0) == 1 {
        state.pane = Pane::Thread;
    }
}

/// A conversation that was asked for is there; its event may still be on the way.
pub(super) fn begun(state: &mut State, conversation: &Conversation) -> Vec<Effect> {
    if state.row(conversation.id).is_none() {
        incoming::put_row(state, 0, conversation);
    }
    let mut effects = go(state, conversation.id);
    effects.extend(super::writing::begin(state, false));
    effects
}
