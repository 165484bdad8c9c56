use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use chat_proto::AttachmentId;
use data_encoding::HEXLOWER;
use http::header::{CONTENT_RANGE, HeaderValue, IF_RANGE, RANGE};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::{FileInfo, nothing, route};
use crate::exchange::collected;
use crate::{Client, Error};

/// A connection that breaks so often without a byte in between is given up.
const TRIES: u32 = 5;
/// Before the next try; doubled each time.
const WAIT: Duration = Duration::from_millis(250);

/// A file that the server has begun to hand out.
pub struct Download {
    client: Client,
    id: AttachmentId,
    info: FileInfo,
    body: Incoming,
}

impl Client {
    /// Asks for a file: first what it is, then, by [`Download::save`], its bytes.
    ///
    /// # Errors
    /// `not_found` for whoever may not see the message that it went with.
    pub async fn download(&self, id: AttachmentId) -> Result<Download, Error> {
        let answer = self.ask_for_file(id, &HeaderMap::new()).await?;
        let info = FileInfo::read(answer.headers())?;
        Ok(Download { client: self.clone(), id, info, body: answer.into_body() })
    }

    async fn ask_for_file(&self, id: AttachmentId, asked: &HeaderMap) -> Result<Response<Incoming>, Error> {
        let mut request = self.request_of(Method::GET, self.base.route(&route(id))?, nothing())?;
        request.headers_mut().extend(asked.clone());
        let answer = async {
            let answer = self.answer_to(request).await?;
            match answer.status() {
                status if status.is_success() => Ok(answer),
                status => Err(Error::from_answer(status, &collected(answer.into_body()).await?)),
            }
        };
        tokio::time::timeout(self.timeout, answer).await.unwrap_or(Err(Error::Timeout))
    }
}

impl Download {
    pub(super) fn id(&self) -> AttachmentId {
        self.id
    }

    /// What it is.
    pub fn info(&self) -> &FileInfo {
        &self.info
    }

    /// Writes all of it to `to`, and tells how many bytes have come after each piece. When the connection breaks it goes
    /// on where it was. What was written is whole and the right file only when this returns without an error; `to` is
    /// flushed then.
    ///
    /// # Errors
    /// [`Error::File`] when `to` cannot be written; [`Error::Protocol`] when what came is another file than was announced.
    pub async fn save(mut self, to: &mut (impl AsyncWrite + Unpin), mut told: impl FnMut(u64)) -> Result<(), Error> {
        let (mut digest, mut done, mut broken) = (Sha256::new(), 0_u64, 0);
        while done < self.info.size {
            match self.next_piece().await {
                Ok(piece) => {
                    done += piece.len() as u64;
                    if done > self.info.size {
                        break;
                    }
                    broken = 0;
                    digest.update(&piece);
                    to.write_all(&piece).await.map_err(Error::file)?;
                    told(done);
                }
                Err(error) => {
                    broken += 1;
                    if broken > TRIES {
                        return Err(error);
                    }
                    self.resume(done, broken).await?;
                }
            }
        }
        to.flush().await.map_err(Error::file)?;
        if done != self.info.size || HEXLOWER.encode(&digest.finalize()) != self.info.sha256 {
            return Err(Error::Protocol("another file came than was announced".to_owned()));
        }
        Ok(())
    }

    async fn next_piece(&mut self) -> Result<Bytes, Error> {
        loop {
            let frame = tokio::time::timeout(self.client.timeout, self.body.frame()).await;
            let frame =
                frame.map_err(|_| Error::Timeout)?.ok_or_else(|| Error::transport("it ended before the file did"))?;
            if let Ok(piece) = frame.map_err(Error::transport)?.into_data()
                && !piece.is_empty()
            {
                return Ok(piece);
            }
        }
    }

    /// Asks for the rest of the same file.
    async fn resume(&mut self, done: u64, broken: u32) -> Result<(), Error> {
        let mut asked = HeaderMap::new();
        let header = |value: String| HeaderValue::try_from(value).map_err(|error| Error::Protocol(error.to_string()));
        asked.insert(RANGE, header(format!("bytes={done}-"))?);
        asked.insert(IF_RANGE, header(format!("\"{}\"", self.info.sha256))?);
        for attempt in broken..=TRIES {
            tokio::time::sleep(WAIT * (1 << attempt.saturating_sub(1))).await;
            let answer = match self.client.ask_for_file(self.id, &asked).await {
                Ok(answer) => answer,
                Err(error) if error.is_retryable() && attempt < TRIES => continue,
                Err(error) => return Err(error),
            };
            let place = answer.headers().get(CONTENT_RANGE).and_then(|place| place.to_str().ok()).unwrap_or_default();
            let goes_on = place.starts_with(&format!("bytes {done}-"));
            if answer.status() != StatusCode::PARTIAL_CONTENT || !goes_on {
                return Err(Error::Protocol("the file was changed meanwhile".to_owned()));
            }
            self.body = answer.into_body();
            return Ok(());
        }
        Ok(())
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("id", &self.id).field("info", &self.info).finish_non_exhaustive()
    }
}
