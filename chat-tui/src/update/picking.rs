//! Picking from a list.

use chat_client::Request;
use chat_proto::model::Person;

use super::{Effect, acting, moving, say};
use crate::keys::{Command, Context};
use crate::state::{Action, Over, Picker, PickerKind, State};

pub(super) fn opened(state: &mut State) -> Vec<Effect> {
    // What was being written stays; the keys go to the list.
    state.notice = None;
    Vec::new()
}

pub(super) fn pick(state: &mut State, command: Command) -> Vec<Effect> {
    let Some(Over::Picker(mut picker)) = state.over.take() else { return Vec::new() };
    let last = picker.found.len().saturating_sub(1);
    match command {
        Command::Back | Command::Switch => return Vec::new(),
        Command::Choose => {
            let action = picker.found.get(picker.chosen).map(|item| item.action.clone());
            return action.map(|action| take(state, action)).unwrap_or_default();
        }
        Command::Next => picker.chosen = (picker.chosen + 1).min(last),
        Command::Previous => picker.chosen = picker.chosen.saturating_sub(1),
        Command::PageDown => picker.chosen = (picker.chosen + 10).min(last),
        Command::PageUp => picker.chosen = picker.chosen.saturating_sub(10),
        command if picker.query.edit(command) => picker.find(state),
        _ => {}
    }
    state.over = Some(Over::Picker(picker));
    Vec::new()
}

/// Something is typed to narrow the list down.
pub(super) fn narrow(state: &mut State, text: &str) {
    if let Some(Over::Picker(mut picker)) = state.over.take() {
        picker.query.insert(&text.replace('\n', " "));
        picker.find(state);
        state.over = Some(Over::Picker(picker));
    }
}

fn take(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Go(conv) => {
            state.writing = false;
            moving::go(state, conv)
        }
        Action::Do(Command::Quit) => vec![Effect::Quit],
        Action::Do(command @ (Command::Redraw | Command::Suspend | Command::Help)) => {
            super::carry_out(state, Context::Read, command)
        }
        Action::Do(command) => acting::act(state, command),
        Action::Begin(user) => vec![Effect::Begin(user)],
        Action::React(emoji) => react(state, emoji),
    }
}

/// Reacts to the message at hand, or takes the reaction back.
fn react(state: &State, emoji: String) -> Vec<Effect> {
    let (Some(conversation), Some((_, entry))) = (state.selected, state.message_at_hand()) else { return Vec::new() };
    let mine = entry.reactions.iter().any(|(of, _, mine)| *of == emoji && *mine);
    vec![Effect::Request(Request::React { conversation, message: entry.id, emoji, on: !mine })]
}

/// The directory is loaded.
pub(super) fn directory(state: &mut State, people: Result<Vec<Person>, String>) -> Vec<Effect> {
    let Some(Over::Picker(mut picker @ Picker { kind: PickerKind::Person, .. })) = state.over.take() else {
        return Vec::new();
    };
    match people {
        Ok(mut people) => {
            people.retain(|person| person.id != state.me);
            picker.people = Some(people);
            picker.find(state);
            state.over = Some(Over::Picker(picker));
            Vec::new()
        }
        Err(why) => say(state, &format!("The directory was not loaded: {why}")),
    }
}
