//! Somebody who sees only the diffs.

use std::collections::{BTreeMap, BTreeSet};

use chat_proto::model::{Conversation, Message, PresenceState, User};
use chat_proto::{ConversationId, Seq, UserId};

use crate::{Diff, Inbox, OutboxEntry};

/// What the diffs make of an empty inbox.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Copy {
    me: Option<User>,
    pub(super) conversations: Vec<Conversation>,
    more: bool,
    more_unread: bool,
    threads: BTreeMap<ConversationId, (bool, bool, bool)>,
    messages: BTreeMap<(ConversationId, Seq), Message>,
    typing: BTreeSet<(ConversationId, UserId)>,
    viewing: BTreeSet<(ConversationId, UserId)>,
    present: BTreeMap<UserId, PresenceState>,
    outgoing: Vec<(OutboxEntry, bool)>,
}

impl Copy {
    /// The same of the inbox itself.
    pub(super) fn of(inbox: &Inbox) -> Self {
        let mut copy = Self {
            me: inbox.me().cloned(),
            conversations: inbox.conversations().cloned().collect(),
            more: inbox.more_conversations(),
            more_unread: inbox.more_unread(),
            present: inbox.present.clone(),
            ..Self::default()
        };
        copy.outgoing = inbox.outgoing().map(|out| (out.entry.clone(), out.stored.is_some())).collect();
        copy.typing = inbox.typing.iter().map(|typist| (typist.conversation, typist.user)).collect();
        copy.viewing = inbox.viewing.iter().map(|viewer| (viewer.conversation, viewer.user)).collect();
        for id in inbox.conversations().map(|conversation| conversation.id) {
            let Some(thread) = inbox.thread(id) else { continue };
            copy.threads.insert(id, (thread.is_loading(), thread.more_before(), thread.more_after()));
            copy.messages.extend(thread.messages().map(|message| ((id, message.seq), message.clone())));
        }
        copy
    }

    pub(super) fn take(&mut self, diffs: Vec<Diff>) {
        for diff in diffs {
            self.take_one(diff);
        }
    }

    fn place(&self, id: ConversationId) -> usize {
        self.conversations.iter().position(|conversation| conversation.id == id).expect("it is in the list")
    }

    fn take_one(&mut self, diff: Diff) {
        match diff {
            Diff::Me(me) => self.me = Some(*me),
            Diff::MoreConversations(more) => self.more = more,
            Diff::MoreUnread(more) => self.more_unread = more,
            Diff::ConversationInserted { at, conversation } => {
                assert!(self.conversations.iter().all(|known| known.id != conversation.id), "inserted twice");
                self.conversations.insert(at, *conversation);
            }
            Diff::ConversationChanged(conversation) => {
                let at = self.place(conversation.id);
                assert_ne!(self.conversations[at], *conversation, "no change");
                self.conversations[at] = *conversation;
            }
            Diff::ConversationMoved { conversation, to } => {
                let from = self.place(conversation);
                assert_ne!(from, to, "no move");
                let moved = self.conversations.remove(from);
                self.conversations.insert(to, moved);
            }
            Diff::ConversationRemoved { conversation } => drop(self.conversations.remove(self.place(conversation))),
            Diff::ReadMoved { conversation, user, seq } => self.read(conversation, user, seq),
            Diff::ThreadChanged { conversation, loading, more_before, more_after } => {
                self.threads.insert(conversation, (loading, more_before, more_after));
            }
            Diff::ThreadClosed { conversation } => {
                self.threads.remove(&conversation).expect("it was open");
                self.messages.retain(|(of, _), _| *of != conversation);
            }
            Diff::MessageInserted(message) => {
                let known = self.messages.insert((message.conversation_id, message.seq), *message);
                assert_eq!(known, None, "inserted twice");
            }
            Diff::MessageChanged(message) => {
                let known = self.messages.insert((message.conversation_id, message.seq), (*message).clone());
                assert_ne!(known, Some(*message), "no change");
            }
            Diff::MessageRemoved { conversation, seq } => {
                self.messages.remove(&(conversation, seq)).expect("it was there");
            }
            Diff::Typing { conversation, user, on: true } => assert!(self.typing.insert((conversation, user))),
            Diff::Typing { conversation, user, on: false } => assert!(self.typing.remove(&(conversation, user))),
            Diff::Viewing { conversation, user, on: true } => assert!(self.viewing.insert((conversation, user))),
            Diff::Viewing { conversation, user, on: false } => assert!(self.viewing.remove(&(conversation, user))),
            Diff::Presence { user, state: PresenceState::Offline } => assert!(self.present.remove(&user).is_some()),
            Diff::Presence { user, state } => assert_ne!(self.present.insert(user, state), Some(state), "no change"),
            Diff::OutgoingAdded(entry) => self.outgoing.push((entry, false)),
            Diff::OutgoingStored { client_id } => {
                let known = self.outgoing.iter_mut().find(|(entry, _)| entry.client_id == client_id);
                known.expect("it is outgoing").1 = true;
            }
            Diff::OutgoingRemoved { client_id } => self.outgoing.retain(|(entry, _)| entry.client_id != client_id),
            Diff::OutgoingFailed { entry, .. } => {
                self.outgoing.retain(|(known, _)| known.client_id != entry.client_id);
            }
            Diff::Connection(_) | Diff::Reloading | Diff::Refused { .. } | Diff::NotLoaded { .. } => {}
        }
    }

    fn read(&mut self, id: ConversationId, user: UserId, seq: Seq) {
        let mine = self.me.as_ref().is_some_and(|me| me.id == user);
        let at = self.place(id);
        let conversation = &mut self.conversations[at];
        if mine {
            conversation.read_seq = seq;
            conversation.unread = conversation.last_seq.0 - seq.0;
        }
        for participant in &mut conversation.participants {
            if participant.id == user {
                participant.read_seq = participant.read_seq.max(seq);
                participant.delivered_seq = participant.delivered_seq.max(seq);
            }
        }
    }
}
