//! Events: each changes the inbox by what is newer in it than what is held.

use chat_proto::model::{Conversation, Message, Participant, User};
use chat_proto::wire::EventHead;
use chat_proto::{ConversationId, UserId};

use super::conversations::{
    APART, Rank, count_people, count_unread, delivered_up_to, is_partial, merge, read_moved, read_up_to,
};
use super::inbox::Asked;
use super::wanted::{Want, Wanted};
use super::{Diff, Inbox};
use crate::live::{Change, LiveChange};

/// Conversations that are held; with more, the list begins anew at its usual length.
const MOST_CONVERSATIONS: usize = 5_000;

/// Conversations that are remembered as revoked: more than go while a part of the list is under way.
const MOST_REVOKED: usize = 1_000;

impl Inbox {
    /// Applies an event. They come in the order of the server, each once; what was loaded may show a later moment.
    pub(super) fn apply(&mut self, change: LiveChange) -> Vec<Diff> {
        let mut diffs = Vec::new();
        let rank = self.conversations.next_rank();
        self.apply_at(rank, change, &mut diffs);
        diffs
    }

    fn apply_at(&mut self, rank: Rank, LiveChange { head, change }: LiveChange, diffs: &mut Vec<Diff>) {
        match change {
            Change::ConversationCreated(conversation) | Change::AccessGranted(conversation) => {
                self.grant(rank, conversation, diffs);
            }
            Change::AccessRevoked(revoked) => self.revoke(revoked.conversation_id, diffs),
            Change::UserChanged(user) => self.rename_me(user, diffs),
            change => {
                let Some(id) = head.conv else { return };
                let held = self.conversation(id).is_some();
                let change = LiveChange { head, change };
                if !held && change.moves_to_the_top() {
                    // It is older than the list goes back, or was on its way from one page to another while they were
                    // loaded.
                    self.want(id, rank);
                }
                if !held && self.is_my_mark(&change.change) {
                    // It may be unread now, and does not move up for that.
                    self.want(id, APART);
                }
                if self.wanted.contains(id) {
                    // For when the answer comes: people who are in it, but are not held yet, have read on.
                    self.remember(id, rank, change.clone());
                }
                if held {
                    self.apply_to(id, rank, change, diffs);
                }
            }
        }
    }

    /// Applies an event to a conversation that is held.
    fn apply_to(&mut self, id: ConversationId, rank: Rank, change: LiveChange, diffs: &mut Vec<Diff>) {
        let LiveChange { head, change } = change;
        let head = &head;
        match change {
            Change::MessageCreated(message) => {
                self.put_message(&message, Some(head), diffs);
                self.touch(id, rank, diffs);
                self.recognise_outgoing(&message, diffs);
            }
            Change::MessageChanged(message) => self.put_message(&message, None, diffs),
            Change::ReadMoved(moved) => {
                let me = self.my_id();
                if let Some(conversation) = self.conversations.get_mut(id)
                    && read_moved(conversation, moved.user_id, moved.seq, me)
                {
                    diffs.push(Diff::ReadMoved { conversation: id, user: moved.user_id, seq: moved.seq });
                }
            }
            Change::DeliveredMoved(moved) => {
                if let Some(conversation) = self.conversations.get_mut(id)
                    && delivered_up_to(conversation, moved.user_id, moved.seq)
                {
                    diffs.push(Diff::changed(conversation));
                }
            }
            Change::ParticipantAdded(added) => {
                self.people_changed(id, head, diffs, |conversation| came(conversation, added.participant));
                self.touch(id, rank, diffs);
            }
            Change::ParticipantRemoved(removed) => {
                self.people_changed(id, head, diffs, |conversation| went(conversation, removed.user_id));
                self.stop_typing(|typist| (typist.conversation, typist.user) == (id, removed.user_id), diffs);
                self.stop_viewing(|viewer| (viewer.conversation, viewer.user) == (id, removed.user_id), diffs);
                self.touch(id, rank, diffs);
                // Of a long list only the beginning is held; somebody unknown has moved up into it.
                if self.conversation(id).is_some_and(is_partial) {
                    self.want(id, rank);
                }
            }
            _ => {}
        }
    }

    /// The one way of a message as it is now, whatever happened to it: into the row of its conversation and into its
    /// thread, each if it is newer than what stands there. `created`: it is the conversation's newest.
    fn put_message(&mut self, message: &Message, created: Option<&EventHead>, diffs: &mut Vec<Diff>) {
        let id = message.conversation_id;
        let mut message = message.clone();
        self.call_me_by_name(&mut message);
        let me = self.my_id();
        let Some(conversation) = self.conversations.get_mut(id) else { return };
        let mut changed = false;
        if let Some(head) = created {
            if message.seq > conversation.last_seq {
                conversation.last_seq = message.seq;
                conversation.last_message = Some(message.clone());
                conversation.updated_at = conversation.updated_at.max(head.at);
                count_unread(conversation);
                changed = true;
            }
            // Who writes has read what stands above.
            changed |= read_up_to(conversation, message.author.id, message.seq, me);
        }
        if let Some(last) = &mut conversation.last_message
            && last.seq == message.seq
            && last.version < message.version
        {
            last.clone_from(&message);
            changed = true;
        }
        if changed {
            diffs.push(Diff::changed(conversation));
        }
        if created.is_some() {
            self.stop_typing(|typist| (typist.conversation, typist.user) == (id, message.author.id), diffs);
        }
        if let Some(thread) = self.threads.get_mut(&id)
            && !thread.take(&message, created.is_some(), diffs)
        {
            self.load_newest(id, false, diffs);
        }
    }

