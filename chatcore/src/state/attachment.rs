//! What is stored of files that go with messages; their contents lie apart, each once, under their SHA-256.

use chat_proto::model::{Attachment, Thumbnail};
use chat_proto::{AttachmentId, Seq, Timestamp};
use data_encoding::HEXLOWER;
use minicbor::{Decode, Encode};

use super::{ConversationNo, UserNo, cbor};
use crate::store::{StoreError, StoreErrorKind};

/// A file that somebody has uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct AttachmentRow {
    #[n(0)]
    pub file: FileRow,
    /// Who may send it.
    #[cbor(n(1), with = "cbor::user_no")]
    pub owner: UserNo,
    #[cbor(n(2), with = "cbor::timestamp")]
    pub created_at: Timestamp,
    /// The message that it was sent with; without one, only its owner knows of it.
    #[n(3)]
    pub sent: Option<Place>,
}

/// What everybody sees of a file who sees the message. A copy of it stands with the message, so that a page of messages
/// is read without looking for their files.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct FileRow {
    #[cbor(n(0), with = "cbor::attachment_id")]
    pub id: AttachmentId,
    #[n(1)]
    pub name: String,
    #[n(2)]
    pub media_type: String,
    #[n(3)]
    pub size: u64,
    /// Of what is handed out, and where it lies.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub sha256: [u8; 32],
    #[n(5)]
    pub width: Option<u32>,
    #[n(6)]
    pub height: Option<u32>,
    #[n(7)]
    pub thumbnail: Option<ThumbnailRow>,
}

/// A small picture of a picture.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ThumbnailRow {
    #[n(0)]
    pub media_type: String,
    #[n(1)]
    pub width: u32,
    #[n(2)]
    pub height: u32,
    #[n(3)]
    pub size: u64,
    #[cbor(n(4), with = "minicbor::bytes")]
    pub sha256: [u8; 32],
}

/// A message's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Place {
    #[cbor(n(0), with = "cbor::conversation_no")]
    pub conversation: ConversationNo,
    #[cbor(n(1), with = "cbor::seq")]
    pub seq: Seq,
}

impl AttachmentRow {
    pub(crate) fn encoded(&self) -> Vec<u8> {
        minicbor::to_vec(self).unwrap_or_default()
    }

    pub(crate) fn decoded(row: &[u8]) -> Result<Self, StoreError> {
        minicbor::decode(row).map_err(|error| StoreError::new(StoreErrorKind::Corrupt, error))
    }
}

impl FileRow {
    pub fn shown(&self) -> Attachment {
        let thumbnail = self.thumbnail.as_ref();
        Attachment {
            id: self.id,
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            size: self.size,
            sha256: HEXLOWER.encode(&self.sha256),
            width: self.width,
            height: self.height,
            thumbnail: thumbnail.map(|small| Thumbnail {
                media_type: small.media_type.clone(),
                width: small.width,
                height: small.height,
            }),
        }
    }

    /// The contents that have to be kept for it.
    pub fn contents(&self) -> impl Iterator<Item = [u8; 32]> {
        [Some(self.sha256), self.thumbnail.as_ref().map(|small| small.sha256)].into_iter().flatten()
    }

    /// How many bytes they are.
    pub fn bytes(&self) -> u64 {
        self.size + self.thumbnail.as_ref().map_or(0, |small| small.size)
    }
}
