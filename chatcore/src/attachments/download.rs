//! The way of a file out of the chat: to whom sees the message that it was sent with, at the moment of asking.

use std::ops::Range;

use chat_proto::model::Attachment;
use chat_proto::{AttachmentId, ErrorCode};

use super::store::{AttachmentStore, FileBytes};
use crate::access::{Action, Relation};
use crate::actor::{Actor, Reading};
use crate::error::{Error, Result};
use crate::state::{AttachmentRow, Refusal, attachments};

/// A file that somebody may have, or its small picture.
#[derive(Clone, Debug)]
pub struct StoredFile {
    /// The attachment that it belongs to.
    pub attachment: Attachment,
    /// What is in it.
    pub content: StoredContent,
}

/// Bytes that somebody may have.
#[derive(Clone, Debug)]
pub struct StoredContent {
    /// What they are.
    pub media_type: String,
    /// How many.
    pub size: u64,
    /// Of them.
    pub sha256: [u8; 32],
    pub(super) store: AttachmentStore,
}

impl StoredFile {
    fn of(row: &AttachmentRow, store: AttachmentStore) -> Self {
        let file = &row.file;
        let (media_type, size, sha256) = (file.media_type.clone(), file.size, file.sha256);
        Self { attachment: file.shown(), content: StoredContent { media_type, size, sha256, store } }
    }

    fn thumbnail_of(row: &AttachmentRow, store: AttachmentStore) -> Option<Self> {
        let small = row.file.thumbnail.as_ref()?;
        let (media_type, size, sha256) = (small.media_type.clone(), small.size, small.sha256);
        Some(Self { attachment: row.file.shown(), content: StoredContent { media_type, size, sha256, store } })
    }

    /// Reads it whole.
    ///
    /// # Errors
    /// `unavailable` when it cannot be read.
    pub async fn read_all(&self) -> Result<Vec<u8>> {
        self.content.read_all().await
    }
}

impl StoredContent {
    /// Reads these of the bytes; what lies beyond the end is left out.
    ///
    /// # Errors
    /// `unavailable` when they cannot be read. `invalid` when none of them is in the range.
    pub async fn read(&self, range: Range<u64>) -> Result<FileBytes> {
        let range = range.start..range.end.min(self.size);
        if range.is_empty() {
            return Err(Error::invalid("", "The file has no bytes there."));
        }
        self.store.read(&self.sha256, range).await
    }

    /// Reads all of them.
    ///
    /// # Errors
    /// `unavailable` when they cannot be read.
    pub async fn read_all(&self) -> Result<Vec<u8>> {
        self.read(0..self.size).await?.all().await
    }
}

impl Actor {
    /// A file that was sent with a message that I can see, or that I have uploaded and not sent yet.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn attachment(&self, id: AttachmentId) -> Result<StoredFile> {
        let store = self.chat().engine().attachments.store.clone();
        Ok(StoredFile::of(&self.attachment_row(id).await?, store))
    }

    /// The small picture of such a file.
    ///
    /// # Errors
    /// `not_found`, also when it has none.
    pub async fn thumbnail(&self, id: AttachmentId) -> Result<StoredFile> {
        let store = self.chat().engine().attachments.store.clone();
        let row = self.attachment_row(id).await?;
        let none = || Error::new(ErrorCode::NotFound, "This attachment has no small picture.");
        StoredFile::thumbnail_of(&row, store).ok_or_else(none)
    }

    async fn attachment_row(&self, id: AttachmentId) -> Result<AttachmentRow> {
        self.read(move |me| me.attachment(id)).await
    }
}

impl Reading<'_> {
    /// An attachment that is mine to have; any other does not exist for me.
    fn attachment(&self, id: AttachmentId) -> Result<AttachmentRow> {
        let none = || Refusal::not_found("There is no such attachment.");
        let row = attachments::found(self.view, id)?.ok_or_else(none)?;
        let Some(place) = row.sent else {
            if !attachments::is_owner(self.view, &row, self.no)? {
                return Err(none().into());
            }
            self.require(Action::UploadAttachment, Relation::Stranger)?;
            return Ok(row);
        };
        let conversation = self.view.conversation(place.conversation)?.ok_or_else(none)?;
        match self.require(Action::DownloadAttachment, conversation.relation(self.no)) {
            Ok(()) => Ok(row),
            Err(error) if error.code() == ErrorCode::NotFound => Err(none().into()),
            Err(error) => Err(error),
        }
    }
}
