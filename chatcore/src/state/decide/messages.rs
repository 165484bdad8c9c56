//! Writing messages, and changing them.

use std::sync::Arc;

use chat_proto::model::{Message, MessageKind, Reaction};
use chat_proto::{ConversationId, ErrorCode, MessageId, Seq, UserId};

use super::conversations::own_conversation;
use super::{Account, Context, Decision, MessageRow, NewMessage, Refusal, Stop, attachments};
use crate::access::Action;
use crate::state::rows::{MessageExtras, Put, ReactionRow, RevisionRow};
use crate::state::{
    AttachmentRow, Author, Change, Conversation, ConversationNo, FileRow, Lookup, MessageChange, Minter, Outcome, Post,
    UserNo, shown, wrote,
};
use crate::store::StoreError;

/// A message keeps so many earlier texts; then it cannot be changed any more.
const MOST_REVISIONS: usize = 100;
/// All reactions of a message, of all kinds and people: they stand in its row and in each event that tells of it.
const MOST_REACTIONS: usize = 250;
/// Kinds of reaction to one message.
const MOST_EMOJI: usize = 20;

const NO_SUCH_MESSAGE: &str = "There is no such message.";

pub(super) fn send(
    context: &Context<'_>,
    minter: &mut Minter,
    by: Author,
    conversation: ConversationId,
    post: Post,
) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    let no = me.no;
    me.require_scope(Action::PostMessage)?;
    // A message sent before is answered with its first result, even when its author was removed since.
    if let Some(first) = context.lookup.sent(no, &post.client_id)? {
        return sent_before(context, first, &me.account, conversation, &post);
    }
    let conversation = own_conversation(context, no, conversation)?;
    me.require(Action::PostMessage, conversation.relation(no))?;
    if let Some(pace) = &context.rules.pace {
        pace.send(no, conversation.no)?;
    }
    if post.if_last_seq.is_some_and(|last| last != conversation.last_seq) {
        return Err(Refusal::newer_messages(conversation.last_seq).into());
    }
    let files = attachments::for_message(context, no, &post.attachments)?;
    let extras = extras(context, &conversation, &post, &files)?;
    let row = MessageRow {
        id: minter.message_id(),
        conversation: conversation.no,
        seq: conversation.last_seq.next(),
        position: context.next.position,
        author: no,
        client_id: post.client_id,
        text: post.text,
        created_at: context.now,
        version: 1,
        extras,
    };
    let message = Arc::new(message_of(context.lookup, &row, conversation.id, &me.account)?);
    Ok(Decision {
        by: Some(no),
        puts: attachments::send(files, &row),
        outcome: Outcome::Sent { message: Arc::clone(&message), duplicate: false },
        changes: vec![(
            Change::MessageCreated { conversation: row.conversation, seq: row.seq },
            Some(NewMessage { row: Arc::new(row), message }),
        )],
    })
}

fn extras(
    context: &Context<'_>,
    conversation: &Conversation,
    post: &Post,
    files: &[AttachmentRow],
) -> Result<Option<Box<MessageExtras>>, Stop> {
    if post.reply_to.is_none() && post.mentions.is_empty() && files.is_empty() {
        return Ok(None);
    }
    if let Some(id) = post.reply_to
        && find(context.lookup, conversation, id)?.is_none()
    {
        return Err(Refusal::invalid("/reply_to", NO_SUCH_MESSAGE).into());
    }
    let mut mentions = Vec::with_capacity(post.mentions.len());
    for (i, user) in post.mentions.iter().enumerate() {
        match context.lookup.user_no(*user)? {
            Some(no) if conversation.members.get(no).is_some() => mentions.push(no),
            _ => {
                return Err(Refusal::invalid(format!("/mentions/{i}"), "There is no such participant.").into());
            }
        }
    }
    let attachments = files.iter().map(|row| row.file.clone()).collect();
    let reply_to = post.reply_to;
    Ok(Some(Box::new(MessageExtras { reply_to, mentions, attachments, ..MessageExtras::default() })))
}

fn sent_before(
    context: &Context<'_>,
    (no, seq): (ConversationNo, Seq),
    author: &Account,
    conversation: ConversationId,
    post: &Post,
) -> Result<Decision, Stop> {
    let row = context.lookup.message(no, seq)?.ok_or_else(|| StoreError::corrupt("a message without its row"))?;
    let first = context.lookup.conversation(no)?;
    match first.filter(|first| first.id == conversation) {
        Some(first) if is_what_was_sent(context, &row, post)? => {
            let message = Arc::new(message_of(context.lookup, &row, first.id, author)?);
            Ok(Decision::nothing(Outcome::Sent { message, duplicate: true }))
        }
        _ => Err(Refusal::new(
            ErrorCode::IdempotencyMismatch,
            "You have sent another message under this client_id. Give each message a new one.",
        )
        .into()),
    }
}

