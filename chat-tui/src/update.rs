//! What happens, and what is to be done about it. Nothing here waits, draws or asks the time.

use chat_client::{Diff, plain, plain_line};
use chat_proto::{ConversationId, Seq};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::incoming;
use crate::keys::{self, Command};
use crate::state::{Focus, State};

#[derive(Debug)]
pub(crate) enum Event {
    Key(KeyEvent),
    Paste(String),
    Resized(u16, u16),
    /// A second has passed; only sent while [`State::wants_ticks`].
    Tick,
    /// Something of what is watched changed.
    Diff(Diff),
    /// A message could not even be put into the outbox.
    NotSent {
        conv: ConversationId,
        text: String,
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Shows the messages of a conversation.
    Open(ConversationId),
    /// Shows older ones.
    Older(ConversationId),
    Send(ConversationId, String),
    Read(ConversationId, Seq),
    Typing(ConversationId, bool),
    Quit,
}

/// Lines that one key press scrolls.
const SCROLL: usize = 10;

pub(crate) fn update(state: &mut State, event: Event) -> Vec<Effect> {
    match event {
        Event::Key(key) => press(state, &key),
        Event::Paste(text) if state.focus == Focus::Write => write(state, &plain(&text)),
        Event::Paste(_) => Vec::new(),
        Event::Resized(columns, rows) => {
            state.size = (columns, rows);
            Vec::new()
        }
        Event::Tick => incoming::tick(state),
        Event::Diff(diff) => incoming::take(state, diff),
        Event::NotSent { conv, text, why } => {
            unsend(state, conv, &text, &why);
            Vec::new()
        }
    }
}

fn press(state: &mut State, key: &KeyEvent) -> Vec<Effect> {
    state.notice = None;
    let command = keys::command(state.focus, key);
    if command != Some(Command::Quit) {
        state.leaving = false;
    }
    if state.help && command != Some(Command::Quit) {
        // Any key leads back; only the arrows of a reflex would be lost.
        state.help = false;
        return Vec::new();
    }
    match command {
        Some(command) => carry_out(state, command),
        None if state.focus == Focus::Write => type_key(state, key),
        None => Vec::new(),
    }
}

fn carry_out(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Next => step(state, 1),
        Command::Previous => step(state, -1),
        Command::Compose if state.selected.is_some() => {
            state.focus = Focus::Write;
            incoming::read_on(state)
        }
        Command::Compose => {
            state.notice = Some("There is no conversation yet.".to_owned());
            Vec::new()
        }
        Command::ScrollUp => scroll_up(state),
        Command::ScrollDown => {
            state.scroll = state.scroll.saturating_sub(SCROLL);
            Vec::new()
        }
        Command::Newest => {
            state.scroll = 0;
            Vec::new()
        }
        Command::Help => {
            state.help = true;
            Vec::new()
        }
        Command::Quit => quit(state),
        Command::Send => send(state),
        Command::NewLine => write(state, "\n"),
        Command::EraseWord => {
            let kept = state.draft().trim_end();
            let kept = kept.rfind(char::is_whitespace).map_or(0, |place| place + 1);
            edit(state, |draft| draft.truncate(kept))
        }
        Command::EraseAll => edit(state, String::clear),
        Command::Back => {
            state.focus = Focus::Read;
            let stopped = state.selected.filter(|_| !state.draft().is_empty());
            stopped.map(|conv| Effect::Typing(conv, false)).into_iter().collect()
        }
    }
}

fn step(state: &mut State, by: isize) -> Vec<Effect> {
    let last = state.rows.len().saturating_sub(1);
    let Some(to) = state.place().map(|place| place.saturating_add_signed(by).min(last)) else {
        return Vec::new();
    };
    incoming::select(state, state.rows.get(to).map(|row| row.id))
}

fn scroll_up(state: &mut State) -> Vec<Effect> {
    state.scroll += SCROLL;
    let Some((conv, thread)) = state.selected.and_then(|id| Some((id, state.threads.get_mut(&id)?))) else {
        return Vec::new();
    };
    if !thread.more_before || thread.loading {
        return Vec::new();
    }
    thread.loading = true;
    vec![Effect::Older(conv)]
}

fn quit(state: &mut State) -> Vec<Effect> {
    let waiting = state.outbox.iter().filter(|outgoing| !outgoing.stored).count();
    if waiting == 0 || state.leaving {
        return vec![Effect::Quit];
    }
    state.leaving = true;
    state.notice = Some(format!("{waiting} not sent yet; the same key again quits."));
    Vec::new()
}

fn type_key(state: &mut State, key: &KeyEvent) -> Vec<Effect> {
    match key.code {
        KeyCode::Char(c) if (key.modifiers - KeyModifiers::SHIFT).is_empty() => {
            write(state, c.encode_utf8(&mut [0; 4]))
        }
        KeyCode::Backspace => edit(state, |draft| {
            draft.pop();
        }),
        _ => Vec::new(),
    }
}

fn write(state: &mut State, text: &str) -> Vec<Effect> {
    edit(state, |draft| draft.push_str(text))
}

/// Changes the draft, and says so to the others when it begins or ends.
fn edit(state: &mut State, change: impl FnOnce(&mut String)) -> Vec<Effect> {
    let Some(conv) = state.selected else { return Vec::new() };
    let draft = state.drafts.entry(conv).or_default();
    change(draft);
    vec![Effect::Typing(conv, !draft.is_empty())]
}

fn send(state: &mut State) -> Vec<Effect> {
    let Some(conv) = state.selected else { return Vec::new() };
    let text = state.draft().trim().to_owned();
    if text.is_empty() {
        return Vec::new();
    }
    state.drafts.remove(&conv);
    state.scroll = 0;
    vec![Effect::Send(conv, text)]
}

/// Puts a refused message back into the composer, where it can be changed: nothing that was written is lost.
pub(crate) fn unsend(state: &mut State, conv: ConversationId, text: &str, why: &str) {
    let draft = state.drafts.entry(conv).or_default();
    *draft = if draft.is_empty() { text.to_owned() } else { format!("{text}\n{draft}") };
    state.notice = Some(format!("Not sent: {}", plain_line(why)));
}
