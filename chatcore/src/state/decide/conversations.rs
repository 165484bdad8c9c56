use std::sync::Arc;

use chat_proto::model::ConversationKind;
use chat_proto::{ConversationId, ErrorCode, UserId};

use super::{Account, AccountState, Context, Decision, Put, Refusal, Stop, visitors};
use crate::access::{Action, Relation};
use crate::state::rows::{Conversation, Member};
use crate::state::{Author, Change, Outcome, UserNo};

const NO_SUCH_PERSON: &str = "There is no such person.";
pub(super) const NO_SUCH_CONVERSATION: &str = "There is no such conversation.";

pub(super) fn open_direct(
    context: &Context<'_>,
    by: Author,
    id: ConversationId,
    with: UserId,
) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    let no = me.no;
    me.require(Action::StartDirect, Relation::Stranger)?;
    if with == by.user {
        return Err(Refusal::invalid("/participants/0", "A conversation needs another person than yourself.").into());
    }
    // An open conversation is found again whatever the contact matrix says by now.
    if let Some(other) = context.lookup.user_no(with)?
        && let Some(found) = context.lookup.direct(no, other)?
    {
        return Ok(Decision::nothing(Outcome::Conversation { no: found, created: false }));
    }
    let (other, other_account) = contact(context, &me.account, with)?;
    let members = vec![new_member(context, no, false), new_member(context, other, false)];
    let mut decision = new_conversation(context, no, id, ConversationKind::Direct, None, members);
    decision.puts.extend(visitors::met(no, &me.account));
    decision.puts.extend(visitors::met(other, &other_account));
    decision.puts.push(Put::Direct { one: no, other, no: context.next.conversation });
    Ok(decision)
}

pub(super) fn create_group(
    context: &Context<'_>,
    by: Author,
    id: ConversationId,
    subject: Option<String>,
    participants: &[UserId],
) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    let no = me.no;
    me.require(Action::CreateGroup, Relation::Stranger)?;
    let mut members = vec![new_member(context, no, true)];
    let mut met = Vec::new();
    for (i, user) in participants.iter().enumerate() {
        let (other, other_account) = contact(context, &me.account, *user).map_err(|stop| match stop {
            Stop::Refused(mut refusal) => {
                let detail = refusal.detail.clone();
                refusal.fields = vec![crate::state::Field { pointer: format!("/participants/{i}").into(), detail }];
                Stop::Refused(refusal)
            }
            store @ Stop::Store(_) => store,
        })?;
        if other != no {
            members.push(new_member(context, other, false));
            met.extend(visitors::met(other, &other_account));
        }
    }
    members.sort_by_key(|member| member.user);
    members.dedup_by_key(|member| member.user);
    if members.len() > context.rules.group_participants {
        return Err(too_many(context).into());
    }
    let mut decision = new_conversation(context, no, id, ConversationKind::Group, subject, members);
    decision.puts.extend(met);
    Ok(decision)
}

fn new_conversation(
    context: &Context<'_>,
    by: UserNo,
    id: ConversationId,
    kind: ConversationKind,
    subject: Option<String>,
    members: Vec<Member>,
) -> Decision {
    let no = context.next.conversation;
    Decision {
        by: Some(by),
        puts: vec![Put::Conversation { id, no }],
        changes: vec![(
            Change::ConversationCreated { conversation: no, id, kind, subject, members, began: None },
            None,
        )],
        outcome: Outcome::Conversation { no, created: true },
    }
}

pub(super) fn add_participant(
    context: &Context<'_>,
    by: Author,
    conversation: ConversationId,
    user: UserId,
) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    let no = me.no;
    let conversation = own_conversation(context, no, conversation)?;
    require_group(&conversation)?;
    me.require(Action::AddParticipant, conversation.relation(no))?;
    let outcome = Outcome::Conversation { no: conversation.no, created: false };
    let (other, other_account) = contact(context, &me.account, user)?;
    if conversation.members.get(other).is_some() {
        return Ok(Decision::nothing(outcome));
    }
    if conversation.members.len() >= context.rules.group_participants {
        return Err(too_many(context).into());
    }
    let change = Change::ParticipantAdded {
        conversation: conversation.no,
        member: new_member(context, other, false),
        version: conversation.version + 1,
        read: conversation.last_seq,
    };
    let puts = visitors::met(other, &other_account).into_iter().collect();
    Ok(Decision { by: Some(no), puts, changes: vec![(change, None)], outcome })
}

pub(super) fn remove_participant(
    context: &Context<'_>,
    by: Author,
    conversation: ConversationId,
    user: UserId,
) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    let no = me.no;
    let conversation = own_conversation(context, no, conversation)?;
    require_group(&conversation)?;
    let action = if user == by.user { Action::Leave } else { Action::RemoveParticipant };
    me.require(action, conversation.relation(no))?;
    let gone = match context.lookup.user_no(user)? {
        Some(other) if conversation.members.get(other).is_some() => other,
        _ => return Err(Refusal::not_found("There is no such participant.").into()),
    };
    let version = conversation.version + 1;
    let change = Change::ParticipantRemoved { conversation: conversation.no, user: gone, version };
    Ok(Decision { by: Some(no), puts: Vec::new(), changes: vec![(change, None)], outcome: Outcome::Done })
}

/// The conversation, if it is theirs; otherwise it does not exist for them.
pub(super) fn own_conversation(
    context: &Context<'_>,
    user: UserNo,
    id: ConversationId,
) -> Result<Arc<Conversation>, Stop> {
    let absent = || Refusal::not_found(NO_SUCH_CONVERSATION);
    let no = context.lookup.conversation_no(id)?.ok_or_else(absent)?;
    let conversation = context.lookup.conversation(no)?.ok_or_else(absent)?;
    if conversation.members.get(user).is_none() {
        return Err(absent().into());
    }
    Ok(conversation)
}

/// Somebody whom this person may write to; otherwise they do not exist for them.
fn contact(context: &Context<'_>, from: &Account, to: UserId) -> Result<(UserNo, Arc<Account>), Stop> {
    let absent = || Refusal::not_found(NO_SUCH_PERSON);
    let no = context.lookup.user_no(to)?.ok_or_else(absent)?;
    let account = context.lookup.account(no)?.ok_or_else(absent)?;
    let reachable = account.state == AccountState::Active && context.rules.contacts.may_start(from.role, account.role);
    if to == from.id || reachable { Ok((no, account)) } else { Err(absent().into()) }
}

fn new_member(context: &Context<'_>, user: UserNo, owner: bool) -> Member {
    Member { user, owner, joined_at: context.now, joined: context.next.position }
}

fn require_group(conversation: &Conversation) -> Result<(), Refusal> {
    match conversation.kind {
        ConversationKind::Group => Ok(()),
        _ => Err(Refusal::new(
            ErrorCode::Conflict,
            "The participants of a direct conversation do not change; create a group instead.",
        )),
    }
}

fn too_many(context: &Context<'_>) -> Refusal {
    let most = context.rules.group_participants;
    Refusal::invalid("/participants", format!("A group has at most {most} participants."))
}
