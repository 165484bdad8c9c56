//! What is loaded over REST, put in the place of what is held or beside it.

use std::collections::HashSet;

use chat_proto::ConversationId;
use chat_proto::model::{Conversation, History, User};

use super::conversations::APART;
use super::{Diff, Inbox};
use crate::Error;

/// The top of my list of conversations, and who I am.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) me: User,
    /// The one with the newest activity first.
    pub(super) conversations: Vec<Conversation>,
    /// Whether the server has older ones.
    pub(super) more: bool,
}

impl Inbox {
    /// Takes a snapshot in the place of everything, and yields the difference. What it shows may be older than what was
    /// held, as after the restore of a backup.
    pub(super) fn replace(&mut self, snapshot: Snapshot) -> Vec<Diff> {
        let mut diffs = Vec::new();
        let Snapshot { me, mut conversations, more } = snapshot;
        let mut seen = HashSet::new();
        // While pages are loaded, one may move from a page to the next.
        conversations.retain(|conversation| seen.insert(conversation.id));
        if self.me.as_ref() != Some(&me) {
            diffs.push(Diff::Me(Box::new(me.clone())));
        }
        self.me = Some(me);
        for conversation in &mut conversations {
            self.call_me_by_name_in(conversation);
        }
        // Answers that are under way show what was before.
        self.wanted.clear();
        self.questions.clear();
        self.gone(&seen, &mut diffs);
        self.revoked.clear();
        self.compare(&conversations, &mut diffs);
        if self.conversations.more != more {
            diffs.push(Diff::MoreConversations(more));
        }
        if self.conversations.more_unread != more {
            diffs.push(Diff::MoreUnread(more));
        }
        self.conversations.replace(conversations, more);
        for id in self.opened.clone() {
            self.load_newest(id, true, &mut diffs);
        }
        for id in seen {
            self.settle_outgoing(id, &mut diffs);
        }
        diffs
    }

    /// Lets go what the snapshot does not have.
    fn gone(&mut self, stays: &HashSet<ConversationId>, diffs: &mut Vec<Diff>) {
        let ids = self.conversations.iter().map(|conversation| conversation.id);
        let gone: Vec<ConversationId> = ids.filter(|id| !stays.contains(id)).collect();
        for id in gone {
            self.revoke(id, diffs);
        }
    }

    /// What has to happen to the list until it is this one; it only lacks, and has nothing that this one lacks.
    fn compare(&self, new: &[Conversation], diffs: &mut Vec<Diff>) {
        let mut places: Vec<ConversationId> = self.conversations.iter().map(|conversation| conversation.id).collect();
        for (at, conversation) in new.iter().enumerate() {
            match self.conversations.get(conversation.id) {
                None => {
                    places.insert(at, conversation.id);
                    diffs.push(Diff::ConversationInserted { at, conversation: Box::new(conversation.clone()) });
                }
                Some(held) => {
                    if held != conversation {
                        diffs.push(Diff::changed(conversation));
                    }
                    if places[at] != conversation.id {
                        places.retain(|id| *id != conversation.id);
                        places.insert(at, conversation.id);
                        diffs.push(Diff::ConversationMoved { conversation: conversation.id, to: at });
                    }
                }
            }
        }
    }

    /// Puts another page below the list.
    pub(super) fn extend(&mut self, conversations: Vec<Conversation>, more: bool) -> Vec<Diff> {
        let mut diffs = Vec::new();
        for conversation in conversations {
            let rank = self.conversations.lowest_rank();
            if self.is_known(conversation.id) {
                // The list has come down to where it is held apart, or will be.
                self.touch(conversation.id, rank, &mut diffs);
                self.wanted.raise(conversation.id, rank);
            } else {
                self.put_conversation(rank, conversation, &mut diffs);
            }
        }
        self.conversations.more = more;
        diffs.push(Diff::MoreConversations(more));
        if !more && std::mem::take(&mut self.conversations.more_unread) {
            diffs.push(Diff::MoreUnread(false));
        }
        diffs
    }

    /// Holds apart what is unread further down; `more`: there may be more of it.
    pub(super) fn hold_apart(&mut self, conversations: Vec<Conversation>, more: bool) -> Vec<Diff> {
        let mut diffs = Vec::new();
        for conversation in conversations {
            if !self.is_known(conversation.id) {
                self.put_conversation(APART, conversation, &mut diffs);
            }
        }
        self.conversations.more_unread = more;
        diffs.push(Diff::MoreUnread(more));
        diffs
    }

    /// What is held is kept up to date by events; what is awaited comes with all that was told of it since; what went
    /// since is gone.
    fn is_known(&self, id: ConversationId) -> bool {
        self.conversation(id).is_some() || self.wanted.contains(id) || self.revoked.contains(&id)
    }

    /// The answer to [`super::inbox::Asked::Messages`].
    pub(super) fn history_loaded(&mut self, id: ConversationId, generation: u64, mut history: History) -> Vec<Diff> {
        let mut diffs = Vec::new();
        for message in &mut history.items {
            self.call_me_by_name(message);
        }
        let Some(thread) = self.threads.get_mut(&id) else { return diffs };
        let was_loading = thread.is_loading();
        let whole = thread.answer(generation, history, id, &mut diffs);
        if was_loading != thread.is_loading() {
            diffs.push(thread.state(id));
        }
        if !whole {
            self.load_newest(id, false, &mut diffs);
        }
        diffs
    }

    /// There will be no answer to [`super::inbox::Asked::Messages`].
    pub(super) fn history_failed(&mut self, id: ConversationId, generation: u64, error: Error) -> Vec<Diff> {
        let mut diffs = Vec::new();
        let Some(thread) = self.threads.get_mut(&id) else { return diffs };
        let was_loading = thread.is_loading();
        let empty = thread.give_up(generation);
        if was_loading == thread.is_loading() {
            return diffs;
        }
        diffs.push(thread.state(id));
        if empty {
            diffs.extend(self.close(id));
        }
        diffs.push(Diff::NotLoaded { conversation: id, error });
        diffs
    }
}
