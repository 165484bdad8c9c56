//! The one thread that writes: it takes whatever has queued up into one commit, publishes what came of it, and only
//! then answers. From the queue on a command no longer belongs to who sent it: it commits even if they are gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use chat_proto::{ErrorCode, SessionId, Timestamp};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::access::Rules;
use crate::clock::{Clock, Entropy};
use crate::error::{Error, Result};
use crate::notify::Feed;
use crate::revoked::Revoked;
use crate::rooms::Rooms;
use crate::state::{Command, Minter, Outcome, Position, envelope_of};
use crate::stats::Statistics;
use crate::store::{Keep, Store, StoreError, StoreErrorKind};

/// Commands that wait for the writer, at the most; beyond it the senders wait.
const QUEUE: usize = 4_096;
/// Commands in one commit, at the most.
const MOST_AT_ONCE: usize = 512;
/// While the store is broken it is opened again after this long, doubling up to the second figure.
const REOPEN_FIRST: Duration = Duration::from_millis(250);
const REOPEN_MOST: Duration = Duration::from_secs(5);

/// How long the event log is kept; messages stay. Who comes back with a cursor from before has to load anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// So long. Default: 7 days.
    pub age: Duration,
    /// No more events than this, the newest. Default: 5 million.
    pub events: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { age: Duration::from_hours(7 * 24), events: 5_000_000 }
    }
}

/// Whether the store takes writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// All is well.
    Ready,
    /// The disk is full: writes are refused until there is space; reads go on as long as the file can be opened.
    Full,
    /// Writing failed: the store is being opened again.
    Broken,
}

enum Job {
    Carry {
        command: Command,
        answer: oneshot::Sender<Result<Outcome>>,
    },
    /// Fold a piece of the tail, forget what is too old, or open the broken store again.
    Maintain,
}

/// Who is shown each commit.
#[derive(Debug)]
pub(crate) struct Readers {
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) stats: Arc<Statistics>,
    /// Rung when contents of attachments may have become unneeded.
    pub(crate) freed: Arc<Notify>,
    /// Where people are told of what waits for them while they are not here.
    pub(crate) feed: Option<Feed>,
}

/// The queue to the writer.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
    state: Arc<State>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct State {
    health: AtomicU8,
    /// Rung when a commit left work behind, or the store is broken.
    work_left: Notify,
}

impl Writer {
    /// Starts the thread; it ends when the writer is dropped and the queue is empty.
    pub(crate) fn start(
        store: Arc<dyn Store>,
        Readers { rooms, stats, freed, feed }: Readers,
        revoked: Arc<Revoked>,
        rules: Rules,
        retention: Retention,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> std::io::Result<(Self, std::thread::JoinHandle<()>)> {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let state = Arc::new(State { health: AtomicU8::new(0), work_left: Notify::new() });
        let view = store.view();
        let minter = Minter::new(Arc::clone(&clock), entropy, view.last_at());
        let published = view.position();
        drop(view);
        rooms.published(published);
        let thread = Thread {
            store,
            rooms,
            stats,
            freed,
            feed,
            revoked,
            rules,
            retention,
            clock,
            minter,
            state: Arc::clone(&state),
            published,
            broken: None,
            overdue: false,
            untrimmed: 0,
        };
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let join =
            std::thread::Builder::new().name("chat-writer".to_owned()).spawn(move || thread.run(jobs, &stopped))?;
        Ok((Self { jobs: sender, state, stop }, join))
    }

    /// Has a command carried out. When this returns `Ok` it is on disk.
    pub(crate) async fn carry(&self, command: Command) -> Result<Outcome> {
        self.queue(command).await?.outcome().await
    }

    /// Queues a command. Commands queued one after the other are carried out in that order.
    pub(crate) async fn queue(&self, command: Command) -> Result<Queued> {
        if self.stop.is_cancelled() {
            return Err(stopping());
        }
        let (answer, outcome) = oneshot::channel();
        self.jobs.send(Job::Carry { command, answer }).await.map_err(|_| {
            if self.stop.is_cancelled() {
                stopping()
            } else {
                Error::new(ErrorCode::Unavailable, "The writer is gone.")
            }
        })?;
        Ok(Queued(outcome))
    }

    /// Takes nothing more; the thread ends when it has carried out what is queued.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
        // Wakes the thread; when the queue is full it is awake.
        let _ = self.jobs.try_send(Job::Maintain);
    }