/// Compares with what the message said at first; of one that is deleted nothing is known any more.
fn is_what_was_sent(context: &Context<'_>, row: &MessageRow, post: &Post) -> Result<bool, StoreError> {
    if row.is_deleted() {
        return Ok(true);
    }
    let revisions = context.lookup.revisions(row.conversation, row.seq)?;
    let first = revisions.first().map_or(&row.text, |first| &first.text);
    let same_files = row.attachments().iter().map(|file| file.id).eq(post.attachments.iter().copied());
    Ok(*first == post.text && row.reply_to() == post.reply_to && same_files)
}

pub(super) fn edit(
    context: &Context<'_>,
    by: Author,
    conversation: ConversationId,
    message: MessageId,
    text: String,
    if_version: Option<u64>,
) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    let no = me.no;
    let conversation = own_conversation(context, no, conversation)?;
    let row = existing(context, &conversation, message)?;
    if !wrote(context.lookup, &row, no)? {
        return Err(Refusal::new(ErrorCode::Forbidden, "Only its author can change a message.").into());
    }
    me.require(Action::ChangeOwnMessage, conversation.relation(no))?;
    require_version(&row, if_version)?;
    require_text(&row)?;
    if row.text == text {
        return unchanged(context, &row, &conversation);
    }
    if text.is_empty() && row.attachments().is_empty() {
        return Err(Refusal::invalid("/text", "A message needs some text.").into());
    }
    let revisions = context.lookup.revisions(row.conversation, row.seq)?.len();
    if revisions >= MOST_REVISIONS {
        let detail = format!("A message can be changed {MOST_REVISIONS} times; write a new one.");
        return Err(Refusal::new(ErrorCode::Conflict, detail).into());
    }
    let mut changed = (*row).clone();
    let since = row.extras.as_ref().and_then(|extras| extras.edited_at).unwrap_or(row.created_at);
    let text = std::mem::replace(&mut changed.text, text);
    extras_of(&mut changed).edited_at = Some(context.now);
    let revision = RevisionRow { version: row.version, text, at: since };
    let put = Put::Revision { conversation: row.conversation, seq: row.seq, revision };
    changed_message(context, no, &conversation, changed, MessageChange::Edited, vec![put])
}

pub(super) fn delete(
    context: &Context<'_>,
    by: Author,
    conversation: ConversationId,
    message: MessageId,
    if_version: Option<u64>,
) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    let no = me.no;
    let conversation = own_conversation(context, no, conversation)?;
    let row = existing(context, &conversation, message)?;
    let own = wrote(context.lookup, &row, no)?;
    let action = if own { Action::ChangeOwnMessage } else { Action::DeleteMessage };
    me.require(action, conversation.relation(no))?;
    if row.is_deleted() {
        return unchanged(context, &row, &conversation);
    }
    require_version(&row, if_version)?;
    let mut changed = (*row).clone();
    changed.text = String::new();
    changed.extras = Some(Box::new(MessageExtras { deleted_at: Some(context.now), ..MessageExtras::default() }));
    let mut puts = attachments::forget_with(context, row.attachments())?;
    puts.push(Put::NoRevisions { conversation: row.conversation, seq: row.seq });
    changed_message(context, no, &conversation, changed, MessageChange::Deleted, puts)
}

pub(super) fn react(
    context: &Context<'_>,
    by: Author,
    conversation: ConversationId,
    message: MessageId,
    emoji: String,
    on: bool,
) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    let no = me.no;
    let conversation = own_conversation(context, no, conversation)?;
    me.require(Action::React, conversation.relation(no))?;
    let row = existing(context, &conversation, message)?;
    require_text(&row)?;
    let mut changed = (*row).clone();
    let reactions = &mut extras_of(&mut changed).reactions;
    let kind = reactions.iter().position(|reaction| reaction.emoji == emoji);
    let theirs = kind.is_some_and(|kind| reactions[kind].users.contains(&no));
    match (kind, on) {
        _ if theirs == on => return unchanged(context, &row, &conversation),
        (Some(kind), false) => {
            reactions[kind].users.retain(|user| *user != no);
            if reactions[kind].users.is_empty() {
                reactions.remove(kind);
            }
        }
        (kind, _) => {
            let all: usize = reactions.iter().map(|reaction| reaction.users.len()).sum();
            if all >= MOST_REACTIONS || (kind.is_none() && reactions.len() >= MOST_EMOJI) {
                return Err(Refusal::new(ErrorCode::Conflict, "This message has all the reactions it can hold.").into());
            }
            match kind {
                Some(kind) => reactions[kind].users.push(no),
                None => reactions.push(ReactionRow { emoji, users: vec![no] }),
            }
        }
    }
    if changed.extras.as_deref() == Some(&MessageExtras::default()) {
        changed.extras = None;
    }
    changed_message(context, no, &conversation, changed, MessageChange::Reacted, Vec::new())
}

