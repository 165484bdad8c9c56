//! Messages: writing them, reading them, and how far one has read.

use std::sync::Arc;

use chat_proto::model::{History, Message};
use chat_proto::{AttachmentId, ClientId, MessageId, Seq, UserId};

use crate::builder::PAGE_ROWS;
use crate::conversations::ConversationHandle;
use crate::error::{Error, Result};
use crate::shape;
use crate::state::{Command, Outcome, Post, message_view};
use crate::writer::Queued;

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Draft {
    text: String,
    client_id: Option<ClientId>,
    attachments: Vec<AttachmentId>,
    reply_to: Option<MessageId>,
    mentions: Vec<UserId>,
    if_last_seq: Option<Seq>,
}

/// A message that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The message.
    pub message: Arc<Message>,
    /// It had been sent before under this client id; this is the first result.
    pub duplicate: bool,
}

/// Which part of a conversation's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// The newest.
    Newest,
    /// Those before this number, the nearest.
    Before(Seq),
    /// Those after this number, the nearest.
    After(Seq),
    /// Those around this number, it included.
    Around(Seq),
}

impl Draft {
    /// A plain text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            client_id: None,
            attachments: Vec::new(),
            reply_to: None,
            mentions: Vec::new(),
            if_last_seq: None,
        }
    }

    /// Under this name sending again is harmless, for ever. Default: a new one, so that each call is a new message.
    #[must_use]
    pub fn client_id(mut self, client_id: ClientId) -> Self {
        self.client_id = Some(client_id);
        self
    }

    /// With these files, which its author has [uploaded](crate::Actor::attach) before and sent with no other message. Then
    /// the text may be empty.
    #[must_use]
    pub fn attachments(mut self, files: impl IntoIterator<Item = AttachmentId>) -> Self {
        self.attachments.extend(files);
        self
    }

    /// It answers this message of the same conversation.
    #[must_use]
    pub fn reply_to(mut self, message: MessageId) -> Self {
        self.reply_to = Some(message);
        self
    }

    /// It speaks to these participants by name; at most 50.
    #[must_use]
    pub fn mentions(mut self, users: impl IntoIterator<Item = UserId>) -> Self {
        self.mentions.extend(users);
        self
    }

    /// Only to be sent while this is the number of the newest message: nobody has said anything that its author has
    /// not seen.
    #[must_use]
    pub fn if_last_seq(mut self, seq: Seq) -> Self {
        self.if_last_seq = Some(seq);
        self
    }
}

impl From<&str> for Draft {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Draft {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl ConversationHandle {
    /// Sends a message. When this returns it is on disk.
    ///
    /// # Errors
    /// `invalid` when it is blank, or for a reply, a mention or an attachment of what is not there; `too_large`;
    /// `too_many_attachments`; `conflict` when an attachment was sent before; `idempotency_mismatch` when the client id stands for another message; `newer_messages` when
    /// [`Draft::if_last_seq`] says so.
    pub async fn send(&self, draft: impl Into<Draft>) -> Result<Sent> {
        self.submit(draft).await?.done().await
    }

    /// Queues a message. What is submitted one after the other is carried out in that order, so that a program can
    /// send on without waiting for each answer.
    ///
    /// # Errors
    /// What its shape alone refuses; the rest comes with [`Submitted::done`].
    pub async fn submit(&self, draft: impl Into<Draft>) -> Result<Submitted<Sent>> {
        let Draft { text, client_id, attachments, reply_to, mut mentions, if_last_seq } = draft.into();
        let engine = self.actor().chat().engine();
        shape::attachments(&attachments, engine.limits.attachments.per_message)?;
        let shaped = if attachments.is_empty() { shape::text } else { shape::caption };
        let text = shaped(text, engine.limits.text_bytes)?;
        shape::mentions(&mut mentions)?;
        let client_id = match client_id {
            Some(client_id) => client_id,
            None => new_client_id(&*engine.entropy)?,
        };
        let post = Post { client_id, text, attachments, reply_to, mentions, if_last_seq };
        let command = Command::Send { by: self.actor().by(), conversation: self.id(), post };
        let queued = engine.writer.queue(command).await?;
        engine.typing.forget(self.id(), self.actor().user_id());
        Ok(Submitted::new(queued, |outcome| match outcome {
            Outcome::Sent { message, duplicate } => Ok(Sent { message, duplicate }),
            _ => Err(Error::unexpected()),
        }))
    }

    /// A part of the history, oldest first; at most 200 messages at once.
    pub async fn history(&self, span: Span, limit: usize) -> Result<History> {
        let (id, engine) = (self.id(), Arc::clone(self.actor().chat().engine()));
        self.actor()
            .read(move |me| {
                let conversation = me.own_conversation(id)?;
                let (from, to) = span.bounds(conversation.last_seq, limit.clamp(1, PAGE_ROWS) as u64);
                let rows = me.view.messages(conversation.no, Seq(from), Seq(to))?;
                let items = rows.iter().map(|row| Ok(message_view(me.view, row, id, me.no)?));
                Ok(History {
                    items: items.collect::<Result<_>>()?,
                    more_before: from > 1,
                    more_after: to < conversation.last_seq.0,
                    as_of: engine.as_of(me.view),
                })
            })
            .await
    }

