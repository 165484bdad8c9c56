//! The way of a file into the chat.
//!
//! It is written to a temporary file, looked at, and put where its content belongs; when all of that is on disk, one
//! command makes it an attachment. So whatever is interrupted, no attachment ever lacks its content; what may be left is a
//! content that nothing needs, which is [swept out](super::sweep).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chat_proto::model::Attachment;
use chat_proto::{AttachmentId, ErrorCode, Role};
use tokio::io::AsyncRead;

use super::incoming::{Received, too_large};
use super::kind::Kind;
use super::picture::{self, Size};
use super::seats::Seat;
use super::store::{Hash, failed};
use super::{Unfit, name};
use crate::access::{Action, Relation};
use crate::actor::Actor;
use crate::chat::Engine;
use crate::error::{Error, Result};
use crate::state::{Command, FileRow, Outcome, ThumbnailRow, attachments};

/// What is said of a file before it comes.
#[derive(Clone, Debug)]
pub struct Upload {
    name: String,
    sha256: Option<Hash>,
    size: Option<u64>,
}

impl Upload {
    /// A file of this name. What it is, is seen in it.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), sha256: None, size: None }
    }

    /// It is kept only if this is its SHA-256, as it is sent.
    #[must_use]
    pub fn sha256(mut self, sha256: [u8; 32]) -> Self {
        self.sha256 = Some(sha256);
        self
    }

    /// How many bytes will come, as far as anybody knows: what is too much is refused before it comes.
    #[must_use]
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }
}

impl From<&str> for Upload {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Upload {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

/// What is to be kept, and what it is.
pub(super) struct Checked {
    pub(super) main: Received,
    kind: Kind,
    name: String,
    picture: Option<Picture>,
}

struct Picture {
    width: u32,
    height: u32,
    thumbnail: Received,
    small: picture::Thumbnail,
}

impl Actor {
    /// Uploads a file, to be sent with a message within a day; else it is forgotten. When this returns, it is on disk.
    ///
    /// What it is, is told by what is in it, and not by its name. Of pictures only the picture is kept: where and with what
    /// it was taken is not.
    ///
    /// # Errors
    /// `too_large`; `unsupported_media_type` when it is of no kind that is taken; `invalid` when it is empty, breaks off, is
    /// damaged, or has another SHA-256 than was said; `rate_limited` beyond what one may upload in a day or at the same time;
    /// `storage_full`; `unavailable`.
    pub async fn attach(&self, upload: impl Into<Upload>, bytes: impl AsyncRead) -> Result<Attachment> {
        let upload = upload.into();
        let role = self.may_upload(Action::UploadAttachment).await?;
        let engine = self.chat().engine();
        let (received, _seat) = self.receive(&upload, engine.limits.attachments.bytes, bytes).await?;
        let checked = engine.check(received, &upload.name, role).await?;
        // From here on it does not belong to who sent it any more.
        let by = self.by();
        let id = AttachmentId::new(engine.clock.now(), engine.entropy.bytes());
        let keep = move |file: FileRow| Command::KeepAttachment { by, file: Box::new(file) };
        match engine.keep_to_the_end(checked, id, keep).await? {
            (Outcome::Attachment(attachment), _) => Ok(*attachment),
            _ => Err(Error::unexpected()),
        }
    }

    /// Takes back what I have uploaded and not sent.
    ///
    /// # Errors
    /// `not_found`; `conflict` when it was sent.
    pub async fn delete_attachment(&self, attachment: AttachmentId) -> Result<()> {
        self.carry(Command::DeleteAttachment { by: self.by(), attachment }).await?;
        self.chat().engine().attachments.freed.notify_one();
        Ok(())
    }

    /// The file as it came whole, at most so many bytes of it, and the seat that it came on.
    pub(super) async fn receive(&self, upload: &Upload, most: u64, bytes: impl AsyncRead) -> Result<(Received, Seat)> {
        let engine = self.chat().engine();
        if upload.size.is_some_and(|size| size > most) {
            return Err(too_large(most));
        }
        let seat = engine.attachments.seats.take(self.user_id())?;
        Ok((engine.receive(upload, most, bytes).await?, seat))
    }

    /// Asked before anything comes, and again where it counts.
    pub(super) async fn may_upload(&self, action: Action) -> Result<Role> {
        let engine = Arc::clone(self.chat().engine());
        let now = engine.clock.now();
        self.read(move |me| {
            me.require(action, Relation::Stranger)?;
            if attachments::uploaded_today(me.view, now, me.no)? >= engine.limits.attachments.bytes_per_day {
                return Err(attachments::enough_for_today(now).into());
            }
            Ok(me.account.role)
        })
        .await
    }
}

impl Engine {
    /// The file as it came whole, at most so many bytes of it.
    pub(super) async fn receive(&self, upload: &Upload, most: u64, bytes: impl AsyncRead) -> Result<Received> {
        let (keep_free, store) = (self.limits.attachments.keep_free, &self.attachments.store);
        store.require_space(keep_free.saturating_add(upload.size.unwrap_or(0)))?;
        let received = store.receive(bytes, most, keep_free, &*self.entropy).await?;
        if received.size == 0 {
            return Err(Error::invalid("", "The file is empty."));
        }
        if upload.sha256.is_some_and(|said| said != received.sha256) {
            return Err(Error::invalid("", "The file has another SHA-256 than was said: it was changed on its way."));
        }
        Ok(received)
    }

