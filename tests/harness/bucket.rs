use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chatcore::attachments::s3::S3;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// A real object store, `s3s`, which checks signatures, with one bucket; on a port of its own, where it can be away.
/// Belongs to the runtime of its test.
#[derive(Debug)]
pub struct Bucket {
    folder: TempDir,
    address: SocketAddr,
    service: S3Service,
    turns: Arc<Turns>,
    running: Option<JoinSet<()>>,
}

/// What becomes of requests before they are carried out.
#[derive(Debug)]
struct Turns {
    refused: Mutex<Option<Refused>>,
    /// How many are being carried out, and how many there were at once.
    at_once: Mutex<(usize, usize)>,
    /// Who writes needs one of these.
    writers: Semaphore,
}

#[derive(Clone, Copy, Debug)]
struct Refused {
    what: &'static str,
    status: u16,
    code: &'static str,
}

impl Bucket {
    /// What it is called.
    pub const NAME: &'static str = "mugs";
    /// Its keys.
    pub const ACCESS_KEY: &'static str = "the-shop";
    pub const SECRET_KEY: &'static str = "a secret of the shop, and of the shop alone";

    /// An empty one.
    ///
    /// # Panics
    /// When there is no room or port for it.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join(Self::NAME)).expect("a folder");
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).expect("a folder"));
        builder.set_auth(SimpleAuth::from_single(Self::ACCESS_KEY, Self::SECRET_KEY));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let turns = Turns {
            refused: Mutex::default(),
            at_once: Mutex::default(),
            writers: Semaphore::new(Semaphore::MAX_PERMITS),
        };
        let mut bucket = Self { folder, address, service: builder.build(), turns: Arc::new(turns), running: None };
        bucket.serve(listener);
        bucket
    }

    fn serve(&mut self, listener: TcpListener) {
        let (service, turns) = (self.service.clone(), Arc::clone(&self.turns));
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (service, turns) = (service.clone(), Arc::clone(&turns));
                let answering = service_fn(move |request| answer(service.clone(), Arc::clone(&turns), request));
                // What the other side breaks off is none of ours.
                connections.spawn(async move {
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answering).await;
                });
            }
        });
        self.running = Some(running);
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// As the library reaches it, below a prefix.
    ///
    /// # Panics
    /// Never.
    pub fn options(&self) -> S3 {
        let bucket = S3::parse(&format!("s3://{}/chat", Self::NAME)).expect("an address");
        bucket.endpoint(self.endpoint()).credentials(Self::ACCESS_KEY, Self::SECRET_KEY)
    }

    /// Nobody answers there any more, and connections are cut.
    pub async fn away(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.shutdown().await;
        }
    }

    /// It is there again, with all that is in it.
    ///
    /// # Panics
    /// When somebody else has its port.
    pub async fn back(&mut self) {
        self.serve(TcpListener::bind(self.address).await.expect("its port"));
    }

    /// Requests whose line has this in it are answered so, from now on.
    pub fn refuse(&self, what: &'static str, status: u16, code: &'static str) {
        *lock(&self.turns.refused) = Some(Refused { what, status, code });
    }

    /// All requests are carried out again.
    pub fn accept(&self) {
        *lock(&self.turns.refused) = None;
    }

    /// Nobody's writing is carried out until [`let_write`](Self::let_write).
    pub fn hold_writers(&self) {
        self.turns.writers.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// From now on it is.
    pub fn let_write(&self) {
        self.turns.writers.add_permits(Semaphore::MAX_PERMITS);
    }

    /// How many are being written now, and how many were at once until now.
    pub fn writing(&self) -> (usize, usize) {
        *lock(&self.turns.at_once)
    }

    /// The names of all that is in it.
    pub fn objects(&self) -> Vec<String> {
        let bucket = self.path("");
        let name = |file: PathBuf| file.strip_prefix(&bucket).expect("below it").to_string_lossy().into_owned();
        files(&bucket).into_iter().map(name).filter(|name| !name.ends_with("/owner")).collect()
    }

    /// Where an object lies on this machine.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(Self::NAME).join(name)
    }

    /// Files of uploads in parts that were neither finished nor taken back.
    pub fn unfinished(&self) -> Vec<PathBuf> {
        let name = |file: &PathBuf| file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files(self.folder.path()).into_iter().filter(|file| name(file).contains(".upload")).collect()
    }
}

async fn answer(
    service: S3Service,
    turns: Arc<Turns>,
    request: Request<Incoming>,
) -> Result<Response<Body>, HttpError> {
    let line = format!("{} {}", request.method(), request.uri());
    let refused = *lock(&turns.refused);
    if let Some(refused) = refused.filter(|refused| line.contains(refused.what)) {
        // Read to its end, so that the connection goes on.
        let _ = request.into_body().collect().await;
        let text = format!("<Error><Code>{}</Code><Message>As the test wants it.</Message></Error>", refused.code);
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = StatusCode::from_u16(refused.status).expect("a status");
        return Ok(response);
    }
    if !line.starts_with("PUT") {
        return service.call(request.map(Body::from)).await;
    }
    {
        let mut at_once = lock(&turns.at_once);
        at_once.0 += 1;
        at_once.1 = at_once.1.max(at_once.0);
    }
    let writer = turns.writers.acquire().await;
    let answer = service.call(request.map(Body::from)).await;
    drop(writer);
    lock(&turns.at_once).0 -= 1;
    answer
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn lock<T>(held: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
