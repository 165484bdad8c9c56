use std::cell::RefCell;
use std::time::Duration;

use clap::Args;
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use super::Target;
use super::accounts::Admin;
use super::failure::Failure;
use super::frame::{Heard, hear};
use super::line::{Address, Line, ReadBuffer};
use super::measure::{Latencies, Process};
use super::past::Past;
use super::report::{Figures, Report, Used};
use super::traffic::Venue;

/// Everybody's connection was cut, and they all come back: each with the place where they stopped, after which they
/// missed some messages of their own while the rest of the shop went on.
#[derive(Debug, Args)]
pub(super) struct Resume {
    #[command(flatten)]
    pub(super) target: Target,
    /// How many customers come back
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    connections: u32,
    /// How many messages each of them missed
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    missed: u32,
    /// How many messages others wrote to each other meanwhile
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    others: u32,
    /// Length of a message, bytes
    #[arg(long, value_name = "BYTES", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    text: u32,
}

/// When somebody is not back after so long, what they were not told yet counts as lost.
const BACK_WITHIN: Duration = Duration::from_mins(2);

/// How long it took them.
#[derive(Default)]
struct Returns {
    /// From the decision to connect to `live`.
    back: RefCell<Latencies>,
    /// From `hello` to `live`.
    told: RefCell<Latencies>,
}

pub(super) async fn run(args: &Resume) -> Result<Report, Failure> {
    let Resume { connections, missed, others, text, .. } = *args;
    let venue = Venue::of(&args.target)?;
    let admin = Admin::sign_in(&args.target).await?;
    let past = Past::begin(&admin, connections as usize, text as usize).await?;
    past.write(&venue.address, missed.into(), others.into()).await?;

    let rss_before = venue.process.map(Process::rss_kib).transpose()?;
    let (began, cpu_before) = (Instant::now(), venue.process.map(Process::cpu).transpose()?);
    past.ledger.borrow_mut().open_window();
    let returns = Returns::default();
    let coming = (0..past.customers.len()).map(|seat| come_back(&venue.address, &past, seat, began, &returns));
    // All at once; the connections stay until the last is back.
    let lines: Vec<Option<Line>> = stream::iter(coming).buffer_unordered(connections as usize).collect().await;
    let (took, cpu) = (began.elapsed(), venue.process.map(Process::cpu).transpose()?);
    let rss = venue.process.map(Process::rss_kib).transpose()?;
    drop(lines);

    let used = Used::between(cpu_before.zip(cpu), rss_before.zip(rss));
    let mut figures = Figures::new(&past.ledger.borrow(), connections as usize, took, used);
    figures.back_ms = returns.back.borrow().percentiles();
    figures.told_ms = returns.told.borrow().percentiles();
    admin.sign_out(past.into_people()).await;
    let setting = format!("{connections} customers come back, {missed} messages missed by each, {others} by others");
    Ok(Report::new("resume", setting, &args.target.server, None, figures, None))
}

/// `None`: they did not get there.
async fn come_back(address: &Address, past: &Past, seat: usize, began: Instant, returns: &Returns) -> Option<Line> {
    let back = timeout_at(began + BACK_WITHIN, async {
        let customer = &past.customers[seat];
        let (token, place) = (&customer.account.token, &customer.place);
        let mut line = Line::connect(address, ReadBuffer(4 << 10)).await?;
        let hello = Instant::now();
        line.greet(token, Some(place)).await?;
        while !enter(past, seat, &line.next().await?)? {}
        let now = Instant::now();
        returns.back.borrow_mut().record(now.duration_since(began));
        returns.told.borrow_mut().record(now.duration_since(hello));
        Ok::<_, Failure>(line)
    });
    match back.await.unwrap_or_else(|_| Err(Failure::new("not live in time"))) {
        Ok(line) => Some(line),
        Err(failure) => {
            past.ledger.borrow_mut().broken(failure.what);
            None
        }
    }
}

/// Enters a frame; `true`: everything was told.
fn enter(past: &Past, seat: usize, frame: &str) -> Result<bool, Failure> {
    match hear(frame, &past.run) {
        Heard::Message { conversation, seq, number } => {
            let mut ledger = past.ledger.borrow_mut();
            if conversation == past.customers[seat].conversation.id {
                ledger.delivered(seat, seq, number, Instant::now());
            } else {
                ledger.faults.strange += 1;
            }
            Ok(false)
        }
        Heard::Bye(why) => Err(Failure::new(why)),
        Heard::Live => Ok(true),
        _ => Ok(false),
    }
}