    /// Somebody came or went, if that is news.
    fn people_changed(
        &mut self,
        id: ConversationId,
        head: &EventHead,
        diffs: &mut Vec<Diff>,
        change: impl FnOnce(&mut Conversation),
    ) {
        if let Some(conversation) = self.conversations.get_mut(id)
            && conversation.version < head.v
        {
            conversation.version = head.v;
            conversation.updated_at = conversation.updated_at.max(head.at);
            change(conversation);
            diffs.push(Diff::changed(conversation));
        }
    }

    /// A conversation is mine to see.
    fn grant(&mut self, rank: Rank, conversation: Conversation, diffs: &mut Vec<Diff>) {
        let id = conversation.id;
        self.revoked.retain(|revoked| *revoked != id);
        let known = self.conversation(id).is_some();
        self.put_conversation(rank, conversation, diffs);
        self.touch(id, rank, diffs);
        if known {
            // Messages that were written while it was not mine were not told.
            self.load_newest(id, true, diffs);
        }
        self.wanted.forget(id);
    }

    /// A conversation is no longer mine to see.
    pub(super) fn revoke(&mut self, id: ConversationId, diffs: &mut Vec<Diff>) {
        // An answer that is under way shows it still.
        self.wanted.forget(id);
        self.revoked.push_back(id);
        if self.revoked.len() > MOST_REVOKED {
            self.revoked.pop_front();
        }
        diffs.extend(self.close(id));
        self.stop_typing(|typist| typist.conversation == id, diffs);
        self.stop_viewing(|viewer| viewer.conversation == id, diffs);
        if self.conversations.remove(id) {
            diffs.push(Diff::ConversationRemoved { conversation: id });
        }
        self.settle_outgoing(id, diffs);
    }

    fn rename_me(&mut self, user: User, diffs: &mut Vec<Diff>) {
        if self.me.as_ref().is_some_and(|me| me.version >= user.version) {
            return;
        }
        self.me = Some(user.clone());
        diffs.push(Diff::Me(Box::new(user)));
        self.call_me_by_name_everywhere(diffs);
    }

    /// Keeps an event of a conversation that is being loaded.
    fn remember(&mut self, id: ConversationId, rank: Rank, change: LiveChange) {
        if !self.wanted.tell(id, rank, change) {
            // So much has happened that a later answer is better.
            self.wanted.forget(id);
            self.want(id, rank);
        }
    }

    fn want(&mut self, id: ConversationId, rank: Rank) {
        let generation = self.next_generation();
        if self.wanted.ask(id, generation, rank) {
            let many = self.wanted.len() > Wanted::MOST || self.conversations.len() > MOST_CONVERSATIONS;
            self.questions.push(if many { Asked::Everything } else { Asked::Conversation(id, generation) });
        }
    }

    /// The answer to [`Asked::Conversation`]; `None`: it is not mine to see.
    pub(super) fn conversation_loaded(
        &mut self,
        id: ConversationId,
        generation: u64,
        conversation: Option<Conversation>,
    ) -> Vec<Diff> {
        let mut diffs = Vec::new();
        let Some(Want { rank, told, .. }) = self.wanted.answered(id, generation) else { return diffs };
        if let Some(conversation) = conversation {
            let version = conversation.version;
            self.put_conversation(rank, conversation, &mut diffs);
            if self.conversation(id).is_some_and(|held| held.version > version && is_partial(held)) {
                // Overtaken by somebody who came or went, so it could not say who stands in the list.
                self.want(id, rank);
            }
            for (rank, change) in told {
                self.apply_at(rank, change, &mut diffs);
            }
        }
        self.settle_outgoing(id, &mut diffs);
        diffs
    }

    /// Puts a conversation into the list, or brings it together with what is held of it.
    pub(super) fn put_conversation(&mut self, rank: Rank, mut conversation: Conversation, diffs: &mut Vec<Diff>) {
        self.call_me_by_name_in(&mut conversation);
        if let Some(held) = self.conversations.get_mut(conversation.id) {
            let before = held.clone();
            merge(held, conversation);
            if *held != before {
                diffs.push(Diff::changed(held));
            }
        } else {
            let at = self.conversations.insert(rank, conversation.clone());
            diffs.push(Diff::ConversationInserted { at, conversation: Box::new(conversation) });
        }
    }

    pub(super) fn touch(&mut self, id: ConversationId, rank: Rank, diffs: &mut Vec<Diff>) {
        if let Some(to) = self.conversations.touch(id, rank) {
            diffs.push(Diff::ConversationMoved { conversation: id, to });
        }
    }

    fn is_my_mark(&self, change: &Change) -> bool {
        matches!(change, Change::ReadMoved(moved) if Some(moved.user_id) == self.my_id())
    }

    pub(super) fn my_id(&self) -> Option<UserId> {
        self.me.as_ref().map(|me| me.id)
    }
}

impl LiveChange {
    fn moves_to_the_top(&self) -> bool {
        matches!(self.change, Change::MessageCreated(_) | Change::ParticipantAdded(_) | Change::ParticipantRemoved(_))
    }
}

fn came(conversation: &mut Conversation, participant: Participant) {
    // Behind the end of what is held there may be people who came before.
    let whole = !is_partial(conversation);
    conversation.participant_count += 1;
    if whole {
        conversation.participants.retain(|known| known.id != participant.id);
        conversation.participants.push(participant);
    }
    count_people(conversation);
}

fn went(conversation: &mut Conversation, user: UserId) {
    conversation.participant_count = conversation.participant_count.saturating_sub(1);
    conversation.participants.retain(|known| known.id != user);
}
