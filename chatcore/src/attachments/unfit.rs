use std::borrow::Cow;
use std::io;

use chat_proto::ErrorCode;

use super::store::is_full;

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// It is of a kind that is not taken; the sentence says which, and what to do about it.
    #[error("{0}")]
    Kind(Cow<'static, str>),
    /// A picture with more pixels, or that needs more memory, than is allowed.
    #[error("{0}")]
    TooLarge(Cow<'static, str>),
    /// It begins like a picture, and is none.
    #[error("{0}")]
    Damaged(&'static str),
    /// It could not be read, or what came of it not written.
    #[error("the file could not be read or written")]
    File(#[source] io::Error),
}

impl Unfit {
    /// The word for it on the wire.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Kind(_) => ErrorCode::UnsupportedMediaType,
            Self::TooLarge(_) => ErrorCode::TooLarge,
            Self::Damaged(_) => ErrorCode::Invalid,
            Self::File(error) if is_full(error) => ErrorCode::StorageFull,
            Self::File(_) => ErrorCode::Internal,
        }
    }
}

impl From<io::Error> for Unfit {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("The file ends before the picture does."),
            _ => Self::File(error),
        }
    }
}
