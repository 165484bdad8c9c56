//! How far somebody has come in a conversation.

use std::sync::Arc;

use chat_proto::{ConversationId, Seq};

use super::conversations::own_conversation;
use super::{Context, Decision, Stop};
use crate::access::Action;
use crate::state::{Author, Change, Conversation, Mark, Outcome, UserNo};

pub(super) fn read(
    context: &Context<'_>,
    by: Author,
    conversation: ConversationId,
    seq: Seq,
) -> Result<Decision, Stop> {
    let (user, conversation, mark) = own_mark(context, by, conversation)?;
    // Beyond the newest message there is nothing to have read; backwards there is nothing to do.
    let seq = seq.min(conversation.last_seq);
    if seq <= mark.read {
        return Ok(Decision::nothing(Outcome::Done));
    }
    // What was read before it was marked as unread is known to the others already.
    let shared = conversation.receipts && seq > mark.seen;
    Ok(moved(user, Change::ReadMoved { conversation: conversation.no, user, seq, shared }))
}

pub(super) fn unread(
    context: &Context<'_>,
    by: Author,
    conversation: ConversationId,
    seq: Seq,
) -> Result<Decision, Stop> {
    let (user, conversation, mark) = own_mark(context, by, conversation)?;
    let before = Seq(seq.0.saturating_sub(1));
    if before >= mark.read {
        return Ok(Decision::nothing(Outcome::Done));
    }
    Ok(moved(user, Change::ReadMoved { conversation: conversation.no, user, seq: before, shared: false }))
}

pub(super) fn delivered(
    context: &Context<'_>,
    by: Author,
    conversation: ConversationId,
    seq: Seq,
) -> Result<Decision, Stop> {
    let (user, conversation, mark) = own_mark(context, by, conversation)?;
    let seq = seq.min(conversation.last_seq);
    if seq <= mark.delivered || !conversation.receipts {
        return Ok(Decision::nothing(Outcome::Done));
    }
    Ok(moved(user, Change::DeliveredMoved { conversation: conversation.no, user, seq }))
}

fn own_mark(
    context: &Context<'_>,
    by: Author,
    conversation: ConversationId,
) -> Result<(UserNo, Arc<Conversation>, Mark), Stop> {
    let me = context.author(by)?;
    let no = me.no;
    let conversation = own_conversation(context, no, conversation)?;
    me.require(Action::MoveMark, conversation.relation(no))?;
    let mark = context.lookup.mark(conversation.no, no)?;
    Ok((no, conversation, mark))
}

fn moved(by: UserNo, change: Change) -> Decision {
    Decision { by: Some(by), puts: Vec::new(), changes: vec![(change, None)], outcome: Outcome::Done }
}
