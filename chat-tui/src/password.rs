//! Asking for a password on the terminal.

use std::io::{self, Write as _, stderr};

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};

/// Asks, without showing what is typed; `None` when the user would rather not.
pub(crate) fn ask(email: &str) -> io::Result<Option<String>> {
    write!(stderr(), "Password of {email}: ")?;
    stderr().flush()?;
    enable_raw_mode()?;
    let typed = read();
    disable_raw_mode()?;
    writeln!(stderr())?;
    typed
}

fn read() -> io::Result<Option<String>> {
    let mut typed = String::new();
    loop {
        let Event::Key(key) = event::read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match key.code {
            KeyCode::Enter => return Ok(Some(typed)),
            KeyCode::Esc => return Ok(None),
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(None),
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => typed.clear(),
            KeyCode::Char(c) => typed.push(c),
            KeyCode::Backspace => drop(typed.pop()),
            _ => {}
        }
    }
}
