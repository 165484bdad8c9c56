use std::fmt::Display;

use crate::exit::Exit;

/// Why there are no figures.
#[derive(Debug)]
pub(super) struct Failure {
    /// For a person.
    pub(super) what: String,
    pub(super) exit: Exit,
}

impl Failure {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), exit: Exit::Failed }
    }

    pub(super) fn usage(what: impl Into<String>) -> Self {
        Self { what: what.into(), exit: Exit::Usage }
    }

    /// The same, saying what was being done.
    pub(super) fn during(self, what: impl Display) -> Self {
        Self { what: format!("{what}: {}", self.what), ..self }
    }
}

impl From<chat_client::Error> for Failure {
    fn from(error: chat_client::Error) -> Self {
        Self { what: error.to_string(), exit: Exit::of(&error) }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}
