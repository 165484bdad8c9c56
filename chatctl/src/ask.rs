//! Questions to whoever sits at the terminal. Ctrl-C ends them as it ends everything else, and leaves the terminal as it
//! was.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::oneshot;

use crate::exit::{Exit, Failure};
use crate::text;

/// Whether there is somebody to ask.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal()
}

/// Asks for a line; `None` at the end of the input.
pub(crate) async fn line(question: &str) -> Result<Option<String>, Failure> {
    Asking::begin(question, Echo::On)?.answered().await
}

/// Asks for a line that does not appear while it is typed; `None` at the end of the input.
pub(crate) async fn hidden(question: &str) -> Result<Option<String>, Failure> {
    Asking::begin(question, Echo::Off)?.answered().await
}

/// The first line of standard input, which is no terminal; `None` when there is none.
pub(crate) async fn piped_line() -> Result<Option<String>, Failure> {
    read(first_line).await
}

/// All of standard input, as text.
pub(crate) async fn everything() -> Result<String, Failure> {
    read(|| io::read_to_string(io::stdin())).await
}

/// Reads on a thread of its own: nothing ends a read of a terminal, but whoever waits for it can be interrupted, and the
/// thread ends with the program.
async fn read<T: Send + 'static>(reading: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Failure> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || tell.send(reading()));
    tokio::select! {
        read = told => Ok(read.map_err(io::Error::other)??),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            Err(Failure::Ended(Exit::Interrupted))
        }
    }
}

fn first_line() -> io::Result<Option<String>> {
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let text = line.strip_suffix('\n').unwrap_or(&line);
    Ok(Some(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

#[derive(Clone, Copy)]
enum Echo {
    On,
    Off,
}

/// A question that is on the screen. Whichever way it ends, the terminal is as it was before.
struct Asking {
    modes: Option<Termios>,
    is_answered: bool,
}

impl Asking {
    fn begin(question: &str, echo: Echo) -> Result<Self, Failure> {
        let modes = match echo {
            Echo::On => None,
            Echo::Off => Some(tcgetattr(io::stdin()).map_err(io::Error::from)?),
        };
        let asking = Self { modes, is_answered: false };
        if let Some(modes) = &asking.modes {
            let mut hidden = modes.clone();
            hidden.local_modes.remove(LocalModes::ECHO);
            // That the line is over is seen all the same.
            hidden.local_modes.insert(LocalModes::ECHONL);
            // What was typed before the question is no answer to it.
            tcsetattr(io::stdin(), OptionalActions::Flush, &hidden).map_err(io::Error::from)?;
        }
        write!(io::stderr(), "{} ", text::lines(question))?;
        Ok(asking)
    }

    async fn answered(mut self) -> Result<Option<String>, Failure> {
        let answer = read(first_line).await?;
        self.is_answered = answer.is_some();
        Ok(answer)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(modes) = &self.modes {
            // Without a terminal there is nothing to give back.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, modes);
        }
        if !self.is_answered {
            // Whatever is said next begins a line of its own.
            let _ = writeln!(io::stderr());
        }
    }
}
