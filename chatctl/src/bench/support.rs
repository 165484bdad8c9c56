use clap::Args;

use super::failure::Failure;
use super::report::Report;
use super::traffic::{Load, Plan};
use super::{Target, Window, measured};

/// What an ordinary day is like, only faster: conversations of a customer, an agent and whoever helps, all writing.
#[derive(Debug, Args)]
pub(super) struct Support {
    #[command(flatten)]
    pub(super) target: Target,
    #[command(flatten)]
    window: Window,
    /// How many conversations
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    conversations: u32,
    /// People in each, with a connection each
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..=100))]
    members: u32,
    /// Messages a second, in all
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Length of a message, bytes
    #[arg(long, value_name = "BYTES", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    text: u32,
}

pub(super) async fn run(args: &Support) -> Result<Report, Failure> {
    let Support { conversations, members, rate, text, window, .. } = *args;
    let setting = format!("{conversations} conversations of {members}, {rate} messages/s");
    let plan = Plan { load: Load::Open { rate }, text_bytes: text as usize, window };
    measured(&args.target, plan, "support", setting, conversations, members).await
}