    pub(crate) fn health(&self) -> Health {
        match self.state.health.load(Ordering::Acquire) {
            0 => Health::Ready,
            1 => Health::Full,
            _ => Health::Broken,
        }
    }

    /// Sees to it that put-off work is done once things have calmed down, and a broken store is opened again.
    pub(crate) async fn keep_house(self: Arc<Self>, clock: Arc<dyn Clock>) {
        loop {
            let forget_at = clock.now().after(FORGET_EVERY);
            tokio::select! {
                () = self.state.work_left.notified() => {}
                () = clock.sleep_until(forget_at) => {}
            }
            let calm = if self.health() == Health::Ready { IDLE_BEFORE_FOLDING } else { REOPEN_FIRST };
            clock.sleep_until(clock.now().after(calm)).await;
            if self.jobs.send(Job::Maintain).await.is_err() {
                return;
            }
        }
    }
}

/// A command that waits to be carried out. Dropping this does not call it back.
#[derive(Debug)]
pub(crate) struct Queued(oneshot::Receiver<Result<Outcome>>);

impl Queued {
    pub(crate) async fn outcome(self) -> Result<Outcome> {
        self.0.await.map_err(|_| stopping())?
    }
}

fn stopping() -> Error {
    Error::new(ErrorCode::Draining, "The server is going down.").retry_in(REOPEN_FIRST)
}

/// While there is no calm, a piece of the log is forgotten whenever so many events have come: a few less than the store
/// forgets at a time, so that it catches up.
const TRIM_EVERY: usize = 448;
const IDLE_BEFORE_FOLDING: Duration = Duration::from_secs(1);
/// How often it is looked whether something in the log is too old.
const FORGET_EVERY: Duration = Duration::from_mins(1);

struct Thread {
    store: Arc<dyn Store>,
    rooms: Arc<Rooms>,
    stats: Arc<Statistics>,
    freed: Arc<Notify>,
    feed: Option<Feed>,
    revoked: Arc<Revoked>,
    rules: Rules,
    retention: Retention,
    clock: Arc<dyn Clock>,
    minter: Minter,
    state: Arc<State>,
    /// The newest position that was told.
    published: Position,
    broken: Option<Broken>,
    /// It was time for what was put off, and there was no calm to do it in.
    overdue: bool,
    /// Events since a piece of the log was forgotten.
    untrimmed: usize,
}

/// What keeps the store from writing, until a write has come through again.
struct Broken {
    kind: StoreErrorKind,
    /// Writing, or opening while that failed too, is tried again at this moment, and then after this long.
    again_at: Timestamp,
    wait: Duration,
    /// It could be opened again, so that it can be read.
    open: bool,
}

impl Thread {
    fn run(mut self, mut jobs: mpsc::Receiver<Job>, stop: &CancellationToken) {
        let _watch = Watch(Arc::clone(&self.state));
        let mut batch = Vec::with_capacity(MOST_AT_ONCE);
        while jobs.blocking_recv_many(&mut batch, MOST_AT_ONCE) > 0 {
            if stop.is_cancelled() {
                // Whoever comes now is told so; what is queued is carried out.
                jobs.close();
            }
            let mut commands = Vec::with_capacity(batch.len());
            let mut answers = Vec::with_capacity(batch.len());
            let mut maintain = false;
            for job in batch.drain(..) {
                match job {
                    Job::Carry { command, answer } => {
                        commands.push(command);
                        answers.push(answer);
                    }
                    Job::Maintain => maintain = true,
                }
            }
            if self.broken.as_ref().is_some_and(|broken| !broken.open && broken.again_at <= self.clock.now()) {
                self.reopen();
            }
            let mut work_left = !commands.is_empty();
            if work_left {
                self.carry(commands, answers);
            }
            if maintain {
                if !self.revoked.is_empty() {
                    self.carry(Vec::new(), Vec::new());
                }
                work_left |= self.maintain(&jobs);
            }
            if work_left || self.broken.is_some() {
                self.state.work_left.notify_one();
            }
        }
        if let Err(error) = self.store.close() {
            tracing::error!(
                error = describe(&error),
                "closing the store failed; it will be recovered at the next start"
            );
        }
    }

