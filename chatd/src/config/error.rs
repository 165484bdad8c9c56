//! What can be wrong with a configuration, said so that it can be mended.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The embedded defaults.
    Default,
    /// A file, and the line in it, counted from one.
    File {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// A variable of the environment.
    Env(String),
    /// A flag, with its dashes.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What people named must not break out of the one line it is printed on.
        let line = |text: &str| text.replace(char::is_control, "\u{fffd}");
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: number } => write!(f, "{}:{number}", line(&path.to_string_lossy())),
            Self::Env(name) => write!(f, "env {}", line(name)),
            Self::Flag(name) => write!(f, "flag {}", line(name)),
        }
    }
}

/// Why a configuration cannot be used. Every text says where the fault is and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that is named, or a file that holds a secret, cannot be read.
    #[error("{at}: cannot read {}: {cause}", path.display())]
    Unreadable {
        /// What names the file.
        at: Source,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The file is no TOML.
    #[error("{at}: {message}")]
    Syntax {
        /// The first place where it is not.
        at: Source,
        /// What the parser says.
        message: String,
    },
    /// There is no such key.
    #[error("{at}: unknown key `{name}`{}", hint(suggestion.as_ref()))]
    Unknown {
        /// Where it stands.
        at: Source,
        /// The path, variable or flag as written.
        name: String,
        /// What may have been meant, in the same form.
        suggestion: Option<String>,
    },
    /// The value is not one that the key takes.
    #[error("{at}: `{key}` is {given}; expected {expected}")]
    Value {
        /// Where it stands.
        at: Source,
        /// The path of the key.
        key: &'static str,
        /// The value as written; stars for a secret.
        given: String,
        /// What the key takes.
        expected: &'static str,
    },
    /// A secret and its file are given side by side.
    #[error("{at}: `{key}` is also given as `{key}_file`; keep one of them")]
    Twice {
        /// Where the second one stands.
        at: Source,
        /// The path of the secret.
        key: &'static str,
    },
    /// A secret is given by a flag, where everyone on the machine can see it.
    #[error("{flag}: a secret cannot be a flag; use the file or the environment")]
    SecretFlag {
        /// The flag.
        flag: String,
    },
    /// The values are valid one by one, but not safe or not possible together.
    #[error("{}", problems.join("\n"))]
    Refused {
        /// Each a sentence that says what is wrong, and one that says how to mend it.
        problems: Vec<String>,
    },
}

fn hint(suggestion: Option<&String>) -> String {
    suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}
