use std::fmt;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use chat_proto::model::Attachment;
use data_encoding::{BASE64, HEXLOWER};
use futures_util::{Stream, stream};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeekExt as _};

use super::moved::Moved;
use crate::exchange::{Answer, Body};
use crate::query::Query;
use crate::{Client, Error};

/// Read and sent so much at a time.
const PIECE: usize = 64 << 10;

/// A file that is to be uploaded.
pub struct Upload {
    name: String,
    source: Pin<Box<dyn AsyncRead + Send>>,
    size: u64,
    sha256: Option<[u8; 32]>,
    told: Option<Box<dyn FnMut(u64) + Send>>,
}

impl Upload {
    /// A file of this machine, by its own name. Reads it once for its digest, so that the server keeps it only as it is
    /// here.
    ///
    /// # Errors
    /// When it cannot be read, or is no file.
    pub async fn file(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let mut file = File::open(path).await?;
        if !file.metadata().await?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
        }
        let (mut digest, mut size, mut piece) = (Sha256::new(), 0, vec![0; PIECE]);
        loop {
            let read = file.read(&mut piece).await?;
            if read == 0 {
                break;
            }
            digest.update(&piece[..read]);
            size += read as u64;
        }
        file.rewind().await?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self::reader(name, size, file).sha256(digest.finalize().into()))
    }

    /// What is read from `source`, of which it has to be known that there are `size` bytes.
    pub fn reader(name: impl Into<String>, size: u64, source: impl AsyncRead + Send + 'static) -> Self {
        Self { name: name.into(), source: Box::pin(source), size, sha256: None, told: None }
    }

    /// What the file is to be called.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The server keeps it only if this is its SHA-256.
    #[must_use]
    pub fn sha256(mut self, digest: [u8; 32]) -> Self {
        self.sha256 = Some(digest);
        self
    }

    /// Tells how many bytes have been handed to the network, after each piece.
    #[must_use]
    pub fn progress(mut self, told: impl FnMut(u64) + Send + 'static) -> Self {
        self.told = Some(Box::new(told));
        self
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Client {
    /// Uploads a file; it goes with one message of mine, which is sent within a day, or is forgotten. Of a picture the
    /// server keeps the picture only, so size and digest may be others than those of what was sent.
    ///
    /// May take as long as it moves: only a pause of more than the [`timeout`](Self::timeout) ends it.
    ///
    /// # Errors
    /// `too_large`, `unsupported_media_type`, `rate_limited` (as much as one may upload in a day, or at once) and `invalid`
    /// from the server; [`Error::File`] when the source cannot be read, or has another length than was said.
    pub async fn attach(&self, upload: Upload) -> Result<Attachment, Error> {
        let query = Query::default().with("name", Some(&upload.name));
        let (answer, sent) = self.send_file(Method::POST, &format!("/attachments{query}"), upload).await?;
        let kept: Attachment = answer.json()?;
        if !kept.media_type.starts_with("image/") && kept.sha256 != HEXLOWER.encode(&sent) {
            return Err(Error::Protocol("the server has kept another file than was sent".to_owned()));
        }
        Ok(kept)
    }

    /// What is answered to a file, and the SHA-256 of what was sent.
    pub(super) async fn send_file(
        &self,
        method: Method,
        path: &str,
        upload: Upload,
    ) -> Result<(Answer, [u8; 32]), Error> {
        let (moved, digest) = (Moved::default(), Arc::new(Mutex::new(Sha256::new())));
        let request = self.upload_request(method, path, upload, &moved, &digest)?;
        let answer = moved.unless_stalled(self.timeout, self.carry_out(request)).await;
        let answer = answer.map_err(|error| moved.failure().unwrap_or(error))?;
        let sent = digest.lock().unwrap_or_else(PoisonError::into_inner).clone().finalize();
        Ok((answer, sent.into()))
    }

    fn upload_request(
        &self,
        method: Method,
        path: &str,
        upload: Upload,
        moved: &Moved,
        digest: &Arc<Mutex<Sha256>>,
    ) -> Result<Request<Body>, Error> {
        let (size, sha256) = (upload.size, upload.sha256);
        let body = StreamBody::new(pieces(upload, moved.clone(), Arc::clone(digest))).boxed_unsync();
        let mut request = self.request_of(method, self.base.route(path)?, body)?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_LENGTH, size.into());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        if let Some(sha256) = sha256 {
            let value = HeaderValue::try_from(format!("sha-256=:{}:", BASE64.encode(&sha256)));
            let value = value.map_err(|error| Error::Protocol(error.to_string()))?;
            headers.insert(HeaderName::from_static("content-digest"), value);
        }
        Ok(request)
    }
}

/// The bytes of the file, exactly as many as were promised.
fn pieces(
    upload: Upload,
    moved: Moved,
    digest: Arc<Mutex<Sha256>>,
) -> impl Stream<Item = io::Result<Frame<Bytes>>> + Send {
    let Upload { source, size, told, .. } = upload;
    stream::try_unfold((source, size, told), move |(mut source, left, mut told)| {
        let (moved, digest) = (moved.clone(), Arc::clone(&digest));
        async move {
            let piece = match next_piece(&mut source, left).await {
                Ok(piece) if piece.is_empty() => return Ok(None),
                Ok(piece) => piece,
                Err(error) => {
                    let kind = error.kind();
                    moved.fail(error);
                    return Err(kind.into());
                }
            };
            digest.lock().unwrap_or_else(PoisonError::into_inner).update(&piece);
            let all = moved.add(piece.len() as u64);
            if let Some(told) = &mut told {
                told(all);
            }
            let left = left - piece.len() as u64;
            Ok(Some((Frame::data(piece), (source, left, told))))
        }
    })
}

/// Empty at the end.
async fn next_piece(source: &mut (impl AsyncRead + Unpin), left: u64) -> io::Result<Bytes> {
    let mut piece = BytesMut::with_capacity(PIECE);
    let read = source.read_buf(&mut piece).await?;
    if read as u64 > left {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is longer than was said"));
    }
    if read == 0 && left > 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than was said"));
    }
    Ok(piece.freeze())
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("name", &self.name).field("size", &self.size).finish_non_exhaustive()
    }
}
