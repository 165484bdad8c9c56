//! What can be done with one message that is there.

use std::sync::Arc;

use chat_proto::MessageId;
use chat_proto::model::{Message, Revision};

use crate::access::Action;
use crate::conversations::ConversationHandle;
use crate::error::{Error, Result};
use crate::shape;
use crate::state::{Command, Outcome, Refusal, RevisionRow, find_message, message_view, wrote};
use crate::timeline::Submitted;

impl ConversationHandle {
    /// Changes the text of a message of mine. What it said before is kept until it is deleted.
    ///
    /// `if_version`: only if it still has this version.
    ///
    /// # Errors
    /// `not_found`; `forbidden` unless I wrote it; `invalid` when nothing would be left, `too_large`; `version_mismatch`;
    /// `conflict` when it was deleted, or changed a hundred times.
    pub async fn edit(&self, message: MessageId, text: &str, if_version: Option<u64>) -> Result<Arc<Message>> {
        self.submit_edit(message, text, if_version).await?.done().await
    }

    /// Queues [`edit`](Self::edit), in order with what is [submitted](Self::submit).
    pub async fn submit_edit(
        &self,
        message: MessageId,
        text: &str,
        if_version: Option<u64>,
    ) -> Result<Submitted<Arc<Message>>> {
        let text = shape::caption(text.to_owned(), self.actor().chat().limits().text_bytes)?;
        let (by, conversation) = (self.actor().by(), self.id());
        self.change(Command::EditMessage { by, conversation, message, text, if_version }).await
    }

    /// Deletes a message. Its place and number stay; its text, earlier texts and reactions are gone from the store.
    /// Deleting again does nothing.
    ///
    /// # Errors
    /// `not_found`; `forbidden` unless I wrote it, own the group as staff, or am an admin in it; `version_mismatch`.
    pub async fn delete(&self, message: MessageId, if_version: Option<u64>) -> Result<Arc<Message>> {
        self.submit_delete(message, if_version).await?.done().await
    }

    /// Queues [`delete`](Self::delete).
    pub async fn submit_delete(&self, message: MessageId, if_version: Option<u64>) -> Result<Submitted<Arc<Message>>> {
        let (by, conversation) = (self.actor().by(), self.id());
        let origin = self.actor().origin();
        self.change(Command::DeleteMessage { by, conversation, message, if_version, origin }).await
    }

    /// Reacts to a message with one emoji, or takes that back (`on: false`). Doing it again does nothing.
    ///
    /// # Errors
    /// `not_found`; `invalid` unless it is one emoji; `conflict` when the message was deleted, or has 20 kinds of
    /// reaction or 250 reactions already.
    pub async fn react(&self, message: MessageId, emoji: &str, on: bool) -> Result<Arc<Message>> {
        self.submit_reaction(message, emoji, on).await?.done().await
    }

    /// Queues [`react`](Self::react).
    pub async fn submit_reaction(&self, message: MessageId, emoji: &str, on: bool) -> Result<Submitted<Arc<Message>>> {
        let emoji = shape::emoji(emoji)?;
        let (by, conversation) = (self.actor().by(), self.id());
        self.change(Command::React { by, conversation, message, emoji, on }).await
    }

    /// The message, as I see it.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn message(&self, message: MessageId) -> Result<Message> {
        let id = self.id();
        self.actor()
            .read(move |me| {
                let conversation = me.own_conversation(id)?;
                let row = find_message(me.view, &conversation, message)?;
                let row = row.ok_or_else(|| Refusal::not_found("There is no such message."))?;
                Ok(message_view(me.view, &row, id, me.no)?)
            })
            .await
    }

    /// What a message said before it was changed, the oldest first; at most 100.
    ///
    /// # Errors
    /// `not_found`; `forbidden` unless I wrote it or am staff.
    pub async fn revisions(&self, message: MessageId) -> Result<Vec<Revision>> {
        let id = self.id();
        self.actor()
            .read(move |me| {
                let conversation = me.own_conversation(id)?;
                let row = find_message(me.view, &conversation, message)?;
                let row = row.ok_or_else(|| Refusal::not_found("There is no such message."))?;
                let action =
                    if wrote(me.view, &row, me.no)? { Action::ChangeOwnMessage } else { Action::ReadRevisions };
                me.require(action, conversation.relation(me.no))?;
                let revisions = me.view.revisions(row.conversation, row.seq)?.into_iter();
                Ok(revisions.map(|RevisionRow { version, text, at }| Revision { version, text, at }).collect())
            })
            .await
    }

    async fn change(&self, command: Command) -> Result<Submitted<Arc<Message>>> {
        let queued = self.actor().chat().engine().writer.queue(command).await?;
        Ok(Submitted::new(queued, |outcome| match outcome {
            Outcome::Message(message) => Ok(message),
            _ => Err(Error::unexpected()),
        }))
    }
}
