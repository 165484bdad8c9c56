//! The command line of the shop chat's operators.

mod access;
mod address;
mod ask;
mod attachment;
mod audit;
mod bench;
mod completion;
mod conversation;
mod event;
mod exit;
mod files;
mod import;
mod offline;
mod output;
mod pages;
mod policy;
mod profile;
mod progress;
mod session;
mod sign_in;
mod stats;
mod status;
mod text;
mod user;
mod vapid;
mod webhook;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tokio::runtime::Runtime;

use access::Door;
use exit::{Exit, Failure};
use output::Style;

/// The command line of the shop chat's operators.
#[derive(Debug, Parser)]
#[command(name = "chatctl", version, about, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 cancelled, 4 not signed in or forbidden, 5 not found, 6 conflict, \
7 cannot reach the server, 8 checked and not so (unhealthy, not allowed), 9 partly done, 130 interrupted, 141 nobody reads

Begin with: chatctl login http://127.0.0.1:9000")]
struct Cli {
    #[command(flatten)]
    door: Door,
    #[command(flatten)]
    style: Style,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sign in, and remember it as a profile
    Login(sign_in::Login),
    /// Sign out: the session ends on the server too
    Logout,
    /// Say who is signed in, and where
    Whoami,
    /// The servers that are known here
    #[command(subcommand, visible_alias = "profiles")]
    Profile(profile::Profile),
    /// Say whether the server is well, and what it takes
    Status,
    /// What is counted of the shop
    #[command(subcommand)]
    Stats(stats::Stats),
    /// People and their accounts
    #[command(subcommand, visible_alias = "users")]
    User(user::User),
    /// Who may do what, and why
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Who did what, from where
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Conversations that you are in
    #[command(subcommand, visible_aliases = ["conv", "conversations"])]
    Conversation(conversation::Conversation),
    /// Files that go with messages
    #[command(subcommand, visible_aliases = ["file", "attachments"])]
    Attachment(attachment::Attachment),
    /// What happens
    #[command(subcommand, visible_alias = "events")]
    Event(event::Event),
    /// Bring over what another system holds, into a data folder (--data-dir)
    #[command(subcommand)]
    Import(import::Import),
    /// Programs of the shop's that are told what happens
    #[command(subcommand, visible_alias = "webhooks")]
    Webhook(webhook::Webhook),
    /// The key pair of web push
    #[command(subcommand)]
    Vapid(vapid::Vapid),
    /// Put load on a server that is there to be measured, and account for every message
    Bench(bench::Bench),
    /// Print a script that completes commands in a shell
    Completion(completion::Completion),
    /// Print the manual page, or write all of them into a folder
    Man(completion::Man),
}

fn main() -> ExitCode {
    let Cli { door, style, command } = match parsed(std::env::args_os().collect()) {
        Ok(cli) => cli,
        Err(exit) => return exit.into(),
    };
    let done = match command {
        Command::Bench(bench) => return bench::run(&bench).into(),
        Command::Completion(completion) => return completion::complete(&completion).into(),
        Command::Man(man) => completion::man(&man),
        Command::Vapid(vapid) => vapid::run(&vapid, &style),
        command if let Some(folder) = &door.data_dir => in_runtime(offline::run(&command, folder, &style)),
        command => in_runtime(run(command, &door, &style)),
    };
    exit::end(done, &style).into()
}

async fn run(command: Command, door: &Door, style: &Style) -> Result<Exit, Failure> {
    let work = async {
        match command {
            Command::Login(login) => sign_in::login(&login, door, style).await,
            Command::Logout => sign_in::logout(door, style).await,
            Command::Whoami => sign_in::whoami(door, style).await,
            Command::Profile(profile) => profile::run(&profile, door, style),
            Command::Status => status::run(door, style).await,
            Command::Stats(stats) => stats::run(&stats, door, style).await,
            Command::User(user) => user::run(&user, door, style).await,
            Command::Policy(policy) => policy::run(&policy, door, style).await,
            Command::Audit(audit) => audit::run(&audit, door, style).await,
            Command::Conversation(conversation) => conversation::run(&conversation, door, style).await,
            Command::Attachment(attachment) => attachment::run(&attachment, door, style).await,
            Command::Event(event) => event::run(&event, door, style).await,
            Command::Import(_) => Err(Failure::usage(
                "An import goes into a data folder: say --data-dir FOLDER, and stop the chatd that uses it.",
            )),
            Command::Webhook(webhook) => webhook::run(&webhook, door, style).await,
            Command::Bench(_) | Command::Completion(_) | Command::Man(_) | Command::Vapid(_) => Ok(Exit::Ok),
        }
    };
    let done = tokio::select! {
        done = work => done,
        interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| Exit::Interrupted).map_err(Failure::from),
    };
    door.close().await;
    done.map_err(|failure| failure.at(door.asked()))
}

/// The command line, or how to end since it is none, after that was said. How to say it stands in it too.
fn parsed(words: Vec<OsString>) -> Result<Cli, Exit> {
    let says = |flag: &str| words.iter().skip(1).take_while(|word| *word != "--").any(|word| word == flag);
    let (as_json, no_color) = (says("--json"), says("--no-color"));
    let color = if no_color { ColorChoice::Never } else { ColorChoice::Auto };
    let mut command = Cli::command().color(color);
    let cli = command.try_get_matches_from_mut(words).and_then(|matches| Cli::from_arg_matches(&matches));
    cli.map_err(|error| {
        let error = error.format(&mut command);
        if as_json && error.use_stderr() {
            return exit::tell_program(&Failure::usage(in_one_line(&error)));
        }
        // Nobody may be reading.
        let _ = error.print();
        if error.use_stderr() { Exit::Usage } else { Exit::Ok }
    })
}

/// What is wrong, without the help that goes with it.
fn in_one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let wrong = text.split("\n\n").next().unwrap_or_default();
    wrong.trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One thread is enough for a command.
fn in_runtime(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let done = runtime.block_on(work);
    // What still reads from a terminal ends with the program.
    runtime.shutdown_background();
    done
}

fn runtime() -> std::io::Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| std::io::Error::other(format!("the runtime did not start: {error}")))
}
