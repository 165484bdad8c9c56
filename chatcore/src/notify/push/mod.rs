//! Web push: a browser tells a device something while no page of the shop is open. The browser's maker runs the service
//! that passes it on (RFC 8030), which learns nothing but that there is something, for whom only the device knows
//! (RFC 8291), and knows by our key that it is we who ask (RFC 8292).

mod devices;
mod encrypt;
mod payload;
mod send;
#[cfg(test)]
mod tests;
mod vapid;

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use chat_proto::{Timestamp, UserId};
use futures_util::future::join_all;

use self::send::{Fate, Post};
use super::outgoing::{AddressRules, Outgoing};
use super::{Channel, Delivering, News, Notification, Notifier, Undelivered};
use crate::chat::{Chat, Engine};
use crate::error::Result;
use crate::links::Links;
use crate::state::{Author, Command, PushRow, Pushed, RecordKey};

pub use self::devices::NewDevice;
pub use self::vapid::VapidKeys;

/// That a device's service takes what it is sent is written down this often.
const WRITTEN_EVERY: Duration = Duration::from_hours(1);

/// How devices are pushed to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PushOptions {
    /// The server's key pair. Default: the data folder's own, made when there is none; without a folder a new one.
    pub keys: Option<VapidKeys>,
    /// Whom a push service may write to when something is wrong: a `mailto:` or `https:` address. Some services refuse
    /// those who do not say. Default: nobody.
    pub subject: Option<String>,
    /// Whether a device is told what was written, or only that something was. Default: what was written.
    pub show_text: bool,
    /// Where a click leads, when the shop has pages of its own for conversations: then that is told too. Default: to the
    /// server's own page.
    pub links: Option<Links>,
    /// Where push services may be. Default: anywhere on the open Internet.
    pub addresses: AddressRules,
}

impl Default for PushOptions {
    fn default() -> Self {
        Self { keys: None, subject: None, show_text: true, links: None, addresses: AddressRules::default() }
    }
}

/// What the engine pushes with.
#[derive(Debug)]
pub(crate) struct Push {
    keys: VapidKeys,
    subject: Option<String>,
    show_text: bool,
    links: Option<Links>,
    outgoing: Outgoing,
    notifier: WebPush,
}

impl Push {
    /// What the engine hands notifications to.
    pub(crate) fn notifier(&self) -> WebPush {
        self.notifier.clone()
    }

    /// From now on it knows the devices of this chat.
    pub(crate) fn attach(&self, engine: &Arc<Engine>) {
        // A chat is started once.
        let _ = self.notifier.0.set(Arc::downgrade(engine));
    }

    pub(crate) fn new(keys: VapidKeys, options: PushOptions) -> std::result::Result<Self, rustls::Error> {
        let PushOptions { keys: _, subject, show_text, links, addresses } = options;
        let (outgoing, notifier) = (Outgoing::new(addresses)?, WebPush::default());
        Ok(Self { keys, subject, show_text, links, outgoing, notifier })
    }
}

/// Tells the devices of people what waits for them. It lasts as long as the chat that it was asked of.
#[derive(Clone, Debug, Default)]
pub struct WebPush(Arc<OnceLock<Weak<Engine>>>);

impl Chat {
    /// What pushes to people's devices; none when the chat was [built](crate::ChatBuilder::push) without.
    #[must_use]
    pub fn web_push(&self) -> Option<WebPush> {
        self.engine().push.as_ref().map(|push| push.notifier.clone())
    }

    /// The public key that browsers want for a subscription; none when the chat was built without.
    #[must_use]
    pub fn push_key(&self) -> Option<&str> {
        self.engine().push.as_ref().map(|push| push.keys.public())
    }
}

impl Notifier for WebPush {
    fn channel(&self) -> Channel {
        Channel::Push
    }

