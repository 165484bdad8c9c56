//! Live events, apart from the door through which somebody follows them.

mod drain;
pub(crate) mod encode;
mod farewell;
pub(crate) mod poll;
pub(crate) mod sse;

use std::time::Duration;

use chat_proto::SessionId;
use chat_proto::model::{Cursor, User};
use chat_proto::wire::{Renewed, Welcome};
use chatcore::{Actor, EventStream};
use serde::Serialize;
use tokio::time::Instant;

pub(crate) use self::drain::{Drain, Place, Turn};
pub(crate) use self::farewell::Farewell;
use crate::app::App;
use crate::rest::server::limits;

/// After so long a silence of ours, `ping` says that we are there and moves the client's cursor.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(25);

/// How somebody follows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Door {
    /// Over a connection that stays, so that they are there as long as it is.
    Connection,
    /// By asking again and again.
    Poll,
}

impl Door {
    async fn follow(self, actor: &Actor, after: Option<&Cursor>) -> chatcore::Result<EventStream> {
        match (self, after) {
            (Self::Connection, None) => actor.events().await,
            (Self::Connection, Some(cursor)) => actor.events_after(cursor).await,
            (Self::Poll, after) => actor.events_unseen(after).await,
        }
    }
}

/// A peer that lost its connection to a restart or a fault of ours is to come back after this.
const AFTER_A_FAULT: Duration = Duration::from_secs(1);
/// Saying goodbye takes no longer than this.
pub(crate) const GOODBYE: Duration = Duration::from_secs(2);

/// Events that somebody has begun to follow.
pub(crate) struct Opened {
    pub(crate) stream: EventStream,
    /// Whether they go on from the cursor that was given.
    pub(crate) resumed: bool,
    /// Why that cursor cannot be followed; then they go on from now.
    pub(crate) reset: Option<String>,
}

/// Follows what happens after the cursor, or from now on.
pub(crate) async fn open(actor: &Actor, cursor: Option<&Cursor>, door: Door) -> chatcore::Result<Opened> {
    match door.follow(actor, cursor).await {
        Ok(stream) => Ok(Opened { stream, resumed: cursor.is_some(), reset: None }),
        Err(error) if error.is_reset() => {
            let reset = Some(error.detail().to_owned());
            Ok(Opened { stream: door.follow(actor, None).await?, resumed: false, reset })
        }
        Err(error) => Err(error),
    }
}

/// Why a cursor that was followed cannot be followed any more: the log does not hold what comes after it.
pub(crate) const TOO_OLD: &str = "too_old";

/// What is said first to who follows.
pub(crate) fn welcome(app: &App, actor: &Actor, user: User, opened: &Opened) -> Welcome {
    let Renewed { session, expires_in } = renewed(app, actor);
    Welcome {
        session,
        user,
        epoch: format!("{:016x}", app.chat.epoch()),
        cursor: opened.stream.cursor().as_str().to_owned(),
        resumed: opened.resumed,
        heartbeat_s: HEARTBEAT.as_secs(),
        expires_in,
        limits: limits(app),
    }
}

/// What does not end by itself is said to end in ten years: a number that every program can hold.
const FOR_EVER: Duration = Duration::from_hours(10 * 365 * 24);

/// In which session somebody follows, and for how long.
pub(crate) fn renewed(app: &App, actor: &Actor) -> Renewed {
    Renewed {
        session: actor.session_id().unwrap_or(SessionId::from_bytes([0; 16])),
        expires_in: expires_in(app, actor).unwrap_or(FOR_EVER).as_secs(),
    }
}

/// How long the token that was shown is still good; none when the embedding program vouches for the person.
fn expires_in(app: &App, actor: &Actor) -> Option<Duration> {
    let left = actor.expires_at()?.as_millis() - app.chat.now().as_millis();
    Some(Duration::from_millis(left.try_into().unwrap_or(0)))
}

/// When that is over.
pub(crate) fn expires_at(app: &App, actor: &Actor) -> Option<Instant> {
    Instant::now().checked_add(expires_in(app, actor)?)
}

/// As JSON, in a buffer that begins with so many bytes and need not grow while it is written.
pub(crate) fn json<T: Serialize>(value: &T, bytes: usize) -> Option<String> {
    let mut text = Vec::with_capacity(bytes);
    serde_json::to_writer(&mut text, value).ok()?;
    String::from_utf8(text).ok()
}
