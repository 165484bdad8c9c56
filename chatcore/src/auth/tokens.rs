use std::sync::Arc;

use chat_proto::{ErrorCode, SessionId, Timestamp, UserId};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::state::Author;

/// Makes and reads access tokens: JWTs (RFC 7519), HS256 and nothing else, bound to a session. A token alone proves
/// nothing for long: each use looks the session up where it is used.
pub(crate) struct Tokens {
    signing: EncodingKey,
    signing_id: String,
    verifying: Vec<Verifying>,
    clock: Arc<dyn Clock>,
}

/// The secrets that tokens are signed with.
pub(crate) struct TokenKeys {
    pub(crate) current: Zeroizing<Vec<u8>>,
    /// Those before, and until when what they signed is still taken.
    pub(crate) previous: Vec<(Zeroizing<Vec<u8>>, Timestamp)>,
}

struct Verifying {
    id: String,
    key: DecodingKey,
    until: Option<Timestamp>,
}

const ISSUER: &str = "chatd";
const AUDIENCE: &str = "chat";
/// What kind of token this is; no other kind is accepted where an access token is asked for (RFC 9068 does the same).
const ACCESS: &str = "at+jwt";

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    iat: i64,
    exp: i64,
}

impl Tokens {
    pub(crate) fn new(keys: &TokenKeys, clock: Arc<dyn Clock>) -> Self {
        // The embedding program may have chosen a provider already; ours serves when it has not.
        let _ = jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default();
        let current = std::iter::once((&keys.current, None));
        let previous = keys.previous.iter().map(|(secret, until)| (secret, Some(*until)));
        let verifying = current.chain(previous);
        Self {
            signing: EncodingKey::from_secret(&keys.current),
            signing_id: key_id(&keys.current),
            verifying: verifying
                .map(|(secret, until)| Verifying { id: key_id(secret), key: DecodingKey::from_secret(secret), until })
                .collect(),
            clock,
        }
    }

    pub(crate) fn access(&self, user: UserId, session: SessionId, expires_at: Timestamp) -> Result<String> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            sid: session,
            iat: self.clock.now().as_seconds(),
            exp: expires_at.as_seconds(),
        };
        let (typ, kid) = (Some(ACCESS.to_owned()), Some(self.signing_id.clone()));
        let header = Header { typ, kid, ..Header::new(Algorithm::HS256) };
        encode(&header, &claims, &self.signing)
            .map_err(|error| Error::new(ErrorCode::Internal, "No token could be made.").caused_by(error))
    }

    /// Whose token it is, and until when. Whether the session still stands is asked by whatever the token is used for.
    pub(crate) fn author(&self, token: &str) -> Result<(Author, Timestamp)> {
        let unauthenticated = || Error::new(ErrorCode::Unauthenticated, "This is not an access token of this server.");
        let header = decode_header(token).map_err(|_| unauthenticated())?;
        // RFC 7515, 4.1.11: extensions that must be understood, and none is.
        if header.typ.as_deref() != Some(ACCESS) || header.crit.is_some() {
            return Err(unauthenticated());
        }
        let now = self.clock.now();
        let key = self.verifying.iter().find(|key| header.kid.as_ref() == Some(&key.id));
        let key = key.filter(|key| key.until.is_none_or(|until| now < until)).ok_or_else(unauthenticated)?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        // Time comes from our own clock, below.
        validation.validate_exp = false;
        let token = decode::<Claims>(token, &key.key, &validation).map_err(|_| unauthenticated())?;
        if token.claims.exp <= now.as_seconds() {
            return Err(Error::new(ErrorCode::TokenExpired, "This token's time is over. Renew it, or sign in again."));
        }
        let author = Author { user: token.claims.sub, session: Some(token.claims.sid) };
        Ok((author, Timestamp::from_millis(token.claims.exp.saturating_mul(1_000))))
    }
}

