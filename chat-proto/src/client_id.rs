use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name that the sender's program gives a message, so that sending again is harmless.
///
/// Unique per author, for ever: the same `client_id` with the same content answers with the first result, with
/// other content it is refused. 1 to 64 characters of `A-Z a-z 0-9 - _ . :`. Ids that grow with time (`UUIDv7`, `ULID`)
/// are the cheapest to store; any unique text works.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Box<str>);

/// Why a text is no [`ClientId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidClientId;

impl ClientId {
    /// The most characters a client id may have.
    pub const MAX_LEN: usize = 64;

    /// The text of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = InvalidClientId;

    fn from_str(text: &str) -> Result<Self, InvalidClientId> {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b':');
        if text.is_empty() || text.len() > Self::MAX_LEN || !text.bytes().all(allowed) {
            return Err(InvalidClientId);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for InvalidClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a client_id is 1 to 64 characters of A-Z a-z 0-9 - _ . :")
    }
}

impl std::error::Error for InvalidClientId {}

impl Serialize for ClientId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = ClientId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a client_id")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ClientId, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(feature = "openapi")]
crate::wire::schema::text_schema!(
    ClientId,
    "The sender's own name for a message: 1 to 64 characters of A-Z a-z 0-9 - _ . :",
    "0199f2c4-7d1e-7c3a-9a55-2f6f1f0a9b11"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_plain_texts_are_client_ids() {
        for good in ["a", "0199f2c4-7d1e-7c3a-9a55-2f6f1f0a9b11", "till.3:000_1", &"x".repeat(64)] {
            assert!(good.parse::<ClientId>().is_ok(), "{good:?}");
        }
        for bad in ["", " ", "a b", "é", "a\n", "a/b", &"x".repeat(65)] {
            assert!(bad.parse::<ClientId>().is_err(), "{bad:?}");
        }
    }
}
