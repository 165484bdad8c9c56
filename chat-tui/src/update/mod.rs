//! What happens, and what is to be done about it. Nothing here waits, draws or asks the time.

mod acting;
mod files;
mod filtering;
mod incoming;
mod moving;
mod picking;
mod reading;
mod signing_in;
mod writing;

use std::collections::HashMap;

use chat_client::{Diff, Request};
use chat_proto::model::{Attachment, Conversation, DeviceState, Person, User};
use chat_proto::{AttachmentId, ConversationId, MessageId, Seq, UserId};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::keys::{self, Command, Context};
use crate::safe;
use crate::state::{Draft, FileOf, Link, Over, State};

pub(crate) use files::Unsaved;

#[derive(Debug)]
pub(crate) enum Event {
    Key(KeyEvent),
    Paste(String),
    Resized(u16, u16),
    /// The terminal got or lost the focus.
    Focus(bool),
    /// A second has passed; only sent while [`State::wants_ticks`].
    Tick,
    /// Something of what is watched changed.
    Diff(Diff),
    /// Somebody is signed in, with what was kept of theirs.
    SignedIn(Box<User>, HashMap<ConversationId, Draft>),
    NotSignedIn(String),
    /// The form is filled in: sign in.
    SignIn,
    /// A message could not even be put into the outbox.
    NotSent {
        conv: ConversationId,
        text: String,
        files: Vec<Attachment>,
        why: String,
    },
    /// People to write to who go with what was typed; with nothing, the first of each role.
    Directory {
        typed: String,
        found: Result<Found, String>,
    },
    /// A conversation that was asked for.
    Begun(Result<Box<Conversation>, String>),
    /// What a path could be completed to.
    Completed {
        typed: String,
        found: Vec<String>,
    },
    /// So much of a file is uploaded.
    UploadMoved {
        conv: ConversationId,
        number: u64,
        done: u64,
        all: u64,
    },
    Uploaded {
        conv: ConversationId,
        number: u64,
        file: Result<Box<Attachment>, String>,
    },
    /// So much of a file is saved.
    SaveMoved {
        done: u64,
        all: u64,
    },
    Saved {
        file: FileOf,
        path: String,
        outcome: Result<(), Unsaved>,
    },
    /// A word to the user.
    Notice(String),
}

/// Whom the directory has.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) people: Vec<Person>,
    /// There are others.
    pub(crate) more: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    SignIn {
        url: String,
        email: String,
        password: String,
    },
    /// Shows the messages of a conversation.
    Open(ConversationId),
    /// Shows older ones.
    Older(ConversationId),
    /// Shows newer ones.
    Newer(ConversationId),
    /// Shows the first messages of all.
    First(ConversationId),
    /// Shows the newest ones again.
    Newest(ConversationId),
    /// Shows older conversations.
    MoreConversations,
    /// Looks further down for what is unread.
    MoreUnread,
    Send {
        conv: ConversationId,
        text: String,
        files: Vec<Attachment>,
        reply_to: Option<MessageId>,
        if_last_seq: Option<Seq>,
    },
    Request(Request),
    Read(ConversationId, Seq),
    Delivered(ConversationId, Seq),
    Typing(ConversationId, bool),
    Viewing(Option<ConversationId>),
    Presence(DeviceState),
    /// Looks for those whom one may write to who go with what is typed.
    Directory(String),
    Begin(UserId),
    BeginGroup {
        people: Vec<UserId>,
        subject: Option<String>,
    },
    /// What a path could be completed to.
    Complete(String),
    /// Uploads a file.
    Attach {
        conv: ConversationId,
        number: u64,
        path: String,
    },
    /// Takes back a file that was uploaded and will not be sent.
    Forget(AttachmentId),
    Save {
        file: FileOf,
        path: String,
        replace: bool,
    },
    Retry,
    Redraw,
    /// Stops the program until it is told to go on.
    Suspend,
    Quit,
}

