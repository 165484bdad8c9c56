//! Webhooks, as admins make, see, change and try them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chat_proto::model::{Page, Webhook, WebhookDelivery, WebhookTest};
use chat_proto::{ErrorCode, WebhookId};

use super::courier::{Fate, send};
use super::sign::{delivery_id, secret_text};
use super::{Webhooks, tell};
use crate::access::{Action, Relation};
use crate::actor::{Actor, Reading};
use crate::error::{Error, Result};
use crate::shape;
use crate::state::{
    Command, MOST_DEAD, MOST_WEBHOOKS, Outcome, Position, RecordKey, Refusal, WebhookChange, WebhookDeadRow,
    WebhookEvent, WebhookPlaceRow, WebhookRow, WebhookStateRow,
};

/// How long the secret before goes on to sign, beside the new one.
const BOTH_SECRETS: Duration = Duration::from_hours(24);

/// A webhook that is to be made.
#[derive(Clone)]
pub struct NewWebhook {
    /// Where it is told.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// Of what; none: of everything.
    pub events: Vec<WebhookEvent>,
}

/// What is changed of a webhook; the rest stays.
#[derive(Clone, Default)]
pub struct WebhookPatch {
    /// Where it is told.
    pub url: Option<String>,
    /// What it is for; empty: nothing is said.
    pub description: Option<String>,
    /// Of what; none: of everything.
    pub events: Option<Vec<WebhookEvent>>,
    /// Whether it is told. One that was off goes on where it was, as far as the log goes back.
    pub enabled: Option<bool>,
}

/// A webhook that was just made, or has a new secret. It is shown this once.
#[derive(Clone)]
pub struct CreatedWebhook {
    /// What is known of it.
    pub webhook: Webhook,
    /// Signs what it is told: `whsec_…`. A secret.
    pub secret: String,
}

impl Actor {
    /// Tells a program of the shop's what happens from now on. Admins only.
    ///
    /// # Errors
    /// `forbidden`; `invalid` for the address; `conflict` when there are 20; `unsupported` when this server tells none.
    pub async fn create_webhook(&self, new: NewWebhook) -> Result<CreatedWebhook> {
        let (engine, webhooks) = (self.chat().engine(), self.webhooks()?);
        self.read(|me| me.require(Action::ManageWebhooks, Relation::Stranger)).await?;
        let NewWebhook { url, description, events } = new;
        let row = WebhookRow {
            id: WebhookId::new(engine.clock.now(), engine.entropy.bytes()),
            url: checked(webhooks, url).await?,
            description: description.map(|text| described(&text)).transpose()?.flatten(),
            events: bits(&events),
            secret: engine.entropy.bytes(),
            previous: None,
            state: WebhookStateRow::Enabled,
            created_at: engine.clock.now(),
        };
        let secret = secret_text(&row.secret);
        let command = Command::CreateWebhook { by: self.by(), row: Box::new(row), origin: self.origin() };
        let webhook = self.webhook_of(command).await?;
        Ok(CreatedWebhook { webhook, secret })
    }

    /// The webhooks, the oldest first; at most 20. Admins only.
    ///
    /// # Errors
    /// `forbidden`.
    pub async fn webhooks_list(&self) -> Result<Page<Webhook>> {
        let engine = Arc::clone(self.chat().engine());
        self.read(move |me| {
            me.require(Action::ManageWebhooks, Relation::Stranger)?;
            let (from, before) = RecordKey::all_webhooks();
            let mut items = Vec::new();
            for (_, row) in me.view.records(&from, &before, MOST_WEBHOOKS)? {
                let row = WebhookRow::decoded(&row)?;
                items.push(row.shown(place(me, row.id)?));
            }
            Ok(Page { items, next_cursor: None, as_of: engine.as_of(me.view) })
        })
        .await
    }

