use std::time::Duration;

use chat_proto::model::Cursor;
use chat_proto::wire::{Event, ServerFrame};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use super::sender::Shared;
use super::{Closed, HEARTBEAT_GRACE, LiveChange, LiveEvent, STALL, frame};
use crate::connector::Stream;

pub(super) type Socket = WebSocketStream<Stream>;

/// How long a connection that cannot be written to is still read, for the server's last words.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);
/// A sign of life that is answered with one.
const PING: &str = r#"{"t":"ping"}"#;
/// How long the server may take for its half of the closing.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// The task's own ends of the queues.
pub(super) struct Queues {
    pub(super) frames: mpsc::Receiver<String>,
    pub(super) events: mpsc::Sender<LiveEvent>,
}

/// Owns the socket until it ends. Reading and writing never wait for each other, so that a server which does
/// not read while it writes cannot block both sides.
pub(super) async fn run(socket: Socket, queues: Queues, shared: &Shared, heartbeat: Duration) {
    let Queues { mut frames, events } = queues;
    let (mut sink, mut stream) = socket.split();
    let closed = tokio::select! {
        biased;
        () = shared.leave.cancelled() => Closed::Left,
        closed = read(&mut stream, &events, shared, heartbeat) => closed,
        closed = write(&mut sink, &mut frames, &events, shared) => closed,
    };
    // In this order: whoever finds a queue closed or an answer abandoned also finds the reason.
    let _ = shared.ended.set(closed);
    drop(frames);
    shared.pending.abandon();
    drop(events);
    let _ = timeout(CLOSE_WITHIN, sink.close()).await;
}

async fn write(
    sink: &mut SplitSink<Socket, Message>,
    frames: &mut mpsc::Receiver<String>,
    events: &mpsc::Sender<LiveEvent>,
    shared: &Shared,
) -> Closed {
    let mut asking = true;
    loop {
        let json = tokio::select! {
            json = frames.recv(), if asking => match json {
                Some(json) => json,
                None => {
                    // Nobody asks any more; go on for as long as somebody listens.
                    asking = false;
                    continue;
                }
            },
            () = events.closed(), if !asking => return Closed::Left,
            () = shared.ping.notified() => PING.to_owned(),
        };
        let why = match timeout(STALL, sink.send(Message::text(json))).await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the server takes no frames".to_owned(),
        };
        tokio::time::sleep(LAST_WORDS).await;
        return Closed::Lost(why);
    }
}

async fn read(
    stream: &mut SplitStream<Socket>,
    events: &mpsc::Sender<LiveEvent>,
    shared: &Shared,
    heartbeat: Duration,
) -> Closed {
    let mut inbound = Inbound { events, shared, next_n: 1 };
    loop {
        let message = match hear(stream, shared, heartbeat).await {
            Some(Some(Ok(message))) => message,
            Some(Some(Err(error))) => return Closed::from_socket(&error),
            Some(None) => return Closed::Lost("ended without a close".to_owned()),
            None => return Closed::Silent,
        };
        let frame = match message {
            Message::Text(text) => frame::parse(&text),
            Message::Binary(_) => Err("a binary frame".to_owned()),
            Message::Close(close) => return Closed::from_close(close),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        };
        let taken = match frame {
            Ok(Some(frame)) => inbound.take(frame).await,
            Ok(None) => Ok(()),
            Err(what) => Err(Closed::Protocol(what)),
        };
        if let Err(closed) = taken {
            return closed;
        }
    }
}

/// The next thing that the server says; `None` when it says nothing, not even when it is asked.
async fn hear(
    stream: &mut SplitStream<Socket>,
    shared: &Shared,
    heartbeat: Duration,
) -> Option<Option<Result<Message, SocketError>>> {
    // The server's own ping is due after `heartbeat`, so we only ask when that is late.
    if let Ok(heard) = timeout(heartbeat + HEARTBEAT_GRACE / 2, stream.next()).await {
        return Some(heard);
    }
    shared.ping.notify_one();
    timeout(HEARTBEAT_GRACE / 2, stream.next()).await.ok()
}

/// Where frames go.
struct Inbound<'a> {
    events: &'a mpsc::Sender<LiveEvent>,
    shared: &'a Shared,
    /// The `n` that the next event must have.
    next_n: u64,
}

impl Inbound<'_> {
    async fn take(&mut self, frame: ServerFrame) -> Result<(), Closed> {
        match frame {
            ServerFrame::Ev(event) => self.change(event).await,
            ServerFrame::Live { c } => self.deliver(LiveEvent::Live(Cursor::from_text(c))).await,
            ServerFrame::Reset { reason } => self.deliver(LiveEvent::Reset(reason)).await,
            ServerFrame::Eph(event) => {
                self.offer(LiveEvent::Ephemeral(event));
                Ok(())
            }
            ServerFrame::Ping { c } => {
                self.offer(LiveEvent::Ping(Cursor::from_text(c)));
                Ok(())
            }
            ServerFrame::Ok(ok) => {
                self.shared.pending.resolve(ok.re, Ok(ok.d));
                Ok(())
            }
            ServerFrame::Err(err) => {
                match err.re {
                    Some(re) => self.shared.pending.resolve(re, Err(err)),
                    None => self.offer(LiveEvent::Refused(err)),
                }
                Ok(())
            }
            ServerFrame::Bye(bye) => Err(Closed::Bye(bye)),
            ServerFrame::Welcome(_) => Err(Closed::Protocol("a second welcome".to_owned())),
        }
    }

    async fn change(&mut self, event: Event) -> Result<(), Closed> {
        if event.n != self.next_n {
            return Err(Closed::Gap { expected: self.next_n, got: event.n });
        }
        self.next_n += 1;
        let change = LiveChange::read(event).map_err(Closed::Protocol)?;
        self.deliver(LiveEvent::Event(Box::new(change))).await
    }

    /// Queues what must not be lost; waits for room, but not for ever.
    async fn deliver(&self, event: LiveEvent) -> Result<(), Closed> {
        match timeout(STALL, self.events.send(event)).await {
            // An error means that nobody listens, which is allowed.
            Ok(Ok(()) | Err(_)) => Ok(()),
            Err(_) => Err(Closed::Lagging),
        }
    }

    /// Queues what may be lost, if there is room.
    fn offer(&self, event: LiveEvent) {
        let _ = self.events.try_send(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(c: &str) -> ServerFrame {
        ServerFrame::Live { c: c.to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_is_put_up_with_for_a_while() {
        let (events, mut taken) = mpsc::channel(1);
        let shared = Shared::default();
        let mut inbound = Inbound { events: &events, shared: &shared, next_n: 1 };
        inbound.take(live("c1")).await.expect("there is room");
        // What may be lost is lost, and nobody waits for it.
        let ping = ServerFrame::Ping { c: "c2".to_owned() };
        inbound.take(ping).await.expect("a ping never waits");
        let (second, first) = tokio::join!(inbound.take(live("c2")), taken.recv());
        second.expect("room was made in time");
        assert!(matches!(first, Some(LiveEvent::Live(c)) if c.as_str() == "c1"));
        let third = inbound.take(live("c3")).await;
        assert!(matches!(third, Err(Closed::Lagging)));
        assert!(matches!(taken.recv().await, Some(LiveEvent::Live(c)) if c.as_str() == "c2"));
    }
}