pub(crate) fn update(state: &mut State, event: Event) -> Vec<Effect> {
    // A second that changes nothing is not drawn.
    state.dirty |= !matches!(event, Event::Tick);
    match event {
        Event::Key(key) => press(state, &key),
        // A paste never sends and never commands.
        Event::Paste(text) => writing::type_text(state, &safe::pasted(&text)),
        Event::Resized(columns, rows) => {
            state.size = (columns, rows);
            moving::keep_pane(state);
            Vec::new()
        }
        Event::Focus(focused) => reading::focus(state, focused),
        Event::Tick => reading::tick(state),
        Event::Diff(diff) => incoming::take(state, diff),
        Event::SignedIn(me, drafts) => {
            state.signed_in(&me, drafts);
            Vec::new()
        }
        Event::SignIn => signing_in::submit(state),
        Event::NotSignedIn(why) => signing_in::refused(state, &why),
        Event::NotSent { conv, text, files, why } => {
            writing::unsend(state, conv, &text, &files, None, &why);
            Vec::new()
        }
        Event::Directory { typed, found } => picking::directory(state, &typed, found),
        Event::Begun(Ok(conversation)) => moving::begun(state, &conversation),
        Event::Begun(Err(why)) => say(state, &why),
        Event::Completed { typed, found } => files::completed(state, &typed, found),
        Event::UploadMoved { conv, number, done, all } => files::moved(state, conv, number, done, all),
        Event::Uploaded { conv, number, file } => files::uploaded(state, conv, number, file),
        Event::SaveMoved { done, all } => files::save_moved(state, done, all),
        Event::Saved { file, path, outcome } => files::saved(state, file, path, outcome),
        Event::Notice(words) => say(state, &words),
    }
}

/// A word to the user.
fn say(state: &mut State, words: &str) -> Vec<Effect> {
    state.notice = Some(safe::line(words));
    Vec::new()
}

fn press(state: &mut State, key: &KeyEvent) -> Vec<Effect> {
    state.notice = None;
    state.seeks_unread = false;
    let mut effects = Vec::new();
    if state.attention.act() {
        effects.push(Effect::Presence(DeviceState::Online));
    }
    let context = state.context();
    let command = keys::command(context, key);
    if !matches!(command, Some(Command::Quit | Command::Close)) {
        state.leaving = false;
    }
    if command != Some(Command::Yes) {
        state.asked_to_delete = None;
    }
    effects.extend(match (command, typed(key)) {
        (Some(command), _) => carry_out(state, context, command),
        (None, Some(c)) => writing::type_text(state, c.encode_utf8(&mut [0; 4])),
        (None, None) => Vec::new(),
    });
    if state.held_in_the_list().is_none() {
        state.list.settle();
    }
    effects.extend(moving::newest_if_shown(state));
    effects.extend(reading::read_if_looked_at(state));
    effects
}

/// The character that a key types.
fn typed(key: &KeyEvent) -> Option<char> {
    match key.code {
        KeyCode::Char(c) if (key.modifiers - KeyModifiers::SHIFT).is_empty() => Some(c),
        _ => None,
    }
}

fn carry_out(state: &mut State, context: Context, command: Command) -> Vec<Effect> {
    match command {
        Command::Quit => return acting::quit(state),
        Command::Redraw => return vec![Effect::Redraw],
        Command::Suspend => return vec![Effect::Suspend],
        Command::Help if context != Context::Help => {
            state.over = Some(Over::Help(0, context));
            return Vec::new();
        }
        _ => {}
    }
    match context {
        Context::Help => help(state, command),
        Context::Pick | Context::Directory => picking::pick(state, command),
        Context::Subject => picking::name_group(state, command),
        Context::Path => files::prompt(state, command),
        Context::SignIn => signing_in::fill_in(state, command),
        Context::Write => writing::write(state, command),
        Context::Filter => filtering::filter(state, command),
        Context::Read => acting::act(state, command),
    }
}

fn help(state: &mut State, command: Command) -> Vec<Effect> {
    let Some(Over::Help(scroll, of)) = &mut state.over else { return Vec::new() };
    let last = keys::help(*of).len().saturating_sub(1);
    let by = match command {
        Command::Next => 1,
        Command::Previous => -1,
        Command::PageDown => 10,
        Command::PageUp => -10,
        _ => {
            state.over = None;
            return Vec::new();
        }
    };
    *scroll = scroll.saturating_add_signed(by).min(last);
    Vec::new()
}

/// Whether there is a connection that takes changes now.
fn is_live(state: &State) -> bool {
    matches!(state.link, Link::Live | Link::Syncing)
}
