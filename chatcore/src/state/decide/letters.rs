//! Letters with links that are good once, and what the links do.

use std::sync::Arc;

use chat_proto::{ErrorCode, UserId};

use super::{Account, AccountState, Acting, Context, Decision, Put, Refusal, Stop, notices, sessions, staff};
use crate::access::{Action, Relation};
use crate::state::{Author, Change, Letter, LetterId, LetterKind, NewLetter, Outcome, UserNo};

/// Letters of one kind about one account whose links are good at the same time. Whoever asks for more gets none, so that
/// nobody's letters can be made worthless, or their mailbox filled, by asking again and again.
const MOST_LETTERS: usize = 3;
/// Letters that are forgotten at a time.
const FORGOTTEN_AT_ONCE: usize = 500;
/// Letters that are gone through at a time.
const LOOKED_AT_ONCE: usize = 500;

/// Writes a letter, unless there are enough. Those about the account that are over go.
pub(super) fn write(
    context: &Context<'_>,
    decision: &mut Decision,
    kind: LetterKind,
    user: UserNo,
    to: &str,
    letter: NewLetter,
) -> Result<(), Stop> {
    if kind != LetterKind::Invitation {
        let (over, good): (Vec<_>, Vec<_>) =
            context.lookup.letters(user)?.into_iter().partition(|letter| letter.expires_at <= context.clock_now);
        if good.iter().filter(|letter| letter.kind == kind).count() >= MOST_LETTERS {
            return Ok(());
        }
        decision.puts.extend(over.iter().map(gone));
    }
    let NewLetter { id, token, expires_at } = letter;
    let by = decision.by.filter(|_| kind == LetterKind::PasswordResetByAdmin);
    let row = Letter { id, kind, user, to: to.to_owned(), created_at: context.now, expires_at, token, by };
    decision.puts.push(Put::Letter(Box::new(row)));
    decision.changes.push((Change::LetterWritten { letter: id }, None));
    if kind != LetterKind::PasswordResetByAdmin {
        notices::send_letter(context, decision, user, id);
    }
    Ok(())
}

pub(super) fn forgot_password(context: &Context<'_>, email: &str, letter: NewLetter) -> Result<Decision, Stop> {
    let mut decision = Decision::nothing(Outcome::Done);
    if let Some(no) = context.lookup.user_by_email(email)?
        && let Some(account) = context.lookup.account(no)?
        && account.state == AccountState::Active
    {
        write(context, &mut decision, LetterKind::PasswordReset, no, &account.email, letter)?;
    }
    Ok(decision)
}

pub(super) fn allow_reset(
    context: &Context<'_>,
    by: Author,
    user: UserId,
    letter: NewLetter,
) -> Result<Decision, Stop> {
    let (author, no, account) = staff::concerned_by(Action::ResetPasswords, context, by, user)?;
    let conflict = |detail| Err(Refusal::new(ErrorCode::Conflict, detail).into());
    if account.is_bot() {
        return conflict("This is a bot: it acts by keys and has no password.");
    }
    if account.visitor().is_some() || account.identity().is_some() {
        return conflict("This is a customer of one of the shop's sites, who signs in without a password.");
    }
    if account.state == AccountState::Deleted {
        return conflict("This account was deleted; that cannot be undone.");
    }
    if account.state != AccountState::Active {
        return conflict("This account cannot be signed in to. Enable it first.");
    }
    let mut decision = Decision { by: author, ..Decision::nothing(Outcome::Done) };
    let kind = LetterKind::PasswordResetByAdmin;
    let earlier = context.lookup.letters(no)?;
    decision.puts.extend(earlier.iter().filter(|letter| letter.kind == kind).map(gone));
    write(context, &mut decision, kind, no, &account.email, letter)?;
    Ok(decision)
}

pub(super) fn reset_password(
    context: &Context<'_>,
    letter: LetterId,
    token: &[u8; 32],
    password: String,
) -> Result<Decision, Stop> {
    let (letter, before) = used(context, LetterKind::PasswordReset, letter, token)?;
    let no = letter.user;
    // The link was in their mail, unless an admin has passed it on.
    let seen_to_change = letter.kind == LetterKind::PasswordReset && !before.email_verified;
    let email_verified = before.email_verified || seen_to_change;
    let version = before.version + u64::from(seen_to_change);
    let account = Account { password: Some(password), email_verified, version, ..(*before).clone() };
    let mut decision = Decision {
        by: Some(no),
        outcome: Outcome::Done,
        changes: vec![(Change::PasswordChanged { user: no }, None)],
        puts: vec![Put::Account { no, account: Box::new(account), before: Some(before) }],
    };
    if seen_to_change {
        decision.changes.push((Change::AccountChanged { user: no, version }, None));
    }
    forget_resets(context, &mut decision, no)?;
    sessions::end_all(context, &mut decision, no, None)?;
    Ok(decision)
}

