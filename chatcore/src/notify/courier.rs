//! Carrying out what is on its way: one task per channel, so that one that hangs holds up no other.

use std::sync::Arc;
use std::time::Duration;

use chat_proto::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::breaker::Breaker;
use super::compose::compose;
use super::notification::{Notifier, Undelivered};
use crate::chat::Engine;
use crate::clock::Entropy;
use crate::error::{Error, Result};
use crate::state::{Command, DeliveryEnd, DeliveryRow, Notice, Outcome, RecordKey};

/// Deliveries of one channel at a time.
const AT_ONCE: usize = 8;
/// An attempt is broken off after this long …
const ATTEMPT: Duration = Duration::from_mins(1);
/// … and somebody else may try when nothing was heard of it for this long.
const LEASE: Duration = Duration::from_mins(2);
/// The wait after the first attempt that failed; it doubles with each further one, …
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// … up to this.
const MOST_WAIT: Duration = Duration::from_hours(1);
/// What could not be delivered in this time is given up.
const GIVEN_UP: Duration = Duration::from_hours(24);
/// When something could not be stored it is tried again after this long.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Runs as long as the chat is open.
pub(crate) async fn carry(engine: Arc<Engine>, notifier: Arc<dyn Notifier>) {
    let channel = notifier.channel();
    let courier =
        Courier { breaker: Arc::new(Breaker::default()), room: Arc::new(Semaphore::new(AT_ONCE)), engine, notifier };
    // Only one program has the store: what another one was about to deliver when it was killed is this one's now.
    let release = || Command::Notice(Box::new(Notice::Release(channel)));
    while courier.engine.writer.carry(release()).await.is_err() {
        courier.engine.clock.sleep_until(courier.engine.clock.now().after(TRY_AGAIN)).await;
    }
    loop {
        let again_at = match courier.step().await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(channel = channel.as_str(), code = %error.code(), "nothing is delivered now; trying again");
                Some(courier.engine.clock.now().after(TRY_AGAIN))
            }
        };
        let bell = courier.engine.notices.bell(channel);
        match again_at {
            None => bell.notified().await,
            Some(at) => tokio::select! {
                () = bell.notified() => {}
                () = courier.engine.clock.sleep_until(at) => {}
            },
        }
    }
}

struct Courier {
    engine: Arc<Engine>,
    notifier: Arc<dyn Notifier>,
    breaker: Arc<Breaker>,
    room: Arc<Semaphore>,
}

impl Courier {
    /// Begins to deliver what is due. When to look again, unless the bell rings before: it does when there is room again.
    async fn step(&self) -> Result<Option<Timestamp>> {
        loop {
            let now = self.engine.clock.now();
            let free = self.room.available_permits();
            let free = free.min(self.breaker.room(now, AT_ONCE - free));
            if free == 0 {
                return Ok(self.breaker.closed_until(now));
            }
            match self.next_due().await? {
                None => return Ok(None),
                Some(at) if at > now => return Ok(Some(at)),
                Some(_) => {}
            }
            for row in self.claim(free).await? {
                let Ok(place) = Arc::clone(&self.room).acquire_owned().await else { return Ok(None) };
                let (engine, notifier, breaker) =
                    (Arc::clone(&self.engine), Arc::clone(&self.notifier), Arc::clone(&self.breaker));
                self.engine.tasks.spawn(async move {
                    let channel = row.channel;
                    tokio::select! {
                        () = attempt(&engine, &*notifier, &breaker, row) => {}
                        () = engine.stop.cancelled() => {}
                    }
                    drop(place);
                    engine.notices.ring(channel);
                });
            }
        }
    }

    async fn next_due(&self) -> Result<Option<Timestamp>> {
        let channel = self.notifier.channel();
        let read = self.engine.read(move |view| {
            let (from, before) = RecordKey::deliveries_due_until(channel, Timestamp::from_millis(i64::MAX - 1));
            Ok(view.records(&from, &before, 1)?)
        });
        Ok(read.await?.first().and_then(|(key, _)| key.due_delivery()).map(|(at, _)| at))
    }

