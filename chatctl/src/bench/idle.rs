use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use chat_proto::Role;
use clap::Args;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::accounts::Admin;
use super::failure::Failure;
use super::floor::{self, Running};
use super::ledger::Ledger;
use super::line::{Address, Line, ReadBuffer, open_all};
use super::measure::Process;
use super::report::{Figures, Report, Used};
use super::traffic::Venue;
use super::{Target, Window};

/// What somebody costs who is just there.
#[derive(Debug, Args)]
pub(super) struct Idle {
    #[command(flatten)]
    pub(super) target: Target,
    #[command(flatten)]
    window: Window,
    /// How many connections
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    connections: u32,
    /// Connections of each person; the server allows 20 unless it is told otherwise
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    each: u32,
}

pub(super) async fn run(args: &Idle) -> Result<Report, Failure> {
    let (connections, each) = (args.connections as usize, args.each as usize);
    let admin = Admin::sign_in(&args.target).await?;
    let people = admin.people(Role::Customer, connections.div_ceil(each)).await?;
    let tokens = people.iter().flat_map(|person| std::iter::repeat_n(person.token.clone(), each));
    let tokens: Vec<String> = tokens.take(connections).collect();
    let figures = measure(&Venue::of(&args.target)?, &tokens, args.window).await?;
    admin.sign_out(people).await;
    let floor = if args.window.floor {
        let floor = Running::start()?;
        Some(measure(&floor.venue()?, &vec![floor::token(""); connections], args.window).await?)
    } else {
        None
    };
    let setting = format!("{connections} connections, {each} of each person");
    Ok(Report::new("idle", setting, &args.target.server, Some(args.window), figures, floor))
}

async fn measure(venue: &Venue, tokens: &[String], window: Window) -> Result<Figures, Failure> {
    let rss_before = venue.process.map(Process::rss_kib).transpose()?;
    let lines = open(&venue.address, tokens).await?;
    let connections = lines.len();
    let (end, ledger) = (CancellationToken::new(), Rc::new(RefCell::new(Ledger::new(0, []))));
    let mut tasks = JoinSet::new();
    for line in lines {
        tasks.spawn_local(sit(line, end.clone(), Rc::clone(&ledger)));
    }
    // What connecting left behind is put away meanwhile.
    sleep(Duration::from_secs(window.warmup)).await;
    let rss = venue.process.map(Process::rss_kib).transpose()?;
    let (began, cpu_before) = (Instant::now(), venue.process.map(Process::cpu).transpose()?);
    sleep(Duration::from_secs(window.seconds)).await;
    let (took, cpu) = (began.elapsed(), venue.process.map(Process::cpu).transpose()?);
    end.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|error| Failure::new(error.to_string()))?;
    }
    let used = Used::between(cpu_before.zip(cpu), rss_before.zip(rss));
    Ok(Figures::new(&ledger.borrow(), connections, took, used))
}

async fn open(address: &Address, tokens: &[String]) -> Result<Vec<Line>, Failure> {
    open_all(address, tokens.iter().map(String::as_str), ReadBuffer(1 << 10)).await
}

/// Reads what comes, which is nothing but signs of life, and answers those as the protocol wants it.
async fn sit(mut line: Line, end: CancellationToken, ledger: Rc<RefCell<Ledger>>) {
    let ended = async {
        loop {
            if let Err(failure) = line.next().await {
                return failure.what;
            }
        }
    };
    tokio::select! {
        why = ended => ledger.borrow_mut().broken(why),
        () = end.cancelled() => {}
    }
}
