use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

use chat_proto::model::Message;
use chat_proto::{ConversationId, Timestamp, UserId};

use super::{Channel, UnsubscribeToken};
use crate::letters::Letter;
use crate::state::DeliveryId;

/// Something that somebody is to be told. The same one may be handed over again, with the same `id`, when the server did
/// not learn that it had been delivered: a channel that can should use it to tell them apart.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notification {
    /// Its name; later ones are greater.
    pub id: DeliveryId,
    /// By which way it goes.
    pub channel: Channel,
    /// Whom it is for. Of an invitation nobody knows who that is.
    pub user: Option<UserId>,
    /// Their name, if it is known; hostile to mails and pages until escaped there.
    pub name: Option<String>,
    /// Where it goes, if by mail.
    pub mail_address: Option<String>,
    /// Since when it is on its way.
    pub created_at: Timestamp,
    /// The so-manieth attempt, from 1.
    pub attempt: u32,
    /// With what they can end such mails, where that is possible: of messages, by mail.
    pub unsubscribe: Option<UnsubscribeToken>,
    /// What it is.
    pub news: News,
}

/// What somebody is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum News {
    /// Messages that they have not read.
    Unread {
        /// Of each conversation, those with the longest waiting messages first.
        conversations: Vec<UnreadConversation>,
        /// Put together: a digest, or what was held back in quiet hours.
        together: bool,
    },
    /// A letter with a link in it.
    Letter(Letter),
}

/// What somebody has not read of a conversation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnreadConversation {
    /// Which.
    pub id: ConversationId,
    /// What it is about, or who else is in it; hostile to mails and pages until escaped there.
    pub title: String,
    /// How many messages.
    pub count: u64,
    /// The newest of them, at most five, the oldest first; hostile like all that people write.
    pub messages: Vec<Message>,
}

/// Why something could not be delivered. The texts are for admins; they hold nothing of what was to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Undelivered {
    /// The whole channel does not work now: nothing else need be tried before it does again.
    Down(String),
    /// This one does not go now; it is to be tried again, not before this long where that is known.
    Later(String, Option<Duration>),
    /// It will never go.
    Never(String),
}

/// What [`Notifier::deliver`] returns.
pub type Delivering<'a> = Pin<Box<dyn Future<Output = Result<(), Undelivered>> + Send + 'a>>;

/// Delivers notifications by one way. Waiting, repeating, and that nothing is told twice are the engine's business.
pub trait Notifier: Debug + Send + Sync + 'static {
    /// By which way. There is one notifier per channel.
    fn channel(&self) -> Channel;

    /// Delivers one, once. It is broken off after a minute, and then counts as [`Undelivered::Later`].
    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a>;
}
