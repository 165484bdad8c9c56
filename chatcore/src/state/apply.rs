use std::sync::Arc;

use chat_proto::{ClientId, Seq};

use super::rows::{Conversation, Members, MessageRow};
use super::{Change, ConversationNo, Entry, Position, UserNo};
use crate::store::StoreError;

/// The rows that are derived from the log, as [`apply`] reads and writes them.
pub trait Derived {
    /// The conversation as it stands before the entry.
    fn conversation(&self, no: ConversationNo) -> Result<Option<Arc<Conversation>>, StoreError>;
    /// Replaces a conversation, its members included.
    fn put_conversation(&mut self, conversation: Conversation);
    /// Where the message with this number stands.
    fn put_message(&mut self, conversation: ConversationNo, seq: Seq, position: Position);
    /// Where the author's message of this name stands.
    fn put_sent(&mut self, author: UserNo, client_id: &ClientId, position: Position);
    /// The last message that somebody has read.
    fn put_read_mark(&mut self, conversation: ConversationNo, user: UserNo, seq: Seq);
}

/// Applies one entry of the log to the derived rows. `body` is the message of a [`Change::MessageCreated`].
///
/// Whatever is written follows from the entry alone: replaying entries over rows that already show some of them ends
/// in the same rows. That is what makes it safe to apply in batches and to crash in between.
pub fn apply(
    position: Position,
    entry: &Entry,
    body: Option<&MessageRow>,
    rows: &mut impl Derived,
) -> Result<(), StoreError> {
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
                last_message: Position(0),
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
            let body = body.ok_or_else(|| StoreError::corrupt("a message without its body"))?;
            let mut changed = existing(rows, *conversation)?;
            changed.last_seq = *seq;
            changed.last_message = position;
            changed.updated_at = entry.at;
            changed.activity = position;
            rows.put_conversation(changed);
            rows.put_message(*conversation, *seq, position);
            rows.put_sent(body.author, &body.client_id, position);
            // Who writes has read what stands above.
            rows.put_read_mark(*conversation, body.author, *seq);
        }
        Change::ReadMoved { conversation, user, seq } => rows.put_read_mark(*conversation, *user, *seq),
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