    async fn claim(&self, most: usize) -> Result<Vec<DeliveryRow>> {
        let until = self.engine.clock.now().after(LEASE);
        let claim = Notice::Claim { channel: self.notifier.channel(), until, most };
        match self.engine.writer.carry(Command::Notice(Box::new(claim))).await? {
            Outcome::Claimed(rows) => Ok(rows),
            _ => Err(Error::unexpected()),
        }
    }
}

async fn attempt(engine: &Arc<Engine>, notifier: &dyn Notifier, breaker: &Breaker, row: DeliveryRow) {
    let (channel, id, attempt) = (row.channel, row.id, row.attempts);
    let end = deliver(engine, notifier, breaker, row).await;
    let command = |end| Command::Notice(Box::new(Notice::End { channel, id, attempt, end }));
    // What was delivered and cannot be stored as such would be delivered again when the lease is over: so this is not
    // given up before.
    let give_up = engine.clock.now().after(LEASE);
    while let Err(error) = engine.writer.carry(command(end.clone())).await {
        tracing::warn!(channel = channel.as_str(), code = %error.code(), "what came of a delivery could not be stored");
        if engine.clock.now() >= give_up {
            return;
        }
        engine.clock.sleep_until(engine.clock.now().after(TRY_AGAIN)).await;
    }
}

async fn deliver(engine: &Arc<Engine>, notifier: &dyn Notifier, breaker: &Breaker, row: DeliveryRow) -> DeliveryEnd {
    let (created_at, attempts, channel) = (row.created_at, row.attempts, row.channel);
    let composing = Arc::clone(engine);
    let composed = engine.read(move |view| Ok(compose(view, &row, &composing.links, composing.clock.now())?)).await;
    let undelivered = match composed {
        Ok(None) => return DeliveryEnd::Done,
        Err(error) => Undelivered::Later(format!("it could not be read: {}", error.code()), None),
        Ok(Some(notification)) => {
            let broken_off = || Undelivered::Later("it took longer than a minute".to_owned(), None);
            let delivered = timeout(ATTEMPT, notifier.deliver(&notification)).await;
            match delivered.unwrap_or_else(|_| Err(broken_off())) {
                Ok(()) => {
                    breaker.works();
                    return DeliveryEnd::Done;
                }
                Err(undelivered) => undelivered,
            }
        }
    };
    let now = engine.clock.now();
    let (trouble, at_least) = match undelivered {
        Undelivered::Never(trouble) => {
            breaker.works();
            tracing::warn!(channel = channel.as_str(), trouble, "a notification cannot be delivered");
            return DeliveryEnd::Dead { trouble };
        }
        Undelivered::Later(trouble, at_least) => {
            breaker.works();
            (trouble, at_least)
        }
        Undelivered::Down(trouble) => {
            breaker.failed(now);
            (trouble, None)
        }
    };
    if now.since(created_at) >= GIVEN_UP {
        tracing::warn!(channel = channel.as_str(), trouble, attempts, "a notification was given up");
        return DeliveryEnd::Dead { trouble };
    }
    tracing::info!(channel = channel.as_str(), trouble, attempts, "a notification will be tried again");
    let wait = wait_after(attempts, &*engine.entropy).max(at_least.unwrap_or_default().min(GIVEN_UP));
    DeliveryEnd::Again { at: now.after(wait), trouble }
}

/// Exponential, with half of it left to chance, so that what failed together does not come back together.
fn wait_after(attempts: u32, entropy: &dyn Entropy) -> Duration {
    let full = FIRST_WAIT.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(MOST_WAIT);
    let chance = u32::from_be_bytes(entropy.bytes());
    full / 2 + (full / 2).mul_f64(f64::from(chance) / f64::from(u32::MAX))
}