/// By which a token says what key it was signed with; among our own keys only, wherever else a header may point.
fn key_id(secret: &[u8]) -> String {
    let hash = Sha256::new().chain_update("key id").chain_update(secret).finalize();
    BASE64URL_NOPAD.encode(&hash[..9])
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::testing::ManualClock;

    fn secret(byte: u8) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(vec![byte; 32])
    }

    fn tokens() -> Tokens {
        Tokens::new(&TokenKeys { current: secret(7), previous: Vec::new() }, Arc::new(SystemClock))
    }

    fn someone() -> (UserId, SessionId, Timestamp) {
        let later = SystemClock.now().after(std::time::Duration::from_mins(1));
        (UserId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]), later)
    }

    /// The claims of a good token under another header, signed with `secret`.
    fn forged(header: &Header, secret: &[u8]) -> String {
        let (sub, sid, exp) = someone();
        let claims =
            Claims { iss: ISSUER.to_owned(), aud: AUDIENCE.to_owned(), sub, sid, iat: 0, exp: exp.as_seconds() };
        encode(header, &claims, &EncodingKey::from_secret(secret)).unwrap()
    }

    #[test]
    fn a_token_names_its_user_and_session() {
        let (user, session, later) = someone();
        let token = tokens().access(user, session, later).unwrap();
        let (author, until) = tokens().author(&token).unwrap();
        assert_eq!(author, Author { user, session: Some(session) });
        assert_eq!(until.as_seconds(), later.as_seconds());
    }

    #[test]
    fn what_the_key_before_signed_is_taken_for_a_while() {
        let (user, session, later) = someone();
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let old = tokens().access(user, session, later).unwrap();
        let until = clock.now().after(std::time::Duration::from_secs(30));
        let keys = TokenKeys { current: secret(8), previous: vec![(secret(7), until)] };
        let rotated = Tokens::new(&keys, clock.clone());
        let new = rotated.access(user, session, later).unwrap();
        for token in [&old, &new] {
            assert_eq!(rotated.author(token).unwrap().0, Author { user, session: Some(session) });
        }
        assert!(tokens().author(&new).is_err(), "the new key is a new one");
        clock.advance(std::time::Duration::from_secs(30));
        assert_eq!(rotated.author(&old).unwrap_err().code(), ErrorCode::Unauthenticated);
        assert!(rotated.author(&new).is_ok());
    }

    #[test]
    fn foreign_altered_and_expired_tokens_are_refused() {
        let (user, session, later) = someone();
        let (typ, kid) = (Some(ACCESS.to_owned()), Some(key_id(&secret(7))));
        let header = |alg| Header { typ: typ.clone(), kid: kid.clone(), ..Header::new(alg) };
        let good = tokens().access(user, session, later).unwrap();
        let none = {
            let (_, rest) = good.split_once('.').unwrap();
            let header = data_encoding::BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"at+jwt"}"#);
            format!("{header}.{rest}")
        };
        for token in [
            String::new(),
            "x.y.z".to_owned(),
            none,
            good[..good.len() - 2].to_owned(),
            forged(&header(Algorithm::HS256), &[8; 32]),
            forged(&header(Algorithm::HS384), &[7; 32]),
            forged(&header(Algorithm::HS512), &[7; 32]),
            forged(&Header { typ: None, ..header(Algorithm::HS256) }, &[7; 32]),
            forged(&Header { kid: None, ..header(Algorithm::HS256) }, &[7; 32]),
            forged(&Header { kid: Some(key_id(&secret(8))), ..header(Algorithm::HS256) }, &[8; 32]),
            forged(&Header { crit: Some(vec!["b64".to_owned()]), ..header(Algorithm::HS256) }, &[7; 32]),
        ] {
            assert_eq!(tokens().author(&token).unwrap_err().code(), ErrorCode::Unauthenticated, "{token}");
        }
        let old = tokens().access(user, session, Timestamp::from_millis(1_000)).unwrap();
        assert_eq!(tokens().author(&old).unwrap_err().code(), ErrorCode::TokenExpired);
    }
}
