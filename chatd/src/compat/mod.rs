//! The dialect of the Node backend that this server replaces, so that its front ends work by changing one address.
//!
//! It is another way to say the same things: whatever is asked here goes through the same [`Actor`](chatcore::Actor) and
//! [`Entrance`](chatcore::Entrance) as in `/api/v1`, so no rule stands here. What is different, and why, is written down
//! in `docs/migrate.md`.

pub(crate) mod caller;
pub(crate) mod ids;
pub(crate) mod shape;