fn extras_of(row: &mut MessageRow) -> &mut MessageExtras {
    row.extras.get_or_insert_default()
}

fn require_version(row: &MessageRow, version: Option<u64>) -> Result<(), Refusal> {
    match version {
        Some(version) if version != row.version => Err(Refusal::version_mismatch(row.version)),
        _ => Ok(()),
    }
}

fn require_text(row: &MessageRow) -> Result<(), Refusal> {
    if row.is_deleted() {
        return Err(Refusal::new(ErrorCode::Conflict, "This message was deleted."));
    }
    Ok(())
}

fn changed_message(
    context: &Context<'_>,
    by: UserNo,
    conversation: &Conversation,
    mut row: MessageRow,
    how: MessageChange,
    puts: Vec<Put>,
) -> Result<Decision, Stop> {
    row.version += 1;
    let change = Change::MessageChanged { conversation: row.conversation, seq: row.seq, version: row.version, how };
    let message = Arc::new(authored(context.lookup, &row, conversation.id)?);
    let outcome = Outcome::Message(Arc::clone(&message));
    Ok(Decision {
        by: Some(by),
        puts,
        changes: vec![(change, Some(NewMessage { row: Arc::new(row), message }))],
        outcome,
    })
}

fn unchanged(context: &Context<'_>, row: &MessageRow, conversation: &Conversation) -> Result<Decision, Stop> {
    Ok(Decision::nothing(Outcome::Message(Arc::new(authored(context.lookup, row, conversation.id)?))))
}

fn existing(context: &Context<'_>, conversation: &Conversation, id: MessageId) -> Result<Arc<MessageRow>, Stop> {
    Ok(find(context.lookup, conversation, id)?.ok_or_else(|| Refusal::not_found(NO_SUCH_MESSAGE))?)
}

/// The message with this id. Ids grow with the numbers, so it is looked for by halves.
pub(crate) fn find(
    lookup: &dyn Lookup,
    conversation: &Conversation,
    id: MessageId,
) -> Result<Option<Arc<MessageRow>>, StoreError> {
    let (mut from, mut to) = (1, conversation.last_seq.0);
    while from <= to {
        let middle = from + (to - from) / 2;
        let row = lookup.message(conversation.no, Seq(middle))?;
        let row = row.ok_or_else(|| StoreError::corrupt("a number without its message"))?;
        match row.id.cmp(&id) {
            std::cmp::Ordering::Equal => return Ok(Some(row)),
            std::cmp::Ordering::Less => from = middle + 1,
            std::cmp::Ordering::Greater => to = middle - 1,
        }
    }
    Ok(None)
}

/// The message as its author sees it.
pub(crate) fn authored(
    lookup: &dyn Lookup,
    row: &MessageRow,
    conversation: ConversationId,
) -> Result<Message, StoreError> {
    message_of(lookup, row, conversation, &*known(lookup, row.author)?)
}

/// The same, by who is its author.
pub(crate) fn message_of(
    lookup: &dyn Lookup,
    row: &MessageRow,
    conversation: ConversationId,
    author: &Account,
) -> Result<Message, StoreError> {
    let ids = |users: &[UserNo]| -> Result<Vec<UserId>, StoreError> {
        users.iter().map(|user| Ok(known(lookup, *user)?.id)).collect()
    };
    let mut message = Message {
        id: row.id,
        conversation_id: conversation,
        seq: row.seq,
        version: row.version,
        author: author.person(),
        kind: MessageKind::Message,
        text: row.text.clone(),
        reply_to: None,
        mentions: Vec::new(),
        attachments: Vec::new(),
        reactions: Vec::new(),
        created_at: row.created_at,
        edited_at: None,
        deleted_at: None,
        client_id: Some(row.client_id.clone()),
    };
    if let Some(extras) = &row.extras {
        message.reply_to = extras.reply_to;
        message.mentions = ids(&extras.mentions)?;
        message.attachments = extras.attachments.iter().map(FileRow::shown).collect();
        for ReactionRow { emoji, users } in &extras.reactions {
            message.reactions.push(Reaction { emoji: emoji.clone(), users: ids(users)? });
        }
        message.edited_at = extras.edited_at;
        message.deleted_at = extras.deleted_at;
    }
    Ok(message)
}

fn known(lookup: &dyn Lookup, no: UserNo) -> Result<Arc<Account>, StoreError> {
    let (_, account) =
        shown(lookup, no)?.ok_or_else(|| StoreError::corrupt("a message of an account that does not exist"))?;
    Ok(account)
}
