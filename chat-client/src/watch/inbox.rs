//! What a user interface shows. Nothing here waits, asks the time or knows of sockets: events and answers go in, diffs
//! and questions come out.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chat_proto::model::{Conversation, PresenceState, User};
use chat_proto::{ConversationId, UserId};
use tokio::time::Instant;

use super::Diff;
use super::conversations::Conversations;
use super::outgoing::{Outgoing, OutgoingMessages};
use super::passing::Typist;
use super::thread::{Question, Thread};
use super::wanted::Wanted;
use crate::follow::Connection;

/// My conversations, the messages of those that are open, who is there and who writes, and what I have sent.
#[derive(Debug, Default)]
pub struct Inbox {
    pub(super) me: Option<User>,
    pub(super) conversations: Conversations,
    pub(super) wanted: Wanted,
    /// What is not mine to see any more; a part of the list that is under way may show it still.
    pub(super) revoked: VecDeque<ConversationId>,
    pub(super) threads: HashMap<ConversationId, Thread>,
    /// The opened ones, the one that was opened last at the end.
    pub(super) opened: Vec<ConversationId>,
    pub(super) typing: Vec<Typist>,
    /// Who has which conversation open.
    pub(super) viewing: Vec<Typist>,
    pub(super) present: BTreeMap<UserId, PresenceState>,
    pub(super) outgoing: OutgoingMessages,
    pub(super) connection: Option<Connection>,
    pub(super) questions: Vec<Asked>,
    pub(super) last_generation: u64,
}

/// Something to be got from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Conversation(ConversationId, u64),
    Messages(ConversationId, Question),
    /// So much happened that it is better to begin anew.
    Everything,
}

impl Inbox {
    /// Conversations whose messages are held; opening another closes the one that was opened longest ago.
    pub const MOST_OPEN: usize = 32;

    /// My account; `None` until everything was loaded the first time.
    pub fn me(&self) -> Option<&User> {
        self.me.as_ref()
    }

    /// My conversations, the one with the newest activity first. Where the list does not go back to the oldest, those below
    /// its end in which something is unread stand at its end all the same.
    pub fn conversations(&self) -> impl DoubleEndedIterator<Item = &Conversation> + ExactSizeIterator {
        self.conversations.iter()
    }

    /// One of my conversations.
    pub fn conversation(&self, id: ConversationId) -> Option<&Conversation> {
        self.conversations.get(id)
    }

    /// Whether the server has older conversations than these.
    pub fn more_conversations(&self) -> bool {
        self.conversations.more
    }

    /// Whether something may be unread in conversations that are not among these; see
    /// [`more_unread`](crate::Watch::more_unread).
    pub fn more_unread(&self) -> bool {
        self.conversations.more_unread
    }

    /// The messages of an opened conversation.
    pub fn thread(&self, conversation: ConversationId) -> Option<&Thread> {
        self.threads.get(&conversation)
    }

    /// Who writes in this conversation.
    pub fn typing(&self, conversation: ConversationId) -> impl Iterator<Item = UserId> {
        self.typing.iter().filter(move |typist| typist.conversation == conversation).map(|typist| typist.user)
    }

    /// Who else has this conversation open.
    pub fn viewing(&self, conversation: ConversationId) -> impl Iterator<Item = UserId> {
        self.viewing.iter().filter(move |viewer| viewer.conversation == conversation).map(|viewer| viewer.user)
    }

    /// Whether somebody with whom I share a conversation is there.
    pub fn presence(&self, user: UserId) -> PresenceState {
        self.present.get(&user).copied().unwrap_or(PresenceState::Offline)
    }

    /// My messages that were not told yet, in the order in which they were written.
    pub fn outgoing(&self) -> impl Iterator<Item = &Outgoing> {
        self.outgoing.iter()
    }

    /// How things stand with the server.
    pub fn connection(&self) -> &Connection {
        self.connection.as_ref().unwrap_or(&Connection::Connecting)
    }

