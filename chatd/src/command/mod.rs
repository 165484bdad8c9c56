//! `chatd serve`, `chatd config`, `chatd key`. A library function, so that tests run the very same program.

mod config;
mod descriptors;
mod key;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigError, Loaded, Overrides, environment};

/// The chat server of a shop: REST and WebSocket, one binary, one data folder.
#[derive(Debug, Parser)]
#[command(name = "chatd", version, about, arg_required_else_help = true)]
#[command(after_help = "Try: chatd serve --demo")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
    /// Check, show or print the configuration
    Config(config::ConfigArgs),
    /// The key that tokens are signed with
    Key(key::KeyArgs),
}

/// Flags that change the configuration; each beats the environment and the file.
#[derive(Debug, Args)]
struct ConfigFlags {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder that holds everything
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Where to listen, such as 127.0.0.1:9000
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The address that people use, such as `https://chat.shop.example`
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// How log lines look: auto, text or json
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

impl ConfigFlags {
    fn load(&self) -> Result<Loaded, ConfigError> {
        let overrides = Overrides::new()
            .file(self.config.clone())
            .set("data_dir", self.data_dir.clone())
            .set("listen", self.listen.clone())
            .set("public_url", self.public_url.clone())
            .set("log.format", self.log_format.clone());
        Config::load(&overrides, environment())
    }
}

/// How the process ends, as docs/operations.md lists it (after BSD's sysexits).
#[derive(Clone, Copy, Debug)]
enum Exit {
    Ok,
    Failed,
    /// What is stored cannot be read.
    Data,
    /// The data folder is in use.
    Locked,
    /// The configuration is wrong.
    Config,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Data => 74,
            Exit::Locked => 75,
            Exit::Config => 78,
        })
    }
}

/// The whole program: reads the command line and runs it.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Key(args) => key::run(&args),
    }
    .into()
}

/// A word to whoever started the program.
#[expect(clippy::print_stderr, reason = "the log may not be set up yet, and this is for a person")]
fn complain(what: impl std::fmt::Display) {
    eprintln!("chatd: {what}");
}

fn print(text: &str) -> Exit {
    use std::io::Write;
    // A reader that closes early (`| head`) has seen what it wanted.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Exit::Ok
}
