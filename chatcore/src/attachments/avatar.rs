//! Pictures of people: one small square is made of what somebody sends, and nothing else of it is kept.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chat_proto::model::User;
use chat_proto::{ErrorCode, UserId};
use tokio::io::AsyncRead;

use super::incoming::Received;
use super::kind::Kind;
use super::picture::{self, Size, Thumbnail};
use super::seats::Seat;
use super::upload::{Upload, blocking, looked};
use super::{StoredContent, Unfit};
use crate::access::{Action, Relation};
use crate::actor::{Actor, Reading};
use crate::chat::Engine;
use crate::error::{Error, Result};
use crate::state::{Account, AccountState, Author, AvatarRow, Command, Origin, Outcome, Refusal, UserNo, avatars};
use crate::store::StoreError;

/// The largest file that a picture of a person is made of, bytes.
pub const AVATAR_BYTES: u64 = 5 << 20;
/// Pixels of a side of what is made of it; of a smaller picture fewer.
const SIDE: u32 = 256;
/// So many conversations of each of two people are looked at for one that both are in.
const MOST_LOOKED_AT: usize = 2_000;
/// So many of them at a time.
const AT_ONCE: usize = 50;

/// A picture of a person that was made of what came, and that nobody has yet. It is gone when this is dropped.
#[derive(Debug)]
pub struct NewAvatar {
    content: Received,
    small: Thumbnail,
    /// How many bytes came for it.
    came: u64,
    _seat: Seat,
}

impl Actor {
    /// Has others see me by this picture: PNG, JPEG, WebP or GIF, by what is in it. Kept is the square in its middle, 256
    /// pixels a side at the most, of one that moves the beginning; not where and with what it was taken, nor anything else
    /// that came with it. When this returns, it is on disk, and the one before is seen no more.
    ///
    /// # Errors
    /// `too_large` beyond [`AVATAR_BYTES`], or of too many pixels; `unsupported_media_type` when it is no such picture;
    /// `invalid` when it is empty, breaks off, is damaged, or has another SHA-256 than was said; `rate_limited` beyond what
    /// one may upload in a day or at the same time; `forbidden` for visitors; `storage_full`; `unavailable`.
    pub async fn set_avatar(&self, upload: impl Into<Upload>, bytes: impl AsyncRead) -> Result<User> {
        self.wear_avatar(self.make_avatar(upload, bytes).await?).await
    }

    /// The first half of [`set_avatar`](Self::set_avatar), for who has something else to do between.
    ///
    /// # Errors
    /// The same.
    pub async fn make_avatar(&self, upload: impl Into<Upload>, bytes: impl AsyncRead) -> Result<NewAvatar> {
        self.may_upload(Action::ChangeOwnAccount).await?;
        // Before it costs anything; asked again where it counts.
        self.read(|me| Ok(avatars::refuse_visitors(&me.account)?)).await?;
        let (received, seat) = self.receive(&upload.into(), AVATAR_BYTES, bytes).await?;
        self.chat().engine().make_avatar(received, seat).await
    }

    /// The other half.
    ///
    /// # Errors
    /// The same.
    pub async fn wear_avatar(&self, made: NewAvatar) -> Result<User> {
        let engine = self.chat().engine();
        // From here on it does not belong to who sent it any more.
        let (keeping, by, origin) = (Arc::clone(engine), self.by(), self.origin());
        let kept = engine.tasks.spawn(async move { keeping.keep_avatar(made, by, origin).await }).await;
        kept.map_err(|error| Error::new(ErrorCode::Internal, "Keeping the picture was broken off.").caused_by(error))?
    }

    /// Has others see me without a picture.
    ///
    /// # Errors
    /// `forbidden` for visitors.
    pub async fn remove_avatar(&self) -> Result<User> {
        let engine = self.chat().engine();
        let user = engine.user(Command::RemoveAvatar { by: self.by(), origin: self.origin() }).await?;
        engine.attachments.freed.notify_one();
        Ok(user)
    }

