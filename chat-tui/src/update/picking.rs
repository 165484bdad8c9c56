//! Picking from a list.

use chat_client::Request;

use super::{Effect, Found, acting, files, moving, say};
use crate::keys::{Command, Context};
use crate::state::{Action, Composer, Over, Picker, PickerKind, State};

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
        Command::Choose if picker.marked.len() > 1 => {
            state.over = Some(Over::Subject(Composer::default(), Box::new(picker)));
            return Vec::new();
        }
        Command::Choose => {
            if let Some((user, _)) = picker.marked.first() {
                return vec![Effect::Begin(*user)];
            }
            let action = picker.found.get(picker.chosen).map(|item| item.action.clone());
            return action.map(|action| take(state, action)).unwrap_or_default();
        }
        Command::Next => picker.chosen = (picker.chosen + 1).min(last),
        Command::Previous => picker.chosen = picker.chosen.saturating_sub(1),
        Command::PageDown => picker.chosen = (picker.chosen + 10).min(last),
        Command::PageUp => picker.chosen = picker.chosen.saturating_sub(10),
        Command::Mark => {
            if picker.mark() {
                picker.chosen = (picker.chosen + 1).min(last);
            } else {
                say(state, "A group begins with no more people than that; others are added later.");
            }
        }
        command if picker.query.edit(command) => return find(state, picker),
        _ => {}
    }
    state.over = Some(Over::Picker(picker));
    Vec::new()
}

/// The last question before a group begins.
pub(super) fn name_group(state: &mut State, command: Command) -> Vec<Effect> {
    let Some(Over::Subject(mut subject, picker)) = state.over.take() else { return Vec::new() };
    match command {
        Command::Back => state.over = Some(Over::Picker(*picker)),
        Command::Choose => {
            let people = picker.marked.iter().map(|(user, _)| *user).collect();
            let subject = Some(subject.text().trim().to_owned()).filter(|subject| !subject.is_empty());
            return vec![Effect::BeginGroup { people, subject }];
        }
        command => {
            if command != Command::NewLine {
                subject.edit(command);
            }
            state.over = Some(Over::Subject(subject, picker));
        }
    }
    Vec::new()
}

/// Something is typed to narrow the list down.
pub(super) fn narrow(state: &mut State, text: &str) -> Vec<Effect> {
    let Some(Over::Picker(mut picker)) = state.over.take() else { return Vec::new() };
    picker.query.insert(&text.replace('\n', " "));
    find(state, picker)
}

/// What is typed has changed.
fn find(state: &mut State, mut picker: Picker) -> Vec<Effect> {
    picker.find(state);
    let kind = picker.kind;
    state.over = Some(Over::Picker(picker));
    match kind {
        PickerKind::Switch => look_on(state),
        PickerKind::Person => ask_directory(state),
        _ => Vec::new(),
    }
}

/// While few conversations go with what is typed to go to one, older ones are loaded, part by part; what is chosen stays.
pub(super) fn look_on(state: &mut State) -> Vec<Effect> {
    let Some(Over::Picker(picker)) = state.over.take() else { return Vec::new() };
    keep_chosen(state, picker);
    let Some(Over::Picker(picker)) = &state.over else { return Vec::new() };
    let few = picker.found.len() < moving::NEAR_THE_END && !picker.query.text().trim().is_empty();
    if few && state.more { vec![Effect::MoreConversations] } else { Vec::new() }
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
        Action::Save(file) => files::save(state, file),
    }
}

/// Reacts to the message at hand, or takes the reaction back.
fn react(state: &State, emoji: String) -> Vec<Effect> {
    let (Some(conversation), Some((_, entry))) = (state.selected, state.message_at_hand()) else { return Vec::new() };
    let mine = entry.reactions.iter().any(|(of, _, mine)| *of == emoji && *mine);
    vec![Effect::Request(Request::React { conversation, message: entry.id, emoji, on: !mine })]
}

/// Asks the server for people, one question at a time; what is typed meanwhile is asked when the answer is there.
pub(super) fn ask_directory(state: &mut State) -> Vec<Effect> {
    let Some(Over::Picker(picker)) = &mut state.over else { return Vec::new() };
    let question = picker.directory.question(&picker.query);
    question.map(Effect::Directory).into_iter().collect()
}

/// The directory answers.
pub(super) fn directory(state: &mut State, typed: &str, found: Result<Found, String>) -> Vec<Effect> {
    let Some(Over::Picker(mut picker @ Picker { kind: PickerKind::Person, .. })) = state.over.take() else {
        return Vec::new();
    };
    if picker.directory.asked.as_deref() != Some(typed) {
        // It was asked in a list that has been closed since.
        state.over = Some(Over::Picker(picker));
        return Vec::new();
    }
    match found {
        Ok(mut found) => {
            found.people.retain(|person| person.id != state.me);
            picker.directory.answered(typed, found.people, found.more);
            keep_chosen(state, picker);
            ask_directory(state)
        }
        Err(why) => {
            // Not asked again by itself.
            picker.directory.asked = None;
            if picker.directory.people.is_some() {
                state.over = Some(Over::Picker(picker));
            }
            say(state, &format!("The directory was not loaded: {why}"))
        }
    }
}

/// Finds anew what goes with what is typed; who is chosen stays.
fn keep_chosen(state: &mut State, mut picker: Picker) {
    let chosen = picker.found.get(picker.chosen).map(|item| item.action.clone());
    picker.find(state);
    let place = picker.found.iter().position(|item| Some(&item.action) == chosen.as_ref());
    picker.chosen = place.unwrap_or_default();
    state.over = Some(Over::Picker(picker));
}
