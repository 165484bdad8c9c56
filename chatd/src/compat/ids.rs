//! Ids in the dialect of the replaced backend.
//!
//! What was brought over from it is shown under the `ObjectId` that it had there; what was made here has none, and is
//! shown as everywhere else. On the way in both forms are taken.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use chat_proto::{ConversationId, MessageId, ObjectId, UserId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

/// An id that is read in either form and shown as the dialect does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Either<I>(pub(crate) I);

impl<I: Id> Serialize for Either<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&shown(self.0))
    }
}

impl<'de, I: Id> Deserialize<'de> for Either<I> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<I>(PhantomData<I>);
        impl<I: Id> serde::de::Visitor<'_> for Text<I> {
            type Value = Either<I>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "the id of a {}", I::NOUN)
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Either<I>, E> {
                let none = || E::custom(format_args!("This is not the id of a {}.", I::NOUN));
                read(text).map(Either).ok_or_else(none)
            }
        }
        deserializer.deserialize_str(Text(PhantomData))
    }
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
        let json: Either<UserId> = serde_json::from_str(&format!("{OLD:?}")).expect("an id");
        assert_eq!(serde_json::to_string(&json).expect("JSON"), format!("{OLD:?}"));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["", "1", "507f1f77bcf86cd79943901", "conv_01h455vb4pex5vsknk084sn02q", "user_", "$gt"] {
            assert_eq!(read::<UserId>(text), None, "{text:?}");
        }
        for json in ["{\"$gt\":\"\"}", "[]", "7", "null", "true"] {
            assert!(serde_json::from_str::<Either<UserId>>(json).is_err(), "{json}");
        }
    }
}
