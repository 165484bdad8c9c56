use std::collections::HashMap;

use chat_proto::{ErrorCode, Role};

use crate::state::Refusal;

/// What may be sent with messages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttachmentLimits {
    /// The largest file, bytes. Default 5 MiB.
    pub bytes: u64,
    /// The most files with one message. Default 10.
    pub per_message: usize,
    /// How much one person may upload in a day of UTC, bytes as they are kept. Default 1 GiB.
    pub bytes_per_day: u64,
    /// So much of the disk is left free, bytes: what is uploaded must not take the database's room. Default 512 MiB.
    pub keep_free: u64,
    /// Of which kinds.
    pub accepted: Accepted,
}

/// Which kinds of files are taken, as media types, and from whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    from_all: Vec<String>,
    from_role: HashMap<Role, Vec<String>>,
}

/// All kinds that can be told from what is in a file: pictures, PDF, office documents, text and tables, archives.
pub const KNOWN_KINDS: [&str; 17] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "text/plain",
    "text/csv",
    "application/zip",
];

impl Default for AttachmentLimits {
    fn default() -> Self {
        Self {
            bytes: 5 << 20,
            per_message: 10,
            bytes_per_day: 1 << 30,
            keep_free: 512 << 20,
            accepted: Accepted::default(),
        }
    }
}

impl Default for Accepted {
    /// All that are known, from everybody.
    fn default() -> Self {
        Self::kinds(KNOWN_KINDS)
    }
}

impl Accepted {
    /// These, from everybody.
    #[must_use]
    pub fn kinds<S: Into<String>>(media_types: impl IntoIterator<Item = S>) -> Self {
        Self { from_all: media_types.into_iter().map(Into::into).collect(), from_role: HashMap::new() }
    }

    /// Of people of this role only these instead.
    #[must_use]
    pub fn of_role<S: Into<String>>(mut self, role: Role, media_types: impl IntoIterator<Item = S>) -> Self {
        self.from_role.insert(role, media_types.into_iter().map(Into::into).collect());
        self
    }

    /// Whether files of this kind are taken of people of this role.
    #[must_use]
    pub fn takes(&self, role: Role, media_type: &str) -> bool {
        self.from_role.get(&role).unwrap_or(&self.from_all).iter().any(|kind| kind == media_type)
    }
}

impl AttachmentLimits {
    pub(crate) fn require_kind(&self, role: Role, media_type: &str) -> Result<(), Refusal> {
        if self.accepted.takes(role, media_type) {
            return Ok(());
        }
        let detail = format!("Files of this kind ({media_type}) are not taken here.");
        Err(Refusal::new(ErrorCode::UnsupportedMediaType, detail))
    }
}