    fn carry(&mut self, commands: Vec<Command>, answers: Vec<oneshot::Sender<Result<Outcome>>>) {
        let logouts = logouts(&commands);
        if self.refuses().is_none() {
            // What has failed since the commit before is not this one's fault.
            self.keep_up();
        }
        if let Some(kind) = self.refuses() {
            return self.refuse(kind, "the store is not open for writing", logouts, answers);
        }
        // What was answered already goes first: nobody acts in a session after they signed out of it.
        let (ended, owed): (Vec<_>, Vec<_>) = self.revoked.owed(MOST_AT_ONCE).into_iter().unzip();
        let batch = if owed.is_empty() { commands } else { owed.into_iter().chain(commands).collect() };
        match self.store.commit(batch, &self.rules, &mut self.minter) {
            Ok(committed) => {
                self.mended();
                if let Some(last) = committed.events.last() {
                    self.published = last.position;
                }
                self.stats.saw(&committed.events);
                self.rooms.publish(&committed.events);
                if committed.events.iter().any(|event| event.may_free()) {
                    self.freed.notify_one();
                }
                if let Some(feed) = &self.feed {
                    feed.saw(&committed.events);
                }
                // Before answering: if it fails, whoever reads next finds the store opened again.
                self.keep_up();
                let outcomes = committed.outcomes.into_iter().skip(ended.len());
                self.revoked.paid(ended.into_iter());
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // Whoever asked may be gone; what they asked for is done all the same.
                    let _ = answer.send(outcome.map_err(Error::from));
                }
                self.untrimmed += committed.events.len();
                self.trim_meanwhile();
            }
            Err(error) => {
                tracing::error!(error = describe(&error), "a commit failed; nothing of it was acknowledged");
                let kind = error.kind();
                // Open it again before answering: whoever reads next finds the store readable where it can be.
                self.break_off(kind);
                self.refuse(kind, "the commit failed", logouts, answers);
            }
        }
    }

    /// Does what cannot be put off, now that everybody has been told.
    fn keep_up(&mut self) {
        if let Err(error) = self.store.keep_up() {
            tracing::error!(error = describe(&error), "folding failed; it will be done again");
            self.break_off(error.kind());
        }
    }

    /// Forgets a piece of the log in between, or it would grow for as long as there is no calm.
    fn trim_meanwhile(&mut self) {
        if !self.overdue || self.untrimmed < TRIM_EVERY || self.refuses().is_some() {
            return;
        }
        self.untrimmed = 0;
        if let Err(error) = self.store.trim(&self.keep()) {
            tracing::error!(error = describe(&error), "forgetting old events failed; it will be done again");
            self.break_off(error.kind());
        }
    }

    /// Nothing can be stored, and everybody is told so; but who signs out has done so, from this moment on.
    fn refuse(
        &self,
        kind: StoreErrorKind,
        why: &'static str,
        logouts: Vec<(usize, SessionId, Command)>,
        answers: Vec<oneshot::Sender<Result<Outcome>>>,
    ) {
        let mut logouts = logouts.into_iter().peekable();
        for (index, answer) in answers.into_iter().enumerate() {
            let logout = logouts.next_if(|(at, ..)| *at == index);
            let ended = logout.filter(|(_, session, command)| self.revoked.add(*session, command.clone()));
            let outcome = match ended {
                Some((_, session, _)) => {
                    self.rooms.end_session(session);
                    Ok(Outcome::Done)
                }
                None => Err(StoreError::new(kind, why).into()),
            };
            let _ = answer.send(outcome);
        }
    }

    /// Does what was put off. `true`: there is more to do later.
    fn maintain(&mut self, jobs: &mpsc::Receiver<Job>) -> bool {
        // Whoever is waiting goes first; the rest is done when it is calm again, or along with commits.
        while self.refuses().is_none() && jobs.is_empty() {
            match self.store.maintain().and_then(|more| Ok(more || self.store.trim(&self.keep())?)) {
                Ok(more) => {
                    self.mended();
                    if !more {
                        self.overdue = false;
                        return false;
                    }
                }
                Err(error) => {
                    tracing::error!(error = describe(&error), "folding failed; it will be done again");
                    self.break_off(error.kind());
                    return true;
                }
            }
        }
        self.overdue = true;
        true
    }

    fn keep(&self) -> Keep {
        let age = i64::try_from(self.retention.age.as_millis()).unwrap_or(i64::MAX);
        let since = self.clock.now().as_millis().saturating_sub(age);
        Keep { most: self.retention.events, since: Timestamp::from_millis(since) }
    }

    /// Why nothing can be written now.
    fn refuses(&self) -> Option<StoreErrorKind> {
        let broken = self.broken.as_ref()?;
        (!broken.open || self.clock.now() < broken.again_at).then_some(broken.kind)
    }

    /// After a failed write: the store is opened again at once, so that it can be read, but the longer writing keeps
    /// failing the longer it is left alone.
    fn break_off(&mut self, kind: StoreErrorKind) {
        self.state.health.store(if kind == StoreErrorKind::Full { 1 } else { 2 }, Ordering::Release);
        let now = self.clock.now();
        let (again_at, wait) = match &self.broken {
            None => (now, REOPEN_FIRST),
            Some(before) => (now.after(before.wait), (before.wait * 2).min(REOPEN_MOST)),
        };
        self.broken = Some(Broken { kind, again_at, wait, open: false });
        self.reopen();
    }

    fn reopen(&mut self) {
        let reopened = self.store.reopen().and_then(|()| self.publish_recovered());
        let Some(broken) = &mut self.broken else { return };
        match reopened {
            Ok(()) => {
                tracing::info!("the store is open again");
                broken.open = true;
            }
            Err(error) => {
                tracing::error!(error = describe(&error), "the store could not be opened again; trying on");
                if error.kind() == StoreErrorKind::Full {
                    // Whatever it was that failed, this is what has to be mended.
                    broken.kind = StoreErrorKind::Full;
                    self.state.health.store(1, Ordering::Release);
                }
                broken.again_at = self.clock.now().after(broken.wait);
                broken.wait = (broken.wait * 2).min(REOPEN_MOST);
            }
        }
    }

    /// A write came through.
    fn mended(&mut self) {
        if self.broken.take().is_some() {
            self.state.health.store(0, Ordering::Release);
        }
    }

    /// A batch whose commit failed may be there after all: what is stored has to be told.
    fn publish_recovered(&mut self) -> Result<(), StoreError> {
        let view = self.store.view();
        loop {
            let lines = view.lines_after(self.published, MOST_AT_ONCE)?;
            if lines.is_empty() {
                return Ok(());
            }
            for line in lines {
                let event = Arc::new(envelope_of(&line, None, &*view)?);
                self.rooms.publish(std::slice::from_ref(&event));
                self.published = line.position;
            }
        }
    }
}

/// Who among these signs out of the session that they act in, and with which command. Whoever shows the token of a
/// session may end it; of another's nothing is known without the store.
fn logouts(commands: &[Command]) -> Vec<(usize, SessionId, Command)> {
    let logout = |(index, command): (usize, &Command)| match command {
        Command::EndSession { by, session, .. } if by.session == Some(*session) => {
            Some((index, *session, command.clone()))
        }
        _ => None,
    };
    commands.iter().enumerate().filter_map(logout).collect()
}

/// Sees to it that a writer that panics is known to be gone.
struct Watch(Arc<State>);

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.health.store(2, Ordering::Release);
            tracing::error!("the writer panicked; nothing can be stored until the program is started again");
        }
    }
}

/// An error with its causes in one line, for the log.
fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
