//! Visitors whom nobody knows: how they come, who they turn out to be, and how they are forgotten.
//!
//! A visitor has an account and a session from the first call on. A session that can be ended, renewed and told apart
//! needs its row; a token without one could not be taken back, and nobody could be told anything. Whoever then says
//! nothing is forgotten a day later, so that pages that are merely looked at leave nothing behind.

use std::sync::Arc;
use std::time::Duration;

use chat_proto::model::ConversationKind;
use chat_proto::{ErrorCode, Role, Timestamp, UserId};

use super::{Account, AccountState, Context, Decision, Put, Refusal, Stop, author, sessions};
use crate::access::{Action, Relation};
use crate::state::rows::{AccountExtras, Member, RefreshHashes, VisitorRow};
use crate::state::{Author, Change, ConversationNo, NewSession, Outcome, RecordKey, UserNo, VisitorClaim};
use crate::store::StoreError;

/// A visitor who has not been in any conversation is forgotten after this.
const SILENT_FOR: Duration = Duration::from_hours(24);

pub(super) fn admit(context: &Context<'_>, id: UserId, site: String, session: NewSession) -> Result<Decision, Stop> {
    let no = context.next.user;
    let visitor = VisitorRow { session: session.id, met: false, became: None };
    let text = id.to_string();
    let account = Account {
        id,
        email: String::new(),
        // Enough to tell two of them apart in a list; the end of an id is random.
        name: format!("Visitor {}", text[text.len() - 4..].to_uppercase()),
        role: Role::Customer,
        state: AccountState::Active,
        password: None,
        created_at: context.now,
        version: 1,
        email_verified: false,
        extras: Some(Box::new(AccountExtras { site: Some(site), visitor: Some(visitor), ..AccountExtras::default() })),
    };
    let mut decision = Decision {
        by: Some(no),
        outcome: Outcome::SignedIn { user: account.user(), session: session.id, expires_at: session.expires_at },
        puts: vec![
            Put::Account { no, account: Box::new(account), before: None },
            Put::Record { key: RecordKey::visitor_due(context.now.after(SILENT_FOR), no), row: Some(Vec::new()) },
        ],
        changes: vec![(Change::AccountCreated { user: no }, None)],
    };
    sessions::begin(context, &mut decision, no, session)?;
    Ok(decision)
}

/// Others will remember this visitor: from now on the account stays.
pub(super) fn met(no: UserNo, account: &Arc<Account>) -> Option<Put> {
    let visitor = account.visitor().filter(|visitor| !visitor.met)?;
    let account_met = with(account, VisitorRow { met: true, ..visitor.clone() });
    Some(Put::Account { no, account: Box::new(account_met), before: Some(Arc::clone(account)) })
}

fn with(account: &Account, visitor: VisitorRow) -> Account {
    let extras = account.extras.as_deref().cloned().unwrap_or_default();
    Account { extras: Some(Box::new(AccountExtras { visitor: Some(visitor), ..extras })), ..account.clone() }
}

pub(super) fn claim(context: &Context<'_>, by: Author, claim: &VisitorClaim) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::ClaimVisitor, Relation::Stranger)?;
    let no = me.no;
    if me.account.visitor().is_some() {
        return Err(Refusal::new(ErrorCode::Conflict, "Sign in first: a visitor cannot become a visitor.").into());
    }
    let mut decision = Decision { by: Some(no), ..Decision::nothing(Outcome::Done) };
    let (visitor_no, before, row) = proven(context, no, claim.visitor, claim.refresh)?;
    if row.became.is_none() {
        let mut account = with(&before, VisitorRow { became: Some(no), met: true, ..row });
        account.state = AccountState::Disabled;
        account.version += 1;
        decision.puts.push(Put::Account { no: visitor_no, account: Box::new(account), before: Some(before) });
        sessions::end_all(context, &mut decision, visitor_no, None)?;
    }
    for conversation in &claim.conversations {
        hand_over(context, *conversation, visitor_no, no, &mut decision)?;
    }
    Ok(decision)
}

