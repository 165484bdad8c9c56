//! Writing: drafts, sending, editing.

use chat_client::Request;
use chat_proto::model::Attachment;
use chat_proto::{ConversationId, MessageId, Seq};

use super::{Effect, files, filtering, is_live, moving, picking, reading, say, signing_in};
use crate::keys::{Command, Context};
use crate::safe;
use crate::state::{Chip, Composer, Draft, Edit, Over, Pane, Picker, PickerKind, State};

/// Begins to write in the selected conversation; `reply`: to the chosen message, if there is one.
pub(super) fn begin(state: &mut State, reply: bool) -> Vec<Effect> {
    let Some(conv) = state.selected else { return say(state, "There is no conversation yet; N begins one.") };
    let chosen = state.view.chosen.and_then(|seq| state.open_thread()?.entries.get(&seq));
    let reply_to = chosen.filter(|entry| reply && !entry.deleted).map(|entry| entry.id);
    let saw = state.row(conv).map(|row| row.last_seq);
    let draft = state.drafts.entry(conv).or_default();
    if reply_to.is_some() {
        draft.reply_to = reply_to;
    }
    if draft.is_empty() {
        draft.saw = saw;
    }
    state.writing = true;
    state.pane = Pane::Thread;
    let mut effects = reading::open(state);
    effects.push(Effect::Viewing(Some(conv)));
    effects
}

pub(super) fn write(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Send => send(state),
        Command::Back => leave(state),
        Command::Attach => files::ask(state),
        Command::Detach => files::take_away(state),
        Command::PageUp => moving::page(state, -1),
        Command::PageDown => moving::page(state, 1),
        Command::Switch => {
            state.over = Some(Over::Picker(Picker::new(PickerKind::Switch, state)));
            picking::opened(state)
        }
        Command::LineUp if state.draft().is_none_or(Draft::is_empty) => match newest_of_mine(state) {
            Some(seq) => edit_message(state, seq),
            None => Vec::new(),
        },
        command => change(state, |composer| {
            composer.edit(command);
        }),
    }
}

/// Something is typed or pasted, wherever it goes.
pub(super) fn type_text(state: &mut State, text: &str) -> Vec<Effect> {
    match state.context() {
        Context::Write => return change(state, |composer| composer.insert(text)),
        Context::Filter => return filtering::narrow(state, text),
        Context::Pick | Context::Directory => return picking::narrow(state, text),
        Context::Subject => {
            if let Some(Over::Subject(subject, _)) = &mut state.over {
                subject.insert(&text.replace('\n', " "));
            }
        }
        Context::Path => files::type_path(state, text),
        Context::SignIn => {
            if let Some(form) = &mut state.sign_in {
                signing_in::type_text(form, text);
            }
        }
        Context::Read | Context::Help => {}
    }
    Vec::new()
}

/// Changes the draft, and says so to the others when it begins or ends.
fn change(state: &mut State, change: impl FnOnce(&mut Composer)) -> Vec<Effect> {
    let Some(conv) = state.selected else { return Vec::new() };
    // Whoever types on has what is on the screen before their eyes.
    let shown = state.view.bottom.is_none();
    let saw = state.row(conv).map(|row| row.last_seq).filter(|_| shown);
    let draft = state.drafts.entry(conv).or_default();
    let composer = draft.composer_mut();
    let before = composer.text().len();
    change(composer);
    let (changed, empty) = (composer.text().len() != before, composer.is_empty());
    draft.saw = saw.or(draft.saw);
    state.unsaved |= changed;
    if changed && draft.edit.is_none() { vec![Effect::Typing(conv, !empty)] } else { Vec::new() }
}

/// Back to reading; what was written is kept.
fn leave(state: &mut State) -> Vec<Effect> {
    state.writing = false;
    let Some(conv) = state.selected else { return Vec::new() };
    let Some(draft) = state.drafts.get_mut(&conv) else { return Vec::new() };
    if draft.message.is_empty() {
        draft.reply_to = None;
    }
    let wrote = !draft.composer().is_empty();
    if draft.is_empty() {
        state.drafts.remove(&conv);
    }
    if wrote { vec![Effect::Typing(conv, false)] } else { Vec::new() }
}

