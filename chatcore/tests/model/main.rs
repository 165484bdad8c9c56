//! Both stores are given the same random commands, folded and restarted at random, and must show the same.
//!
//! `CHAT_PROPTEST_CASES` runs more cases than the usual 64. A failure prints its shortest sequence.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod accounts;
mod files;
mod imports;
mod letters;
mod notices;
mod side;
mod stores;
mod talk;

use std::fmt::Debug;
use std::sync::Arc;

use chatcore::store::memory::MemoryStore;
use chatcore::store::redb::RedbOptions;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use side::Side;
use stores::{Files, Memory, Redb};

/// What somebody does; people, conversations and names of messages are few, so that they meet.
#[derive(Clone, Debug)]
enum Act {
    Account(accounts::Act),
    Letter(letters::Act),
    Talk(talk::Act),
    File(files::Act),
    Notice(notices::Act),
    Import(imports::Act),
}

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Act>),
    /// Hours pass.
    Wait(u8),
    /// A piece of folding; how often.
    Maintain(u8),
    /// Forgets all but so many lines of the log, of those that are folded.
    Trim(u64),
    Reopen,
    Restart,
    Drop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => prop::collection::vec(act(), 0..12).prop_map(Step::Commit),
        1 => (1..30_u8).prop_map(Step::Wait),
        4 => (1..9_u8).prop_map(Step::Maintain),
        1 => (1..40_u64).prop_map(Step::Trim),
        1 => Just(Step::Reopen),
        1 => Just(Step::Restart),
        1 => Just(Step::Drop),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        14 => accounts::act().prop_map(Act::Account),
        4 => letters::act().prop_map(Act::Letter),
        48 => talk::act().prop_map(Act::Talk),
        12 => files::act().prop_map(Act::File),
        12 => notices::act().prop_map(Act::Notice),
        9 => imports::act().prop_map(Act::Import),
    ]
}

/// Somebody, by the order in which they came; the last ones are nobody at first.
fn who() -> impl Strategy<Value = u8> {
    0..7_u8
}

/// A conversation, the newest first.
fn conversation() -> impl Strategy<Value = u8> {
    0..6_u8
}

/// A session, the newest first; most have none to say.
fn session() -> impl Strategy<Value = Option<u8>> {
    prop::option::weighted(0.2, 0..4_u8)
}

fn rarely<T: Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.1, strategy)
}

#[test]
fn redb_shows_what_memory_shows() {
    #[expect(clippy::disallowed_methods, reason = "how long to test is not the engine's business")]
    let cases = std::env::var("CHAT_PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let steps = prop::collection::vec(step(), 1..80);
    let folding = (1..30_usize, 1..6_usize, any::<bool>());
    let run = TestRunner::new(config).run(&(steps, folding), |(steps, (fold_after, fold_rows, fold_beside))| {
        let options = RedbOptions { cache_bytes: 1 << 20, fold_after, fold_rows, fold_beside, epoch: 7 };
        let mut redb = Side::new(Box::new(Redb { files: Files::new(), options }));
        let mut memory = Side::new(Box::new(Memory(Arc::new(MemoryStore::new(7)))));
        for step in &steps {
            prop_assert_eq!(redb.step(step), memory.step(step), "after {:?}", step);
        }
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}
