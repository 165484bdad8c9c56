//! Signing in, staying signed in, signing out.

use std::sync::Arc;

use chat_proto::{ErrorCode, SessionId, UserId};

use super::{Acting, Context, Decision, Put, Refusal, Stop, keys, letters};
use crate::access::{Action, Relation};
use crate::state::{Author, Change, NewSession, Outcome, RefreshHashes, Renewal, Session, UserNo};

/// Sessions of one person; with one more, the one that was not used for the longest time ends.
const MOST_SESSIONS: usize = 100;

/// `password` was right when it was looked at, outside of this transaction.
pub(super) fn start(
    context: &Context<'_>,
    user: UserId,
    password: Option<&str>,
    session: NewSession,
) -> Result<Decision, Stop> {
    let Acting { no, account, .. } = context.author(Author { user, session: None })?;
    if password.is_some() && account.password.as_deref() != password {
        return Err(Refusal::new(ErrorCode::InvalidCredentials, "The password was changed just now.").into());
    }
    let outcome = Outcome::SignedIn { user: account.user(), session: session.id, expires_at: session.expires_at };
    let mut decision = Decision { by: Some(no), ..Decision::nothing(outcome) };
    begin(context, &mut decision, no, session)?;
    Ok(decision)
}

/// Adds a session, for which others may have to go.
pub(super) fn begin(
    context: &Context<'_>,
    decision: &mut Decision,
    user: UserNo,
    session: NewSession,
) -> Result<(), Stop> {
    let (over, mut standing): (Vec<_>, Vec<_>) =
        context.lookup.sessions(user)?.into_iter().partition(|session| session.expires_at <= context.clock_now);
    standing.sort_by_key(|session| (session.used_at, session.id));
    let too_many = (standing.len() + 1).saturating_sub(MOST_SESSIONS);
    for gone in over.into_iter().chain(standing.drain(..too_many)) {
        end_one(decision, &gone);
    }
    let NewSession { id, expires_at, refresh, origin } = session;
    let row = Session {
        id,
        user,
        started_at: context.now,
        used_at: context.now,
        expires_at,
        refresh,
        device: origin.device().map(str::to_owned),
        address: origin.address,
    };
    decision.puts.push(Put::Session(Box::new(row)));
    decision.changes.push((Change::SessionStarted { session: id, user }, None));
    Ok(())
}

pub(super) fn renew(
    context: &Context<'_>,
    user: UserId,
    session: SessionId,
    renewal: Renewal,
) -> Result<Decision, Stop> {
    let Acting { no, account, .. } = context.author(Author { user, session: Some(session) })?;
    let before = context.lookup.session(no, session)?.ok_or_else(unknown_token)?;
    let Renewal { presented, next, expires_at, origin } = renewal;
    if before.refresh.family != presented.family {
        return Err(unknown_token().into());
    }
    if before.refresh.token != presented.token {
        let mut decision = Decision { by: Some(no), ..Decision::nothing(Outcome::Spent) };
        end_one(&mut decision, &before);
        return Ok(decision);
    }
    let row = Session {
        used_at: context.now,
        expires_at,
        refresh: RefreshHashes { token: next, ..before.refresh },
        device: origin.device().map(str::to_owned).or_else(|| before.device.clone()),
        address: origin.address.or(before.address),
        ..(*before).clone()
    };
    Ok(Decision {
        by: Some(no),
        puts: vec![Put::Session(Box::new(row))],
        changes: vec![(Change::SessionRenewed { session, user: no }, None)],
        outcome: Outcome::SignedIn { user: account.user(), session, expires_at },
    })
}

fn unknown_token() -> Refusal {
    Refusal::new(ErrorCode::Unauthenticated, "This is not a refresh token of this server.")
}

pub(super) fn end(context: &Context<'_>, by: Author, session: SessionId) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::ChangeOwnAccount, Relation::Stranger)?;
    let no = me.no;
    let session = context.lookup.session(no, session)?;
    let session = session.ok_or_else(|| Refusal::not_found("You have no such session."))?;
    let mut decision = Decision { by: Some(no), ..Decision::nothing(Outcome::Done) };
    end_one(&mut decision, &session);
    Ok(decision)
}

pub(super) fn end_others(context: &Context<'_>, by: Author) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::ChangeOwnAccount, Relation::Stranger)?;
    let no = me.no;
    let mut decision = Decision { by: Some(no), ..Decision::nothing(Outcome::Done) };
    end_all(context, &mut decision, no, by.session)?;
    letters::forget_resets(context, &mut decision, no)?;
    Ok(decision)
}

/// Ends all sessions of somebody but this one.
pub(super) fn end_all(
    context: &Context<'_>,
    decision: &mut Decision,
    user: UserNo,
    except: Option<SessionId>,
) -> Result<(), Stop> {
    for session in context.lookup.sessions(user)?.iter().filter(|session| Some(session.id) != except) {
        end_one(decision, session);
    }
    if except.is_none() {
        keys::close_sockets(context, decision, user)?;
    }
    Ok(())
}

pub(super) fn end_one(decision: &mut Decision, session: &Arc<Session>) {
    let (id, user) = (session.id, session.user);
    decision.puts.push(Put::SessionGone { user, id });
    decision.changes.push((Change::SessionEnded { session: id, user }, None));
}
