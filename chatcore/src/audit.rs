//! The audit log, as admins read it and as it is kept.

use std::sync::Arc;
use std::time::Duration;

use chat_proto::model::{AuditEntry, Cursor, Page};
use chat_proto::{AuditId, ErrorCode, Timestamp, UserId};

use crate::access::{Action, Relation};
use crate::actor::{Actor, Reading};
use crate::builder::PAGE_ROWS;
use crate::chat::Engine;
use crate::error::{Error, Result};
use crate::state::{AuditAction, AuditRow, Command, RecordKey};
use crate::store::StoreError;

/// Between the ids of all entries.
const NEWEST: AuditId = AuditId::from_bytes([0xff; 16]);
const OLDEST: AuditId = AuditId::from_bytes([0; 16]);
/// So many entries are looked at for one part of a list; with both filters it may have fewer rows than were asked for.
const MOST_LOOKED_AT: usize = 2_000;
/// How often it is looked whether entries are too old.
const FORGET_EVERY: Duration = Duration::from_hours(1);

impl Actor {
    /// What was done to accounts, sessions, invitations and keys, the newest first, at most 200 at once. `user`: only what
    /// they did or what was done to them. `action`: only this. With both a part may have fewer than asked for, and still
    /// not be the last. Admins only.
    ///
    /// # Errors
    /// `forbidden`, `invalid_cursor`.
    pub async fn audit_log(
        &self,
        user: Option<UserId>,
        action: Option<AuditAction>,
        limit: usize,
        cursor: Option<Cursor>,
    ) -> Result<Page<AuditEntry>> {
        let engine = Arc::clone(self.chat().engine());
        self.read(move |me| {
            me.require(Action::ReadAuditLog, Relation::Stranger)?;
            let which = Which { user, action };
            let list = which.name();
            let after = match &cursor {
                None => None,
                Some(cursor) => {
                    let place = engine.seal.open_page(list.as_bytes(), cursor);
                    let id = place.and_then(|place| Some(AuditId::from_bytes(place.try_into().ok()?)));
                    let stale = || Error::new(ErrorCode::InvalidCursor, "This cursor belongs to another list.");
                    Some(id.ok_or_else(stale)?)
                }
            };
            let (items, next) = which.walk(me, after, limit.clamp(1, PAGE_ROWS))?;
            let next_cursor = next.map(|last| engine.seal.page(list.as_bytes(), &last.to_bytes()));
            Ok(Page { items, next_cursor, as_of: engine.as_of(me.view) })
        })
        .await
    }
}

/// Which entries are looked for.
struct Which {
    user: Option<UserId>,
    action: Option<AuditAction>,
}

impl Which {
    fn name(&self) -> String {
        let user = self.user.map(|user| user.to_string()).unwrap_or_default();
        format!("audit log {user} {}", self.action.map_or("", AuditAction::as_str))
    }

    /// Under what this entry is found.
    fn key(&self, id: AuditId) -> RecordKey {
        match (self.user, self.action) {
            (Some(user), _) => RecordKey::audit_of_user(user, id),
            (None, Some(action)) => RecordKey::audit_of_action(action.number(), id),
            (None, None) => RecordKey::audit(id),
        }
    }

    /// The entries after this one, and after which the next part begins.
    fn walk(
        &self,
        me: &Reading<'_>,
        after: Option<AuditId>,
        limit: usize,
    ) -> Result<(Vec<AuditEntry>, Option<AuditId>)> {
        let end = self.key(OLDEST).following();
        let (mut last, mut items, mut looked_at) = (after.unwrap_or(NEWEST), Vec::new(), 0);
        loop {
            let rows = me.view.records(&self.key(last).following(), &end, limit + 1)?;
            let ended = rows.len() <= limit;
            for (key, row) in rows {
                if items.len() == limit || looked_at == MOST_LOOKED_AT {
                    return Ok((items, Some(last)));
                }
                looked_at += 1;
                last = key.audit_id().ok_or_else(|| StoreError::corrupt("an entry of the audit log without an id"))?;
                let row = if row.is_empty() { me.view.record(&RecordKey::audit(last))? } else { Some(row) };
                let row = row.ok_or_else(|| StoreError::corrupt("an index names no entry of the audit log"))?;
                let row = AuditRow::decoded(&row)?;
                if self.action.is_none_or(|action| action.number() == row.action) {
                    items.push(row.shown(last));
                }
            }
            if ended {
                return Ok((items, None));
            }
        }
    }
}

impl Engine {
    /// Forgets entries that are too old, now and then.
    pub(crate) async fn forget_audit(&self) {
        loop {
            while matches!(self.forget_some_audit().await, Ok(true)) {}
            self.clock.sleep_until(self.clock.now().after(FORGET_EVERY)).await;
        }
    }

    /// A piece of it; `true`: there may be more.
    async fn forget_some_audit(&self) -> Result<bool> {
        let kept = i64::try_from(self.keep_audit.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp::from_millis(self.clock.now().as_millis().saturating_sub(kept));
        let (from, end) = RecordKey::audit_before(before);
        let found = self.read(move |view| Ok(!view.records(&from, &end, 1)?.is_empty())).await?;
        if found {
            self.writer.carry(Command::ForgetAudit { before }).await?;
        }
        Ok(found)
    }

    /// Records where guessing begins to be slowed down.
    pub(crate) async fn record_guessing(&self) {
        loop {
            let slowed = self.guard.slowed().await;
            let (account, failures, origin) = (slowed.account, slowed.failures, slowed.origin);
            // While nothing can be stored it cannot be recorded either.
            let _ = self.writer.carry(Command::SignInSlowed { account, failures, origin }).await;
        }
    }
}
