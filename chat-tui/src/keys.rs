//! The one table of keys: what they do, what the help and docs/keys.md say, what the last line hints at.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What takes the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// Keys are commands.
    Read,
    /// Keys are text.
    Write,
    /// Keys are text that narrows the list of conversations down.
    Filter,
    /// Something is picked from a list, which what is typed narrows down.
    Pick,
    /// People are picked from the directory.
    Directory,
    /// Keys are the subject of a group.
    Subject,
    /// Keys are the path of a file.
    Path,
    /// Keys lead through the help.
    Help,
    /// Keys are an address or a password.
    SignIn,
}

macro_rules! commands {
    ($($command:ident $name:literal),+ $(,)?) => {
        /// What a key asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Command { $($command),+ }

        impl Command {
            #[cfg(test)]
            const ALL: &'static [Self] = &[$(Self::$command),+];

            /// How the command is called where keys are not.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$command => $name),+ }
            }
        }
    };
}

commands![
    Next "next", Previous "previous", PageUp "page-up", PageDown "page-down", MessageUp "message-up",
    MessageDown "message-down", Oldest "oldest", Newest "newest", PaneLeft "pane-left", PaneRight "pane-right",
    PaneNext "pane-next", Open "open", Reply "reply", NextUnread "next-unread", Last "last", React "react",
    Edit "edit", Delete "delete", MarkUnread "mark-unread", Begin "new-conversation", People "people",
    Switch "switch", Palette "palette", Help "help", Redraw "redraw", Retry "retry", SignInAgain "sign-in",
    Back "back", Close "close", Quit "quit", Send "send", NewLine "new-line", Left "left", Right "right",
    WordLeft "word-left", WordRight "word-right", LineUp "line-up", LineDown "line-down", LineStart "line-start",
    LineEnd "line-end", Erase "erase", EraseNext "erase-next", EraseWord "erase-word", EraseAll "erase-all",
    Choose "choose", Yes "yes", Suspend "suspend", Filter "filter", Mark "mark", Attach "attach",
    Detach "take-file-away", SaveFile "save-file", Complete "complete",
];

#[derive(Debug)]
pub(crate) struct Binding {
    /// `None`: everywhere.
    context: Option<Context>,
    keys: &'static [(KeyCode, KeyModifiers)],
    pub(crate) command: Command,
    /// How the keys are written.
    pub(crate) shown: &'static str,
    pub(crate) says: &'static str,
    /// What the last line of the screen says about it, if anything.
    hint: &'static str,
}

const NONE: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;
const ALT: KeyModifiers = KeyModifiers::ALT;

macro_rules! bindings {
    ($($context:expr, [$($code:expr, $modifiers:expr);+], $command:ident, $shown:literal, $says:literal, $hint:literal;)+) => {
        &[$(Binding {
            context: $context,
            keys: &[$(($code, $modifiers)),+],
            command: Command::$command,
            shown: $shown,
            says: $says,
            hint: $hint,
        }),+]
    };
}

const READ: Option<Context> = Some(Context::Read);
const WRITE: Option<Context> = Some(Context::Write);
const FILTER: Option<Context> = Some(Context::Filter);
const PICK: Option<Context> = Some(Context::Pick);
const DIRECTORY: Option<Context> = Some(Context::Directory);
const SUBJECT: Option<Context> = Some(Context::Subject);
const PATH: Option<Context> = Some(Context::Path);
const HELP: Option<Context> = Some(Context::Help);
const SIGN_IN: Option<Context> = Some(Context::SignIn);

