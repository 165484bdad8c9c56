use std::sync::Arc;

use chat_proto::{ErrorCode, SessionId, Timestamp, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::state::Author;

/// Makes and reads access tokens: JWTs (RFC 7519), HS256 and nothing else, bound to a session. A token alone proves
/// nothing for long: each use looks the session up where it is used.
pub(crate) struct Tokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    clock: Arc<dyn Clock>,
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
    pub(crate) fn new(secret: &[u8], clock: Arc<dyn Clock>) -> Self {
        // The embedding program may have chosen a provider already; ours serves when it has not.
        let _ = jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default();
        Self { signing: EncodingKey::from_secret(secret), verifying: DecodingKey::from_secret(secret), clock }
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
        let header = Header { typ: Some(ACCESS.to_owned()), ..Header::new(Algorithm::HS256) };
        encode(&header, &claims, &self.signing)
            .map_err(|error| Error::new(ErrorCode::Internal, "No token could be made.").caused_by(error))
    }

    /// Whose token it is, and until when. Whether the session still stands is asked by whatever the token is used for.
    pub(crate) fn author(&self, token: &str) -> Result<(Author, Timestamp)> {
        let unauthenticated = || Error::new(ErrorCode::Unauthenticated, "This is not an access token of this server.");
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        // Time comes from our own clock, below.
        validation.validate_exp = false;
        let token = decode::<Claims>(token, &self.verifying, &validation).map_err(|_| unauthenticated())?;
        if token.header.typ.as_deref() != Some(ACCESS) {
            return Err(unauthenticated());
        }
        if token.claims.exp <= self.clock.now().as_seconds() {
            return Err(Error::new(ErrorCode::TokenExpired, "This token's time is over. Sign in again."));
        }
        let author = Author { user: token.claims.sub, session: Some(token.claims.sid) };
        Ok((author, Timestamp::from_millis(token.claims.exp.saturating_mul(1_000))))
    }
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

    fn tokens() -> Tokens {
        Tokens::new(&[7; 32], Arc::new(SystemClock))
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
    fn foreign_altered_and_expired_tokens_are_refused() {
        let (user, session, later) = someone();
        let typ = Some(ACCESS.to_owned());
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
            forged(&Header { typ: typ.clone(), ..Header::new(Algorithm::HS256) }, &[8; 32]),
            forged(&Header { typ: typ.clone(), ..Header::new(Algorithm::HS384) }, &[7; 32]),
            forged(&Header { typ: typ.clone(), ..Header::new(Algorithm::HS512) }, &[7; 32]),
            forged(&Header::new(Algorithm::HS256), &[7; 32]),
        ] {
            assert_eq!(tokens().author(&token).unwrap_err().code(), ErrorCode::Unauthenticated, "{token}");
        }
        let old = tokens().access(user, session, Timestamp::from_millis(1_000)).unwrap();
        assert_eq!(tokens().author(&old).unwrap_err().code(), ErrorCode::TokenExpired);
    }
}
