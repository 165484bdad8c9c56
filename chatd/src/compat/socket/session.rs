//! One person in one namespace: from being let in until they go, or have to.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chat_proto::ErrorCode;
use chatcore::{Actor, EventStream};
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tokio::time::{Instant, sleep_until, timeout};

use super::connection::{Gone, Link, refusal};
use super::dialect::Spoken;
use super::greeting::{self, Guest, greet};
use super::inbox::Mail;
use super::packet;
use super::requests::Answer;
use super::telling::Around;
use crate::compat::caller;
use crate::extract;
use crate::live::{self, Turn};
use crate::problem::Refused;

/// Requests of one client that wait for their answers; beyond it nothing more is looked at.
const IN_FLIGHT: usize = 256;
/// So many refusals are answered within a minute; one more ends the connection.
const REFUSED_A_MINUTE: u32 = 300;

/// Why somebody is no longer in a namespace.
#[derive(Debug)]
pub(super) enum End {
    /// They left, or are gone.
    Left,
    /// They are nobody any more: they are told, and do not come back by themselves.
    SignedOut(ErrorCode),
    /// The connection ends; their program comes back by itself.
    Reconnect,
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Left
    }
}

/// An answer that waits for the disk.
pub(super) type Pending = Pin<Box<dyn Future<Output = Answer> + Send>>;

pub(super) struct Session {
    pub(super) link: Link,
    pub(super) actor: Actor,
    pub(super) stream: EventStream,
    pub(super) spoken: Spoken,
    pub(super) around: Around,
    pub(super) pending: FuturesOrdered<Pending>,
    expires_at: Option<Instant>,
    /// When to leave, since the server goes down.
    leaving: Option<Turn>,
    refused: u32,
    refused_since: Instant,
}

/// Lets somebody into a namespace, or says why not.
pub(super) async fn run(link: Link, auth: String, mut mail: Mail) {
    let greeted = tokio::select! {
        greeted = greet(&link.app, &auth, &link.socket.req_parts) => greeted,
        () = link.socket.closed() => return,
    };
    // It is not needed any more, and is a secret.
    drop(auth);
    let guest = match greeted {
        Ok(guest) => guest,
        Err(refused) => {
            refused.log("a client of Socket.IO was not let in");
            link.leave(link.namespace);
            let _ = link.emit(packet::connect_error(link.namespace, &refused)).await;
            return;
        }
    };
    let mut session = Session::new(link, guest);
    let end = match session.welcome().await {
        Ok(()) => session.converse(&mut mail).await,
        Err(end) => end,
    };
    session.end(end).await;
}

impl Session {
    fn new(link: Link, guest: Guest) -> Self {
        let Guest { actor, stream, me } = guest;
        let spoken = Spoken::at_first(link.namespace, greeting::dialect(&link.socket.req_parts));
        let around = Around::new(&me);
        Self {
            expires_at: live::expires_at(&link.app, &actor),
            leaving: None,
            refused: 0,
            refused_since: Instant::now(),
            pending: FuturesOrdered::new(),
            link,
            actor,
            stream,
            spoken,
            around,
        }
    }

    /// Under an id of its own: that of the connection is a secret between the two.
    async fn welcome(&mut self) -> Result<(), End> {
        let mut random = [0; 15];
        self.link.app.entropy.fill(&mut random);
        let id = data_encoding::BASE64URL_NOPAD.encode(&random);
        self.link.welcome();
        self.link.emit(packet::connected(self.link.namespace, &id)).await?;
        self.say_hello().await
    }

    async fn converse(&mut self, mail: &mut Mail) -> End {
        let Link { app, socket, .. } = self.link.clone();
        let mut turn_to_leave = std::pin::pin!(app.drain.turn());
        let mut alarm = std::pin::pin!(sleep_until(self.wake_at()));
        let mut closed = std::pin::pin!(socket.closed());
        loop {
            let turn = tokio::select! {
                incoming = self.stream.next() => self.tell(incoming).await,
                Some(answer) = self.pending.next(), if !self.pending.is_empty() => self.answer(answer).await,
                heard = mail.next(), if self.pending.len() < IN_FLIGHT => match heard {
                    Some(heard) => {
                        let before = self.expires_at;
                        let heard = self.hear(heard).await;
                        if self.expires_at != before {
                            alarm.as_mut().reset(self.wake_at());
                        }
                        heard
                    }
                    None => Err(End::Left),
                },
                turn = &mut turn_to_leave, if self.leaving.is_none() => {
                    self.leaving = Some(turn);
                    alarm.as_mut().reset(self.wake_at());
                    Ok(())
                }
                () = &mut alarm => {
                    let woken = self.wake();
                    alarm.as_mut().reset(self.wake_at());
                    woken
                }
                () = &mut closed => Err(End::Left),
            };
            if let Err(end) = turn {
                return end;
            }
        }
    }

    /// When there is something to be looked at without anybody's asking.
    fn wake_at(&self) -> Instant {
        const NOTHING: Duration = Duration::from_hours(24);
        let ends = [self.expires_at, self.leaving.map(|turn| turn.at)];
        ends.into_iter().flatten().fold(Instant::now() + NOTHING, Instant::min)
    }

    fn wake(&self) -> Result<(), End> {
        let now = Instant::now();
        if self.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(End::SignedOut(ErrorCode::TokenExpired));
        }
        if self.leaving.is_some_and(|turn| turn.at <= now) {
            return Err(End::Reconnect);
        }
        Ok(())
    }

    /// From here on it lasts as long as this token.
    pub(super) async fn renew(&mut self, token: &str) -> Result<(), Refused> {
        let origin = extract::origin(&self.link.socket.req_parts);
        let actor = caller::actor(&self.link.app, token, origin).await?;
        self.stream.renew(&actor).await?;
        self.expires_at = live::expires_at(&self.link.app, &actor);
        self.actor = actor;
        Ok(())
    }

    /// Refuses an event; too many refusals end the connection.
    pub(super) async fn refuse(&mut self, ack: Option<u64>, of: Option<&str>, refused: &Refused) -> Result<(), End> {
        refused.log("an event could not be carried out");
        if self.refused_since.elapsed() > Duration::from_mins(1) {
            (self.refused, self.refused_since) = (0, Instant::now());
        }
        self.refused += 1;
        if self.refused > REFUSED_A_MINUTE {
            return Err(End::Reconnect);
        }
        Ok(self.link.emit(refusal(self.link.namespace, ack, of, refused)).await?)
    }

    /// What was taken in is answered before.
    async fn end(mut self, end: End) {
        if matches!(end, End::Left) {
            return self.link.close_if_empty();
        }
        let rest = async {
            while let Some(answer) = self.pending.next().await {
                self.answer(answer).await?;
            }
            Ok::<_, End>(())
        };
        let _ = timeout(live::GOODBYE, rest).await;
        let Self { link, stream, .. } = self;
        // They are not there any more.
        drop(stream);
        link.leave(link.namespace);
        if let End::SignedOut(code) = end {
            let _ = timeout(live::GOODBYE, see_out(&link, code)).await;
        }
        link.close();
    }
}

/// Says why somebody has to go, and waits for their program to go: one that polls hears of it at its next request.
async fn see_out(link: &Link, code: ErrorCode) -> Result<(), Gone> {
    let detail = match code {
        ErrorCode::TokenExpired => "This token's time is over. Sign in again.",
        _ => "The session has ended.",
    };
    link.emit(refusal(link.namespace, None, None, &Refused::new(code, detail))).await?;
    link.emit(packet::disconnected(link.namespace)).await?;
    link.socket.closed().await;
    Ok(())
}
