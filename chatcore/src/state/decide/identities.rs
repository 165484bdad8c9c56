//! Customers for whom a site of the shop vouches.

use chat_proto::{ErrorCode, Role, UserId};

use super::{Account, AccountState, Context, Decision, Put, Refusal, Stop, sessions};
use crate::state::rows::{AccountExtras, IdentityRow};
use crate::state::{Change, Identity, NewSession, Outcome, RecordKey, UserNo, number_row, row_number};
use crate::store::StoreError;

/// The name of somebody of whom the site gave none.
const NAMELESS: &str = "Customer";
/// Each sign-in remembers one token and forgets at most so many that have ended, so they never pile up.
const FORGOTTEN_AT_ONCE: usize = 8;

pub(super) fn sign_in(
    context: &Context<'_>,
    id: UserId,
    identity: Identity,
    session: NewSession,
) -> Result<Decision, Stop> {
    let used = RecordKey::used_token(&identity.token);
    if context.lookup.record(&used)?.is_some() {
        return Err(Refusal::new(ErrorCode::TokenRevoked, "This token was used before. Have a new one signed.").into());
    }
    let mut decision = Decision { puts: forget_ended(context)?, ..Decision::nothing(Outcome::Done) };
    let ends = RecordKey::used_token_end(identity.token_ends, &identity.token);
    decision.puts.extend([used, ends].map(|key| Put::Record { key, row: Some(Vec::new()) }));
    let key = RecordKey::identity(&identity.site, &identity.external_id);
    let known = match context.lookup.record(&key)?.map(|row| row_number(&row)) {
        None => None,
        Some(Some(no)) => Some(UserNo(no)),
        Some(None) => return Err(StoreError::corrupt("an identity that names no account").into()),
    };
    let (no, account) = match known {
        Some(no) => (no, recognised(context, no, identity, &mut decision)?),
        None => {
            let no = context.next.user;
            decision.puts.push(Put::Record { key, row: Some(number_row(no.0)) });
            decision.changes.push((Change::AccountCreated { user: no }, None));
            let account = new_account(context, identity, id);
            decision.puts.push(Put::Account { no, account: Box::new(account.clone()), before: None });
            (no, account)
        }
    };
    decision.by = Some(no);
    decision.outcome = Outcome::SignedIn { user: account.user(), session: session.id, expires_at: session.expires_at };
    sessions::begin(context, &mut decision, no, session)?;
    Ok(decision)
}

/// Tokens that have ended would be refused anyway.
fn forget_ended(context: &Context<'_>) -> Result<Vec<Put>, Stop> {
    let before = RecordKey::used_token_end(context.clock_now, &[0; 32]);
    let ended = context.lookup.records(&RecordKey::first_token_end(), &before, FORGOTTEN_AT_ONCE)?;
    let keys =
        ended.into_iter().flat_map(|(end, _)| [end.ended_token().map(|hash| RecordKey::used_token(&hash)), Some(end)]);
    Ok(keys.flatten().map(|key| Put::Record { key, row: None }).collect())
}

fn new_account(context: &Context<'_>, identity: Identity, id: UserId) -> Account {
    let row = IdentityRow { external_id: identity.external_id, email: identity.email };
    Account {
        id,
        email: String::new(),
        name: identity.name.unwrap_or_else(|| NAMELESS.to_owned()),
        role: Role::Customer,
        state: AccountState::Active,
        password: None,
        created_at: context.now,
        version: 1,
        email_verified: false,
        extras: Some(Box::new(AccountExtras {
            site: Some(identity.site),
            identity: Some(row),
            ..AccountExtras::default()
        })),
    }
}

/// The account that was made before, with the name and address that the site gives now.
fn recognised(context: &Context<'_>, no: UserNo, identity: Identity, decision: &mut Decision) -> Result<Account, Stop> {
    let before = context.lookup.account(no)?.ok_or_else(|| StoreError::corrupt("an identity without its account"))?;
    // Staff that was a customer once is nobody for whom a site could vouch.
    if before.state != AccountState::Active || before.role != Role::Customer {
        return Err(Refusal::new(ErrorCode::InvalidCredentials, "This account cannot be used.").into());
    }
    let mut account = (*before).clone();
    if let Some(name) = identity.name {
        account.name = name;
    }
    if let Some(row) = account.extras.as_mut().and_then(|extras| extras.identity.as_mut())
        && identity.email.is_some()
    {
        row.email = identity.email;
    }
    if account != *before {
        account.version += 1;
        decision.changes.push((Change::AccountChanged { user: no, version: account.version }, None));
        decision.puts.push(Put::Account { no, account: Box::new(account.clone()), before: Some(before) });
    }
    Ok(account)
}
