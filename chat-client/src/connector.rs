use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service;

use crate::Error;
use crate::tls::Tls;

/// The one place where connections are made: for requests, files and the live socket.
#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector,
    /// `None`: in clear.
    tls: Option<Tls>,
}

/// A connection to the server, whatever carries it.
pub(crate) type Stream = Box<dyn Io>;

/// What a connection can do.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Connector {
    pub(crate) fn new(tls: Option<Tls>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        // Which of the two it is, says the base URL.
        tcp.enforce_http(false);
        Self { tcp, tls }
    }

    /// A connection to this host.
    pub(crate) async fn open(&self, origin: Uri) -> Result<Stream, Error> {
        let mut connector = self.clone();
        poll_fn(|context| connector.poll_ready(context)).await?;
        connector.call(origin).await.map(TokioIo::into_inner)
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.tcp.poll_ready(context).map_err(Error::transport)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, tls) = (self.tcp.call(uri), self.tls.clone());
        Box::pin(async move {
            let stream = connecting.await.map_err(Error::transport)?.into_inner();
            let stream: Stream = match tls {
                Some(tls) => tls.shake_hands(stream).await?,
                None => Box::new(stream),
            };
            Ok(TokioIo::new(stream))
        })
    }
}
