use std::collections::{HashSet, VecDeque};

use chat_proto::model::Attachment;
use chat_proto::{ClientId, ConversationId, MessageId, Seq, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// A message that the server has not confirmed yet.
///
/// Plain data, so that a program can keep it over its end and [put it back](super::Follower::put_back) later: sending it
/// again under the same `client_id` is harmless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// Its name; the server knows it again by this.
    pub client_id: ClientId,
    /// Where it is to go.
    pub conversation: ConversationId,
    /// The text.
    pub text: String,
    /// Files that were uploaded before, to be shown meanwhile. One that waits for more than a day is forgotten by the
    /// server, which then refuses the message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// Participants who are spoken to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// Only while this is the conversation's newest message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_last_seq: Option<Seq>,
    /// When it was written, by this machine's clock.
    pub written_at: Timestamp,
}

/// The messages that wait, in the order in which they were written.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    entries: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    entry: OutboxEntry,
    in_flight: bool,
    /// How often the server failed over it.
    faults: u32,
}

impl Outbox {
    /// Messages that may wait at once.
    pub(super) const CAPACITY: usize = 1_024;
    /// Of these so many may be on their way, each of another conversation.
    pub(super) const IN_FLIGHT: usize = 32;
    /// A message over which the server fails (`internal`) so often is given up, or it would hold up its conversation
    /// for ever.
    const FAULTS: u32 = 5;

    /// Adds a message; `false` when there is no room.
    pub(super) fn push(&mut self, entry: OutboxEntry) -> bool {
        let room = self.entries.len() < Self::CAPACITY;
        if room {
            self.entries.push_back(Waiting::new(entry));
        }
        room
    }

    /// Puts messages that were written before before all others. Those that are here already stay where they are.
    /// Returns those for which there is no room.
    pub(super) fn put_back(&mut self, entries: Vec<OutboxEntry>) -> Vec<OutboxEntry> {
        let here: HashSet<ClientId> = self.entries.iter().map(|waiting| waiting.entry.client_id.clone()).collect();
        let mut fresh = entries;
        fresh.retain(|entry| !here.contains(&entry.client_id));
        let room = Self::CAPACITY - self.entries.len();
        let beyond = fresh.split_off(room.min(fresh.len()));
        for entry in fresh.into_iter().rev() {
            self.entries.push_front(Waiting::new(entry));
        }
        beyond
    }

    /// The messages that wait, those on their way included.
    pub(super) fn entries(&self) -> Vec<OutboxEntry> {
        self.entries.iter().map(|waiting| waiting.entry.clone()).collect()
    }

    /// Empties it.
    pub(super) fn take(&mut self) -> Vec<OutboxEntry> {
        self.entries.drain(..).map(|waiting| waiting.entry).collect()
    }

    /// The next message to send. Of a conversation one is on its way at a time: the server carries out what comes after
    /// a refused message, so only that keeps the order when a message has to be sent again.
    pub(super) fn next(&self) -> Option<&OutboxEntry> {
        let on_their_way = self.entries.iter().filter(|waiting| waiting.in_flight);
        let mut busy: HashSet<ConversationId> = on_their_way.map(|waiting| waiting.entry.conversation).collect();
        if busy.len() >= Self::IN_FLIGHT {
            return None;
        }
        let mut waiting = self.entries.iter().filter(|waiting| !waiting.in_flight);
        waiting.find(|waiting| busy.insert(waiting.entry.conversation)).map(|waiting| &waiting.entry)
    }

    /// It is on its way.
    pub(super) fn departed(&mut self, client_id: &ClientId) {
        if let Some(waiting) = self.find(client_id) {
            waiting.in_flight = true;
        }
    }

    /// It was refused for now, or the connection that it left on is gone: it waits again.
    pub(super) fn returned(&mut self, client_id: &ClientId) {
        if let Some(waiting) = self.find(client_id) {
            waiting.in_flight = false;
        }
    }

    /// The server failed over it; `true`: so often that it is to be given up.
    pub(super) fn faulted(&mut self, client_id: &ClientId) -> bool {
        self.find(client_id).is_some_and(|waiting| {
            waiting.faults += 1;
            waiting.faults >= Self::FAULTS
        })
    }

