//! The delivery contract under everything that can go wrong, as a simulation: people act on several devices, devices
//! come and go and read slowly, the server crashes around its commits, the log is trimmed under its readers, a backup is
//! restored. At the end each device holds what a fresh snapshot shows, no event was applied twice or out of order, and
//! each message that was sent exists once.
//!
//! A history follows from its seed alone: time and randomness come from outside, and one step ends before the next
//! begins. `CHAT_SIM_HISTORIES` runs more than the usual number, from the seed `CHAT_SIM_SEED` on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod device;
mod dice;
mod held;
mod sabotage;
mod server;
mod world;

use sabotage::Sabotage;
use world::World;

const HISTORIES: u64 = 500;
const STEPS: usize = 80;

/// Runs one history, and tells what came of it; the error says what went wrong and what led to it.
fn history(seed: u64, sabotage: Sabotage) -> Result<String, String> {
    // Paused time moves on by itself when nothing can happen any more: that is how a device knows that it waits in vain.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::open(seed, sabotage).await;
        for _ in 0..STEPS {
            world.step().await?;
        }
        world.settle().await?;
        Ok(world.outcome())
    })
}

#[expect(clippy::disallowed_methods, reason = "how long to test is not the engine's business")]
fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn whatever_happens_every_device_ends_with_what_a_fresh_snapshot_shows() {
    let first = number("CHAT_SIM_SEED", 1);
    for seed in first..first + number("CHAT_SIM_HISTORIES", HISTORIES) {
        if let Err(failure) = history(seed, Sabotage::None) {
            panic!("seed {seed}: {failure}");
        }
    }
}

/// A contract that is broken on purpose must be found out, or the simulation proves nothing.
#[test]
fn a_broken_contract_is_found_out() {
    for sabotage in Sabotage::ALL {
        let found = (1..=300).find(|seed| history(*seed, sabotage).is_err());
        assert!(found.is_some(), "{sabotage:?} was not noticed");
    }
}

#[test]
fn a_history_follows_from_its_seed() {
    for seed in [3, 4] {
        let outcome = history(seed, Sabotage::None).unwrap();
        assert_eq!(history(seed, Sabotage::None), Ok(outcome.clone()));
        assert_ne!(history(seed + 2, Sabotage::None), Ok(outcome), "another seed is another history");
    }
    // What goes wrong goes wrong again.
    let broken = (1..=300).find_map(|seed| Some((seed, history(seed, Sabotage::EventLost).err()?)));
    let (seed, failure) = broken.unwrap();
    assert_eq!(history(seed, Sabotage::EventLost), Err(failure));
}
