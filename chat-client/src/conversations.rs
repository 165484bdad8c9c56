use chat_proto::model::{Conversation, History, Message, Page};
use chat_proto::wire::{AddParticipant, NewConversation, NewConversationKind, ReadBody, TypingBody};
use chat_proto::{ClientId, ConversationId, Seq, UserId};
use http::StatusCode;

use crate::query::{PageQuery, Part};
use crate::{Client, Draft, Error};

/// Whether sending made a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Created,
    /// It had been sent before with this `client_id`; nothing changed.
    Duplicate,
}

impl Client {
    /// My conversations, the latest first.
    pub async fn conversations(&self, page: &PageQuery) -> Result<Page<Conversation>, Error> {
        self.get(&format!("/conversations{}", page.to_query())).await
    }

    /// Those of my conversations in which something is unread, the latest first. A part may have few or none while others
    /// follow; cursors of [`conversations`](Self::conversations) are good here, too.
    pub async fn unread_conversations(&self, page: &PageQuery) -> Result<Page<Conversation>, Error> {
        self.get(&format!("/conversations{}", page.to_query().with("unread", Some(&true)))).await
    }

    /// One of my conversations, with everybody who is in it.
    pub async fn conversation(&self, id: ConversationId) -> Result<Conversation, Error> {
        self.get(&format!("/conversations/{id}")).await
    }

    /// The conversation of the two of us; begins it when there is none.
    pub async fn open_direct(&self, with: UserId) -> Result<Conversation, Error> {
        self.begin(&NewConversation { kind: NewConversationKind::Direct, participants: vec![with], subject: None })
            .await
    }

    /// Begins a group, of which I become the owner.
    pub async fn create_group(&self, subject: Option<&str>, participants: &[UserId]) -> Result<Conversation, Error> {
        self.begin(&NewConversation {
            kind: NewConversationKind::Group,
            participants: participants.to_vec(),
            subject: subject.map(str::to_owned),
        })
        .await
    }

    /// Brings somebody into a group.
    pub async fn add_participant(&self, id: ConversationId, user: UserId) -> Result<Conversation, Error> {
        let body = AddParticipant { user_id: user };
        self.post(&format!("/conversations/{id}/participants"), &body).await?.json()
    }

    /// Takes somebody out of a group; with my own id, leaves it.
    pub async fn remove_participant(&self, id: ConversationId, user: UserId) -> Result<(), Error> {
        self.delete(&format!("/conversations/{id}/participants/{user}")).await.map(drop)
    }

    /// A part of a conversation's history; without a limit as long as the server likes (50 messages).
    pub async fn messages(&self, id: ConversationId, part: Part, limit: Option<u32>) -> Result<History, Error> {
        let query = part.to_query().with("limit", limit.as_ref());
        self.get(&format!("/conversations/{id}/messages{query}")).await
    }

    /// Sends a message. Safe to repeat with the same `client_id` for as long as the answer is not known.
    pub async fn send(
        &self,
        id: ConversationId,
        client_id: &ClientId,
        draft: impl Into<Draft>,
    ) -> Result<(Message, Outcome), Error> {
        let body = draft.into().under(client_id.clone());
        let answer = self.post(&format!("/conversations/{id}/messages"), &body).await?;
        let outcome = if answer.status == StatusCode::CREATED { Outcome::Created } else { Outcome::Duplicate };
        Ok((answer.json()?, outcome))
    }

    /// Moves my read mark to this message.
    pub async fn mark_read(&self, id: ConversationId, seq: Seq) -> Result<(), Error> {
        let body = ReadBody { seq };
        self.post(&format!("/conversations/{id}/read"), &body).await.map(drop)
    }

    /// Tells the others that I am writing, or stopped.
    pub async fn typing(&self, id: ConversationId, on: bool) -> Result<(), Error> {
        let body = TypingBody { on };
        self.post(&format!("/conversations/{id}/typing"), &body).await.map(drop)
    }

    async fn begin(&self, conversation: &NewConversation) -> Result<Conversation, Error> {
        self.post("/conversations", conversation).await?.json()
    }
}
