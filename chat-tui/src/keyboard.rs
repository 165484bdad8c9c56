//! What comes from the terminal, read by a thread of its own.
//!
//! When its terminal is gone, crossterm reads the end of it over and over and never comes back. Whoever waited for it would
//! then wait for ever, and be told of no signal either.

use std::io;

use crossterm::event::{Event, read};
use tokio::sync::mpsc::{Receiver, channel};

/// Keys that wait to be looked at; who types or pastes more than this meanwhile waits in the terminal.
const WAITING: usize = 256;

/// Keys, pastes and the like, in their order.
pub(crate) struct Keyboard(Receiver<io::Result<Event>>);

impl Keyboard {
    /// Reads until the program ends, so there should be one only.
    pub(crate) fn open() -> io::Result<Self> {
        let (sender, events) = channel(WAITING);
        let read_on = move || {
            loop {
                let event = read();
                let is_last = event.is_err();
                if sender.blocking_send(event).is_err() || is_last {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("keyboard".to_owned()).spawn(read_on)?;
        Ok(Self(events))
    }

    /// The next one; `None` after an error.
    pub(crate) async fn next(&mut self) -> Option<io::Result<Event>> {
        self.0.recv().await
    }
}
