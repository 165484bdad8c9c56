//! Telling people of what waits for them while they are not here: by mail, by push, or as the embedding program likes.
//!
//! The log is the outbox. The dispatcher reads it with a durable cursor and decides who is to be told of what, and when;
//! what is to be told becomes a row, which couriers carry out: they claim it for a while, hand it to the channel's
//! [`Notifier`], and try again, later and later, until it is delivered or given up.

mod breaker;
mod compose;
mod courier;
mod dispatch;
#[cfg(any(feature = "mail", feature = "testing"))]
pub(crate) mod made_up;
#[cfg(feature = "mail")]
pub mod mail;
mod notification;
#[cfg(feature = "outgoing")]
pub(crate) mod outgoing;
mod pending;
#[cfg(feature = "push")]
mod push;
mod times;
mod unsubscribe;
mod verdict;
mod wishes;

pub(crate) use self::dispatch::{Feed, Heard, feed};
pub use self::notification::{Delivering, News, Notification, Notifier, Undelivered, UnreadConversation};
#[cfg(feature = "outgoing")]
pub use self::outgoing::AddressRules;
#[cfg(feature = "push")]
pub(crate) use self::push::Push;
#[cfg(feature = "push")]
pub use self::push::{NewDevice, PushOptions, VapidKeys, WebPush};
pub use self::unsubscribe::UnsubscribeToken;
pub use crate::state::Channel;

use std::sync::Arc;
use std::time::Duration;

use chat_proto::Role;
use tokio::sync::Notify;

use self::dispatch::dispatch;
use crate::chat::Engine;
use crate::error::{Error, Result};
use crate::state::Account;

/// How long a message may wait to be read before somebody is told of it by mail, …
const MAIL_DELAY: Duration = Duration::from_mins(1);
/// … and by push.
const PUSH_DELAY: Duration = Duration::from_secs(5);

/// By which ways people are told, and how long each waits.
#[derive(Debug)]
pub(crate) struct Notices {
    notifiers: Vec<Arc<dyn Notifier>>,
    delays: Vec<(Channel, Duration)>,
    /// Pushes go to devices that asked for them, so who has none is told nothing: nothing has to be written for them.
    to_devices: bool,
    /// Rung when something is on its way, or one that was has arrived.
    bells: [Notify; Channel::ALL.len()],
}

impl Notices {
    /// `to_devices`: what pushes is web push.
    pub(crate) fn new(
        notifiers: Vec<Arc<dyn Notifier>>,
        delays: &[(Channel, Duration)],
        to_devices: bool,
    ) -> Result<Self> {
        let channels: Vec<Channel> = notifiers.iter().map(|notifier| notifier.channel()).collect();
        if let Some(twice) =
            Channel::ALL.into_iter().find(|channel| channels.iter().filter(|c| *c == channel).count() > 1)
        {
            return Err(Error::invalid("/notifiers", format!("There are two notifiers for {}.", twice.as_str())));
        }
        let delay = |channel| {
            let given = delays.iter().rev().find(|(given, _)| *given == channel).map(|(_, delay)| *delay);
            let usual = if channel == Channel::Mail { MAIL_DELAY } else { PUSH_DELAY };
            (channel, given.unwrap_or(usual))
        };
        let delays = channels.into_iter().map(delay).collect();
        Ok(Self { notifiers, delays, to_devices, bells: Default::default() })
    }

    pub(crate) fn are_there(&self) -> bool {
        !self.notifiers.is_empty()
    }

    pub(crate) fn has(&self, channel: Channel) -> bool {
        self.delays.iter().any(|(known, _)| *known == channel)
    }

    fn delay(&self, channel: Channel) -> Duration {
        self.delays.iter().find(|(known, _)| *known == channel).map(|(_, delay)| *delay).unwrap_or_default()
    }

    fn need_device(&self, channel: Channel) -> bool {
        self.to_devices && channel == Channel::Push
    }

    fn bell(&self, channel: Channel) -> &Notify {
        &self.bells[usize::from(channel.number())]
    }

    pub(crate) fn ring_all(&self) {
        for channel in Channel::ALL {
            self.ring(channel);
        }
    }

    fn ring(&self, channel: Channel) {
        self.bell(channel).notify_one();
    }
}

/// Starts the tasks that decide and deliver.
pub(crate) fn start(engine: &Arc<Engine>, heard: Heard) {
    let deciding = Arc::clone(engine);
    engine.tasks.spawn(async move {
        let stop = deciding.stop.clone();
        tokio::select! {
            () = dispatch(deciding, heard) => {}
            () = stop.cancelled() => {}
        }
    });
    for notifier in &engine.notices.notifiers {
        let (carrying, notifier) = (Arc::clone(engine), Arc::clone(notifier));
        engine.tasks.spawn(async move {
            let stop = carrying.stop.clone();
            tokio::select! {
                () = courier::carry(carrying, notifier) => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

/// Where mails to somebody go: to an address of which somebody has shown that they get what is sent there, for which the
/// site vouches that they come from, or, of staff, that an admin has given them.
pub(crate) fn mail_address(account: &Account) -> Option<&str> {
    let vouched = || account.identity().and_then(|identity| identity.email.as_deref());
    let own = Some(account.email.as_str()).filter(|email| !email.is_empty());
    let own = own.filter(|_| account.email_verified || account.role != Role::Customer);
    own.or_else(vouched)
}
