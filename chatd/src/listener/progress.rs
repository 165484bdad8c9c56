use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// A connection whose peer has to take something now and then: else writing fails with `TimedOut`, and whoever serves
/// the connection ends.
pub(super) struct Progress<S> {
    stream: S,
    most: Duration,
    shutdown: CancellationToken,
    /// How long a write that waits may go on waiting; there is none while nothing waits, which is most of the time.
    patience: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// So long a peer may take nothing once the shutdown has begun.
const AT_SHUTDOWN: Duration = Duration::from_secs(2);

impl<S> Progress<S> {
    /// `most`: how long the peer may take nothing.
    pub(super) fn new(stream: S, most: Duration, shutdown: CancellationToken) -> Self {
        Self { stream, most, shutdown, patience: None }
    }

    fn watch<T>(&mut self, written: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.patience = None;
            return written;
        }
        let patience = self.patience.get_or_insert_with(|| {
            let (most, shutdown) = (self.most, self.shutdown.clone());
            Box::pin(async move {
                tokio::select! {
                    () = sleep(most) => {}
                    () = async { shutdown.cancelled().await; sleep(AT_SHUTDOWN).await } => {}
                }
            })
        });
        ready!(patience.as_mut().poll(cx));
        self.patience = None;
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Progress<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Progress<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.watch(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
