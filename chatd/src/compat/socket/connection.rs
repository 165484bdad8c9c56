//! One connection of Engine.IO, over whichever transport: who waits to say who they are, and the namespaces that it is in.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chat_proto::ErrorCode;
use engineioxide::handler::EngineIoHandler;
use engineioxide::{DisconnectReason, Socket, Str};
use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::inbox::{Heard, Inbox, Mail, inbox};
use super::packet::{self, Packet};
use super::session;
use crate::app::App;
use crate::listener::NO_PROGRESS;
use crate::live::{GOODBYE, Place};
use crate::problem::Refused;
use crate::ws::Seat;

/// The namespaces that there are.
const NAMESPACES: [&str; 2] = ["/", super::dialect::CHAT_NAMESPACE];
/// Who is not in a namespace by then has said nothing worth waiting for.
const FIRST_WORD: Duration = Duration::from_secs(10);
/// A stranger says no more than this at once.
const BEFORE_WELCOME_BYTES: usize = 8 << 10;
/// So often a connection may try to get into a namespace.
const MOST_TRIES: u32 = 10;
/// So many packets that nobody has room for are refused; then the connection ends.
const MOST_OVERFLOWS: u32 = 300;
/// How long to wait for room in what is to be sent. A client that polls takes it at its next request.
const ROOM_EVERY: Duration = Duration::from_millis(20);

/// Hears everything that comes over Engine.IO.
pub(super) struct Connections {
    app: App,
}

/// What one connection holds.
#[derive(Default)]
pub(super) struct Connection(Mutex<State>);

#[derive(Default)]
struct State {
    /// Counted while it is open: among the sockets, and among what ends one by one when the server goes down.
    held: Option<(Seat, Place)>,
    inside: Vec<Inside>,
    welcomed: CancellationToken,
    tries: u32,
    overflows: u32,
    closed: bool,
}

/// A namespace that somebody is in, or wants into.
struct Inside {
    namespace: &'static str,
    inbox: Inbox,
    welcome: bool,
}

/// A place among the sockets, on its way from the request to the connection; in the request's extensions, which can be
/// cloned. Nobody takes it when no connection comes of the request.
#[derive(Clone, Debug)]
pub(super) struct Arriving(Arc<Mutex<Option<(Seat, Place)>>>);

impl Arriving {
    pub(super) fn new(seat: Seat, place: Place) -> Self {
        Self(Arc::new(Mutex::new(Some((seat, place)))))
    }

    fn take(&self) -> Option<(Seat, Place)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Connections {
    pub(super) fn new(app: App) -> Self {
        Self { app }
    }

    fn link(&self, socket: Arc<Socket<Connection>>) -> Link {
        Link { app: self.app.clone(), socket, namespace: "/" }
    }

    fn connect(&self, link: Link, namespace: &str, auth: &str, bytes: usize) {
        let tries = {
            let mut state = link.state();
            state.tries += 1;
            state.tries
        };
        if tries > MOST_TRIES {
            return link.close();
        }
        let refuse = |code, detail: &'static str| {
            link.try_emit(packet::connect_error(namespace, &Refused::new(code, detail)));
        };
        let Some(namespace) = NAMESPACES.into_iter().find(|known| *known == namespace) else {
            return refuse(ErrorCode::NotFound, "Invalid namespace");
        };
        if bytes > BEFORE_WELCOME_BYTES {
            return refuse(ErrorCode::TooLarge, "What is shown to connect is too long.");
        }
        let Some(mail) = link.enter(namespace) else { return };
        let run = session::run(Link { namespace, ..link }, auth.to_owned(), mail);
        self.app.config.tasks.spawn(run);
    }

    fn hear(link: &Link, namespace: &str, heard: Heard) {
        let mut state = link.state();
        let inside = state.inside.iter().find(|inside| inside.namespace == namespace && inside.welcome);
        let Some(inside) = inside else {
            drop(state);
            // Whoever speaks before they are let in is none of ours.
            return link.close();
        };
        let (namespace, Err(heard)) = (inside.namespace, inside.inbox.put(heard)) else { return };
        state.overflows += 1;
        let too_often = state.overflows > MOST_OVERFLOWS;
        drop(state);
        if too_often {
            return link.close();
        }
        let refused = Refused::new(ErrorCode::RateLimited, "Too much at once: wait for answers.");
        link.try_emit(refusal(namespace, heard.ack(), None, &refused));
    }
}

impl EngineIoHandler for Connections {
    type Data = Connection;

    fn on_connect(self: Arc<Self>, socket: Arc<Socket<Connection>>) {
        let link = self.link(socket);
        let held = link.socket.req_parts.extensions.get().and_then(Arriving::take);
        let welcomed = {
            let mut state = link.state();
            state.held = held;
            state.welcomed.clone()
        };
        self.app.config.tasks.spawn(async move {
            tokio::select! {
                () = welcomed.cancelled() => return,
                () = link.socket.closed() => return,
                () = sleep(FIRST_WORD) => {}
                // They would not be told anything any more.
                _ = link.app.drain.turn() => {}
            }
            link.close();
        });
    }

