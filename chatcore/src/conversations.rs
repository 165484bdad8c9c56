//! Conversations: finding and beginning them, and who is in them.

use std::sync::Arc;

use chat_proto::model::{self, Cursor, Page, Snapshot};
use chat_proto::{ConversationId, ErrorCode, UserId};

use crate::access::{Action, Relation};
use crate::actor::{Actor, Reading};
use crate::builder::PAGE_ROWS;
use crate::error::{Error, Result};
use crate::shape;
use crate::state::{Command, Conversation, Outcome, Position, conversation_view};

/// So many participants stand in a row of the inbox; a single conversation shows all.
const PARTICIPANTS_IN_A_ROW: usize = 20;
/// So many of somebody's conversations are looked at for one part of those with something unread: unread is computed and in
/// no index, and a part is to cost no more than a few of the whole list.
const LOOKED_AT: usize = 1_000;

impl Actor {
    /// My conversations, the one with the newest activity first; at most 200 at once.
    ///
    /// # Errors
    /// `invalid_cursor`.
    pub async fn conversations(&self, limit: usize, cursor: Option<Cursor>) -> Result<Page<model::Conversation>> {
        let limit = limit.clamp(1, PAGE_ROWS);
        self.part_of_inbox(limit, limit, |_, _| Ok(true), cursor).await
    }

    /// Those of my conversations in which something is unread, in the order of the whole list, whose cursors are good here
    /// too; at most 200 at once. As only the next 1,000 of the whole list are looked at, a part may have few or none while
    /// others follow.
    ///
    /// # Errors
    /// `invalid_cursor`.
    pub async fn unread_conversations(
        &self,
        limit: usize,
        cursor: Option<Cursor>,
    ) -> Result<Page<model::Conversation>> {
        self.part_of_inbox(limit.clamp(1, PAGE_ROWS), LOOKED_AT, has_news, cursor).await
    }

    /// Of the next `looked_at` conversations those that are wanted, at most `limit`.
    async fn part_of_inbox(
        &self,
        limit: usize,
        looked_at: usize,
        wanted: fn(&Reading<'_>, &Conversation) -> Result<bool>,
        cursor: Option<Cursor>,
    ) -> Result<Page<model::Conversation>> {
        let engine = Arc::clone(self.chat().engine());
        self.read(move |me| {
            me.require(Action::ReadConversation, Relation::Member)?;
            let list = format!("inbox of {}", me.no.0);
            let before = match &cursor {
                None => None,
                Some(cursor) => Some(inbox_place(engine.seal.open_page(list.as_bytes(), cursor))?),
            };
            // One more than is looked at tells whether there is more.
            let rows = me.view.inbox(me.no, before, looked_at + 1)?;
            let (mut items, mut end) = (Vec::new(), 0);
            while items.len() < limit && end < rows.len().min(looked_at) {
                let conversation = me.own(rows[end].1)?;
                if wanted(me, &conversation)? {
                    items.push(conversation_view(me.view, &conversation, me.no, PARTICIPANTS_IN_A_ROW)?);
                }
                end += 1;
            }
            let last = rows[..end].last().filter(|_| end < rows.len());
            let next_cursor = last.map(|(activity, _)| engine.seal.page(list.as_bytes(), &activity.0.to_be_bytes()));
            Ok(Page { items, next_cursor, as_of: engine.as_of(me.view) })
        })
        .await
    }

    /// The direct conversation with this person; begun when there is none. `true`: it was.
    ///
    /// # Errors
    /// `not_found` when there is no such person, or none that I may write to; `invalid` for oneself.
    pub async fn open_direct(&self, with: UserId) -> Result<(model::Conversation, bool)> {
        let id = self.new_conversation_id();
        self.begun(Command::OpenDirect { by: self.by(), id, with }).await
    }

    /// Begins a group with these people; I am its owner.
    ///
    /// # Errors
    /// `not_found` when one of them is nobody that I may write to, `invalid` for the subject or too many people,
    /// `forbidden` when my role may not begin groups.
    pub async fn create_group(&self, subject: Option<&str>, participants: Vec<UserId>) -> Result<model::Conversation> {
        let subject = subject.map(shape::subject).transpose()?;
        let most = self.chat().limits().group_participants;
        if participants.len() > most {
            return Err(Error::invalid("/participants", format!("A group has at most {most} participants.")));
        }
        let id = self.new_conversation_id();
        Ok(self.begun(Command::CreateGroup { by: self.by(), id, subject, participants }).await?.0)
    }

    fn new_conversation_id(&self) -> ConversationId {
        let engine = self.chat().engine();
        ConversationId::new(engine.clock.now(), engine.entropy.bytes())
    }

    /// Carries out a command about one conversation and shows it as it is then.
    async fn begun(&self, command: Command) -> Result<(model::Conversation, bool)> {
        let Outcome::Conversation { no, created } = self.carry(command).await? else {
            return Err(Error::unexpected());
        };
        let shown = self.read(move |me| {
            // They may have been put out in between. Whoever may begin it may see what came of it.
            let conversation = me.joined(no)?;
            Ok(conversation_view(me.view, &conversation, me.no, usize::MAX)?)
        });
        Ok((shown.await?, created))
    }
}

/// One conversation, and who does something in it.
///
/// For everybody who is not in it, it does not exist: all methods answer `not_found`.
#[derive(Clone, Debug)]
pub struct ConversationHandle {
    actor: Actor,
    id: ConversationId,
}

impl ConversationHandle {
    pub(crate) fn new(actor: Actor, id: ConversationId) -> Self {
        Self { actor, id }
    }

    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Which.
    #[must_use]
    pub fn id(&self) -> ConversationId {
        self.id
    }

