//! Files that go with messages: chosen, uploaded, taken away again; and saved.

use chat_proto::ConversationId;
use chat_proto::model::Attachment;

use super::{Effect, say};
use crate::keys::Command;
use crate::safe;
use crate::state::{
    Chip, Composer, FileOf, MOST_FILES, Over, PathOf, PathPrompt, Picker, PickerKind, Saving, Stage, State,
};

/// Why a file was not saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unsaved {
    /// There is one of that name.
    Taken,
    Failed(String),
}

/// Asks which file is to go with the message.
pub(super) fn ask(state: &mut State) -> Vec<Effect> {
    let Some(conv) = state.selected else { return Vec::new() };
    let draft = state.draft();
    if draft.is_some_and(|draft| draft.edit.is_some()) {
        return say(state, "The files of a message stay as they were sent.");
    }
    if draft.is_some_and(|draft| draft.files.len() >= MOST_FILES) {
        return say(state, "No more files go with one message.");
    }
    open(state, PathOf::Attach(conv), String::new());
    Vec::new()
}

/// Asks where the file of the message at hand is to be saved; of several, which one.
pub(super) fn ask_to_save(state: &mut State) -> Vec<Effect> {
    match state.message_at_hand().map(|(_, entry)| entry.files.as_slice()) {
        Some([file]) => {
            let file = file.clone();
            save(state, file)
        }
        Some([_, _, ..]) => {
            state.over = Some(Over::Picker(Picker::new(PickerKind::File, state)));
            Vec::new()
        }
        _ => say(state, "No file goes with this message; choose another with K and J."),
    }
}

pub(super) fn save(state: &mut State, file: FileOf) -> Vec<Effect> {
    if state.saving.is_some() {
        return say(state, "Another file is being saved; one at a time.");
    }
    let path = format!("{}/{}", state.downloads.trim_end_matches('/'), file.local);
    open(state, PathOf::Save { file, taken: None }, path);
    Vec::new()
}

fn open(state: &mut State, of: PathOf, path: String) {
    state.notice = None;
    state.over = Some(Over::Path(PathPrompt { of, path: Composer::of(path), found: Vec::new() }));
}

/// A key while a path is typed.
pub(super) fn prompt(state: &mut State, command: Command) -> Vec<Effect> {
    let Some(Over::Path(mut prompt)) = state.over.take() else { return Vec::new() };
    let path = prompt.path.text().trim().to_owned();
    match command {
        Command::Back => return Vec::new(),
        Command::Choose if path.is_empty() => return Vec::new(),
        Command::Choose => return choose(state, prompt.of, path),
        Command::Complete => {
            state.over = Some(Over::Path(prompt));
            return vec![Effect::Complete(path)];
        }
        command => {
            if command != Command::NewLine && prompt.path.edit(command) {
                prompt.found.clear();
            }
        }
    }
    state.over = Some(Over::Path(prompt));
    Vec::new()
}

fn choose(state: &mut State, of: PathOf, path: String) -> Vec<Effect> {
    match of {
        PathOf::Attach(conv) => {
            let number = state.next_file();
            state.drafts.entry(conv).or_default().files.push(Chip::new(number, &path));
            vec![Effect::Attach { conv, number, path }]
        }
        PathOf::Save { file, taken } => {
            let replace = taken.as_ref() == Some(&path);
            state.saving = Some(Saving { name: file.name.clone(), done: 0, all: 0 });
            vec![Effect::Save { file, path, replace }]
        }
    }
}

/// Something is typed into the path.
pub(super) fn type_path(state: &mut State, text: &str) {
    if let Some(Over::Path(prompt)) = &mut state.over {
        prompt.path.insert(&text.replace('\n', " "));
        prompt.found.clear();
    }
}

/// What the path could be completed to, unless something else was typed meanwhile.
pub(super) fn completed(state: &mut State, typed: &str, found: Vec<String>) -> Vec<Effect> {
    let Some(Over::Path(prompt)) = &mut state.over else { return Vec::new() };
    if prompt.path.text().trim() != typed {
        return Vec::new();
    }
    let Some(first) = found.first() else { return say(state, "There is no such file.") };
    let common = found.iter().fold(first.as_str(), |common, other| in_common(common, other));
    if common.len() > typed.len() {
        prompt.path = Composer::of(common);
    }
    prompt.found = if found.len() > 1 { found } else { Vec::new() };
    Vec::new()
}

