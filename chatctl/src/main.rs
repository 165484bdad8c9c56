//! The command line of the shop chat's operators.

mod bench;
mod exit;
mod status;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

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
    /// Put load on a server that is there to be measured, and account for every message
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    run().into()
}

fn run() -> Exit {
    match Cli::parse().command {
        Command::Status(status) => match runtime() {
            Ok(runtime) => runtime.block_on(status::run(&status)),
            Err(error) => exit::complain(&error.to_string(), Exit::Failed),
        },
        Command::Bench(bench) => bench::run(&bench),
    }
}

/// One thread is enough for a command.
fn runtime() -> std::io::Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| std::io::Error::other(format!("the runtime did not start: {error}")))
}
