//! The web sites of the shop: where visitors come from, and who vouches for customers.

use std::fmt;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

/// A web site of the shop.
#[derive(Clone, Debug)]
pub struct Site {
    pub(crate) key: String,
    pub(crate) origins: Vec<String>,
    pub(crate) audience: Option<String>,
    pub(crate) identity_keys: Vec<IdentityKey>,
}

/// A key by which a site vouches for its customers. It goes with exactly one algorithm.
#[derive(Clone)]
pub struct IdentityKey {
    pub(crate) kid: Option<String>,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: DecodingKey,
}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableKey(String);

/// A secret that is shorter can be found by trying: HMAC-SHA-256 wants as many bytes as it gives (RFC 7518, 3.2).
const SECRET_BYTES: usize = 32;
/// A shorter modulus is not to be used (RFC 7518, 3.3), a longer one is not taken by the library.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=512;
/// Keys of one site; rotating needs two.
const MOST_KEYS: usize = 16;

impl Site {
    /// A site that is known under this key: 1 to 32 of `a-z 0-9 - _`. The key is no secret, it stands in the pages.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(key: impl Into<String>) -> Result<Self, UnusableKey> {
        let key = key.into();
        let harmless = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_".contains(&c);
        if !(1..=32).contains(&key.len()) || !key.bytes().all(harmless) {
            return Err(UnusableKey("a site's key is 1 to 32 of a-z, 0-9, - and _".to_owned()));
        }
        Ok(Self { key, origins: Vec::new(), audience: None, identity_keys: Vec::new() })
    }

    /// Under which key it is known.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The exact origins of its pages, such as `https://shop.example`. Default: none, so that no page of a browser can use
    /// the key.
    #[must_use]
    pub fn origins(mut self, origins: impl IntoIterator<Item = String>) -> Self {
        self.origins = origins.into_iter().collect();
        self
    }

    /// What tokens of this site must be for (`aud`). Default: the site's key.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// The keys by which it vouches for customers. Default: none, so that it vouches for nobody.
    ///
    /// # Errors
    /// When two of them have one name, when one of several has none, or when there are more than 16.
    pub fn identity_keys(mut self, keys: Vec<IdentityKey>) -> Result<Self, UnusableKey> {
        if keys.len() > MOST_KEYS {
            return Err(UnusableKey(format!("a site has at most {MOST_KEYS} keys")));
        }
        for (i, key) in keys.iter().enumerate() {
            if keys.len() > 1 && key.kid.is_none() {
                return Err(UnusableKey("where there are several keys, each needs a kid".to_owned()));
            }
            if keys[..i].iter().any(|other| other.kid == key.kid) {
                return Err(UnusableKey("two keys have the same kid".to_owned()));
            }
        }
        self.identity_keys = keys;
        Ok(self)
    }

    /// Whether a page of this origin is one of the site's.
    #[must_use]
    pub fn has_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|known| known == origin)
    }

    /// The exact origins of its pages.
    #[must_use]
    pub fn page_origins(&self) -> &[String] {
        &self.origins
    }

    /// The keys by which it vouches for customers.
    #[must_use]
    pub fn keys(&self) -> &[IdentityKey] {
        &self.identity_keys
    }

    /// What tokens of this site must be for.
    #[must_use]
    pub fn wanted_audience(&self) -> &str {
        self.audience.as_deref().unwrap_or(&self.key)
    }
}

impl IdentityKey {
    /// A secret that the shop's own backend signs with (HS256), at least 32 bytes.
    ///
    /// # Errors
    /// When it is shorter.
    pub fn secret(kid: Option<String>, secret: &[u8]) -> Result<Self, UnusableKey> {
        if secret.len() < SECRET_BYTES {
            return Err(UnusableKey(format!("the secret needs at least {SECRET_BYTES} bytes")));
        }
        Ok(Self { kid, algorithm: Algorithm::HS256, key: DecodingKey::from_secret(secret) })
    }

    /// The word for its algorithm in the header of a token.
    pub(crate) fn algorithm_name(&self) -> &'static str {
        match self.algorithm {
            Algorithm::RS256 => "RS256",
            Algorithm::ES256 => "ES256",
            Algorithm::EdDSA => "EdDSA",
            _ => "HS256",
        }
    }

    /// The public keys of a JSON Web Key Set (RFC 7517): RSA for RS256, P-256 for ES256, Ed25519 for `EdDSA`.
    ///
    /// # Errors
    /// When one of them is of another kind, too short, or secret: a secret or private key has no business in such a file.
    pub fn jwks(json: &str) -> Result<Vec<Self>, UnusableKey> {
        let no_set = |error: serde_json::Error| UnusableKey(format!("this is no JSON Web Key Set: {error}"));
        let plain: Value = serde_json::from_str(json).map_err(no_set)?;
        let secret = |key: &Value| ["d", "k", "p", "q"].iter().any(|part| key.get(part).is_some());
        if plain["keys"].as_array().is_some_and(|keys| keys.iter().any(secret)) {
            return Err(UnusableKey("the set holds a private or secret key; leave only the public parts".to_owned()));
        }
        let set: JwkSet = serde_json::from_value(plain).map_err(no_set)?;
        if set.keys.is_empty() {
            return Err(UnusableKey("the set is empty".to_owned()));
        }
        set.keys.iter().map(Self::of_jwk).collect()
    }

    fn of_jwk(jwk: &Jwk) -> Result<Self, UnusableKey> {
        let kid = jwk.common.key_id.clone();
        let named = kid.clone().unwrap_or_else(|| "without a kid".to_owned());
        let refuse = |why: &str| Err(UnusableKey(format!("the key {named} {why}")));
        let (algorithm, named_algorithm) = match &jwk.algorithm {
            AlgorithmParameters::RSA(rsa) => {
                let bytes = data_encoding::BASE64URL_NOPAD.decode(rsa.n.as_bytes()).unwrap_or_default();
                let length = bytes.iter().skip_while(|byte| **byte == 0).count();
                if !MODULUS_BYTES.contains(&length) {
                    return refuse("is no RSA key of 2048 to 4096 bits");
                }
                (Algorithm::RS256, KeyAlgorithm::RS256)
            }
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                (Algorithm::ES256, KeyAlgorithm::ES256)
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
            }
            _ => return refuse("is of a kind that is not taken; use RSA, P-256 or Ed25519"),
        };
        if jwk.common.key_algorithm.is_some_and(|given| given != named_algorithm) {
            return refuse("is for another algorithm than RS256, ES256 or EdDSA");
        }
        if jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
            return refuse("is not for signing");
        }
        match DecodingKey::from_jwk(jwk) {
            Ok(key) => Ok(Self { kid, algorithm, key }),
            Err(_) => refuse("is malformed"),
        }
    }
}

/// Its name and algorithm.
impl fmt::Display for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kid.as_deref().unwrap_or("without a kid"), self.algorithm_name())
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for UnusableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnusableKey {}
