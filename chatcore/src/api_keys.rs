//! Keys of the shop's own programs, as they are made, listed, used and taken back.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chat_proto::model::{ApiKey, Page};
use chat_proto::{ApiKeyId, ErrorCode, Role, SessionId, Timestamp, UserId};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use crate::access::{Action, Relation, Scope, Scopes};
use crate::actor::Actor;
use crate::builder::PAGE_ROWS;
use crate::chat::Chat;
use crate::error::{Error, Result};
use crate::shape;
use crate::state::{ActsAs, ApiKeyRow, Author, Command, NewApiKey, Outcome, RecordKey, THE_SHOP_ID};
use crate::store::{StoreError, View};

/// What every key begins with.
const PREFIX: &str = "chk_";
/// The random part of a key.
const RANDOM_BYTES: usize = 32;
/// That a key is used is written this often at the most; in between it is remembered.
const WRITTEN_EVERY: Duration = Duration::from_hours(1);

/// As whom a new key acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// The shop itself, for administration.
    TheShop,
    /// A bot that there is.
    Bot(UserId),
    /// A bot that is made together with it.
    NewBot {
        /// As shown to everybody.
        name: String,
        /// Agent, designer or merchant.
        role: Role,
    },
}

/// A key that was just made. Its text is shown this once: what is stored is its SHA-256.
#[derive(Clone)]
pub struct CreatedKey {
    /// What is known of it.
    pub key: ApiKey,
    /// The key itself. A secret.
    pub secret: String,
}

impl Chat {
    /// Acts as who a token was given to: somebody's access token, or a key of the shop's own programs (`chk_…`).
    ///
    /// # Errors
    /// `unauthenticated`, `token_expired`. Whether the session or key was ended since is seen by each action.
    pub async fn recognise(&self, token: &str) -> Result<Actor> {
        if !token.starts_with(PREFIX) {
            return self.authenticate(token);
        }
        let engine = self.engine();
        let secret: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let found = engine.read(move |view| Ok(by_secret(view, &secret)?)).await?;
        let (key, user, written) =
            found.ok_or_else(|| Error::new(ErrorCode::Unauthenticated, "This is not a key of this server."))?;
        let now = engine.clock.now();
        if engine.key_uses.used(key, now, written) {
            // Nobody waits for this, and it is no matter when it fails.
            let _ = engine.writer.queue(Command::ApiKeyUsed { key }).await;
        }
        Ok(Actor::new(self.clone(), Author { user, session: Some(key) }, None))
    }
}

/// The key with this secret, whom it acts as, and when it was used as far as it is written.
fn by_secret(
    view: &dyn View,
    secret: &[u8; 32],
) -> std::result::Result<Option<(SessionId, UserId, Option<Timestamp>)>, StoreError> {
    let Some(id) = view.record(&RecordKey::api_secret(secret))? else { return Ok(None) };
    let id: [u8; 16] = id.try_into().map_err(|_| StoreError::corrupt("a key without an id"))?;
    let id = SessionId::from_bytes(id);
    let Some(row) = view.record(&RecordKey::api_key(id))? else { return Ok(None) };
    let row = ApiKeyRow::decoded(&row)?;
    let user = view.account(row.user)?.map_or(THE_SHOP_ID, |account| account.id);
    Ok(Some((id, user, row.used_at)))
}

impl Actor {
    /// Makes a key for a program of the shop's. Admins only.
    ///
    /// # Errors
    /// `forbidden`; `invalid` for the name, for a scope that needs a bot where there is none, for a bot that is none;
    /// `conflict` when there are 100.
    pub async fn create_api_key(&self, name: &str, scopes: &[Scope], owner: KeyOwner) -> Result<CreatedKey> {
        let engine = self.chat().engine();
        let name = shape::name(name)?;
        if scopes.is_empty() {
            return Err(Error::invalid("/scopes", "A key needs a scope, or it is good for nothing."));
        }
        let acts_as = match owner {
            KeyOwner::TheShop => ActsAs::TheShop,
            KeyOwner::Bot(id) => ActsAs::Bot(id),
            KeyOwner::NewBot { name, role } => {
                ActsAs::NewBot { id: engine.new_user_id(), name: shape::name(&name)?, role }
            }
        };
        let mut random = [0; RANDOM_BYTES];
        engine.entropy.fill(&mut random);
        let secret = format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&random));
        let new = Box::new(NewApiKey {
            id: SessionId::new(engine.clock.now(), engine.entropy.bytes()),
            name,
            scopes: Scopes::of(scopes),
            acts_as,
            secret: Sha256::digest(secret.as_bytes()).into(),
            origin: self.origin(),
        });
        match self.carry(Command::CreateApiKey { by: Some(self.by()), new }).await? {
            Outcome::ApiKey(key) => Ok(CreatedKey { key, secret }),
            _ => Err(Error::unexpected()),
        }
    }

    /// The keys of the shop's programs, the oldest first; at most 100. Admins only.
    ///
    /// # Errors
    /// `forbidden`.
    pub async fn api_keys(&self) -> Result<Page<ApiKey>> {
        let engine = std::sync::Arc::clone(self.chat().engine());
        self.read(move |me| {
            me.require(Action::ManageApiKeys, Relation::Stranger)?;
            let rows = me.view.records(&RecordKey::first_api_key(), &RecordKey::first_api_secret(), PAGE_ROWS)?;
            let mut items = Vec::with_capacity(rows.len());
            for (_, row) in rows {
                let row = ApiKeyRow::decoded(&row)?;
                let used_at = row.used_at.max(engine.key_uses.last(row.id));
                let bot = me.view.account(row.user)?.map(|account| account.person());
                items.push(ApiKeyRow { used_at, ..row }.shown(bot));
            }
            Ok(Page { items, next_cursor: None, as_of: engine.as_of(me.view) })
        })
        .await
    }

    /// Takes a key back: it is dead at once, and what is connected by it is closed. Admins only.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn revoke_api_key(&self, key: ApiKeyId) -> Result<()> {
        let key = SessionId::from_bytes(key.to_bytes());
        self.carry(Command::RevokeApiKey { by: Some(self.by()), key, origin: self.origin() }).await.map(drop)
    }
}

/// When keys were used, more exactly than it is written.
#[derive(Debug, Default)]
pub(crate) struct KeyUses(Mutex<HashMap<SessionId, Use>>);

#[derive(Clone, Copy, Debug)]
struct Use {
    last: Timestamp,
    written: Timestamp,
}

/// There are at most 100 keys at a time; those that were taken back are forgotten when there are more than this.
const MOST_USES: usize = 1_000;

impl KeyUses {
    /// A key is used now; whether that is to be written. `written`: as it stands on disk.
    fn used(&self, key: SessionId, now: Timestamp, written: Option<Timestamp>) -> bool {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() >= MOST_USES {
            uses.clear();
        }
        let never = Timestamp::from_millis(0);
        let known = uses.entry(key).or_insert(Use { last: now, written: written.unwrap_or(never) });
        known.last = known.last.max(now);
        let is_due = known.written.after(WRITTEN_EVERY) <= now;
        if is_due {
            known.written = now;
        }
        is_due
    }

    fn last(&self, key: SessionId) -> Option<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).map(|known| known.last)
    }
}

impl std::fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedKey").field("key", &self.key).finish_non_exhaustive()
    }
}
