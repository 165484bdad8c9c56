//! The accept loop: plain HTTP/1.1 on a TCP listener, every connection within bounds.
//!
//! Why not the automatic choice between HTTP/1 and HTTP/2: looking for the HTTP/2 preface has no deadline, so a peer
//! that sends nothing would hold a connection for ever. Here a silent or slow peer is closed after
//! [`HttpLimits::header_timeout`], and the preface is refused.
//!
//! **At the cap** ([`HttpLimits::connections`]) nothing is accepted: new connections wait in the queue of the
//! operating system until a place is free, and the log says so once. Closing them instead would have clients try
//! again at once, which costs more than the waiting.
//!
//! **One address** has so many connections ([`HttpLimits::connections_per_address`]), so that it cannot take all of them.
//!
//! **A peer that takes nothing** of what is written to it for [`NO_PROGRESS`] is closed, whatever it asked for, upgraded
//! or not.
//!
//! A WebSocket leaves HTTP at its upgrade. To stay counted it keeps the [`Place`] that is in the extensions of its
//! request; ending it at shutdown is for whoever serves it, with the same token and tracker.

mod progress;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chatcore::Network;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt};

use self::progress::Progress;
use crate::tally::{Counted, Tally};

/// The longest request line and headers together, in bytes; more is answered with 431.
pub const HEADER_BYTES: usize = 32 * 1024;

/// How much of a connection hyper may hold in memory, in bytes. Twice the headers, so that the limit on them is what
/// is met first.
const BUFFER_BYTES: usize = 2 * HEADER_BYTES;

/// How long to wait after a failed accept. Out of descriptors, it fails again at once until a connection ends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A peer that takes nothing for so long is gone or stuck.
pub const NO_PROGRESS: Duration = Duration::from_secs(30);

/// What was sent and is not acknowledged by the peer's machine for so long is lost, and the connection with it. The
/// operating system alone would go on trying for a quarter of an hour, and whoever reads an event stream and is gone
/// would seem to be there.
#[cfg(target_os = "linux")]
const NO_ACKNOWLEDGEMENT: Duration = Duration::from_secs(75);

/// The bounds of the accept loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// How long the headers of a request may take, all together. An idle connection is closed after it too.
    pub header_timeout: Duration,
    /// How long running requests may take once the shutdown has begun; then they are dropped.
    pub shutdown_grace: Duration,
    /// How many connections are served at a time; at least one.
    pub connections: usize,
    /// How many of one address; one more is closed at once. This machine has as many as there are.
    pub connections_per_address: usize,
    /// Who has as many as there are too: the proxies, through which everybody comes.
    pub proxies: Vec<IpNet>,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            shutdown_grace: Duration::from_secs(10),
            connections: 10_000,
            connections_per_address: 1_000,
            proxies: Vec::new(),
        }
    }
}

/// Who is at the other end of the connection; in the extensions of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// A place under the cap; in the extensions of every request. It is free again when the connection has ended and the
/// last copy is dropped: an upgraded connection keeps one to stay counted.
#[derive(Clone, Debug)]
pub struct Place {
    _held: Arc<(OwnedSemaphorePermit, Option<Counted>)>,
}

impl HttpLimits {
    /// Counts a connection of this address, if it is one that is counted; `None` when it has too many.
    #[expect(clippy::option_option, reason = "not counted is another thing than refused")]
    fn count(&self, ip: IpAddr, by_address: &Tally) -> Option<Option<Counted>> {
        if ip.is_loopback() || self.proxies.iter().any(|proxy| proxy.contains(&ip)) {
            return Some(None);
        }
        by_address.add(Network::of(ip), self.connections_per_address).map(Some)
    }
}

/// Serves connections until `shutdown` is cancelled, then until the last one has ended or the grace is over.
///
/// On shutdown the listener is closed at once; an idle connection ends at once, and a busy one after the response to
/// the request that it is at. Each connection is a task of `tasks`. Errors of accepting are logged and never end the
/// loop.
pub async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    limits: HttpLimits,
    shutdown: CancellationToken,
    tasks: &TaskTracker,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // More permits than a semaphore can count would be no limit anyway.
    let places = Arc::new(Semaphore::new(limits.connections.clamp(1, Semaphore::MAX_PERMITS)));
    let connections = TaskTracker::new();
    let mut trouble = Trouble::default();
    let by_address = Tally::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &places, &mut trouble) => accepted,
        };
        match accepted {
            Ok((stream, peer, permit)) => {
                let Some(counted) = limits.count(peer.ip().to_canonical(), &by_address) else {
                    tracing::debug!(%peer, "this address has all the connections that it may have");
                    continue;
                };
                let place = Place { _held: Arc::new((permit, counted)) };
                let (limits, shutdown) = (limits.clone(), shutdown.clone());
                let connection = serve_connection(stream, peer, place, service.clone(), limits, shutdown);
                tasks.spawn(connections.track_future(connection));
            }
            Err(error) => {
                trouble.failed(&error);
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                }
            }
        }
    }
    // Closed before the wait, so that a new process can listen already.
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// What has been logged and is not over, so that it is logged once: at twenty lines a second the log would fill the
/// disk as well.
#[derive(Debug, Default)]
struct Trouble {
    failing: bool,
    full: bool,
}

impl Trouble {
    fn failed(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(%error, "cannot accept connections");
        }
    }

    fn accepted(&mut self) {
        if std::mem::take(&mut self.failing) {
            tracing::info!("connections are accepted again");
        }
    }

    fn place(&mut self, is_free: bool) {
        if is_free {
            self.full = false;
        } else if !std::mem::replace(&mut self.full, true) {
            tracing::warn!("all connections are in use; new ones wait until one ends");
        }
    }
}

/// Waits for a place first, so that a connection that cannot be served is left in the queue.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    trouble: &mut Trouble,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    trouble.place(places.available_permits() > 0);
    // The semaphore is never closed.
    let permit = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    trouble.accepted();
    Ok((stream, peer, permit))
}

async fn serve_connection<S, B>(
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    service: S,
    limits: HttpLimits,
    shutdown: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // Frames and answers are small and written whole: waiting to join them only adds latency.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the peer is gone already");
        return;
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(NO_ACKNOWLEDGEMENT)) {
        tracing::debug!(%error, "a peer that vanishes will be noticed late");
    }
    let stream = Progress::new(stream, NO_PROGRESS, shutdown.clone());
    let service = TowerToHyperService::new(service.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(PeerAddr(peer));
        request.extensions_mut().insert(place.clone());
        request
    }));
    let connection = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_header_size(HEADER_BYTES)
        .max_buf_size(BUFFER_BYTES)
        .keep_alive(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let deadline = Instant::now() + limits.shutdown_grace;
            match tokio::time::timeout_at(deadline, connection.as_mut()).await {
                Ok(result) => result,
                Err(_) => return tracing::warn!("a request was still running at the end of the shutdown"),
            }
        }
    };
    // Peers that vanish, stall or speak something else: nothing that an operator could act on.
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended early");
    }
}

#[cfg(test)]
mod tests;
