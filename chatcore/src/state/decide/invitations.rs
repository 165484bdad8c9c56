//! Inviting people, and accepting it.

use chat_proto::{ErrorCode, InvitationId, Role, Timestamp, model};

use super::{Account, Context, Decision, Put, Refusal, Stop, accounts, letters, sessions};
use crate::access::{Action, Relation};
use crate::state::rows::{Invitation, fold_email};
use crate::state::{Acceptance, Author, Change, LetterId, LetterKind, NewLetter, Outcome, UserNo};

/// Who is invited is nobody yet.
const NOBODY: UserNo = UserNo(0);
/// Invitations that are open at the same time.
const MOST_INVITATIONS: usize = 1_000;

pub(super) fn invite(
    context: &Context<'_>,
    by: Author,
    id: InvitationId,
    email: String,
    role: Role,
    token: [u8; 32],
    expires_at: Timestamp,
) -> Result<Decision, Stop> {
    let (no, author) = admin(context, by)?;
    let folded = fold_email(&email);
    if context.lookup.user_by_email(&folded)?.is_some() {
        return Err(Refusal::new(ErrorCode::EmailTaken, "An account with this address exists.").into());
    }
    let to = email.clone();
    let row = Invitation { id, email, role, by: no, created_at: context.now, expires_at, token };
    let mut decision = Decision { by: Some(no), ..Decision::nothing(Outcome::Done) };
    let mut open = 0;
    for other in context.lookup.invitations()? {
        if other.expires_at <= context.clock_now || fold_email(&other.email) == folded {
            end(&mut decision, other.id);
        } else {
            open += 1;
        }
    }
    if open >= MOST_INVITATIONS {
        let detail = format!("{MOST_INVITATIONS} invitations are open. Take some back first.");
        return Err(Refusal::new(ErrorCode::Conflict, detail).into());
    }
    decision.outcome = Outcome::Invitation(Box::new(row.shown(author.person())));
    decision.puts.push(Put::Invitation(Box::new(row)));
    decision.changes.push((Change::InvitationMade { invitation: id }, None));
    let (letter, to) = (NewLetter { id: LetterId(id.to_bytes()), token, expires_at }, to);
    letters::write(context, &mut decision, LetterKind::Invitation, NOBODY, &to, letter)?;
    Ok(decision)
}

pub(super) fn take_back(context: &Context<'_>, by: Author, invitation: InvitationId) -> Result<Decision, Stop> {
    let (no, _) = admin(context, by)?;
    if context.lookup.invitation(invitation)?.is_none() {
        return Err(Refusal::not_found("There is no such invitation.").into());
    }
    let mut decision = Decision { by: Some(no), ..Decision::nothing(Outcome::Done) };
    end(&mut decision, invitation);
    Ok(decision)
}

pub(super) fn accept(context: &Context<'_>, acceptance: Acceptance) -> Result<Decision, Stop> {
    let Acceptance { invitation, token, id, name, password, session, letter } = acceptance;
    let invitation = context.lookup.invitation(invitation)?;
    let invitation = invitation.filter(|invitation| invitation.is_good(&token, context.clock_now));
    let invitation = invitation.ok_or_else(Refusal::spent_link)?;
    let (email, role) = (invitation.email.clone(), invitation.role);
    let mut decision = accounts::new_account(context, None, id, email, name, role, Some(password))?;
    let Outcome::User(user) = decision.outcome else { unreachable!("a new account is answered with its user") };
    let no = context.next.user;
    decision.by = Some(no);
    decision.outcome = Outcome::SignedIn { user, session: session.id, expires_at: session.expires_at };
    end(&mut decision, invitation.id);
    letters::write(context, &mut decision, LetterKind::EmailVerification, no, &invitation.email, letter)?;
    sessions::begin(context, &mut decision, no, session)?;
    Ok(decision)
}

/// Nobody comes in any more whom this admin has invited.
pub(super) fn end_all_by(context: &Context<'_>, decision: &mut Decision, admin: UserNo) -> Result<(), Stop> {
    for invitation in context.lookup.invitations()?.iter().filter(|invitation| invitation.by == admin) {
        end(decision, invitation.id);
    }
    Ok(())
}

fn admin(context: &Context<'_>, by: Author) -> Result<(UserNo, std::sync::Arc<Account>), Stop> {
    let me = context.author(by)?;
    me.require(Action::ManageInvitations, Relation::Stranger)?;
    Ok((me.no, me.account))
}

fn end(decision: &mut Decision, invitation: InvitationId) {
    decision.puts.push(Put::InvitationGone { id: invitation });
    decision.puts.push(Put::LetterGone { user: NOBODY, id: LetterId(invitation.to_bytes()) });
    decision.changes.push((Change::InvitationEnded { invitation }, None));
}

impl Invitation {
    /// Whether this token, known by its hash, accepts it now.
    pub(crate) fn is_good(&self, token: &[u8; 32], now: Timestamp) -> bool {
        self.token == *token && now < self.expires_at
    }

    pub(crate) fn shown(&self, by: model::Person) -> model::Invitation {
        model::Invitation {
            id: self.id,
            email: self.email.clone(),
            role: self.role,
            by,
            created_at: self.created_at,
            expires_at: self.expires_at,
        }
    }
}
