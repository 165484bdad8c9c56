use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};
use object_store::client::{HttpError, HttpErrorKind};
use tokio::time::{Sleep, sleep};

use super::transport::late;

/// Between two pieces of an answer that is waited for.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// A list of a thousand objects, or what became of a request.
const WORDS_BYTES: usize = 4 << 20;
/// What is wrong. What comes after this much of it is left out.
const REFUSAL_BYTES: usize = 16 << 10;

/// The body of an answer. It ends when it is too long or stops coming; how long its reader takes does not count.
#[derive(Debug)]
pub(super) struct Answer {
    body: Incoming,
    bound: Bound,
    waiting: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum Bound {
    /// Read as it comes.
    None,
    /// Refused when there is more.
    Words(usize),
    /// Cut off there.
    Refusal(usize),
}

impl Answer {
    pub(super) fn new(body: Incoming, is_success: bool, is_content: bool) -> Self {
        let bound = match (is_success, is_content) {
            (true, true) => Bound::None,
            (true, false) => Bound::Words(WORDS_BYTES),
            (false, _) => Bound::Refusal(REFUSAL_BYTES),
        };
        Self { body, bound, waiting: None }
    }

    /// A piece as far as there is room for it; `None`: there is none.
    fn within(&mut self, frame: Frame<Bytes>) -> Option<Result<Frame<Bytes>, HttpError>> {
        let Some(bytes) = frame.data_ref() else { return Some(Ok(frame)) };
        match &mut self.bound {
            Bound::None => Some(Ok(frame)),
            Bound::Words(left) => Some(match left.checked_sub(bytes.len()) {
                Some(rest) => {
                    *left = rest;
                    Ok(frame)
                }
                None => Err(HttpError::new(HttpErrorKind::Decode, std::io::Error::other("the answer is too long"))),
            }),
            Bound::Refusal(0) => None,
            Bound::Refusal(left) => {
                let piece = bytes.slice(..bytes.len().min(*left));
                *left -= piece.len();
                Some(Ok(Frame::data(piece)))
            }
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            let waiting = this.waiting.get_or_insert_with(|| Box::pin(sleep(STALL_TIMEOUT)));
            return waiting.as_mut().poll(context).map(|()| Some(Err(late())));
        };
        this.waiting = None;
        Poll::Ready(match frame {
            Some(Ok(frame)) => this.within(frame),
            Some(Err(error)) => Some(Err(HttpError::new(HttpErrorKind::Interrupted, error))),
            None => None,
        })
    }
}
