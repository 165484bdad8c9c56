/// A way to break the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    None,
    /// The heartbeat's cursor passes events that wait to be told.
    PingAhead,
    /// Nobody is told that they were put out.
    RevokeLost,
    /// An event is not told.
    EventLost,
    /// Two events are told in the wrong order.
    Swapped,
    /// A cursor that cannot be followed is answered with what is new, and the device goes on with what it holds.
    ResetIgnored,
    /// A snapshot's cursor is of the moment after it was read.
    LateAsOf,
    /// A message that was not acknowledged is sent again under another name.
    OtherName,
    /// A commit is acknowledged before it is on disk.
    AckBeforeDisk,
}

impl Sabotage {
    pub(crate) const ALL: [Self; 8] = [
        Self::PingAhead,
        Self::RevokeLost,
        Self::EventLost,
        Self::Swapped,
        Self::ResetIgnored,
        Self::LateAsOf,
        Self::OtherName,
        Self::AckBeforeDisk,
    ];
}
