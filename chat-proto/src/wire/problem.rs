use serde::{Deserialize, Serialize};

use crate::{ErrorCode, Seq};

/// The body of every REST error, `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A page about the error.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every error of this code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time, for a person; safe to show.
    pub detail: String,
    /// The path that was asked for.
    pub instance: String,
    /// The stable word for it.
    pub code: ErrorCode,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Finds this request in the server's log.
    pub request_id: String,
    /// Which values are at fault; empty when none in particular.
    #[serde(default)]
    pub fields: Vec<FieldProblem>,
    /// With `newer_messages`: the number of the newest message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seq: Option<Seq>,
    /// With `version_mismatch`: the version that the thing has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// One value at fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldProblem {
    /// Where it stands: a JSON pointer (RFC 6901) into the body, or `path`, `query` or the name of a query parameter.
    pub pointer: String,
    /// The stable word for it.
    pub code: ErrorCode,
    /// What is wrong, for a person.
    pub detail: String,
}