    /// The picture of somebody whom I may see: of those who are in a conversation with me, whom I may write to, for admins
    /// of everybody. Whether anybody else has one, or is there at all, is not told.
    ///
    /// # Errors
    /// `not_found`, also when they have none.
    pub async fn avatar(&self, user: UserId) -> Result<StoredContent> {
        let engine = Arc::clone(self.chat().engine());
        self.read(move |me| {
            me.require(Action::ReadDirectory, Relation::Stranger)?;
            let none = || Refusal::not_found("There is no such picture.");
            let found = me.view.user_no(user)?.map(|no| Ok::<_, StoreError>((no, me.view.account(no)?))).transpose()?;
            let Some((no, Some(account))) = found else { return Err(none().into()) };
            let Some(avatar) = account.avatar() else { return Err(none().into()) };
            if !me.sees(no, &account, engine.rules.contacts.may_start(me.account.role, account.role))? {
                return Err(none().into());
            }
            let AvatarRow { media_type, size, sha256, .. } = avatar.clone();
            Ok(StoredContent { media_type, size, sha256, store: engine.attachments.store.clone() })
        })
        .await
    }
}

impl Reading<'_> {
    /// Whether somebody is anybody to me. `reachable`: I may write to those of their role.
    fn sees(&self, no: UserNo, account: &Account, reachable: bool) -> Result<bool> {
        let in_directory = reachable && account.is_listed() && account.state == AccountState::Active;
        let known = no == self.no || in_directory || self.require(Action::ReadUsers, Relation::Stranger).is_ok();
        Ok(known || self.meets(no)?)
    }

    /// Whether there is a conversation that both of us are in. Whoever has fewer ends the search.
    fn meets(&self, other: UserNo) -> Result<bool, StoreError> {
        let is_in = |conversation: Option<Arc<crate::state::Conversation>>| {
            conversation.is_some_and(|found| [self.no, other].iter().all(|who| found.members.get(*who).is_some()))
        };
        if let Some(direct) = self.view.direct(self.no, other)?
            && is_in(self.view.conversation(direct)?)
        {
            return Ok(true);
        }
        let mut places = [(self.no, None), (other, None)];
        for _ in 0..MOST_LOOKED_AT / AT_ONCE {
            for (whose, before) in &mut places {
                let rows = self.view.inbox(*whose, *before, AT_ONCE)?;
                for (_, no) in &rows {
                    if is_in(self.view.conversation(*no)?) {
                        return Ok(true);
                    }
                }
                match rows.last() {
                    Some((last, _)) if rows.len() == AT_ONCE => *before = Some(*last),
                    _ => return Ok(false),
                }
            }
        }
        Ok(false)
    }
}

impl Engine {
    /// Looks at what came, and makes of it what others may have.
    async fn make_avatar(&self, mut received: Received, seat: Seat) -> Result<NewAvatar> {
        let bounds = self.attachments.bounds;
        let looked_at = blocking(move || {
            let file = received.content.file();
            let Kind::Picture(format) = Kind::of(file, "")? else {
                return Err(Unfit::Kind("A picture of a person is a PNG, JPEG, WebP or GIF.".into()));
            };
            let size = Size::read(file, format, &bounds)?;
            Ok((received, size))
        });
        let (received, size) = looked_at.await?;
        let store = &self.attachments.store;
        let came = received.size;
        let (mut original, mut cleaned) = (received.content, store.incoming(&*self.entropy)?);
        let mut made = store.incoming(&*self.entropy)?;
        let room = self.attachments.memory.reserve(&size).await;
        let made = self.attachments.darkroom.run(move || {
            let small = picture::square(&size, room, SIDE, original.file(), cleaned.file(), made.file())?;
            Ok(NewAvatar { content: made.measure()?, small, came, _seat: seat })
        });
        looked(made.await)
    }

    /// The new one is in its place before the one before is let go of; see [`sweep`](super::sweep).
    async fn keep_avatar(&self, made: NewAvatar, by: Author, origin: Origin) -> Result<User> {
        let NewAvatar { content: Received { content, size, sha256 }, small, came, _seat } = made;
        let avatar =
            Box::new(AvatarRow { media_type: small.format.media_type().to_owned(), size, sha256, side: small.width });
        let outcome = {
            let _shared = self.attachments.removing.read().await;
            self.attachments.used.store(true, Ordering::Release);
            self.attachments.store.place(content, &sha256).await?;
            self.writer.carry(Command::SetAvatar { by, avatar, bytes: came, origin }).await
        };
        match outcome {
            Ok(Outcome::User(user)) => {
                self.attachments.freed.notify_one();
                Ok(user)
            }
            Ok(_) => Err(Error::unexpected()),
            Err(error) => {
                self.remove_unneeded([sha256].into_iter()).await;
                Err(error)
            }
        }
    }
}
