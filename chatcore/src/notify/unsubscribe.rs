//! Ending mails about messages from a mail itself, by whoever holds it.

use chat_proto::model::ChannelPreferences;
use chat_proto::{ErrorCode, UserId};

use crate::actor::Actor;
use crate::auth::{LinkKey, LinkToken, Purpose};
use crate::chat::Chat;
use crate::error::{Error, Result};
use crate::state::Command;

/// With it, mails about messages can be ended; it stands in each of them. It is good for nothing else, as often as anybody
/// likes, for as long as the server's key is the same.
#[derive(Clone, PartialEq, Eq)]
pub struct UnsubscribeToken(String);

impl UnsubscribeToken {
    #[cfg(any(feature = "mail", feature = "testing"))]
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// Its text, for a link in a mail to the person that it belongs to.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Chat {
    /// Ends the mails about messages to whomever this token belongs to, of those too in which they are spoken to by name;
    /// letters that they ask for still come. Doing it again does nothing.
    ///
    /// # Errors
    /// `invalid` (`/token`) when it is none of this server's; the store's.
    pub async fn unsubscribe(&self, token: &str) -> Result<()> {
        let no_token = || Error::invalid("/token", "This is not a link of a mail of this server.");
        let user = self.engine().links.unsubscriber(token).ok_or_else(no_token)?;
        match self.as_user(user).end_mails().await {
            // An account that is closed is told nothing in any case.
            Err(error) if matches!(error.code(), ErrorCode::TokenRevoked | ErrorCode::Unauthenticated) => Ok(()),
            ended => ended,
        }
    }
}

impl Actor {
    async fn end_mails(&self) -> Result<()> {
        let mut wishes = self.notification_preferences().await?;
        if wishes.mail == ChannelPreferences::NONE {
            return Ok(());
        }
        wishes.mail = ChannelPreferences::NONE;
        self.carry(Command::SetWishes { by: self.by(), wishes: Box::new(wishes) }).await.map(drop)
    }
}

impl LinkKey {
    /// What stands in a mail to this person.
    pub(crate) fn unsubscribe_token(&self, user: UserId) -> UnsubscribeToken {
        UnsubscribeToken(self.token(Purpose::Unsubscribe, user.to_bytes()).text(Purpose::Unsubscribe))
    }

    /// To whom a token belongs, if it is one of ours.
    fn unsubscriber(&self, text: &str) -> Option<UserId> {
        let purpose = Purpose::Unsubscribe;
        let token = LinkToken::parse(purpose, text)?;
        // Hashes are compared, so that how long it takes tells nothing of a signature.
        (self.token(purpose, token.id()).hash(purpose) == token.hash(purpose)).then(|| UserId::from_bytes(token.id()))
    }
}

impl std::fmt::Debug for UnsubscribeToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnsubscribeToken")
    }
}
