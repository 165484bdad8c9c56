//! A message on its way in: JSON, or a form with its files, which go to disk piece by piece as they come. What else is in the
//! form may come before a file or after it, so files are kept first, and taken back when there is to be no message.

use axum::extract::{FromRequest, Request};
use axum::http::header;
use bytes::Bytes;
use chat_proto::{AttachmentId, ErrorCode};
use chatcore::{Actor, Upload};
use futures_util::{StreamExt, TryStreamExt, stream};
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio_util::io::StreamReader;

use super::attached::FILES;
use super::form::{self, Form};
use crate::app::App;
use crate::body;
use crate::problem::Refused;
use crate::upload::{AROUND_BYTES, Held, broke_off};

/// What was sent, read so far.
pub(super) struct Posting {
    pub(super) form: Form,
    /// What came in the form and is on disk, belonging to no message.
    pub(super) uploaded: Vec<AttachmentId>,
}

impl Posting {
    pub(super) async fn of(request: Request, app: &App, me: &Actor) -> Result<Self, Refused> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let Some(boundary) = kind.and_then(|kind| multer::parse_boundary(kind).ok()) else {
            return Ok(Self { form: Form::from_request(request, app).await?, uploaded: Vec::new() });
        };
        let mut posting = Self { form: Form::default(), uploaded: Vec::new() };
        match posting.read(request, boundary, app, me).await {
            Ok(()) => Ok(posting),
            Err(refused) => {
                take_back(me, &posting.uploaded).await;
                Err(refused)
            }
        }
    }

    async fn read(&mut self, request: Request, boundary: String, app: &App, me: &Actor) -> Result<(), Refused> {
        let limits = &app.chat.limits().attachments;
        let mut text_bytes = app.config.body_bytes;
        let files = limits.bytes.saturating_mul(limits.per_message as u64);
        let whole = files.saturating_add(AROUND_BYTES).saturating_add(text_bytes as u64);
        let held = Held::default();
        let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(whole));
        let mut parts =
            Multipart::with_constraints(held.watch(body::pieces(request.into_body())), boundary, constraints);
        while let Some(mut part) = parts.next_field().await.map_err(form::broken)? {
            held.let_go();
            let Some(name) = part.name().map(str::to_owned) else { continue };
            take(&mut text_bytes, name.len())?;
            let Some(file_name) = part.file_name().map(str::to_owned) else {
                let text = text(&mut part, &mut text_bytes, &held).await?;
                self.form.add(&name, text)?;
                continue;
            };
            let first = first_bytes(&mut part).await?;
            if file_name.is_empty() && first.is_none() {
                // How browsers send a choice of files from which nothing was chosen.
                continue;
            }
            if !FILES.contains(&name.as_str()) {
                return Err(form::no_file(&name));
            }
            if self.uploaded.len() >= limits.per_message {
                let most = limits.per_message;
                let detail = format!("A message has at most {most} files. Nothing was sent.");
                return Err(Refused::new(ErrorCode::TooManyAttachments, detail));
            }
            let bytes = StreamReader::new(
                stream::iter(first.map(Ok)).chain(part.map_err(broke_off)).inspect(|_| held.let_go()),
            );
            self.uploaded.push(me.attach(Upload::new(file_name), bytes).await?.id);
        }
        Ok(())
    }
}

/// Takes files back that go with no message. What is in the way of that is in nobody's: what is not sent is forgotten within a
/// day.
pub(super) async fn take_back(me: &Actor, uploaded: &[AttachmentId]) {
    for id in uploaded {
        let _ = me.delete_attachment(*id).await;
    }
}

/// A field of a form; of all together there are so many bytes at the most.
async fn text(part: &mut Field<'static>, left: &mut usize, held: &Held) -> Result<Vec<u8>, Refused> {
    let mut text = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(form::broken)? {
        held.let_go();
        take(left, piece.len())?;
        text.extend_from_slice(&piece);
    }
    Ok(text)
}

fn take(left: &mut usize, bytes: usize) -> Result<(), Refused> {
    let too_large = || Refused::new(ErrorCode::TooLarge, "This is too large to be sent.");
    *left = left.checked_sub(bytes).ok_or_else(too_large)?;
    Ok(())
}

/// What a file begins with; `None`: there is nothing in it.
async fn first_bytes(part: &mut Field<'static>) -> Result<Option<Bytes>, Refused> {
    while let Some(piece) = part.chunk().await.map_err(form::broken)? {
        if !piece.is_empty() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}
