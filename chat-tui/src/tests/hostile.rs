//! Texts that would like to be more than texts.

use chat_client::Diff;
use chat_proto::{Role, UserId};
use crossterm::event::KeyCode;

use super::screens::drawn;
use super::shop::{ANA, ORDER, found, message, opened, person, press, told, type_text};
use crate::state::State;
use crate::theme::Look;
use crate::update::{Event, update};

/// What a screen must never say to a terminal.
fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
}

fn hostile() -> [String; 10] {
    [
        "\u{1b}[2J\u{1b}[H\u{1b}]0;owned\u{7}".to_owned(),
        "\u{1b}]52;c;cm0gLXJm\u{7}\u{1b}]8;;http://evil.example\u{1b}\\shop\u{1b}]8;;\u{1b}\\".to_owned(),
        "\u{9b}31m\u{90}q\u{9c}\u{85}".to_owned(),
        "\u{202e}txt.exe\u{202c} \u{2066}in\u{2069} \u{200b}\u{feff}\u{2028}".to_owned(),
        "e".to_owned() + &"\u{301}".repeat(10_000),
        "x".repeat(1_000_000),
        "你".repeat(300_000),
        "a\u{200d}".repeat(10_000),
        "👩\u{200d}".repeat(10_000),
        "\n".repeat(100_000),
    ]
}

/// Whether the screen is text at each of these sizes.
fn is_plain(state: &mut State) {
    for size in [(60, 20), (160, 50)] {
        let terminal = drawn(state, size, Look::default());
        for cell in &terminal.backend().buffer().content {
            let symbol = cell.symbol();
            assert!(!symbol.chars().any(is_steering), "{symbol:?}");
            assert!(symbol.chars().count() <= 16, "{} characters in one cell", symbol.chars().count());
        }
    }
}

#[test]
fn nothing_but_text_reaches_the_screen() {
    for text in hostile() {
        let mut state = opened();
        let mut hostile = message(ORDER, 4, ANA, &text);
        hostile.author.name.clone_from(&text);
        told(&mut state, &hostile, 3);
        for code in ['l', 'K', 'K', '+'] {
            press(&mut state, KeyCode::Char(code));
        }
        is_plain(&mut state);
        press(&mut state, KeyCode::Esc);
        press(&mut state, KeyCode::PageUp);
        drawn(&mut state, (80, 24), Look::default());
    }
}

#[test]
fn no_name_answer_or_paste_steers_either() {
    for text in hostile() {
        let mut state = opened();
        press(&mut state, KeyCode::Char('N'));
        let person = |byte| person(UserId::from_bytes([byte; 16]), &text, Role::Designer);
        update(&mut state, found(vec![person(7), person(8)]));
        press(&mut state, KeyCode::Tab);
        press(&mut state, KeyCode::Tab);
        is_plain(&mut state);
        press(&mut state, KeyCode::Enter);
        update(&mut state, Event::Paste(text.clone()));
        is_plain(&mut state);
        press(&mut state, KeyCode::Enter);
        update(&mut state, Event::Begun(Err(text.clone())));
        is_plain(&mut state);
        press(&mut state, KeyCode::Char('/'));
        update(&mut state, Event::Paste(text.clone()));
        is_plain(&mut state);
        press(&mut state, KeyCode::Esc);
        press(&mut state, KeyCode::Enter);
        update(&mut state, Event::Paste(text));
        is_plain(&mut state);
    }
}

#[test]
fn what_is_pasted_neither_sends_nor_steers() {
    let mut state = opened();
    press(&mut state, KeyCode::Enter);
    let effects = update(&mut state, Event::Paste("one\r\ntwo\rthree\u{1b}[2J\u{7}".to_owned()));
    assert_eq!(state.draft().unwrap().message.text(), "one\ntwo\nthree[2J");
    assert_eq!(effects.len(), 1, "only that somebody writes: {effects:?}");
    press(&mut state, KeyCode::Esc);
    assert!(update(&mut state, Event::Paste("q".to_owned())).is_empty(), "a paste is no command");
    type_text(&mut state, "+");
    update(&mut state, Event::Paste("party\nd".to_owned()));
    take_nothing(&mut state);
}

fn take_nothing(state: &mut State) {
    assert!(state.outbox.is_empty());
    super::shop::take(state, Diff::Reloading);
}
