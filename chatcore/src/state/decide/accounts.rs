use chat_proto::{ErrorCode, Role, SessionId, Timestamp, UserId};

use super::{Account, AccountState, Context, Decision, Put, Refusal, Stop};
use crate::access::{self, Action, Relation};
use crate::state::rows::{Session, fold_email};
use crate::state::{Author, Change, Outcome, UserNo};

pub(super) fn register(
    context: &Context<'_>,
    id: UserId,
    email: String,
    name: String,
    password: String,
    session: SessionId,
    expires_at: Timestamp,
) -> Result<Decision, Stop> {
    let mut decision = new_account(context, None, id, email, name, Role::Customer, Some(password))?;
    let Outcome::User(user) = decision.outcome else { unreachable!("a new account is answered with its user") };
    let no = context.next.user;
    decision.by = Some(no);
    let row = Session { user: no, started_at: context.now, expires_at, ended: false };
    decision.puts.push(Put::Session { id: session, session: row });
    decision.changes.push((Change::SessionStarted { session, user: no }, None));
    decision.outcome = Outcome::SignedIn { user, session, expires_at };
    Ok(decision)
}

pub(super) fn bootstrap(
    context: &Context<'_>,
    id: UserId,
    email: String,
    name: String,
    password: String,
) -> Result<Decision, Stop> {
    if context.lookup.has_role(Role::Admin)? {
        return Err(Refusal::new(ErrorCode::Conflict, "There is an admin already; ask them for an account.").into());
    }
    new_account(context, None, id, email, name, Role::Admin, Some(password))
}

pub(super) fn create(
    context: &Context<'_>,
    by: Option<Author>,
    id: UserId,
    email: String,
    name: String,
    role: Role,
    password: Option<String>,
) -> Result<Decision, Stop> {
    let mut author = None;
    if let Some(by) = by {
        let (no, account) = context.author(by)?;
        access::require(account.role, Action::ManageUsers, Relation::Stranger)?;
        author = Some(no);
    }
    new_account(context, author, id, email, name, role, password)
}

fn new_account(
    context: &Context<'_>,
    by: Option<UserNo>,
    id: UserId,
    email: String,
    name: String,
    role: Role,
    password: Option<String>,
) -> Result<Decision, Stop> {
    if context.lookup.user_by_email(&fold_email(&email))?.is_some() {
        return Err(Refusal::new(ErrorCode::EmailTaken, "An account with this address exists.").into());
    }
    let state = AccountState::Active;
    let account = Account { id, email, name, role, state, password, created_at: context.now, version: 1 };
    let no = context.next.user;
    Ok(Decision {
        by,
        outcome: Outcome::User(account.user()),
        puts: vec![Put::Account { no, account: Box::new(account), before: None }],
        changes: vec![(Change::AccountCreated { user: no }, None)],
    })
}

pub(super) fn start_session(
    context: &Context<'_>,
    user: UserId,
    session: SessionId,
    expires_at: Timestamp,
) -> Result<Decision, Stop> {
    let (no, account) = context.author(Author { user, session: None })?;
    let row = Session { user: no, started_at: context.now, expires_at, ended: false };
    Ok(Decision {
        by: Some(no),
        puts: vec![Put::Session { id: session, session: row }],
        changes: vec![(Change::SessionStarted { session, user: no }, None)],
        outcome: Outcome::SignedIn { user: account.user(), session, expires_at },
    })
}

pub(super) fn end_session(context: &Context<'_>, by: Author) -> Result<Decision, Stop> {
    let (no, _) = context.author(by)?;
    let Some(id) = by.session else {
        return Ok(Decision::nothing(Outcome::Done));
    };
    let Some(session) = context.lookup.session(id)? else {
        return Ok(Decision::nothing(Outcome::Done));
    };
    let session = Session { ended: true, ..(*session).clone() };
    Ok(Decision {
        by: Some(no),
        puts: vec![Put::Session { id, session }],
        changes: vec![(Change::SessionEnded { session: id, user: no }, None)],
        outcome: Outcome::Done,
    })
}

pub(super) fn rename(context: &Context<'_>, by: Author, name: String) -> Result<Decision, Stop> {
    let (no, before) = context.author(by)?;
    if before.name == name {
        return Ok(Decision::nothing(Outcome::User(before.user())));
    }
    let account = Account { name, version: before.version + 1, ..(*before).clone() };
    Ok(Decision {
        by: Some(no),
        outcome: Outcome::User(account.user()),
        changes: vec![(Change::AccountChanged { user: no, version: account.version }, None)],
        puts: vec![Put::Account { no, account: Box::new(account), before: Some(before) }],
    })
}