    /// The conversation with all its participants, and the moment that this shows.
    pub async fn get(&self) -> Result<Snapshot<model::Conversation>> {
        let (id, engine) = (self.id, Arc::clone(self.actor.chat().engine()));
        self.actor
            .read(move |me| {
                let conversation = me.own_conversation(id)?;
                let item = conversation_view(me.view, &conversation, me.no, usize::MAX)?;
                Ok(Snapshot { item, as_of: engine.as_of(me.view) })
            })
            .await
    }

    /// Brings somebody into the group. Somebody who is in it already stays.
    ///
    /// # Errors
    /// `forbidden` unless I own the group or am staff for support; `not_found` when it is nobody that I may write to;
    /// `conflict` in a direct conversation.
    pub async fn add(&self, user: UserId) -> Result<model::Conversation> {
        let (by, origin) = (self.actor.by(), self.actor.origin());
        let command = Command::AddParticipant { by, conversation: self.id, user, origin };
        Ok(self.actor.begun(command).await?.0)
    }

    /// Puts somebody out of the group.
    ///
    /// # Errors
    /// `forbidden` unless I own the group or am an admin in it; `not_found` when they are not in it; `conflict` in a
    /// direct conversation.
    pub async fn remove(&self, user: UserId) -> Result<()> {
        let (by, origin) = (self.actor.by(), self.actor.origin());
        let command = Command::RemoveParticipant { by, conversation: self.id, user, origin };
        self.actor.carry(command).await?;
        let engine = self.actor.chat().engine();
        engine.typing.removed(user, self.id);
        engine.viewing.removed(user, self.id);
        Ok(())
    }

    /// Goes out of the group.
    ///
    /// # Errors
    /// `conflict` in a direct conversation.
    pub async fn leave(&self) -> Result<()> {
        self.remove(self.actor.user_id()).await
    }

    /// Says that I am writing, or stopped. Told to the others who are connected; holds six seconds.
    pub async fn typing(&self, on: bool) -> Result<()> {
        let (id, engine) = (self.id, Arc::clone(self.actor.chat().engine()));
        let (conversation, no) = self
            .actor
            .read(move |me| {
                let conversation = me.own_conversation(id)?;
                me.require(Action::SignalTyping, conversation.relation(me.no))?;
                engine.pace.change(me.no)?;
                Ok((conversation, me.no))
            })
            .await?;
        self.actor.chat().engine().typing.sign(&conversation, no, self.actor.user_id(), on);
        Ok(())
    }
}

/// Writing moves one's own mark, so what comes after it is by others.
fn has_news(me: &Reading<'_>, conversation: &Conversation) -> Result<bool> {
    Ok(me.view.mark(conversation.no, me.no)?.read < conversation.last_seq)
}

fn inbox_place(place: Option<Vec<u8>>) -> Result<Position> {
    let place: Option<[u8; 8]> = place.and_then(|place| place.try_into().ok());
    place
        .map(|place| Position(u64::from_be_bytes(place)))
        .ok_or_else(|| Error::new(ErrorCode::InvalidCursor, "This cursor belongs to another list."))
}
