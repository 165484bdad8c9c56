//! A message on its way in: JSON, or a form with its files, which go to disk piece by piece as they come. What else is in the
//! form may come before a file or after it, so files are kept first, and taken back when there is to be no message.

use axum::extract::{FromRequest, Request};
use axum::http::header;
use chat_proto::{AttachmentId, ErrorCode};
use chatcore::{Actor, Upload};

use super::attached::FILES;
use super::form::{self, Form};
use super::parts::{Part, Parts};
use crate::app::App;
use crate::problem::Refused;

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
        let files = limits.bytes.saturating_mul(limits.per_message as u64);
        let mut parts = Parts::of(request, boundary, app, files);
        while let Some(part) = parts.next().await? {
            match part {
                Part::Field { name, text } => self.form.add(&name, text)?,
                Part::File { name, .. } if !FILES.contains(&name.as_str()) => {
                    return Err(form::no_file(&name, "Nothing was sent."));
                }
                Part::File { .. } if self.uploaded.len() >= limits.per_message => {
                    let most = limits.per_message;
                    let detail = format!("A message has at most {most} files. Nothing was sent.");
                    return Err(Refused::new(ErrorCode::TooManyAttachments, detail));
                }
                Part::File { file_name, bytes, .. } => {
                    self.uploaded.push(me.attach(Upload::new(file_name), bytes).await?.id);
                }
            }
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