    /// The connection is gone, and all answers with it.
    pub(super) fn all_returned(&mut self) {
        for waiting in &mut self.entries {
            waiting.in_flight = false;
        }
    }

    /// Takes one out, because it was stored or refused.
    pub(super) fn remove(&mut self, client_id: &ClientId) -> Option<OutboxEntry> {
        let place = self.entries.iter().position(|waiting| waiting.entry.client_id == *client_id)?;
        self.entries.remove(place).map(|waiting| waiting.entry)
    }

    /// Takes out everything that was written after a message which is not to be sent as things stand, in the same
    /// conversation, the latest first: it would stand where nobody meant it to stand.
    pub(super) fn remove_all_of(&mut self, conversation: ConversationId) -> Vec<OutboxEntry> {
        let all = std::mem::take(&mut self.entries);
        let (of, others): (VecDeque<_>, _) =
            all.into_iter().partition(|waiting| waiting.entry.conversation == conversation);
        self.entries = others;
        of.into_iter().rev().map(|waiting| waiting.entry).collect()
    }

    fn find(&mut self, client_id: &ClientId) -> Option<&mut Waiting> {
        self.entries.iter_mut().find(|waiting| waiting.entry.client_id == *client_id)
    }
}

impl Waiting {
    fn new(entry: OutboxEntry) -> Self {
        Self { entry, in_flight: false, faults: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, conversation: u8) -> OutboxEntry {
        OutboxEntry {
            client_id: name.parse().unwrap(),
            conversation: ConversationId::from_bytes([conversation; 16]),
            text: name.to_owned(),
            attachments: Vec::new(),
            reply_to: None,
            mentions: Vec::new(),
            if_last_seq: None,
            written_at: Timestamp::from_millis(0),
        }
    }

    fn next(outbox: &mut Outbox) -> Option<String> {
        let name = outbox.next()?.client_id.clone();
        outbox.departed(&name);
        Some(name.to_string())
    }

    fn names(entries: &[OutboxEntry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.client_id.as_str()).collect()
    }

    fn filled(entries: &[(&str, u8)]) -> Outbox {
        let mut outbox = Outbox::default();
        for (name, conversation) in entries {
            assert!(outbox.push(entry(name, *conversation)));
        }
        outbox
    }

    #[test]
    fn one_message_of_a_conversation_is_on_its_way_at_a_time() {
        let mut outbox = filled(&[("a1", 1), ("a2", 1), ("b1", 2)]);
        assert_eq!(next(&mut outbox).as_deref(), Some("a1"));
        assert_eq!(next(&mut outbox).as_deref(), Some("b1"));
        assert_eq!(next(&mut outbox), None);
        outbox.remove(&"a1".parse().unwrap());
        assert_eq!(next(&mut outbox).as_deref(), Some("a2"));
        outbox.returned(&"b1".parse().unwrap());
        assert_eq!(next(&mut outbox).as_deref(), Some("b1"));
        outbox.all_returned();
        assert_eq!(next(&mut outbox).as_deref(), Some("a2"));
    }

    #[test]
    fn so_many_conversations_are_served_at_a_time() {
        let mut outbox = Outbox::default();
        for conversation in 0..40 {
            outbox.push(entry(&format!("m{conversation}"), conversation));
        }
        assert_eq!(std::iter::from_fn(|| next(&mut outbox)).count(), Outbox::IN_FLIGHT);
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut outbox = Outbox::default();
        for i in 0..Outbox::CAPACITY {
            assert!(outbox.push(entry(&format!("m{i}"), 1)));
        }
        assert!(!outbox.push(entry("more", 1)));
        assert_eq!(names(&outbox.put_back(vec![entry("older", 1), entry("m7", 1)])), ["older"]);
        assert_eq!(outbox.take().len(), Outbox::CAPACITY);
        assert!(outbox.entries().is_empty());
    }

    #[test]
    fn what_is_put_back_goes_first_and_only_once() {
        let mut outbox = filled(&[("c", 1), ("d", 1)]);
        assert!(outbox.put_back(vec![entry("a", 1), entry("c", 1), entry("b", 1)]).is_empty());
        assert_eq!(names(&outbox.entries()), ["a", "b", "c", "d"]);
    }
}
