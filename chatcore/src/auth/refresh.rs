use chat_proto::{SessionId, UserId};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::clock::Entropy;
use crate::state::RefreshHashes;

/// What a session's next access token is got with, once. Of it only hashes are stored.
///
/// It says in which row to look, and holds two secrets: the family's, which all tokens of a session have in common, and
/// its own. So one that was spent is told from one that somebody made up, without keeping all that were spent: only the
/// former ends the session, and nobody can end a session by knowing its id.
pub(crate) struct RefreshToken(Zeroizing<[u8; LENGTH]>);

const LENGTH: usize = 16 + 16 + FAMILY + SECRET;
const FAMILY: usize = 16;
/// 256 bits.
const SECRET: usize = 32;
/// No other kind of token looks like it.
const PREFIX: &str = "rt_";

impl RefreshToken {
    /// The first of a session.
    pub(crate) fn new(user: UserId, session: SessionId, entropy: &dyn Entropy) -> Self {
        let mut token = Zeroizing::new([0; LENGTH]);
        token[..16].copy_from_slice(&user.to_bytes());
        token[16..32].copy_from_slice(&session.to_bytes());
        entropy.fill(&mut token[32..]);
        Self(token)
    }

    /// The one that takes its place.
    pub(crate) fn next(&self, entropy: &dyn Entropy) -> Self {
        let mut token = self.0.clone();
        entropy.fill(&mut token[32 + FAMILY..]);
        Self(token)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.strip_prefix(PREFIX)?.as_bytes()).ok()?);
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    pub(crate) fn text(&self) -> String {
        format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&*self.0))
    }

    pub(crate) fn user(&self) -> UserId {
        UserId::from_bytes(self.part(0))
    }

    pub(crate) fn session(&self) -> SessionId {
        SessionId::from_bytes(self.part(16))
    }

    pub(crate) fn hashes(&self) -> RefreshHashes {
        RefreshHashes { family: Sha256::digest(&self.0[..32 + FAMILY]).into(), token: Sha256::digest(*self.0).into() }
    }

    fn part(&self, from: usize) -> [u8; 16] {
        let mut part = [0; 16];
        part.copy_from_slice(&self.0[from..from + 16]);
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;

    #[test]
    fn a_token_names_its_session_and_is_of_the_same_family_as_the_next() {
        let (user, session) = (UserId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
        let first = RefreshToken::new(user, session, &SystemEntropy);
        let read = RefreshToken::parse(&first.text()).unwrap();
        assert_eq!((read.user(), read.session(), read.hashes()), (user, session, first.hashes()));
        let next = first.next(&SystemEntropy);
        assert_eq!((next.user(), next.session()), (user, session));
        assert_eq!(next.hashes().family, first.hashes().family);
        assert_ne!(next.hashes().token, first.hashes().token);
        let other = RefreshToken::new(user, session, &SystemEntropy);
        assert_ne!(other.hashes().family, first.hashes().family);
    }

    #[test]
    fn what_has_another_form_is_none() {
        let good =
            RefreshToken::new(UserId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]), &SystemEntropy).text();
        for text in ["", "rt_", "rt_AAAA", &good[3..], &good[..good.len() - 1], &format!("{good}A"), "a.b.c"] {
            assert!(RefreshToken::parse(text).is_none(), "{text}");
        }
    }
}
