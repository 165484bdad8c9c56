//! Devices that asked to be pushed to: at most so many of one person, each until its session ends, and each endpoint for
//! one person only.

use chat_proto::{ErrorCode, PushSubscriptionId};

use super::{Account, AccountState, Context, Decision, Put, Refusal, Stop};
use crate::access::{Action, Relation};
use crate::state::{Author, Change, NewPush, Outcome, PushRow, Pushed, RecordKey, UserNo, push_hash};
use crate::store::StoreError;

/// Devices of one person; with one more, the one goes that took nothing for the longest time.
pub(crate) const MOST_DEVICES: usize = 20;
/// That a device's service takes what it is sent is written this often at the most.
const WRITTEN_EVERY: std::time::Duration = std::time::Duration::from_hours(1);

pub(super) fn subscribe(context: &Context<'_>, by: Author, new: NewPush) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::ChangeOwnAccount, Relation::Stranger)?;
    let mut mine = of_user(context, me.no)?;
    let mut decision = Decision { by: me.entry_author(), ..Decision::nothing(Outcome::Done) };
    let owner_key = RecordKey::push_endpoint(&push_hash(&new.endpoint));
    let mut id = new.id;
    if let Some((owner, earlier)) = owner(context, &owner_key)? {
        if owner == me.no {
            // The same device once more, perhaps with other keys: it keeps its name.
            mine.retain(|row| row.id != earlier);
            id = earlier;
        } else {
            // Whoever uses the browser now must not get what is for somebody else.
            decision.puts.push(Put::Record { key: RecordKey::push(owner, earlier), row: None });
        }
    }
    mine.sort_by_key(|row| (row.success_at.unwrap_or(row.created_at), row.id));
    let too_many = (mine.len() + 1).saturating_sub(MOST_DEVICES);
    for row in mine.drain(..too_many) {
        forget(&mut decision, &row);
    }
    let row = PushRow {
        id,
        user: me.no,
        session: by.session,
        endpoint: new.endpoint,
        p256dh: new.p256dh,
        auth: new.auth,
        device: new.origin.device().map(str::to_owned),
        created_at: context.now,
        success_at: None,
        delivered: None,
    };
    decision.puts.push(Put::Record { key: owner_key, row: Some(owner_row(me.no, id)) });
    decision.puts.push(Put::Record { key: RecordKey::push(me.no, id), row: Some(row.encoded()) });
    decision.changes.push((Change::Tidied, None));
    decision.outcome = Outcome::PushSubscription(Box::new(row.shown(by.session)));
    Ok(decision)
}

pub(super) fn unsubscribe(context: &Context<'_>, by: Author, id: PushSubscriptionId) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::ChangeOwnAccount, Relation::Stranger)?;
    let row = context.lookup.record(&RecordKey::push(me.no, id))?;
    let row = row.ok_or_else(|| Refusal::new(ErrorCode::NotFound, "You have no such subscription."))?;
    let mut decision = Decision { by: me.entry_author(), ..Decision::nothing(Outcome::Done) };
    forget(&mut decision, &PushRow::decoded(&row)?);
    decision.changes.push((Change::Tidied, None));
    Ok(decision)
}

/// What came of pushing. Devices that are gone meanwhile, or were taken over by somebody else, stay so.
pub(super) fn pushed(context: &Context<'_>, pushed: &Pushed) -> Result<Decision, Stop> {
    let mut decision = Decision::nothing(Outcome::Done);
    for mut row in of_user(context, pushed.user)? {
        if pushed.gone.contains(&row.id) {
            forget(&mut decision, &row);
        } else if pushed.taken.contains(&row.id) {
            row.delivered = Some(pushed.delivery);
            if row.success_at.is_none_or(|at| at.after(WRITTEN_EVERY) <= context.clock_now) {
                row.success_at = Some(context.clock_now);
            }
            let key = RecordKey::push(row.user, row.id);
            decision.puts.push(Put::Record { key, row: Some(row.encoded()) });
        }
    }
    if !decision.puts.is_empty() {
        decision.changes.push((Change::Tidied, None));
    }
    Ok(decision)
}

/// Nobody is pushed to in a session that has ended, or on an account that is no more. Every decision comes by here, so that
/// none can be forgotten that ends a session.
pub(super) fn end_with_sessions(context: &Context<'_>, decision: &mut Decision) -> Result<(), StoreError> {
    let is_over = |put: &Put| matches!(put, Put::SessionGone { .. } | Put::NoAccount { .. } | Put::Account { .. });
    if !decision.puts.iter().any(is_over) {
        return Ok(());
    }
    let mut users: Vec<UserNo> = decision.puts.iter().filter_map(ended).map(|(user, _)| user).collect();
    users.sort_unstable();
    users.dedup();
    for user in users {
        for row in of_user(context, user)? {
            let ends =
                decision.puts.iter().filter_map(ended).any(|(whose, session)| {
                    whose == user && session.is_none_or(|session| row.session == Some(session))
                });
            if ends {
                forget(decision, &row);
            }
        }
    }
    Ok(())
}

/// Whose devices end by this: those of a session, or (`None`) all.
fn ended(put: &Put) -> Option<(UserNo, Option<chat_proto::SessionId>)> {
    let is_deleted = |account: &Account| account.state == AccountState::Deleted;
    match put {
        Put::SessionGone { user, id } => Some((*user, Some(*id))),
        Put::NoAccount { no, .. } => Some((*no, None)),
        Put::Account { no, account, .. } if is_deleted(account) => Some((*no, None)),
        _ => None,
    }
}

fn of_user(context: &Context<'_>, user: UserNo) -> Result<Vec<PushRow>, StoreError> {
    let (from, before) = RecordKey::all_push(user);
    let rows = context.lookup.records(&from, &before, MOST_DEVICES + 1)?;
    rows.into_iter().map(|(_, row)| PushRow::decoded(&row)).collect()
}

fn forget(decision: &mut Decision, row: &PushRow) {
    let keys = [RecordKey::push(row.user, row.id), RecordKey::push_endpoint(&push_hash(&row.endpoint))];
    decision.puts.extend(keys.map(|key| Put::Record { key, row: None }));
}

/// Who is pushed to at this endpoint.
fn owner(context: &Context<'_>, key: &RecordKey) -> Result<Option<(UserNo, PushSubscriptionId)>, StoreError> {
    let Some(row) = context.lookup.record(key)? else { return Ok(None) };
    let damaged = || StoreError::corrupt("an endpoint of nobody's");
    let (user, id) = row.split_first_chunk::<8>().ok_or_else(damaged)?;
    let id = id.try_into().map_err(|_| damaged())?;
    Ok(Some((UserNo(u64::from_be_bytes(*user)), PushSubscriptionId::from_bytes(id))))
}

fn owner_row(user: UserNo, id: PushSubscriptionId) -> Vec<u8> {
    [&user.0.to_be_bytes()[..], &id.to_bytes()].concat()
}
