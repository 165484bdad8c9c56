use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use chat_proto::ErrorCode;

use crate::{Client, Error};

/// A fresh access token on its way.
pub type Renewal = Pin<Box<dyn Future<Output = Result<String, Error>> + Send>>;

/// Where a fresh access token comes from when the old one ends.
///
/// Any function that gives a future of a token is one: `|| async { Ok(token) }`.
pub trait TokenSource: Send + Sync + 'static {
    /// Gets a fresh access token of the same person. Asked again later when the error is
    /// [retryable](Error::is_retryable); any other error ends the following.
    ///
    /// May take as long as a request may, but is carried to its end even when whoever waited for it is gone: a refresh
    /// token whose answer got lost cannot be used again.
    fn renew(&self) -> Renewal;
}

impl<F, T> TokenSource for F
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Future<Output = Result<String, Error>> + Send + 'static,
{
    fn renew(&self) -> Renewal {
        Box::pin(self())
    }
}

/// The token in use, and where the next one comes from. Clones share it.
#[derive(Clone)]
pub(crate) struct Tokens(Arc<Shared>);

struct Shared {
    client: RwLock<Client>,
    source: Option<Arc<dyn TokenSource>>,
    /// One renewal at a time: a refresh token that is spent twice ends its session. It stays here when whoever waited
    /// for it is gone, and is waited for by the next.
    renewing: tokio::sync::Mutex<Option<Renewal>>,
}

impl Tokens {
    pub(crate) fn new(client: Client, source: Option<Arc<dyn TokenSource>>) -> Self {
        Self(Arc::new(Shared { client: RwLock::new(client), source, renewing: tokio::sync::Mutex::default() }))
    }

    /// A client that acts with the token in use.
    pub(crate) fn client(&self) -> Client {
        self.0.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn can_renew(&self) -> bool {
        self.0.source.is_some()
    }

    /// A client with a token that is newer than this one's.
    ///
    /// # Errors
    /// `token_expired` without a source, else what the source says.
    pub(crate) async fn renew(&self, stale: &Client) -> Result<Client, Error> {
        let Some(source) = &self.0.source else {
            return Err(Error::refusal(ErrorCode::TokenExpired, "the access token has ended"));
        };
        let mut renewing = self.0.renewing.lock().await;
        let current = self.client();
        if current.token() != stale.token() {
            return Ok(current);
        }
        let renewal = renewing.get_or_insert_with(|| source.renew());
        let renewed = tokio::time::timeout(current.timeout, renewal).await.unwrap_or(Err(Error::Timeout));
        *renewing = None;
        let renewed = current.authenticated(&renewed?);
        *self.0.client.write().unwrap_or_else(PoisonError::into_inner) = renewed.clone();
        Ok(renewed)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("can_renew", &self.can_renew()).finish_non_exhaustive()
    }
}
