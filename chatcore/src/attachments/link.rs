//! Links by which a file can be had for a while without a token, as `<img>` and download managers need them.
//!
//! A link says who asked for it, sealed with a key of the server's, together with what it is for and until when. So nobody
//! can make one up, change it or use it for anything else; and when it is used, it is asked once more whether that person
//! may have the file: a link does not outlive the message, their place in the conversation, or their session.

use std::time::Duration;

use chat_proto::model::Cursor;
use chat_proto::{AttachmentId, ErrorCode, SessionId, Timestamp, UserId};

use super::{StoredContent, StoredFile};
use crate::actor::Actor;
use crate::chat::Chat;
use crate::error::{Error, Result};
use crate::state::Author;

/// So long a link is good.
const GOOD_FOR: Duration = Duration::from_mins(5);

/// No link lasts longer than twice this: a day.
const MOST_SECONDS: i64 = 86_400;

/// What a link is to; in one of these another cannot be read.
#[derive(Clone, Copy)]
enum Linked {
    File(AttachmentId, bool),
    Avatar(UserId),
}

/// What a link to a file has to say.
#[derive(Clone, PartialEq, Eq)]
pub struct FileLink {
    /// The small picture, instead of the file.
    pub thumbnail: bool,
    /// When it is over, in seconds since 1970.
    pub expires: i64,
    /// Proves it.
    pub signature: String,
}

impl FileLink {
    /// When it is over.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_millis(self.expires.saturating_mul(1_000))
    }
}

impl Linked {
    /// What the signature is good for, and nothing else.
    fn terms(self, expires: i64) -> Vec<u8> {
        let (id, what) = match self {
            Self::File(id, thumbnail) => (id.to_bytes(), u8::from(thumbnail)),
            Self::Avatar(user) => (user.to_bytes(), 2),
        };
        [&id[..], &[what], &expires.to_be_bytes()].concat()
    }

    fn thumbnail(self) -> bool {
        matches!(self, Self::File(_, true))
    }
}

impl std::fmt::Debug for FileLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileLink").field("thumbnail", &self.thumbnail).finish_non_exhaustive()
    }
}

impl Actor {
    /// A link to a file that I may have, good for five minutes; whoever has it has the file.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn attachment_link(&self, id: AttachmentId, thumbnail: bool) -> Result<FileLink> {
        if thumbnail {
            self.thumbnail(id).await?;
        } else {
            self.attachment(id).await?;
        }
        Ok(self.short_link(Linked::File(id, thumbnail)))
    }

    /// A link to the picture of somebody whom I may see, good for five minutes; whoever has it has the picture.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn avatar_link(&self, user: UserId) -> Result<FileLink> {
        self.avatar(user).await?;
        Ok(self.short_link(Linked::Avatar(user)))
    }

    /// The same, to stand beside a message in whose place nobody could ask for a link: good for at least so long and less
    /// than twice as long. Meanwhile it stays the same, so that who shows a list anew shows what has been loaded.
    ///
    /// Whether I may have the file is not asked here, but when the link is used, as of every link.
    #[must_use]
    pub fn lasting_attachment_link(&self, id: AttachmentId, thumbnail: bool, good_for: Duration) -> FileLink {
        self.lasting_link(Linked::File(id, thumbnail), good_for)
    }

    /// The same to the picture of somebody.
    #[must_use]
    pub fn lasting_avatar_link(&self, user: UserId, good_for: Duration) -> FileLink {
        self.lasting_link(Linked::Avatar(user), good_for)
    }

    fn short_link(&self, to: Linked) -> FileLink {
        let expires = self.chat().engine().clock.now().after(GOOD_FOR).as_millis().div_euclid(1_000);
        self.sealed_link(to, expires)
    }

    fn lasting_link(&self, to: Linked, good_for: Duration) -> FileLink {
        let step = i64::try_from(good_for.as_secs()).unwrap_or(i64::MAX).clamp(1, MOST_SECONDS);
        let now = self.chat().engine().clock.now().as_millis().div_euclid(1_000);
        self.sealed_link(to, (now.div_euclid(step) + 2) * step)
    }

    fn sealed_link(&self, to: Linked, expires: i64) -> FileLink {
        let sealed = self.chat().engine().attachments.links.page(&to.terms(expires), &sealed_author(self.by()));
        FileLink { thumbnail: to.thumbnail(), expires, signature: sealed.as_str().to_owned() }
    }
}

impl Chat {
    /// The file that a link leads to.
    ///
    /// # Errors
    /// `not_found` when it is over or none, and when whoever asked for it may not have the file any more.
    pub async fn linked_file(&self, id: AttachmentId, link: &FileLink) -> Result<StoredFile> {
        let actor = self.linked_by(Linked::File(id, link.thumbnail), link)?;
        let file = if link.thumbnail { actor.thumbnail(id).await } else { actor.attachment(id).await };
        file.map_err(or_over)
    }

    /// The picture of somebody that a link leads to.
    ///
    /// # Errors
    /// `not_found` when it is over or none, and when whoever asked for it may not have the picture any more.
    pub async fn linked_avatar(&self, user: UserId, link: &FileLink) -> Result<StoredContent> {
        self.linked_by(Linked::Avatar(user), link)?.avatar(user).await.map_err(or_over)
    }

    /// Who asked for a link, if it is one and not over.
    fn linked_by(&self, to: Linked, link: &FileLink) -> Result<Actor> {
        let engine = self.engine();
        let signature = Cursor::from_text(link.signature.clone());
        let sealed = engine.attachments.links.open_page(&to.terms(link.expires), &signature);
        let author = sealed.and_then(|sealed| open_author(&sealed));
        let author = author.filter(|_| engine.clock.now() < link.expires_at()).ok_or_else(over)?;
        Ok(Actor::new(self.clone(), author, None))
    }
}

fn over() -> Error {
    Error::new(ErrorCode::NotFound, "This link is over.")
}

/// Whoever may not have it any more is told nothing else.
fn or_over(error: Error) -> Error {
    match error.code() {
        ErrorCode::NotFound | ErrorCode::Forbidden | ErrorCode::TokenRevoked | ErrorCode::TokenExpired => over(),
        _ => error,
    }
}

fn sealed_author(by: Author) -> Vec<u8> {
    let session = by.session.map(SessionId::to_bytes);
    [&by.user.to_bytes()[..], session.as_ref().map_or(&[], |session| &session[..])].concat()
}

fn open_author(sealed: &[u8]) -> Option<Author> {
    let (user, session) = sealed.split_first_chunk::<16>()?;
    let session = if session.is_empty() { None } else { Some(SessionId::from_bytes(session.try_into().ok()?)) };
    Some(Author { user: UserId::from_bytes(*user), session })
}
