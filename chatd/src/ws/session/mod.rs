//! One socket, from `welcome` to its close: what comes in is carried out in order, what happens goes out in order.

mod requests;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chat_proto::ErrorCode;
use chat_proto::wire::{ClientFrame, ServerFrame};
use chatcore::{Actor, EventStream, Incoming};
use futures_util::stream::FuturesOrdered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use self::requests::Reply;
use super::handshake;
use super::outbox::{self, End, Socket, feed, feed_frame, flush, frame_error, refusal};
use super::seats::Seat;
use crate::app::App;
use crate::live::{self, Farewell, GOODBYE, HEARTBEAT, Turn, encode};
use crate::problem::Refused;

/// A peer of whom nothing was heard for so long, not even the pong to a ping, is gone.
const SILENCE: Duration = Duration::from_secs(75);
/// Requests of one socket that wait for their answer; beyond it nothing more is read from it.
const IN_FLIGHT: usize = 256;
/// Frames written before a flush, so that reading gets its turn.
const FRAMES_PER_FLUSH: usize = 256;
/// While there is always more to tell, the client is listened to once in so many turns.
const TURNS_UNHEARD: u32 = 8;
/// So many frames that are none are answered within a minute; one more ends the connection.
const BAD_FRAMES_A_MINUTE: u32 = 20;
/// The same for requests that a limit refuses. More than can wait for their answers at once: who has sent those could not
/// know yet.
const REFUSED_A_MINUTE: u32 = 300;
/// The same for what asks for nothing and is counted for nobody: pings and pongs of RFC 6455, `ping` and `presence`. Ten a
/// second is more than any device has to say.
const SIGNS_A_MINUTE: u32 = 600;

pub(super) async fn run(app: App, mut socket: Socket, mut seat: Seat) {
    // One that has not said who it is goes at once: it would not be told anything.
    let greeted = tokio::select! {
        greeted = handshake::greet(&app, &mut socket) => greeted,
        turn = app.drain.turn() => Err(Farewell::draining(turn).into()),
    };
    let end = match greeted {
        Ok((actor, stream)) => {
            seat.welcome();
            let mut session = Session::new(app, actor, stream);
            let end = session.converse(&mut socket).await;
            if matches!(end, End::Say(_)) {
                session.answer_the_rest(&mut socket).await;
            }
            end
        }
        Err(end) => end,
    };
    outbox::end(&mut socket, end).await;
}

/// An answer that waits for the disk.
type Pending = Pin<Box<dyn Future<Output = Reply> + Send>>;

struct Session {
    app: App,
    actor: Actor,
    stream: EventStream,
    pending: FuturesOrdered<Pending>,
    /// The `n` of the last `ev`.
    n: u64,
    last_out: Instant,
    last_in: Instant,
    /// When to look whether the peer still lives.
    check_at: Instant,
    expires_at: Option<Instant>,
    /// When to leave, since the server goes down.
    leaving: Option<Turn>,
    /// So many turns in a row something was told, and the client was not listened to.
    unheard: u32,
    bad_frames: PerMinute<BAD_FRAMES_A_MINUTE>,
    refused: PerMinute<REFUSED_A_MINUTE>,
    signs: PerMinute<SIGNS_A_MINUTE>,
}

/// Counts what is put up with so often within a minute.
pub(super) struct PerMinute<const MOST: u32> {
    count: u32,
    since: Instant,
}

impl<const MOST: u32> PerMinute<MOST> {
    pub(super) fn new(now: Instant) -> Self {
        Self { count: 0, since: now }
    }

    /// Once more; the end of the connection when that is once too often.
    pub(super) fn again(&mut self) -> Result<(), End> {
        if self.since.elapsed() > Duration::from_mins(1) {
            *self = Self::new(Instant::now());
        }
        self.count += 1;
        if self.count > MOST { Err(Farewell::because(ErrorCode::RateLimited).into()) } else { Ok(()) }
    }
}

impl Session {
    fn new(app: App, actor: Actor, stream: EventStream) -> Self {
        let now = Instant::now();
        Self {
            expires_at: live::expires_at(&app, &actor),
            leaving: None,
            app,
            actor,
            stream,
            pending: FuturesOrdered::new(),
            n: 0,
            last_out: now,
            last_in: now,
            check_at: now + HEARTBEAT,
            unheard: 0,
            bad_frames: PerMinute::new(now),
            refused: PerMinute::new(now),
            signs: PerMinute::new(now),
        }
    }

    async fn converse(&mut self, socket: &mut Socket) -> End {
        let app = self.app.clone();
        // These two last for many rounds: setting up a timer for each frame costs more than the frame.
        let mut turn_to_leave = std::pin::pin!(app.drain.turn());
        let mut alarm = std::pin::pin!(sleep_until(self.wake_at()));
        loop {
            // Receiving, the stream and the answers are all safe to cancel; sending is not, so it happens inside.
            // What is to be told comes first; `finish_turn` sees to it that the client is heard all the same.
            let turn = tokio::select! {
                biased;
                incoming = self.stream.next() => {
                    self.unheard += 1;
                    self.tell(socket, incoming).await
                }
                Some(answer) = self.pending.next(), if !self.pending.is_empty() => self.reply(socket, answer).await,
                frame = socket.next(), if self.pending.len() < IN_FLIGHT => self.hear(socket, frame).await,
                turn = &mut turn_to_leave, if self.leaving.is_none() => {
                    self.leaving = Some(turn);
                    alarm.as_mut().reset(self.wake_at());
                    Ok(())
                }
                () = &mut alarm => {
                    // It may have been set for a moment that was put off since.
                    let woken = if self.wake_at() <= Instant::now() { self.wake(socket).await } else { Ok(()) };
                    alarm.as_mut().reset(self.wake_at());
                    woken
                }
            };
            let turn = match turn {
                Ok(()) => self.finish_turn(socket).await,
                Err(end) => Err(end),
            };
            if let Err(end) = turn {
                return end;
            }
        }
    }

