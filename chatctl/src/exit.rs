use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use chat_client::{Error, plain_line};

/// How the program ends, for scripts.
///
/// | code | meaning |
/// |---|---|
/// | 0 | done; checked and healthy |
/// | 1 | failed |
/// | 2 | wrong usage |
/// | 7 | the server cannot be reached |
/// | 8 | checked and unhealthy |
///
/// Kept free for commands to come: 3 cancelled or declined, 4 not signed in or forbidden, 5 not found, 6 conflict,
/// 9 partly done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exit {
    /// Done.
    Ok = 0,
    /// The server, or something that is none, answered with an error.
    Failed = 1,
    /// The command line makes no sense; clap ends with the same code.
    Usage = 2,
    /// Nobody answers.
    Unreachable = 7,
    /// The server answers, and is not well.
    Unhealthy = 8,
}

impl Exit {
    /// The code that goes with this error.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::InvalidUrl(_) => Self::Usage,
            Error::Transport(_) | Error::Timeout | Error::Closed(_) => Self::Unreachable,
            // A proxy answers, and nobody behind it.
            Error::Status(status) if matches!(status.as_u16(), 502..=504) => Self::Unreachable,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Says what went wrong to a person, and how to end.
pub(crate) fn complain(what: &str, exit: Exit) -> Exit {
    // Nobody may be reading.
    let _ = writeln!(std::io::stderr(), "chatctl: {}", plain_line(what));
    exit
}

/// Writes to standard output; a reader that has heard enough is no failure.
pub(crate) fn print(text: &str, exit: Exit) -> Exit {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(&format!("cannot write the output: {error}"), Exit::Failed)
        }
        _ => exit,
    }
}
