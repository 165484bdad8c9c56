use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{AttachmentId, ConversationId, MessageId, UserId};

/// An id of the replaced backend: a [MongoDB `ObjectId`](https://www.mongodb.com/docs/manual/reference/bson-types/#objectid),
/// 12 bytes that begin with the second in which it was made, 24 hexadecimal digits as text.
///
/// What is brought over keeps its id: each `ObjectId` has exactly one counterpart among our ids and the other way round,
/// in the same order. So nothing has to be looked up, links and notes that name the old id stay true, and importing
/// again finds what is there already.
///
/// ```
/// use chat_proto::{ObjectId, UserId};
///
/// let old: ObjectId = "507f1f77bcf86cd799439011".parse().unwrap();
/// let id = UserId::from(old);
/// assert_eq!(ObjectId::of(id.to_bytes()), Some(old));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 12]);

/// The lowest ten bits of each id that stands for an `ObjectId`, which holds 64 bits besides its second where a `UUIDv7`
/// has room for 74. With the even second of its time they tell it from ids that were made here; one of those in a
/// million looks the same, and then is both, without being taken for another.
const MARK: u64 = 0x2b5;

impl ObjectId {
    /// The id with these 12 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    /// The 12 bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 12] {
        self.0
    }

    /// The counterpart of one of our ids, given as its 16 bytes; `None`: it was made here.
    #[must_use]
    pub fn of(id: [u8; 16]) -> Option<Self> {
        let whole = u128::from_be_bytes(id);
        let millis = u64::try_from(whole >> 80).ok()?;
        let second = u32::try_from(millis / 1_000).ok()?;
        let high = (whole >> 64) & 0xfff;
        let low = whole & ((1 << 62) - 1);
        let marked = low & 0x3ff == u128::from(MARK);
        let rest = u64::try_from(high << 52 | low >> 10).ok()?;
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&second.to_be_bytes());
        bytes[4..].copy_from_slice(&rest.to_be_bytes());
        (marked && millis % 1_000 == 0 && Self(bytes).to_uuid() == id).then_some(Self(bytes))
    }

    /// The `UUIDv7` (RFC 9562) of the same second whose 74 free bits are the other 64 of this id and [`MARK`].
    fn to_uuid(self) -> [u8; 16] {
        let (second, rest) = self.0.split_at(4);
        let number = |bytes: &[u8]| bytes.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        let (millis, rest) = (number(second) * 1_000, number(rest));
        let (high, low) = (rest >> 52, rest & ((1 << 52) - 1));
        (millis << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low << 10 | u128::from(MARK)).to_be_bytes()
    }
}

macro_rules! counterparts {
    ($($name:ident),+) => {$(
        impl From<ObjectId> for $name {
            fn from(id: ObjectId) -> Self {
                Self::from_bytes(id.to_uuid())
            }
        }
    )+};
}

counterparts!(UserId, ConversationId, MessageId, AttachmentId);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is no [`ObjectId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidObjectId;

impl fmt::Display for InvalidObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an ObjectId is 24 hexadecimal digits")
    }
}

impl std::error::Error for InvalidObjectId {}

impl FromStr for ObjectId {
    type Err = InvalidObjectId;

    fn from_str(text: &str) -> Result<Self, InvalidObjectId> {
        // Checked before, since numbers may begin with a sign.
        if text.len() != 24 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidObjectId);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| InvalidObjectId)?;
        let mut bytes = [0; 12];
        bytes.copy_from_slice(&number.to_be_bytes()[4..]);
        Ok(Self(bytes))
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    fn id(text: &str) -> ObjectId {
        text.parse().expect("an id")
    }

    #[test]
    fn each_has_a_counterpart_which_leads_back() {
        for text in [
            "507f1f77bcf86cd799439011",
            "000000000000000000000000",
            "ffffffffffffffffffffffff",
            "65a1b2c3d4e5f60718293a4b",
        ] {
            let uuid = MessageId::from(id(text)).to_bytes();
            assert_eq!(ObjectId::of(uuid), Some(id(text)));
            assert_eq!(id(text).to_string(), text);
            assert_eq!((uuid[6] >> 4, uuid[8] >> 6), (7, 0b10), "a UUIDv7");
        }
    }

    #[test]
    fn their_order_is_kept() {
        let mut ids = [
            "507f1f77bcf86cd799439011",
            "507f1f77bcf86cd799439012",
            "507f1f77ccf86cd799439000",
            "507f1f78000000000000",
        ]
        .map(|text| id(&format!("{text:0<24}")));
        ids.sort_unstable();
        assert!(ids.map(MessageId::from).is_sorted());
    }

    #[test]
    fn ids_made_here_have_none() {
        let random = [0x5a; 10];
        assert_eq!(ObjectId::of(UserId::new(Timestamp::from_millis(1_700_000_000_000), random).to_bytes()), None);
        let marked = UserId::from(id("507f1f77bcf86cd799439011")).to_bytes();
        for (place, bit) in [(5, 1), (6, 0x10), (8, 0x40), (15, 1), (14, 1)] {
            let mut other = marked;
            other[place] ^= bit;
            assert_eq!(ObjectId::of(other), None, "byte {place}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "507f1f77bcf86cd79943901",
            "507f1f77bcf86cd7994390111",
            "507f1f77bcf86cd79943901g",
            "+07f1f77bcf86cd799439011",
        ] {
            assert_eq!(text.parse::<ObjectId>(), Err(InvalidObjectId), "{text:?}");
        }
    }
}
