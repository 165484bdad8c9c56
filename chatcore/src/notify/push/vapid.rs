//! The server's own key pair for web push, and how it shows a push service who asks (RFC 8292).

use std::io;
use std::path::Path;
use std::time::Duration;

use chat_proto::Timestamp;
use data_encoding::BASE64URL_NOPAD;
use p256::SecretKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::clock::Entropy;
use crate::keys::write_private;

/// In the data folder: the private key as text.
const FILE: &str = "vapid.key";
/// How long a token is good; a day at the most, and clocks differ.
const GOOD_FOR: Duration = Duration::from_hours(12);

/// The key pair by which push services know this server, and to which the browsers' subscriptions are bound: with another
/// one all of them are void.
#[derive(Clone)]
pub struct VapidKeys {
    secret: SecretKey,
    public: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
}

impl VapidKeys {
    /// A new pair.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self::of(random_secret(entropy))
    }

    /// The pair of this private key: 32 bytes as base64url, as all tools for web push write it.
    #[must_use]
    pub fn from_private(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.trim().trim_end_matches('=').as_bytes()).ok()?);
        // A shorter one would be filled up.
        let bytes: &[u8; 32] = bytes.as_slice().try_into().ok()?;
        Some(Self::of(SecretKey::from_slice(bytes).ok()?))
    }

    fn of(secret: SecretKey) -> Self {
        let public = BASE64URL_NOPAD.encode(secret.public_key().to_encoded_point(false).as_bytes());
        Self { secret, public }
    }

    /// The public key: 65 bytes as base64url, the `applicationServerKey` of browsers.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The private key, to be written down. A secret.
    #[must_use]
    pub fn private(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64URL_NOPAD.encode(&Zeroizing::new(self.secret.to_bytes())))
    }

    /// The pair of this data folder; made, readable by its owner alone, when there is none.
    pub(crate) fn of_folder(folder: &Path, entropy: &dyn Entropy) -> io::Result<Self> {
        let path = folder.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::from_private(&Zeroizing::new(text))
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", path.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let keys = Self::generate(entropy);
                write_private(folder, FILE, keys.private().as_bytes())?;
                Ok(keys)
            }
            Err(error) => Err(error),
        }
    }

    /// What stands in `Authorization` towards the service at this origin.
    pub(super) fn authorization(&self, origin: &str, subject: Option<&str>, now: Timestamp) -> String {
        let claims = Claims { aud: origin, exp: now.after(GOOD_FOR).as_millis() / 1_000, sub: subject };
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        let header = BASE64URL_NOPAD.encode(br#"{"typ":"JWT","alg":"ES256"}"#);
        let signed = format!("{header}.{}", BASE64URL_NOPAD.encode(&claims));
        let signature: Signature = SigningKey::from(&self.secret).sign(signed.as_bytes());
        format!("vapid t={signed}.{}, k={}", BASE64URL_NOPAD.encode(&signature.to_bytes()), self.public)
    }
}

/// A private key of the curve. Not every number is one, though all but one in four thousand million are.
pub(super) fn random_secret(entropy: &dyn Entropy) -> SecretKey {
    loop {
        let bytes = Zeroizing::new(entropy.bytes::<32>());
        if let Ok(secret) = SecretKey::from_slice(&*bytes) {
            return secret;
        }
    }
}

impl std::fmt::Debug for VapidKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VapidKeys").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;

    #[test]
    fn a_pair_is_written_down_and_read_again() {
        let keys = VapidKeys::generate(&SystemEntropy);
        assert_eq!((keys.private().len(), keys.public().len()), (43, 87));
        let again = VapidKeys::from_private(&format!("{}=\n", *keys.private())).expect("the pair");
        assert_eq!(again.public(), keys.public());
        assert!(!format!("{keys:?}").contains(&**keys.private()));
        for wrong in ["", "AAAA", &"A".repeat(43), &"_".repeat(43), &keys.private()[1..], "not base64url!"] {
            assert!(VapidKeys::from_private(wrong).is_none(), "{wrong}");
        }
        // RFC 8291, appendix A.
        let known = VapidKeys::from_private("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw").expect("a pair");
        let public = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
        assert_eq!(known.public(), public);
    }

    #[test]
    fn a_folder_keeps_its_pair_to_itself() {
        let folder = tempfile::tempdir().unwrap();
        let keys = VapidKeys::of_folder(folder.path(), &SystemEntropy).unwrap();
        assert_eq!(VapidKeys::of_folder(folder.path(), &SystemEntropy).unwrap().public(), keys.public());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(folder.path().join(FILE), "x").unwrap();
        assert!(VapidKeys::of_folder(folder.path(), &SystemEntropy).is_err());
    }
}
