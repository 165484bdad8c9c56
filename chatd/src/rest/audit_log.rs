use axum::Json as Shown;
use chat_proto::UserId;
use chat_proto::model::{AuditEntry, Cursor, Page};
use chat_proto::wire::Problem;
use chatcore::AuditAction;
use serde::Deserialize;

use super::{Answer, DEFAULT_ROWS};
use crate::extract::{Caller, Query};
use crate::problem::Refused;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    /// Only what this person did, or what was done to them.
    user: Option<UserId>,
    /// Only this, such as `user.role_changed`.
    action: Option<String>,
    /// The most rows; 50 without it, never more than 200.
    limit: Option<usize>,
    /// `next_cursor` of the part before.
    cursor: Option<String>,
}

/// The audit log
///
/// Admins only. Who did what to accounts, sessions, invitations and keys, from where; the newest first. With both filters a
/// part may have fewer rows than asked for, and still have a `next_cursor`.
#[utoipa::path(get, path = "/audit-log", tag = "administration", security(("bearer" = [])), params(AuditQuery),
responses(
    (status = 200, description = "The entries", body = Page<AuditEntry>),
    (status = 400, description = "`invalid`: no such action; `invalid_cursor`", body = Problem),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
))]
pub(crate) async fn list(Caller(me): Caller, Query(query): Query<AuditQuery>) -> Answer<Shown<Page<AuditEntry>>> {
    let unknown = |_| Refused::invalid("/action", "There is no such action.");
    let action: Option<AuditAction> = query.action.map(|action| action.parse().map_err(unknown)).transpose()?;
    let (limit, cursor) = (query.limit.unwrap_or(DEFAULT_ROWS), query.cursor.map(Cursor::from_text));
    Ok(Shown(me.audit_log(query.user, action, limit, cursor).await?))
}
