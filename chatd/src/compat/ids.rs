//! Ids in the dialect of the replaced backend.
//!
//! What was brought over from it is shown under the `ObjectId` that it had there; what was made here has none, and is
//! shown as everywhere else. On the way in both forms are taken.

use std::fmt;
use std::str::FromStr;

use crate::problem::Refused;
use chat_proto::{ConversationId, MessageId, ObjectId, UserId};

/// An id that the replaced backend had too.
pub(crate) trait Id: Copy + fmt::Display + FromStr + From<ObjectId> {
    /// What it names.
    const NOUN: &'static str;

    /// As stored.
    fn bytes(self) -> [u8; 16];
}

macro_rules! ids {
    ($($id:ident = $noun:literal),+) => {$(
        impl Id for $id {
            const NOUN: &'static str = $noun;

            fn bytes(self) -> [u8; 16] {
                self.to_bytes()
            }
        }
    )+};
}

ids!(UserId = "user", ConversationId = "conversation", MessageId = "message");

/// An id as it is shown: 24 hexadecimal digits when it has an `ObjectId`, else the `TypeID`.
pub(crate) fn shown<I: Id>(id: I) -> String {
    ObjectId::of(id.bytes()).map_or_else(|| id.to_string(), |old| old.to_string())
}

/// An id in either form; `None`: it is neither.
pub(crate) fn read<I: Id>(text: &str) -> Option<I> {
    text.parse::<ObjectId>().map(I::from).ok().or_else(|| text.parse().ok())
}

/// The id in a path.
pub(super) fn in_path<I: Id>(text: &str) -> Result<I, Refused> {
    at("path", text)
}

/// The id that stands there.
pub(super) fn at<I: Id>(pointer: &str, text: &str) -> Result<I, Refused> {
    read(text).ok_or_else(|| Refused::invalid(pointer, format!("This is not the id of a {}.", I::NOUN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "507f1f77bcf86cd799439011";
    const NEW: &str = "user_01h455vb4pex5vsknk084sn02q";

    #[test]
    fn what_was_brought_over_keeps_its_id_and_what_was_made_here_has_one_of_ours() {
        let old: UserId = read(OLD).expect("an id");
        assert_eq!(shown(old), OLD);
        assert_eq!(read(&old.to_string()), Some(old), "its other form means the same");
        assert_eq!(read(&OLD.to_uppercase()), Some(old));
        assert_eq!(shown(read::<UserId>(NEW).expect("an id")), NEW);
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["", "1", "507f1f77bcf86cd79943901", "conv_01h455vb4pex5vsknk084sn02q", "user_", "$gt"] {
            assert_eq!(read::<UserId>(text), None, "{text:?}");
        }
    }
}
