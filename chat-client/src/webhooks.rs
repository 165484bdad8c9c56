use chat_proto::WebhookId;
use chat_proto::model::{Page, Webhook, WebhookDelivery, WebhookTest};
use chat_proto::wire::{CreatedWebhook, NewWebhook, PatchWebhook, ReplayBody, Replayed};

use crate::{Client, Error};

impl Client {
    /// The webhooks of the shop, the oldest first; for admins.
    pub async fn webhooks(&self) -> Result<Page<Webhook>, Error> {
        self.get("/webhooks").await
    }

    /// A webhook; for admins.
    pub async fn webhook(&self, id: WebhookId) -> Result<Webhook, Error> {
        self.get(&format!("/webhooks/{id}")).await
    }

    /// Has a program told what happens from now on; for admins. Its secret is shown this once.
    pub async fn create_webhook(&self, webhook: &NewWebhook) -> Result<CreatedWebhook, Error> {
        self.post("/webhooks", webhook).await?.json()
    }

    /// Changes a webhook; for admins.
    pub async fn change_webhook(&self, id: WebhookId, change: &PatchWebhook) -> Result<Webhook, Error> {
        self.patch(&format!("/webhooks/{id}"), change).await?.json()
    }

    /// Gives a webhook a new secret, shown this once; for admins.
    pub async fn change_webhook_secret(&self, id: WebhookId) -> Result<CreatedWebhook, Error> {
        self.post_empty(&format!("/webhooks/{id}/secret")).await?.json()
    }

    /// Deletes a webhook; for admins.
    pub async fn delete_webhook(&self, id: WebhookId) -> Result<(), Error> {
        self.delete(&format!("/webhooks/{id}")).await.map(drop)
    }

    /// Tells a webhook that this is a test; for admins.
    pub async fn test_webhook(&self, id: WebhookId) -> Result<WebhookTest, Error> {
        self.post_empty(&format!("/webhooks/{id}/test")).await?.json()
    }

    /// What was given up for a webhook, the oldest first; for admins.
    pub async fn webhook_deliveries(&self, id: WebhookId) -> Result<Page<WebhookDelivery>, Error> {
        self.get(&format!("/webhooks/{id}/deliveries")).await
    }

    /// Tries once more what was given up, one delivery or all; for admins.
    pub async fn replay_webhook(&self, id: WebhookId, delivery: Option<&str>) -> Result<Replayed, Error> {
        let body = ReplayBody { delivery: delivery.map(str::to_owned) };
        self.post(&format!("/webhooks/{id}/replay"), &body).await?.json()
    }
}
