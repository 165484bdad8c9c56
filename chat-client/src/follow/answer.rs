//! The requests of a connection and what the server answers.

use std::time::Duration;

use chat_proto::ErrorCode;
use chat_proto::wire::{ErrFrame, Renewed};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::connected::{Answered, Connected, End, Task};
use super::requests::Asked;
use super::{OutboxEntry, Update};
use crate::live::{Answer, Room};
use crate::{Client, Error};

/// A token is renewed when this part of its time is left,
const RENEW_AT_PART: u32 = 5;
/// but not earlier than this before its end,
const RENEW_BEFORE: Duration = Duration::from_mins(1);
/// and when that fails, again after this.
const RENEW_AGAIN: Duration = Duration::from_secs(10);
/// Seconds that a token is taken to last at the most.
const LONGEST: u64 = 365 * 24 * 3_600;

impl Connected<'_> {
    /// Sends the next request; the answer is to be waited for.
    pub(super) async fn ask(&mut self, room: Room<'_>, may_change: bool) -> Result<Option<Task<Answered>>, End> {
        let next = match self.fresh.take() {
            Some(token) => Some(Asked::Auth(token)),
            None => self.shared.requests.lock().next(may_change, self.live, Instant::now()),
        };
        let Some(asked) = next else { return Ok(None) };
        if asked.is_passing() {
            // In passing: when it cannot be said there is nothing to be done.
            let _ = room.tell(&asked.frame(0));
            return Ok(None);
        }
        match room.ask(|re| asked.frame(re)) {
            Ok(awaited) => {
                let within = self.client.timeout;
                Ok(Some(Box::pin(async move {
                    (asked, timeout(within, awaited.answer()).await.map_err(|_| Error::Timeout))
                })))
            }
            Err(error) => self.refused(asked, error).await.map(|()| None),
        }
    }

    pub(super) async fn take_answer(&mut self, asked: Asked, answer: Result<Option<Answer>, Error>) -> Result<(), End> {
        match answer {
            Ok(Some(Ok(made))) => self.done(asked, made).await,
            Ok(Some(Err(refusal))) => self.not_done(asked, refusal).await,
            // The connection is over, which its last event says.
            Ok(None) => Ok(()),
            // A server that answers no more is come back to like one that is gone.
            Err(error) => Err(End::Failed(error)),
        }
    }

    async fn done(&mut self, asked: Asked, made: Value) -> Result<(), End> {
        self.backoff.calm();
        match asked {
            Asked::Send(entry) => {
                let message = serde_json::from_value(made);
                let message = message.map_err(|error| End::Failed(Error::Protocol(error.to_string())))?;
                self.stored(&entry.client_id, message).await?;
            }
            Asked::Change(_) => self.shared.requests.lock().changes.settled(),
            Asked::Mark(kind, conversation, seq) => self.shared.requests.lock().marked(kind, conversation, seq),
            Asked::Auth(_) => self.renew_at = expires_in(made).map(renewal),
            Asked::Typing(..) | Asked::Viewing(..) | Asked::Presence(_) => {}
        }
        Ok(())
    }

    async fn not_done(&mut self, asked: Asked, refusal: ErrFrame) -> Result<(), End> {
        if let Asked::Auth(_) = asked {
            // The token before it still holds; when it ends, the server says so.
            return Ok(());
        }
        let wait = Duration::from_millis(refusal.retry_after_ms.unwrap_or(0));
        let (retryable, code) = (refusal.retryable, refusal.code);
        let error = Error::from_frame(refusal);
        if error.is_unauthenticated() {
            // Not the message's fault: it waits for a token that holds.
            return Err(End::Failed(error));
        }
        let given_up = match &asked {
            Asked::Send(entry) if code == ErrorCode::Internal => {
                self.shared.requests.lock().outbox.faulted(&entry.client_id)
            }
            _ => false,
        };
        if !retryable || given_up {
            return self.refused(asked, error).await;
        }
        let mut state = self.shared.requests.lock();
        match asked {
            Asked::Send(entry) => state.outbox.returned(&entry.client_id),
            Asked::Change(_) => state.changes.returned(),
            Asked::Mark(kind, conversation, _) => state.mark_returned(kind, conversation),
            Asked::Auth(_) | Asked::Typing(..) | Asked::Viewing(..) | Asked::Presence(_) => {}
        }
        drop(state);
        // What hinders one change hinders them all: the disk, the rate, the shutdown.
        let wait = wait.max(self.backoff.next(&*self.shared.entropy));
        self.paused_until = Instant::now() + wait;
        Ok(())
    }

    /// It will never be done.
    async fn refused(&mut self, asked: Asked, error: Error) -> Result<(), End> {
        match asked {
            Asked::Send(entry) => {
                for entry in self.taken_with(&entry, &error) {
                    self.say(Update::Failed { entry, error: error.clone() }).await?;
                }
                Ok(())
            }
            Asked::Change(request) => {
                self.shared.requests.lock().changes.settled();
                self.say(Update::Refused { request, error }).await
            }
            Asked::Mark(kind, conversation, seq) => {
                self.shared.requests.lock().marked(kind, conversation, seq);
                Ok(())
            }
            Asked::Auth(_) | Asked::Typing(..) | Asked::Viewing(..) | Asked::Presence(_) => Ok(()),
        }
    }

    /// Takes a refused message out of the outbox, and what is not to be sent without it.
    fn taken_with(&self, entry: &OutboxEntry, error: &Error) -> Vec<OutboxEntry> {
        let mut state = self.shared.requests.lock();
        if error.code() == Some(ErrorCode::NewerMessages) {
            return state.outbox.remove_all_of(entry.conversation);
        }
        state.outbox.remove(&entry.client_id).into_iter().collect()
    }

    /// Gets a fresh token when it is time.
    pub(super) fn begin_renewal(&mut self) {
        if self.renewing.is_some() || self.renew_at.is_none_or(|at| Instant::now() < at) {
            return;
        }
        self.renew_at = None;
        let (tokens, stale) = (self.shared.tokens.clone(), self.client.clone());
        self.renewing = Some(Box::pin(async move { tokens.renew(&stale).await }));
    }

    pub(super) fn take_token(&mut self, renewed: Result<Client, Error>) {
        match renewed {
            Ok(client) => {
                self.fresh = client.token().map(str::to_owned);
                self.client = client;
            }
            Err(error) if error.is_retryable() => self.renew_at = Some(Instant::now() + RENEW_AGAIN),
            // The server ends the connection when the token ends, and the source is asked once more.
            Err(_) => {}
        }
    }
}

/// When to renew a token that ends in so many seconds.
pub(super) fn renewal(expires_in: u64) -> Instant {
    // One that lasts for ages is as good as one that lasts for a year.
    let left = Duration::from_secs(expires_in.min(LONGEST));
    Instant::now() + left.saturating_sub((left / RENEW_AT_PART).min(RENEW_BEFORE))
}

/// In how many seconds the token that the server has taken ends.
fn expires_in(made: Value) -> Option<u64> {
    Some(serde_json::from_value::<Renewed>(made).ok()?.expires_in)
}