pub(super) fn ask_to_verify(context: &Context<'_>, by: Author, letter: NewLetter) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::ChangeOwnAccount, Relation::Stranger)?;
    let Acting { no, account, .. } = me;
    if account.email.is_empty() {
        return Err(Refusal::new(ErrorCode::Conflict, "This account has no address to sign in with.").into());
    }
    let mut decision = Decision { by: Some(no), ..Decision::nothing(Outcome::Done) };
    if !account.email_verified {
        write(context, &mut decision, LetterKind::EmailVerification, no, &account.email, letter)?;
    }
    Ok(decision)
}

pub(super) fn verify_email(context: &Context<'_>, letter: LetterId, token: &[u8; 32]) -> Result<Decision, Stop> {
    let (letter, before) = used(context, LetterKind::EmailVerification, letter, token)?;
    let no = letter.user;
    let account = Account { email_verified: true, version: before.version + 1, ..(*before).clone() };
    let mut decision = Decision {
        by: Some(no),
        outcome: Outcome::Done,
        changes: vec![(Change::AccountChanged { user: no, version: account.version }, None)],
        puts: vec![Put::Account { no, account: Box::new(account), before: Some(before) }],
    };
    forget_all(context, &mut decision, LetterKind::EmailVerification, no)?;
    Ok(decision)
}

pub(super) fn forget(context: &Context<'_>) -> Result<Decision, Stop> {
    let oldest = context.lookup.letters_after(None, FORGOTTEN_AT_ONCE)?;
    let over: Vec<_> = oldest.into_iter().filter(|letter| letter.expires_at <= context.clock_now).collect();
    let mut decision = Decision::nothing(Outcome::Done);
    if !over.is_empty() {
        decision.puts.extend(over.iter().map(gone));
        decision.changes.push((Change::LettersForgotten { count: over.len() as u64 }, None));
    }
    Ok(decision)
}

/// The letter that this token is the link of, and the account that it is about.
fn used(
    context: &Context<'_>,
    kind: LetterKind,
    letter: LetterId,
    token: &[u8; 32],
) -> Result<(Arc<Letter>, Arc<Account>), Stop> {
    let letter = context.lookup.letter(letter)?;
    let letter = letter.filter(|letter| letter.is_good(kind, token, context.clock_now));
    let letter = letter.ok_or_else(Refusal::spent_link)?;
    let account = context.lookup.account(letter.user)?.ok_or_else(Refusal::spent_link)?;
    if account.state != AccountState::Active {
        return Err(Refusal::new(ErrorCode::Forbidden, "This account is disabled.").into());
    }
    Ok((letter, account))
}

/// No link that does what this kind is for is good any more.
fn forget_all(context: &Context<'_>, decision: &mut Decision, kind: LetterKind, user: UserNo) -> Result<(), Stop> {
    let letters = context.lookup.letters(user)?;
    decision.puts.extend(letters.iter().filter(|letter| letter.kind.purpose() == kind.purpose()).map(gone));
    Ok(())
}

/// No link sets another password for this account any more.
pub(super) fn forget_resets(context: &Context<'_>, decision: &mut Decision, user: UserNo) -> Result<(), Stop> {
    let before = decision.puts.len();
    forget_all(context, decision, LetterKind::PasswordReset, user)?;
    if decision.changes.is_empty() && decision.puts.len() > before {
        decision.changes.push((Change::Tidied, None));
    }
    Ok(())
}

/// No link that this admin has let others use is good any more.
pub(super) fn forget_allowed_by(context: &Context<'_>, decision: &mut Decision, admin: UserNo) -> Result<(), Stop> {
    let mut after = None;
    loop {
        let letters = context.lookup.letters_after(after, LOOKED_AT_ONCE)?;
        decision.puts.extend(letters.iter().filter(|letter| letter.by == Some(admin)).map(gone));
        match letters.last() {
            Some(last) => after = Some(last.id),
            None => return Ok(()),
        }
    }
}

pub(super) fn gone(letter: &Arc<Letter>) -> Put {
    Put::LetterGone { user: letter.user, id: letter.id }
}

impl Letter {
    /// Whether this token, known by its hash, does now what letters of this kind are for. To whom it was given, and by whom,
    /// makes no difference.
    pub(crate) fn is_good(&self, kind: LetterKind, token: &[u8; 32], now: chat_proto::Timestamp) -> bool {
        self.kind.purpose() == kind.purpose() && self.token == *token && now < self.expires_at
    }
}
