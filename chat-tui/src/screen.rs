//! The terminal, given back as it was however the program ends.

use std::io::{self, stdout};
use std::panic;

use crossterm::event::{DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange};
use crossterm::execute;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate, SetTitle};
use ratatui::DefaultTerminal;

use crate::draw::draw;
use crate::state::State;
use crate::theme::Look;

pub(crate) struct Screen {
    terminal: DefaultTerminal,
    look: Look,
    /// Unread conversations that the title tells of.
    told: Option<usize>,
}

impl Screen {
    pub(crate) fn open(look: Look) -> io::Result<Self> {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |why| {
            let _ = execute!(stdout(), DisableFocusChange, DisableBracketedPaste);
            tracing::error!(%why, "panicked");
            usual(why);
        }));
        // Gives the terminal back on a panic, before the hook above speaks.
        let screen = Self { terminal: ratatui::init(), look, told: None };
        execute!(stdout(), EnableBracketedPaste, EnableFocusChange)?;
        Ok(screen)
    }

    pub(crate) fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }

    /// Draws what changed, in one go.
    pub(crate) fn draw(&mut self, state: &State) -> io::Result<()> {
        let unread = state.rows.values().filter(|row| row.unread > 0).count();
        if self.told != Some(unread) {
            self.told = Some(unread);
            let title = if unread > 0 { format!("({unread}!) chat") } else { "chat".to_owned() };
            execute!(stdout(), SetTitle(title))?;
        }
        execute!(stdout(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| draw(state, self.look, frame))?;
        execute!(stdout(), EndSynchronizedUpdate)
    }

    /// Draws everything anew next time.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = execute!(stdout(), DisableFocusChange, DisableBracketedPaste, SetTitle(""));
        ratatui::restore();
    }
}
