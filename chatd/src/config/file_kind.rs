use std::fmt;
use std::str::FromStr;

use chatcore::attachments::KNOWN_KINDS;

/// A kind of files that can be told from what is in them, as its media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileKind(&'static str);

impl FileKind {
    /// The media type.
    pub const fn media_type(self) -> &'static str {
        self.0
    }
}

impl FromStr for FileKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let lower = text.to_ascii_lowercase();
        KNOWN_KINDS.into_iter().find(|kind| *kind == lower).map(Self).ok_or(())
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}