pub(crate) const BINDINGS: &[Binding] = bindings![
    READ, [KeyCode::Enter, NONE], Open, "Enter", "open the conversation, then write in it", "Enter open";
    READ, [KeyCode::Char('r'), NONE], Reply, "r", "reply, to the chosen message if there is one", "";
    READ, [KeyCode::Char(' '), NONE], NextUnread, "Space", "next conversation with something unread", "Space unread";
    READ, [KeyCode::Char('j'), NONE; KeyCode::Down, NONE], Next, "j Down", "next conversation, or message in its pane", "";
    READ, [KeyCode::Char('k'), NONE; KeyCode::Up, NONE], Previous, "k Up", "the one before", "";
    READ, [KeyCode::Char('K'), NONE], MessageUp, "K", "choose the message above", "";
    READ, [KeyCode::Char('J'), NONE], MessageDown, "J", "choose the message below", "";
    READ, [KeyCode::Char('g'), NONE; KeyCode::Home, NONE], Oldest, "g Home", "first message", "";
    READ, [KeyCode::Char('G'), NONE; KeyCode::End, NONE], Newest, "G End", "newest message", "";
    READ, [KeyCode::Char('h'), NONE; KeyCode::Left, NONE], PaneLeft, "h Left", "pane on the left", "";
    READ, [KeyCode::Char('l'), NONE; KeyCode::Right, NONE], PaneRight, "l Right", "pane on the right", "";
    READ, [KeyCode::Tab, NONE], PaneNext, "Tab", "next pane", "";
    READ, [KeyCode::Char('c'), NONE], People, "c", "who is in the conversation", "";
    READ, [KeyCode::Char('-'), NONE], Last, "-", "back to the conversation before", "";
    READ, [KeyCode::Char('+'), NONE], React, "+", "react to the message", "";
    READ, [KeyCode::Char('o'), NONE], SaveFile, "o", "save the message's file", "";
    READ, [KeyCode::Char('i'), NONE], Edit, "i", "edit my message", "";
    READ, [KeyCode::Char('d'), NONE], Delete, "d", "delete my message", "";
    READ, [KeyCode::Char('U'), NONE], MarkUnread, "U", "mark as unread, from the message on", "";
    READ, [KeyCode::Char('N'), NONE], Begin, "N", "new conversation or group, from the directory", "N new";
    READ, [KeyCode::Char(':'), NONE], Palette, ":", "all commands", ": commands";
    READ, [KeyCode::Char('?'), NONE], Help, "?", "help", "? help";
    READ, [KeyCode::Char('/'), NONE], Filter, "/", "filter the list by people, subject, last message", "/ filter";
    READ, [KeyCode::Char('R'), NONE], Retry, "R", "connect now instead of later", "";
    READ, [KeyCode::Char('L'), NONE], SignInAgain, "L", "sign in again, when signed out", "";
    READ, [KeyCode::Char('y'), NONE], Yes, "y", "yes, when something is asked", "";
    READ, [KeyCode::Esc, NONE], Back, "Esc", "one step back; from the list: show all of it", "";
    READ, [KeyCode::Char('q'), NONE], Close, "q", "close the pane; quit from the list", "q quit";
    WRITE, [KeyCode::Enter, NONE], Send, "Enter", "send", "Enter send";
    WRITE, [KeyCode::Enter, ALT; KeyCode::Enter, KeyModifiers::SHIFT; KeyCode::Char('j'), CTRL], NewLine,
        "Alt-Enter Ctrl-J Shift-Enter", "new line", "Alt-Enter line";
    WRITE, [KeyCode::Char('g'), CTRL], Attach, "Ctrl-G", "attach a file", "Ctrl-G file";
    WRITE, [KeyCode::Char('x'), CTRL], Detach, "Ctrl-X", "take the last file away", "";
    WRITE, [KeyCode::Esc, NONE], Back, "Esc", "back to reading, the draft is kept", "Esc keeps draft";
    WRITE, [KeyCode::Left, NONE; KeyCode::Char('b'), CTRL], Left, "Left Ctrl-B", "a character left", "";
    WRITE, [KeyCode::Right, NONE; KeyCode::Char('f'), CTRL], Right, "Right Ctrl-F", "a character right", "";
    WRITE, [KeyCode::Char('b'), ALT; KeyCode::Left, CTRL], WordLeft, "Alt-B Ctrl-Left", "a word left", "";
    WRITE, [KeyCode::Char('f'), ALT; KeyCode::Right, CTRL], WordRight, "Alt-F Ctrl-Right", "a word right", "";
    WRITE, [KeyCode::Up, NONE], LineUp, "Up", "a line up; in an empty box: edit my last message", "";
    WRITE, [KeyCode::Down, NONE], LineDown, "Down", "a line down", "";
    WRITE, [KeyCode::Home, NONE; KeyCode::Char('a'), CTRL], LineStart, "Home Ctrl-A", "beginning of the line", "";
    WRITE, [KeyCode::End, NONE; KeyCode::Char('e'), CTRL], LineEnd, "End Ctrl-E", "end of the line", "";
    WRITE, [KeyCode::Backspace, NONE; KeyCode::Char('h'), CTRL], Erase, "Backspace Ctrl-H", "erase a character", "";
    WRITE, [KeyCode::Delete, NONE; KeyCode::Char('d'), CTRL], EraseNext, "Delete Ctrl-D", "erase the next character", "";
    WRITE, [KeyCode::Char('w'), CTRL; KeyCode::Backspace, ALT], EraseWord, "Ctrl-W Alt-Backspace", "erase a word", "";
    WRITE, [KeyCode::Char('u'), CTRL], EraseAll, "Ctrl-U", "erase everything", "";
    FILTER, [KeyCode::Enter, NONE], Choose, "Enter", "keep the filter, go to the list", "Enter keep";
    FILTER, [KeyCode::Down, NONE; KeyCode::Char('n'), CTRL; KeyCode::Tab, NONE], Next, "Down Ctrl-N Tab", "next", "Up/Down choose";
    FILTER, [KeyCode::Up, NONE; KeyCode::Char('p'), CTRL; KeyCode::BackTab, NONE], Previous, "Up Ctrl-P Shift-Tab", "the one before", "";
    FILTER, [KeyCode::Esc, NONE], Back, "Esc", "show all again, back to where you were", "Esc all";
    PICK, [KeyCode::Enter, NONE], Choose, "Enter", "take it", "Enter take it";
    PICK, [KeyCode::Down, NONE; KeyCode::Char('n'), CTRL; KeyCode::Tab, NONE], Next, "Down Ctrl-N Tab", "next", "Up/Down choose";
    PICK, [KeyCode::Up, NONE; KeyCode::Char('p'), CTRL; KeyCode::BackTab, NONE], Previous, "Up Ctrl-P Shift-Tab", "the one before", "";
    PICK, [KeyCode::Esc, NONE], Back, "Esc", "close", "Esc close";
    DIRECTORY, [KeyCode::Enter, NONE], Choose, "Enter", "begin: with whom you marked, or with this one", "Enter begin";
    DIRECTORY, [KeyCode::Tab, NONE], Mark, "Tab", "mark, or not; several make a group", "Tab mark";
    DIRECTORY, [KeyCode::Down, NONE; KeyCode::Char('n'), CTRL], Next, "Down Ctrl-N", "next", "Up/Down choose";
    DIRECTORY, [KeyCode::Up, NONE; KeyCode::Char('p'), CTRL], Previous, "Up Ctrl-P", "the one before", "";
    DIRECTORY, [KeyCode::Esc, NONE], Back, "Esc", "close", "Esc close";
    SUBJECT, [KeyCode::Enter, NONE], Choose, "Enter", "begin the group; it needs no subject", "Enter begin";
    SUBJECT, [KeyCode::Esc, NONE], Back, "Esc", "back to the people", "Esc back";
    PATH, [KeyCode::Enter, NONE], Choose, "Enter", "take this path", "Enter take it";
    PATH, [KeyCode::Tab, NONE], Complete, "Tab", "complete the path", "Tab complete";
    PATH, [KeyCode::Esc, NONE], Back, "Esc", "leave it", "Esc leave it";
    HELP, [KeyCode::Char('j'), NONE; KeyCode::Down, NONE], Next, "j Down", "further down", "j/k move";
    HELP, [KeyCode::Char('k'), NONE; KeyCode::Up, NONE], Previous, "k Up", "further up", "";
    HELP, [KeyCode::Esc, NONE; KeyCode::Char('q'), NONE; KeyCode::Char('?'), NONE; KeyCode::Enter, NONE], Back,
        "Esc q ? Enter", "close", "Esc close";
    SIGN_IN, [KeyCode::Enter, NONE], Choose, "Enter", "next field; on the last one: sign in", "Enter sign in";
    SIGN_IN, [KeyCode::Tab, NONE; KeyCode::Down, NONE], Next, "Tab Down", "next field", "Tab next field";
    SIGN_IN, [KeyCode::BackTab, NONE; KeyCode::Up, NONE], Previous, "Shift-Tab Up", "field before", "";
    SIGN_IN, [KeyCode::Esc, NONE], Back, "Esc", "leave it: quit, or back to what one was signed out of", "Esc leave";
    None, [KeyCode::PageUp, NONE], PageUp, "PgUp", "scroll up; loads older messages", "";
    None, [KeyCode::PageDown, NONE], PageDown, "PgDn", "scroll down", "";
    None, [KeyCode::Char('k'), CTRL], Switch, "Ctrl-K", "go to a conversation", "Ctrl-K switch";
    None, [KeyCode::F(1), NONE], Help, "F1", "help", "";
    None, [KeyCode::F(5), NONE; KeyCode::Char('l'), CTRL], Redraw, "F5 Ctrl-L", "draw everything anew", "";
    None, [KeyCode::Char('z'), CTRL], Suspend, "Ctrl-Z", "suspend, the terminal is given back; fg goes on", "";
    None, [KeyCode::Char('c'), CTRL], Quit, "Ctrl-C Ctrl-C", "quit", "";
];

