//! The body of a request: so many bytes, in so long, and no slower than a rate.

use std::io;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use chat_proto::ErrorCode;
use futures_util::stream::{self, Stream};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use crate::problem::Refused;

/// A body may be as slow as this, in bytes a second, after the [first moments](PATIENCE); a telephone at the edge of its
/// network is ten times as fast.
const SLOWEST: u32 = 1_000;

/// The same of a file, which is larger and worth more waiting.
const SLOWEST_FILE: u32 = 4_000;

/// So long nothing is asked of its speed.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is made room for before it has come, whatever the client says of its length.
const EXPECTED: usize = 4 << 10;

/// Reads it whole.
pub(crate) async fn read(body: Body, most: usize, longest: Duration) -> Result<Bytes, Refused> {
    let too_large = || Refused::new(ErrorCode::TooLarge, format!("A body has at most {most} bytes."));
    if body.size_hint().lower() > most as u64 {
        // Said before it is sent, so that whoever asks whether to go on need not send it.
        return Err(too_large());
    }
    let began = Instant::now();
    let mut body = Limited::new(body, most);
    let mut read = BytesMut::with_capacity(EXPECTED.min(most));
    loop {
        let frame = timeout_at(began + allowed(read.len() as u64, SLOWEST).min(longest), body.frame()).await;
        match frame {
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    read.extend_from_slice(&data);
                }
            }
            Ok(None) => return Ok(read.freeze()),
            Ok(Some(Err(error))) if error.is::<LengthLimitError>() => return Err(too_large()),
            Ok(Some(Err(_))) => return Err(Refused::invalid("", "The body broke off.")),
            Err(_) => return Err(Refused::invalid("", "The body took too long to arrive.")),
        }
    }
}

/// Reads it piece by piece; between two there is a pause, since some readers take whatever is there at once. How large it may be is for others to say, and so is how long it may take in all: no longer than
/// that takes at the slowest.
pub(crate) fn pieces(body: Body) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold((body, Instant::now(), 0), |(mut body, began, mut read)| async move {
        if read > 0 {
            yield_now().await;
        }
        loop {
            let frame = timeout_at(began + allowed(read, SLOWEST_FILE), body.frame()).await;
            match frame.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))? {
                None => return Ok(None),
                Some(Err(error)) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        read += data.len() as u64;
                        return Ok(Some((data, (body, began, read))));
                    }
                }
            }
        }
    })
}

/// How long so many bytes may take: each earns a part of it.
fn allowed(bytes: u64, slowest: u32) -> Duration {
    PATIENCE + Duration::from_millis(bytes.saturating_mul(1_000) / u64::from(slowest))
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const LONGEST: Duration = Duration::from_secs(30);

    /// So many pieces of so many bytes, one each `pause`.
    fn slowly(pieces: usize, bytes: usize, pause: Duration) -> Body {
        Body::from_stream(stream::unfold(0, move |piece| async move {
            if piece == pieces {
                return None;
            }
            sleep(pause).await;
            Some((Ok::<_, std::io::Error>(vec![b'x'; bytes]), piece + 1))
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_given_up_long_before_the_time_is_over() {
        let began = Instant::now();
        let refused = read(slowly(1_000, 1, Duration::from_secs(1)), 1 << 20, LONGEST).await.unwrap_err();
        assert!(refused.detail.contains("too long"), "{refused:?}");
        assert_eq!(began.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_that_keeps_coming_is_read() {
        let body = read(slowly(20, 2_000, Duration::from_secs(1)), 1 << 20, LONGEST).await.unwrap();
        assert_eq!(body.len(), 40_000);
        let refused = read(slowly(40, 2_000, Duration::from_secs(1)), 1 << 20, LONGEST).await.unwrap_err();
        assert!(refused.detail.contains("too long"), "{refused:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_too_large_is_refused() {
        let refused = read(slowly(3, 1_000, Duration::ZERO), 2_999, LONGEST).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::TooLarge);
        assert_eq!(read(slowly(3, 1_000, Duration::ZERO), 3_000, LONGEST).await.unwrap().len(), 3_000);
    }
}
