use chat_proto::{MessageId, Seq};

use super::{Chip, Composer};

/// What is being written in a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) message: Composer,
    /// Files that go with it.
    pub(crate) files: Vec<Chip>,
    pub(crate) reply_to: Option<MessageId>,
    /// A message that is being changed; what is written beside it waits.
    pub(crate) edit: Option<Edit>,
    /// The newest message that was on the screen while something was typed.
    pub(crate) saw: Option<Seq>,
}

/// A change of one of my messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) id: MessageId,
    pub(crate) text: Composer,
}

impl Draft {
    /// What the keys write.
    pub(crate) fn composer(&self) -> &Composer {
        self.edit.as_ref().map_or(&self.message, |edit| &edit.text)
    }

    pub(crate) fn composer_mut(&mut self) -> &mut Composer {
        match &mut self.edit {
            Some(edit) => &mut edit.text,
            None => &mut self.message,
        }
    }

    /// Whether there is nothing in it to be kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.message.is_empty() && self.files.is_empty() && self.edit.is_none()
    }
}
