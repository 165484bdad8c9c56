//! One push to one device.

use std::time::Duration;

use bytes::Bytes;
use chat_proto::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::Push;
use super::encrypt::{DeviceKeys, encrypt};
use super::payload::{Told, payload, topic};
use crate::clock::Entropy;
use crate::notify::UnreadConversation;
use crate::notify::outgoing::{Answer, Target, Unanswered};
use crate::state::PushRow;

/// How long a service keeps what a device does not get because it is off, seconds. What is older is seen in the shop.
const TTL: u32 = 24 * 60 * 60;

/// What is pushed, to whichever device.
#[derive(Debug)]
pub(super) struct Post<'a> {
    pub(super) push: &'a Push,
    pub(super) conversations: &'a [UnreadConversation],
    pub(super) together: bool,
    pub(super) now: Timestamp,
    pub(super) entropy: &'a dyn Entropy,
}

/// What became of a push. The texts are for admins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The service has it.
    Taken,
    /// There is no such device any more.
    Gone,
    /// Perhaps later; not before this long.
    Later(String, Option<Duration>),
    /// This one will not be taken.
    Never(String),
}

impl Post<'_> {
    pub(super) async fn to(&self, device: &PushRow) -> Fate {
        let told = if self.push.show_text { Told::Text } else { Told::Count };
        let mut answer = self.send(device, told).await;
        if matches!(&answer, Ok(Some(answer)) if answer.status == StatusCode::PAYLOAD_TOO_LARGE) {
            answer = self.send(device, Told::Shortened).await;
        }
        let service = device.service();
        let fate = match answer {
            Ok(Some(answer)) => fate(service, answer),
            Ok(None) => Fate::Never(format!("{service}: nothing can be encrypted for this device")),
            Err(Unanswered::Unreachable(what)) => Fate::Later(format!("{service}: {what}"), None),
            Err(unwelcome) => Fate::Never(format!("{service}: {}", unwelcome.as_str())),
        };
        tracing::debug!(device = %device.id, service, ?fate, "pushed");
        fate
    }

    /// `None`: its key is none.
    async fn send(&self, device: &PushRow, told: Told) -> Result<Option<Answer>, Unanswered> {
        let text = payload(self.conversations, told, self.push.links.as_ref());
        let keys = DeviceKeys::new(&device.p256dh, device.auth);
        let Some(body) = keys.and_then(|keys| encrypt(&keys, &text, told != Told::Shortened, self.entropy)) else {
            return Ok(None);
        };
        let headers = |target: &Target| self.headers(target);
        self.push.outgoing.post(&device.endpoint, headers, Bytes::from(body), self.now).await.map(Some)
    }

    fn headers(&self, target: &Target) -> HeaderMap {
        let Push { keys, subject, .. } = self.push;
        let authorization = keys.authorization(&target.origin(), subject.as_deref(), self.now);
        // What was put together is of no hurry.
        let urgency = if self.together { "normal" } else { "high" };
        let topic = topic(self.conversations);
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
        headers.insert(HeaderName::from_static("ttl"), HeaderValue::from(TTL));
        headers.insert(HeaderName::from_static("urgency"), HeaderValue::from_static(urgency));
        // Both are of letters, digits and a few signs.
        if let (Ok(topic), Ok(mut authorization)) =
            (HeaderValue::from_str(&topic), HeaderValue::from_str(&authorization))
        {
            authorization.set_sensitive(true);
            headers.insert(HeaderName::from_static("topic"), topic);
            headers.insert(header::AUTHORIZATION, authorization);
        }
        headers
    }
}

fn fate(service: &str, answer: Answer) -> Fate {
    let status = answer.status;
    match status.as_u16() {
        200..=299 => Fate::Taken,
        404 | 410 => Fate::Gone,
        408 | 425 | 429 | 500..=599 => Fate::Later(format!("{service}: answered {status}"), answer.retry_after),
        401 | 403 => Fate::Never(format!("{service}: does not take this server's key ({status})")),
        413 => Fate::Never(format!("{service}: it is too large")),
        _ => Fate::Never(format!("{service}: answered {status}")),
    }
}