    /// Each device is told once, also when the same notification comes again since another device was not reached. Who has
    /// no device has been told: there is nothing to wait for.
    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            let engine = self.0.get().and_then(Weak::upgrade);
            let engine = engine.ok_or_else(|| Undelivered::Down("the chat is not open".to_owned()))?;
            let push = engine.push.as_ref().ok_or_else(|| Undelivered::Down("push is switched off".to_owned()))?;
            let News::Unread { conversations, together } = &notification.news else {
                return Err(Undelivered::Never("letters are not pushed".to_owned()));
            };
            let Some(user) = notification.user.filter(|_| !conversations.is_empty()) else { return Ok(()) };
            let unreadable = |error: crate::Error| Undelivered::Later(error.detail().to_owned(), error.retry_after());
            let devices = engine.devices(user, notification).await.map_err(unreadable)?;
            let now = engine.clock.now();
            let post = Post { push, conversations, together: *together, now, entropy: &*engine.entropy };
            let sending = devices.due.iter().map(|device| post.to(device));
            let fates = join_all(sending).await;
            let result = Devices::result(&fates);
            engine.keep_fates(&devices, &fates, notification, result.is_ok(), now).await;
            result
        })
    }
}

/// Somebody's devices, as far as they concern a notification.
#[derive(Debug, Default)]
struct Devices {
    /// To be told.
    due: Vec<PushRow>,
    /// Their session is over.
    gone: Vec<PushRow>,
}

impl Devices {
    /// What is to be said of a notification of which these became of its devices.
    fn result(fates: &[Fate]) -> std::result::Result<(), Undelivered> {
        let mut later: Option<(&str, Option<Duration>)> = None;
        for fate in fates {
            if let Fate::Later(trouble, wait) = fate {
                // Whoever asks to wait longest is waited for.
                let (first, longest) = later.unwrap_or((trouble, None));
                later = Some((first, longest.max(*wait)));
            }
        }
        if let Some((trouble, wait)) = later {
            return Err(Undelivered::Later(trouble.to_owned(), wait));
        }
        let never = fates.iter().find_map(|fate| match fate {
            Fate::Never(trouble) => Some(trouble.clone()),
            _ => None,
        });
        match never {
            Some(trouble) if !fates.contains(&Fate::Taken) => Err(Undelivered::Never(trouble)),
            _ => Ok(()),
        }
    }
}

impl Engine {
    async fn devices(&self, user: UserId, notification: &Notification) -> Result<Devices> {
        let (now, delivery) = (self.clock.now(), notification.id);
        let devices = self.read(move |view| {
            let mut devices = Devices::default();
            let Some(no) = view.user_no(user)? else { return Ok(devices) };
            let (from, before) = RecordKey::all_push(no);
            for (_, row) in view.records(&from, &before, devices::MOST)? {
                let row = PushRow::decoded(&row)?;
                let session = row.session.map(|id| view.session(no, id)).transpose()?;
                let stands = session.is_none_or(|found| found.is_some_and(|session| session.expires_at > now));
                if !stands {
                    devices.gone.push(row);
                } else if row.delivered != Some(delivery) {
                    devices.due.push(row);
                }
            }
            Ok(devices)
        });
        let mut devices = devices.await?;
        // Of those who signed out while nothing could be stored only memory knows.
        devices.due.retain(|row| self.revoked.refuse(Author { user, session: row.session }).is_ok());
        Ok(devices)
    }

    /// Writes down what became of the devices, as far as it matters. When that fails, one may be told twice.
    async fn keep_fates(
        &self,
        devices: &Devices,
        fates: &[Fate],
        notification: &Notification,
        is_done: bool,
        now: Timestamp,
    ) {
        let with = |fate: Fate| {
            devices.due.iter().zip(fates).filter(move |(_, known)| **known == fate).map(|(device, _)| device)
        };
        let taken: Vec<&PushRow> = with(Fate::Taken).collect();
        let gone: Vec<_> = with(Fate::Gone).chain(&devices.gone).map(|row| row.id).collect();
        let is_old = |row: &&PushRow| row.success_at.is_none_or(|at| at.after(WRITTEN_EVERY) <= now);
        let comes_again = !is_done || notification.attempt > 1;
        let Some(user) = devices.due.first().or(devices.gone.first()).map(|row| row.user) else { return };
        if gone.is_empty() && (taken.is_empty() || !comes_again && !taken.iter().any(is_old)) {
            return;
        }
        let taken = taken.into_iter().map(|row| row.id).collect();
        let pushed = Pushed { user, delivery: notification.id, taken, gone };
        if let Err(error) = self.writer.carry(Command::Pushed(Box::new(pushed))).await {
            tracing::warn!(code = %error.code(), "what became of a push could not be kept");
        }
    }
}
