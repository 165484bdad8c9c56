//! How far a file has come: a bar on a terminal, else a line now and then; nothing for what is quick.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::Instant;

use crate::output::{Style, bytes};
use crate::text::line;

/// What is done by then says nothing.
const QUICK: Duration = Duration::from_millis(500);
const REDRAW: Duration = Duration::from_millis(100);
/// Between two lines, where there is no terminal.
const LINES: Duration = Duration::from_secs(10);
const CELLS: usize = 24;

pub(crate) struct Progress {
    name: String,
    all: u64,
    /// Nobody wants to know.
    silent: bool,
    terminal: bool,
    next: Instant,
    drawn: bool,
}

impl Progress {
    pub(crate) fn new(name: &str, all: u64, style: &Style) -> Self {
        let terminal = io::stderr().is_terminal();
        let next = Instant::now() + if terminal { QUICK } else { LINES };
        Self { name: line(name), all, silent: style.quiet || style.json, terminal, next, drawn: false }
    }

    pub(crate) fn told(&mut self, done: u64) {
        let now = Instant::now();
        if self.silent || now < self.next {
            return;
        }
        let of = format!("{} of {}", bytes(done), bytes(self.all));
        // Nobody may be reading.
        let _ = if self.terminal {
            self.next = now + REDRAW;
            self.drawn = true;
            write!(io::stderr(), "\r\u{1b}[K[{}] {of}  {}", bar(done, self.all), self.name)
        } else {
            self.next = now + LINES;
            writeln!(io::stderr(), "{}: {of}", self.name)
        };
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

fn bar(done: u64, all: u64) -> String {
    let full =
        (done.min(all) * CELLS as u64).checked_div(all).and_then(|full| usize::try_from(full).ok()).unwrap_or(CELLS);
    "#".repeat(full) + &"-".repeat(CELLS - full)
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn a_bar_is_as_long_as_it_is() {
        assert_eq!(bar(0, 100), "-".repeat(24));
        assert_eq!(bar(50, 100), "#".repeat(12) + &"-".repeat(12));
        assert_eq!(bar(100, 100), "#".repeat(24));
        assert_eq!(bar(7, 0), "#".repeat(24));
        assert_eq!(bar(u64::MAX >> 5, u64::MAX >> 5), "#".repeat(24));
    }
}
