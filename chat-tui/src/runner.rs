//! Carries the pure part: keys in, effects out, and a screen when something changed.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use chat_client::{Diff, Error, OutboxEntry, Watch};
use crossterm::event::KeyEventKind;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use crate::files;
use crate::kept::{Kept, Left};
use crate::keyboard::Keyboard;
use crate::screen::Screen;
use crate::session::{self, SignedIn};
use crate::signals::{self, Ends};
use crate::state::State;
use crate::theme::Look;
use crate::update::{Effect, Event, update};

/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// Frames are not drawn in quicker succession; what comes between is drawn together.
const FRAME: Duration = Duration::from_millis(33);
/// What is being written is kept so long after it changed.
const SAVE_AFTER: Duration = Duration::from_millis(500);
/// Where nobody could say that the program goes on, the system does not stop it; that is known when it still runs after so
/// long.
const STOPPING: Duration = Duration::from_millis(300);

/// So much of what moves may wait to be shown.
const MOVES: usize = 64;

struct Runner {
    state: State,
    screen: Screen,
    /// Where what is kept over the end is kept.
    folder: Option<PathBuf>,
    /// What `~` is.
    home: Option<PathBuf>,
    /// How far files have come; what does not fit in is told by the next one.
    moved: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
    session: Option<Session>,
    tasks: FuturesUnordered<Task>,
    /// When what is being written is to be kept.
    save_at: Option<Instant>,
    drawn_at: Option<Instant>,
    continued: Signal,
    /// The process is being stopped; when to go on if it was not.
    go_on_at: Option<Instant>,
}

struct Session {
    signed_in: SignedIn,
    watch: Watch,
    /// The watch has not ended.
    watching: bool,
    kept: Option<Kept>,
}

type Task = Pin<Box<dyn Future<Output = Done>>>;

/// What became of a question to the server.
enum Done {
    SignedIn(Box<Result<SignedIn, Error>>),
    Told(Event),
    Nothing,
}

/// Something to react to.
enum Woken {
    Events(Vec<Event>),
    Done(Done),
    Save,
    Draw,
    Continued,
    Over,
}

/// Runs until the user quits or the process is told to end.
pub(crate) async fn run(
    state: State,
    look: Look,
    folder: Option<PathBuf>,
    home: Option<PathBuf>,
) -> anyhow::Result<()> {
    let mut ends = Ends::listen()?;
    let mut runner = Runner {
        state,
        screen: Screen::open(look)?,
        folder,
        home,
        moved: mpsc::channel(MOVES),
        session: None,
        tasks: FuturesUnordered::new(),
        save_at: None,
        drawn_at: None,
        continued: signals::continued()?,
        go_on_at: None,
    };
    let ended = tokio::select! {
        ended = runner.converse() => ended,
        () = ends.next() => Ok(()),
    };
    runner.save(true);
    let Runner { screen, session, .. } = runner;
    drop(screen);
    if let Some(session) = session {
        // A server that does not answer is not waited for.
        let _ = timeout(GOODBYE, session.watch.close()).await;
        let _ = timeout(GOODBYE, session.signed_in.sign_out()).await;
    }
    ended
}

