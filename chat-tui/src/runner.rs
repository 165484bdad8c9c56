//! Carries the pure part: keys in, effects out, and a screen when something changed.

use std::collections::VecDeque;
use std::io::stdout;
use std::time::Duration;

use chat_client::{Client, FollowOptions, SignIn, Watch, WatchOptions};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste, EventStream, KeyEventKind};
use crossterm::execute;
use futures_util::StreamExt as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::draw::draw;
use crate::state::State;
use crate::update::{Effect, Event, update};

/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

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
pub(crate) async fn run(client: &Client, sign_in: SignIn, mut state: State) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut watch = client.watch(WatchOptions::new().follow(FollowOptions::new().token_source(sign_in)));
    let mut screen = Screen::open()?;
    let size = screen.0.size()?;
    update(&mut state, Event::Resized(size.width, size.height));
    let mut keys = EventStream::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut watching = true;
    loop {
        screen.0.draw(|frame| draw(&state, frame))?;
        let mut events: VecDeque<Event> = tokio::select! {
            key = keys.next() => match key {
                Some(key) => translate(key?).into_iter().collect(),
                None => break,
            },
            diffs = watch.next(), if watching => {
                watching = diffs.is_some();
                diffs.into_iter().flatten().map(Event::Diff).collect()
            }
            _ = ticks.tick(), if state.wants_ticks() => VecDeque::from([Event::Tick]),
            _ = terminate.recv() => break,
        };
        while let Some(event) = events.pop_front() {
            for effect in update(&mut state, event) {
                match effect {
                    Effect::Quit => {
                        goodbye(&watch).await;
                        return Ok(());
                    }
                    effect => events.extend(carry_out(&mut watch, effect)),
                }
            }
        }
    }
    goodbye(&watch).await;
    Ok(())
}

/// Passes a wish on. Nothing here waits: what becomes of it is told by diffs.
fn carry_out(watch: &mut Watch, effect: Effect) -> Option<Event> {
    match effect {
        Effect::Open(conv) => watch.open(conv),
        Effect::Older(conv) => watch.older(conv),
        Effect::Send(conv, text) => {
            let why = watch.send(conv, &text).err()?.to_string();
            return Some(Event::NotSent { conv, text, why });
        }
        Effect::Read(conv, seq) => watch.read(conv, seq),
        Effect::Typing(conv, on) => watch.typing(conv, on),
        Effect::Quit => {}
    }
    None
}

/// Closes the connection; a server that does not answer is not waited for.
async fn goodbye(watch: &Watch) {
    let _ = tokio::time::timeout(GOODBYE, watch.close()).await;
}

fn translate(event: crossterm::event::Event) -> Option<Event> {
    match event {
        crossterm::event::Event::Key(key) if key.kind != KeyEventKind::Release => Some(Event::Key(key)),
        crossterm::event::Event::Paste(text) => Some(Event::Paste(text.replace("\r\n", "\n").replace('\r', "\n"))),
        crossterm::event::Event::Resize(columns, rows) => Some(Event::Resized(columns, rows)),
        _ => None,
    }
}
