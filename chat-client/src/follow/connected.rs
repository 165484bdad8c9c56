//! One connection, from its welcome to its end: updates come out, requests go in.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use chat_proto::ClientId;
use chat_proto::model::{Cursor, Message};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::backoff::Backoff;
use super::follower::Shared;
use super::requests::Asked;
use super::{Connection, Update};
use crate::live::{Answer, Change, Live, LiveChange, LiveEvent, LiveReceiver, LiveSender};
use crate::{Client, Error};

pub(super) struct Connected<'a> {
    pub(super) shared: &'a Shared,
    tell: &'a mpsc::Sender<Update>,
    sender: LiveSender,
    receiver: LiveReceiver,
    /// Has the token that the server knows.
    pub(super) client: Client,
    /// Where everything was told up to; `None` before anything was.
    cursor: Option<Cursor>,
    /// The server could not go on from our place: where it goes on instead, which counts once the program knows.
    hole: Option<Cursor>,
    /// All that was missed has been told.
    pub(super) live: bool,
    answers: FuturesUnordered<Task<Answered>>,
    /// Changes are not sent before this: the server could not take one.
    pub(super) paused_until: Instant,
    pub(super) backoff: Backoff,
    pub(super) renew_at: Option<Instant>,
    pub(super) renewing: Option<Task<Result<Client, Error>>>,
    /// A fresh token to tell the server.
    pub(super) fresh: Option<String>,
}

pub(super) type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A request and its answer: [`Error::Timeout`] when none came in time, `None` when the connection ended before.
pub(super) type Answered = (Asked, Result<Option<Answer>, Error>);

/// Why a connection is over.
#[derive(Debug)]
pub(super) enum End {
    /// Nobody wants it any more.
    Left,
    /// It is to go on from another place.
    Resume,
    Failed(Error),
}

