//! What people are told while they are not here: their wishes, the devices that are pushed to, and what did not arrive.

use chat_proto::model::{MutedConversation, NotificationPreferences, Page, PushSubscription, UndeliveredNotification};
use chat_proto::wire::{MuteBody, NewPushSubscription};
use chat_proto::{ConversationId, NotificationId, PushSubscriptionId, Timestamp};

use crate::{Client, Error};

impl Client {
    /// What I wish to be told, by which way and when.
    pub async fn notification_preferences(&self) -> Result<NotificationPreferences, Error> {
        self.get("/me/notifications").await
    }

    /// Changes all of it; what I wish now.
    pub async fn set_notification_preferences(
        &self,
        wishes: &NotificationPreferences,
    ) -> Result<NotificationPreferences, Error> {
        self.put("/me/notifications", wishes).await?.json()
    }

    /// Has me told nothing of a conversation, neither by mail nor by push: until then, or until I say otherwise.
    ///
    /// # Errors
    /// `conflict` when 1,000 are muted already.
    pub async fn mute(&self, id: ConversationId, until: Option<Timestamp>) -> Result<(), Error> {
        self.put(&format!("/conversations/{id}/mute"), &MuteBody { until }).await.map(drop)
    }

    /// Has me told of it again.
    pub async fn unmute(&self, id: ConversationId) -> Result<(), Error> {
        self.delete(&format!("/conversations/{id}/mute")).await.map(drop)
    }

    /// The conversations of which I am told nothing.
    pub async fn muted(&self) -> Result<Page<MutedConversation>, Error> {
        self.get("/me/muted").await
    }

    /// My devices that are pushed to.
    pub async fn push_subscriptions(&self) -> Result<Page<PushSubscription>, Error> {
        self.get("/me/push-subscriptions").await
    }

    /// Has a device pushed to, until the session of this token ends; again for the same device, renews it.
    pub async fn subscribe_device(&self, device: &NewPushSubscription) -> Result<PushSubscription, Error> {
        self.post("/me/push-subscriptions", device).await?.json()
    }

    /// Has a device pushed to no more.
    pub async fn unsubscribe_device(&self, id: PushSubscriptionId) -> Result<(), Error> {
        self.delete(&format!("/me/push-subscriptions/{id}")).await.map(drop)
    }

    /// What could not be delivered and was given up, the oldest first; for admins.
    pub async fn undelivered_notifications(&self) -> Result<Page<UndeliveredNotification>, Error> {
        self.get("/notifications/undelivered").await
    }

    /// Tries one of them again; for admins.
    pub async fn retry_notification(&self, id: NotificationId) -> Result<(), Error> {
        self.post_empty(&format!("/notifications/undelivered/{id}/retry")).await.map(drop)
    }
}
