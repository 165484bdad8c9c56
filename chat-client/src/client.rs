use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Error;
use crate::base_url::BaseUrl;
use crate::connector::Connector;
use crate::exchange::Connections;
use crate::tls::Tls;

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

    /// A client for the daemon at `http[s]://host[:port][/prefix]`. Connects when it is first used.
    ///
    /// `https://` needs the feature `tls`. Certificates are checked against those that this machine trusts, which are read
    /// here; instead of them against those in the file that `SSL_CERT_FILE` names, and the folders of `SSL_CERT_DIR`.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`] for any other URL; [`Error::Transport`] when this machine trusts nobody.
    pub fn new(base_url: &str) -> Result<Self, Error> {
        let base = BaseUrl::parse(base_url)?;
        let tls = base.is_secure().then(|| Tls::of_this_machine(base.host())).transpose()?;
        Ok(Self::over(base, tls))
    }

    /// A client that trusts what this configuration says: certificates of the shop's own, one of its own to show. Its
    /// protocols (ALPN) are replaced by `http/1.1`, which is what this client speaks. Without `https://` it is of no use.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`] as [`new`](Self::new).
    #[cfg(feature = "tls")]
    pub fn with_tls(base_url: &str, config: rustls::ClientConfig) -> Result<Self, Error> {
        let base = BaseUrl::parse(base_url)?;
        let tls = base.is_secure().then(|| Tls::new(base.host(), config)).transpose()?;
        Ok(Self::over(base, tls))
    }

    fn over(base: BaseUrl, tls: Option<Tls>) -> Self {
        Self {
            base: Arc::new(base),
            connections: Connections::new(Connector::new(tls)),
            token: None,
            timeout: Self::DEFAULT_TIMEOUT,
        }
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
