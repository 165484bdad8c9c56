//! Accounts that are deleted.
//!
//! What somebody wrote belongs to those who talked with them, so the account stays as a row that messages, members and
//! lines of the log name; but nothing in it tells whose it was, and nothing leads back into it.

use chat_proto::{ErrorCode, Role, UserId};

use super::{
    Account, AccountState, Context, Decision, Put, Refusal, Stop, avatars, keys, letters, notices, sessions, staff,
};
use crate::access::Action;
use crate::state::rows::AccountExtras;
use crate::state::{Author, Outcome, RecordKey, UserNo};

/// How others see whoever is gone.
pub(crate) const NOBODY: &str = "Deleted user";

pub(super) fn delete(
    context: &Context<'_>,
    by: Author,
    user: UserId,
    if_version: Option<u64>,
) -> Result<Decision, Stop> {
    let (author, no, before) = staff::concerned_by(Action::DeleteUsers, context, by, user)?;
    if if_version.is_some_and(|version| version != before.version) {
        return Err(Refusal::version_mismatch(before.version).into());
    }
    if before.state == AccountState::Deleted {
        return Ok(Decision::nothing(Outcome::User(before.user())));
    }
    if before.visitor().is_some_and(|visitor| visitor.became.is_some()) {
        // Their messages are the customer's by now; without this row they would be nobody's.
        let detail = "This visitor turned out to be a customer. Delete the customer's account.";
        return Err(Refusal::new(ErrorCode::Conflict, detail).into());
    }
    if before.role == Role::Admin {
        staff::keep_an_admin(context, no, &before)?;
    }
    let mut decision = staff::changed(author, no, emptied(&before), std::sync::Arc::clone(&before));
    if before.role == Role::Admin {
        staff::take_back_ways_in(context, &mut decision, no)?;
    }
    sessions::end_all(context, &mut decision, no, None)?;
    keys::revoke_all(context, &mut decision, no)?;
    notices::forget_wishes(context, &mut decision, no)?;
    forget_ways_in(context, &mut decision, no, &before)?;
    avatars::let_go(context, &mut decision, &before)?;
    Ok(decision)
}

/// What is left: that it was there, since when, and what it was to the shop.
fn emptied(before: &Account) -> Account {
    let extras = before.is_bot().then(|| Box::new(AccountExtras { bot: true, ..AccountExtras::default() }));
    Account {
        email: String::new(),
        name: NOBODY.to_owned(),
        state: AccountState::Deleted,
        password: None,
        email_verified: false,
        version: before.version + 1,
        extras,
        ..before.clone()
    }
}

/// No letter and no word of a site lead to it any more: whoever a site vouches for next is somebody new.
fn forget_ways_in(context: &Context<'_>, decision: &mut Decision, no: UserNo, before: &Account) -> Result<(), Stop> {
    decision.puts.extend(context.lookup.letters(no)?.iter().map(letters::gone));
    let site = before.extras.as_ref().and_then(|extras| extras.site.as_deref());
    if let (Some(site), Some(identity)) = (site, before.identity()) {
        decision.puts.push(Put::Record { key: RecordKey::identity(site, &identity.external_id), row: None });
    }
    Ok(())
}
