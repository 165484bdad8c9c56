//! Headers that the mail library does not know, and the names of mails and threads.

use chat_proto::{ConversationId, UserId};
use data_encoding::HEXLOWER;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use crate::state::DeliveryId;

/// Headers whose value is ours from beginning to end: nothing in it has to be encoded, and nothing may be folded.
macro_rules! plain_header {
    ($(#[$doc:meta])* $type:ident, $name:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub(super) struct $type(pub(super) String);

        impl Header for $type {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($name)
            }

            fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self(text.to_owned()))
            }

            fn display(&self) -> HeaderValue {
                HeaderValue::dangerous_new_pre_encoded(Self::name(), self.0.clone(), self.0.clone())
            }
        }
    };
}

plain_header!(
    /// No person has written this, so no machine need answer (RFC 3834).
    AutoSubmitted,
    "Auto-Submitted"
);
plain_header!(
    /// Where one ends them (RFC 2369).
    ListUnsubscribe,
    "List-Unsubscribe"
);
plain_header!(
    /// A click is enough for that (RFC 8058).
    ListUnsubscribePost,
    "List-Unsubscribe-Post"
);

/// The mail of a notification, whenever it is made.
pub(super) fn message_id(id: DeliveryId, domain: &str) -> String {
    format!("<{}@{domain}>", HEXLOWER.encode(&id.0))
}

/// What all mails to somebody about a conversation answer, so that they stand together. There is no such mail. It tells
/// nobody who sees two of them that they are about the same conversation, unless they went to the same person.
pub(super) fn thread(conversation: ConversationId, user: UserId, domain: &str) -> String {
    let hash = Sha256::new()
        .chain_update("thread of mails")
        .chain_update(conversation.to_bytes())
        .chain_update(user.to_bytes())
        .finalize();
    format!("<{}.thread@{domain}>", HEXLOWER.encode(&hash[..16]))
}

/// What stands between the parts of a mail. Nobody who writes what is in them knows the id.
pub(super) fn boundary(id: DeliveryId) -> String {
    let hash = Sha256::new().chain_update("boundary").chain_update(id.0).finalize();
    format!("part-{}", HEXLOWER.encode(&hash[..16]))
}
