//! What is brought over from elsewhere, as it is to be kept: with the ids and the moments that it had there.

use chat_proto::model::ConversationKind;
use chat_proto::{AttachmentId, ClientId, ConversationId, MessageId, Role, Timestamp, UserId};

use super::AccountState;
use super::decide::NOBODY;

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportedUser {
    pub id: UserId,
    /// Empty: nobody signs in to it.
    pub email: String,
    pub name: String,
    pub role: Role,
    pub state: AccountState,
    /// As it was hashed there.
    pub password: Option<String>,
    pub email_verified: bool,
    pub created_at: Timestamp,
}

impl ImportedUser {
    /// An account of whom nothing is left there but what others know of it.
    #[must_use]
    pub fn nobody(id: UserId, created_at: Timestamp) -> Self {
        Self {
            id,
            email: String::new(),
            name: NOBODY.to_owned(),
            role: Role::Customer,
            state: AccountState::Deleted,
            password: None,
            email_verified: false,
            created_at,
        }
    }
}

/// A conversation, without its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedConversation {
    pub id: ConversationId,
    pub kind: ConversationKind,
    pub subject: Option<String>,
    /// Of a direct conversation there are two.
    pub participants: Vec<UserId>,
    /// Of a group.
    pub owner: Option<UserId>,
    pub created_at: Timestamp,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedMessage {
    pub id: MessageId,
    /// By this it is found again, in the name of its author.
    pub client_id: ClientId,
    /// Need not be a participant (any more).
    pub author: UserId,
    /// Empty when it was deleted.
    pub text: String,
    pub created_at: Timestamp,
    pub edited_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
    /// Files of its author that were brought in before, and go with it.
    pub files: Vec<AttachmentId>,
}

/// How much was brought over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub accounts: u64,
    pub conversations: u64,
    pub messages: u64,
}

impl std::fmt::Debug for ImportedUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportedUser").field("id", &self.id).field("role", &self.role).finish_non_exhaustive()
    }
}
