//! `chatctl bench`: load on a server, with every single delivery accounted for.

mod accounts;
mod failure;
mod floor;
mod frame;
mod idle;
mod ledger;
mod line;
mod max;
mod measure;
mod pace;
mod past;
mod report;
mod resume;
mod room;
mod shop;
mod support;
mod traffic;

use clap::{Args, Subcommand};
use tokio::task::LocalSet;

use crate::exit::{Exit, complain};
use crate::runtime;
use accounts::Admin;
use failure::Failure;
use floor::Running;
use line::Address;
use measure::Process;
use report::Report;
use shop::Shop;
use traffic::{Plan, Venue};

/// The command line of `bench`.
#[derive(Debug, Args)]
#[command(after_help = "The accounts it needs are made by the admin who signs in, as bench-0001@example.invalid and \
so on, with the admin's own password, and used again by the next run; its conversations are new each time. It is for \
servers that are there to be measured: what it writes stays in the store.\n\n\
Exit codes: 0 measured, 1 failed, 2 wrong usage, 4 not let in, 7 cannot reach the server, 8 something was lost, doubled or out of \
order")]
pub(crate) struct Bench {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Debug, Subcommand)]
enum Scenario {
    /// Many conversations of a few people, at a steady rate
    Support(support::Support),
    /// One conversation of many people, at a steady rate
    Room(room::Room),
    /// Many connections that do nothing
    Idle(idle::Idle),
    /// As many messages as the server takes
    Max(max::Max),
    /// Many customers who come back at once
    Resume(resume::Resume),
    /// The least that a server must do: pass texts on, and keep nothing
    Floor(floor::Floor),
}

/// Which server, and who signs in to it.
#[derive(Clone, Debug, Args)]
struct Target {
    /// Where the server is, such as <http://127.0.0.1:9000>
    #[arg(long, value_name = "URL", env = "CHATCTL_SERVER")]
    server: String,
    /// The address of an admin, who makes the accounts
    #[arg(long, value_name = "ADDRESS", env = "CHATCTL_EMAIL")]
    email: String,
    /// Read the admin's password from the first line of standard input instead of from `CHATCTL_PASSWORD`
    #[arg(long)]
    password_stdin: bool,
    /// The server's process on this machine; without it nothing is said of its CPU time and memory
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Print one JSON object, for programs
    #[arg(long)]
    json: bool,
}

/// When it is measured.
#[derive(Clone, Copy, Debug, Args)]
struct Window {
    /// How many seconds are measured
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How many seconds run before
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=600))]
    warmup: u64,
    /// Measure the floor in the same way right after, and print how many times more the server needs
    #[arg(long)]
    floor: bool,
}

/// Runs a scenario to its end.
pub(crate) fn run(bench: &Bench) -> Exit {
    if let Scenario::Floor(floor) = &bench.scenario {
        return floor::run(floor);
    }
    let measured = runtime().map_err(Failure::from).and_then(|runtime| {
        // One thread, so that no processor is taken from the server for the sake of the bench's own order.
        LocalSet::new().block_on(&runtime, measure(&bench.scenario))
    });
    match measured {
        Ok((report, json)) => report.print(json),
        Err(failure) => complain(&failure.what, failure.exit),
    }
}

async fn measure(scenario: &Scenario) -> Result<(Report, bool), Failure> {
    Ok(match scenario {
        Scenario::Support(support) => (support::run(support).await?, support.target.json),
        Scenario::Room(room) => (room::run(room).await?, room.target.json),
        Scenario::Idle(idle) => (idle::run(idle).await?, idle.target.json),
        Scenario::Max(max) => (max::run(max).await?, max.target.json),
        Scenario::Resume(resume) => (resume::run(resume).await?, resume.target.json),
        Scenario::Floor(_) => return Err(Failure::new("the floor measures nothing by itself")),
    })
}

impl Venue {
    fn of(target: &Target) -> Result<Self, Failure> {
        let process = target.server_pid.map(Process::new);
        // A wrong number is to be told before anything is done.
        process.map(Process::cpu).transpose()?;
        Ok(Self { address: Address::of(&target.server)?, process })
    }
}

/// A run with messages, on the server and, when that is asked for, on the floor.
async fn measured(
    target: &Target,
    plan: Plan,
    scenario: &'static str,
    setting: String,
    conversations: u32,
    members: u32,
) -> Result<Report, Failure> {
    let (conversations, members) = (conversations as usize, members as usize);
    let venue = Venue::of(target)?;
    let admin = Admin::sign_in(target).await?;
    let (shop, people) = Shop::open(&admin, conversations, members).await?;
    let figures = traffic::run(&venue, shop, plan).await?;
    admin.sign_out(people).await;
    let floor = if plan.window.floor {
        let floor = Running::start()?;
        let shop = Shop::on_the_floor(conversations, members);
        Some(traffic::run(&floor.venue()?, shop, plan).await?)
    } else {
        None
    };
    Ok(Report::new(scenario, setting, &target.server, Some(plan.window), figures, floor))
}
