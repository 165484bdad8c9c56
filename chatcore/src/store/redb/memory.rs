//! What the writer knows by heart.

use std::collections::HashMap;
use std::sync::Arc;

use chat_proto::{ClientId, ConversationId, SessionId, UserId};

use super::tail::ByNumber;
use crate::state::{Account, Conversation, ConversationNo, Session, UserNo};

/// What the writer has read or written lately. Only it changes the store, so nothing here can be out of date;
/// after a failed commit all of it is thrown away.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) users: HashMap<UserId, UserNo>,
    pub(super) accounts: ByNumber<UserNo, Arc<Account>>,
    pub(super) sessions: HashMap<(UserNo, SessionId), Arc<Session>>,
    pub(super) conversation_numbers: HashMap<ConversationId, ConversationNo>,
    pub(super) conversations: ByNumber<ConversationNo, Arc<Conversation>>,
    /// The greatest client id of each author; `None`: nothing was sent yet.
    pub(super) greatest_sent: ByNumber<UserNo, Option<ClientId>>,
    /// Members of the remembered conversations, all told.
    members: usize,
}

/// More rows than this are not remembered: about 20 MiB of accounts, or of members.
const MOST_REMEMBERED: usize = 50_000;
const MOST_MEMBERS: usize = 500_000;

impl Memory {
    /// Forgets when it has grown too large; what is needed is soon read again.
    pub(super) fn bound(&mut self) {
        let ids = [self.users.len(), self.sessions.len(), self.conversation_numbers.len()];
        let rows = [self.accounts.len(), self.conversations.len(), self.greatest_sent.len()];
        if ids.into_iter().chain(rows).any(|rows| rows > MOST_REMEMBERED) || self.members > MOST_MEMBERS {
            *self = Self::default();
        }
    }

    pub(super) fn remember_conversation(&mut self, conversation: Arc<Conversation>) {
        self.members += conversation.members.len();
        if let Some(before) = self.conversations.insert(conversation.no, conversation) {
            self.members -= before.members.len();
        }
    }

    /// Of an author whose greatest client id is remembered.
    pub(super) fn remember_sent(&mut self, author: UserNo, client_id: &ClientId) {
        if let Some(greatest) = self.greatest_sent.get_mut(&author)
            && greatest.as_ref().is_none_or(|greatest| client_id > greatest)
        {
            *greatest = Some(client_id.clone());
        }
    }
}
