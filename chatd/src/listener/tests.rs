use bytes::Bytes;
use http::StatusCode;
use http::header::{CONNECTION, UPGRADE};
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

/// Longer than anything here may take; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(150);

const LIMITS: HttpLimits = HttpLimits {
    header_timeout: PATIENCE,
    shutdown_grace: PATIENCE,
    connections: 100,
    connections_per_address: 10,
    proxies: Vec::new(),
};

/// What the requests of a test share.
#[derive(Clone)]
struct Shop {
    arrived: mpsc::Sender<String>,
    release: Arc<Notify>,
    tasks: TaskTracker,
}

impl Shop {
    /// `/peer` answers the peer's address, `/slow` waits for the release, `/socket` upgrades and says "hi".
    async fn answer(self, mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let path = request.uri().path().to_owned();
        self.arrived.send(path.clone()).await.unwrap();
        let peer = request.extensions().get::<PeerAddr>().unwrap().0;
        let place = request.extensions().get::<Place>().unwrap().clone();
        Ok(match path.as_str() {
            "/peer" => Response::new(Full::from(peer.to_string())),
            "/slow" => {
                self.release.notified().await;
                Response::new(Full::from("done"))
            }
            "/socket" => {
                let upgrade = hyper::upgrade::on(&mut request);
                self.tasks.spawn(async move {
                    let mut socket = TokioIo::new(upgrade.await.unwrap());
                    socket.write_all(b"hi").await.unwrap();
                    // Until the peer ends it.
                    let _ = socket.read_u8().await;
                    drop(place);
                });
                let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
                response.header(CONNECTION, "upgrade").header(UPGRADE, "test").body(Full::default()).unwrap()
            }
            _ => Response::new(Full::from("hello")),
        })
    }
}

struct Server {
    address: SocketAddr,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    ended: JoinHandle<()>,
    release: Arc<Notify>,
    arrivals: mpsc::Receiver<String>,
}

impl Server {
    async fn start(limits: HttpLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, tasks, release) = (CancellationToken::new(), TaskTracker::new(), Arc::new(Notify::new()));
        let (arrived, arrivals) = mpsc::channel(16);
        let shop = Shop { arrived, release: Arc::clone(&release), tasks: tasks.clone() };
        let service = tower::service_fn(move |request| shop.clone().answer(request));
        let (token, tracker) = (shutdown.clone(), tasks.clone());
        let ended = tasks.spawn(async move { serve(listener, service, limits, token, &tracker).await });
        Self { address, shutdown, tasks, ended, release, arrivals }
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    async fn arrival(&mut self) -> String {
        timeout(PATIENCE, self.arrivals.recv()).await.expect("a request arrives").unwrap()
    }

    /// Waits for the loop to end, and for every task that it started.
    async fn end(self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.ended).await.expect("the loop ends").unwrap();
        self.tasks.close();
        timeout(PATIENCE, self.tasks.wait()).await.expect("every task ends");
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    async fn get(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n")).await;
    }

    /// Reads until the text ends like this.
    async fn read_until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        let reading = async {
            while !read.ends_with(end.as_bytes()) {
                read.push(self.0.read_u8().await.unwrap());
            }
        };
        timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("no {end:?} was read"));
        String::from_utf8(read).unwrap()
    }

    /// Reads until the server closes. A reset is an end too: what we sent was not all read.
    async fn read_to_end(&mut self) -> String {
        let mut read = Vec::new();
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut read)).await.expect("the server closes");
        String::from_utf8(read).unwrap()
    }
}