/// With what both begin.
fn in_common<'a>(one: &'a str, other: &str) -> &'a str {
    let end = one.char_indices().zip(other.chars()).find(|((_, a), b)| a != b).map(|((at, _), _)| at);
    &one[..end.unwrap_or_else(|| one.len().min(other.len()))]
}

pub(super) fn moved(state: &mut State, conv: ConversationId, number: u64, done: u64, all: u64) -> Vec<Effect> {
    if let Some(chip) = chip(state, conv, number)
        && matches!(chip.stage, Stage::Uploading { .. })
    {
        chip.stage = Stage::Uploading { done, all };
    }
    Vec::new()
}

/// An upload is done, or came to nothing.
pub(super) fn uploaded(
    state: &mut State,
    conv: ConversationId,
    number: u64,
    file: Result<Box<Attachment>, String>,
) -> Vec<Effect> {
    let Some(chip) = chip(state, conv, number) else {
        // It was taken away meanwhile.
        return file.map(|file| Effect::Forget(file.id)).into_iter().collect();
    };
    match file {
        Ok(file) => {
            chip.name = safe::line(&file.name);
            chip.stage = Stage::Ready(file);
            state.unsaved = true;
            Vec::new()
        }
        Err(why) => {
            chip.stage = Stage::Failed(safe::line(&why));
            let words = format!("{} was not uploaded; Enter tries again, Ctrl-X takes it away.", chip.name);
            say(state, &words)
        }
    }
}

fn chip(state: &mut State, conv: ConversationId, number: u64) -> Option<&mut Chip> {
    state.drafts.get_mut(&conv)?.files.iter_mut().find(|chip| chip.number == number)
}

/// Takes the last file away from the message again.
pub(super) fn take_away(state: &mut State) -> Vec<Effect> {
    let Some(conv) = state.selected else { return Vec::new() };
    let draft = state.drafts.get_mut(&conv).filter(|draft| draft.edit.is_none());
    let Some(chip) = draft.and_then(|draft| draft.files.pop()) else {
        return say(state, "No file goes with this message.");
    };
    state.unsaved = true;
    chip.attachment().map(|file| Effect::Forget(file.id)).into_iter().collect()
}

/// What keeps the message from being sent: `None`, when all its files are there. What failed is tried again.
pub(super) fn hold_up(state: &mut State, conv: ConversationId) -> Option<Vec<Effect>> {
    let files = &mut state.drafts.get_mut(&conv)?.files;
    let mut again = Vec::new();
    for chip in files.iter_mut().filter(|chip| matches!(chip.stage, Stage::Failed(_))) {
        chip.stage = Stage::Uploading { done: 0, all: 0 };
        again.push(Effect::Attach { conv, number: chip.number, path: chip.path.clone() });
    }
    let waits = files.iter().find(|chip| chip.attachment().is_none())?.name.clone();
    let words =
        if again.is_empty() { "is being uploaded; Enter sends when it is there." } else { "is uploaded again." };
    say(state, &format!("{waits} {words}"));
    Some(again)
}

pub(super) fn save_moved(state: &mut State, done: u64, all: u64) -> Vec<Effect> {
    if let Some(saving) = &mut state.saving {
        (saving.done, saving.all) = (done, all);
    }
    Vec::new()
}

pub(super) fn saved(state: &mut State, file: FileOf, path: String, outcome: Result<(), Unsaved>) -> Vec<Effect> {
    state.saving = None;
    match outcome {
        Ok(()) => say(state, &format!("Saved {path}")),
        Err(Unsaved::Failed(why)) => say(state, &format!("Not saved: {why}")),
        // Whoever writes or picks something meanwhile is not interrupted.
        Err(Unsaved::Taken) if state.over.is_some() || state.writing => {
            say(state, &format!("Not saved: {path} is there already."))
        }
        Err(Unsaved::Taken) => {
            open(state, PathOf::Save { file, taken: Some(path.clone()) }, path);
            say(state, "There is such a file. Enter replaces it; or write another name.")
        }
    }
}
