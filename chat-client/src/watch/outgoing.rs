use chat_proto::model::Message;
use chat_proto::{ClientId, ConversationId, Seq};

use super::{Diff, Inbox};
use crate::Error;
use crate::follow::OutboxEntry;

/// A message of mine that was not told yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// What it is.
    pub entry: OutboxEntry,
    /// Its number, when it is stored; its event is on the way. Only events have an order, so until then it is not known
    /// what stands before it.
    pub stored: Option<Seq>,
}

/// All of them. As many as the outbox holds, and those that were stored since the last event.
#[derive(Debug, Default)]
pub(super) struct OutgoingMessages(Vec<Outgoing>);

impl OutgoingMessages {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Outgoing> {
        self.0.iter()
    }

    fn remove(&mut self, client_id: &ClientId) -> Option<Outgoing> {
        let at = self.0.iter().position(|outgoing| outgoing.entry.client_id == *client_id)?;
        Some(self.0.remove(at))
    }
}

impl Inbox {
    /// A message was put into the outbox.
    pub(super) fn add_outgoing(&mut self, entry: OutboxEntry) -> Diff {
        self.outgoing.0.push(Outgoing { entry: entry.clone(), stored: None });
        Diff::OutgoingAdded(entry)
    }

    /// The outbox was changed by other means than sending.
    pub(super) fn replace_outgoing(&mut self, entries: Vec<OutboxEntry>) -> Vec<Diff> {
        let (stored, before): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.outgoing.0).into_iter().partition(|outgoing| outgoing.stored.is_some());
        let removed = before.into_iter().map(|outgoing| Diff::OutgoingRemoved { client_id: outgoing.entry.client_id });
        let mut diffs: Vec<Diff> = removed.collect();
        self.outgoing.0 = stored;
        diffs.extend(entries.into_iter().map(|entry| self.add_outgoing(entry)));
        diffs
    }

    /// The server has stored it.
    pub(super) fn sent(&mut self, client_id: &ClientId, message: &Message) -> Vec<Diff> {
        let mut diffs = Vec::new();
        if let Some(outgoing) = self.outgoing.0.iter_mut().find(|outgoing| outgoing.entry.client_id == *client_id) {
            outgoing.stored = Some(message.seq);
            diffs.push(Diff::OutgoingStored { client_id: client_id.clone() });
        }
        self.settle_outgoing(message.conversation_id, &mut diffs);
        diffs
    }

    /// The server refuses it.
    pub(super) fn failed(&mut self, entry: OutboxEntry, error: Error) -> Diff {
        self.outgoing.remove(&entry.client_id);
        Diff::OutgoingFailed { entry, error }
    }

    /// Removes what has been told.
    pub(super) fn settle_outgoing(&mut self, of: ConversationId, diffs: &mut Vec<Diff>) {
        let told = match self.conversation(of) {
            Some(conversation) => conversation.last_seq,
            // It will be told when the conversation is there.
            None if self.wanted.contains(of) => return,
            // It is no longer mine to see.
            None => Seq(u64::MAX),
        };
        self.outgoing.0.retain(|outgoing| {
            let stays = outgoing.entry.conversation != of || outgoing.stored.is_none_or(|seq| seq > told);
            if !stays {
                diffs.push(Diff::OutgoingRemoved { client_id: outgoing.entry.client_id.clone() });
            }
            stays
        });
    }

    /// It came back as an event.
    pub(super) fn recognise_outgoing(&mut self, message: &Message, diffs: &mut Vec<Diff>) {
        if let Some(client_id) = &message.client_id
            && let Some(outgoing) = self.outgoing.remove(client_id)
        {
            diffs.push(Diff::OutgoingRemoved { client_id: outgoing.entry.client_id });
        }
        self.settle_outgoing(message.conversation_id, diffs);
    }
}