/// The visitor that a session proves somebody was: it still stands, or it ended by their becoming the same customer.
fn proven(
    context: &Context<'_>,
    no: UserNo,
    visitor: Author,
    refresh: Option<RefreshHashes>,
) -> Result<(UserNo, Arc<Account>, VisitorRow), Stop> {
    let over = || Refusal::invalid("/visitor_token", "This visitor's session is over.");
    let visitor_no = context.lookup.user_no(visitor.user)?.ok_or_else(over)?;
    let account = context.lookup.account(visitor_no)?.ok_or_else(over)?;
    let Some(row) = account.visitor().cloned() else {
        return Err(Refusal::invalid("/visitor_token", "This is not a visitor's token.").into());
    };
    if visitor.session != Some(row.session) {
        return Err(over().into());
    }
    match row.became {
        Some(became) if became == no => return Ok((visitor_no, account, row)),
        Some(_) => return Err(over().into()),
        None => {}
    }
    let stands = author(context.lookup, visitor, context.clock_now);
    stands.map_err(|stop| match stop {
        Stop::Refused(_) => Stop::from(over()),
        store @ Stop::Store(_) => store,
    })?;
    let session = context.lookup.session(visitor_no, row.session)?.ok_or_else(over)?;
    if refresh.is_some_and(|refresh| refresh != session.refresh) {
        return Err(over().into());
    }
    Ok((visitor_no, account, row))
}

/// In this conversation the customer takes the visitor's place, and what the visitor had read they have read.
fn hand_over(
    context: &Context<'_>,
    no: ConversationNo,
    from: UserNo,
    to: UserNo,
    decision: &mut Decision,
) -> Result<(), Stop> {
    let found = context.lookup.conversation(no)?;
    let Some(conversation) = found.filter(|conversation| conversation.members.get(from).is_some()) else {
        return Ok(());
    };
    let mut version = conversation.version;
    if conversation.members.get(to).is_none() {
        version += 1;
        let owner = conversation.members.get(from).is_some_and(|member| member.owner);
        let member = Member { user: to, owner, joined_at: context.now, joined: context.next.position };
        let read = context.lookup.mark(no, from)?.read;
        decision.changes.push((Change::ParticipantAdded { conversation: no, member, version, read }, None));
    }
    let removed = Change::ParticipantRemoved { conversation: no, user: from, version: version + 1 };
    decision.changes.push((removed, None));
    if conversation.kind == ConversationKind::Direct
        && let Some(other) = conversation.members.iter().map(|member| member.user).find(|user| *user != from)
        && other != to
        && context.lookup.direct(to, other)?.is_none()
    {
        decision.puts.push(Put::Direct { one: to, other, no });
    }
    Ok(())
}

pub(super) fn expire(context: &Context<'_>, due: Vec<RecordKey>) -> Result<Decision, Stop> {
    let mut decision = Decision::nothing(Outcome::Done);
    for key in due {
        if context.lookup.record(&key)?.is_none() || key >= RecordKey::visitor_due(context.clock_now, UserNo(0)) {
            continue;
        }
        let no = key.due_visitor().ok_or_else(|| StoreError::corrupt("a visitor without a number"))?;
        decision.puts.push(Put::Record { key, row: None });
        if let Some(account) = context.lookup.account(no)? {
            expire_one(context, no, account, &mut decision)?;
        }
    }
    if !decision.puts.is_empty() && decision.changes.is_empty() {
        // Rows are written along with a line of the log.
        decision.changes.push((Change::Tidied, None));
    }
    Ok(decision)
}

fn expire_one(context: &Context<'_>, no: UserNo, account: Arc<Account>, decision: &mut Decision) -> Result<(), Stop> {
    let Some(visitor) = account.visitor().cloned().filter(|visitor| visitor.became.is_none()) else { return Ok(()) };
    let session = context.lookup.session(no, visitor.session)?;
    let lives = session.filter(|session| session.expires_at > context.clock_now);
    let again = |at: Timestamp| Put::Record { key: RecordKey::visitor_due(at, no), row: Some(Vec::new()) };
    // The greatest number of all would be given out again.
    let is_newest = no.0 + 1 == context.next.user.0;
    match lives {
        _ if !visitor.met && is_newest => decision.puts.push(again(context.clock_now.after(SILENT_FOR))),
        Some(session) if visitor.met => decision.puts.push(again(session.expires_at)),
        _ => {
            sessions::end_all(context, decision, no, None)?;
            if visitor.met {
                let version = account.version + 1;
                let disabled = Account { state: AccountState::Disabled, version, ..(*account).clone() };
                decision.puts.push(Put::Account { no, account: Box::new(disabled), before: Some(account) });
            } else {
                decision.puts.push(Put::NoAccount { no, before: account });
                decision.changes.push((Change::AccountRemoved { user: no }, None));
            }
        }
    }
    Ok(())
}