    /// Says that I have read up to this message. Only moves forward; beyond the newest message it stops there.
    pub async fn mark_read(&self, seq: Seq) -> Result<()> {
        self.submit_read(seq).await?.done().await
    }

    /// Queues [`mark_read`](Self::mark_read), in order with what is [submitted](Self::submit).
    pub async fn submit_read(&self, seq: Seq) -> Result<Submitted<()>> {
        self.mark(Command::MoveReadMark { by: self.actor().by(), conversation: self.id(), seq }).await
    }

    /// Says that this message and what follows are unread for me. Only my own devices are told.
    pub async fn mark_unread(&self, seq: Seq) -> Result<()> {
        self.submit_unread(seq).await?.done().await
    }

    /// Queues [`mark_unread`](Self::mark_unread).
    pub async fn submit_unread(&self, seq: Seq) -> Result<Submitted<()>> {
        self.mark(Command::MarkUnread { by: self.actor().by(), conversation: self.id(), seq }).await
    }

    /// Says that what was written up to this message has reached one of my devices. Only moves forward; in
    /// conversations without receipts nothing is kept of it.
    pub async fn mark_delivered(&self, seq: Seq) -> Result<()> {
        self.submit_delivered(seq).await?.done().await
    }

    /// Queues [`mark_delivered`](Self::mark_delivered).
    pub async fn submit_delivered(&self, seq: Seq) -> Result<Submitted<()>> {
        self.mark(Command::MoveDeliveredMark { by: self.actor().by(), conversation: self.id(), seq }).await
    }

    async fn mark(&self, command: Command) -> Result<Submitted<()>> {
        let queued = self.actor().chat().engine().writer.queue(command).await?;
        Ok(Submitted::new(queued, |_| Ok(())))
    }
}

/// Something that waits to be carried out. Dropping this does not call it back.
#[derive(Debug)]
#[must_use]
pub struct Submitted<T> {
    queued: Queued,
    read: fn(Outcome) -> Result<T>,
}

impl<T> Submitted<T> {
    pub(crate) fn new(queued: Queued, read: fn(Outcome) -> Result<T>) -> Self {
        Self { queued, read }
    }

    /// Waits until it is on disk, or refused.
    pub async fn done(self) -> Result<T> {
        (self.read)(self.queued.outcome().await?)
    }
}

impl Span {
    /// The numbers of the first and the last message; an empty span ends before it begins.
    fn bounds(self, last: Seq, limit: u64) -> (u64, u64) {
        let last = last.0;
        let ending = |to: u64| (to.saturating_sub(limit - 1).max(1), to);
        match self {
            Self::Newest => ending(last),
            Self::Before(seq) => ending(seq.0.saturating_sub(1).min(last)),
            Self::After(seq) => {
                let from = seq.0.saturating_add(1).min(last + 1);
                (from, (from + limit - 1).min(last))
            }
            Self::Around(seq) => {
                let from = seq.0.min(last).saturating_sub(limit / 2).max(1);
                let to = (from + limit - 1).min(last);
                (to.saturating_sub(limit - 1).max(1), to)
            }
        }
    }
}

/// 120 random bits are unique among one author's messages.
fn new_client_id(entropy: &dyn crate::clock::Entropy) -> Result<ClientId> {
    let random: [u8; 15] = entropy.bytes();
    data_encoding::BASE64URL_NOPAD.encode(&random).parse().map_err(|_| Error::unexpected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_cover_what_their_names_say() {
        let bounds = |span: Span, last, limit| span.bounds(Seq(last), limit);
        assert_eq!(bounds(Span::Newest, 100, 10), (91, 100));
        assert_eq!(bounds(Span::Newest, 3, 10), (1, 3));
        assert_eq!(bounds(Span::Newest, 0, 10), (1, 0));
        assert_eq!(bounds(Span::Before(Seq(50)), 100, 10), (40, 49));
        assert_eq!(bounds(Span::Before(Seq(1)), 100, 10), (1, 0));
        assert_eq!(bounds(Span::Before(Seq(u64::MAX)), 100, 10), (91, 100));
        assert_eq!(bounds(Span::After(Seq(0)), 100, 10), (1, 10));
        assert_eq!(bounds(Span::After(Seq(95)), 100, 10), (96, 100));
        assert_eq!(bounds(Span::After(Seq(100)), 100, 10), (101, 100));
        assert_eq!(bounds(Span::After(Seq(u64::MAX)), 100, 10), (101, 100));
        assert_eq!(bounds(Span::Around(Seq(50)), 100, 10), (45, 54));
        assert_eq!(bounds(Span::Around(Seq(2)), 100, 10), (1, 10));
        assert_eq!(bounds(Span::Around(Seq(100)), 100, 10), (91, 100));
        assert_eq!(bounds(Span::Around(Seq(1)), 0, 10), (1, 0));
    }
}
