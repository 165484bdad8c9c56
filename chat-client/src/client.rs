use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Error;
use crate::base_url::BaseUrl;
use crate::exchange::Connections;

/// The daemon's REST API, typed. Cheap to clone: clones share their connections.
///
/// Without a token only signing up, signing in and [`server`](Self::server) work. The client never follows a redirect
/// and reads at most 8 MiB of an answer.
#[derive(Clone)]
pub struct Client {
    pub(crate) base: Arc<BaseUrl>,
    pub(crate) connections: Connections,
    pub(crate) token: Option<Arc<str>>,
    pub(crate) timeout: Duration,
}

impl Client {
    /// How long a request may take unless [`timeout`](Self::timeout) says otherwise.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

    /// A client for the daemon at `http://host[:port][/prefix]`. Connects when it is first used.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`] for any other URL, `https://` included.
    pub fn new(base_url: &str) -> Result<Self, Error> {
        Ok(Self {
            base: Arc::new(BaseUrl::parse(base_url)?),
            connections: Connections::new(),
            token: None,
            timeout: Self::DEFAULT_TIMEOUT,
        })
    }

    /// A client that acts for the person whose access token this is.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_token(base_url: &str, token: &str) -> Result<Self, Error> {
        Ok(Self::new(base_url)?.authenticated(token))
    }

    /// The same client, acting for the person whose access token this is.
    #[must_use]
    pub fn authenticated(&self, token: &str) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// How long a request may take, from the connection to the last byte of the answer; 30 s unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The access token, when there is one.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.base)
            .field("authenticated", &self.token.is_some())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
