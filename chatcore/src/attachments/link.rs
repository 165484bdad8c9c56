//! Links by which a file can be had for a while without a token, as `<img>` and download managers need them.
//!
//! A link says who asked for it, sealed with a key of the server's, together with what it is for and until when. So nobody
//! can make one up, change it or use it for anything else; and when it is used, it is asked once more whether that person
//! may have the file: a link does not outlive the message, their place in the conversation, or their session.

use std::time::Duration;

use chat_proto::model::Cursor;
use chat_proto::{AttachmentId, ErrorCode, SessionId, Timestamp, UserId};

use super::StoredFile;
use crate::actor::Actor;
use crate::chat::Chat;
use crate::error::{Error, Result};
use crate::state::Author;

/// So long a link is good.
const GOOD_FOR: Duration = Duration::from_mins(5);

/// No link lasts longer than twice this: a day.
const MOST_SECONDS: i64 = 86_400;

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

    /// What the signature is good for, and nothing else.
    fn terms(id: AttachmentId, thumbnail: bool, expires: i64) -> Vec<u8> {
        [&id.to_bytes()[..], &[u8::from(thumbnail)], &expires.to_be_bytes()].concat()
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
        let expires = self.chat().engine().clock.now().after(GOOD_FOR).as_millis().div_euclid(1_000);
        Ok(self.sealed_link(id, thumbnail, expires))
    }

    /// The same, to stand beside a message in whose place nobody could ask for a link: good for at least so long and less
    /// than twice as long. Meanwhile it stays the same, so that who shows a list anew shows what has been loaded.
    ///
    /// Whether I may have the file is not asked here, but when the link is used, as of every link.
    #[must_use]
    pub fn lasting_attachment_link(&self, id: AttachmentId, thumbnail: bool, good_for: Duration) -> FileLink {
        let step = i64::try_from(good_for.as_secs()).unwrap_or(i64::MAX).clamp(1, MOST_SECONDS);
        let now = self.chat().engine().clock.now().as_millis().div_euclid(1_000);
        self.sealed_link(id, thumbnail, (now.div_euclid(step) + 2) * step)
    }

    fn sealed_link(&self, id: AttachmentId, thumbnail: bool, expires: i64) -> FileLink {
        let terms = FileLink::terms(id, thumbnail, expires);
        let sealed = self.chat().engine().attachments.links.page(&terms, &sealed_author(self.by()));
        FileLink { thumbnail, expires, signature: sealed.as_str().to_owned() }
    }
}

impl Chat {
    /// The file that a link leads to.
    ///
    /// # Errors
    /// `not_found` when it is over or none, and when whoever asked for it may not have the file any more.
    pub async fn linked_file(&self, id: AttachmentId, link: &FileLink) -> Result<StoredFile> {
        let over = || Error::new(ErrorCode::NotFound, "This link is over.");
        let engine = self.engine();
        let terms = FileLink::terms(id, link.thumbnail, link.expires);
        let signature = Cursor::from_text(link.signature.clone());
        let author = engine.attachments.links.open_page(&terms, &signature).and_then(|sealed| open_author(&sealed));
        let author = author.filter(|_| engine.clock.now() < link.expires_at()).ok_or_else(over)?;
        let actor = Actor::new(self.clone(), author, None);
        let file = if link.thumbnail { actor.thumbnail(id).await } else { actor.attachment(id).await };
        file.map_err(|error| match error.code() {
            ErrorCode::NotFound | ErrorCode::Forbidden | ErrorCode::TokenRevoked | ErrorCode::TokenExpired => over(),
            _ => error,
        })
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