const CONTEXTS: [(Option<Context>, &str); 10] = [
    (READ, "Reading"),
    (WRITE, "Writing"),
    (FILTER, "Filtering the list"),
    (PICK, "Picking from a list"),
    (DIRECTORY, "In the directory"),
    (SUBJECT, "Naming a group"),
    (PATH, "Naming a file"),
    (HELP, "In the help"),
    (SIGN_IN, "Signing in"),
    (None, "Everywhere"),
];

/// What this key asks for, where the keys go.
pub(crate) fn command(context: Context, key: &KeyEvent) -> Option<Command> {
    let of = |binding: &&Binding| binding.context.is_none_or(|of| of == context);
    let find = |modifiers| BINDINGS.iter().filter(of).find(|binding| binding.keys.contains(&(key.code, modifiers)));
    // Terminals differ in whether they say that Shift was held for a character that needs it.
    let found = find(key.modifiers).or_else(|| find(key.modifiers - KeyModifiers::SHIFT));
    let found = found.map(|binding| binding.command);
    match context {
        // A line to type is edited like everything that is written.
        Context::Filter | Context::Pick | Context::Directory | Context::Subject | Context::Path | Context::SignIn => {
            found.or_else(|| command(Context::Write, key).filter(|_| key.code != KeyCode::Enter))
        }
        _ => found,
    }
}

