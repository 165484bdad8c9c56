//! One of each, from which the others are made.

use std::str::FromStr;

use chat_proto::model::*;
use chat_proto::wire::*;
use chat_proto::*;
use serde::Serialize;

use super::content;

pub(crate) fn id<T: FromStr>(prefix: &str, last: char) -> T {
    let text = format!("{prefix}_01kay8m2r3f9vvk1a2b3c4d5e{last}");
    text.parse().ok().expect("a fixed id is one")
}

pub(crate) fn alice() -> UserId {
    id("user", '1')
}

pub(crate) fn conv() -> ConversationId {
    id("conv", '1')
}

pub(crate) fn client_id() -> ClientId {
    "0199f2c4-7d1e-7c3a-9a55-2f6f1f0a9b11".parse().expect("a fixed id is one")
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_795_356_423_250 + seconds * 1_000)
}

pub(crate) fn cursor() -> Cursor {
    Cursor::from_text("c1_AAECAwQFBgcICQ".to_owned())
}

pub(crate) fn person() -> Person {
    Person {
        id: alice(),
        name: "Alice Ä. 🧵".to_owned(),
        role: Role::Customer,
        anonymous: false,
        verified: false,
        bot: false,
        avatar: None,
    }
}

pub(crate) fn user() -> User {
    User {
        id: alice(),
        email: "Alice@example.com".to_owned(),
        name: "Alice Ä. 🧵".to_owned(),
        role: Role::Customer,
        created_at: at(0),
        version: 1,
        anonymous: false,
        verified: true,
        bot: false,
        avatar: Some("9f86d081884c7d65".to_owned()),
        site: Some("shop".to_owned()),
        external_id: Some("customer-17".to_owned()),
        state: UserState::Active,
        email_verified: true,
    }
}

pub(crate) fn participant() -> Participant {
    Participant {
        id: alice(),
        name: "Alice Ä. 🧵".to_owned(),
        role: Role::Customer,
        owner: true,
        joined_at: at(10),
        read_seq: Seq(2),
        delivered_seq: Seq(3),
        anonymous: false,
        verified: false,
        bot: false,
        avatar: None,
    }
}

pub(crate) fn message() -> Message {
    Message {
        id: id("msg", '1'),
        conversation_id: conv(),
        seq: Seq(3),
        version: 1,
        author: person(),
        kind: MessageKind::Message,
        text: "Is \"blue\" still there?\n\u{7}".to_owned(),
        reply_to: None,
        mentions: Vec::new(),
        attachments: Vec::new(),
        reactions: Vec::new(),
        created_at: at(20),
        edited_at: None,
        deleted_at: None,
        client_id: Some(client_id()),
    }
}

/// With everything that a message can have.
pub(crate) fn full_message() -> Message {
    Message {
        version: 4,
        reply_to: Some(id("msg", '2')),
        mentions: vec![id("user", '2')],
        attachments: vec![attachment(), picture()],
        reactions: vec![Reaction { emoji: "👍".to_owned(), users: vec![alice(), id("user", '2')] }],
        edited_at: Some(at(30)),
        ..message()
    }
}

pub(crate) fn attachment() -> Attachment {
    Attachment {
        id: id("att", '1'),
        name: "invoice.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        size: 48_213,
        sha256: "0123456789abcdef".repeat(4),
        width: None,
        height: None,
        thumbnail: None,
    }
}

pub(crate) fn picture() -> Attachment {
    Attachment {
        id: id("att", '2'),
        name: "mug.png".to_owned(),
        media_type: "image/png".to_owned(),
        width: Some(640),
        height: Some(480),
        thumbnail: Some(Thumbnail { media_type: "image/png".to_owned(), width: 320, height: 240 }),
        ..attachment()
    }
}

pub(crate) fn deleted_message() -> Message {
    Message { version: 5, text: String::new(), deleted_at: Some(at(40)), client_id: None, ..message() }
}

pub(crate) fn conversation() -> Conversation {
    Conversation {
        id: conv(),
        kind: ConversationKind::Group,
        subject: Some("Order 1042".to_owned()),
        participants: vec![participant()],
        participant_count: 1,
        receipts: true,
        last_message: Some(message()),
        last_seq: Seq(3),
        read_seq: Seq(2),
        unread: 1,
        created_at: at(10),
        updated_at: at(20),
        version: 2,
    }
}

pub(crate) fn empty_conversation() -> Conversation {
    Conversation {
        kind: ConversationKind::Direct,
        subject: None,
        last_message: None,
        last_seq: Seq::ZERO,
        read_seq: Seq::ZERO,
        unread: 0,
        ..conversation()
    }
}

pub(crate) fn limits() -> LimitsInfo {
    LimitsInfo {
        text_bytes: 16_384,
        frame_bytes: 65_536,
        body_bytes: 65_536,
        group_participants: 256,
        page_rows: 200,
        attachment_bytes: 5_242_880,
        attachments_per_message: 10,
        attachment_bytes_per_day: 1_073_741_824,
    }
}

pub(crate) fn field_problem() -> FieldProblem {
    FieldProblem { pointer: "/text".to_owned(), code: ErrorCode::TooLarge, detail: "at most 16384 bytes".to_owned() }
}

pub(crate) fn event(n: u64, e: EventName, d: &impl Serialize) -> ServerFrame {
    use EventName::{MessageCreated, MessageDeleted, MessageEdited, ReactionChanged};
    let of_message = matches!(e, MessageCreated | MessageDeleted | MessageEdited | ReactionChanged);
    ServerFrame::Ev(Event {
        n,
        head: EventHead {
            c: "c1_AAECAwQFBgcICQ".to_owned(),
            e,
            conv: (e != EventName::UserChanged).then(conv),
            seq: of_message.then_some(Seq(3)),
            v: 1,
            at: at(20),
            by: (e != EventName::AccessRevoked).then(person),
            cid: of_message.then(client_id),
        },
        d: content(d),
    })
}
