use chat_proto::model::Attachment;
use chat_proto::wire::NewMessage;
use chat_proto::{ClientId, MessageId, Seq, UserId};

/// A message as it is written: the text, the files, and what it has to do with others. A plain text is one, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    pub(crate) text: String,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) reply_to: Option<MessageId>,
    pub(crate) mentions: Vec<UserId>,
    pub(crate) if_last_seq: Option<Seq>,
}

impl Draft {
    /// A message that says this.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// These files go with it, in this order, as [`attach`](crate::Client::attach) gave them; at most 10. The text may be
    /// empty then.
    #[must_use]
    pub fn attachments(mut self, files: Vec<Attachment>) -> Self {
        self.attachments = files;
        self
    }

    /// It answers this message of the same conversation.
    #[must_use]
    pub fn reply_to(mut self, message: MessageId) -> Self {
        self.reply_to = Some(message);
        self
    }

    /// It speaks to these participants, at most 50.
    #[must_use]
    pub fn mentions(mut self, people: Vec<UserId>) -> Self {
        self.mentions = people;
        self
    }

    /// Only while this is the conversation's newest message; else it is refused with `newer_messages`.
    #[must_use]
    pub fn if_last_seq(mut self, seq: Seq) -> Self {
        self.if_last_seq = Some(seq);
        self
    }

    pub(crate) fn under(self, client_id: ClientId) -> NewMessage {
        let Self { text, attachments, reply_to, mentions, if_last_seq } = self;
        let attachments = attachments.into_iter().map(|file| file.id).collect();
        NewMessage { client_id, text, attachments, reply_to, mentions, if_last_seq }
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

impl From<&String> for Draft {
    fn from(text: &String) -> Self {
        Self::text(text)
    }
}
