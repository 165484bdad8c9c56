//! Errors as RFC 9457 documents. A handler says what went wrong; where and in which request is filled in at the edge.

use std::borrow::Cow;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use chat_proto::wire::{FieldProblem, Problem};
use chat_proto::{ErrorCode, Seq};
use chatcore::Current;
use http::{HeaderValue, StatusCode, header};

/// Why a request was refused.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) code: ErrorCode,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) fields: Vec<FieldProblem>,
    pub(crate) current: Option<Current>,
    pub(crate) retry_after: Option<Duration>,
    /// For the log, once, at the edge; never sent.
    pub(crate) cause: Option<String>,
}

impl Refused {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), fields: Vec::new(), current: None, retry_after: None, cause: None }
    }

    pub(crate) fn invalid(pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        let field = FieldProblem { pointer: pointer.into(), code: ErrorCode::Invalid, detail: detail.clone().into() };
        Self { fields: vec![field], ..Self::new(ErrorCode::Invalid, detail) }
    }

    /// Tells the log of a fault of ours, with its cause, once.
    pub(crate) fn log(&self, what: &str) {
        if self.cause.is_some() || self.code == ErrorCode::Internal {
            let cause = self.cause.as_deref().unwrap_or(&self.detail);
            tracing::error!(code = %self.code, cause, "{what}");
        }
    }

    /// The whole document.
    pub(crate) fn document(&self, path: &str, request_id: &str) -> Problem {
        Problem {
            kind: format!("/api/docs#error-{}", self.code),
            title: title(self.code).to_owned(),
            status: self.code.status(),
            detail: self.detail.clone().into(),
            instance: path.to_owned(),
            code: self.code,
            retryable: self.code.is_retryable(),
            request_id: request_id.to_owned(),
            fields: self.fields.clone(),
            last_seq: self.last_seq(),
            version: self.version(),
        }
    }

    /// With `newer_messages`: the number of the newest message.
    pub(crate) fn last_seq(&self) -> Option<Seq> {
        match self.current {
            Some(Current::LastSeq(seq)) => Some(seq),
            _ => None,
        }
    }

    /// With `version_mismatch`: the version that the thing has now.
    pub(crate) fn version(&self) -> Option<u64> {
        match self.current {
            Some(Current::Version(version)) => Some(version),
            _ => None,
        }
    }

    /// Seconds to wait, as `Retry-After` says them: at least one, wherever the protocol asks for the header.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after_ms().map(|wait| wait.div_ceil(1_000).max(1))
    }

    /// The same, as frames say it.
    pub(crate) fn retry_after_ms(&self) -> Option<u64> {
        let wait = match self.code.status() {
            429 | 503 | 507 => Some(self.retry_after.unwrap_or(Duration::from_secs(1))),
            _ => self.retry_after,
        };
        // Rounded up, or one would come back a moment too soon.
        wait.map(|wait| wait.as_nanos().div_ceil(1_000_000).try_into().unwrap_or(u64::MAX))
    }
}

impl From<chatcore::Error> for Refused {
    fn from(error: chatcore::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&chatcore::Error> for Refused {
    fn from(error: &chatcore::Error) -> Self {
        let fields = error.fields().iter().map(|field| FieldProblem {
            pointer: field.pointer.clone().into(),
            code: error.code(),
            detail: field.detail.clone().into(),
        });
        let mut cause = String::new();
        let mut source = std::error::Error::source(error);
        while let Some(error) = source {
            cause = format!("{cause}{}{error}", if cause.is_empty() { "" } else { ": " });
            source = error.source();
        }
        Self {
            code: error.code(),
            detail: error.detail().to_owned().into(),
            fields: fields.collect(),
            current: error.current(),
            retry_after: error.retry_after(),
            cause: Some(cause).filter(|cause| !cause.is_empty()),
        }
    }
}

impl IntoResponse for Refused {
    /// An empty answer of the right status; [`crate::edge`] writes the document.
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        if let Some(seconds) = self.retry_after_seconds() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// What every error of a code has in common.
pub(crate) fn title(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Invalid => "A value is missing, malformed or out of range",
        ErrorCode::InvalidCursor => "The cursor cannot be followed",
        ErrorCode::Unsupported => "The server does not know this",
        ErrorCode::Unauthenticated => "An access token is needed",
        ErrorCode::InvalidCredentials => "Unknown address or wrong password",
        ErrorCode::TokenExpired => "The token's time is over",
        ErrorCode::TokenRevoked => "The session has ended",
        ErrorCode::Forbidden => "Not allowed",
        ErrorCode::NotFound => "Not found",
        ErrorCode::MethodNotAllowed => "Not with this method",
        ErrorCode::Conflict => "The state of things does not allow it",
        ErrorCode::NewerMessages => "Somebody has written since",
        ErrorCode::VersionMismatch => "It was changed since",
        ErrorCode::EmailTaken => "The address is taken",
        ErrorCode::TooLarge => "Too large",
        ErrorCode::TooManyAttachments => "Too many files with one message",
        ErrorCode::UnsupportedMediaType => "Not of a kind that is taken",
        ErrorCode::IdempotencyMismatch => "The same client_id with other content",
        ErrorCode::WeakPassword => "The password is too easy to guess",
        ErrorCode::RateLimited => "Too much at once",
        ErrorCode::Unavailable => "Not possible right now",
        ErrorCode::Draining => "The server is going down",
        ErrorCode::ReadOnly => "Nothing can be stored right now",
        ErrorCode::StorageFull => "The disk is full",
        _ => "A fault of the server",
    }
}
