//! What people say of being told.

use std::sync::Arc;

use chat_proto::model::{MutedConversation, NotificationPreferences, Page, UndeliveredNotification};
use chat_proto::{ConversationId, NotificationId, Timestamp};

use super::{times, verdict};
use crate::access::{Action, Relation};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::state::{Command, Delivered, DeliveryId, DeliveryRow, RecordKey, row_number};
use crate::store::{StoreError, View};

/// No mute lasts longer: the year 9999.
const FOR_GOOD: Timestamp = Timestamp::from_millis(253_370_764_800_000);
/// Rows of a list that is given whole.
const WHOLE: usize = 1_000;
/// The longest name of a time zone, bytes; the longest there is has 30.
const ZONE_BYTES: usize = 64;

impl Actor {
    /// What I wish to be told while I am not here, and when.
    ///
    /// # Errors
    /// The store's.
    pub async fn notification_preferences(&self) -> Result<NotificationPreferences> {
        self.read(|me| {
            me.require(Action::ChangeOwnAccount, Relation::Stranger)?;
            Ok(verdict::wishes(me.view, me.no)?)
        })
        .await
    }

    /// Changes what I wish to be told.
    ///
    /// # Errors
    /// `invalid` when there is no such time zone, and when quiet hours end as they begin.
    pub async fn set_notification_preferences(&self, wishes: NotificationPreferences) -> Result<()> {
        if wishes.time_zone.len() > ZONE_BYTES || times::zone(&wishes.time_zone).is_none() {
            return Err(Error::invalid("/time_zone", "This is no time zone; they have names such as Europe/Berlin."));
        }
        if wishes.quiet_hours.is_some_and(|quiet| quiet.from == quiet.to) {
            return Err(Error::invalid("/quiet_hours/to", "Quiet hours end at another time than they begin."));
        }
        self.carry(Command::SetWishes { by: self.by(), wishes: Box::new(wishes) }).await.map(drop)
    }

    /// Nothing of this conversation is told to me until then; `None`: until I say otherwise. What I see while I am here is
    /// the same.
    ///
    /// # Errors
    /// `not_found` where I am not in it; `conflict` when I have muted 1,000.
    pub async fn mute(&self, conversation: ConversationId, until: Option<Timestamp>) -> Result<()> {
        let until = Some(until.unwrap_or(FOR_GOOD).min(FOR_GOOD));
        self.carry(Command::Mute { by: self.by(), conversation, until }).await.map(drop)
    }

    /// I am told of this conversation again.
    ///
    /// # Errors
    /// `not_found` where I am not in it.
    pub async fn unmute(&self, conversation: ConversationId) -> Result<()> {
        self.carry(Command::Mute { by: self.by(), conversation, until: None }).await.map(drop)
    }

    /// The conversations of which I am told nothing now; at most 1,000.
    ///
    /// # Errors
    /// The store's.
    pub async fn muted(&self) -> Result<Page<MutedConversation>> {
        let engine = Arc::clone(self.chat().engine());
        let now = engine.clock.now();
        self.read(move |me| {
            me.require(Action::ChangeOwnAccount, Relation::Stranger)?;
            let (first, end) = RecordKey::all_muted(me.no);
            let mut items = Vec::new();
            for (key, row) in me.view.records(&first, &end, WHOLE)? {
                let (Some(no), Some(until)) = (key.of_conversation(), row_number(&row)) else { continue };
                let until = i64::try_from(until).unwrap_or(i64::MAX);
                let conversation = me.view.conversation(no)?.filter(|row| row.members.get(me.no).is_some());
                if let Some(conversation) = conversation.filter(|_| until > now.as_millis()) {
                    let until = (until < FOR_GOOD.as_millis()).then(|| Timestamp::from_millis(until));
                    items.push(MutedConversation { conversation_id: conversation.id, until });
                }
            }
            Ok(Page { items, next_cursor: None, as_of: engine.as_of(me.view) })
        })
        .await
    }

    /// What could not be delivered and was given up, the oldest first; the newest 1,000 are kept. Admins only.
    ///
    /// # Errors
    /// `forbidden`.
    pub async fn undelivered_notifications(&self) -> Result<Page<UndeliveredNotification>> {
        let engine = Arc::clone(self.chat().engine());
        self.read(move |me| {
            me.require(Action::ManageNotifications, Relation::Stranger)?;
            let (first, end) = RecordKey::all_dead_deliveries();
            let rows = me.view.records(&first, &end, WHOLE)?;
            let items = rows.iter().map(|(_, row)| shown(me.view, row)).collect::<std::result::Result<_, _>>()?;
            Ok(Page { items, next_cursor: None, as_of: engine.as_of(me.view) })
        })
        .await
    }

    /// Has something tried again that was given up, as if it were new. Admins only.
    ///
    /// # Errors
    /// `forbidden`; `not_found` when it is none of what was given up.
    pub async fn retry_notification(&self, id: NotificationId) -> Result<()> {
        self.carry(Command::RetryDelivery { by: self.by(), id: DeliveryId(id.to_bytes()), origin: self.origin() })
            .await?;
        self.chat().engine().notices.ring_all();
        Ok(())
    }
}

fn shown(view: &dyn View, row: &[u8]) -> std::result::Result<UndeliveredNotification, StoreError> {
    let row = DeliveryRow::decoded(row)?;
    let kind = match row.what {
        Delivered::Messages { .. } => "messages",
        Delivered::Letter { .. } => "letter",
    };
    Ok(UndeliveredNotification {
        id: NotificationId::from_bytes(row.id.0),
        channel: row.channel.as_str().to_owned(),
        user_id: view.account(row.user)?.map(|account| account.id),
        kind: kind.to_owned(),
        created_at: row.created_at,
        given_up_at: row.due,
        attempts: row.attempts,
        trouble: row.trouble.unwrap_or_default(),
    })
}
