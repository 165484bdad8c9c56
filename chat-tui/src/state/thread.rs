use std::collections::{BTreeMap, HashMap};

use chat_proto::model::Message;
use chat_proto::{MessageId, Seq, Timestamp, UserId};

use super::FileOf;
use crate::safe;

/// What is known of a conversation's messages.
#[derive(Debug, Default)]
pub(crate) struct Thread {
    pub(crate) entries: BTreeMap<Seq, Entry>,
    places: HashMap<MessageId, Seq>,
    pub(crate) more_before: bool,
    pub(crate) more_after: bool,
    pub(crate) loading: bool,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: MessageId,
    pub(crate) author: String,
    pub(crate) mine: bool,
    pub(crate) text: String,
    pub(crate) files: Vec<FileOf>,
    pub(crate) at: Timestamp,
    pub(crate) edited: bool,
    pub(crate) deleted: bool,
    pub(crate) reply_to: Option<MessageId>,
    /// Emoji, how many, and whether I am among them.
    pub(crate) reactions: Vec<(String, usize, bool)>,
}

impl Thread {
    pub(crate) fn put(&mut self, message: &Message, me: UserId) {
        self.places.insert(message.id, message.seq);
        self.entries.insert(message.seq, Entry::of(message, me));
    }

    pub(crate) fn remove(&mut self, seq: Seq) {
        if let Some(entry) = self.entries.remove(&seq) {
            self.places.remove(&entry.id);
        }
    }

    /// A message that is held, by its id.
    pub(crate) fn by_id(&self, id: MessageId) -> Option<(Seq, &Entry)> {
        let seq = *self.places.get(&id)?;
        Some((seq, self.entries.get(&seq)?))
    }

    pub(crate) fn first(&self) -> Option<Seq> {
        self.entries.keys().next().copied()
    }

    pub(crate) fn last(&self) -> Option<Seq> {
        self.entries.keys().next_back().copied()
    }

    pub(crate) fn before(&self, seq: Seq) -> Option<Seq> {
        self.entries.range(..seq).next_back().map(|(seq, _)| *seq)
    }

    pub(crate) fn after(&self, seq: Seq) -> Option<Seq> {
        self.entries.range(seq.next()..).next().map(|(seq, _)| *seq)
    }
}

impl Entry {
    fn of(message: &Message, me: UserId) -> Self {
        let reaction = |reaction: &chat_proto::model::Reaction| {
            (safe::line(&reaction.emoji), reaction.users.len(), reaction.users.contains(&me))
        };
        Self {
            id: message.id,
            author: safe::line(&message.author.name),
            mine: message.author.id == me,
            text: if message.deleted_at.is_some() { "(deleted)".to_owned() } else { safe::text(&message.text) },
            files: message.attachments.iter().map(FileOf::of).collect(),
            at: message.created_at,
            edited: message.edited_at.is_some(),
            deleted: message.deleted_at.is_some(),
            reply_to: message.reply_to,
            reactions: message.reactions.iter().map(reaction).collect(),
        }
    }
}
