use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Makes the tokens that stand in links which are sent to people.
///
/// A token is an id and a signature of it. So what waits to be sent need not hold a secret: the token is made again when
/// it is sent. Whether one is good is asked of its hash, which is stored: it is good once, and for its time.
pub(crate) struct LinkKey(Zeroizing<[u8; 32]>);

/// What a link is for; a token for the one is none for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Invitation,
    PasswordReset,
    EmailVerification,
    Unsubscribe,
}

/// What such a token says of itself: which row it belongs to. Proves nothing before its hash was compared.
pub(crate) struct LinkToken(Zeroizing<[u8; LENGTH]>);

const NAME: usize = 16;
const LENGTH: usize = NAME + 32;

impl Purpose {
    /// What its tokens begin with.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Invitation => "it_",
            Self::PasswordReset => "pt_",
            Self::EmailVerification => "vt_",
            Self::Unsubscribe => "ut_",
        }
    }
}

impl LinkKey {
    pub(crate) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }

    /// The token of this id.
    pub(crate) fn token(&self, purpose: Purpose, id: [u8; 16]) -> LinkToken {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&*self.0).unwrap_or_else(|_| {
            unreachable!("HMAC takes keys of any length");
        });
        mac.update(purpose.prefix().as_bytes());
        let mut token = Zeroizing::new([0; LENGTH]);
        token[..NAME].copy_from_slice(&id);
        mac.update(&token[..NAME]);
        token[NAME..].copy_from_slice(&mac.finalize().into_bytes());
        LinkToken(token)
    }
}

impl LinkToken {
    pub(crate) fn parse(purpose: Purpose, text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.strip_prefix(purpose.prefix())?.as_bytes()).ok()?;
        Some(Self(Zeroizing::new(Zeroizing::new(bytes).as_slice().try_into().ok()?)))
    }

    pub(crate) fn text(&self, purpose: Purpose) -> String {
        format!("{}{}", purpose.prefix(), BASE64URL_NOPAD.encode(&*self.0))
    }

    pub(crate) fn id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        id.copy_from_slice(&self.0[..NAME]);
        id
    }

    /// Of what the store remembers it by.
    pub(crate) fn hash(&self, purpose: Purpose) -> [u8; 32] {
        Sha256::new().chain_update(purpose.prefix()).chain_update(*self.0).finalize().into()
    }
}

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> LinkKey {
        LinkKey::new(Zeroizing::new([byte; 32]))
    }

    #[test]
    fn a_token_can_be_made_again_and_by_nobody_else() {
        let purpose = Purpose::Invitation;
        let token = key(7).token(purpose, [1; 16]);
        let read = LinkToken::parse(purpose, &token.text(purpose)).unwrap();
        assert_eq!((read.id(), read.hash(purpose)), ([1; 16], token.hash(purpose)));
        assert_eq!(key(7).token(purpose, [1; 16]).text(purpose), token.text(purpose));
        for other in [key(8).token(purpose, [1; 16]), key(7).token(purpose, [2; 16])] {
            assert_ne!(other.hash(purpose), token.hash(purpose));
        }
        for text in ["", "it_", "it_AAAA", &token.text(purpose)[1..], &token.text(purpose)[..50]] {
            assert!(LinkToken::parse(purpose, text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_token_for_one_purpose_is_none_for_another() {
        let token = key(7).token(Purpose::PasswordReset, [1; 16]);
        let text = token.text(Purpose::PasswordReset);
        assert!(LinkToken::parse(Purpose::EmailVerification, &text).is_none());
        let renamed = format!("vt_{}", &text[3..]);
        let renamed = LinkToken::parse(Purpose::EmailVerification, &renamed).unwrap();
        assert_ne!(renamed.hash(Purpose::EmailVerification), token.hash(Purpose::PasswordReset));
        let right = key(7).token(Purpose::EmailVerification, [1; 16]);
        assert_ne!(renamed.hash(Purpose::EmailVerification), right.hash(Purpose::EmailVerification));
    }
}
