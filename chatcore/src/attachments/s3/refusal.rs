//! What an object store means when it refuses.

use object_store::Error;

use super::options::{S3, S3Error};

/// What is kept of a text in which an object store says what is wrong.
const WHY_BYTES: usize = 300;

/// Whether there is no room: the words of several servers for a full disk and a used-up quota.
pub(in crate::attachments) fn is_full(error: &dyn std::error::Error) -> bool {
    let text = error.to_string();
    code(&text).is_some_and(|code| code.contains("StorageFull") || code.contains("QuotaExceeded"))
        || text.contains("507 Insufficient Storage")
}

/// Whether it is the bucket that is not there, and not the object alone.
pub(in crate::attachments) fn is_bucket_missing(error: &dyn std::error::Error) -> bool {
    code(&error.to_string()) == Some("NoSuchBucket")
}

/// What a trial came to.
pub(super) fn of(error: &Error, options: &S3) -> S3Error {
    let text = error.to_string();
    let (bucket, code) = (options.bucket.clone(), code(&text).unwrap_or_default().to_owned());
    match code.as_str() {
        "NoSuchBucket" => S3Error::NoBucket { bucket },
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "NotSignedUp" => {
            S3Error::Credentials { code }
        }
        "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException" => {
            S3Error::Region { region: options.region.clone(), code }
        }
        "RequestTimeTooSkewed" => S3Error::Clock,
        _ => match error {
            Error::NotFound { .. } => S3Error::NoBucket { bucket },
            Error::Unauthenticated { .. } => S3Error::Credentials { code },
            Error::PermissionDenied { .. } => S3Error::Denied { bucket, code },
            _ if text.contains("redirect") || text.contains("status code: 30") => {
                S3Error::Region { region: options.region.clone(), code }
            }
            _ => S3Error::Away { why: shortened(&text) },
        },
    }
}

/// The word between `<Code>` and its end.
fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code)
}

/// Its end tells most, and it stays on one line.
fn shortened(text: &str) -> String {
    let mut from = text.len().saturating_sub(WHY_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].replace(char::is_control, " ")
}
