//! Notifications of nothing that happened: to try templates with, and for tests.

use chat_proto::model::{Message, MessageKind, Person};
use chat_proto::{ConversationId, MessageId, Role, Seq, Timestamp, UserId};

use super::{Channel, News, Notification, UnreadConversation, UnsubscribeToken};
use crate::state::DeliveryId;

/// It goes by mail to Ana, who can end mails about messages.
pub(crate) fn notification(id: [u8; 16], news: News) -> Notification {
    let unsubscribe = matches!(news, News::Unread { .. }).then(|| UnsubscribeToken::new("ut_made-up".to_owned()));
    Notification {
        id: DeliveryId(id),
        channel: Channel::Mail,
        user: Some(UserId::from_bytes([3; 16])),
        name: Some("Ana Ruiz".to_owned()),
        mail_address: Some("ana@mail.example".to_owned()),
        created_at: Timestamp::from_millis(0),
        attempt: 1,
        unsubscribe,
        news,
    }
}

/// These messages, each with the name of who wrote it, are all that is unread.
pub(crate) fn unread(id: ConversationId, title: &str, messages: &[(&str, &str)]) -> UnreadConversation {
    UnreadConversation {
        id,
        title: title.to_owned(),
        count: messages.len() as u64,
        messages: messages.iter().zip(1..).map(|((author, text), seq)| message(id, seq, author, text)).collect(),
    }
}

fn message(conversation_id: ConversationId, seq: u8, author: &str, text: &str) -> Message {
    Message {
        id: MessageId::from_bytes([seq; 16]),
        conversation_id,
        seq: Seq(seq.into()),
        version: 1,
        author: Person {
            id: UserId::from_bytes([5; 16]),
            name: author.to_owned(),
            role: Role::Agent,
            anonymous: false,
            verified: false,
            bot: false,
            avatar: None,
        },
        kind: MessageKind::Message,
        text: text.to_owned(),
        attachments: Vec::new(),
        reply_to: None,
        mentions: Vec::new(),
        reactions: Vec::new(),
        created_at: Timestamp::from_millis(0),
        edited_at: None,
        deleted_at: None,
        client_id: None,
    }
}
