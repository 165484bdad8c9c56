//! What the store costs: durable sends, replay after a crash, and the pages that every screen begins with.
//!
//! `cargo bench -p chatcore --bench store -- [--quick] [--messages-10m] [--only sends|replay|pages] [--at-once 256]`
//!
//! Everything happens in a temporary folder and ends by itself. The figures in `docs/performance.md` come from here.

#![expect(clippy::print_stdout, reason = "a table on the terminal is what this program is for")]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded to three places anyway")]

mod measure;
mod pages;
mod raw;
mod replay;
mod sends;
mod shop;

use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    quick: bool,
    messages_10m: bool,
    /// Only with so many writers.
    at_once: Option<usize>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let after = |flag: &str| arguments.iter().skip_while(|argument| *argument != flag).nth(1);
    if let Some(folder) = after(replay::CHILD) {
        return replay::child(folder.as_ref(), has("--quick"));
    }
    let at_once = after("--at-once").map(|writers| writers.parse()).transpose()?;
    let asked = Asked { quick: has("--quick"), messages_10m: has("--messages-10m"), at_once };
    let only = after("--only");
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    if wanted("sends") {
        sends::run(asked)?;
    }
    if wanted("replay") {
        replay::run(asked)?;
    }
    if wanted("pages") {
        pages::run(asked)?;
    }
    Ok(())
}
