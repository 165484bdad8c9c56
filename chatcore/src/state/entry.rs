use std::sync::Arc;

use chat_proto::model::ConversationKind;
use chat_proto::{ConversationId, InvitationId, Seq, SessionId, Timestamp};
use minicbor::{Decode, Encode};

use super::rows::{LetterId, Member, MessageRow};
use super::{ConversationNo, UserNo, cbor};

/// The place of an event in the shop's log: 1, 2, 3 … in the order of commits. 0 stands before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// One line of the log. It says what changed, never a secret: password hashes stand only in the account's row.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Entry {
    #[cbor(n(0), with = "cbor::timestamp")]
    pub at: Timestamp,
    /// Who did it; `None`: the shop itself.
    #[n(1)]
    pub by: Option<EntryAuthor>,
    #[n(2)]
    pub change: Change,
}

impl Entry {
    pub(crate) fn new(at: Timestamp, by: Option<UserNo>, change: Change) -> Self {
        Self { at, by: by.map(EntryAuthor), change }
    }
}

/// An entry as it is read again: where it stands, and the message that it made, as that stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub position: Position,
    pub entry: Entry,
    /// For a [`Change::MessageCreated`].
    pub message: Option<Arc<MessageRow>>,
}

/// Whose business an entry is: by this it is found again by those who missed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Of those who are in the conversation.
    Conversation(ConversationNo),
    /// Of those in the conversation, and of somebody who is no longer in it.
    ConversationAnd(ConversationNo, UserNo),
    /// Of one person.
    User(UserNo),
    /// It is kept for the record only.
    Nobody,
}

impl Scope {
    /// Whose conversation's business it is.
    #[must_use]
    pub const fn conversation(self) -> Option<ConversationNo> {
        match self {
            Self::Conversation(no) | Self::ConversationAnd(no, _) => Some(no),
            Self::User(_) | Self::Nobody => None,
        }
    }

    /// Whose business it is besides.
    #[must_use]
    pub const fn user(self) -> Option<UserNo> {
        match self {
            Self::User(no) | Self::ConversationAnd(_, no) => Some(no),
            Self::Conversation(_) | Self::Nobody => None,
        }
    }
}

/// The number of who did it, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct EntryAuthor(#[cbor(n(0), with = "cbor::user_no")] pub UserNo);

