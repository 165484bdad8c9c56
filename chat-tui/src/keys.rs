//! The one table of keys: what they do, what the help says, what the last line hints at.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::state::Focus;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Next,
    Previous,
    Compose,
    ScrollUp,
    ScrollDown,
    Newest,
    Help,
    Quit,
    Send,
    NewLine,
    EraseWord,
    EraseAll,
    Back,
}

#[derive(Debug)]
pub(crate) struct Binding {
    /// `None`: everywhere.
    focus: Option<Focus>,
    keys: &'static [(KeyCode, KeyModifiers)],
    command: Command,
    /// How the keys are written.
    pub(crate) shown: &'static str,
    pub(crate) says: &'static str,
    /// What the last line of the screen says about it, if anything.
    pub(crate) hint: &'static str,
}

const NONE: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;
const ALT: KeyModifiers = KeyModifiers::ALT;

macro_rules! bindings {
    ($($focus:expr, [$($code:expr, $modifiers:expr);+], $command:ident, $shown:literal, $says:literal, $hint:literal;)+) => {
        &[$(Binding {
            focus: $focus,
            keys: &[$(($code, $modifiers)),+],
            command: Command::$command,
            shown: $shown,
            says: $says,
            hint: $hint,
        }),+]
    };
}

const READ: Option<Focus> = Some(Focus::Read);
const WRITE: Option<Focus> = Some(Focus::Write);

pub(crate) const BINDINGS: &[Binding] = bindings![
    READ, [KeyCode::Char('j'), NONE; KeyCode::Down, NONE], Next, "j Down", "next conversation", "j/k choose";
    READ, [KeyCode::Char('k'), NONE; KeyCode::Up, NONE], Previous, "k Up", "previous conversation", "";
    READ, [KeyCode::Enter, NONE; KeyCode::Char('r'), NONE], Compose, "Enter r", "reply", "Enter reply";
    None, [KeyCode::PageUp, NONE], ScrollUp, "PgUp", "older messages", "";
    None, [KeyCode::PageDown, NONE], ScrollDown, "PgDn", "newer messages", "";
    READ, [KeyCode::Char('G'), NONE; KeyCode::End, NONE], Newest, "G End", "newest message", "";
    READ, [KeyCode::Char('?'), NONE; KeyCode::F(1), NONE], Help, "? F1", "help", "? help";
    READ, [KeyCode::Char('q'), NONE], Quit, "q", "quit", "q quit";
    WRITE, [KeyCode::Enter, NONE], Send, "Enter", "send", "Enter send";
    WRITE, [KeyCode::Enter, ALT; KeyCode::Char('j'), CTRL], NewLine, "Alt-Enter Ctrl-J", "new line", "Alt-Enter new line";
    WRITE, [KeyCode::Char('w'), CTRL], EraseWord, "Ctrl-W", "erase a word", "";
    WRITE, [KeyCode::Char('u'), CTRL], EraseAll, "Ctrl-U", "erase everything", "";
    WRITE, [KeyCode::Esc, NONE], Back, "Esc", "back, the draft is kept", "Esc back, draft kept";
    WRITE, [KeyCode::F(1), NONE], Help, "F1", "help", "";
    None, [KeyCode::Char('c'), CTRL], Quit, "Ctrl-C", "quit", "";
];

/// What this key asks for, where the focus is.
pub(crate) fn command(focus: Focus, key: &KeyEvent) -> Option<Command> {
    // Terminals differ in whether they say that Shift was held for a character that needs it.
    let modifiers = key.modifiers - KeyModifiers::SHIFT;
    BINDINGS
        .iter()
        .find(|binding| binding.focus.is_none_or(|of| of == focus) && binding.keys.contains(&(key.code, modifiers)))
        .map(|binding| binding.command)
}

/// The last line of the screen.
pub(crate) fn hints(focus: Focus) -> String {
    let hinted =
        BINDINGS.iter().filter(|binding| !binding.hint.is_empty() && binding.focus.is_none_or(|of| of == focus));
    let words: Vec<_> = hinted.map(|binding| binding.hint).collect();
    words.join("   ")
}

/// The rows of the help: keys and what they do, under a heading for each focus.
pub(crate) fn help() -> Vec<(&'static str, &'static str)> {
    let mut rows = Vec::new();
    for (heading, focus) in [("Reading", READ), ("Writing", WRITE), ("Everywhere", None)] {
        rows.push((heading, ""));
        let of = BINDINGS.iter().filter(|binding| binding.focus == focus);
        rows.extend(of.map(|binding| (binding.shown, binding.says)));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_has_two_meanings_and_every_key_is_explained() {
        for (place, binding) in BINDINGS.iter().enumerate() {
            assert!(!binding.says.is_empty() && !binding.shown.is_empty());
            for other in &BINDINGS[place + 1..] {
                let meet = binding.focus.is_none() || other.focus.is_none() || binding.focus == other.focus;
                let shared = binding.keys.iter().any(|key| other.keys.contains(key));
                assert!(!(meet && shared), "{binding:?} and {other:?}");
            }
        }
        assert_eq!(help().len(), BINDINGS.len() + 3);
    }
}
