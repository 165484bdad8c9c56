//! Files that people send with messages: kept, checked, and shown to nobody but those who see the message.

mod limits;

pub use limits::AttachmentLimits;