/// What changed. Numbers are never reused.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Change {
    /// Somebody has an account; its row was written with this entry.
    #[n(0)]
    #[cbor(array)]
    AccountCreated {
        #[cbor(n(0), with = "cbor::user_no")]
        user: UserNo,
    },
    /// What is seen of an account changed; its row was written with this entry.
    #[n(1)]
    #[cbor(array)]
    AccountChanged {
        #[cbor(n(0), with = "cbor::user_no")]
        user: UserNo,
        #[n(1)]
        version: u64,
    },
    /// Somebody signed in; the session's row was written with this entry.
    #[n(2)]
    #[cbor(array)]
    SessionStarted {
        #[cbor(n(0), with = "cbor::session_id")]
        session: SessionId,
        #[cbor(n(1), with = "cbor::user_no")]
        user: UserNo,
    },
    /// A session ended; its row was written with this entry.
    #[n(3)]
    #[cbor(array)]
    SessionEnded {
        #[cbor(n(0), with = "cbor::session_id")]
        session: SessionId,
        #[cbor(n(1), with = "cbor::user_no")]
        user: UserNo,
    },
    /// A conversation began.
    #[n(4)]
    #[cbor(array)]
    ConversationCreated {
        #[cbor(n(0), with = "cbor::conversation_no")]
        conversation: ConversationNo,
        #[cbor(n(1), with = "cbor::conversation_id")]
        id: ConversationId,
        #[cbor(n(2), with = "cbor::kind")]
        kind: ConversationKind,
        #[n(3)]
        subject: Option<String>,
        #[n(4)]
        members: Vec<Member>,
        /// When it began where it was brought over from; `None`: it began here, with this entry.
        #[cbor(n(5), with = "cbor::optional_timestamp", default)]
        began: Option<Timestamp>,
    },
    /// Somebody came into a group.
    #[n(5)]
    #[cbor(array)]
    ParticipantAdded {
        #[cbor(n(0), with = "cbor::conversation_no")]
        conversation: ConversationNo,
        #[n(1)]
        member: Member,
        #[n(2)]
        version: u64,
        /// The newest message at that moment: what came before counts as read.
        #[cbor(n(3), with = "cbor::seq")]
        read: Seq,
    },
    /// Somebody left a group or was removed.
    #[n(6)]
    #[cbor(array)]
    ParticipantRemoved {
        #[cbor(n(0), with = "cbor::conversation_no")]
        conversation: ConversationNo,
        #[cbor(n(1), with = "cbor::user_no")]
        user: UserNo,
        #[n(2)]
        version: u64,
    },
    /// A message; its row stands in the same line.
    #[n(7)]
    #[cbor(array)]
    MessageCreated {
        #[cbor(n(0), with = "cbor::conversation_no")]
        conversation: ConversationNo,
        #[cbor(n(1), with = "cbor::seq")]
        seq: Seq,
    },
    /// Somebody read on.
    #[n(8)]
    #[cbor(array)]
    ReadMoved {
        #[cbor(n(0), with = "cbor::conversation_no")]
        conversation: ConversationNo,
        #[cbor(n(1), with = "cbor::user_no")]
        user: UserNo,
        #[cbor(n(2), with = "cbor::seq")]
        seq: Seq,
        /// Everybody in the conversation is told, not only the reader's own devices.
        #[n(3)]
        shared: bool,
    },
    /// A message was changed; wherever its row stands, it was written with this entry.
    #[n(9)]
    #[cbor(array)]
    MessageChanged {
        #[cbor(n(0), with = "cbor::conversation_no")]
        conversation: ConversationNo,
        #[cbor(n(1), with = "cbor::seq")]
        seq: Seq,
        #[n(2)]
        version: u64,
        #[n(3)]
        how: MessageChange,
    },
    /// Messages have reached somebody.
    #[n(10)]
    #[cbor(array)]
    DeliveredMoved {
        #[cbor(n(0), with = "cbor::conversation_no")]
        conversation: ConversationNo,
        #[cbor(n(1), with = "cbor::user_no")]
        user: UserNo,
        #[cbor(n(2), with = "cbor::seq")]
        seq: Seq,
    },
    /// A session goes on under new tokens; its row was written with this entry.
    #[n(11)]
    #[cbor(array)]
    SessionRenewed {
        #[cbor(n(0), with = "cbor::session_id")]
        session: SessionId,
        #[cbor(n(1), with = "cbor::user_no")]
        user: UserNo,
    },
    /// Somebody has another password; the account's row was written with this entry.
    #[n(12)]
    #[cbor(array)]
    PasswordChanged {
        #[cbor(n(0), with = "cbor::user_no")]
        user: UserNo,
    },
    /// An account that nothing names is gone; its row was forgotten with this entry.
    #[n(20)]
    #[cbor(array)]
    AccountRemoved {
        #[cbor(n(0), with = "cbor::user_no")]
        user: UserNo,
    },
    /// Rows that nobody is told of were put in order along with this entry.
    #[n(21)]
    #[cbor(array)]
    Tidied,
    /// Somebody is invited; the invitation's row was written with this entry.
    #[n(13)]
    #[cbor(array)]
    InvitationMade {
        #[cbor(n(0), with = "cbor::invitation_id")]
        invitation: InvitationId,
    },
    /// An invitation was accepted or taken back, or its time is over; its row is gone.
    #[n(14)]
    #[cbor(array)]
    InvitationEnded {
        #[cbor(n(0), with = "cbor::invitation_id")]
        invitation: InvitationId,
    },
    /// There is a letter to be sent; its row was written with this entry.
    #[n(15)]
    #[cbor(array)]
    LetterWritten {
        #[cbor(n(0), with = "cbor::letter_id")]
        letter: LetterId,
    },
    /// Letters whose time is over; their rows are gone.
    #[n(16)]
    #[cbor(array)]
    LettersForgotten {
        #[n(0)]
        count: u64,
    },
}

/// In which way a message was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum MessageChange {
    /// It has another text.
    #[n(0)]
    Edited,
    /// Its text is gone.
    #[n(1)]
    Deleted,
    /// Somebody reacted, or took it back.
    #[n(2)]
    Reacted,
}

impl Change {
    /// Whose business it is.
    #[must_use]
    pub fn scope(&self) -> Scope {
        match self {
            Self::AccountCreated { .. }
            | Self::AccountRemoved { .. }
            | Self::Tidied
            | Self::PasswordChanged { .. }
            | Self::InvitationMade { .. }
            | Self::InvitationEnded { .. }
            | Self::LetterWritten { .. }
            | Self::LettersForgotten { .. }
            | Self::SessionStarted { .. }
            | Self::SessionRenewed { .. }
            | Self::SessionEnded { .. } => Scope::Nobody,
            Self::AccountChanged { user, .. } => Scope::User(*user),
            Self::ConversationCreated { conversation, .. }
            | Self::ParticipantAdded { conversation, .. }
            | Self::MessageCreated { conversation, .. }
            | Self::MessageChanged { conversation, .. }
            | Self::DeliveredMoved { conversation, .. } => Scope::Conversation(*conversation),
            Self::ParticipantRemoved { conversation, user, .. } => Scope::ConversationAnd(*conversation, *user),
            Self::ReadMoved { conversation, user, shared, .. } => {
                if *shared {
                    Scope::Conversation(*conversation)
                } else {
                    Scope::User(*user)
                }
            }
        }
    }
}
