use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $close:expr, $retryable:literal;)+) => {
        /// The stable word for what went wrong, the same in the library, in REST and on the WebSocket.
        ///
        /// The table in docs/protocol.md lists them with their meaning. A code is never renamed or reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)+
            /// A code of a newer server; never sent. The status that came with it says how to take it.
            #[serde(other)]
            Unknown,
        }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word, as in JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ Self::Unknown => "unknown" }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ Self::Unknown => 500 }
            }

            /// The WebSocket close code when the connection ends for this reason; `None`: it is kept.
            #[must_use]
            pub const fn ws_close(self) -> Option<u16> {
                match self { $(Self::$name => $close,)+ Self::Unknown => None }
            }

            /// Whether the same request may succeed later without being changed.
            #[must_use]
            pub const fn is_retryable(self) -> bool {
                match self { $(Self::$name => $retryable,)+ Self::Unknown => false }
            }
        }
    };
}

codes! {
    /// A value is missing, malformed or out of range; `fields` says which.
    Invalid = "invalid", 400, None, false;
    /// A page cursor that is damaged or belongs to another list.
    InvalidCursor = "invalid_cursor", 400, None, false;
    /// A frame or option that this server does not know.
    Unsupported = "unsupported", 400, None, false;
    /// No token, or one that is none.
    Unauthenticated = "unauthenticated", 401, Some(4401), false;
    /// Unknown address or wrong password; which of them is not told.
    InvalidCredentials = "invalid_credentials", 401, Some(4401), false;
    /// The token's time is over.
    TokenExpired = "token_expired", 401, Some(4401), false;
    /// The session of the token was ended.
    TokenRevoked = "token_revoked", 401, Some(4401), false;
    /// Not allowed, where the thing itself is no secret.
    Forbidden = "forbidden", 403, None, false;
    /// Does not exist, or is not yours to know of.
    NotFound = "not_found", 404, None, false;
    /// The path exists, but not with this method.
    MethodNotAllowed = "method_not_allowed", 405, None, false;
    /// The state of things does not allow it.
    Conflict = "conflict", 409, None, false;
    /// An account with this address exists.
    EmailTaken = "email_taken", 409, None, false;
    /// Somebody has written since; `last_seq` says up to which number.
    NewerMessages = "newer_messages", 409, None, false;
    /// The thing was changed since; `version` says which it has now.
    VersionMismatch = "version_mismatch", 412, None, false;
    /// Larger than the limit; limits stand in `/server`.
    TooLarge = "too_large", 413, None, false;
    /// More files with one message than the limit.
    TooManyAttachments = "too_many_attachments", 413, None, false;
    /// The body is not JSON, or a file is of no kind that is taken.
    UnsupportedMediaType = "unsupported_media_type", 415, None, false;
    /// The same `client_id` with other content.
    IdempotencyMismatch = "idempotency_mismatch", 422, None, false;
    /// The password is too easy to guess.
    WeakPassword = "weak_password", 422, None, false;
    /// Too many requests; wait as long as the answer says.
    RateLimited = "rate_limited", 429, Some(4429), true;
    /// A fault of the server; the request id finds it in the log.
    Internal = "internal", 500, Some(4500), true;
    /// Cannot be done right now.
    Unavailable = "unavailable", 503, Some(4503), true;
    /// The server is going down; come back in a moment.
    Draining = "draining", 503, Some(4503), true;
    /// The store refuses writes; reads go on.
    ReadOnly = "read_only", 503, Some(4503), true;
    /// The disk is full; reads go on.
    StorageFull = "storage_full", 507, None, true;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::ErrorCode;

    #[test]
    fn the_json_word_is_the_code() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{code}\""));
        }
    }

    #[test]
    fn the_table_is_the_contract() {
        let mut table = String::new();
        for code in ErrorCode::ALL {
            let (status, close, retryable) = (code.status(), code.ws_close(), code.is_retryable());
            writeln!(table, "{code} {status} {close:?} {retryable}").unwrap();
        }
        insta::assert_snapshot!(table);
    }
}