impl<'a> Connected<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        tell: &'a mpsc::Sender<Update>,
        live: Live,
        from: Option<Cursor>,
        backoff: Backoff,
    ) -> Self {
        let welcome = live.welcome();
        let begins = Cursor::from_text(welcome.cursor.clone());
        let missed = from.is_some() && !welcome.resumed;
        let (cursor, hole) = if missed { (from, Some(begins)) } else { (Some(begins), None) };
        let renew_at = Some(super::answer::renewal(welcome.expires_in));
        let (sender, receiver) = live.split();
        Self {
            client: shared.tokens.client(),
            shared,
            tell,
            sender,
            receiver,
            cursor,
            hole,
            live: false,
            answers: FuturesUnordered::new(),
            paused_until: Instant::now(),
            backoff,
            renew_at: renew_at.filter(|_| shared.tokens.can_renew()),
            renewing: None,
            fresh: None,
        }
    }

    pub(super) fn cursor(&self) -> Option<Cursor> {
        self.cursor.clone()
    }

    pub(super) async fn run(&mut self) -> End {
        let Err(end) = self.converse().await;
        if let End::Left = end {
            self.sender.close().await;
        }
        end
    }

    async fn converse(&mut self) -> Result<Infallible, End> {
        self.say(Update::Connection(Connection::CatchingUp)).await?;
        let sender = self.sender.clone();
        loop {
            let now = Instant::now();
            let paused = now < self.paused_until;
            let (has_next, due) = {
                let state = self.shared.requests.lock();
                if state.resume_after.is_some() {
                    return Err(End::Resume);
                }
                (state.has_next(!paused, self.live, now) || self.fresh.is_some(), state.passing.due(now))
            };
            let timers = [paused.then_some(self.paused_until), self.renew_at, due.filter(|_| !has_next)];
            let wake_at = timers.into_iter().flatten().min();
            // All of these are safe to cancel.
            tokio::select! {
                event = self.receiver.next() => self.hear(event).await?,
                room = sender.room(), if has_next => {
                    // Without room there is no connection, and its last event says so.
                    if let Some(room) = room && let Some(answer) = self.ask(room, !paused).await? {
                        self.answers.push(answer);
                    }
                }
                Some((asked, answer)) = self.answers.next() => self.take_answer(asked, answer).await?,
                renewed = ready(&mut self.renewing) => self.take_token(renewed),
                () = sleep_until(wake_at.unwrap_or(now)), if wake_at.is_some() => self.begin_renewal(),
                () = self.shared.requests.wake.notified() => {}
                () = self.shared.leave.cancelled() => return Err(End::Left),
                () = self.tell.closed() => return Err(End::Left),
            }
        }
    }

    async fn hear(&mut self, event: Option<LiveEvent>) -> Result<(), End> {
        match event {
            Some(LiveEvent::Event(change)) => {
                self.tell_hole().await?;
                let cursor = Cursor::from_text(change.head.c.clone());
                self.recognise(&change).await?;
                self.say(Update::Event(change)).await?;
                self.cursor = Some(cursor);
                Ok(())
            }
            Some(LiveEvent::Live(cursor)) => {
                self.tell_hole().await?;
                self.live = true;
                self.say(Update::Connection(Connection::Live)).await?;
                self.move_to(cursor).await
            }
            Some(LiveEvent::Ping(cursor)) => {
                self.tell_hole().await?;
                self.move_to(cursor).await
            }
            Some(LiveEvent::Reset(reason)) => self.reset(reason).await,
            Some(LiveEvent::Ephemeral(event)) => {
                // May be lost, and waits for nobody.
                let _ = self.tell.try_send(Update::Ephemeral(event));
                Ok(())
            }
            // Of what is said in passing and not answered: a refusal is of no interest.
            Some(LiveEvent::Refused(_)) => Ok(()),
            Some(LiveEvent::Closed(closed)) => Err(End::Failed(Error::Closed(closed))),
            None => Err(End::Left),
        }
    }

    /// The server says that what comes next comes after a hole: at once, or later, when the log was trimmed before it
    /// was read to its end. Then the place before stays until something says where it goes on: a connection that breaks
    /// in between finds the same hole.
    async fn reset(&mut self, reason: String) -> Result<(), End> {
        self.say(Update::Reset(reason)).await?;
        if let Some(begins) = self.hole.take() {
            self.cursor = Some(begins);
        }
        Ok(())
    }

    /// Says that the place could not be gone on from, when the server has gone on without a word about it. Before that
    /// the old place is kept.
    async fn tell_hole(&mut self) -> Result<(), End> {
        if self.hole.is_some() {
            self.reset("unknown".to_owned()).await?;
        }
        Ok(())
    }

    async fn move_to(&mut self, cursor: Cursor) -> Result<(), End> {
        self.say(Update::Cursor(cursor.clone())).await?;
        self.cursor = Some(cursor);
        Ok(())
    }

    /// A message of mine that came back as an event is stored, and an edit carried out, whether its answer comes or not.
    async fn recognise(&mut self, change: &LiveChange) -> Result<(), End> {
        if let Change::MessageCreated(message) | Change::MessageChanged(message) = &change.change {
            self.shared.requests.lock().changes.saw(message);
        }
        if let (Some(client_id), Change::MessageCreated(message)) = (&change.head.cid, &change.change) {
            self.stored(client_id, message.clone()).await?;
        }
        Ok(())
    }

    pub(super) async fn stored(&mut self, client_id: &ClientId, message: Message) -> Result<(), End> {
        let entry = self.shared.requests.lock().outbox.remove(client_id);
        match entry {
            Some(entry) => self.say(Update::Sent { client_id: entry.client_id, message: Box::new(message) }).await,
            // Known already, or taken out.
            None => Ok(()),
        }
    }

    pub(super) async fn say(&mut self, update: Update) -> Result<(), End> {
        tokio::select! {
            told = self.tell.send(update) => told.map_err(|_| End::Left),
            () = self.shared.leave.cancelled() => Err(End::Left),
        }
    }
}

/// Waits for a task, if there is one.
async fn ready<T>(task: &mut Option<Task<T>>) -> T {
    match task {
        Some(running) => {
            let done = running.await;
            *task = None;
            done
        }
        None => std::future::pending().await,
    }
}
