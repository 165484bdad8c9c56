//! What the flags say.

use std::path::PathBuf;

use super::file::Entry;
use super::keys::{self, KEYS};
use super::{ConfigError, Given, Source};

/// The values of the flags. Only those that were given.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub(super) file: Option<PathBuf>,
    values: Vec<(&'static str, String)>,
}

impl Overrides {
    /// No flags.
    pub fn new() -> Self {
        Self::default()
    }

    /// The file of `--config`; it must exist.
    #[must_use]
    pub fn file(mut self, path: Option<PathBuf>) -> Self {
        self.file = path;
        self
    }

    /// The value of a flag, if it was given. The flag of `log.format` is called `--log-format`.
    #[must_use]
    pub fn set(mut self, path: &'static str, value: Option<impl Into<String>>) -> Self {
        self.values.extend(value.map(|value| (path, value.into())));
        self
    }

    pub(super) fn entries(&self) -> Result<Vec<Entry>, ConfigError> {
        let entry = |(path, value): &(&'static str, String)| {
            let flag = format!("--{}", path.replace(['.', '_'], "-"));
            let Some(named) = keys::find(path) else {
                let suggestion = keys::suggest(path);
                return Err(ConfigError::Unknown { at: Source::Flag(flag), name: (*path).to_owned(), suggestion });
            };
            if KEYS[named.index].secret && !named.in_file {
                return Err(ConfigError::SecretFlag { flag });
            }
            Ok(Entry { named, given: Given::Word(value.clone()), at: Source::Flag(flag) })
        };
        self.values.iter().map(entry).collect()
    }
}
