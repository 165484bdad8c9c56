//! A device: follows, falls behind, loses its connection and comes back with its cursor.

use std::time::Duration;

use chatcore::model::Cursor;
use chatcore::{Actor, ConversationId, ErrorCode, Event, EventStream, Incoming, Seq, Span, Told, UserId};

use crate::dice::Dice;
use crate::held::{Held, HeldConversation, Missing};
use crate::sabotage::Sabotage;
use crate::world::Others;

/// Rows asked for at once; few, so that there are many pages.
const PAGE: usize = 2;

pub(crate) struct Device {
    pub(crate) user: UserId,
    pub(crate) held: Held,
    cursor: Option<Cursor>,
    stream: Option<EventStream>,
    /// The place of the last event that was applied since the last snapshot.
    position: u64,
    /// Told, and held back to be told after the next.
    swapped: Option<Told>,
}

impl Device {
    pub(crate) fn new(user: UserId) -> Self {
        Self { user, held: Held::default(), cursor: None, stream: None, position: 0, swapped: None }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    pub(crate) fn disconnect(&mut self) {
        self.stream = None;
        self.swapped = None;
    }

    /// Comes (back): with its cursor, or with a snapshot. While a snapshot is read, others go on.
    pub(crate) async fn connect(
        &mut self,
        actor: &Actor,
        sabotage: Sabotage,
        others: &mut Others<'_>,
    ) -> Result<(), String> {
        self.disconnect();
        if let Some(cursor) = &self.cursor {
            match actor.events_after(cursor).await {
                Ok(stream) => {
                    self.stream = Some(stream);
                    return Ok(());
                }
                Err(error) if error.code() == ErrorCode::InvalidCursor => {}
                // The server is down.
                Err(_) => return Ok(()),
            }
            if sabotage == Sabotage::ResetIgnored {
                self.stream = actor.events().await.ok();
                self.position = 0;
                return Ok(());
            }
        }
        self.load(actor, sabotage, others).await
    }

    /// Takes a snapshot and follows from its first answer on.
    async fn load(&mut self, actor: &Actor, sabotage: Sabotage, others: &mut Others<'_>) -> Result<(), String> {
        let Some((held, as_of)) = snapshot(actor, others).await else { return Ok(()) };
        let cursor = if sabotage == Sabotage::LateAsOf {
            let Ok(page) = actor.conversations(1, None).await else { return Ok(()) };
            page.as_of
        } else {
            as_of
        };
        self.held = held;
        self.position = 0;
        self.stream = actor.events_after(&cursor).await.ok();
        self.cursor = Some(cursor);
        Ok(())
    }

    /// Reads up to so many events, or until nothing comes any more.
    pub(crate) async fn read(
        &mut self,
        most: usize,
        actor: &Actor,
        sabotage: Sabotage,
        dice: &mut Dice,
    ) -> Result<(), String> {
        for _ in 0..most {
            let Some(stream) = &mut self.stream else { return Ok(()) };
            // Time is paused: it passes when nothing is left to be read.
            let Ok(incoming) = tokio::time::timeout(Duration::from_secs(1), stream.next()).await else { return Ok(()) };
            match incoming {
                Some(Ok(Incoming::Event(told))) => self.hear(told, actor, sabotage, dice).await?,
                Some(Ok(Incoming::Live)) => {
                    let cursor = self.stream.as_ref().map(EventStream::cursor);
                    self.cursor = cursor;
                }
                Some(Ok(Incoming::Reset)) => {
                    self.disconnect();
                    if sabotage != Sabotage::ResetIgnored {
                        self.load(actor, sabotage, &mut Others::None).await?;
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    self.disconnect();
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn hear(&mut self, told: Told, actor: &Actor, sabotage: Sabotage, dice: &mut Dice) -> Result<(), String> {
        let is_revoke = matches!(told.event(), Event::ParticipantRemoved { user, .. } if user == self.user);
        match sabotage {
            Sabotage::EventLost if dice.once_in(12) => return Ok(()),
            Sabotage::RevokeLost if is_revoke => return Ok(()),
            Sabotage::Swapped if self.swapped.is_none() && dice.once_in(5) => {
                self.swapped = Some(told);
                return Ok(());
            }
            _ => {}
        }
        self.apply(&told, actor).await?;
        if let Some(earlier) = self.swapped.take() {
            self.apply(&earlier, actor).await?;
        }
        Ok(())
    }

    async fn apply(&mut self, told: &Told, actor: &Actor) -> Result<(), String> {
        let position = told.position().0;
        if position <= self.position {
            return Err(format!("event {position} came after {}: {:?}", self.position, told.event()));
        }
        self.position = position;
        if let Missing::Conversation(id) = self.held.apply(&told.event(), self.user) {
            match conversation(actor, id, &mut Others::None).await {
                Ok(Some(conversation)) => {
                    self.held.conversations.insert(id, conversation);
                }
                // Put out again since; the event that says so is still to come.
                Ok(None) => {
                    self.held.conversations.remove(&id);
                }
                // Without it the event is not applied: the cursor stays.
                Err(_) => {
                    self.disconnect();
                    return Ok(());
                }
            }
        }
        self.cursor = self.stream.as_ref().map(|stream| stream.cursor_of(told));
        Ok(())
    }

    /// The heartbeat: moves the cursor over what is not for this person.
    pub(crate) async fn ping(&mut self, actor: &Actor, sabotage: Sabotage) {
        let Some(stream) = &mut self.stream else { return };
        if sabotage == Sabotage::PingAhead {
            if let Ok(page) = actor.conversations(1, None).await {
                self.cursor = Some(page.as_of);
            }
        } else if let Some(cursor) = stream.idle_cursor() {
            self.cursor = Some(cursor);
        }
    }
}

/// Everything that somebody sees, read page by page, and the cursor of its first answer.
pub(crate) async fn snapshot(actor: &Actor, others: &mut Others<'_>) -> Option<(Held, Cursor)> {
    let mut held = Held::default();
    let (mut first, mut next) = (None, None);
    loop {
        let page = actor.conversations(PAGE, next).await.ok()?;
        first.get_or_insert(page.as_of);
        for row in page.items {
            others.go_on().await;
            if let Some(conversation) = conversation(actor, row.id, others).await.ok()? {
                held.conversations.insert(row.id, conversation);
            }
        }
        others.go_on().await;
        match page.next_cursor {
            Some(cursor) => next = Some(cursor),
            None => break,
        }
    }
    held.me = Some(actor.me().await.ok()?);
    Some((held, first?))
}

/// `None`: it is not theirs, or not any more.
async fn conversation(
    actor: &Actor,
    id: ConversationId,
    others: &mut Others<'_>,
) -> chatcore::Result<Option<HeldConversation>> {
    let handle = actor.conversation(id);
    let absent = |error: chatcore::Error| if error.code() == ErrorCode::NotFound { Ok(None) } else { Err(error) };
    let shown = match handle.get().await {
        Ok(shown) => shown.item,
        Err(error) => return absent(error),
    };
    let (mut messages, mut after) = (Vec::new(), Seq::ZERO);
    loop {
        others.go_on().await;
        match handle.history(Span::After(after), PAGE).await {
            Ok(page) => messages.extend(page.items),
            Err(error) => return absent(error),
        }
        match messages.last() {
            Some(last) if last.seq > after && last.seq < shown.last_seq => after = last.seq,
            _ => return Ok(Some(HeldConversation::new(&shown, messages))),
        }
    }
}
