//! What is answered: successes in the envelope of the replaced backend, errors in words for people, since its front ends
//! show them as they are.

use axum::Json as Shown;
use chat_proto::ErrorCode;
use chat_proto::model::Cursor;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Refused;

pub(super) type Answer<T> = Result<Shown<T>, Refused>;

/// The word in each success.
const SUCCESS: &str = "success";

/// It was done.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CompatDone)]
pub(crate) struct Done<T> {
    /// `success`
    status: &'static str,
    data: T,
}

impl<T> Done<T> {
    pub(super) fn of(data: T) -> Self {
        Self { status: SUCCESS, data }
    }
}

/// A list, and how long it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CompatListed)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Listed<T> {
    /// `success`
    status: &'static str,
    /// How many of them are in this answer.
    results: usize,
    data: Vec<T>,
    /// Give it as `cursor` to get those that come after; `null`: these were all.
    next_cursor: Option<Cursor>,
}

impl<T> Listed<T> {
    pub(super) fn of(data: Vec<T>, next_cursor: Option<Cursor>) -> Self {
        Self { status: SUCCESS, results: data.len(), data, next_cursor }
    }
}

/// It was done, and there is nothing to show of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CompatSaid)]
pub(crate) struct Said {
    /// `success`
    status: &'static str,
    /// For people.
    message: &'static str,
}

impl Said {
    pub(super) fn that(message: &'static str) -> Self {
        Self { status: SUCCESS, message }
    }
}

/// What went wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CompatFailure)]
pub(crate) struct Failure {
    /// `fail`: the request was at fault; `error`: the server was.
    status: &'static str,
    /// For people.
    message: String,
    /// The stable word for it, as in `/api/v1`.
    code: ErrorCode,
    /// Finds it in the log.
    request_id: String,
}

impl Failure {
    /// As the edge writes it.
    pub(crate) fn of(refused: &Refused, request_id: &str) -> Self {
        Self {
            status: if refused.code.status() < 500 { "fail" } else { "error" },
            message: sentence(refused),
            code: refused.code,
            request_id: request_id.to_owned(),
        }
    }
}

/// What somebody is told who knows nothing of tokens and servers.
fn sentence(refused: &Refused) -> String {
    match refused.code {
        ErrorCode::Unauthenticated => "Please sign in.".to_owned(),
        ErrorCode::TokenExpired | ErrorCode::TokenRevoked => "Your session has ended. Please sign in again.".to_owned(),
        ErrorCode::InvalidCredentials => "The e-mail address or the password is wrong.".to_owned(),
        ErrorCode::EmailTaken => "There is an account with this e-mail address already.".to_owned(),
        ErrorCode::RateLimited => {
            let seconds = refused.retry_after_seconds().unwrap_or(1);
            let unit = if seconds == 1 { "second" } else { "seconds" };
            format!("That was too much at once. Please try again in {seconds} {unit}.")
        }
        ErrorCode::Unavailable | ErrorCode::Draining | ErrorCode::ReadOnly | ErrorCode::StorageFull => {
            "This is not possible right now. Please try again in a moment.".to_owned()
        }
        ErrorCode::Internal => "Something went wrong on our side. Please try again.".to_owned(),
        // What is no sentence was said by a parser, about a value that a program has made.
        _ if !refused.detail.ends_with('.') => "This request could not be understood.".to_owned(),
        _ => refused.detail.clone().into_owned(),
    }
}
