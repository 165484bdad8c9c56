//! The terminal, given back as it was however the program ends.

use std::io::{self, stdin, stdout};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange};
use crossterm::execute;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, SetTitle,
    disable_raw_mode, enable_raw_mode,
};
use ratatui::DefaultTerminal;
use ratatui::backend::CrosstermBackend;
use rustix::process::{Signal, kill_current_process_group};
use rustix::termios::{LocalModes, tcgetattr};

use crate::draw::draw;
use crate::state::State;
use crate::theme::Look;

/// Whether the terminal is this program's, as opposed to as it was before. There is one terminal to a process, and a
/// panic has nothing else to ask.
static TAKEN: AtomicBool = AtomicBool::new(false);

pub(crate) struct Screen {
    terminal: DefaultTerminal,
    look: Look,
    /// Unread conversations that the title tells of.
    told: Option<usize>,
}

impl Screen {
    pub(crate) fn open(look: Look) -> io::Result<Self> {
        end_on_panic();
        take()?;
        let terminal = DefaultTerminal::new(CrosstermBackend::new(stdout())).inspect_err(|_| give_back())?;
        Ok(Self { terminal, look, told: None })
    }

    pub(crate) fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }

    /// Draws what changed, in one go.
    pub(crate) fn draw(&mut self, state: &State) -> io::Result<()> {
        if !TAKEN.load(Ordering::SeqCst) {
            return Ok(());
        }
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

    /// Draws everything anew next time. Ratatui's `clear` would first ask the terminal where its cursor is, and a terminal
    /// that does not answer within two seconds, as over a slow line, would end the program.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        let area = self.terminal.size()?.into();
        self.terminal.resize(area)
    }

    /// Gives the terminal back and stops, until whoever has it then, such as a shell with `fg`, says to go on.
    pub(crate) fn suspend() -> io::Result<()> {
        give_back();
        // All that runs in front of the terminal, as Ctrl-Z usually does: a script that started this stops, too.
        Ok(kill_current_process_group(Signal::TSTP)?)
    }

    /// After a stop, whoever asked for it: takes the terminal if it is not this program's any more, and draws anew.
    pub(crate) fn go_on(&mut self) -> io::Result<()> {
        let modes = tcgetattr(stdin())?.local_modes;
        if !TAKEN.load(Ordering::SeqCst) || modes.contains(LocalModes::ICANON) {
            give_back();
            take()?;
            self.told = None;
        }
        self.forget()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    let taken = enable_raw_mode()
        .and_then(|()| execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange));
    taken.inspect_err(|_| give_back())
}

/// Once: a terminal puts its cursor back where it was when it leaves the other screen, and does so a second time over
/// what was said meanwhile.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // Nothing can be done about a terminal that is gone.
        let _ = disable_raw_mode();
        let _ = execute!(stdout(), EndSynchronizedUpdate, DisableFocusChange, DisableBracketedPaste, SetTitle(""));
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
    }
}

/// A panic is told on the ordinary screen and ends the program wherever it was: without the task that is gone, the
/// others would go on as if they were all there is.
fn end_on_panic() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |why| {
        give_back();
        tracing::error!(%why, "panicked");
        usual(why);
        std::process::exit(101);
    }));
}
