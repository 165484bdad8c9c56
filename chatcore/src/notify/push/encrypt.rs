//! What is pushed, encrypted for one device (RFC 8291, over RFC 8188): the service that passes it on learns its length.

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes128Gcm, Nonce};
use hkdf::Hkdf;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use p256::{PublicKey, SecretKey};
use sha2::Sha256;

use super::vapid::random_secret;
use crate::clock::Entropy;

/// All of it is one record.
const RECORD_BYTES: u32 = 4_096;
/// Texts are filled up to a multiple of this, so that the length tells little.
const FILL: usize = 128;

/// Whom something is encrypted for.
#[derive(Clone, Debug)]
pub(super) struct DeviceKeys {
    public: PublicKey,
    auth: [u8; 16],
}

impl DeviceKeys {
    /// None when the key is no point of the curve.
    pub(super) fn new(p256dh: &[u8; 65], auth: [u8; 16]) -> Option<Self> {
        Some(Self { public: PublicKey::from_sec1_bytes(p256dh).ok()?, auth })
    }
}

/// The body of a push (`Content-Encoding: aes128gcm`), filled up unless it must be as short as it can. The text is short
/// enough: see [`super::payload`].
pub(super) fn encrypt(device: &DeviceKeys, text: &[u8], filled: bool, entropy: &dyn Entropy) -> Option<Vec<u8>> {
    let fill = if filled { text.len().next_multiple_of(FILL) - text.len() } else { 0 };
    encrypt_with(device, text, fill, &random_secret(entropy), entropy.bytes())
}

fn encrypt_with(device: &DeviceKeys, text: &[u8], fill: usize, own: &SecretKey, salt: [u8; 16]) -> Option<Vec<u8>> {
    let shared = p256::ecdh::diffie_hellman(own.to_nonzero_scalar(), device.public.as_affine());
    let (theirs, ours) = (device.public.to_encoded_point(false), own.public_key().to_encoded_point(false));
    let info = [b"WebPush: info\0", theirs.as_bytes(), ours.as_bytes()].concat();
    let mut input = [0; 32];
    Hkdf::<Sha256>::new(Some(&device.auth), shared.raw_secret_bytes()).expand(&info, &mut input).ok()?;
    let keys = Hkdf::<Sha256>::new(Some(&salt), &input);
    let (mut key, mut nonce) = ([0; 16], [0; 12]);
    keys.expand(b"Content-Encoding: aes128gcm\0", &mut key).ok()?;
    keys.expand(b"Content-Encoding: nonce\0", &mut nonce).ok()?;
    // The end of the last record, and what fills it up.
    let mut record = [text, &[2]].concat();
    record.resize(record.len() + fill, 0);
    let sealed = Aes128Gcm::new(&key.into()).encrypt(Nonce::from_slice(&nonce), record.as_slice()).ok()?;
    let length = u8::try_from(ours.len()).ok()?;
    Some([&salt[..], &RECORD_BYTES.to_be_bytes(), &[length], ours.as_bytes(), &sealed].concat())
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;
    use web_push_native::{Auth, decrypt, p256 as their_p256};

    use super::*;
    use crate::clock::SystemEntropy;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        BASE64URL_NOPAD.decode(text.as_bytes()).unwrap().try_into().unwrap()
    }

    /// RFC 8291, appendix A.
    #[test]
    fn the_example_of_the_standard_comes_out() {
        let theirs = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        let device = DeviceKeys::new(&bytes(theirs), bytes("BTBZMqHH6r4Tts7J_aSIgg")).unwrap();
        let own = SecretKey::from_slice(&bytes::<32>("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")).unwrap();
        let text = b"When I grow up, I want to be a watermelon";
        let body = encrypt_with(&device, text, 0, &own, bytes("DGv6ra1nlYgDCS1FRnbzlw")).unwrap();
        assert_eq!(
            BASE64URL_NOPAD.encode(&body),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru\
             3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn others_can_read_it_and_its_length_tells_little() {
        let mut lengths = Vec::new();
        for length in [0, 1, 100, 127, 128, 129, 3_000] {
            let secret = their_p256::SecretKey::from_slice(&[7; 32]).unwrap();
            let public =
                their_p256::elliptic_curve::sec1::ToEncodedPoint::to_encoded_point(&secret.public_key(), false);
            let auth = [9; 16];
            let device = DeviceKeys::new(public.as_bytes().try_into().unwrap(), auth).unwrap();
            let text = vec![b'x'; length];
            let body = encrypt(&device, &text, true, &SystemEntropy).unwrap();
            lengths.push(body.len());
            assert!(body.len() <= RECORD_BYTES as usize);
            assert_eq!(decrypt(body, &secret, &Auth::from(auth)).unwrap(), text);
        }
        assert_eq!(lengths[1..4], [lengths[1]; 3]);
        let device = DeviceKeys::new(
            &bytes("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
            [0; 16],
        );
        assert_eq!(encrypt(&device.unwrap(), b"x", false, &SystemEntropy).unwrap().len() + 127, lengths[1]);
        assert!(DeviceKeys::new(&[4; 65], [0; 16]).is_none(), "no point of the curve");
    }
}
