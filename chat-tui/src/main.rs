//! The shop chat in a terminal: an inbox, a conversation, a line to write.
//!
//! A pure [`update`] turns events into a new state and effects, a pure [`draw`] shows the state, and the [`runner`]
//! carries both over the client.

mod draw;
mod incoming;
mod keys;
mod password;
mod runner;
mod state;
#[cfg(test)]
mod tests;
mod text;
mod thread;
mod update;

use std::io::{IsTerminal as _, Write as _, stderr, stdin, stdout};
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use chat_client::{Client, SignIn, plain_line};
use clap::Parser;
use jiff::tz::TimeZone;

use state::State;

/// The shop chat in a terminal
#[derive(Debug, Parser)]
#[command(name = "chat-tui", version, about)]
#[command(after_help = "The password is asked for, or read from CHAT_TUI_PASSWORD. Press ? inside for the keys.")]
struct Arguments {
    /// Where the server is, such as <http://127.0.0.1:8080>
    url: String,
    /// The address that you sign in with
    email: String,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be reading.
            let _ = writeln!(stderr(), "chat-tui: {}", plain_line(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if !stdin().is_terminal() || !stdout().is_terminal() {
        bail!("this program needs a terminal");
    }
    let password = match password_of_environment() {
        Some(password) => password,
        None => password::ask(&arguments.email)?.ok_or_else(|| anyhow!("not signed in"))?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = Client::new(&arguments.url)?;
        let (client, signed_in) = client.login(&arguments.email, &password).await?;
        let sign_in = SignIn::new(&client, &signed_in);
        let user = signed_in.user;
        let state = State::new(user.id, &user.name, TimeZone::system());
        let ended = runner::run(&client, sign_in.clone(), state).await;
        // The sign-in was for this run only.
        let _ = sign_in.logout().await;
        ended
    })
}

/// A password is never an argument, which everybody on the machine can see.
#[expect(clippy::disallowed_methods, reason = "the one variable of this program")]
fn password_of_environment() -> Option<String> {
    std::env::var("CHAT_TUI_PASSWORD").ok()
}
