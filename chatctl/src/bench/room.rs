use clap::Args;

use super::failure::Failure;
use super::report::Report;
use super::traffic::{Load, Plan};
use super::{Target, Window, measured};

/// A message to many: what a delivery costs.
#[derive(Debug, Args)]
pub(super) struct Room {
    #[command(flatten)]
    pub(super) target: Target,
    #[command(flatten)]
    window: Window,
    /// People in the conversation, with a connection each
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    connections: u32,
    /// Messages a second, in all
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Length of a message, bytes
    #[arg(long, value_name = "BYTES", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    text: u32,
}

pub(super) async fn run(args: &Room) -> Result<Report, Failure> {
    let Room { connections, rate, text, window, .. } = *args;
    let setting = format!("1 conversation of {connections}, {rate} messages/s");
    let plan = Plan { load: Load::Open { rate }, text_bytes: text as usize, window };
    measured(&args.target, plan, "room", setting, 1, connections).await
}
