use chat_proto::{ErrorCode, Role, UserId};

use super::{Account, AccountState, Acting, Context, Decision, Put, Refusal, Stop, letters, sessions};
use crate::access::{Action, Relation};
use crate::state::rows::fold_email;
use crate::state::{Author, Change, LetterKind, NewLetter, NewSession, Outcome, UserNo};

pub(super) fn register(
    context: &Context<'_>,
    id: UserId,
    email: String,
    name: String,
    password: String,
    session: NewSession,
    letter: NewLetter,
) -> Result<Decision, Stop> {
    let mut decision = new_account(context, None, id, email, name, Role::Customer, Some(password))?;
    let Outcome::User(user) = decision.outcome else { unreachable!("a new account is answered with its user") };
    let (no, email) = (context.next.user, user.email.clone());
    decision.by = Some(no);
    decision.outcome = Outcome::SignedIn { user, session: session.id, expires_at: session.expires_at };
    sessions::begin(context, &mut decision, no, session)?;
    letters::write(context, &mut decision, LetterKind::EmailVerification, no, &email, letter)?;
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
        let me = context.author(by)?;
        me.require(Action::ManageUsers, Relation::Stranger)?;
        if role == Role::Admin {
            me.require_person()?;
        }
        author = me.entry_author();
    }
    new_account(context, author, id, email, name, role, password)
}

pub(super) fn new_account(
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
    let account = Account {
        id,
        email,
        name,
        role,
        state,
        password,
        created_at: context.now,
        version: 1,
        extras: None,
        email_verified: false,
    };
    let no = context.next.user;
    Ok(Decision {
        by,
        outcome: Outcome::User(account.user()),
        puts: vec![Put::Account { no, account: Box::new(account), before: None }],
        changes: vec![(Change::AccountCreated { user: no }, None)],
    })
}

pub(super) fn rename(context: &Context<'_>, by: Author, name: String) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::ChangeOwnAccount, Relation::Stranger)?;
    let Acting { no, account: before, .. } = me;
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

/// The same password, kept in another form. Nobody is told: nothing has changed for anybody.
pub(super) fn renew_hash(context: &Context<'_>, user: UserId, before: &str, after: String) -> Result<Decision, Stop> {
    let mut decision = Decision::nothing(Outcome::Done);
    let Some(no) = context.lookup.user_no(user)? else { return Ok(decision) };
    let Some(account) = context.lookup.account(no)? else { return Ok(decision) };
    // It was changed, or renewed by another sign-in, meanwhile.
    if account.password.as_deref() != Some(before) {
        return Ok(decision);
    }
    let renewed = Account { password: Some(after), ..(*account).clone() };
    decision.puts.push(Put::Account { no, account: Box::new(renewed), before: Some(account) });
    decision.changes.push((Change::Tidied, None));
    Ok(decision)
}

/// `current` was right when it was looked at, outside of this transaction.
pub(super) fn change_password(context: &Context<'_>, by: Author, current: &str, new: String) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::ChangeOwnAccount, Relation::Stranger)?;
    let Acting { no, account: before, .. } = me;
    if before.password.as_deref() != Some(current) {
        let detail = "The password was changed by somebody else just now.";
        return Err(Refusal::new(ErrorCode::Conflict, detail).into());
    }
    let account = Account { password: Some(new), ..(*before).clone() };
    let mut decision = Decision {
        by: Some(no),
        outcome: Outcome::Done,
        changes: vec![(Change::PasswordChanged { user: no }, None)],
        puts: vec![Put::Account { no, account: Box::new(account), before: Some(before) }],
    };
    letters::forget_resets(context, &mut decision, no)?;
    sessions::end_all(context, &mut decision, no, by.session)?;
    Ok(decision)
}
