use std::sync::Arc;

use chat_proto::model::{Message, MessageKind};
use chat_proto::{ClientId, ConversationId, ErrorCode, Seq};

use super::conversations::own_conversation;
use super::{Account, Context, Decision, MessageRow, NewMessage, Refusal, Stop};
use crate::access::{self, Action};
use crate::state::{Author, Change, ConversationNo, Minter, Outcome};
use crate::store::StoreError;

/// Read receipts in larger conversations go to the reader's own devices only: with everybody told of everybody's
/// reading, one message to 500 people would cost 250,000 deliveries.
const RECEIPTS_UP_TO: usize = 50;

pub(super) fn send(
    context: &Context<'_>,
    minter: &mut Minter,
    by: Author,
    conversation: ConversationId,
    client_id: ClientId,
    text: String,
) -> Result<Decision, Stop> {
    let (no, account) = context.author(by)?;
    // A message sent before is answered with its first result, even when its author was removed since.
    if let Some(first) = context.lookup.sent(no, &client_id)? {
        return sent_before(context, first, &account, conversation, &text);
    }
    let conversation = own_conversation(context, no, conversation)?;
    access::require(account.role, Action::PostMessage, conversation.relation(no))?;
    let row = MessageRow {
        id: minter.message_id(),
        conversation: conversation.no,
        seq: conversation.last_seq.next(),
        position: context.next.position,
        author: no,
        client_id,
        text,
        created_at: context.now,
        version: 1,
    };
    let message = Arc::new(message_of(&row, conversation.id, &account));
    Ok(Decision {
        by: Some(no),
        puts: Vec::new(),
        outcome: Outcome::Sent { message: Arc::clone(&message), duplicate: false },
        changes: vec![(
            Change::MessageCreated { conversation: row.conversation, seq: row.seq },
            Some(NewMessage { row: Arc::new(row), message }),
        )],
    })
}

fn sent_before(
    context: &Context<'_>,
    (no, seq): (ConversationNo, Seq),
    author: &Account,
    conversation: ConversationId,
    text: &str,
) -> Result<Decision, Stop> {
    let row = context.lookup.message(no, seq)?.ok_or_else(|| StoreError::corrupt("a message without its row"))?;
    match context.lookup.conversation(no)? {
        Some(first) if first.id == conversation && row.text == text => {
            let message = Arc::new(message_of(&row, first.id, author));
            Ok(Decision::nothing(Outcome::Sent { message, duplicate: true }))
        }
        _ => Err(Refusal::new(
            ErrorCode::IdempotencyMismatch,
            "You have sent another message under this client_id. Give each message a new one.",
        )
        .into()),
    }
}

/// The message as its author sees it.
pub(crate) fn message_of(row: &MessageRow, conversation: ConversationId, author: &Account) -> Message {
    Message {
        id: row.id,
        conversation_id: conversation,
        seq: row.seq,
        version: row.version,
        author: author.person(),
        kind: MessageKind::Message,
        text: row.text.clone(),
        created_at: row.created_at,
        client_id: Some(row.client_id.clone()),
    }
}

pub(super) fn move_read_mark(
    context: &Context<'_>,
    by: Author,
    conversation: ConversationId,
    seq: Seq,
) -> Result<Decision, Stop> {
    let (no, account) = context.author(by)?;
    let conversation = own_conversation(context, no, conversation)?;
    access::require(account.role, Action::MoveReadMark, conversation.relation(no))?;
    // Beyond the newest message there is nothing to have read; backwards there is nothing to do.
    let seq = seq.min(conversation.last_seq);
    if seq <= context.lookup.read_mark(conversation.no, no)? {
        return Ok(Decision::nothing(Outcome::Done));
    }
    let shared = conversation.members.len() <= RECEIPTS_UP_TO;
    let change = Change::ReadMoved { conversation: conversation.no, user: no, seq, shared };
    Ok(Decision { by: Some(no), puts: Vec::new(), changes: vec![(change, None)], outcome: Outcome::Done })
}
