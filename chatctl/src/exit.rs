use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use chat_client::{Error, plain, plain_line};
use chat_proto::ErrorCode;

use crate::output::Style;

/// How the program ends, for scripts.
///
/// | code | meaning |
/// |---|---|
/// | 0 | done; checked and healthy |
/// | 1 | failed |
/// | 2 | wrong usage |
/// | 3 | cancelled or declined |
/// | 4 | not signed in, or forbidden |
/// | 5 | not found |
/// | 6 | conflict, or changed by somebody else meanwhile |
/// | 7 | the server cannot be reached, or the data folder is in use |
/// | 8 | checked, and it is not so: unhealthy, not allowed |
/// | 9 | partly done |
/// | 130 | interrupted |
/// | 141 | nobody reads the output any more |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Ok = 0,
    /// The server, or something that is none, answered with an error.
    Failed = 1,
    /// The command line makes no sense; clap ends with the same code.
    Usage = 2,
    /// The user would rather not.
    Declined = 3,
    /// Nobody is signed in, or may not do this.
    Denied = 4,
    /// There is no such thing.
    NotFound = 5,
    /// It is there already, or is not any more what it was.
    Conflict = 6,
    /// Nobody answers.
    Unreachable = 7,
    /// What was checked is not so: the server is not well, the policy does not allow it.
    Unhealthy = 8,
    /// Some of it is done.
    Partly = 9,
    /// Ctrl-C, as shells count it.
    Interrupted = 130,
    /// Nobody reads any more, as shells count it.
    Unread = 141,
}

/// Why a command did not do what it should.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server's or the network's word.
    Client(Error),
    /// A word of our own.
    Says { what: String, exit: Exit },
    /// Nothing that anybody would have to be told.
    Ended(Exit),
}

impl Failure {
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::Says { what: what.into(), exit: Exit::Usage }
    }

    pub(crate) fn says(what: impl Into<String>, exit: Exit) -> Self {
        Self::Says { what: what.into(), exit }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Client(error) => Exit::of(error),
            Self::Says { exit, .. } | Self::Ended(exit) => *exit,
        }
    }

    /// For programs: the problem itself, if the server gave one.
    fn problem(&self) -> serde_json::Value {
        let exit = self.exit() as u8;
        match self {
            Self::Client(Error::Refused(problem)) => serde_json::to_value(problem).unwrap_or_default(),
            Self::Client(error) => serde_json::json!({ "detail": error.to_string(), "exit_code": exit }),
            Self::Says { what, .. } => serde_json::json!({ "detail": what, "exit_code": exit }),
            Self::Ended(_) => serde_json::json!({ "exit_code": exit }),
        }
    }

    /// For people: what went wrong, and what to do about it.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Client(Error::Refused(problem)) if self.is_signed_out() => {
                // The server may advise the same.
                let detail = problem.detail.trim_end_matches("Sign in again.").trim_end();
                format!("{detail} ({}) Sign in again: chatctl login", problem.code)
            }
            Self::Client(error) if self.is_signed_out() => format!("{error}. Sign in again: chatctl login"),
            Self::Client(error) => error.to_string(),
            Self::Says { what, .. } => what.clone(),
            Self::Ended(_) => "interrupted".to_owned(),
        }
    }

    /// Whether the server knows no such session, or not any more.
    pub(crate) fn is_signed_out(&self) -> bool {
        let Self::Client(error) = self else { return false };
        matches!(error.code(), Some(ErrorCode::Unauthenticated | ErrorCode::TokenExpired | ErrorCode::TokenRevoked))
    }

    /// The same, with the server that it was about, unless it is in that server's own words.
    pub(crate) fn at(self, server: Option<&str>) -> Self {
        match (self, server) {
            (Self::Client(error), Some(server))
                if !matches!(error, Error::Refused(_) | Error::File(_) | Error::InvalidUrl(_)) =>
            {
                let exit = Exit::of(&error);
                Self::says(format!("{server}: {error}"), exit)
            }
            (failure, _) => failure,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::says(error.to_string(), Exit::Failed)
    }
}

impl Exit {
    /// The code that goes with this error.
    pub(crate) fn of(error: &Error) -> Self {
        use ErrorCode as Code;
        match error.code() {
            Some(
                Code::Unauthenticated
                | Code::InvalidCredentials
                | Code::TokenExpired
                | Code::TokenRevoked
                | Code::Forbidden,
            ) => return Self::Denied,
            Some(Code::NotFound) => return Self::NotFound,
            Some(Code::Conflict | Code::EmailTaken | Code::NewerMessages | Code::VersionMismatch) => {
                return Self::Conflict;
            }
            _ => {}
        }
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

/// How a command on several things ends: as the first failure when nothing was done, and partly when something was.
pub(crate) fn partly(done: usize, failures: &[(String, Failure)], style: &Style) -> Exit {
    let exit = match failures.first() {
        None => Exit::Ok,
        Some((_, failure)) if done == 0 => failure.exit(),
        Some(_) => Exit::Partly,
    };
    for (what, failure) in failures {
        if style.json {
            let told = serde_json::json!({ "what": what, "problem": failure.problem() });
            // Nobody may be reading.
            let _ = writeln!(io::stderr(), "{}", plain(&told.to_string()));
        } else {
            complain(&format!("{what}: {}", failure.sentence()), exit);
        }
    }
    exit
}

/// Says what went wrong, if anything did, and how to end.
pub(crate) fn end(done: Result<Exit, Failure>, style: &Style) -> Exit {
    let failure = match done {
        Ok(exit) | Err(Failure::Ended(exit)) => return exit,
        Err(failure) => failure,
    };
    if style.json { tell_program(&failure) } else { complain(&failure.sentence(), failure.exit()) }
}

/// Says what went wrong to a program, and how to end.
pub(crate) fn tell_program(failure: &Failure) -> Exit {
    // Nobody may be reading.
    let _ = writeln!(io::stderr(), "{}", plain(&failure.problem().to_string()));
    failure.exit()
}

/// Says what went wrong to a person, and how to end.
pub(crate) fn complain(what: &str, exit: Exit) -> Exit {
    // Nobody may be reading.
    let _ = writeln!(io::stderr(), "chatctl: {}", plain_line(what));
    exit
}

/// Writes to standard output. A reader that has heard enough is no failure: that ends the command without a word.
pub(crate) fn print(text: &str, exit: Exit) -> Exit {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => exit,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Exit::Unread,
        Err(error) => complain(&format!("cannot write the output: {error}"), Exit::Failed),
    }
}