impl Runner {
    async fn converse(&mut self) -> anyhow::Result<()> {
        let (columns, rows) = self.screen.size()?;
        let mut events = VecDeque::from([Event::Resized(columns, rows)]);
        if self.state.sign_in.as_ref().is_some_and(|form| form.fields.iter().all(|field| !field.is_empty())) {
            events.push_back(Event::SignIn);
        }
        let mut keys = Keyboard::open()?;
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            while let Some(event) = events.pop_front() {
                for effect in update(&mut self.state, event) {
                    if effect == Effect::Quit {
                        return Ok(());
                    }
                    events.extend(self.carry_out(effect)?);
                }
            }
            if std::mem::take(&mut self.state.unsaved) {
                self.save_at.get_or_insert_with(|| Instant::now() + SAVE_AFTER);
            }
            self.draw_if_due()?;
            let draw_at = self.drawn_at.filter(|_| self.state.dirty).map(|at| at + FRAME);
            let woken = tokio::select! {
                key = keys.next() => match key {
                    Some(key) => Woken::Events(translate(key?).into_iter().collect()),
                    None => Woken::Over,
                },
                diffs = diffs(&mut self.session) => Woken::Events(diffs.into_iter().map(Event::Diff).collect()),
                Some(moved) = self.moved.1.recv() => Woken::Events(vec![moved]),
                Some(done) = self.tasks.next() => Woken::Done(done),
                _ = ticks.tick(), if self.state.wants_ticks() => Woken::Events(vec![Event::Tick]),
                () = until(self.save_at), if self.save_at.is_some() => Woken::Save,
                () = until(draw_at), if draw_at.is_some() => Woken::Draw,
                _ = self.continued.recv() => Woken::Continued,
                () = until(self.go_on_at), if self.go_on_at.is_some() => Woken::Continued,
            };
            match woken {
                Woken::Events(woken) => events.extend(woken),
                Woken::Done(Done::Told(event)) => events.push_back(event),
                Woken::Done(Done::SignedIn(signed_in)) => events.extend(self.begin(*signed_in)),
                Woken::Save => self.save(false),
                Woken::Draw | Woken::Done(Done::Nothing) => {}
                Woken::Continued => events.push_back(self.go_on()?),
                Woken::Over => return Ok(()),
            }
        }
    }

    /// After a stop, in a terminal that others have written to, and that may have another size now.
    fn go_on(&mut self) -> std::io::Result<Event> {
        self.go_on_at = None;
        self.screen.go_on()?;
        let (columns, rows) = self.screen.size()?;
        Ok(Event::Resized(columns, rows))
    }

    fn draw_if_due(&mut self) -> std::io::Result<()> {
        let now = Instant::now();
        if self.state.dirty && self.drawn_at.is_none_or(|at| now >= at + FRAME) {
            self.screen.draw(&self.state)?;
            self.state.dirty = false;
            self.drawn_at = Some(now);
        }
        Ok(())
    }

    /// Passes a wish on. Nothing here waits: what becomes of it comes as an event.
    fn carry_out(&mut self, effect: Effect) -> std::io::Result<Option<Event>> {
        match effect {
            Effect::SignIn { url, email, password } => {
                self.tasks.push(Box::pin(async move {
                    Done::SignedIn(Box::new(SignedIn::sign_in(&url, &email, &password).await))
                }));
                return Ok(None);
            }
            Effect::Redraw => {
                self.screen.forget()?;
                return Ok(None);
            }
            Effect::Suspend => {
                self.save(true);
                self.go_on_at = Some(Instant::now() + STOPPING);
                Screen::suspend()?;
                return Ok(None);
            }
            Effect::Complete(typed) => {
                let home = self.home.clone();
                self.tasks.push(Box::pin(session::complete(typed, home).map(Done::Told)));
                return Ok(None);
            }
            _ => {}
        }
        let Some(Session { watch, .. }) = &mut self.session else { return Ok(None) };
        match effect {
            Effect::Open(conv) => watch.open(conv),
            Effect::Older(conv) => watch.older(conv),
            Effect::Newer(conv) => watch.newer(conv),
            Effect::First(conv) => watch.oldest(conv),
            Effect::Newest(conv) => watch.newest(conv),
            Effect::MoreConversations => watch.more_conversations(),
            Effect::MoreUnread => watch.more_unread(),
            Effect::Send { conv, text, files, reply_to, if_last_seq } => {
                let mut draft = chat_client::Draft::text(text.clone()).attachments(files.clone());
                if let Some(message) = reply_to {
                    draft = draft.reply_to(message);
                }
                if let Some(seq) = if_last_seq {
                    draft = draft.if_last_seq(seq);
                }
                if let Err(why) = watch.send(conv, draft) {
                    return Ok(Some(Event::NotSent { conv, text, files, why: format!("Not sent: {why}") }));
                }
                // Before anything else happens: it goes out when this is waited again.
                self.save(true);
            }
            Effect::Request(request) => {
                if let Err(why) = watch.request(request) {
                    return Ok(Some(Event::Notice(format!("Not done: {why}"))));
                }
            }
            Effect::Read(conv, seq) => watch.read(conv, seq),
            Effect::Delivered(conv, seq) => watch.delivered(conv, seq),
            Effect::Typing(conv, on) => watch.typing(conv, on),
            Effect::Viewing(conv) => watch.viewing(conv),
            Effect::Presence(state) => watch.presence(state),
            Effect::Retry => watch.retry_now(),
            Effect::Directory(typed) => {
                self.tasks.push(Box::pin(session::directory(watch.client(), typed).map(Done::Told)));
            }
            Effect::BeginGroup { people, subject } => {
                let client = watch.client();
                self.tasks.push(Box::pin(async move {
                    let begun = client.create_group(subject.as_deref(), &people).await;
                    Done::Told(Event::Begun(begun.map(Box::new).map_err(|error| error.to_string())))
                }));
            }
            Effect::Begin(user) => {
                let client = watch.client();
                self.tasks.push(Box::pin(async move {
                    let begun = client.open_direct(user).await;
                    Done::Told(Event::Begun(begun.map(Box::new).map_err(|error| error.to_string())))
                }));
            }
            Effect::Attach { conv, number, path } => {
                let (path, told) = (files::expand(&path, self.home.as_deref()), self.moved.0.clone());
                let upload = session::attach(watch.client(), path, move |done, all| {
                    // The next one tells it, too.
                    let _ = told.try_send(Event::UploadMoved { conv, number, done, all });
                });
                self.tasks.push(Box::pin(upload.map(move |file| Done::Told(Event::Uploaded { conv, number, file }))));
            }
            Effect::Forget(id) => {
                let client = watch.client();
                self.tasks.push(Box::pin(async move {
                    if let Err(error) = client.delete_attachment(id).await {
                        tracing::info!(%error, "a file is forgotten by the server itself");
                    }
                    Done::Nothing
                }));
            }
            Effect::Save { file, path, replace } => {
                let (target, told) = (files::expand(&path, self.home.as_deref()), self.moved.0.clone());
                let saved = session::save(watch.client(), file.id, target, replace, move |done, all| {
                    let _ = told.try_send(Event::SaveMoved { done, all });
                });
                self.tasks.push(Box::pin(saved.map(move |outcome| Done::Told(Event::Saved { file, path, outcome }))));
            }
            Effect::SignIn { .. } | Effect::Redraw | Effect::Suspend | Effect::Complete(_) | Effect::Quit => {}
        }
        Ok(None)
    }

    /// Begins as the person who has signed in, with what was kept of theirs.
    fn begin(&mut self, signed_in: Result<SignedIn, Error>) -> Vec<Event> {
        let signed_in = match signed_in {
            Ok(signed_in) => signed_in,
            Err(error) => return vec![Event::NotSignedIn(error.to_string())],
        };
        tracing::info!(user = %signed_in.me.id, "signed in");
        let carried = self.end_session(&signed_in);
        let mut notice = None;
        let opened = self.folder.as_ref().map(|folder| Kept::open(folder, &self.state.account.0, signed_in.me.id));
        let (kept, left) = match opened {
            Some(Ok((kept, left))) => (Some(kept), left),
            Some(Err(error)) => {
                tracing::warn!(%error, "drafts and unsent messages are not kept");
                notice = Some(if error.kind() == std::io::ErrorKind::WouldBlock {
                    "Open in another window, too: drafts of this one are not kept.".to_owned()
                } else {
                    format!("Drafts are not kept: {error}")
                });
                (None, Left::default())
            }
            None => (None, Left::default()),
        };
        let (drafts, outbox) = carried.unwrap_or(left);
        let watch = signed_in.watch(outbox);
        let me = Box::new(signed_in.me.clone());
        self.session = Some(Session { signed_in, watch, watching: true, kept });
        let mut events = vec![Event::SignedIn(me, drafts)];
        events.extend(notice.map(Event::Notice));
        events
    }

    /// Ends the session before; what of it the same person takes along.
    fn end_session(&mut self, next: &SignedIn) -> Option<Left> {
        self.save(true);
        let mut session = self.session.take()?;
        let same = session.signed_in.me.id == next.me.id;
        same.then(|| (self.state.drafts.clone(), session.watch.take_outbox()))
    }

    /// Keeps what is being written and what is not confirmed.
    fn save(&mut self, durable: bool) {
        self.save_at = None;
        let Some(Session { watch, kept: Some(kept), .. }) = &self.session else { return };
        let waiting = watch.inbox().outgoing().filter(|outgoing| outgoing.stored.is_none());
        let outbox: Vec<&OutboxEntry> = waiting.map(|outgoing| &outgoing.entry).collect();
        if let Err(error) = kept.write(&self.state.drafts, outbox.into_iter(), durable) {
            tracing::error!(%error, "drafts and unsent messages could not be written");
            self.state.notice = Some("Drafts could not be written to the disk; the log says why.".to_owned());
        }
    }
}

/// The next differences of what is watched.
async fn diffs(session: &mut Option<Session>) -> Vec<Diff> {
    match session {
        Some(session) if session.watching => match session.watch.next().await {
            Some(diffs) => {
                for diff in &diffs {
                    if let Diff::Connection(connection) = diff {
                        tracing::info!(?connection, "connection");
                    }
                }
                diffs
            }
            None => {
                session.watching = false;
                Vec::new()
            }
        },
        _ => std::future::pending().await,
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn translate(event: crossterm::event::Event) -> Option<Event> {
    match event {
        crossterm::event::Event::Key(key) if key.kind != KeyEventKind::Release => Some(Event::Key(key)),
        crossterm::event::Event::Paste(text) => Some(Event::Paste(text)),
        crossterm::event::Event::Resize(columns, rows) => Some(Event::Resized(columns, rows)),
        crossterm::event::Event::FocusGained => Some(Event::Focus(true)),
        crossterm::event::Event::FocusLost => Some(Event::Focus(false)),
        _ => None,
    }
}
