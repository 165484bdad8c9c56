//! Carries the pure part: keys in, effects out, and a screen when something changed.

use std::io::stdout;
use std::time::Duration;

use chat_client::{Client, Error};
use chat_proto::wire::EphemeralEvent;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste, EventStream, KeyEventKind};
use crossterm::execute;
use futures_util::StreamExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::draw::draw;
use crate::follow;
use crate::state::{Outgoing, State};
use crate::update::{Effect, Event, update};

/// Events that wait for the screen.
const EVENTS: usize = 1_024;
/// Requests that wait for the network.
const REQUESTS: usize = 256;
/// Events that are applied before the screen is drawn again.
const BURST: usize = 256;
/// Rows of a history that are asked for at once.
const HISTORY: u32 = 100;

/// The terminal; dropping it gives it back as it was, which [`ratatui::init()`] also sees to on a panic.
struct Screen(ratatui::DefaultTerminal);

impl Screen {
    fn open() -> std::io::Result<Self> {
        let screen = Self(ratatui::init());
        execute!(stdout(), EnableBracketedPaste)?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = execute!(stdout(), DisableBracketedPaste);
        ratatui::restore();
    }
}

/// Runs until the user quits or the process is told to end.
pub(crate) async fn run(client: Client, mut state: State) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let (told, mut events) = mpsc::channel(EVENTS);
    let (requests, asked) = mpsc::channel(REQUESTS);
    let tasks = TaskTracker::new();
    tasks.spawn(follow::run(client.clone(), told.clone()));
    tasks.spawn(carry_out(client.clone(), asked, told.clone()));

    let mut screen = Screen::open()?;
    let size = screen.0.size()?;
    update(&mut state, Event::Resized(size.width, size.height));
    let mut keys = EventStream::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        screen.0.draw(|frame| draw(&state, frame))?;
        let event = tokio::select! {
            key = keys.next() => match key {
                Some(key) => translate(key?),
                None => return Ok(()),
            },
            event = events.recv() => event,
            _ = ticks.tick(), if state.wants_ticks() => Some(Event::Tick),
            _ = terminate.recv() => return Ok(()),
        };
        let waiting = std::iter::from_fn(|| events.try_recv().ok()).take(BURST);
        for event in event.into_iter().chain(waiting) {
            for effect in update(&mut state, event) {
                match effect {
                    Effect::Quit => return Ok(()),
                    Effect::Load(conv, before) => {
                        let (client, told) = (client.clone(), told.clone());
                        tasks.spawn(async move {
                            let part = before.map_or(chat_client::Part::Newest, chat_client::Part::Before);
                            let history = client.messages(conv, part, Some(HISTORY)).await;
                            let history = history.map_err(|error| error.to_string());
                            // The screen may be gone.
                            let _ = told.send(Event::History(conv, history)).await;
                        });
                    }
                    effect => ask(&requests, &told, effect),
                }
            }
        }
    }
}

/// Queues a request. Marks and typing may be lost when the queue is full; a message comes back to the composer.
fn ask(requests: &mpsc::Sender<Effect>, told: &mpsc::Sender<Event>, effect: Effect) {
    if let Err(full) = requests.try_send(effect)
        && let Effect::Send(outgoing) = full.into_inner()
    {
        let why = "too much is waiting to be sent".to_owned();
        let _ = told.try_send(Event::Sent(outgoing.client_id, Err(why)));
    }
}

/// Carries out one request after the other, so that messages stay in the order in which they were written.
async fn carry_out(client: Client, mut asked: mpsc::Receiver<Effect>, told: mpsc::Sender<Event>) {
    let mut typing = None;
    while let Some(effect) = asked.recv().await {
        match effect {
            Effect::Send(outgoing) => {
                typing = None;
                let sent = send(&client, &outgoing).await;
                let sent = sent.map_err(|error| error.to_string());
                if told.send(Event::Sent(outgoing.client_id, sent)).await.is_err() {
                    return;
                }
            }
            // A mark that is lost moves with the next one.
            Effect::Read(conv, seq) => drop(client.mark_read(conv, seq).await),
            Effect::Typing(conv, on) => {
                // Each key says that somebody is writing; every few seconds is enough to tell the others.
                let now = tokio::time::Instant::now();
                let told_before = matches!(typing, Some((of, at)) if of == conv && now < at);
                if on != told_before {
                    typing = on.then(|| (conv, now + Duration::from_secs(3)));
                    drop(client.typing(conv, on).await);
                }
            }
            Effect::Load(..) | Effect::Quit => {}
        }
    }
}

/// Sends until it is known whether the message was taken; its name makes repeating harmless.
async fn send(client: &Client, outgoing: &Outgoing) -> Result<(), Error> {
    loop {
        match client.send(outgoing.conv, &outgoing.client_id, &outgoing.text).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_retryable() => tokio::time::sleep(Duration::from_secs(2)).await,
            Err(error) => return Err(error),
        }
    }
}

/// What a live event is to the screen.
pub(crate) fn ephemeral(event: &EphemeralEvent) -> Option<Event> {
    match *event {
        EphemeralEvent::Typing { conv, user, on, expires_in_ms } => {
            Some(Event::Typing { conv, user, on, seconds: expires_in_ms.div_ceil(1_000) })
        }
        _ => None,
    }
}

fn translate(event: crossterm::event::Event) -> Option<Event> {
    match event {
        crossterm::event::Event::Key(key) if key.kind != KeyEventKind::Release => Some(Event::Key(key)),
        crossterm::event::Event::Paste(text) => Some(Event::Paste(text.replace("\r\n", "\n").replace('\r', "\n"))),
        crossterm::event::Event::Resize(columns, rows) => Some(Event::Resized(columns, rows)),
        _ => None,
    }
}