    fn on_disconnect(&self, socket: Arc<Socket<Connection>>, _: DisconnectReason) {
        drop(self.link(socket).take());
    }

    fn on_message(self: &Arc<Self>, text: Str, socket: Arc<Socket<Connection>>) {
        let link = self.link(socket);
        match Packet::parse(&text) {
            Some(Packet::Connect { namespace, auth }) => self.connect(link, namespace, auth, text.len()),
            Some(Packet::Disconnect { namespace }) => link.leave(namespace),
            Some(Packet::Event { namespace, ack, json }) => {
                Self::hear(&link, namespace, Heard::Event { ack, json: json.to_owned() });
            }
            Some(Packet::Binary { namespace, ack }) => Self::hear(&link, namespace, Heard::Binary { ack }),
            Some(Packet::Answer) => {}
            None => {
                let namespace = link.state().inside.first().map_or("/", |inside| inside.namespace);
                Self::hear(&link, namespace, Heard::Malformed);
            }
        }
    }

    /// What a refused event had attached to it, or nothing that anybody asked for.
    fn on_binary(self: &Arc<Self>, _: Bytes, socket: Arc<Socket<Connection>>) {
        let link = self.link(socket);
        if link.state().inside.is_empty() {
            link.close();
        }
    }
}

/// The way back to one client.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) app: App,
    pub(super) socket: Arc<Socket<Connection>>,
    pub(super) namespace: &'static str,
}

/// The client is gone, or takes nothing.
#[derive(Debug)]
pub(super) struct Gone;

impl Link {
    /// Sends a packet, and waits while the client takes nothing. One place is always left for the heartbeat, which would
    /// end the connection otherwise.
    pub(super) async fn emit(&self, packet: String) -> Result<(), Gone> {
        let Err(mut packet) = self.put(packet) else { return Ok(()) };
        let began = Instant::now();
        while !self.socket.is_closed() {
            let patience = if self.app.drain.has_begun() { GOODBYE } else { NO_PROGRESS };
            if began.elapsed() > patience {
                self.close();
                break;
            }
            sleep(ROOM_EVERY).await;
            match self.put(packet) {
                Ok(()) => return Ok(()),
                Err(back) => packet = back,
            }
        }
        Err(Gone)
    }

    /// Sends a packet if there is room for it.
    fn try_emit(&self, packet: String) {
        let _ = self.put(packet);
    }

    fn put(&self, packet: String) -> Result<(), String> {
        match (self.socket.reserve(), self.socket.reserve()) {
            (Ok(place), Ok(_left)) => {
                place.emit(packet.into());
                Ok(())
            }
            _ => Err(packet),
        }
    }

    /// It is known who this is.
    pub(super) fn welcome(&self) {
        let mut state = self.state();
        state.welcomed.cancel();
        for inside in state.inside.iter_mut().filter(|inside| inside.namespace == self.namespace) {
            inside.welcome = true;
        }
        if let Some((seat, _)) = &mut state.held {
            seat.welcome();
        }
    }

    /// Somebody wants into this namespace. `None`: they are, or want to be, already.
    fn enter(&self, namespace: &'static str) -> Option<Mail> {
        let mut state = self.state();
        if state.closed || state.inside.iter().any(|inside| inside.namespace == namespace) {
            return None;
        }
        let (inbox, mail) = inbox();
        state.inside.push(Inside { namespace, inbox, welcome: false });
        Some(mail)
    }

    /// This namespace is left.
    pub(super) fn leave(&self, namespace: &str) {
        self.state().inside.retain(|inside| inside.namespace != namespace);
    }

    /// Ends the connection of somebody who has left the last namespace that they were in: it would only take a place.
    pub(super) fn close_if_empty(&self) {
        if self.state().inside.is_empty() {
            self.close();
        }
    }

    /// Ends the connection. Clients of Socket.IO come back by themselves.
    pub(super) fn close(&self) {
        self.socket.close(DisconnectReason::ClosingServer);
    }

    fn take(&self) -> State {
        let closed = State { closed: true, ..State::default() };
        std::mem::replace(&mut *self.state(), closed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.socket.data.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses an event: in the answer if one is waited for, else with the event `error`.
pub(super) fn refusal(namespace: &str, ack: Option<u64>, of: Option<&str>, refused: &Refused) -> String {
    let body = json!({
        "error": refused.detail,
        "message": refused.detail,
        "code": refused.code,
        "status": refused.code.status(),
        "event": of,
        "retryAfterMs": refused.retry_after_ms(),
    });
    match ack {
        Some(ack) => packet::answer(namespace, ack, &body),
        None => packet::event(namespace, "error", &body),
    }
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connections")
    }
}
