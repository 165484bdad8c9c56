use chat_proto::ApiKeyId;
use chat_proto::model::{ApiKey, Page};
use chat_proto::wire::{CreatedApiKey, NewApiKey};

use crate::{Client, Error};

impl Client {
    /// The keys of the shop's programs, as far as they hold; for admins.
    pub async fn api_keys(&self) -> Result<Page<ApiKey>, Error> {
        self.get("/api-keys").await
    }

    /// Makes a key for a program of the shop's; for admins. It is shown this once, and used as a token:
    /// [`authenticated`](Self::authenticated).
    pub async fn create_api_key(&self, key: &NewApiKey) -> Result<CreatedApiKey, Error> {
        self.post("/api-keys", key).await?.json()
    }

    /// Has a key open nothing any more, its live connections included; for admins.
    pub async fn revoke_api_key(&self, id: ApiKeyId) -> Result<(), Error> {
        self.delete(&format!("/api-keys/{id}")).await.map(drop)
    }
}
