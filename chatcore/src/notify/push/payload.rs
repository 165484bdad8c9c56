//! What a device is told: as little as a notification shows, for the page's own program to put into words.

use serde::Serialize;
use sha2::{Digest, Sha256};

use data_encoding::BASE64URL_NOPAD;

use crate::links::Links;
use crate::notify::UnreadConversation;

/// The longest text, bytes of JSON: services take 4,096 encrypted ones.
pub(super) const MOST_BYTES: usize = 3_000;
/// Of a message, this much is worth sending, bytes.
const TEXT_BYTES: usize = 1_000;
/// Of a title, when there is no room for more.
const SHORT_TITLE_BYTES: usize = 100;

/// As `docs/notifications.md` describes it.
#[derive(Debug, Serialize)]
struct Payload<'a> {
    v: u8,
    title: &'a str,
    count: u64,
    conversation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversations: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The newest message too.
    Text,
    /// That there is something.
    Count,
    /// The same, in the fewest bytes, for a service that takes no more.
    Shortened,
}

/// The text for a device. Of several conversations it is about the one with the newest message.
pub(super) fn payload(unread: &[UnreadConversation], told: Told, links: Option<&Links>) -> Vec<u8> {
    let Some(shown) = shown(unread) else { return Vec::new() };
    let message = shown.messages.last().filter(|message| told == Told::Text && message.deleted_at.is_none());
    let (mut title, mut text) = (plain(&shown.title), message.map(|message| plain(&message.text)));
    let from = message.map(|message| plain(&message.author.name));
    if told == Told::Shortened {
        cut(&mut title, SHORT_TITLE_BYTES);
    }
    if let Some(text) = &mut text {
        cut(text, TEXT_BYTES);
    }
    loop {
        let payload = Payload {
            v: 1,
            title: &title,
            count: unread.iter().map(|conversation| conversation.count).sum(),
            conversation: shown.id.to_string(),
            link: links.and_then(|links| links.to_own_conversation(shown.id)),
            conversations: Some(unread.len()).filter(|many| *many > 1),
            from: from.as_deref(),
            text: text.as_deref(),
        };
        let json = serde_json::to_vec(&payload).unwrap_or_default();
        if json.len() <= MOST_BYTES {
            return json;
        }
        // What has to be escaped is longer as JSON.
        match &mut text {
            Some(text) if !text.is_empty() => {
                let half = text.len() / 2;
                cut(text, half);
            }
            _ => {
                let half = title.len() / 2;
                cut(&mut title, half);
            }
        }
    }
}

/// By what a service knows that a push takes the place of an earlier one that the device has not got yet. It learns
/// nothing else from it.
pub(super) fn topic(unread: &[UnreadConversation]) -> String {
    let name = match unread {
        [one] => one.id.to_bytes().to_vec(),
        _ => b"together".to_vec(),
    };
    let hash = Sha256::digest([b"web push topic\0", name.as_slice()].concat());
    BASE64URL_NOPAD.encode(&hash[..24])
}

fn shown(unread: &[UnreadConversation]) -> Option<&UnreadConversation> {
    unread.iter().max_by_key(|conversation| conversation.messages.last().map(|message| message.created_at))
}

/// Without what a notification would obey instead of showing it.
fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !turns(*c)).map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// Leaves at most so many bytes, whole characters, with a mark that there was more.
fn cut(text: &mut String, most: usize) {
    const MORE: &str = "…";
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most.saturating_sub(MORE.len())));
        if most >= MORE.len() {
            text.push_str(MORE);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use chat_proto::{ConversationId, MessageId, Timestamp, UserId};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    pub(in super::super) fn unread(id: u8, title: &str, count: u64, texts: &[&str]) -> UnreadConversation {
        let at = Timestamp::from_millis(i64::from(id));
        let conversation = ConversationId::from_bytes([id; 16]);
        let author = json!({"id": UserId::from_bytes([1; 16]), "name": "Ana", "role": "customer"});
        let message = |text: &&str| {
            let message = json!({
                "id": MessageId::new(at, [0; 10]), "conversation_id": conversation, "seq": 1, "version": 1,
                "author": author, "kind": "message", "text": text, "created_at": at,
            });
            serde_json::from_value(message).expect("a message")
        };
        let messages = texts.iter().map(message).collect();
        UnreadConversation { id: conversation, title: title.to_owned(), count, messages }
    }

    fn told(unread: &[UnreadConversation], told: Told) -> Value {
        let json = payload(unread, told, None);
        assert!(json.len() <= MOST_BYTES, "{}", json.len());
        serde_json::from_slice(&json).expect("JSON")
    }

    #[test]
    fn a_device_is_told_as_much_as_the_shop_wants() {
        let one = [unread(3, "Order 7", 2, &["Hello?", "Is it \u{202e}there\u{7}?"])];
        let conversation = one[0].id.to_string();
        let text = json!({"v": 1, "title": "Order 7", "count": 2, "conversation": conversation, "from": "Ana", "text": "Is it there ?"});
        assert_eq!(told(&one, Told::Text), text);
        let count = json!({"v": 1, "title": "Order 7", "count": 2, "conversation": conversation});
        assert_eq!(told(&one, Told::Count), count);
        assert_eq!(told(&one, Told::Shortened), count);
        let links = Links::new("https://chat.shop.example").unwrap();
        let told_with = |links: &Links| {
            let json = payload(&one, Told::Count, Some(links));
            serde_json::from_slice::<Value>(&json).expect("JSON")["link"].clone()
        };
        assert_eq!(told_with(&links), Value::Null, "the page is where the service worker is");
        let own = links.conversation("https://shop.example/{id}").unwrap();
        assert_eq!(told_with(&own), format!("https://shop.example/{conversation}"));
        let two = [unread(9, "New", 1, &["Newest"]), unread(3, "Old", 4, &["Old"])];
        let both = told(&two, Told::Text);
        assert_eq!((&both["title"], &both["count"], &both["conversations"]), (&json!("New"), &json!(5), &json!(2)));
    }

    #[test]
    fn a_topic_is_of_a_conversation_and_names_none() {
        let topics = [topic(&[unread(1, "a", 1, &[])]), topic(&[unread(2, "a", 1, &[])])];
        assert_ne!(topics[0], topics[1]);
        assert_eq!(topics[0], topic(&[unread(1, "b", 9, &["x"])]));
        for topic in topics {
            assert_eq!(topic.len(), 32);
            assert!(topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        }
    }

    proptest! {
        #[test]
        fn whatever_people_write_fits(title in "\\PC{0,200}", text in any::<String>(), long in 0_usize..200) {
            let text = text.repeat(long);
            let unread = [unread(1, &title, 1, &[&text])];
            for how in [Told::Text, Told::Count, Told::Shortened] {
                told(&unread, how);
            }
            prop_assert!(payload(&unread, Told::Shortened, None).len() < 1_000);
        }
    }
}
