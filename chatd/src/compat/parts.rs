//! The parts of a form with files: fields are held, files are passed on piece by piece as they come.

use axum::extract::Request;
use bytes::Bytes;
use chat_proto::ErrorCode;
use futures_util::{StreamExt, TryStreamExt, stream};
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio_util::io::StreamReader;

use super::form::broken;
use crate::app::App;
use crate::body;
use crate::problem::Refused;
use crate::upload::{AROUND_BYTES, Held, Pieces, broke_off};

/// A form that is being read.
pub(super) struct Parts {
    form: Multipart<'static>,
    held: Held,
    /// Of all fields together there are so many bytes at the most.
    text_bytes: usize,
}

/// What came next.
pub(super) enum Part {
    Field {
        name: String,
        text: Vec<u8>,
    },
    /// It has to be read, or dropped, before the next one.
    File {
        name: String,
        file_name: String,
        bytes: StreamReader<Pieces, Bytes>,
    },
}

impl Parts {
    /// `file_bytes`: how many all files together have at the most.
    pub(super) fn of(request: Request, boundary: String, app: &App, file_bytes: u64) -> Self {
        let text_bytes = app.config.body_bytes;
        let whole = file_bytes.saturating_add(AROUND_BYTES).saturating_add(text_bytes as u64);
        let held = Held::default();
        let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(whole));
        let pieces = held.watch(body::pieces(request.into_body()));
        Self { form: Multipart::with_constraints(pieces, boundary, constraints), held, text_bytes }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Part>, Refused> {
        while let Some(mut part) = self.form.next_field().await.map_err(broken)? {
            self.held.let_go();
            let Some(name) = part.name().map(str::to_owned) else { continue };
            self.take(name.len())?;
            let Some(file_name) = part.file_name().map(str::to_owned) else {
                let text = self.text(&mut part).await?;
                return Ok(Some(Part::Field { name, text }));
            };
            let first = first_bytes(&mut part).await?;
            if file_name.is_empty() && first.is_none() {
                // How browsers send a choice of files from which nothing was chosen.
                continue;
            }
            let held = self.held.clone();
            let pieces = stream::iter(first.map(Ok)).chain(part.map_err(broke_off)).inspect(move |_| held.let_go());
            let pieces: Pieces = Box::pin(pieces);
            return Ok(Some(Part::File { name, file_name, bytes: StreamReader::new(pieces) }));
        }
        Ok(None)
    }

    async fn text(&mut self, part: &mut Field<'static>) -> Result<Vec<u8>, Refused> {
        let mut text = Vec::new();
        while let Some(piece) = part.chunk().await.map_err(broken)? {
            self.held.let_go();
            self.take(piece.len())?;
            text.extend_from_slice(&piece);
        }
        Ok(text)
    }

    fn take(&mut self, bytes: usize) -> Result<(), Refused> {
        let too_large = || Refused::new(ErrorCode::TooLarge, "This is too large to be sent.");
        self.text_bytes = self.text_bytes.checked_sub(bytes).ok_or_else(too_large)?;
        Ok(())
    }
}

/// What a file begins with; `None`: there is nothing in it.
async fn first_bytes(part: &mut Field<'static>) -> Result<Option<Bytes>, Refused> {
    while let Some(piece) = part.chunk().await.map_err(broken)? {
        if !piece.is_empty() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}
