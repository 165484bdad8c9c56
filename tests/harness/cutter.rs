//! The worst of networks: between clients and a server it carries bytes for a moment, then cuts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::Dice;

/// Connections carried at once; more wait to be accepted.
const MOST: usize = 2_000;
/// A connection is cut so many milliseconds after the server has spoken for the second time, at least and at most: on a
/// busy machine nobody would get beyond the handshake otherwise.
const LIFE_MS: (u64, u64) = (100, 600);
/// One in so many is cut so long after it was made instead, whoever has said what.
const HASTY: u64 = 5;
/// Who has not been spoken to twice by then is cut all the same.
const SECOND_WORD: Duration = Duration::from_secs(3);
/// For so many milliseconds bytes are swallowed before the cut.
const SWALLOW_MS: (u64, u64) = (10, 120);
/// A cut in the middle of a frame waits no longer than this for a frame.
const FRAME_WAIT: Duration = Duration::from_millis(200);
/// Carried at once in one direction.
const CHUNK: usize = 4 << 10;

/// A proxy that cuts every connection after a random moment, until it is told to stop; dropping it ends it.
#[derive(Debug)]
pub struct Cutter {
    address: SocketAddr,
    upstream: watch::Sender<SocketAddr>,
    storming: watch::Sender<bool>,
    cuts: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

/// How one connection ends.
#[derive(Clone, Copy, Debug)]
struct Fate {
    /// Until the cut, from the server's second word on.
    life: Duration,
    /// From the very beginning on instead.
    hasty: bool,
    way: Way,
    swallow: Duration,
    /// Which part of the last chunk is still passed on, in 256ths.
    part: u64,
    /// Whether client and server are told by a reset (or else by an end of the stream).
    resets: [bool; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// At once.
    AtOnce,
    /// After a part of what comes next, from whichever side.
    MidFrame,
    /// What the client says is lost for a while before.
    SwallowUp,
    /// What the server says is lost for a while before, answers too.
    SwallowDown,
    /// Both.
    SwallowBoth,
}

impl Cutter {
    /// Begins to carry what comes to [`address`](Self::address) to the server.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn start(to: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (upstream, storming) = (watch::Sender::new(to), watch::Sender::new(true));
        let cuts = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, upstream.subscribe(), storming.subscribe(), Arc::clone(&cuts), Dice::new(seed)));
        Self { address, upstream, storming, cuts, _tasks: tasks }
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Carries new connections there: a server that was started again listens elsewhere.
    pub fn lead_to(&self, to: SocketAddr) {
        self.upstream.send_replace(to);
    }

    /// Cuts nothing any more.
    pub fn calm(&self) {
        self.storming.send_replace(false);
    }

    /// So many connections have been cut.
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::Relaxed)
    }
}

impl Fate {
    fn draw(dice: &mut Dice) -> Self {
        let ways = [Way::AtOnce, Way::MidFrame, Way::SwallowUp, Way::SwallowDown, Way::SwallowBoth];
        Self {
            life: dice.millis(LIFE_MS.0, LIFE_MS.1),
            hasty: dice.once_in(HASTY),
            way: *dice.pick(&ways).unwrap_or(&Way::AtOnce),
            swallow: dice.millis(SWALLOW_MS.0, SWALLOW_MS.1),
            part: dice.below(256),
            resets: [dice.once_in(2), dice.once_in(2)],
        }
    }
}

async fn accept(
    listener: TcpListener,
    upstream: watch::Receiver<SocketAddr>,
    storming: watch::Receiver<bool>,
    cuts: Arc<AtomicU64>,
    mut dice: Dice,
) {
    let mut carried = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if carried.len() < MOST => {
                let (client, _) = accepted.expect("a connection");
                let (fate, to) = (Fate::draw(&mut dice), *upstream.borrow());
                let (storming, cuts) = (storming.clone(), Arc::clone(&cuts));
                carried.spawn(async move {
                    // When the server is down, the client is dropped as it would be by a load balancer.
                    if let Ok(server) = TcpStream::connect(to).await {
                        Carried { client, server }.go(fate, storming, &cuts).await;
                    }
                });
            }
            Some(_) = carried.join_next() => {}
        }
    }
}

/// A connection and its other half.
struct Carried {
    client: TcpStream,
    server: TcpStream,
}

/// Bytes that one side said.
enum Said {
    Client(Vec<u8>),
    Server(Vec<u8>),
}

impl Carried {
    async fn go(mut self, fate: Fate, mut storming: watch::Receiver<bool>, cuts: &AtomicU64) {
        let _ = (self.client.set_nodelay(true), self.server.set_nodelay(true));
        let mut words = 0_u64;
        let mut cut_at = Instant::now() + if fate.hasty { fate.life } else { SECOND_WORD };
        loop {
            let cuttable = *storming.borrow_and_update();
            let passed = tokio::select! {
                said = self.hear() => match said {
                    Some(said) => {
                        if matches!(said, Said::Server(_)) {
                            words += 1;
                            if words == 2 && !fate.hasty {
                                cut_at = Instant::now() + fate.life;
                            }
                        }
                        self.pass_on(said).await
                    }
                    None => None,
                },
                () = sleep_until(cut_at), if cuttable => break,
                // Once the proxy is gone so is this task.
                _ = storming.changed() => Some(()),
            };
            if passed.is_none() {
                return;
            }
        }
        self.last_moments(fate).await;
        cuts.fetch_add(1, Ordering::Relaxed);
        for (stream, reset) in [&self.client, &self.server].into_iter().zip(fate.resets) {
            if reset {
                let _ = stream.set_zero_linger();
            }
        }
    }

    /// The next bytes of either side; `None` when one has ended.
    async fn hear(&mut self) -> Option<Said> {
        let (mut up, mut down) = ([0; CHUNK], [0; CHUNK]);
        tokio::select! {
            read = self.client.read(&mut up) => said(&up, &read).map(Said::Client),
            read = self.server.read(&mut down) => said(&down, &read).map(Said::Server),
        }
    }

    async fn pass_on(&mut self, said: Said) -> Option<()> {
        let written = match said {
            Said::Client(bytes) => self.server.write_all(&bytes).await,
            Said::Server(bytes) => self.client.write_all(&bytes).await,
        };
        written.ok()
    }

    async fn last_moments(&mut self, fate: Fate) {
        match fate.way {
            Way::AtOnce => {}
            Way::MidFrame => {
                let Ok(Some(mut said)) = tokio::time::timeout(FRAME_WAIT, self.hear()).await else { return };
                let (Said::Client(bytes) | Said::Server(bytes)) = &mut said;
                let part = bytes.len() as u64 * fate.part / 256;
                bytes.truncate(usize::try_from(part).unwrap_or(0));
                self.pass_on(said).await;
            }
            Way::SwallowUp | Way::SwallowDown | Way::SwallowBoth => {
                let until = Instant::now() + fate.swallow;
                while let Ok(Some(said)) = tokio::time::timeout_at(until, self.hear()).await {
                    let swallowed = match said {
                        Said::Client(_) => fate.way != Way::SwallowDown,
                        Said::Server(_) => fate.way != Way::SwallowUp,
                    };
                    if !swallowed && self.pass_on(said).await.is_none() {
                        return;
                    }
                }
            }
        }
    }
}

fn said(buffer: &[u8], read: &std::io::Result<usize>) -> Option<Vec<u8>> {
    match read {
        Ok(0) | Err(_) => None,
        Ok(n) => Some(buffer[..*n].to_vec()),
    }
}
