//! How the shared words are written inside stored rows (CBOR, RFC 8949).

use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decoder, Encoder};

/// A module for `#[cbor(with = "…")]` that stores a type as a simpler one.
macro_rules! stored_as {
    ($module:ident, $type:ty, $primitive:ty, $to:expr, $from:expr) => {
        pub(crate) mod $module {
            use super::{DecodeError, Decoder, EncodeError, Encoder, Write};

            pub(crate) fn encode<C, W: Write>(
                value: &$type,
                e: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), EncodeError<W::Error>> {
                let to: fn(&$type) -> $primitive = $to;
                e.encode(to(value))?.ok()
            }

            pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<$type, DecodeError> {
                let from: fn($primitive) -> Option<$type> = $from;
                let at = d.position();
                from(d.decode()?).ok_or_else(|| DecodeError::message(concat!("not a ", stringify!($type))).at(at))
            }
        }
    };
}

type Bytes16 = minicbor::bytes::ByteArray<16>;

stored_as!(user_id, chat_proto::UserId, crate::state::cbor::Bytes16, |id| id.to_bytes().into(), |b| {
    Some(chat_proto::UserId::from_bytes(*b))
});
stored_as!(conversation_id, chat_proto::ConversationId, crate::state::cbor::Bytes16, |id| id.to_bytes().into(), |b| {
    Some(chat_proto::ConversationId::from_bytes(*b))
});
stored_as!(message_id, chat_proto::MessageId, crate::state::cbor::Bytes16, |id| id.to_bytes().into(), |b| {
    Some(chat_proto::MessageId::from_bytes(*b))
});
stored_as!(attachment_id, chat_proto::AttachmentId, crate::state::cbor::Bytes16, |id| id.to_bytes().into(), |b| {
    Some(chat_proto::AttachmentId::from_bytes(*b))
});
stored_as!(session_id, chat_proto::SessionId, crate::state::cbor::Bytes16, |id| id.to_bytes().into(), |b| {
    Some(chat_proto::SessionId::from_bytes(*b))
});
stored_as!(invitation_id, chat_proto::InvitationId, crate::state::cbor::Bytes16, |id| id.to_bytes().into(), |b| {
    Some(chat_proto::InvitationId::from_bytes(*b))
});
stored_as!(push_id, chat_proto::PushSubscriptionId, crate::state::cbor::Bytes16, |id| id.to_bytes().into(), |b| {
    Some(chat_proto::PushSubscriptionId::from_bytes(*b))
});
stored_as!(webhook_id, chat_proto::WebhookId, crate::state::cbor::Bytes16, |id| id.to_bytes().into(), |b| {
    Some(chat_proto::WebhookId::from_bytes(*b))
});
stored_as!(letter_id, crate::state::LetterId, crate::state::cbor::Bytes16, |id| id.0.into(), |b| {
    Some(crate::state::LetterId(*b))
});
stored_as!(delivery_id, crate::state::DeliveryId, crate::state::cbor::Bytes16, |id| id.0.into(), |b| {
    Some(crate::state::DeliveryId(*b))
});
stored_as!(timestamp, chat_proto::Timestamp, i64, |t| t.as_millis(), |ms| {
    Some(chat_proto::Timestamp::from_millis(ms))
});
stored_as!(seq, chat_proto::Seq, u64, |s| s.0, |s| Some(chat_proto::Seq(s)));
stored_as!(user_no, crate::state::UserNo, u64, |n| n.0, |n| Some(crate::state::UserNo(n)));
stored_as!(conversation_no, crate::state::ConversationNo, u64, |n| n.0, |n| { Some(crate::state::ConversationNo(n)) });
stored_as!(position, crate::state::Position, u64, |p| p.0, |p| Some(crate::state::Position(p)));
stored_as!(role, chat_proto::Role, u8, |role| crate::state::cbor::role_number(*role), |n| {
    chat_proto::Role::ALL.into_iter().find(|role| crate::state::cbor::role_number(*role) == n)
});
stored_as!(kind, chat_proto::model::ConversationKind, u8, |kind| crate::state::cbor::kind_number(*kind), |n| {
    use chat_proto::model::ConversationKind::{Direct, Group};
    [Direct, Group].into_iter().find(|kind| crate::state::cbor::kind_number(*kind) == n)
});

stored_as!(address, std::net::IpAddr, String, |address| address.to_string(), |text| text.parse().ok());

/// As `$module` stores it, or null.
macro_rules! optional {
    ($module:ident, $some:ident, $type:ty) => {
        pub(crate) mod $module {
            use super::{DecodeError, Decoder, EncodeError, Encoder, Write};

            #[expect(clippy::ref_option, reason = "the derive calls it so")]
            pub(crate) fn encode<C, W: Write>(
                value: &Option<$type>,
                e: &mut Encoder<W>,
                c: &mut C,
            ) -> Result<(), EncodeError<W::Error>> {
                match value {
                    Some(value) => super::$some::encode(value, e, c),
                    None => e.null()?.ok(),
                }
            }

            pub(crate) fn decode<C>(d: &mut Decoder<'_>, c: &mut C) -> Result<Option<$type>, DecodeError> {
                if d.datatype()? == minicbor::data::Type::Null {
                    d.skip()?;
                    return Ok(None);
                }
                super::$some::decode(d, c).map(Some)
            }
        }
    };
}

optional!(optional_timestamp, timestamp, chat_proto::Timestamp);
optional!(optional_address, address, std::net::IpAddr);
optional!(optional_conversation_id, conversation_id, chat_proto::ConversationId);
optional!(optional_message_id, message_id, chat_proto::MessageId);
optional!(optional_user_no, user_no, crate::state::UserNo);
optional!(optional_session_id, session_id, chat_proto::SessionId);
optional!(optional_invitation_id, invitation_id, chat_proto::InvitationId);
optional!(optional_delivery_id, delivery_id, crate::state::DeliveryId);
optional!(optional_role, role, chat_proto::Role);

pub(crate) mod user_nos {
    use super::{DecodeError, Decoder, EncodeError, Encoder, Write};
    use crate::state::UserNo;

    pub(crate) fn encode<C, W: Write>(
        value: &Vec<UserNo>,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.array(value.len() as u64)?;
        for no in value {
            e.u64(no.0)?;
        }
        e.ok()
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<UserNo>, DecodeError> {
        d.array_iter::<u64>()?.map(|no| no.map(UserNo)).collect()
    }
}

/// The stored number of a role; never reused.
pub(crate) fn role_number(role: chat_proto::Role) -> u8 {
    match role {
        chat_proto::Role::Admin => 0,
        chat_proto::Role::Agent => 1,
        chat_proto::Role::Customer => 2,
        chat_proto::Role::Designer => 3,
        chat_proto::Role::Merchant => 4,
    }
}

fn kind_number(kind: chat_proto::model::ConversationKind) -> u8 {
    match kind {
        chat_proto::model::ConversationKind::Direct => 0,
        chat_proto::model::ConversationKind::Group => 1,
        // `non_exhaustive` towards other crates; a kind without a number must not be stored.
        _ => u8::MAX,
    }
}

pub(crate) mod client_id {
    use super::{DecodeError, Decoder, EncodeError, Encoder, Write};

    pub(crate) fn encode<C, W: Write>(
        value: &chat_proto::ClientId,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.str(value.as_str())?.ok()
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<chat_proto::ClientId, DecodeError> {
        let at = d.position();
        d.str()?.parse().map_err(|_| DecodeError::message("not a client id").at(at))
    }
}
