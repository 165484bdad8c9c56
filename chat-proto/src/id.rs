//! Ids as people and programs see them: a prefix that names the kind, and 26 characters for 128 bits.
//!
//! The text form is [TypeID 0.3](https://github.com/jetify-com/typeid): Crockford's base32 in lower case over a
//! [UUIDv7 (RFC 9562)](https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7), so ids made later sort later.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX_LEN: usize = 26;

/// Why a text is not an id of the kind that was asked for. The text is safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidId(String);

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidId {}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal, $noun:literal;)+) => {$(
        $(#[$doc])*
        ///
        /// 16 bytes in memory, `
        #[doc = $prefix]
        /// _…` as text and in JSON. Ordered by the time it was made.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// What every text form starts with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id: a `UUIDv7` of this time (milliseconds) and ten random bytes, of which 74 bits are used.
            #[must_use]
            pub fn new(at: Timestamp, random: [u8; 10]) -> Self {
                Self(uuid_v7(at, random))
            }

            /// The id with these 16 bytes, as stored.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes, as stored.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_id(f, $prefix, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_id(text, $prefix, $noun).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("a ", $noun, " id (`", $prefix, "_…`)"))
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        #[cfg(feature = "openapi")]
        crate::wire::schema::text_schema!($name, concat!("Id of a ", $noun, "."), concat!($prefix, "_01kay8m2r3f9vvk1a2b3c4d5e6"));
    )+};
}

ids! {
    /// A person with an account.
    UserId = "user", "user";
    /// A conversation.
    ConversationId = "conv", "conversation";
    /// A message. Within one conversation a later message has the greater id.
    MessageId = "msg", "message";
    /// A file that somebody sends with a message.
    AttachmentId = "att", "attachment";
    /// Something that somebody is told while they are not here.
    NotificationId = "ntf", "notification";
    /// One sign-in of one person; every token belongs to a session.
    SessionId = "sess", "session";
    /// An invitation to become part of the staff.
    InvitationId = "inv", "invitation";
    /// A key of a program of the shop's.
    ApiKeyId = "key", "key";
    /// A device that is pushed to.
    PushSubscriptionId = "push", "push subscription";
    /// A program of the shop's that is told what happens.
    WebhookId = "hook", "webhook";
    /// An entry of the audit log.
    AuditId = "aud", "log entry";
}

fn uuid_v7(at: Timestamp, random: [u8; 10]) -> [u8; 16] {
    let millis = u64::try_from(at.as_millis()).unwrap_or(0).to_be_bytes();
    let mut id = [0; 16];
    id[..6].copy_from_slice(&millis[2..]);
    id[6..].copy_from_slice(&random);
    id[6] = 0x70 | (id[6] & 0x0f); // version 7
    id[8] = 0x80 | (id[8] & 0x3f); // RFC 9562 variant
    id
}

fn write_id(f: &mut fmt::Formatter<'_>, prefix: &str, bytes: [u8; 16]) -> fmt::Result {
    let mut suffix = [0_u8; SUFFIX_LEN];
    let mut rest = u128::from_be_bytes(bytes);
    for place in suffix.iter_mut().rev() {
        *place = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    f.write_str(prefix)?;
    f.write_str("_")?;
    f.write_str(std::str::from_utf8(&suffix).map_err(|_| fmt::Error)?)
}

fn parse_id(text: &str, prefix: &str, noun: &str) -> Result<[u8; 16], InvalidId> {
    let malformed =
        || InvalidId(format!("not a {noun} id: expected `{prefix}_` and {SUFFIX_LEN} characters of base32"));
    let Some((given, suffix)) = text.rsplit_once('_') else {
        return Err(malformed());
    };
    if given != prefix {
        let known = ["user", "conv", "msg", "sess", "att", "inv", "key", "aud", "ntf"];
        return Err(match known.iter().find(|k| **k == given) {
            Some(kind) => InvalidId(format!("expected a {noun} id (`{prefix}_…`), got one of kind `{kind}`")),
            None => malformed(),
        });
    }
    // 26 × 5 bits are 130: the first character may carry only three.
    if suffix.len() != SUFFIX_LEN || suffix.as_bytes()[0] > b'7' {
        return Err(malformed());
    }
    let mut value: u128 = 0;
    for c in suffix.bytes() {
        let digit = ALPHABET.iter().position(|a| *a == c).ok_or_else(malformed)?;
        value = value << 5 | digit as u128;
    }
    Ok(value.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_the_typeid_of_the_specification() {
        // TypeID 0.3, valid.yml: `prefix_01h455vb4pex5vsknk084sn02q` is UUID 01890a5d-ac96-774b-bcce-b302099a8057.
        let bytes = 0x0189_0a5d_ac96_774b_bcce_b302_099a_8057_u128.to_be_bytes();
        assert_eq!(UserId::from_bytes(bytes).to_string(), "user_01h455vb4pex5vsknk084sn02q");
        assert_eq!("user_01h455vb4pex5vsknk084sn02q".parse(), Ok(UserId::from_bytes(bytes)));
    }

    #[test]
    fn ids_made_later_sort_later_as_bytes_and_as_text() {
        let early = MessageId::new(Timestamp::from_millis(1_000), [0xff; 10]);
        let late = MessageId::new(Timestamp::from_millis(1_001), [0; 10]);
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
    }

    #[test]
    fn an_id_of_the_wrong_kind_says_so() {
        let error = "conv_01h455vb4pex5vsknk084sn02q".parse::<UserId>().unwrap_err();
        assert_eq!(error.to_string(), "expected a user id (`user_…`), got one of kind `conv`");
    }

    #[test]
    fn malformed_ids_are_refused() {
        for text in [
            "",
            "_",
            "user",
            "user_",
            "user_01h455vb4pex5vsknk084sn02",
            "user_01h455vb4pex5vsknk084sn02qq",
            "user_81h455vb4pex5vsknk084sn02q",
            "user_01H455VB4PEX5VSKNK084SN02Q",
            "user_01h455vb4pex5vsknk084sn0é",
            "user_01h455vb4pex5vsknk084sn0lu",
            "USER_01h455vb4pex5vsknk084sn02q",
            " user_01h455vb4pex5vsknk084sn02q",
        ] {
            assert!(text.parse::<UserId>().is_err(), "{text:?} was taken for an id");
        }
    }
}
