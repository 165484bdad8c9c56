//! Telling people of what waits for them while they are not here: by mail, by push, or as the embedding program likes.

mod times;

/// By which way somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// To the address of their account.
    Mail,
    /// To the devices that asked for it.
    Push,
}
