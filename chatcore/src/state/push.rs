//! Devices that asked to be pushed to.

use std::fmt;

use chat_proto::model::PushSubscription;
use chat_proto::{PushSubscriptionId, SessionId, Timestamp};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::{DeliveryId, Origin, UserNo, cbor};
use crate::store::StoreError;

/// A device that is pushed to.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct PushRow {
    #[cbor(n(0), with = "cbor::push_id")]
    pub id: PushSubscriptionId,
    #[cbor(n(1), with = "cbor::user_no")]
    pub user: UserNo,
    /// With which it ends; none when the embedding program vouched for the person.
    #[cbor(n(2), with = "cbor::optional_session_id")]
    pub session: Option<SessionId>,
    /// Where its service takes what it is to be told. Whoever knows it can tell it something.
    #[n(3)]
    pub endpoint: String,
    /// For what it is encrypted (P-256, uncompressed).
    #[cbor(n(4), with = "minicbor::bytes")]
    pub p256dh: [u8; 65],
    #[cbor(n(5), with = "minicbor::bytes")]
    pub auth: [u8; 16],
    /// What the program said of itself.
    #[n(6)]
    pub device: Option<String>,
    #[cbor(n(7), with = "cbor::timestamp")]
    pub created_at: Timestamp,
    /// When its service took something the last time, to the hour.
    #[cbor(n(8), with = "cbor::optional_timestamp")]
    pub success_at: Option<Timestamp>,
    /// What was pushed to it already while other devices of the person have yet to get it.
    #[cbor(n(9), with = "cbor::optional_delivery_id")]
    pub delivered: Option<DeliveryId>,
}

/// A device that asks to be pushed to. The values are well formed.
#[derive(Clone)]
pub struct NewPush {
    pub id: PushSubscriptionId,
    pub endpoint: String,
    pub p256dh: [u8; 65],
    pub auth: [u8; 16],
    pub origin: Origin,
}

/// What came of pushing something to somebody's devices.
#[derive(Clone, Debug)]
pub struct Pushed {
    pub user: UserNo,
    pub delivery: DeliveryId,
    /// These services have taken it.
    pub taken: Vec<PushSubscriptionId>,
    /// These devices will not be pushed to any more.
    pub gone: Vec<PushSubscriptionId>,
}

impl PushRow {
    pub(crate) fn encoded(&self) -> Vec<u8> {
        minicbor::to_vec(self).unwrap_or_default()
    }

    pub(crate) fn decoded(row: &[u8]) -> Result<Self, StoreError> {
        minicbor::decode(row).map_err(|_| StoreError::corrupt("a device that is pushed to"))
    }

    /// The host of its service.
    pub(crate) fn service(&self) -> &str {
        let rest = self.endpoint.split_once("://").map_or("", |(_, rest)| rest);
        rest.split(['/', '?']).next().unwrap_or_default()
    }

    /// As its owner sees it, who asks in the session `current`.
    pub fn shown(&self, current: Option<SessionId>) -> PushSubscription {
        PushSubscription {
            id: self.id,
            service: self.service().to_owned(),
            device: self.device.clone(),
            created_at: self.created_at,
            last_success_at: self.success_at,
            current: self.session.is_some() && self.session == current,
        }
    }
}

/// By what an endpoint is found.
pub(crate) fn push_hash(endpoint: &str) -> [u8; 32] {
    Sha256::digest(endpoint.as_bytes()).into()
}

impl fmt::Debug for PushRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushRow").field("id", &self.id).field("user", &self.user).finish_non_exhaustive()
    }
}

impl fmt::Debug for NewPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewPush").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::golden::golden;

    #[test]
    fn rows_keep_their_bytes() {
        let row = PushRow {
            id: PushSubscriptionId::from_bytes([1; 16]),
            user: UserNo(2),
            session: Some(SessionId::from_bytes([3; 16])),
            endpoint: "https://push.example/x".to_owned(),
            p256dh: [4; 65],
            auth: [5; 16],
            device: Some("Firefox".to_owned()),
            created_at: Timestamp::from_millis(1_000),
            success_at: Some(Timestamp::from_millis(2_000)),
            delivered: Some(DeliveryId([6; 16])),
        };
        let (one, three, five, six) = ("01".repeat(16), "03".repeat(16), "05".repeat(16), "06".repeat(16));
        let endpoint = "7668747470733a2f2f707573682e6578616d706c652f78";
        let four = "04".repeat(65);
        golden(&row, &format!("8a50{one}0250{three}{endpoint}5841{four}50{five}6746697265666f781903e81907d050{six}"));
        assert_eq!(row.service(), "push.example");
        let plain = PushRow { session: None, device: None, success_at: None, delivered: None, ..row };
        golden(&plain, &format!("8850{one}02f6{endpoint}5841{four}50{five}f61903e8"));
    }
}
