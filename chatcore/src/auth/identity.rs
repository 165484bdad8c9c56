//! Tokens by which a site of the shop vouches for a customer: short-lived JWTs (RFC 7519) that are used once.

use std::time::Duration;

use chat_proto::{ErrorCode, Timestamp};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Validation, decode};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::shape;
use crate::site::{IdentityKey, Site};
use crate::state::Identity;

/// A token that is longer is none.
const TOKEN_BYTES: usize = 8 << 10;
/// From `iat` to `exp`, at the most. Used tokens are remembered for as long.
const LIFETIME: Duration = Duration::from_mins(10);
/// How far the shop's clock may be from ours.
const LEEWAY: Duration = Duration::from_secs(30);
const EXTERNAL_ID_BYTES: usize = 255;

/// The header, as far as it says anything. Keys that a token brings along are no reason to believe it.
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the header that must not be there")]
#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    jku: bool,
    #[serde(default, deserialize_with = "present")]
    jwk: bool,
    #[serde(default, deserialize_with = "present")]
    x5u: bool,
    #[serde(default, deserialize_with = "present")]
    x5c: bool,
}

/// All that is needed is required, and of its type: what is of another type does not count as absent.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    aud: String,
    iat: i64,
    exp: i64,
    nbf: Option<i64>,
    jti: Option<String>,
    name: Option<String>,
    email: Option<String>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer)?;
    Ok(true)
}

/// For whom the site vouches by this token. Whether it was used before is asked where it is used.
pub(crate) fn read(site: &Site, token: &str, now: Timestamp) -> Result<Identity> {
    if token.len() > TOKEN_BYTES {
        return Err(refused("it is too long"));
    }
    let (signed, _) = token.rsplit_once('.').ok_or_else(|| refused("it is no JWT"))?;
    let key = key_for(site, signed)?;
    let mut validation = Validation::new(key.algorithm);
    validation.set_required_spec_claims(&["exp", "aud", "sub"]);
    // Both are looked at below: the time is our own clock's, and the audience is one text.
    validation.validate_exp = false;
    validation.validate_aud = false;
    let decoded = decode::<Claims>(token, &key.key, &validation);
    let claims = decoded.map_err(|_| refused("its signature or one of its claims is not good"))?.claims;
    if claims.aud != site.wanted_audience() {
        return Err(refused("it is for another audience"));
    }
    let ends = in_time(&claims, now)?;
    identity(site, claims, signed, ends)
}

/// The configured key that the header names. It never brings one along.
fn key_for<'a>(site: &'a Site, signed: &str) -> Result<&'a IdentityKey> {
    let (head, _) = signed.split_once('.').ok_or_else(|| refused("it is no JWT"))?;
    let head = BASE64URL_NOPAD.decode(head.as_bytes()).ok();
    let head: Head =
        head.and_then(|head| serde_json::from_slice(&head).ok()).ok_or_else(|| refused("its header is malformed"))?;
    if head.crit {
        return Err(refused("it demands an extension that is not understood here"));
    }
    if head.jku || head.jwk || head.x5u || head.x5c {
        return Err(refused("it brings its own key along"));
    }
    if head.typ.as_deref().is_some_and(|typ| !typ.eq_ignore_ascii_case("jwt")) {
        return Err(refused("it is of another type"));
    }
    let named = match (&head.kid, &site.identity_keys[..]) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(kid), keys) => keys.iter().find(|key| key.kid.as_ref() == Some(kid)),
    };
    let key = named.ok_or_else(|| refused("it names no key of this site"))?;
    // The algorithm is the key's. What the token says must be the same, and decides nothing.
    if head.alg != key.algorithm_name() {
        return Err(refused("its algorithm is not that of the key"));
    }
    Ok(key)
}

/// Until when it could be used.
fn in_time(claims: &Claims, now: Timestamp) -> Result<Timestamp> {
    let seconds = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1_000));
    let (from, to) = (seconds(claims.iat.max(claims.nbf.unwrap_or(claims.iat))), seconds(claims.exp));
    let lifetime = claims.exp.checked_sub(claims.iat).and_then(|lifetime| u64::try_from(lifetime).ok());
    if lifetime.is_none_or(|lifetime| lifetime == 0 || lifetime > LIFETIME.as_secs()) {
        return Err(refused("it must live for no more than ten minutes from `iat` to `exp`"));
    }
    if from > now.after(LEEWAY) {
        return Err(refused("it is from the future"));
    }
    let ends = to.after(LEEWAY);
    if ends <= now {
        return Err(Error::new(ErrorCode::TokenExpired, "This token's time is over. Have a new one signed."));
    }
    Ok(ends)
}

fn identity(site: &Site, claims: Claims, signed: &str, ends: Timestamp) -> Result<Identity> {
    if !(1..=EXTERNAL_ID_BYTES).contains(&claims.sub.len()) || claims.sub.chars().any(char::is_control) {
        return Err(Error::invalid("/token", "`sub` has 1 to 255 bytes and no control characters."));
    }
    let malformed = |claim: &'static str| move |_| Error::invalid("/token", format!("`{claim}` is malformed."));
    let name = claims.name.map(|name| shape::name(&name)).transpose().map_err(malformed("name"))?;
    let email = claims.email.map(|email| shape::email(&email)).transpose().map_err(malformed("email"))?;
    let mut hash = Sha256::new();
    hash.update(site.key.as_bytes());
    match &claims.jti {
        Some(jti) => hash.update([b"\0jti\0", jti.as_bytes()].concat()),
        // What was signed, and not the signature: of some algorithms a second one can be made of the first.
        None => hash.update([b"\0signed\0", signed.as_bytes()].concat()),
    }
    Ok(Identity {
        site: site.key.clone(),
        external_id: claims.sub,
        name,
        email,
        token: hash.finalize().into(),
        token_ends: ends,
    })
}

fn refused(why: &'static str) -> Error {
    Error::new(ErrorCode::Unauthenticated, format!("This token is not accepted: {why}."))
}
