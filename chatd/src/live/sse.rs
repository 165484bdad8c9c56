//! Events over plain HTTP, as [server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html):
//! the frames of the WebSocket, one way.
//!
//! No task and no queue of its own: the connection asks for the next part when it has room, and until then the events
//! wait in the mailbox, or in the log. A peer that takes nothing is the [`listener`](crate::listener)'s to close.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use chat_proto::ErrorCode;
use chat_proto::wire::{ServerFrame, Welcome};
use chatcore::{Actor, EventStream, Incoming};
use futures_util::stream;
use http::{HeaderName, HeaderValue, header};
use tokio::time::{Instant, sleep_until};

use super::{Farewell, HEARTBEAT, Opened, Place, TOO_OLD, Turn, encode, expires_at};
use crate::app::App;
use crate::problem::Refused;

/// A reader whose connection breaks is to come back after so many milliseconds.
const RETRY_MS: u64 = 1_000;
/// What is ready is written at once up to this; a single event may be larger.
const PART_BYTES: usize = 16 << 10;

/// The answer that tells everything from here on.
pub(crate) fn answer(app: App, place: Place, actor: &Actor, welcome: Welcome, opened: Opened) -> Response {
    let telling = Telling::new(app, place, actor, welcome, opened);
    let parts = stream::unfold(telling, async |mut telling| {
        let part = telling.part().await?;
        Some((Ok::<_, Infallible>(Bytes::from(part)), telling))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx holds answers back until it has a buffer full of them, unless it is told.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(parts)).into_response()
}

struct Telling {
    app: App,
    stream: EventStream,
    /// Said before anything else.
    greeting: Option<String>,
    /// The `n` of the last `ev`.
    n: u64,
    last_out: Instant,
    expires_at: Option<Instant>,
    /// When to leave, since the server goes down.
    leaving: Option<Turn>,
    over: bool,
    _place: Place,
}

impl Telling {
    fn new(app: App, place: Place, actor: &Actor, welcome: Welcome, opened: Opened) -> Self {
        Self {
            greeting: Some(greeting(welcome, opened.reset)),
            expires_at: expires_at(&app, actor),
            app,
            stream: opened.stream,
            n: 0,
            last_out: Instant::now(),
            leaving: None,
            over: false,
            _place: place,
        }
    }

    /// Everything that is ready, after waiting until there is something; `None` after the farewell.
    async fn part(&mut self) -> Option<String> {
        if self.over {
            return None;
        }
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        let mut part = String::new();
        while part.is_empty() {
            let wake_at = self.wake_at();
            tokio::select! {
                incoming = self.stream.next() => self.tell(&mut part, incoming),
                () = sleep_until(wake_at) => self.wake(&mut part),
                turn = self.app.drain.turn(), if self.leaving.is_none() => self.leaving = Some(turn),
            }
        }
        while !self.over
            && part.len() < PART_BYTES
            && let Some(incoming) = self.stream.try_next()
        {
            self.pass_on(&mut part, incoming);
        }
        self.last_out = Instant::now();
        Some(part)
    }

    fn tell(&mut self, part: &mut String, incoming: Option<chatcore::Result<Incoming>>) {
        match incoming {
            Some(Ok(incoming)) => self.pass_on(part, incoming),
            Some(Err(error)) => {
                Refused::from(&error).log("an event stream broke off");
                self.end(part, Farewell::because(error.code()));
            }
            None => self.end(part, Farewell::because(ErrorCode::TokenRevoked)),
        }
    }

    fn pass_on(&mut self, part: &mut String, incoming: Incoming) {
        match incoming {
            Incoming::Event(told) => {
                let Some(body) = encode::event(&told, |told| self.stream.cursor_of(told)) else { return };
                self.n += 1;
                write(part, "ev", encode::cursor_in(&body), &encode::numbered(self.n, &body));
            }
            Incoming::Signal(signal) => {
                let Some(signal) = encode::signal(&signal) else { return };
                write_frame(part, "eph", None, &ServerFrame::Eph(signal));
            }
            Incoming::Live => {
                let c = self.stream.cursor();
                write_frame(part, "live", Some(c.as_str()), &ServerFrame::Live { c: c.as_str().to_owned() });
            }
            Incoming::Reset => {
                let reason = TOO_OLD.to_owned();
                write_frame(part, "reset", Some(self.stream.cursor().as_str()), &ServerFrame::Reset { reason });
            }
            _ => {}
        }
    }

    fn wake_at(&self) -> Instant {
        let ends = [self.expires_at, self.leaving.map(|turn| turn.at)];
        ends.into_iter().flatten().fold(self.last_out + HEARTBEAT, Instant::min)
    }

    fn wake(&mut self, part: &mut String) {
        let now = Instant::now();
        if let Some(turn) = self.leaving.filter(|turn| turn.at <= now) {
            return self.end(part, Farewell::draining(turn));
        }
        if self.expires_at.is_some_and(|expires_at| expires_at <= now) {
            self.end(part, Farewell::because(ErrorCode::TokenExpired));
        } else if self.last_out + HEARTBEAT <= now {
            let c = self.stream.idle_cursor().unwrap_or_else(|| self.stream.cursor());
            write_frame(part, "ping", Some(c.as_str()), &ServerFrame::Ping { c: c.as_str().to_owned() });
        }
    }

    fn end(&mut self, part: &mut String, farewell: Farewell) {
        let bye = farewell.frame();
        if bye.reconnect {
            write_retry(part, bye.after_ms);
        }
        write_frame(part, "bye", None, &ServerFrame::Bye(bye));
        self.over = true;
    }
}

/// `welcome`, and `reset` when it has to be. The new cursor comes with the last of the two: a reader that has it knows
/// that it has to start over, and does not come back with it otherwise.
fn greeting(welcome: Welcome, reset: Option<String>) -> String {
    let mut text = String::new();
    write_retry(&mut text, RETRY_MS);
    let cursor = welcome.cursor.clone();
    let id = Some(cursor.as_str());
    write_frame(&mut text, "welcome", id.filter(|_| reset.is_none()), &ServerFrame::Welcome(welcome));
    if let Some(reason) = reset {
        write_frame(&mut text, "reset", id, &ServerFrame::Reset { reason });
    }
    text
}

fn write_retry(out: &mut String, ms: u64) {
    out.push_str("retry: ");
    out.push_str(&ms.to_string());
    out.push('\n');
}

fn write_frame(out: &mut String, name: &str, id: Option<&str>, frame: &ServerFrame) {
    match serde_json::to_string(frame) {
        Ok(json) => write(out, name, id, &json),
        Err(error) => tracing::error!(%error, "a frame could not be encoded"),
    }
}

/// An event. JSON has no line break in it, nor has a cursor.
fn write(out: &mut String, name: &str, id: Option<&str>, data: &str) {
    if let Some(id) = id {
        out.push_str("id: ");
        out.push_str(id);
        out.push('\n');
    }
    out.push_str("event: ");
    out.push_str(name);
    out.push_str("\ndata: ");
    out.push_str(data);
    out.push_str("\n\n");
}
