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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attachments::kind::Kind;
    use crate::attachments::picture::Format;

    #[test]
    fn every_kind_that_can_be_told_can_be_accepted() {
        let pictures = [Format::Png, Format::Jpeg, Format::Gif, Format::Webp].map(Kind::Picture);
        let documents = [Kind::Pdf, Kind::Docx, Kind::Xlsx, Kind::Pptx, Kind::Odt, Kind::Ods, Kind::Odp];
        let others = [Kind::Doc, Kind::Xls, Kind::Ppt, Kind::Text, Kind::Csv, Kind::Zip];
        let kinds: Vec<Kind> = pictures.into_iter().chain(documents).chain(others).collect();
        assert_eq!(kinds.len(), KNOWN_KINDS.len());
        for kind in kinds {
            assert!(Accepted::default().takes(Role::Customer, kind.media_type()), "{kind:?}");
        }
    }

    #[test]
    fn what_is_taken_of_one_role_is_said_for_it_alone() {
        let accepted = Accepted::kinds(["text/plain"]).of_role(Role::Customer, ["image/png"]);
        assert!(accepted.takes(Role::Agent, "text/plain") && !accepted.takes(Role::Agent, "image/png"));
        assert!(accepted.takes(Role::Customer, "image/png") && !accepted.takes(Role::Customer, "text/plain"));
    }
}
