use clap::Args;

use super::failure::Failure;
use super::report::Report;
use super::traffic::{Load, Plan};
use super::{Target, Window, measured};

/// One member of each conversation sends again as soon as it is answered, the others read.
#[derive(Debug, Args)]
pub(super) struct Max {
    #[command(flatten)]
    pub(super) target: Target,
    #[command(flatten)]
    window: Window,
    /// How many conversations
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    conversations: u32,
    /// People in each, with a connection each
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..=100))]
    members: u32,
    /// Messages of each sender that are not answered yet
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=200))]
    pipeline: u32,
    /// Length of a message, bytes
    #[arg(long, value_name = "BYTES", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    text: u32,
}

pub(super) async fn run(args: &Max) -> Result<Report, Failure> {
    let Max { conversations, members, pipeline, text, window, .. } = *args;
    let setting = format!("{conversations} conversations of {members}, {pipeline} unanswered in each");
    let load = Load::Closed { pipeline: pipeline as usize };
    let plan = Plan { load, text_bytes: text as usize, window };
    measured(&args.target, plan, "max", setting, conversations, members).await
}