    /// One of them. Admins only.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn webhook(&self, id: WebhookId) -> Result<Webhook> {
        self.read(move |me| Ok(row(me, id)?.shown(place(me, id)?))).await
    }

    /// Changes one. Admins only.
    ///
    /// # Errors
    /// Those of [`create_webhook`](Self::create_webhook); `not_found`.
    pub async fn change_webhook(&self, id: WebhookId, patch: WebhookPatch) -> Result<Webhook> {
        let webhooks = self.webhooks()?;
        self.read(move |me| row(me, id).map(drop)).await?;
        let url = match patch.url {
            Some(url) => Some(checked(webhooks, url).await?),
            None => None,
        };
        let change = WebhookChange {
            url,
            description: patch.description.map(|text| described(&text)).transpose()?,
            events: patch.events.map(|events| bits(&events)),
            enabled: patch.enabled,
            secret: None,
            origin: self.origin(),
        };
        self.webhook_of(Command::ChangeWebhook { by: self.by(), id, change: Box::new(change) }).await
    }

    /// Gives one a new secret. For a day what it is told is signed with both, so that nothing is missed. Admins only.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn change_webhook_secret(&self, id: WebhookId) -> Result<CreatedWebhook> {
        let engine = self.chat().engine();
        let secret: [u8; 32] = engine.entropy.bytes();
        let until = engine.clock.now().after(BOTH_SECRETS);
        let change = WebhookChange { secret: Some((secret, until)), origin: self.origin(), ..WebhookChange::default() };
        let webhook = self.webhook_of(Command::ChangeWebhook { by: self.by(), id, change: Box::new(change) }).await?;
        Ok(CreatedWebhook { webhook, secret: secret_text(&secret) })
    }

    /// Tells one nothing more, and forgets what waits for it. Admins only.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn delete_webhook(&self, id: WebhookId) -> Result<()> {
        self.carry(Command::DeleteWebhook { by: self.by(), id, origin: self.origin() }).await?;
        tell(self.chat().engine(), id);
        Ok(())
    }

    /// Tells one that this is a test, at once and once, whether it is enabled or not. Admins only.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `unsupported`.
    pub async fn test_webhook(&self, id: WebhookId) -> Result<WebhookTest> {
        let (engine, webhooks) = (self.chat().engine(), self.webhooks()?);
        let row = self.read(move |me| row(me, id)).await?;
        let now = engine.clock.now();
        let text = serde_json::json!({"t": "test", "webhook": id, "at": now}).to_string();
        // A name that no event has.
        let name = delivery_id(&row, u64::from_be_bytes(engine.entropy.bytes()), Position(u64::MAX));
        let trouble = match send(webhooks, &row, &name, &text, now).await {
            Fate::Taken => None,
            Fate::Failed { trouble, .. } | Fate::Never(trouble) => Some(trouble),
        };
        Ok(WebhookTest { delivered: trouble.is_none(), trouble })
    }

    /// What was given up for one, the oldest first; at most 1,000. Admins only.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn webhook_deliveries(&self, id: WebhookId) -> Result<Page<WebhookDelivery>> {
        let engine = Arc::clone(self.chat().engine());
        self.read(move |me| {
            let items = dead(me, id)?.into_iter().map(|(_, delivery)| delivery).collect();
            Ok(Page { items, next_cursor: None, as_of: engine.as_of(me.view) })
        })
        .await
    }

    /// Tries once more what was given up: one of it, or all. How much that is. Admins only.
    ///
    /// # Errors
    /// `forbidden`; `not_found`, of the delivery too; `conflict` when too much waits already.
    pub async fn replay_webhook(&self, id: WebhookId, delivery: Option<String>) -> Result<u64> {
        let is_wanted = delivery.clone();
        let found = self.read(move |me| dead(me, id)).await?;
        let wanted = |(_, known): &(Position, WebhookDelivery)| is_wanted.as_ref().is_none_or(|one| *one == known.id);
        let positions: Vec<Position> = found.into_iter().filter(wanted).map(|(position, _)| position).collect();
        if positions.is_empty() && delivery.is_some() {
            return Err(Refusal::not_found("There is no such delivery.").into());
        }
        let count = positions.len() as u64;
        self.carry(Command::ReplayWebhook { by: self.by(), id, positions, origin: self.origin() }).await?;
        tell(self.chat().engine(), id);
        Ok(count)
    }

    fn webhooks(&self) -> Result<&Webhooks> {
        let none = || Error::new(ErrorCode::Unsupported, "This server tells no webhooks.");
        self.chat().engine().webhooks.as_ref().ok_or_else(none)
    }

    async fn webhook_of(&self, command: Command) -> Result<Webhook> {
        match self.carry(command).await? {
            Outcome::Webhook(webhook) => {
                tell(self.chat().engine(), webhook.id);
                Ok(*webhook)
            }
            _ => Err(Error::unexpected()),
        }
    }
}

