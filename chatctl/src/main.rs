//! The command line of the shop chat's operators.

mod exit;
mod status;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::Exit;

/// The command line of the shop chat's operators.
#[derive(Debug, Parser)]
#[command(name = "chatctl", version, about, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 7 cannot reach the server, 8 unhealthy")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say whether the server is well, and what it takes
    Status(status::Status),
}

fn main() -> ExitCode {
    run().into()
}

fn run() -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::complain(&format!("the runtime did not start: {error}"), Exit::Failed),
    };
    match Cli::parse().command {
        Command::Status(status) => runtime.block_on(status::run(&status)),
    }
}
