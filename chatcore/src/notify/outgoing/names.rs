//! Where names lead to, looked up once for each connection: what is connected to is what was looked at.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use super::public::is_public;

/// The addresses of a host.
pub(crate) type LookingUp = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Who knows where names lead to.
pub(crate) trait Names: Debug + Send + Sync + 'static {
    fn look_up(&self, host: &str) -> LookingUp;
}

/// The machine's resolver.
#[derive(Debug)]
pub(super) struct SystemNames;

impl Names for SystemNames {
    fn look_up(&self, host: &str) -> LookingUp {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A name leads to an address that is not on the open Internet.
#[derive(Debug, thiserror::Error)]
#[error("not on the open Internet")]
pub(super) struct NotPublic;

/// Tells the connector nothing that must not be connected to.
#[derive(Clone, Debug)]
pub(super) struct Guarded {
    pub(super) names: Arc<dyn Names>,
    pub(super) allow_private: bool,
}

impl Guarded {
    /// A name with one address too many gives none: it is up to nobody's luck which of them is taken.
    pub(super) async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let found = self.names.look_up(host).await?;
        if self.allow_private || found.iter().copied().all(is_public) { Ok(found) } else { Err(NotPublic.into()) }
    }
}

impl Service<Name> for Guarded {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let found = this.look_up(name.as_str()).await?;
            let addresses: Vec<_> = found.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
            Ok(addresses.into_iter())
        })
    }
}