    /// Everything else that is ready goes into the same flush.
    async fn finish_turn(&mut self, socket: &mut Socket) -> Result<(), End> {
        for _ in 0..FRAMES_PER_FLUSH {
            let Some(incoming) = self.stream.try_next() else { break };
            self.pass_on(socket, incoming).await?;
        }
        while !self.pending.is_empty()
            && let Some(Some(answer)) = self.pending.next().now_or_never()
        {
            self.reply(socket, answer).await?;
        }
        if self.unheard >= TURNS_UNHEARD && self.pending.len() < IN_FLIGHT {
            self.unheard = 0;
            if let Some(frame) = socket.next().now_or_never() {
                self.hear(socket, frame).await?;
            }
        }
        flush(socket).await
    }

    /// What was taken in is answered before the farewell; nothing more is taken in.
    async fn answer_the_rest(&mut self, socket: &mut Socket) {
        let rest = async {
            while let Some(answer) = self.pending.next().await {
                self.reply(socket, answer).await?;
            }
            Ok::<_, End>(())
        };
        // Who takes nothing is told nothing more either.
        let _ = timeout(GOODBYE, rest).await;
    }

    async fn hear(&mut self, socket: &mut Socket, frame: Option<Result<Message, WsError>>) -> Result<(), End> {
        let message = match frame {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(violation(&error)),
            None => return Err(End::Gone),
        };
        self.last_in = Instant::now();
        match message {
            Message::Text(text) => match ClientFrame::parse(&text) {
                Ok(frame) => self.carry_out(socket, frame).await,
                Err(error) => self.bad_frame(socket, frame_error(error)).await,
            },
            Message::Binary(_) => {
                let refused = Refused::new(ErrorCode::Invalid, "Frames are text: one JSON object each.");
                self.bad_frame(socket, refusal(None, &refused)).await
            }
            Message::Close(_) => Err(End::Closed),
            // The library answers pings; pongs have told what they had to: that somebody is there.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => self.signs.again(),
        }
    }

    /// Answers what is no frame, up to a point.
    async fn bad_frame(&mut self, socket: &mut Socket, answer: ServerFrame) -> Result<(), End> {
        self.bad_frames.again()?;
        feed_frame(socket, &answer).await
    }

    async fn tell(&mut self, socket: &mut Socket, incoming: Option<chatcore::Result<Incoming>>) -> Result<(), End> {
        match incoming {
            Some(Ok(incoming)) => self.pass_on(socket, incoming).await,
            Some(Err(error)) => {
                Refused::from(&error).log("an event stream broke off");
                Err(Farewell::because(error.code()).into())
            }
            None => Err(Farewell::because(ErrorCode::TokenRevoked).into()),
        }
    }

    async fn pass_on(&mut self, socket: &mut Socket, incoming: Incoming) -> Result<(), End> {
        let text = match incoming {
            Incoming::Event(told) => {
                let Some(body) = encode::event(&told, |told| self.stream.cursor_of(told)) else {
                    return Ok(());
                };
                self.n += 1;
                encode::numbered(self.n, &body)
            }
            Incoming::Signal(signal) => {
                let Some(signal) = encode::signal(&signal) else {
                    return Ok(());
                };
                serde_json::to_string(&ServerFrame::Eph(signal)).unwrap_or_default()
            }
            Incoming::Reset => {
                let reason = live::TOO_OLD.to_owned();
                serde_json::to_string(&ServerFrame::Reset { reason }).unwrap_or_default()
            }
            Incoming::Live => {
                let c = self.stream.cursor().as_str().to_owned();
                serde_json::to_string(&ServerFrame::Live { c }).unwrap_or_default()
            }
            _ => return Ok(()),
        };
        self.last_out = Instant::now();
        feed(socket, text).await
    }

    fn wake_at(&self) -> Instant {
        let ends = [self.expires_at, self.leaving.map(|turn| turn.at)];
        ends.into_iter().flatten().fold(self.check_at.min(self.last_out + HEARTBEAT), Instant::min)
    }

    async fn wake(&mut self, socket: &mut Socket) -> Result<(), End> {
        let now = Instant::now();
        if self.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(Farewell::because(ErrorCode::TokenExpired).into());
        }
        if let Some(turn) = self.leaving.filter(|turn| turn.at <= now) {
            return Err(Farewell::draining(turn).into());
        }
        if self.check_at <= now {
            self.check_at = now + HEARTBEAT;
            let silent = now.duration_since(self.last_in);
            if silent >= SILENCE {
                return Err(Farewell::no_progress().into());
            }
            if silent >= HEARTBEAT {
                outbox::ping(socket).await?;
            }
        }
        if self.last_out + HEARTBEAT <= now {
            self.last_out = now;
            let c = self.stream.idle_cursor().unwrap_or_else(|| self.stream.cursor());
            feed_frame(socket, &ServerFrame::Ping { c: c.as_str().to_owned() }).await?;
        }
        Ok(())
    }
}

/// What breaks RFC 6455 itself ends the connection with that standard's own code.
pub(super) fn violation(error: &WsError) -> End {
    let (code, reason) = match error {
        WsError::Capacity(CapacityError::MessageTooLong { .. }) => (1009, ErrorCode::TooLarge),
        WsError::Utf8(_) => (1007, ErrorCode::Invalid),
        WsError::Protocol(_) => (1002, ErrorCode::Invalid),
        _ => return End::Gone,
    };
    End::Violation { code, reason }
}
