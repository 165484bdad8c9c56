//! A picture of everything that a user interface shows, kept up to date: a snapshot first, then differences.

mod apply;
mod conversations;
mod diff;
mod driver;
mod inbox;
mod load;
mod naming;
mod options;
mod outgoing;
mod passing;
mod snapshot;
#[cfg(test)]
mod tests;
mod thread;
mod wanted;

pub use diff::Diff;
pub use driver::Watch;
pub use inbox::Inbox;
pub use options::WatchOptions;
pub use outgoing::Outgoing;
pub use thread::Thread;
