//! What admins do to accounts.

use std::sync::Arc;

use chat_proto::{ErrorCode, Role, UserId};

use super::{Account, AccountState, Context, Decision, Put, Refusal, Stop, invitations, letters, sessions};
use crate::access::{Action, Relation};
use crate::state::{Author, Change, Outcome, UserNo};
use crate::store::StoreError;

pub(super) fn change(
    context: &Context<'_>,
    by: Author,
    user: UserId,
    name: Option<String>,
    role: Option<Role>,
    if_version: Option<u64>,
) -> Result<Decision, Stop> {
    let (author, no, before) = concerned(context, by, user)?;
    if if_version.is_some_and(|version| version != before.version) {
        return Err(Refusal::version_mismatch(before.version).into());
    }
    let account = Account {
        name: name.unwrap_or_else(|| before.name.clone()),
        role: role.unwrap_or(before.role),
        version: before.version + 1,
        ..(*before).clone()
    };
    if (&account.name, account.role) == (&before.name, before.role) {
        return Ok(Decision::nothing(Outcome::User(before.user())));
    }
    let other_role = account.role != before.role;
    if other_role {
        may_have(context, by, &account)?;
    }
    if other_role && before.role == Role::Admin {
        keep_an_admin(context, no, &before)?;
    }
    let was_admin = before.role == Role::Admin;
    let mut decision = changed(author, no, account, before);
    if other_role && was_admin {
        take_back_ways_in(context, &mut decision, no)?;
    }
    if other_role {
        // What they may do is asked anew each time; what they have loaded was loaded as somebody else.
        sessions::end_all(context, &mut decision, no, None)?;
    }
    Ok(decision)
}

pub(super) fn set_state(
    context: &Context<'_>,
    by: Author,
    user: UserId,
    state: AccountState,
) -> Result<Decision, Stop> {
    let (author, no, before) = concerned(context, by, user)?;
    if before.state == state {
        return Ok(Decision::nothing(Outcome::User(before.user())));
    }
    if state == AccountState::Disabled && before.role == Role::Admin {
        keep_an_admin(context, no, &before)?;
    }
    let account = Account { state, version: before.version + 1, ..(*before).clone() };
    let was_admin = before.role == Role::Admin;
    let mut decision = changed(author, no, account, before);
    if state == AccountState::Disabled {
        if was_admin {
            take_back_ways_in(context, &mut decision, no)?;
        }
        letters::forget_resets(context, &mut decision, no)?;
        sessions::end_all(context, &mut decision, no, None)?;
    }
    Ok(decision)
}

pub(super) fn end_sessions(context: &Context<'_>, by: Author, user: UserId) -> Result<Decision, Stop> {
    let (author, no, _) = concerned(context, by, user)?;
    let mut decision = Decision { by: author, ..Decision::nothing(Outcome::Done) };
    sessions::end_all(context, &mut decision, no, None)?;
    letters::forget_resets(context, &mut decision, no)?;
    Ok(decision)
}

/// Who acts, and on whom.
fn concerned(context: &Context<'_>, by: Author, user: UserId) -> Result<(Option<UserNo>, UserNo, Arc<Account>), Stop> {
    let concerned = concerned_by(Action::ManageUsers, context, by, user)?;
    if concerned.2.state == AccountState::Deleted {
        return Err(Refusal::new(ErrorCode::Conflict, "This account was deleted; that cannot be undone.").into());
    }
    Ok(concerned)
}

/// The same, of whatever else admins do to accounts.
pub(super) fn concerned_by(
    action: Action,
    context: &Context<'_>,
    by: Author,
    user: UserId,
) -> Result<(Option<UserNo>, UserNo, Arc<Account>), Stop> {
    let me = context.author(by)?;
    me.require(action, Relation::Stranger)?;
    let unknown = || Refusal::not_found("There is no such account.");
    let no = context.lookup.user_no(user)?.ok_or_else(unknown)?;
    let account = context.lookup.account(no)?.ok_or_else(unknown)?;
    if account.role == Role::Admin {
        me.require_person()?;
    }
    Ok((me.entry_author(), no, account))
}

/// Refuses a role that an account of this kind never has.
fn may_have(context: &Context<'_>, by: Author, account: &Account) -> Result<(), Stop> {
    if account.role == Role::Admin {
        context.author(by)?.require_person()?;
    }
    if account.visitor().is_some() || account.identity().is_some() {
        // Who vouches for a customer must not vouch for staff by that.
        let detail = "This is a customer of one of the shop's sites, and stays it. Make another account for the staff.";
        return Err(Refusal::new(ErrorCode::Conflict, detail).into());
    }
    if account.is_bot() && matches!(account.role, Role::Admin | Role::Customer) {
        return Err(Refusal::new(ErrorCode::Conflict, "A bot is an agent, a designer or a merchant.").into());
    }
    Ok(())
}

pub(super) fn changed(author: Option<UserNo>, no: UserNo, account: Account, before: Arc<Account>) -> Decision {
    Decision {
        by: author,
        outcome: Outcome::User(account.user()),
        changes: vec![(Change::AccountChanged { user: no, version: account.version }, None)],
        puts: vec![Put::Account { no, account: Box::new(account), before: Some(before) }],
    }
}

/// Takes back by what whoever is no admin any more could have others come in, themselves under another name included:
/// their open invitations, and the links by which they let passwords be set.
pub(super) fn take_back_ways_in(context: &Context<'_>, decision: &mut Decision, admin: UserNo) -> Result<(), Stop> {
    invitations::end_all_by(context, decision, admin)?;
    letters::forget_allowed_by(context, decision, admin)
}

/// Refuses what would leave the shop without anybody who can administer it.
pub(super) fn keep_an_admin(context: &Context<'_>, no: UserNo, account: &Account) -> Result<(), Stop> {
    if account.state == AccountState::Disabled || other_admin(context, no)? {
        return Ok(());
    }
    let detail = "This is the last admin who can sign in. Make another one first.";
    Err(Refusal::new(ErrorCode::Conflict, detail).into())
}

fn other_admin(context: &Context<'_>, than: UserNo) -> Result<bool, StoreError> {
    const ROWS: usize = 50;
    let mut after: Option<(String, UserNo)> = None;
    loop {
        let place = after.as_ref().map(|(name, no)| (name.as_str(), *no));
        let rows = context.lookup.directory(Role::Admin, place, ROWS)?;
        for (_, no) in rows.iter().filter(|(_, no)| *no != than) {
            if context.lookup.account(*no)?.is_some_and(|account| account.state == AccountState::Active) {
                return Ok(true);
            }
        }
        match rows.into_iter().last() {
            Some(last) => after = Some(last),
            None => return Ok(false),
        }
    }
}
