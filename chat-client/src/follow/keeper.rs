//! Keeps a connection: opens it, hands it over while it lasts, and decides what comes after it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::backoff::Backoff;
use super::connected::{Connected, End};
use super::follower::Shared;
use super::options::From;
use super::{Connection, FollowOptions, Update};
use crate::live::NotConnected;
use crate::{Client, Closed, Error};

/// No server is waited for longer than this, whatever it asks.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

pub(super) struct Keeper {
    shared: Arc<Shared>,
    tell: mpsc::Sender<Update>,
    /// Up to where everything was told.
    from: From,
    backoff: Backoff,
    /// The token was renewed because the server would not have the one before, and has taken none since.
    renewed: bool,
}

/// What comes after a connection, or after a try to open one.
enum Next {
    Retry { why: Error, after: Duration },
    Renew(Error),
    Resume,
    Stop(Error),
}

impl Keeper {
    pub(super) fn new(shared: Arc<Shared>, tell: mpsc::Sender<Update>, options: FollowOptions) -> Self {
        Self { shared, tell, from: options.from, backoff: options.backoff, renewed: false }
    }

    pub(super) async fn run(mut self) {
        let why = self.follow().await;
        self.shared.end(&why);
        // Nobody may be listening any more; and who leaves knows.
        let _ = self.say(Update::Connection(Connection::Ended(why))).await;
    }

    /// Follows until there is no use in it; why.
    async fn follow(&mut self) -> Error {
        loop {
            let next = match self.resume_place().await {
                Ok(()) => self.connect().await,
                Err(left) => Next::Stop(left),
            };
            let turn = match next {
                Next::Stop(why) => return why,
                Next::Resume => Ok(()),
                Next::Renew(why) => self.renew(why).await,
                Next::Retry { why, after } => self.wait(why, after).await,
            };
            if let Err(why) = turn {
                return why;
            }
        }
    }

    /// Takes up the place that the program has set, and waits for one when there is none.
    async fn resume_place(&mut self) -> Result<(), Error> {
        loop {
            let place = self.shared.requests.lock().resume_after.take();
            if let Some(cursor) = place {
                self.from = From::After(cursor.clone());
                self.say(Update::Resumed(cursor)).await?;
            }
            if !matches!(self.from, From::Held) {
                return Ok(());
            }
            tokio::select! {
                () = self.shared.requests.wake.notified() => {}
                () = self.gone() => return Err(left()),
            }
        }
    }

    /// Opens a connection and stays on it until it ends.
    async fn connect(&mut self) -> Next {
        if let Err(left) = self.say(Update::Connection(Connection::Connecting)).await {
            return Next::Stop(left);
        }
        let client = self.shared.tokens.client();
        let from = match &self.from {
            From::After(cursor) => Some(cursor.clone()),
            From::Now | From::Held => None,
        };
        let opened = tokio::select! {
            opened = client.connect(from.as_ref()) => opened,
            () = self.gone() => return Next::Stop(left()),
        };
        let live = match opened {
            Ok(live) => live,
            Err(NotConnected { error, after }) => return self.judge(error, after),
        };
        let since = Instant::now();
        let mut connected = Connected::new(&self.shared, &self.tell, live, from, self.backoff.clone());
        let end = connected.run().await;
        if let Some(cursor) = connected.cursor() {
            self.from = From::After(cursor);
        }
        self.shared.requests.lock().disconnected();
        if since.elapsed() >= Backoff::CALM {
            self.backoff.calm();
        }
        match end {
            End::Left => Next::Stop(left()),
            End::Resume => Next::Resume,
            End::Failed(why) => {
                // It was welcomed, so the token was good then.
                self.renewed = false;
                let after = NotConnected::from(why);
                self.judge(after.error, after.after)
            }
        }
    }

    /// The verdict on a connection that ended or did not come about (docs/protocol.md, close codes).
    fn judge(&self, why: Error, after: Duration) -> Next {
        if why.is_unauthenticated() && self.shared.tokens.can_renew() && !self.renewed {
            Next::Renew(why)
        } else if why.is_retryable() {
            Next::Retry { why, after: after.min(LONGEST_WAIT) }
        } else {
            Next::Stop(why)
        }
    }

    /// Gets a fresh token, once; then comes another try after the usual wait, so that a server which takes no token
    /// is not asked in a loop.
    async fn renew(&mut self, why: Error) -> Result<(), Error> {
        let stale = self.shared.tokens.client();
        match self.renewed_token(&stale).await {
            Ok(_) => self.renewed = true,
            Err(error) if error.is_retryable() => {}
            Err(error) => return Err(error),
        }
        self.wait(why, Duration::ZERO).await
    }

    async fn renewed_token(&self, stale: &Client) -> Result<Client, Error> {
        tokio::select! {
            renewed = self.shared.tokens.renew(stale) => renewed,
            () = self.gone() => Err(left()),
        }
    }

    /// Waits as long as the server asks and the back-off says, or until the program will not wait.
    async fn wait(&mut self, why: Error, after: Duration) -> Result<(), Error> {
        let retry_in = after + self.backoff.next(&*self.shared.entropy);
        let until = Instant::now() + retry_in;
        self.say(Update::Connection(Connection::Waiting { why, retry_in })).await?;
        loop {
            {
                let mut state = self.shared.requests.lock();
                if std::mem::take(&mut state.retry_now) || state.resume_after.is_some() {
                    return Ok(());
                }
            }
            tokio::select! {
                () = sleep_until(until) => return Ok(()),
                () = self.shared.requests.wake.notified() => {}
                () = self.gone() => return Err(left()),
            }
        }
    }

    async fn say(&self, update: Update) -> Result<(), Error> {
        tokio::select! {
            told = self.tell.send(update) => told.map_err(|_| left()),
            () = self.shared.leave.cancelled() => Err(left()),
        }
    }

    /// Ends when there is nobody to follow for.
    async fn gone(&self) {
        tokio::select! {
            () = self.shared.leave.cancelled() => {}
            () = self.tell.closed() => {}
        }
    }
}

fn left() -> Error {
    Error::Closed(Closed::Left)
}