    /// Keeps a file, whether or not anybody waits for it. Returns how many bytes it has, too.
    pub(super) async fn keep_to_the_end(
        self: &Arc<Self>,
        checked: Checked,
        id: AttachmentId,
        command: impl FnOnce(FileRow) -> Command + Send + 'static,
    ) -> Result<(Outcome, u64)> {
        let keeping = Arc::clone(self);
        let kept = self.tasks.spawn(async move { keeping.keep(checked, id, command).await }).await;
        kept.map_err(|error| Error::new(ErrorCode::Internal, "Keeping the file was broken off.").caused_by(error))?
    }

    /// Looks at a file, and makes of a picture what others may have.
    pub(super) async fn check(&self, mut received: Received, given_name: &str, role: Role) -> Result<Checked> {
        let bare = name::bare(given_name);
        let bounds = self.attachments.bounds;
        let looked_at = blocking(move || {
            let file = received.content.file();
            let kind = Kind::of(file, &bare)?;
            let size = match kind {
                Kind::Picture(format) => Some(Size::read(file, format, &bounds)?),
                _ => None,
            };
            Ok((received, kind, size))
        });
        let (received, kind, size) = looked_at.await?;
        self.limits.attachments.require_kind(role, kind.media_type())?;
        let name = name::clean(given_name, kind);
        let Some(size) = size else { return Ok(Checked { main: received, kind, name, picture: None }) };
        let store = &self.attachments.store;
        let (mut original, mut cleaned) = (received.content, store.incoming(&*self.entropy)?);
        let mut small = store.incoming(&*self.entropy)?;
        let room = self.attachments.memory.reserve(&size).await;
        let cleaned = self.attachments.darkroom.run(move || {
            let done = picture::clean(&size, room, &bounds, original.file(), cleaned.file(), small.file())?;
            let (main, thumbnail) = (cleaned.measure()?, small.measure()?);
            let picture = Picture { width: done.width, height: done.height, thumbnail, small: done.thumbnail };
            Ok(Checked { main, kind, name, picture: Some(picture) })
        });
        looked(cleaned.await)
    }

    /// Puts the contents where they belong, and then says so to the store. Nobody takes contents out meanwhile, so what the
    /// store counts on is there; see [`sweep`](super::sweep).
    async fn keep(
        &self,
        checked: Checked,
        id: AttachmentId,
        command: impl FnOnce(FileRow) -> Command,
    ) -> Result<(Outcome, u64)> {
        let Checked { main, kind, name, picture } = checked;
        let mut file = FileRow {
            id,
            name,
            media_type: kind.media_type().to_owned(),
            size: main.size,
            sha256: main.sha256,
            width: picture.as_ref().map(|picture| picture.width),
            height: picture.as_ref().map(|picture| picture.height),
            thumbnail: None,
        };
        let outcome = {
            let _shared = self.attachments.removing.read().await;
            self.attachments.used.store(true, Ordering::Release);
            let store = &self.attachments.store;
            if let Some(Picture { thumbnail, small, .. }) = picture {
                store.place(thumbnail.content, &thumbnail.sha256).await?;
                file.thumbnail = Some(ThumbnailRow {
                    media_type: small.format.media_type().to_owned(),
                    width: small.width,
                    height: small.height,
                    size: thumbnail.size,
                    sha256: thumbnail.sha256,
                });
            }
            store.place(main.content, &main.sha256).await?;
            self.writer.carry(command(file.clone())).await
        };
        // Refused, or there already with another content.
        if !matches!(outcome, Ok(Outcome::Attachment(_) | Outcome::Imported(1))) {
            self.remove_unneeded(file.contents()).await;
        }
        outcome.map(|outcome| (outcome, file.size))
    }
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Unfit> + Send + 'static) -> Result<T> {
    looked(tokio::task::spawn_blocking(work).await)
}

/// What came of looking at a file on another thread.
pub(super) fn looked<T, E>(done: Result<Result<T, Unfit>, E>) -> Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let done = done.map_err(|error| Error::new(ErrorCode::Internal, "Looking at the file failed.").caused_by(error))?;
    done.map_err(|unfit| match unfit {
        Unfit::File(error) => failed(error),
        unfit => Error::new(unfit.code(), unfit.to_string()),
    })
}
