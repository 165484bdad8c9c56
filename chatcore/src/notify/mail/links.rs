//! Addresses that stand in mails, each made in one place.

use chat_proto::ConversationId;

use super::MailError;
use crate::letters::Letter;
use crate::notify::UnsubscribeToken;

/// Where people meet the chat.
#[derive(Debug)]
pub(super) struct Links {
    /// Without a slash at the end.
    base: String,
}

impl Links {
    pub(super) fn new(public_url: &str) -> Result<Self, MailError> {
        let rest = public_url.strip_prefix("https://").or_else(|| public_url.strip_prefix("http://"));
        let is_plain = |rest: &str| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&b))
        };
        if !rest.is_some_and(is_plain) {
            return Err(MailError::PublicUrl(public_url.to_owned()));
        }
        Ok(Self { base: public_url.trim_end_matches('/').to_owned() })
    }

    /// Into a conversation.
    pub(super) fn conversation(&self, id: ConversationId) -> String {
        format!("{}/c/{id}", self.base)
    }

    /// To where somebody ends the mails about messages.
    pub(super) fn unsubscribe(&self, token: &UnsubscribeToken) -> String {
        format!("{}/api/v1/notifications/unsubscribe?token={}", self.base, token.expose())
    }

    /// To where a letter's link leads.
    pub(super) fn letter(&self, letter: &Letter) -> String {
        letter.link(&self.base)
    }
}
