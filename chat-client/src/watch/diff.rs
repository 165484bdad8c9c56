use chat_proto::model::{Conversation, Message, PresenceState, User};
use chat_proto::{ClientId, ConversationId, Seq, UserId};

use crate::Error;
use crate::follow::{Connection, OutboxEntry, Request};

/// One thing that changed in an [`Inbox`](crate::Inbox). Carried out one after the other on a copy, diffs make it equal again.
///
/// What they speak of is the inbox right after each, so places in the list shift from one diff to the next.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Diff {
    /// How things stand with the server. While there is no connection, nobody is there and nobody writes.
    Connection(Connection),
    /// My account.
    Me(Box<User>),
    /// A conversation is in the list, at this place from the top.
    ConversationInserted {
        /// Its place.
        at: usize,
        /// The conversation.
        conversation: Box<Conversation>,
    },
    /// A conversation is now like this; its place is another diff's business.
    ConversationChanged(Box<Conversation>),
    /// A conversation is taken from where it stands and put to this place of those that are left.
    ConversationMoved {
        /// Which.
        conversation: ConversationId,
        /// Its place.
        to: usize,
    },
    /// A conversation is no longer mine to see, with everything in it.
    ConversationRemoved {
        /// Which.
        conversation: ConversationId,
    },
    /// Somebody has read up to here, so it has reached them too. When it is me, what is unread is what comes after it.
    ReadMoved {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// Up to which message.
        seq: Seq,
    },
    /// Whether the server has older conversations than the list; see [`more_conversations`](crate::Watch::more_conversations).
    /// Comes with every further part of the list, after its conversations.
    MoreConversations(bool),
    /// Whether something may be unread in conversations that are not in the list; see
    /// [`more_unread`](crate::Watch::more_unread). Comes with every part of them, after its conversations.
    MoreUnread(bool),
    /// How things stand with the messages of an opened conversation.
    ThreadChanged {
        /// Which.
        conversation: ConversationId,
        /// Whether messages of it are being loaded.
        loading: bool,
        /// Whether there are older messages than the first that is held.
        more_before: bool,
        /// Whether there are newer ones than the last that is held.
        more_after: bool,
    },
    /// The messages of a conversation are not held any more.
    ThreadClosed {
        /// Which.
        conversation: ConversationId,
    },
    /// A message is in its thread, at the place that its number gives it.
    MessageInserted(Box<Message>),
    /// A message is now like this.
    MessageChanged(Box<Message>),
    /// A message is not held any more.
    MessageRemoved {
        /// Where.
        conversation: ConversationId,
        /// Which.
        seq: Seq,
    },
    /// What was missed cannot be told: everything is being loaded anew, and the diffs after it bring it up to date.
    Reloading,
    /// A [request](crate::Watch::request) was refused for good.
    Refused {
        /// What was asked.
        request: Request,
        /// Why.
        error: Error,
    },
    /// Messages that were asked for cannot be loaded, for good.
    NotLoaded {
        /// Of which conversation.
        conversation: ConversationId,
        /// Why.
        error: Error,
    },
    /// Somebody writes, or stopped.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// `false`: stopped.
        on: bool,
    },
    /// Somebody else has a conversation open, or no longer.
    Viewing {
        /// Which.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// `false`: no longer.
        on: bool,
    },
    /// Somebody came, turned away from all their devices or back to one, or their last device went.
    Presence {
        /// Who.
        user: UserId,
        /// What they are over all their devices.
        state: PresenceState,
    },
    /// A message of mine is on its way.
    OutgoingAdded(OutboxEntry),
    /// It is stored, but not yet told: others may have written before it. To be shown until it is removed.
    OutgoingStored {
        /// Its name.
        client_id: ClientId,
    },
    /// It was told, so it stands among the messages; or it was taken out of the outbox.
    OutgoingRemoved {
        /// Its name.
        client_id: ClientId,
    },
    /// The server refuses it for good. It is not outgoing any more.
    OutgoingFailed {
        /// What it was.
        entry: OutboxEntry,
        /// Why.
        error: Error,
    },
}

impl Diff {
    /// The diff of a whole conversation.
    pub(super) fn changed(conversation: &Conversation) -> Self {
        Self::ConversationChanged(Box::new(conversation.clone()))
    }
}
