//! What somebody wrote, and what of it the server has acknowledged.

use std::collections::{BTreeMap, VecDeque};

use chat_proto::ConversationId;
use chat_tests::history::Sent;
use serde_json::{Value, json};

/// Messages that were written and not acknowledged; whoever has so many writes no more.
const MOST: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Draft>,
    sent: BTreeMap<ConversationId, Sent>,
    /// Breaks the contract: what is sent again gets another name.
    renames: bool,
}

/// A message that may or may not have arrived.
#[derive(Debug)]
struct Draft {
    conversation: ConversationId,
    id: String,
    tries: u64,
}

impl Outbox {
    pub(super) fn new(renames: bool) -> Self {
        Self { renames, ..Self::default() }
    }

    /// Puts a new message at the end and says where that is; `None` when there is no room.
    pub(super) fn write(&mut self, author: &str, conversation: ConversationId) -> Option<usize> {
        if self.waiting.len() == MOST {
            return None;
        }
        let sent = self.sent.entry(conversation).or_default();
        let id = format!("{author}-{conversation}-{:06}", sent.ids.len());
        sent.ids.push(id.clone());
        self.waiting.push_back(Draft { conversation, id, tries: 0 });
        Some(self.waiting.len() - 1)
    }

    /// The frame that sends this one of those that wait, for the first time or again.
    pub(super) fn frame(&mut self, at: usize) -> Value {
        let Draft { conversation, id, tries } = &mut self.waiting[at];
        let name = if self.renames && *tries > 0 { format!("{id}.{tries}") } else { id.clone() };
        *tries += 1;
        json!({"t": "send", "conv": conversation, "client_id": name, "text": id})
    }

    /// The server says that it has this one. `Ok(true)`: that is news.
    pub(super) fn acknowledge(&mut self, client_id: &str, seq: u64) -> Result<bool, String> {
        let id = first_name(client_id);
        if let Some(at) = self.waiting.iter().position(|draft| draft.id == id)
            && let Some(draft) = self.waiting.remove(at)
        {
            let sent = self.sent.entry(draft.conversation).or_default();
            sent.acknowledged.insert(draft.id, seq);
            return Ok(true);
        }
        match self.sent.values().find_map(|sent| sent.acknowledged.get(id)) {
            Some(known) if *known == seq => Ok(false),
            known => Err(format!("{client_id} was given another number: {seq} after {known:?}")),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// What was written there.
    pub(super) fn sent(&self, conversation: ConversationId) -> Sent {
        self.sent.get(&conversation).cloned().unwrap_or_default()
    }
}

/// The name under which a message was sent the first time.
pub(super) fn first_name(client_id: &str) -> &str {
    client_id.split('.').next().unwrap_or_default()
}
