//! The server inside the test: quick to start, with a clock that the test turns.

use std::collections::HashSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use chatcore::testing::{ManualClock, MemoryNotifier};
use chatcore::{AttachmentStore, Chat, Clock, Limits, PushOptions, Retention, Site, SystemClock};
use chatd::RouterConfig;
use chatd::listener::HttpLimits;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tracing::subscriber::DefaultGuard;

use crate::server::is_fault;
use crate::{Door, PASSWORD, Person, door};

/// A server in memory, on a port of its own. Belongs to one test and its thread (`#[tokio::test]`); dropping it looks
/// for panics of its tasks and for faults in what it logged.
#[derive(Debug)]
pub struct InProcess {
    pub door: Door,
    pub chat: Chat,
    clock: Option<Arc<ManualClock>>,
    log: Log,
    _tasks: JoinSet<()>,
    _logging: DefaultGuard,
}

/// How it differs from the usual.
#[derive(Debug)]
pub struct Options {
    /// The clock stands still until the test turns it.
    pub manual_clock: bool,
    /// What it signs tokens with, for a test that signs what the server would not; one of its own without it.
    pub token_secret: Option<&'static [u8]>,
    pub access_ttl: Duration,
    pub refresh_ttl: Duration,
    pub limits: Limits,
    /// How long events are kept.
    pub retention: Retention,
    pub router: RouterConfig,
    /// The shop's web sites.
    pub sites: Vec<Site>,
    /// Gets what is told by mail.
    pub mails: Option<MemoryNotifier>,
    /// A folder with what is there already; in memory without it.
    pub data_dir: Option<PathBuf>,
    /// Where attachments lie; in memory or that folder without it.
    pub attachments: Option<AttachmentStore>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            manual_clock: false,
            token_secret: None,
            access_ttl: Duration::from_hours(1),
            refresh_ttl: Duration::from_hours(24),
            limits: Limits::default(),
            retention: Retention::default(),
            router: RouterConfig::default(),
            sites: Vec::new(),
            mails: None,
            data_dir: None,
            attachments: None,
        }
    }
}

impl InProcess {
    /// Starts it as it usually is.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// Starts it and signs its admin in.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_with(options: Options) -> Self {
        LazyLock::force(&PANIC_HOOK);
        let log = Log::default();
        let written = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_env_filter("warn,chatd=debug")
            .with_writer(move || written.clone())
            .finish();
        let logging = tracing::subscriber::set_default(subscriber);
        let clock = options.manual_clock.then(|| Arc::new(ManualClock::at(SystemClock.now())));
        let mut limits = options.limits;
        // However little room this machine has.
        limits.attachments.keep_free = 0;
        let mut builder = Chat::builder()
            .cheap_passwords()
            .access_ttl(options.access_ttl)
            .refresh_ttl(options.refresh_ttl)
            .limits(limits)
            .retention(options.retention)
            .push(PushOptions::default())
            .webhooks(chatd::webhook_options())
            .sites(options.sites);
        if let Some(secret) = options.token_secret {
            builder = builder.token_secret(secret);
        }
        if let Some(mails) = options.mails {
            builder = builder.notifier(mails);
        }
        if let Some(clock) = &clock {
            builder = builder.clock(clock.clone());
        }
        if let Some(folder) = &options.data_dir {
            builder = builder.data_dir(folder);
        }
        if let Some(store) = options.attachments {
            builder = builder.attachments(store);
        }
        let chat = builder.open().await.expect("a chat");
        if chat.people().by_email(Door::ADMIN).await.expect("readable").is_none() {
            chat.bootstrap_admin(Door::ADMIN, "Admin", PASSWORD.to_owned()).await.expect("the first admin");
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let limits = HttpLimits {
            header_timeout: Duration::from_secs(10),
            shutdown_grace: Duration::from_secs(1),
            connections: 1_000,
            ..HttpLimits::default()
        };
        let mut tasks = JoinSet::new();
        let served = chat.clone();
        tasks.spawn(async move { chatd::serve(listener, &served, options.router, limits).await });
        let Person { token, .. } = door::sign_in(address, Door::ADMIN).await;
        Self { door: Door { address, admin: token }, chat, clock, log, _tasks: tasks, _logging: logging }
    }

    /// Turns the clock on.
    ///
    /// # Panics
    /// When it is not [manual](Options::manual_clock).
    pub fn advance(&self, by: Duration) {
        self.clock.as_ref().expect("a manual clock").advance(by);
    }

    /// Waits while the [manual](Options::manual_clock) clock goes on with tokio's, which may be paused.
    pub async fn passing_time<T>(&self, waiting: impl Future<Output = T>) -> T {
        const SECOND: Duration = Duration::from_secs(1);
        let mut waiting = std::pin::pin!(waiting);
        loop {
            tokio::select! {
                seen = &mut waiting => return seen,
                () = tokio::time::sleep(SECOND) => self.advance(SECOND),
            }
        }
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let thread = std::thread::current().id();
        let panicked = PANICKED.lock().unwrap_or_else(PoisonError::into_inner).contains(&thread);
        assert!(!panicked, "a task of the server panicked");
        let log = self.log.0.lock().unwrap_or_else(PoisonError::into_inner);
        let log = String::from_utf8_lossy(&log);
        let faults: Vec<&str> = log.lines().filter(|line| is_fault(line)).collect();
        assert!(faults.is_empty(), "the server's log tells of faults: {faults:#?}");
    }
}

/// The threads on which something panicked: a task of a runtime panics without its test.
static PANICKED: LazyLock<Mutex<HashSet<ThreadId>>> = LazyLock::new(Mutex::default);

static PANIC_HOOK: LazyLock<()> = LazyLock::new(|| {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let mut panicked = PANICKED.lock().unwrap_or_else(PoisonError::into_inner);
        panicked.insert(std::thread::current().id());
        drop(panicked);
        usual(info);
    }));
});

#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