fn send(state: &mut State) -> Vec<Effect> {
    let (Some(conv), Some(row)) = (state.selected, state.open_row()) else { return Vec::new() };
    let (last_seq, last_mine) = (row.last_seq, row.last_mine);
    // Of mine on their way it is not known yet where they will stand.
    let on_their_way = state.outbox.iter().any(|outgoing| outgoing.conv == conv);
    let may_ask = is_live(state) && !on_their_way;
    let Some(draft) = state.drafts.get_mut(&conv) else { return Vec::new() };
    if let Some(Edit { id, text }) = &draft.edit {
        let (message, text) = (*id, text.text().trim().to_owned());
        return save_edit(state, conv, message, text);
    }
    let text = draft.message.text().trim().to_owned();
    if text.is_empty() && draft.files.is_empty() {
        return Vec::new();
    }
    if let Some(effects) = files::hold_up(state, conv) {
        return effects;
    }
    let Some(draft) = state.drafts.get_mut(&conv) else { return Vec::new() };
    if draft.saw.is_some_and(|saw| saw < last_seq) && !last_mine {
        draft.saw = Some(last_seq);
        (state.view.bottom, state.view.chosen) = (None, None);
        return say(state, "Something came in meanwhile: look, then Enter again sends.");
    }
    let reply_to = draft.reply_to;
    let files = draft.files.iter().filter_map(Chip::attachment).cloned().collect();
    // What came in meanwhile is asked about once.
    let condition = (may_ask && draft.saw.is_some()).then_some(last_seq);
    state.drafts.insert(conv, Draft { saw: Some(last_seq), ..Draft::default() });
    state.unsaved = true;
    (state.view.bottom, state.view.chosen, state.view.new_after) = (None, None, None);
    vec![Effect::Send { conv, text, files, reply_to, if_last_seq: condition }]
}

fn save_edit(state: &mut State, conversation: ConversationId, message: MessageId, text: String) -> Vec<Effect> {
    let old = state.open_thread().and_then(|thread| thread.by_id(message)).map(|(_, entry)| entry.text.clone());
    if let Some(draft) = state.drafts.get_mut(&conversation) {
        draft.edit = None;
    }
    state.unsaved = true;
    state.view.chosen = None;
    leave(state);
    if text.is_empty() || old.is_some_and(|old| old == text) {
        return say(state, "Nothing was changed.");
    }
    // Whatever version it has by then: each reaction makes one too, and would have what was written refused.
    vec![Effect::Request(Request::Edit { conversation, message, text, if_version: None })]
}

/// My newest message that still says something.
pub(super) fn newest_of_mine(state: &State) -> Option<Seq> {
    let entries = &state.open_thread()?.entries;
    entries.iter().rev().find(|(_, entry)| entry.mine && !entry.deleted).map(|(seq, _)| *seq)
}

/// Puts a message of mine where it can be changed.
pub(super) fn edit_message(state: &mut State, seq: Seq) -> Vec<Effect> {
    let Some(conv) = state.selected else { return Vec::new() };
    let Some(entry) = state.open_thread().and_then(|thread| thread.entries.get(&seq)) else { return Vec::new() };
    if !entry.mine || entry.deleted {
        return say(state, "Only your own messages; choose one with K and J.");
    }
    let edit = Edit { id: entry.id, text: Composer::of(entry.text.clone()) };
    state.drafts.entry(conv).or_default().edit = Some(edit);
    state.view.chosen = Some(seq);
    state.writing = true;
    state.pane = Pane::Thread;
    crate::timeline::reveal(state);
    reading::open(state)
}

/// Puts a refused message back into the composer, where it can be changed: nothing that was written is lost.
pub(super) fn unsend(
    state: &mut State,
    conv: ConversationId,
    text: &str,
    files: &[Attachment],
    reply_to: Option<MessageId>,
    why: &str,
) {
    let files: Vec<Chip> = files.iter().map(|file| Chip::ready(state.next_file(), file.clone())).collect();
    let draft = state.drafts.entry(conv).or_default();
    let text = safe::text(text);
    let kept = draft.message.text();
    draft.message = Composer::of(if kept.is_empty() { text } else { format!("{text}\n{kept}") });
    draft.files.splice(0..0, files);
    draft.reply_to = draft.reply_to.or(reply_to);
    state.unsaved = true;
    state.notice = Some(safe::line(why));
}
