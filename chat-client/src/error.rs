use std::error::Error as _;
use std::fmt;
use std::sync::Arc;

use chat_proto::ErrorCode;
use chat_proto::wire::{ErrFrame, Problem};
use http::StatusCode;
use hyper_util::client::legacy;

use crate::Closed;

/// Why a request was not answered as hoped. Shown as one line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The server understood and said no; [`Problem::code`] says why.
    Refused(Box<Problem>),
    /// An error status without the daemon's own words, as a proxy in between gives it.
    Status(StatusCode),
    /// The network failed: no connection, none that can be trusted, or one that broke. A change may have been carried out
    /// or not.
    Transport(Arc<dyn std::error::Error + Send + Sync>),
    /// No answer in time. A change may have been carried out or not.
    Timeout,
    /// The live connection ended before the answer came. A change may have been carried out or not.
    Closed(Closed),
    /// So many messages wait in the outbox that another cannot: nothing was sent.
    OutboxFull,
    /// The server said something that this client cannot read.
    Protocol(String),
    /// A file on this side could not be read or written.
    File(Arc<std::io::Error>),
    /// The base URL is none that this client can use.
    InvalidUrl(String),
}

impl Error {
    /// The server's word for the refusal; `None` when it is not the server that refused.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            Self::Closed(closed) => closed.reason(),
            _ => None,
        }
    }

    /// Whether the same request may succeed later without being changed.
    ///
    /// Messages are safe to send again with the same `client_id`; of other changes first look whether they took place.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.retryable,
            Self::Status(status) => matches!(status.as_u16(), 429 | 502..=504),
            Self::Transport(_) | Self::Timeout | Self::OutboxFull => true,
            Self::Closed(closed) => closed.is_resumable(),
            Self::Protocol(_) | Self::InvalidUrl(_) | Self::File(_) => false,
        }
    }

    /// Whether the token is at fault: a fresh one may help.
    pub(crate) fn is_unauthenticated(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.status == StatusCode::UNAUTHORIZED,
            Self::Status(status) => *status == StatusCode::UNAUTHORIZED,
            Self::Closed(closed) => closed.is_unauthenticated(),
            _ => false,
        }
    }

    pub(crate) fn file(cause: std::io::Error) -> Self {
        Self::File(Arc::new(cause))
    }

    pub(crate) fn transport(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Transport(Arc::from(cause.into()))
    }

    /// No answer at all; said in the connector's own words when it is no connection either.
    pub(crate) fn of_request(failed: legacy::Error) -> Self {
        let mut cause = failed.source();
        while let Some(inner) = cause {
            if let Some(told) = inner.downcast_ref::<Self>() {
                return told.clone();
            }
            cause = inner.source();
        }
        Self::transport(failed)
    }

    /// What the server would say, said without asking it: for a [`TokenSource`](crate::TokenSource) that knows no more
    /// tokens, with [`ErrorCode::Unauthenticated`].
    pub fn refusal(code: ErrorCode, detail: &str) -> Self {
        Self::from_frame(ErrFrame {
            re: None,
            code,
            status: code.status(),
            detail: detail.to_owned(),
            retryable: code.is_retryable(),
            retry_after_ms: None,
            fields: Vec::new(),
            last_seq: None,
            version: None,
        })
    }

    /// A refusal on the live connection, in the form that REST gives it.
    pub(crate) fn from_frame(frame: ErrFrame) -> Self {
        Self::Refused(Box::new(Problem {
            kind: "about:blank".to_owned(),
            title: frame.code.as_str().to_owned(),
            status: frame.status,
            detail: frame.detail,
            instance: "/api/v1/ws".to_owned(),
            code: frame.code,
            retryable: frame.retryable,
            request_id: String::new(),
            fields: frame.fields,
            last_seq: frame.last_seq,
            version: frame.version,
        }))
    }

    /// The error that an answer with an error status stands for.
    pub(crate) fn from_answer(status: StatusCode, body: &[u8]) -> Self {
        match serde_json::from_slice::<Problem>(body) {
            Ok(problem) => Self::Refused(Box::new(problem)),
            Err(_) => Self::Status(status),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(problem) => write!(f, "{} ({})", problem.detail, problem.code),
            Self::Status(status) if status.is_redirection() => {
                write!(f, "the server answered {status}: it is met at another URL, perhaps at one with https://")
            }
            Self::Status(status) => write!(f, "the server answered {status} without saying more"),
            Self::Transport(cause) => {
                write!(f, "the connection failed: {cause}")?;
                // The outer errors of the HTTP library do not say what went wrong, only where.
                let mut inner = cause.source();
                while let Some(cause) = inner {
                    write!(f, ": {cause}")?;
                    inner = cause.source();
                }
                Ok(())
            }
            Self::Timeout => f.write_str("the server did not answer in time"),
            Self::Closed(closed) => closed.fmt(f),
            Self::OutboxFull => f.write_str("too many messages wait to be sent"),
            Self::Protocol(what) => write!(f, "the server's answer makes no sense: {what}"),
            Self::File(cause) => write!(f, "the file could not be read or written: {cause}"),
            Self::InvalidUrl(why) => write!(f, "not a base URL: {why}"),
        }
    }
}

// No `source`: `Display` already tells the causes, and who prints a chain would see them twice.
impl std::error::Error for Error {}
