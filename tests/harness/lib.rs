//! What the tests of the whole server share: servers, people, raw HTTP and raw sockets.
//!
//! Nothing here waits for a fixed time. What is waited for is a condition, and [`DEADLINE`] is when a test gives up.

mod authority;
mod bucket;
mod cutter;
mod dice;
mod door;
mod engine_io;
mod event_source;
mod gate;
pub mod history;
mod http;
mod in_process;
mod server;
mod socket;
mod tmux;
mod wait;

pub use authority::Authority;
pub use bucket::Bucket;
pub use cutter::Cutter;
pub use dice::Dice;
pub use door::{Door, Person};
pub use engine_io::EngineIo;
pub use event_source::{EventSource, Sent};
pub use gate::Gate;
pub use http::{Answer, Request};
pub use in_process::{InProcess, Options};
pub use server::{Finished, Server, run};
pub use socket::{Frame, Socket, name_of};
pub use tmux::{Terminal, Tmux};
pub use wait::{DEADLINE, eventually, option};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";
