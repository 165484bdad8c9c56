//! What waits to be sent by mail: an outbox that holds no secret.

use std::time::Duration;

use chat_proto::{ErrorCode, Timestamp};

use crate::actor::Actor;
use crate::auth::{LinkKey, LinkToken, Purpose};
use crate::chat::{Chat, Engine};
use crate::error::{Error, Result};
use crate::state::{self, Command, LetterId, LetterKind, NewLetter, Refusal};
use crate::store::{StoreError, View};

const PASSWORD_RESET_FOR: Duration = Duration::from_hours(1);
/// Whoever passes a link on by hand may need a while.
const PASSED_ON_FOR: Duration = Duration::from_hours(24);
const EMAIL_VERIFICATION_FOR: Duration = Duration::from_hours(24);
/// Letters that are given out at once, at the most.
const MOST_AT_ONCE: usize = 1_000;

/// A letter that waits to be sent, and whose link is good.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its name in the outbox; later letters have greater ones.
    pub id: LetterId,
    /// What it is about.
    pub kind: LetterKind,
    /// The address that it goes to.
    pub to: String,
    /// Whom it speaks to; nobody knows who was invited.
    pub name: Option<String>,
    /// Since when it waits.
    pub created_at: Timestamp,
    /// When its link is over.
    pub expires_at: Timestamp,
    token: String,
}

impl Letter {
    /// `None`: it is not sent, or its link is over.
    pub(crate) fn of(
        letter: &state::Letter,
        view: &dyn View,
        links: &LinkKey,
        now: Timestamp,
    ) -> std::result::Result<Option<Self>, StoreError> {
        if letter.kind == LetterKind::PasswordResetByAdmin {
            // The admin has its link.
            return Ok(None);
        }
        let token = letter.token_of(links);
        // Of a link that was signed with a key of before, nothing is left but the hash.
        if letter.expires_at <= now || token.hash(letter.kind.purpose()) != letter.token {
            return Ok(None);
        }
        Ok(Some(Self {
            id: letter.id,
            kind: letter.kind,
            to: letter.to.clone(),
            name: view.account(letter.user)?.map(|account| account.name.clone()),
            created_at: letter.created_at,
            expires_at: letter.expires_at,
            token: token.text(letter.kind.purpose()),
        }))
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Its link to the server's own page, for a shop that people meet at this address; a shop that has pages of its own makes
    /// it with [`Links`](crate::Links). Whoever has it can do what the letter is for. What is secret
    /// stands behind the `#`, which browsers send to no server.
    #[must_use]
    pub fn link(&self, base: &str) -> String {
        own_link(base, self.kind, &self.token)
    }
}

#[cfg(any(feature = "mail", feature = "testing"))]
impl Letter {
    /// A letter that is nobody's, with a link that leads nowhere.
    pub(crate) fn made_up(kind: LetterKind, to: &str, expires_at: Timestamp) -> Self {
        let (id, created_at) = (LetterId([9; 16]), Timestamp::from_millis(0));
        Self { id, kind, to: to.to_owned(), name: None, created_at, expires_at, token: "xx_made-up".to_owned() }
    }
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Chat {
    /// The letters after this one, the oldest first, at most 1,000 at once; for whoever sends them. A letter goes when its
    /// link is used or over.
    ///
    /// # Errors
    /// The store's.
    pub async fn letters(&self, after: Option<LetterId>, limit: usize) -> Result<Vec<Letter>> {
        let engine = std::sync::Arc::clone(self.engine());
        let now = engine.clock.now();
        let reading = std::sync::Arc::clone(&engine);
        let read = reading.read(move |view| {
            let mut letters = Vec::new();
            for letter in view.letters_after(after, limit.min(MOST_AT_ONCE))? {
                letters.extend(Letter::of(&letter, view, &engine.links, now)?);
            }
            Ok(letters)
        });
        read.await
    }
}

impl Actor {
    /// Sends me a letter with which I verify my address, unless I have done so, or three of them are good.
    pub async fn ask_to_verify_email(&self) -> Result<()> {
        let letter = self.chat().engine().new_letter(LetterKind::EmailVerification);
        let (by, origin) = (self.by(), self.origin());
        self.carry(Command::AskToVerifyEmail { by, letter: Box::new(letter), origin }).await.map(drop)
    }
}

impl Engine {
    pub(crate) fn new_letter(&self, kind: LetterKind) -> NewLetter {
        let now = self.clock.now();
        let id = LetterId(chat_proto::MessageId::new(now, self.entropy.bytes()).to_bytes());
        let token = self.links.token(kind.purpose(), id.0).hash(kind.purpose());
        let lasts = match kind {
            LetterKind::EmailVerification => EMAIL_VERIFICATION_FOR,
            LetterKind::PasswordResetByAdmin => PASSED_ON_FOR,
            LetterKind::PasswordReset | LetterKind::Invitation => PASSWORD_RESET_FOR,
        };
        NewLetter { id, token, expires_at: now.after(lasts) }
    }

    /// Forgets letters that are over, now and then.
    pub(crate) async fn forget_letters(&self) {
        loop {
            self.clock.sleep_until(self.clock.now().after(FORGET_EVERY)).await;
            match self.writer.carry(Command::ForgetLetters).await {
                Err(error) if matches!(error.code(), ErrorCode::Draining | ErrorCode::Unavailable) => return,
                // While nothing can be stored, nothing can be forgotten either.
                _ => {}
            }
        }
    }
}

const FORGET_EVERY: Duration = Duration::from_hours(1);

impl state::Letter {
    fn token_of(&self, links: &LinkKey) -> LinkToken {
        links.token(self.kind.purpose(), self.id.0)
    }
}

impl LetterKind {
    pub(crate) const fn purpose(self) -> Purpose {
        match self {
            Self::Invitation => Purpose::Invitation,
            Self::PasswordReset | Self::PasswordResetByAdmin => Purpose::PasswordReset,
            Self::EmailVerification => Purpose::EmailVerification,
        }
    }
}

/// The link to the server's own page where what a token is for is done.
pub(crate) fn own_link(base: &str, kind: LetterKind, token: &str) -> String {
    let page = match kind {
        LetterKind::Invitation => "accept-invitation",
        LetterKind::PasswordReset | LetterKind::PasswordResetByAdmin => "reset-password",
        LetterKind::EmailVerification => "verify-email",
    };
    format!("{}/{page}#{token}", base.trim_end_matches('/'))
}

/// The token of a letter that was just made.
pub(crate) fn token(links: &LinkKey, kind: LetterKind, letter: LetterId) -> String {
    links.token(kind.purpose(), letter.0).text(kind.purpose())
}

/// Which letter this is the link of, and by what it is known.
pub(crate) fn link(kind: LetterKind, token: &str) -> Result<(LetterId, [u8; 32])> {
    let token = LinkToken::parse(kind.purpose(), token).ok_or_else(|| Error::from(Refusal::spent_link()))?;
    Ok((LetterId(token.id()), token.hash(kind.purpose())))
}
