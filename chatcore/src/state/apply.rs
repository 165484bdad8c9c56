use std::sync::Arc;

use chat_proto::{ClientId, Seq};

use super::rows::{Conversation, Mark, Members, MessageRow, RECEIPTS_UP_TO};
use super::{Change, ConversationNo, Entry, Position, Scope, UserNo};
use crate::store::StoreError;

/// The rows that are derived from the log, as [`apply`] reads and writes them.
pub trait Derived {
    /// The conversation as it stands before the entry.
    fn conversation(&self, no: ConversationNo) -> Result<Option<Arc<Conversation>>, StoreError>;
    /// Replaces a conversation, its members included.
    fn put_conversation(&mut self, conversation: Conversation);
    /// Adds a message.
    fn put_message(&mut self, message: &Arc<MessageRow>);
    /// Replaces a message wherever it stands.
    fn replace_message(&mut self, message: &Arc<MessageRow>);
    /// Under which name the author sent it.
    fn put_sent(&mut self, author: UserNo, client_id: &ClientId, message: (ConversationNo, Seq));
    /// How far somebody had come before the entry.
    fn mark(&self, conversation: ConversationNo, user: UserNo) -> Result<Mark, StoreError>;
    /// How far somebody has come.
    fn put_mark(&mut self, conversation: ConversationNo, user: UserNo, mark: Mark);
    /// Whose business the entry at this position is.
    fn put_scope(&mut self, scope: Scope, position: Position);
}

/// Applies one entry of the log to the derived rows. `message` is the row of the message that it concerns.
///
/// Whatever is written follows from the entry alone: replaying entries over rows that already show some of them ends
/// in the same rows. That is what makes it safe to apply in batches and to crash in between.
pub fn apply(
    position: Position,
    entry: &Entry,
    message: Option<&Arc<MessageRow>>,
    rows: &mut impl Derived,
) -> Result<(), StoreError> {
    rows.put_scope(entry.change.scope(), position);
    match &entry.change {
        Change::AccountCreated { .. }
        | Change::AccountChanged { .. }
        | Change::PasswordChanged { .. }
        | Change::AccountRemoved { .. }
        | Change::Tidied
        | Change::InvitationMade { .. }
        | Change::InvitationEnded { .. }
        | Change::LetterWritten { .. }
        | Change::LettersForgotten { .. }
        | Change::SessionStarted { .. }
        | Change::SessionRenewed { .. }
        | Change::SessionEnded { .. } => {}
        Change::ConversationCreated { conversation, id, kind, subject, members, began } => {
            let created_at = began.unwrap_or(entry.at);
            rows.put_conversation(Conversation {
                receipts: members.len() <= RECEIPTS_UP_TO,
                no: *conversation,
                id: *id,
                kind: *kind,
                subject: subject.as_deref().map(Arc::from),
                created_at,
                updated_at: created_at,
                version: 1,
                last_seq: Seq::ZERO,
                activity: position,
                members: Arc::new(Members::new(members.clone())),
            });
        }
        Change::ParticipantAdded { conversation, member, version, read } => {
            let mut changed = existing(rows, *conversation)?;
            changed.members = Arc::new(changed.members.with(member.clone()));
            changed.receipts &= changed.members.len() <= RECEIPTS_UP_TO;
            touch(&mut changed, entry, position, *version);
            rows.put_conversation(changed);
            read_on(rows, *conversation, member.user, *read)?;
        }
        Change::ParticipantRemoved { conversation, user, version } => {
            let mut changed = existing(rows, *conversation)?;
            changed.members = Arc::new(changed.members.without(*user));
            touch(&mut changed, entry, position, *version);
            rows.put_conversation(changed);
        }
        Change::MessageCreated { conversation, seq } => {
            let message = message.ok_or_else(|| StoreError::corrupt("a message without its row"))?;
            let mut changed = existing(rows, *conversation)?;
            changed.last_seq = *seq;
            // Not the entry's moment: a message that was brought over is older than its entry.
            changed.updated_at = changed.updated_at.max(message.created_at);
            changed.activity = position;
            rows.put_conversation(changed);
            rows.put_message(message);
            rows.put_sent(message.author, &message.client_id, (*conversation, *seq));
            // Who writes has read what stands above.
            read_on(rows, *conversation, message.author, *seq)?;
        }
        Change::MessageChanged { .. } => {
            rows.replace_message(message.ok_or_else(|| StoreError::corrupt("a message without its row"))?);
        }
        Change::ReadMoved { conversation, user, seq, .. } => read_on(rows, *conversation, *user, *seq)?,
        Change::DeliveredMoved { conversation, user, seq } => {
            let before = rows.mark(*conversation, *user)?;
            rows.put_mark(*conversation, *user, Mark { delivered: before.delivered.max(*seq), ..before });
        }
    }
    Ok(())
}

fn existing(rows: &impl Derived, no: ConversationNo) -> Result<Conversation, StoreError> {
    let conversation = rows.conversation(no)?;
    conversation
        .map(|conversation| (*conversation).clone())
        .ok_or_else(|| StoreError::corrupt("an entry of a conversation that does not exist"))
}

/// The mark stands here now; what the others know of it never goes back.
fn read_on(rows: &mut impl Derived, conversation: ConversationNo, user: UserNo, to: Seq) -> Result<(), StoreError> {
    let before = rows.mark(conversation, user)?;
    let mark = Mark { read: to, seen: before.seen.max(to), delivered: before.delivered.max(to) };
    rows.put_mark(conversation, user, mark);
    Ok(())
}

fn touch(conversation: &mut Conversation, entry: &Entry, position: Position, version: u64) {
    conversation.version = version;
    conversation.updated_at = entry.at;
    conversation.activity = position;
}
