use std::sync::Arc;

use chat_proto::{ClientId, Seq};

use super::rows::{Conversation, Members, MessageRow};
use super::{Change, ConversationNo, Entry, Position, Scope, UserNo};
use crate::store::StoreError;

/// The rows that are derived from the log, as [`apply`] reads and writes them.
pub trait Derived {
    /// The conversation as it stands before the entry.
    fn conversation(&self, no: ConversationNo) -> Result<Option<Arc<Conversation>>, StoreError>;
    /// Replaces a conversation, its members included.
    fn put_conversation(&mut self, conversation: Conversation);
    /// Adds or replaces a message.
    fn put_message(&mut self, message: &Arc<MessageRow>);
    /// Under which name the author sent it.
    fn put_sent(&mut self, author: UserNo, client_id: &ClientId, message: (ConversationNo, Seq));
    /// The last message that somebody has read.
    fn put_read_mark(&mut self, conversation: ConversationNo, user: UserNo, seq: Seq);
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
        | Change::SessionStarted { .. }
        | Change::SessionEnded { .. } => {}
        Change::ConversationCreated { conversation, id, kind, subject, members } => {
            rows.put_conversation(Conversation {
                no: *conversation,
                id: *id,
                kind: *kind,
                subject: subject.as_deref().map(Arc::from),
                created_at: entry.at,
                updated_at: entry.at,
                version: 1,
                last_seq: Seq::ZERO,
                activity: position,
                members: Arc::new(Members::new(members.clone())),
            });
        }
        Change::ParticipantAdded { conversation, member, version, read } => {
            let mut changed = existing(rows, *conversation)?;
            changed.members = Arc::new(changed.members.with(member.clone()));
            touch(&mut changed, entry, position, *version);
            rows.put_conversation(changed);
            rows.put_read_mark(*conversation, member.user, *read);
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
            changed.updated_at = entry.at;
            changed.activity = position;
            rows.put_conversation(changed);
            rows.put_message(message);
            rows.put_sent(message.author, &message.client_id, (*conversation, *seq));
            // Who writes has read what stands above.
            rows.put_read_mark(*conversation, message.author, *seq);
        }
        Change::ReadMoved { conversation, user, seq, .. } => rows.put_read_mark(*conversation, *user, *seq),
    }
    Ok(())
}

fn existing(rows: &impl Derived, no: ConversationNo) -> Result<Conversation, StoreError> {
    let conversation = rows.conversation(no)?;
    conversation
        .map(|conversation| (*conversation).clone())
        .ok_or_else(|| StoreError::corrupt("an entry of a conversation that does not exist"))
}

fn touch(conversation: &mut Conversation, entry: &Entry, position: Position, version: u64) {
    conversation.version = version;
    conversation.updated_at = entry.at;
    conversation.activity = position;
}