    /// Holds the messages of this conversation from now on, beginning with the newest.
    pub(super) fn open(&mut self, id: ConversationId) -> Vec<Diff> {
        let mut diffs = Vec::new();
        if self.conversation(id).is_none() {
            return diffs;
        }
        self.opened.retain(|opened| *opened != id);
        self.opened.push(id);
        if self.threads.contains_key(&id) {
            return diffs;
        }
        if self.opened.len() > Self::MOST_OPEN {
            let longest_ago = self.opened[0];
            diffs.extend(self.close(longest_ago));
        }
        self.threads.insert(id, Thread::default());
        self.load_newest(id, false, &mut diffs);
        diffs
    }

    /// Lets the messages of this conversation go.
    pub(super) fn close(&mut self, id: ConversationId) -> Option<Diff> {
        self.opened.retain(|opened| *opened != id);
        self.threads.remove(&id).map(|_| Diff::ThreadClosed { conversation: id })
    }

    /// Loads what stands before the first message that is held.
    pub(super) fn older(&mut self, id: ConversationId) -> Option<Diff> {
        self.load_part(id, Thread::ask_older)
    }

    /// Loads what stands after the last message that is held.
    pub(super) fn newer(&mut self, id: ConversationId) -> Option<Diff> {
        self.load_part(id, Thread::ask_newer)
    }

    /// Goes to the first messages of all.
    pub(super) fn oldest(&mut self, id: ConversationId) -> Option<Diff> {
        self.load_part(id, Thread::ask_oldest)
    }

    /// Goes back to the newest messages.
    pub(super) fn newest(&mut self, id: ConversationId) -> Vec<Diff> {
        let mut diffs = Vec::new();
        if self.thread(id).is_some_and(Thread::more_after) {
            self.load_newest(id, false, &mut diffs);
        }
        diffs
    }

    fn load_part(
        &mut self,
        id: ConversationId,
        ask: impl FnOnce(&mut Thread, u64) -> Option<Question>,
    ) -> Option<Diff> {
        let generation = self.next_generation();
        let thread = self.threads.get_mut(&id)?;
        let question = ask(thread, generation)?;
        let state = thread.state(id);
        self.questions.push(Asked::Messages(id, question));
        Some(state)
    }

    /// What is to be got from the server since this was called last.
    pub(super) fn questions(&mut self) -> Vec<Asked> {
        std::mem::take(&mut self.questions)
    }

    /// Whether the answer to this is still of use.
    pub(super) fn awaits(&self, asked: Asked) -> bool {
        match asked {
            Asked::Conversation(id, generation) => self.wanted.awaits(id, generation),
            Asked::Messages(id, question) => self.thread(id).is_some_and(|thread| thread.awaits(question.generation)),
            Asked::Everything => false,
        }
    }

    pub(super) fn connected(&mut self, connection: Connection) -> Vec<Diff> {
        let mut diffs = vec![Diff::Connection(connection.clone())];
        if !matches!(connection, Connection::CatchingUp | Connection::Live) {
            // Nobody would tell us that they went or stopped.
            self.nobody_there(&mut diffs);
        }
        self.connection = Some(connection);
        diffs
    }

    /// Passes the time: whoever said nothing more has stopped writing.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Diff> {
        let mut diffs = Vec::new();
        self.stop_typing(|typist| typist.until <= now, &mut diffs);
        self.stop_viewing(|viewer| viewer.until <= now, &mut diffs);
        diffs
    }

    /// Conversations that are held apart, for what is unread in them.
    pub(super) fn held_apart(&self) -> usize {
        self.conversations.apart()
    }

    pub(super) fn load_newest(&mut self, id: ConversationId, afresh: bool, diffs: &mut Vec<Diff>) {
        let generation = self.next_generation();
        if let Some(thread) = self.threads.get_mut(&id) {
            let question = thread.ask_newest(generation, afresh);
            diffs.push(thread.state(id));
            self.questions.push(Asked::Messages(id, question));
        }
    }

    pub(super) fn next_generation(&mut self) -> u64 {
        self.last_generation += 1;
        self.last_generation
    }
}
