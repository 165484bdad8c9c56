//! The shop chat in a terminal: an inbox, a conversation, a box to write in.
//!
//! A pure `update` turns events into a new state and effects, a pure `draw` shows the state, and the `runner` carries both
//! over the client. What people wrote is made `safe` on its way into the state.

mod draw;
mod environment;
mod files;
mod kept;
mod keyboard;
mod keys;
mod log;
#[cfg(feature = "measure")]
pub mod measure;
mod panes;
mod runner;
mod safe;
mod screen;
mod session;
mod signals;
mod state;
#[cfg(test)]
mod tests;
mod text;
mod theme;
mod timeline;
mod update;

use std::io::{IsTerminal as _, Write as _, stderr, stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use chat_client::plain_line;
use clap::Parser;
use jiff::tz::TimeZone;

use environment::Environment;
use state::{Composer, SignIn, State};
use theme::{Look, Theme};

/// The shop chat in a terminal
#[derive(Debug, Parser)]
#[command(name = "chat-tui", version, about)]
#[command(after_help = "The password is asked for, or read from CHAT_TUI_PASSWORD. Press ? inside for the keys.")]
struct Arguments {
    /// Where the server is, such as <http://127.0.0.1:9000>
    #[arg(env = "CHAT_TUI_URL")]
    url: Option<String>,
    /// The address that you sign in with
    #[arg(env = "CHAT_TUI_EMAIL")]
    email: Option<String>,
    /// The colours; without this: by what the terminal says, none with `NO_COLOR`
    #[arg(long, value_enum)]
    theme: Option<Theme>,
    /// Draw edges with plain ASCII, as where the locale is not UTF-8
    #[arg(long)]
    ascii: bool,
    /// Where the log is written; chat-tui.log in the folder of state unless set
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

/// The program.
pub fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be reading.
            let _ = writeln!(stderr(), "chat-tui: {}", plain_line(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    if !stdin().is_terminal() || !stdout().is_terminal() {
        bail!("this program needs a terminal");
    }
    let environment = Environment::read();
    log::open(arguments.log.or_else(|| Some(environment.state.as_ref()?.join("chat-tui.log"))));
    let look =
        Look { theme: arguments.theme.unwrap_or(environment.theme), ascii: arguments.ascii || !environment.utf8 };
    let mut form = SignIn::new(&arguments.url.unwrap_or_default(), &arguments.email.unwrap_or_default());
    if let Some(password) = environment.password {
        form.fields[SignIn::PASSWORD] = Composer::of(password);
    }
    let mut state = State::new(TimeZone::system());
    state.sign_in = Some(form);
    if let Some(folder) = environment.home.as_ref().map(|home| home.join("Downloads")).filter(|folder| folder.is_dir())
    {
        state.downloads = folder.to_string_lossy().into_owned();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(runner::run(state, look, environment.state, environment.home))
}
