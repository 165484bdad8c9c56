//! Files that people send with messages: kept, checked, and shown to nobody but those who see the message.

pub mod kind;
mod limits;
pub mod picture;
mod unfit;

pub use limits::AttachmentLimits;
pub use unfit::Unfit;
