use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chatcore::{Chat, Entropy, Links, Site, SystemEntropy};
use http::HeaderValue;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client_address::TrustedProxies;
use crate::config::{Config, Origin};
use crate::live::Drain;
use crate::tickets::Tickets;
use crate::ws::Seats;

/// What the router needs to know, apart from the chat itself.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RouterConfig {
    /// Exact origins of web pages that may use the API and the WebSocket. Default: none but the server's own.
    pub allowed_origins: Vec<HeaderValue>,
    /// The proxies in front of the server. Default: none.
    pub trusted_proxies: TrustedProxies,
    /// The largest REST body, bytes. Default: 1 MiB.
    pub body_bytes: usize,
    /// How long a body may take to arrive. Default: 30 s.
    pub body_timeout: Duration,
    /// The largest WebSocket frame from a client, bytes. Default: 64 KiB.
    pub frame_bytes: usize,
    /// Open sockets of one address. Default: 500.
    pub sockets_per_address: usize,
    /// Open sockets that have not said who they are, in total. Default: 2,000.
    pub sockets_before_hello: usize,
    /// The dialect of the replaced backend, under `/api` and by Socket.IO; none: it is not spoken. Default: spoken.
    pub compat: Option<CompatConfig>,
    /// The pages for people: `/account`, on which they set what they are told, and those to which links in mails lead.
    /// Default: they are there.
    pub account_page: bool,
    /// Where those who are invited accept it, for the admins who pass links on. Default: not known, and they get a token alone.
    pub invitation_links: Option<Links>,
    /// Ends sockets, event streams and waiting polls, and says so to who asks whether the server is ready.
    pub drain: CancellationToken,
    /// The most time over which they are ended, so that they do not all come back in one instant; few of them take less.
    /// Default: 3 s.
    pub drain_spread: Duration,
    /// Holds the sockets' tasks: wait for it after `drain`.
    pub tasks: TaskTracker,
}

/// How the dialect of the replaced backend is spoken.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CompatConfig {
    /// Whoever loads the newest messages of a conversation has read them: its front ends cannot say so. Default: yes.
    pub reading_marks_read: bool,
    /// Browsers send its cookie back over https only. Default: no; say yes where people come by https.
    pub secure_cookies: bool,
}

impl Default for CompatConfig {
    fn default() -> Self {
        Self { reading_marks_read: true, secure_cookies: false }
    }
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            trusted_proxies: TrustedProxies::default(),
            body_bytes: 1 << 20,
            body_timeout: Duration::from_secs(30),
            frame_bytes: 64 << 10,
            sockets_per_address: 500,
            sockets_before_hello: 2_000,
            compat: Some(CompatConfig::default()),
            account_page: true,
            invitation_links: None,
            drain: CancellationToken::new(),
            drain_spread: Duration::from_secs(3),
            tasks: TaskTracker::new(),
        }
    }
}

impl RouterConfig {
    /// What an operator's configuration says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let origins = config.allowed_origins.iter().chain(config.public_url.origin()).map(Origin::as_str);
        let of_sites = config.sites.iter().flat_map(Site::page_origins).map(String::as_str);
        Self {
            // An origin that is no header value could not be sent by a browser either.
            allowed_origins: origins.chain(of_sites).filter_map(|origin| HeaderValue::from_str(origin).ok()).collect(),
            trusted_proxies: TrustedProxies {
                networks: config.server.trusted_proxies.clone(),
                header: config.server.forwarded_header,
            },
            body_bytes: config.limits.body_bytes.bytes(),
            body_timeout: config.http.body_timeout.get(),
            frame_bytes: config.limits.frame_bytes.bytes(),
            sockets_per_address: config.limits.sockets_per_address,
            sockets_before_hello: config.limits.sockets_before_hello,
            compat: config.compat.enabled.then(|| CompatConfig {
                reading_marks_read: config.compat.reading_marks_read,
                secure_cookies: config.public_url.is_https(),
            }),
            account_page: config.account_page,
            invitation_links: crate::mail::invitation_links(config),
            drain_spread: config.drain.spread.get(),
            ..Self::default()
        }
    }
}

/// What every handler has at hand.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) chat: Chat,
    pub(crate) config: RouterConfig,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) drain: Drain,
    pub(crate) seats: Seats,
    pub(crate) tickets: Tickets,
}

impl App {
    pub(crate) fn new(chat: Chat, config: RouterConfig) -> Self {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let drain = Drain::new(config.drain.clone(), config.drain_spread, Arc::clone(&entropy));
        let seats = Seats::new(config.sockets_per_address, config.sockets_before_hello);
        Self(Arc::new(Inner { chat, config, entropy, drain, seats, tickets: Tickets::new() }))
    }
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}
