use chat_client::local_file_name;
use chat_proto::model::Attachment;
use chat_proto::{AttachmentId, ConversationId};

use super::Composer;
use crate::safe;
use crate::text::size;

/// The most files with one message.
pub(crate) const MOST_FILES: usize = 10;

/// A file that goes with the message that is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chip {
    /// Which upload it is; unlike an id it is known from the beginning.
    pub(crate) number: u64,
    /// Where it is, as it was typed; empty for what an earlier run uploaded.
    pub(crate) path: String,
    /// Made safe.
    pub(crate) name: String,
    pub(crate) stage: Stage,
}

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Uploading {
        done: u64,
        all: u64,
    },
    Ready(Box<Attachment>),
    /// Why; it can be tried again.
    Failed(String),
}

impl Chip {
    pub(crate) fn new(number: u64, path: &str) -> Self {
        let name = safe::line(path.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
        Self { number, path: path.to_owned(), name, stage: Stage::Uploading { done: 0, all: 0 } }
    }

    /// One that is on the server already.
    pub(crate) fn ready(number: u64, file: Attachment) -> Self {
        Self { number, path: String::new(), name: safe::line(&file.name), stage: Stage::Ready(Box::new(file)) }
    }

    pub(crate) fn attachment(&self) -> Option<&Attachment> {
        match &self.stage {
            Stage::Ready(file) => Some(file),
            _ => None,
        }
    }

    /// What stands behind its name.
    pub(crate) fn about(&self) -> String {
        match &self.stage {
            Stage::Uploading { done, all } => format!("uploading {}", bar(*done, *all)),
            Stage::Ready(file) => size(file.size),
            Stage::Failed(why) => format!("failed: {why}"),
        }
    }
}

/// How much of something is done: eight cells and a percentage.
pub(crate) fn bar(done: u64, all: u64) -> String {
    let part =
        |of: u64| u64::try_from(u128::from(done.min(all)) * u128::from(of) / u128::from(all.max(1))).unwrap_or(of);
    let cells = usize::try_from(part(8)).unwrap_or(8);
    format!("{}{} {} %", "#".repeat(cells), "-".repeat(8 - cells), part(100))
}

/// A file of a message, made safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileOf {
    pub(crate) id: AttachmentId,
    pub(crate) name: String,
    /// What kind it is, and how large.
    pub(crate) about: String,
    /// What it is called when it is saved.
    pub(crate) local: String,
}

impl FileOf {
    pub(crate) fn of(file: &Attachment) -> Self {
        let pixels = match (file.width, file.height) {
            (Some(width), Some(height)) => format!(", {width} x {height}"),
            _ => String::new(),
        };
        Self {
            id: file.id,
            name: safe::line(&file.name),
            about: format!("{}{pixels}, {}", safe::line(&file.media_type), size(file.size)),
            local: safe::line(&local_file_name(&file.name)),
        }
    }

    /// As it stands below the text.
    pub(crate) fn line(&self) -> String {
        format!("[{}  {}]", self.name, self.about)
    }
}

/// A path that is being typed.
#[derive(Debug)]
pub(crate) struct PathPrompt {
    pub(crate) of: PathOf,
    pub(crate) path: Composer,
    /// What could be meant.
    pub(crate) found: Vec<String>,
}

/// What the path is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathOf {
    /// A file to go with the message in this conversation.
    Attach(ConversationId),
    /// Where a file is saved. `taken`: such a file is there, and replaced if that is said again.
    Save { file: FileOf, taken: Option<String> },
}

/// A file that is being saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Saving {
    pub(crate) name: String,
    pub(crate) done: u64,
    pub(crate) all: u64,
}
