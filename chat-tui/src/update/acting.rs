//! Commands while reading.

use chat_client::Request;
use chat_proto::Seq;

use super::{Effect, files, filtering, moving, picking, reading, say, signing_in, writing};
use crate::keys::Command;
use crate::panes::abreast;
use crate::state::{Link, Over, Pane, Picker, PickerKind, State};
use crate::text::cut;

pub(super) fn act(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Next => moving::step(state, 1),
        Command::Previous => moving::step(state, -1),
        Command::MessageUp => moving::choose(state, -1),
        Command::MessageDown => moving::choose(state, 1),
        Command::PageUp => moving::page(state, -1),
        Command::PageDown => moving::page(state, 1),
        Command::Oldest => moving::oldest(state),
        Command::Newest => moving::newest(state),
        Command::PaneLeft => moving::pane(state, -1),
        Command::PaneRight => moving::pane(state, 1),
        Command::PaneNext => moving::next_pane(state),
        Command::People => moving::people(state),
        Command::NextUnread => moving::next_unread(state),
        Command::Last => match state.before {
            Some(before) => moving::go(state, before),
            None => say(state, "There was no other conversation."),
        },
        Command::Open if state.pane == Pane::List && abreast(state.size.0) == 1 && state.selected.is_some() => {
            state.pane = Pane::Thread;
            reading::open(state)
        }
        Command::Open => writing::begin(state, false),
        Command::Reply => writing::begin(state, true),
        Command::Edit => edit(state),
        Command::Delete => delete(state),
        Command::Yes => delete_for_sure(state),
        Command::MarkUnread => mark_unread(state),
        Command::React if state.message_at_hand().is_some() => pick(state, PickerKind::Reaction),
        Command::SaveFile => files::ask_to_save(state),
        Command::Filter => filtering::begin(state),
        Command::Palette => pick(state, PickerKind::Command),
        Command::Switch => pick(state, PickerKind::Switch),
        Command::Begin => {
            pick(state, PickerKind::Person);
            picking::ask_directory(state)
        }
        Command::Retry => vec![Effect::Retry],
        Command::SignInAgain => signing_in::again(state),
        Command::Back => back(state),
        Command::Close if state.pane != Pane::List && abreast(state.size.0) < 3 => {
            moving::show(state, if state.pane == Pane::People { Pane::Thread } else { Pane::List })
        }
        Command::Close => quit_unless_waiting(state),
        _ => Vec::new(),
    }
}

fn pick(state: &mut State, kind: PickerKind) -> Vec<Effect> {
    state.over = Some(Over::Picker(Picker::new(kind, state)));
    picking::opened(state)
}

fn back(state: &mut State) -> Vec<Effect> {
    if state.view.chosen.take().is_none() && state.view.bottom.take().is_none() {
        match state.pane {
            Pane::List => filtering::clear(state),
            Pane::Thread | Pane::People => return moving::show(state, Pane::List),
        }
    }
    Vec::new()
}

fn edit(state: &mut State) -> Vec<Effect> {
    let chosen = state.view.chosen;
    let Some(seq) = chosen.or_else(|| writing::newest_of_mine(state)) else {
        return say(state, "There is no message of yours.");
    };
    writing::edit_message(state, seq)
}

fn delete(state: &mut State) -> Vec<Effect> {
    let (Some(conv), Some((_, entry))) = (state.selected, state.message_at_hand()) else { return Vec::new() };
    if entry.deleted {
        return say(state, "It is deleted already.");
    }
    if !entry.mine {
        return say(state, "Only your own messages; choose one with K and J.");
    }
    let (id, asked) = (entry.id, "? y deletes it, any other key does not.");
    // The end of the question is what matters.
    let room = usize::from(state.size.0).saturating_sub(asked.len() + 11).min(30);
    let words = cut(&entry.text.replace('\n', " "), room);
    state.asked_to_delete = Some((conv, id));
    say(state, &format!("Delete \"{words}\"{asked}"))
}

fn delete_for_sure(state: &mut State) -> Vec<Effect> {
    let Some((conversation, message)) = state.asked_to_delete.take() else { return Vec::new() };
    vec![Effect::Request(Request::Delete { conversation, message })]
}

fn mark_unread(state: &mut State) -> Vec<Effect> {
    let Some(row) = state.open_row() else { return Vec::new() };
    let from = state.view.chosen.unwrap_or(row.last_seq);
    let (conversation, before) = (row.id, Seq(from.0.saturating_sub(1)));
    if let Some(row) = state.rows.get_mut(&conversation) {
        row.marked = None;
        row.read_seq = row.read_seq.min(before);
        row.count_unread();
    }
    state.view.chosen = None;
    let mut effects = vec![Effect::Request(Request::Unread { conversation, seq: from })];
    // Nothing is read by looking at what one has just put aside.
    effects.extend(moving::show(state, Pane::List));
    moving::leave(state);
    effects
}

/// Quits when it is asked a second time.
pub(super) fn quit(state: &mut State) -> Vec<Effect> {
    if std::mem::replace(&mut state.leaving, true) {
        return vec![Effect::Quit];
    }
    match state.waiting() {
        0 => say(state, "Ctrl-C again quits."),
        waiting => say(state, &not_sent(waiting)),
    }
}

fn quit_unless_waiting(state: &mut State) -> Vec<Effect> {
    let waiting = state.waiting();
    if waiting == 0 || state.leaving || matches!(state.link, Link::Ended(_)) {
        return vec![Effect::Quit];
    }
    state.leaving = true;
    say(state, &not_sent(waiting))
}

fn not_sent(waiting: usize) -> String {
    format!("{waiting} not sent yet, kept for the next time; the same key again quits.")
}
