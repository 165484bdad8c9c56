//! One message after it was sent, and the marks that are not `read`.

use chat_proto::model::{Message, Revision};
use chat_proto::wire::{PatchMessage, ReadBody, Revisions};
use chat_proto::{ConversationId, MessageId, Seq};

use crate::query::encoded;
use crate::{Client, Error};

impl Client {
    /// Changes the text of a message of mine; the message as it is now.
    pub async fn edit(&self, conv: ConversationId, id: MessageId, text: &str) -> Result<Message, Error> {
        let body = PatchMessage { text: text.to_owned() };
        self.patch(&route(conv, id), &body).await?.json()
    }

    /// Deletes a message; what is left of it.
    pub async fn delete_message(&self, conv: ConversationId, id: MessageId) -> Result<Message, Error> {
        self.delete(&route(conv, id)).await?.json()
    }

    /// Reacts to a message with one emoji, or takes that back; the message as it is now.
    pub async fn react(&self, conv: ConversationId, id: MessageId, emoji: &str, on: bool) -> Result<Message, Error> {
        let path = format!("{}/reactions/{}", route(conv, id), encoded(emoji));
        if on { self.put_empty(&path).await?.json() } else { self.delete(&path).await?.json() }
    }

    /// What a message said before; for its author and for staff.
    pub async fn revisions(&self, conv: ConversationId, id: MessageId) -> Result<Vec<Revision>, Error> {
        let revisions: Revisions = self.get(&format!("{}/history", route(conv, id))).await?;
        Ok(revisions.items)
    }

    /// Moves my read mark back: this message and what comes after it is unread again.
    pub async fn mark_unread(&self, conv: ConversationId, seq: Seq) -> Result<(), Error> {
        self.post(&format!("/conversations/{conv}/unread"), &ReadBody { seq }).await.map(drop)
    }

    /// Says that the messages up to this one have reached a device of mine.
    pub async fn mark_delivered(&self, conv: ConversationId, seq: Seq) -> Result<(), Error> {
        self.post(&format!("/conversations/{conv}/delivered"), &ReadBody { seq }).await.map(drop)
    }
}

fn route(conv: ConversationId, id: MessageId) -> String {
    format!("/conversations/{conv}/messages/{id}")
}