/// The last line of the screen, as far as there is room.
pub(crate) fn hints(context: Context, columns: usize) -> String {
    let hinted = BINDINGS
        .iter()
        .filter(|binding| !binding.hint.is_empty())
        .filter(|binding| binding.context.is_none_or(|of| of == context))
        // There is nothing to switch to.
        .filter(|binding| binding.context.is_some() || matches!(context, Context::Read | Context::Write));
    let mut words = String::new();
    for binding in hinted {
        let gap = if words.is_empty() { "" } else { "  " };
        if words.len() + gap.len() + binding.hint.len() <= columns {
            words.push_str(gap);
            words.push_str(binding.hint);
        }
    }
    words
}

/// The rows of the help, keys and what they do, beginning with what holds where one comes from.
pub(crate) fn help(context: Context) -> Vec<(&'static str, &'static str)> {
    let mut contexts = CONTEXTS;
    contexts.sort_by_key(|(of, _)| (*of != Some(context), of.is_some()));
    let mut rows = Vec::new();
    for (of, heading) in contexts {
        rows.push((heading, ""));
        let bindings = BINDINGS.iter().filter(|binding| binding.context == of);
        rows.extend(bindings.map(|binding| (binding.shown, binding.says)));
    }
    rows
}

/// What the palette offers: everything that can be asked for while reading.
pub(crate) fn palette() -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(|binding| {
        let here = matches!(binding.context, None | READ);
        here && !matches!(binding.command, Command::Palette | Command::Yes | Command::Back)
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn no_key_has_two_meanings_and_every_key_is_explained() {
        for (place, binding) in BINDINGS.iter().enumerate() {
            assert!(!binding.says.is_empty() && !binding.shown.is_empty(), "no help: {binding:?}");
            for other in &BINDINGS[place + 1..] {
                let meet = binding.context.is_none() || other.context.is_none() || binding.context == other.context;
                let shared = binding.keys.iter().any(|key| other.keys.contains(key));
                assert!(!(meet && shared), "{binding:?} and {other:?}");
            }
        }
        for (context, _) in CONTEXTS {
            let context = context.unwrap_or(Context::Read);
            assert_eq!(help(context).len(), BINDINGS.len() + CONTEXTS.len());
        }
    }

    #[test]
    fn every_command_has_a_key_and_a_name_of_its_own() {
        for (place, command) in Command::ALL.iter().enumerate() {
            assert!(BINDINGS.iter().any(|binding| binding.command == *command), "{command:?} has no key");
            assert!(Command::ALL[place + 1..].iter().all(|other| other.name() != command.name()), "{command:?}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "whether to write the page is asked of whoever runs the test")]
    fn the_page_of_keys_is_current() {
        let mut page = "# Keys of chat-tui\n\nMade from the table in `chat-tui/src/keys.rs`; `CHAT_UPDATE_KEYS=1 cargo test -p chat-tui` \
                        writes it.\n"
            .to_owned();
        for (context, heading) in CONTEXTS {
            write!(page, "\n## {heading}\n\n| keys | | command |\n|---|---|---|\n").unwrap();
            for binding in BINDINGS.iter().filter(|binding| binding.context == context) {
                writeln!(page, "| {} | {} | `{}` |", binding.shown, binding.says, binding.command.name()).unwrap();
            }
        }
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/keys.md");
        if std::env::var("CHAT_UPDATE_KEYS").is_ok() {
            std::fs::write(file, &page).unwrap();
        }
        assert_eq!(std::fs::read_to_string(file).unwrap_or_default(), page, "docs/keys.md is out of date");
    }
}
