//! Where the links lead that people are sent, each made in one place.

use chat_proto::ConversationId;

use crate::letters::{Letter, own_link};
use crate::state::LetterKind;

/// The longest address that a link is made of, bytes: it has to fit into a push.
const MOST_BYTES: usize = 500;

/// Pages to which links lead: those below one address, or the shop's own.
///
/// ```
/// use chatcore::Links;
///
/// let links = Links::new("https://chat.shop.example")?
///     .conversation("https://shop.example/messages/{id}")?
///     .reset_password("https://shop.example/password#{token}")?;
/// # Ok::<(), chatcore::LinkError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// Without a slash at the end.
    base: String,
    conversation: Option<Pattern>,
    reset_password: Option<Pattern>,
    verify_email: Option<Pattern>,
    accept_invitation: Option<Pattern>,
}

/// Why no link can be made of an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {why}")]
pub struct LinkError {
    /// As written.
    pub text: String,
    /// What is wrong, and how it would be right.
    pub why: &'static str,
}

/// An address with one place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    before: String,
    after: String,
}

impl Links {
    /// Links to the pages of the server that people meet at this address, such as `https://chat.shop.example`:
    /// `/c/CONVERSATION`, `/reset-password`, `/verify-email` and `/accept-invitation`.
    ///
    /// # Errors
    /// It is no address that a link could begin with.
    pub fn new(public_url: &str) -> Result<Self, LinkError> {
        let rest = after_scheme(public_url).unwrap_or_default();
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&b);
        if rest.is_empty() || !rest.bytes().all(is_plain) {
            let why = "is no address such as https://chat.shop.example, which links could begin with";
            return Err(LinkError { text: public_url.to_owned(), why });
        }
        let base = public_url.trim_end_matches('/').to_owned();
        Ok(Self { base, conversation: None, reset_password: None, verify_email: None, accept_invitation: None })
    }

    /// Conversations are at this address, such as `https://shop.example/messages/{id}`.
    ///
    /// # Errors
    /// It is no address with one `{id}` behind its host.
    pub fn conversation(mut self, address: &str) -> Result<Self, LinkError> {
        self.conversation = Some(Pattern::id(address)?);
        Ok(self)
    }

    /// A password is set anew at this address, such as `https://shop.example/password#{token}`. What stands behind a `#` is
    /// sent to no server.
    ///
    /// # Errors
    /// It is no address with one `{token}` behind its host.
    pub fn reset_password(mut self, address: &str) -> Result<Self, LinkError> {
        self.reset_password = Some(Pattern::token(address)?);
        Ok(self)
    }

    /// An address is verified at this one; as with [`reset_password`](Self::reset_password).
    ///
    /// # Errors
    /// It is no address with one `{token}` behind its host.
    pub fn verify_email(mut self, address: &str) -> Result<Self, LinkError> {
        self.verify_email = Some(Pattern::token(address)?);
        Ok(self)
    }

    /// An invitation is accepted at this address; as with [`reset_password`](Self::reset_password).
    ///
    /// # Errors
    /// It is no address with one `{token}` behind its host.
    pub fn accept_invitation(mut self, address: &str) -> Result<Self, LinkError> {
        self.accept_invitation = Some(Pattern::token(address)?);
        Ok(self)
    }

    /// Into a conversation.
    #[must_use]
    pub fn to_conversation(&self, id: ConversationId) -> String {
        self.to_own_conversation(id).unwrap_or_else(|| format!("{}/c/{id}", self.base))
    }

    /// Into a conversation, where the shop has pages of its own for them.
    pub(crate) fn to_own_conversation(&self, id: ConversationId) -> Option<String> {
        self.conversation.as_ref().map(|page| page.with(&id.to_string()))
    }

    /// To where a letter's link leads. Whoever has it can do what the letter is for.
    #[must_use]
    pub fn to_letter(&self, letter: &Letter) -> String {
        self.to_page(letter.kind, letter.token())
    }

    /// To where an invitation is accepted: with the token of [`Actor::invite`](crate::Actor::invite), for admins who pass it
    /// on. Whoever has it can accept.
    #[must_use]
    pub fn to_invitation(&self, token: &str) -> String {
        self.to_page(LetterKind::Invitation, token)
    }

    fn to_page(&self, kind: LetterKind, token: &str) -> String {
        let page = match kind {
            LetterKind::Invitation => &self.accept_invitation,
            LetterKind::PasswordReset | LetterKind::PasswordResetByAdmin => &self.reset_password,
            LetterKind::EmailVerification => &self.verify_email,
        };
        page.as_ref().map_or_else(|| own_link(&self.base, kind, token), |page| page.with(token))
    }

    /// To where somebody ends the mails about messages: always the server's own page.
    #[cfg(feature = "mail")]
    pub(crate) fn to_unsubscribe(&self, token: &crate::notify::UnsubscribeToken) -> String {
        format!("{}/api/v1/notifications/unsubscribe?token={}", self.base, token.expose())
    }
}

