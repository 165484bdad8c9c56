//! Pictures of people. Their contents are counted like those of attachments, among which they lie.

use chat_proto::ErrorCode;

use super::attachments::{Contents, charge, tidied};
use super::{Account, Acting, Context, Decision, Put, Refusal, Stop};
use crate::access::{Action, Relation};
use crate::state::rows::AccountExtras;
use crate::state::{Author, AvatarRow, Change, Outcome};

/// The new one lies in the folder already, and nobody takes it out before this is decided. `bytes`: how many its person has
/// sent for it.
pub(super) fn set(context: &Context<'_>, by: Author, avatar: AvatarRow, bytes: u64) -> Result<Decision, Stop> {
    let me = of_a_person(context, by)?;
    let mut decision = Decision { by: Some(me.no), ..Decision::nothing(Outcome::User(me.account.user())) };
    charge(context, &mut decision, me.no, bytes)?;
    if me.account.avatar() == Some(&avatar) {
        return Ok(tidied(decision));
    }
    change(context, decision, me, Some(avatar))
}

pub(super) fn remove(context: &Context<'_>, by: Author) -> Result<Decision, Stop> {
    let me = of_a_person(context, by)?;
    let decision = Decision { by: Some(me.no), ..Decision::nothing(Outcome::User(me.account.user())) };
    if me.account.avatar().is_none() {
        return Ok(decision);
    }
    change(context, decision, me, None)
}

/// Nothing of an account that is deleted is kept, and so not its picture.
pub(super) fn let_go(context: &Context<'_>, decision: &mut Decision, account: &Account) -> Result<(), Stop> {
    let mut contents = Contents::default();
    contents.let_go(account.avatar().map(|avatar| avatar.sha256));
    contents.count(context.lookup, decision)
}

fn of_a_person(context: &Context<'_>, by: Author) -> Result<Acting, Stop> {
    let me = context.author(by)?;
    me.require(Action::ChangeOwnAccount, Relation::Stranger)?;
    refuse_visitors(&me.account)?;
    Ok(me)
}

/// Visitors come and go by the thousand, and nobody knows them: they need no picture.
pub(crate) fn refuse_visitors(account: &Account) -> Result<(), Refusal> {
    match account.visitor() {
        None => Ok(()),
        Some(_) => Err(Refusal::new(ErrorCode::Forbidden, "Visitors have no picture. Sign in first.")),
    }
}

fn change(
    context: &Context<'_>,
    mut decision: Decision,
    me: Acting,
    avatar: Option<AvatarRow>,
) -> Result<Decision, Stop> {
    let Acting { no, account: before, .. } = me;
    let mut contents = Contents::default();
    contents.need(avatar.as_ref().map(|avatar| avatar.sha256));
    contents.let_go(before.avatar().map(|avatar| avatar.sha256));
    contents.count(context.lookup, &mut decision)?;
    let extras = AccountExtras { avatar, ..before.extras.as_deref().cloned().unwrap_or_default() };
    let extras = (extras != AccountExtras::default()).then(|| Box::new(extras));
    let account = Account { extras, version: before.version + 1, ..(*before).clone() };
    decision.outcome = Outcome::User(account.user());
    decision.changes.push((Change::AccountChanged { user: no, version: account.version }, None));
    decision.puts.push(Put::Account { no, account: Box::new(account), before: Some(before) });
    Ok(decision)
}
