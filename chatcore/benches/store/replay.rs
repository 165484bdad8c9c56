//! Opening after `kill -9`: another process fills a store and is killed while it writes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use chatcore::store::Store;

use crate::measure::{median, now};
use crate::shop::{self, Dice, Hand, Shop};
use crate::{Asked, Result};

/// With this argument and a folder, the program is the one that will be killed.
pub(crate) const CHILD: &str = "--fill-until-killed";

const AGENTS: usize = 20;
const CONVERSATIONS: usize = 20_000;
const READY: &str = "writing";

fn messages(quick: bool) -> usize {
    if quick { 50_000 } else { 1_000_000 }
}

pub(crate) fn run(asked: Asked) -> Result<()> {
    let rounds = if asked.quick { 2 } else { 5 };
    let folder = tempfile::tempdir()?;
    let mut opened = Vec::new();
    let mut events = 0;
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe()?);
        child.arg(CHILD).arg(folder.path()).stdout(Stdio::piped());
        if asked.quick {
            child.arg("--quick");
        }
        let mut child = child.spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("the child has no output")?).lines();
        let ready = lines.next().transpose()?;
        // At different moments between two folds, and in the middle of commits.
        std::thread::sleep(Duration::from_millis(300 + 37 * round));
        child.kill()?;
        child.wait()?;
        if ready.as_deref() != Some(READY) {
            return Err("the child broke off".into());
        }
        let opening = now();
        let store = shop::open(folder.path())?;
        let view = store.view();
        opened.push(opening.elapsed().as_secs_f64() * 1e3);
        events = view.position().0;
    }
    let slowest = opened.iter().copied().fold(0.0, f64::max);
    println!(
        "Opening after kill -9, {events} events: median {:.0} ms, slowest {slowest:.0} ms of {rounds}\n",
        median(opened)
    );
    Ok(())
}

/// Fills the store when it is new, says so, and writes on for ever.
pub(crate) fn child(folder: &Path, quick: bool) -> Result<()> {
    let shop = Shop::new(AGENTS, CONVERSATIONS);
    let store = shop::open(folder)?;
    if store.view().position().0 == 0 {
        shop.fill(&store, messages(quick))?;
    }
    println!("{READY}");
    let mut hand = Hand::new(&store);
    let mut dice = Dice::new(store.view().position().0);
    loop {
        hand.commit((0..64).map(|_| shop.send(dice.below(CONVERSATIONS), &mut dice)).collect())?;
    }
}