impl Pattern {
    fn id(address: &str) -> Result<Self, LinkError> {
        Self::parse(
            address,
            "{id}",
            "is no address such as https://shop.example/messages/{id}, with one {id} behind the host",
        )
    }

    fn token(address: &str) -> Result<Self, LinkError> {
        Self::parse(
            address,
            "{token}",
            "is no address such as https://shop.example/password#{token}, with one {token} behind the host",
        )
    }

    fn parse(text: &str, place: &str, expected: &'static str) -> Result<Self, LinkError> {
        let wrong = |why| LinkError { text: text.to_owned(), why };
        if text.len() > MOST_BYTES {
            return Err(wrong("is longer than 500 bytes"));
        }
        let (before, after) = text.split_once(place).ok_or_else(|| wrong(expected))?;
        let rest = after_scheme(before).ok_or_else(|| wrong(expected))?;
        let host = rest.split_once('/').map_or("", |(host, _)| host);
        let is_host = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&*+,;=%".contains(&b);
        let is_good = !host.is_empty() && host.bytes().all(is_host) && rest.bytes().chain(after.bytes()).all(is_plain);
        if !is_good {
            return Err(wrong(expected));
        }
        Ok(Self { before: before.to_owned(), after: after.to_owned() })
    }

    fn with(&self, value: &str) -> String {
        format!("{}{value}{}", self.before, self.after)
    }
}

fn after_scheme(url: &str) -> Option<&str> {
    url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Links {
        Links::new("https://chat.shop.example/").unwrap()
    }

    #[test]
    fn a_link_leads_to_the_server_or_to_a_page_of_the_shop() {
        let id = ConversationId::from_bytes([1; 16]);
        assert_eq!(links().to_conversation(id), format!("https://chat.shop.example/c/{id}"));
        assert_eq!(links().to_own_conversation(id), None);
        let own = links().conversation("http://localhost:5173/?page=chat&id={id}#end").unwrap();
        assert_eq!(own.to_conversation(id), format!("http://localhost:5173/?page=chat&id={id}#end"));
        assert_eq!(own.to_own_conversation(id), Some(own.to_conversation(id)));
    }

    #[test]
    fn an_address_has_one_place_behind_its_host() {
        for good in ["https://shop.example/{id}", "http://[::1]:80/a/{id}?b=%20#c", "https://shop.example/#/chat/{id}"]
        {
            assert!(links().conversation(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "https://shop.example/chat",
            "https://shop.example/{id}/{id}",
            "https://shop.example/{token}",
            "https://shop.example/{id}{x}",
            "https://{id}.shop.example/",
            "https://{id}",
            "https://me@shop.example/{id}",
            "https:///{id}",
            "/chat/{id}",
            "javascript:alert('{id}')",
            "https://shop.example/\"{id}",
            "https://shop.example/ {id}",
            "https://shop.example\\{id}",
        ] {
            let error = links().conversation(wrong).unwrap_err();
            assert!(error.to_string().contains("https://shop.example/messages/{id}"), "{error}");
        }
        assert!(links().conversation(&format!("https://shop.example/{}{{id}}", "x".repeat(500))).is_err());
    }
}
