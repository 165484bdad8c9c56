//! Webhooks: programs of the shop's are told what happens, signed, at least once, and in each conversation in order.
//!
//! The log is the outbox: each webhook reads it with a cursor of its own. What cannot be delivered becomes a row, and holds
//! back what comes after it in the same conversation; the other conversations go on. What has failed for a day is given
//! up, kept for admins, and can be replayed.

mod admin;
mod courier;
mod schedule;
mod sign;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chat_proto::WebhookId;
use chat_proto::model::Cursor;
use tokio::sync::Notify;

use crate::chat::Engine;
use crate::events::Told;
use crate::notify::outgoing::{AddressRules, Outgoing};
use crate::state::{RecordKey, WebhookRow};

pub use self::admin::{CreatedWebhook, NewWebhook, WebhookPatch};

/// Writes an event as webhooks get it; `None`: it is nothing to them. The cursor is the place after it.
pub type WriteEvent = dyn Fn(&Told, Cursor) -> Option<String> + Send + Sync;

/// How webhooks are told.
#[derive(Clone)]
pub struct WebhookOptions {
    write: Arc<WriteEvent>,
    addresses: AddressRules,
}

impl WebhookOptions {
    /// `write`: how an event is written.
    pub fn new(write: impl Fn(&Told, Cursor) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { write: Arc::new(write), addresses: AddressRules::default() }
    }

    /// Where webhooks may be. Default: anywhere on the open Internet.
    #[must_use]
    pub fn addresses(mut self, addresses: AddressRules) -> Self {
        self.addresses = addresses;
        self
    }
}

/// What the engine tells webhooks with.
pub(crate) struct Webhooks {
    write: Arc<WriteEvent>,
    outgoing: Outgoing,
    /// Those that are being told.
    running: Mutex<HashSet<WebhookId>>,
    /// Rung when an admin has changed something.
    changed: Notify,
}

impl Webhooks {
    pub(crate) fn new(options: WebhookOptions) -> Result<Self, rustls::Error> {
        let WebhookOptions { write, addresses } = options;
        let outgoing = Outgoing::new(addresses)?;
        Ok(Self { write, outgoing, running: Mutex::default(), changed: Notify::new() })
    }

    /// Whether somebody has begun to tell this one just now; who asks does it from now on.
    fn begin(&self, id: WebhookId) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id)
    }

    fn end(&self, id: WebhookId) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// Tells the webhooks that there are, as long as the chat is open.
pub(crate) fn start(engine: &Arc<Engine>) {
    let starting = Arc::clone(engine);
    engine.tasks.spawn(async move {
        let read = starting.read(|view| {
            let (from, before) = RecordKey::all_webhooks();
            let rows = view.records(&from, &before, crate::state::MOST_WEBHOOKS)?;
            Ok(rows.into_iter().map(|(_, row)| WebhookRow::decoded(&row)).collect::<Result<Vec<_>, _>>()?)
        });
        match read.await {
            Ok(rows) => rows.iter().for_each(|row| tell(&starting, row.id)),
            Err(error) => tracing::error!(code = %error.code(), "no webhook is told of anything"),
        }
    });
}

/// Tells this webhook, unless it is told already.
fn tell(engine: &Arc<Engine>, id: WebhookId) {
    let Some(webhooks) = &engine.webhooks else { return };
    webhooks.changed.notify_waiters();
    if !webhooks.begin(id) {
        return;
    }
    let telling = Arc::clone(engine);
    engine.tasks.spawn(async move {
        tokio::select! {
            () = courier::follow(&telling, id) => {}
            () = telling.stop.cancelled() => {}
        }
    });
}

impl fmt::Debug for WebhookOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookOptions").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").field("running", &self.running).finish_non_exhaustive()
    }
}
