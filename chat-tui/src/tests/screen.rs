use chat_client::Diff;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::shop::{ANA, ORDER, opened, put_into_outbox, read_moved, take};
use crate::draw::draw;
use crate::state::State;
use crate::update::{Event, update};

/// The screen as text, without its styles.
fn screen(state: &mut State, columns: u16, rows: u16) -> String {
    update(state, Event::Resized(columns, rows));
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(state, frame)).unwrap();
    let text = terminal.backend().to_string();
    assert!(!text.contains('\u{1b}'), "nobody else steers this terminal");
    text
}

fn press(state: &mut State, code: KeyCode) {
    let effects = update(state, Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    put_into_outbox(state, effects);
}

#[test]
fn list_and_conversation_stand_side_by_side() {
    let mut state = opened();
    take(&mut state, read_moved(ORDER, ANA, 1));
    insta::assert_snapshot!("reading_80x24", screen(&mut state, 80, 24));
}

#[test]
fn writing_shows_the_draft_the_outbox_and_who_else_writes() {
    let mut state = opened();
    press(&mut state, KeyCode::Enter);
    update(&mut state, Event::Paste("It left our house this morning.".to_owned()));
    press(&mut state, KeyCode::Enter);
    update(&mut state, Event::Paste("It should be with you tomorrow, before noon, and this line is long.".to_owned()));
    take(&mut state, Diff::Typing { conversation: ORDER, user: ANA, on: true });
    insta::assert_snapshot!("writing_80x24", screen(&mut state, 80, 24));
    insta::assert_snapshot!("writing_60x20", screen(&mut state, 60, 20));
}

#[test]
fn a_narrow_screen_has_one_pane() {
    insta::assert_snapshot!("list_60x20", screen(&mut opened(), 60, 20));
}

#[test]
fn help_comes_from_the_table_of_keys() {
    let mut state = opened();
    press(&mut state, KeyCode::Char('?'));
    insta::assert_snapshot!("help_80x24", screen(&mut state, 80, 24));
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    insta::assert_snapshot!("too_small", screen(&mut opened(), 40, 4));
}
