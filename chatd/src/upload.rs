//! A file that comes as the body of a request, or as a part of it: piece by piece, within its time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use chat_proto::ErrorCode;
use data_encoding::BASE64;
use futures_util::stream::{self, Stream, StreamExt};
use http::{HeaderMap, header};
use multer::{Field, Multipart};
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use crate::body;
use crate::problem::Refused;

/// What stands around a file in a multipart body, at the most.
pub(crate) const AROUND_BYTES: u64 = 64 << 10;
/// What may be held of a form before something is given on; a piece of a body is smaller.
const HELD_BYTES: usize = 1 << 20;
/// The one part that is a file.
const PART: &str = "file";
const DIGEST: &str = "content-digest";

/// A file on its way, and what is said of it.
pub(crate) struct Coming {
    pub(crate) name: Option<String>,
    pub(crate) sha256: Option<[u8; 32]>,
    pub(crate) size: Option<u64>,
    pub(crate) bytes: Pieces,
}

pub(crate) type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

impl Coming {
    /// Takes a request apart. What is too large by its own account is refused before it is read.
    pub(crate) async fn of(request: Request, most: u64) -> Result<Self, Refused> {
        let headers = request.headers();
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
        let sha256 = digest(headers)?;
        if !kind.to_ascii_lowercase().starts_with("multipart/") {
            let bytes = Box::pin(body::pieces(request.into_body()));
            return Ok(Self { name: None, sha256, size: length, bytes });
        }
        if length.is_some_and(|length| length > most.saturating_add(AROUND_BYTES)) {
            return Err(Refused::new(ErrorCode::TooLarge, format!("A file has at most {most} bytes here.")));
        }
        if sha256.is_some() {
            return Err(Refused::invalid("Content-Digest", "Say the digest of a part in the headers of the part."));
        }
        Self::of_part(request.into_body(), &kind).await
    }

    async fn of_part(body: Body, kind: &str) -> Result<Self, Refused> {
        let malformed = |_| Refused::invalid("", "The body is no `multipart/form-data`.");
        let boundary = multer::parse_boundary(kind).map_err(malformed)?;
        let held = Held::default();
        let mut parts = Multipart::new(held.watch(body::pieces(body)), boundary);
        let part = parts.next_field().await.map_err(malformed)?;
        let part = part.filter(|part| part.name() == Some(PART));
        let part = part.ok_or_else(|| Refused::invalid("", "Send one part, and name it `file`."))?;
        let (name, sha256) = (part.file_name().map(str::to_owned), digest(part.headers())?);
        Ok(Self { name, sha256, size: None, bytes: Box::pin(only(part, parts).inspect(move |_| held.let_go())) })
    }
}

/// How much of a form has been taken without anything being given on: of a head that does not end all would be held, until it
/// does.
#[derive(Clone, Default)]
pub(crate) struct Held(Arc<AtomicUsize>);

impl Held {
    /// What comes, until too much of it is held.
    pub(crate) fn watch<P>(&self, pieces: P) -> impl Stream<Item = io::Result<Bytes>> + Send + use<P>
    where
        P: Stream<Item = io::Result<Bytes>> + Send,
    {
        let held = self.clone();
        pieces.map(move |piece| {
            let piece = piece?;
            if held.0.fetch_add(piece.len(), Ordering::Relaxed) > HELD_BYTES {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "The form has a part with no end to its head.",
                ));
            }
            Ok(piece)
        })
    }

    /// Something was given on.
    pub(crate) fn let_go(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// The bytes of this part; that others follow is an error.
fn only(part: Field<'static>, parts: Multipart<'static>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold((Some(part), parts), |(part, mut parts)| async move {
        let Some(mut part) = part else { return Ok(None) };
        if let Some(piece) = part.chunk().await.map_err(broke_off)? {
            return Ok(Some((piece, (Some(part), parts))));
        }
        drop(part);
        match parts.next_field().await.map_err(broke_off)? {
            None => Ok(None),
            Some(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "Send one part, and name it `file`.")),
        }
    })
}

/// That it took too long is told as such.
pub(crate) fn broke_off(error: multer::Error) -> io::Error {
    match error {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(cause) => io::Error::other(cause),
        },
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}

/// As the engine reads it.
pub(crate) fn reader(bytes: Pieces) -> impl AsyncRead + Send {
    StreamReader::new(bytes)
}

/// The SHA-256 that is said of it (RFC 9530), if any is. Of other algorithms nothing is asked.
fn digest(headers: &HeaderMap) -> Result<Option<[u8; 32]>, Refused> {
    let malformed = || Refused::invalid("Content-Digest", "Write it as `sha-256=:<base64>:`.");
    let Some(value) = headers.get(DIGEST) else { return Ok(None) };
    for digest in value.to_str().map_err(|_| malformed())?.split(',') {
        let (algorithm, value) = digest.trim().split_once('=').ok_or_else(malformed)?;
        if !algorithm.eq_ignore_ascii_case("sha-256") {
            continue;
        }
        let value = value.strip_prefix(':').and_then(|value| value.strip_suffix(':')).ok_or_else(malformed)?;
        let bytes = BASE64.decode(value.as_bytes()).map_err(|_| malformed())?;
        return bytes.try_into().map(Some).map_err(|_| malformed());
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(value: &str) -> Result<Option<[u8; 32]>, Refused> {
        digest(&HeaderMap::from_iter([(DIGEST.parse().unwrap(), value.parse().unwrap())]))
    }

    #[test]
    fn a_digest_is_read_as_rfc_9530_writes_it() {
        let of_nothing = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        let read = said(of_nothing).unwrap().unwrap();
        assert_eq!(data_encoding::HEXLOWER.encode(&read[..4]), "e3b0c442");
        assert_eq!(said(&format!("sha-512=:AAAA:, {of_nothing}")).unwrap(), Some(read));
        assert_eq!(said("sha-512=:AAAA:").unwrap(), None);
        for wrong in ["", "sha-256", "sha-256=AAAA", "sha-256=:AAAA:", "sha-256=:%%%:", "sha-256=::"] {
            assert!(said(wrong).is_err(), "{wrong:?}");
        }
    }
}