#[tokio::test]
async fn a_peer_that_stalls_before_the_end_of_the_headers_is_closed() {
    let server = Server::start(HttpLimits { header_timeout: SHORT, ..LIMITS }).await;
    for start in ["", "G", "PRI * HT", "GET / HTTP/1.1\r\nHost: sh"] {
        let mut client = server.connect().await;
        client.send(start).await;
        let answer = client.read_to_end().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{start:?}: {answer}");
    }
    server.end().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_last_answer() {
    let server = Server::start(HttpLimits { header_timeout: SHORT, ..LIMITS }).await;
    let mut client = server.connect().await;
    client.get("/").await;
    assert!(client.read_to_end().await.ends_with("hello"));
    server.end().await;
}

#[tokio::test]
async fn http_2_is_refused() {
    let mut server = Server::start(LIMITS).await;
    let mut client = server.connect().await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let answer = client.read_to_end().await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 505"), "{answer}");
    assert!(server.arrivals.try_recv().is_err());
    server.end().await;
}

#[tokio::test]
async fn long_headers_are_served_and_longer_ones_get_431() {
    let server = Server::start(LIMITS).await;
    let request = |bytes| format!("GET / HTTP/1.1\r\nHost: shop\r\nX-Long: {}\r\n\r\n", "x".repeat(bytes));
    let mut client = server.connect().await;
    client.send(request(HEADER_BYTES - 100)).await;
    assert!(client.read_until("hello").await.starts_with("HTTP/1.1 200"));
    client.send(request(HEADER_BYTES + 1)).await;
    assert!(client.read_to_end().await.starts_with("HTTP/1.1 431"));
    server.end().await;
}

#[tokio::test]
async fn a_connection_is_kept_and_the_peer_is_known() {
    let server = Server::start(LIMITS).await;
    let mut client = server.connect().await;
    let own = client.0.local_addr().unwrap().to_string();
    for _ in 0..3 {
        client.get("/peer").await;
        client.read_until(&own).await;
    }
    server.end().await;
}

#[tokio::test]
async fn shutdown_closes_idle_and_silent_connections_at_once() {
    let server = Server::start(LIMITS).await;
    let mut silent = server.connect().await;
    let mut idle = server.connect().await;
    idle.get("/").await;
    // Answered, so that both were accepted: they are taken in their order.
    idle.read_until("hello").await;
    let begin = Instant::now();
    server.shutdown.cancel();
    assert_eq!(idle.read_to_end().await, "");
    assert_eq!(silent.read_to_end().await, "");
    server.end().await;
    assert!(begin.elapsed() < PATIENCE / 2, "it took {:?}", begin.elapsed());
}

#[tokio::test]
async fn shutdown_stops_accepting_and_lets_a_request_finish() {
    let mut server = Server::start(LIMITS).await;
    let mut client = server.connect().await;
    client.get("/slow").await;
    assert_eq!(server.arrival().await, "/slow");
    server.shutdown.cancel();
    let refused = async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, refused).await.expect("the listener closes while the request runs");
    server.release.notify_one();
    let answer = client.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    server.end().await;
}

#[tokio::test]
async fn a_request_that_outlasts_the_grace_is_dropped() {
    let mut server = Server::start(HttpLimits { shutdown_grace: SHORT, ..LIMITS }).await;
    let mut client = server.connect().await;
    client.get("/slow").await;
    server.arrival().await;
    server.shutdown.cancel();
    assert_eq!(client.read_to_end().await, "");
    server.end().await;
}

#[tokio::test]
async fn at_the_cap_a_connection_waits_for_a_place() {
    let mut server = Server::start(HttpLimits { connections: 1, ..LIMITS }).await;
    let mut first = server.connect().await;
    first.get("/1").await;
    first.read_until("hello").await;
    let mut second = server.connect().await;
    second.get("/2").await;
    first.get("/3").await;
    first.read_until("hello").await;
    assert_eq!((server.arrival().await, server.arrival().await), ("/1".to_owned(), "/3".to_owned()));
    assert!(timeout(SHORT, server.arrivals.recv()).await.is_err(), "the second waits");
    drop(first);
    second.read_until("hello").await;
    assert_eq!(server.arrival().await, "/2");
    server.end().await;
}

#[tokio::test]
async fn an_upgraded_connection_stays_counted_by_its_place() {
    let mut server = Server::start(HttpLimits { connections: 1, ..LIMITS }).await;
    let mut socket = server.connect().await;
    socket.send("GET /socket HTTP/1.1\r\nHost: shop\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n").await;
    assert!(socket.read_until("hi").await.starts_with("HTTP/1.1 101"));
    assert_eq!(server.arrival().await, "/socket");
    let mut next = server.connect().await;
    next.get("/").await;
    assert!(timeout(SHORT, server.arrivals.recv()).await.is_err(), "the next waits");
    drop(socket);
    next.read_until("hello").await;
    server.end().await;
}

#[test]
fn one_address_has_so_many_connections_but_not_this_machine_nor_a_proxy() {
    let limits = HttpLimits { proxies: vec!["10.0.0.0/8".parse().unwrap()], connections_per_address: 2, ..LIMITS };
    let (by_address, mut open) = (Tally::default(), Vec::new());
    let mut connect = |ip: &str| {
        let counted = limits.count(ip.parse().unwrap(), &by_address);
        let let_in = counted.is_some();
        open.extend(counted.flatten());
        let_in
    };
    assert!(connect("192.0.2.1") && connect("192.0.2.1") && !connect("192.0.2.1") && connect("192.0.2.2"));
    assert!(connect("2001:db8::1") && connect("2001:db8::2") && !connect("2001:db8::3") && connect("2001:db8:0:1::1"));
    assert!((0..9).all(|_| connect("127.0.0.1") && connect("::1") && connect("10.1.2.3")));
    drop(open);
    assert!(by_address.is_empty(), "what is closed is forgotten");
}