fn row(me: &Reading<'_>, id: WebhookId) -> Result<WebhookRow> {
    me.require(Action::ManageWebhooks, Relation::Stranger)?;
    let row = me.view.record(&RecordKey::webhook(id))?;
    let row = row.ok_or_else(|| Refusal::not_found("There is no such webhook."))?;
    Ok(WebhookRow::decoded(&row)?)
}

fn place(me: &Reading<'_>, id: WebhookId) -> Result<Option<WebhookPlaceRow>> {
    let place = me.view.record(&RecordKey::webhook_place(id))?;
    Ok(place.map(|place| WebhookPlaceRow::decoded(&place)).transpose()?)
}

fn dead(me: &Reading<'_>, id: WebhookId) -> Result<Vec<(Position, WebhookDelivery)>> {
    let webhook = row(me, id)?;
    let (from, before) = RecordKey::all_webhook_dead(id);
    let mut found = Vec::new();
    for (key, row) in me.view.records(&from, &before, MOST_DEAD)? {
        let Some(position) = key.dead_for_webhook() else { continue };
        let row = WebhookDeadRow::decoded(&row)?;
        let conversation = me.view.conversation(row.conversation)?.map(|conversation| conversation.id);
        let delivery = WebhookDelivery {
            id: delivery_id(&webhook, me.view.epoch(), position),
            event: WebhookEvent::in_set(row.event).next().map(|event| event.as_str().to_owned()),
            conversation_id: conversation,
            attempts: row.attempts,
            given_up_at: row.given_up_at,
            trouble: row.trouble,
        };
        found.push((position, delivery));
    }
    Ok(found)
}

async fn checked(webhooks: &Webhooks, url: String) -> Result<String> {
    webhooks.outgoing.check(&url).await.map_err(|why| Error::invalid("/url", why.as_str()))?;
    Ok(url)
}

/// Empty: nothing is said.
fn described(text: &str) -> Result<Option<String>> {
    if text.trim().is_empty() { Ok(None) } else { Ok(Some(shape::description(text)?)) }
}

fn bits(events: &[WebhookEvent]) -> u32 {
    let events = if events.is_empty() { WebhookEvent::ALL } else { events };
    events.iter().fold(0, |bits, event| bits | event.bit())
}

macro_rules! hidden {
    ($($type:ident),+) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    )+};
}

// An address may hold a secret of the receiver's.
hidden!(NewWebhook, WebhookPatch, CreatedWebhook);

#[cfg(test)]
mod tests {
    use chat_proto::Timestamp;

    use super::*;

    #[test]
    fn without_events_it_is_all() {
        assert_eq!(bits(&[]).count_ones() as usize, WebhookEvent::ALL.len());
        assert_eq!(bits(&[WebhookEvent::MessageCreated]), 1);
        let at = Timestamp::from_millis(0);
        let created = CreatedWebhook {
            webhook: Webhook {
                id: WebhookId::from_bytes([1; 16]),
                url: "https://a.example/secret".to_owned(),
                description: None,
                events: Vec::new(),
                state: chat_proto::model::WebhookState::Enabled,
                created_at: at,
                last_success_at: None,
                failing_since: None,
            },
            secret: "whsec_x".to_owned(),
        };
        assert!(!format!("{created:?}").contains("secret"));
    }
}
