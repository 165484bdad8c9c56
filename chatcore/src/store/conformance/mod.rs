//! The cases that every storage backend has to pass, and what they are told with: a [`Shop`] gives a store commands,
//! a [`Snapshot`] is everything that can be read from it.
//!
//! Cases assert through the traits alone. What must outlive folding and a restart is asserted in all the states that a
//! store can be in, see [`Shop::in_every_state`].

mod accounts;
mod attachments;
mod audit;
mod avatars;
mod conversations;
mod deletion;
mod imports;
mod letters;
mod log;
mod messages;
mod notices;
mod reading;
mod records;
mod sessions;
mod shop;
mod snapshot;
mod staff;
mod visitors;

use std::fmt::Debug;
use std::sync::Arc;

use libtest_mimic::Trial;

use super::Store;

pub use shop::{Acting, Shop, client_id};
pub use snapshot::Snapshot;

/// Where a case keeps its store.
pub trait Backend: Debug + Send {
    /// Opens the store. Called again it is a restart: what was committed before is there again. Whoever calls has let
    /// go of the store that was opened before.
    fn open(&self) -> Arc<dyn Store>;
}

struct Case {
    name: &'static str,
    run: fn(&mut Shop),
}

/// The cases of a file: the last thing in it. One that is left out is an unused function, which the compiler tells.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        pub(super) const CASES: &[super::Case] =
            &[$(super::Case { name: stringify!($case), run: $case }),+];
    };
}
use cases;

/// One trial for each case, each on a backend of its own.
pub fn trials<B: Backend + 'static>(name: &str, make: fn() -> B) -> Vec<Trial> {
    let files = [
        ("accounts", accounts::CASES),
        ("attachments", attachments::CASES),
        ("audit", audit::CASES),
        ("avatars", avatars::CASES),
        ("conversations", conversations::CASES),
        ("deletion", deletion::CASES),
        ("imports", imports::CASES),
        ("letters", letters::CASES),
        ("log", log::CASES),
        ("messages", messages::CASES),
        ("notices", notices::CASES),
        ("reading", reading::CASES),
        ("sessions", sessions::CASES),
        ("visitors", visitors::CASES),
        ("staff", staff::CASES),
    ];
    let cases = files.into_iter().flat_map(|(file, cases)| cases.iter().map(move |case| (file, case)));
    let trial = |(file, case): (&str, &'static Case)| {
        Trial::test(format!("{name}::{file}::{}", case.name), move || {
            (case.run)(&mut Shop::open(Box::new(make())));
            Ok(())
        })
    };
    cases.map(trial).collect()
}
