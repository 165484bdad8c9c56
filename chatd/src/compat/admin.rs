//! What the admin's page shows.

use axum::Json as Shown;
use chat_proto::model::Who;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Answer, Done, Failure};
use super::caller::Caller;
use super::shape::Account;
use super::users::around;

/// A conversation is active in which somebody wrote in so many days, of which today is the last.
const ACTIVE_DAYS: u32 = 7;
/// So many accounts are shown.
const RECENT: usize = 10;

/// The shop in three numbers.
#[derive(Serialize, ToSchema)]
#[schema(as = CompatStats)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stats {
    /// Accounts of people: no visitors, no bots, none that was deleted.
    total_users: u64,
    /// Conversations in which somebody wrote in the last seven days.
    active_conversations: u64,
    /// Messages of this day, in UTC.
    messages_today: u64,
}

/// The shop in three numbers
///
/// Admins only.
#[utoipa::path(get, path = "/admin/stats", tag = "compat", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "The figures", body = Done<Stats>),
    (status = 403, description = "`forbidden`: not an admin", body = Failure),
    (status = 503, description = "`unavailable`: right after a start it may still be counting", body = Failure),
))]
pub(crate) async fn stats(Caller(me): Caller) -> Answer<Done<Stats>> {
    let overview = me.stats_overview(ACTIVE_DAYS).await?;
    let people = overview.people.iter().filter(|row| !matches!(row.who, Who::Visitor | Who::Bot));
    Ok(Shown(Done::of(Stats {
        total_users: people.map(|row| row.accounts + row.disabled).sum(),
        active_conversations: overview.totals.active_conversations,
        messages_today: overview.messages_by_day.last().and_then(|day| day.messages).unwrap_or_default(),
    })))
}

/// The newest accounts
///
/// Admins only. The ten that were made last, the newest first.
#[utoipa::path(get, path = "/admin/users/recent", tag = "compat", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "The accounts", body = Done<Vec<Account>>),
    (status = 403, description = "`forbidden`: not an admin", body = Failure),
))]
pub(crate) async fn recent(Caller(me): Caller) -> Answer<Done<Vec<Account>>> {
    let users = me.newest_users(RECENT).await?;
    let around = around(&me).await;
    Ok(Shown(Done::of(users.iter().map(|user| Account::of(user, &me, &around)).collect())))
}
