//! How a webhook knows that it is this server that tells it something (<https://www.standardwebhooks.com>).

use chat_proto::Timestamp;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use hmac::{Hmac, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use sha2::{Digest as _, Sha256};

use crate::state::{Position, WebhookRow};

/// A secret as its owner gets it.
pub(super) fn secret_text(secret: &[u8; 32]) -> String {
    format!("whsec_{}", BASE64.encode(secret))
}

/// The name of an event towards a webhook, the same each time that it is told. It shows nothing of the log.
pub(super) fn delivery_id(webhook: &WebhookRow, epoch: u64, position: Position) -> String {
    let hash = Sha256::new()
        .chain_update(b"webhook delivery\0")
        .chain_update(webhook.id.to_bytes())
        .chain_update(epoch.to_be_bytes())
        .chain_update(position.0.to_be_bytes())
        .finalize();
    format!("evt_{}", BASE64URL_NOPAD.encode(&hash[..18]))
}

/// The headers of a request: while a secret is changed it is signed with both.
pub(super) fn headers(webhook: &WebhookRow, id: &str, body: &str, now: Timestamp) -> HeaderMap {
    let seconds = now.as_millis().div_euclid(1_000).to_string();
    let mut signatures = signature(&webhook.secret, id, &seconds, body);
    if let Some(previous) = webhook.previous.as_ref().filter(|previous| previous.until > now) {
        signatures.push(' ');
        signatures.push_str(&signature(&previous.secret, id, &seconds, body));
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("chatd/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in [("webhook-id", id), ("webhook-timestamp", &seconds), ("webhook-signature", &signatures)] {
        // Letters, digits and a few signs.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

fn signature(secret: &[u8; 32], id: &str, seconds: &str, body: &str) -> String {
    let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(secret).unwrap_or_else(|_| {
        unreachable!("HMAC takes keys of any length");
    });
    for part in [id, ".", seconds, ".", body] {
        mac.update(part.as_bytes());
    }
    format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard's own libraries.
    #[test]
    fn the_example_of_the_standard_comes_out() {
        let key = BASE64.decode(b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(&key).unwrap();
        mac.update(b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}");
        let theirs = format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()));
        assert_eq!(theirs, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        // Ours is made in the same way, with longer keys.
        let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(&[7; 32]).unwrap();
        mac.update(b"evt_x.1614265330.{}");
        let expected = format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()));
        assert_eq!(signature(&[7; 32], "evt_x", "1614265330", "{}"), expected);
    }
}
