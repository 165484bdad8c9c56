//! The devices that somebody is pushed to, as their owner makes, sees and forgets them.

use std::fmt;
use std::sync::Arc;

use chat_proto::model::{Page, PushSubscription};
use chat_proto::{ErrorCode, PushSubscriptionId};
use data_encoding::BASE64URL_NOPAD;

use super::encrypt::DeviceKeys;
use crate::access::{Action, Relation};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::state::{Command, NewPush, Outcome, PushRow, RecordKey};

/// Of one person.
pub(super) const MOST: usize = 20;

/// A device that asks to be pushed to, with what its browser has given it.
#[derive(Clone)]
pub struct NewDevice {
    /// Where its service takes what it is to be told. A secret.
    pub endpoint: String,
    /// Its public key, base64url.
    pub p256dh: String,
    /// Its secret, base64url.
    pub auth: String,
}

impl Actor {
    /// Pushes to this device what waits for me, as long as my session lasts. A device that is known gets the new keys; one
    /// that was somebody else's is mine from now on. With more than 20, the one goes that took nothing for the longest time.
    ///
    /// # Errors
    /// `invalid` for an address that is not on the open Internet or not of a push service, for keys that are none;
    /// `unsupported` when nothing is pushed here.
    pub async fn subscribe_device(&self, device: NewDevice) -> Result<PushSubscription> {
        let engine = self.chat().engine();
        let push = engine.push.as_ref().ok_or_else(switched_off)?;
        // Asked first: names are looked up for nobody but those who may.
        self.read(|me| me.require(Action::ChangeOwnAccount, Relation::Stranger)).await?;
        let NewDevice { endpoint, p256dh, auth } = device;
        push.outgoing.check(&endpoint).await.map_err(|why| Error::invalid("/endpoint", why.as_str()))?;
        let p256dh: [u8; 65] =
            decoded(&p256dh).ok_or_else(|| Error::invalid("/keys/p256dh", "This is no public key of a device."))?;
        let auth: [u8; 16] =
            decoded(&auth).ok_or_else(|| Error::invalid("/keys/auth", "This is no secret of a device: 16 bytes."))?;
        if DeviceKeys::new(&p256dh, auth).is_none() {
            return Err(Error::invalid("/keys/p256dh", "This is no point of the curve P-256."));
        }
        let id = PushSubscriptionId::new(engine.clock.now(), engine.entropy.bytes());
        let new = Box::new(NewPush { id, endpoint, p256dh, auth, origin: self.origin() });
        match self.carry(Command::Subscribe { by: self.by(), new }).await? {
            Outcome::PushSubscription(subscription) => Ok(*subscription),
            _ => Err(Error::unexpected()),
        }
    }

    /// My devices that are pushed to, the oldest first; at most 20.
    pub async fn devices(&self) -> Result<Page<PushSubscription>> {
        let (engine, current) = (Arc::clone(self.chat().engine()), self.session_id());
        self.read(move |me| {
            me.require(Action::ChangeOwnAccount, Relation::Stranger)?;
            let (from, before) = RecordKey::all_push(me.no);
            let rows = me.view.records(&from, &before, MOST)?;
            let show = |(_, row): (RecordKey, Vec<u8>)| Ok(PushRow::decoded(&row)?.shown(current));
            let items = rows.into_iter().map(show).collect::<Result<_>>()?;
            Ok(Page { items, next_cursor: None, as_of: engine.as_of(me.view) })
        })
        .await
    }

    /// Pushes to a device of mine no more.
    ///
    /// # Errors
    /// `not_found` when it is none of mine.
    pub async fn unsubscribe_device(&self, id: PushSubscriptionId) -> Result<()> {
        self.carry(Command::Unsubscribe { by: self.by(), id }).await.map(drop)
    }
}

fn switched_off() -> Error {
    Error::new(ErrorCode::Unsupported, "This server pushes nothing.")
}

/// Browsers leave out what would fill it up; some libraries do not.
fn decoded<const N: usize>(text: &str) -> Option<[u8; N]> {
    // Not a byte more than it takes is looked at.
    let text = text.trim_end_matches('=');
    let expected = BASE64URL_NOPAD.encode_len(N);
    (text.len() == expected).then(|| BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok())?
}

impl fmt::Debug for NewDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewDevice").finish_non_exhaustive()
    }
}
