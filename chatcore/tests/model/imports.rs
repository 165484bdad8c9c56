use chat_proto::model::ConversationKind;
use chat_proto::{ObjectId, Timestamp};
use chatcore::state::{AccountState, Command, Imported, ImportedConversation, ImportedMessage, ImportedUser, Origin};
use chatcore::store::conformance::client_id;
use proptest::prelude::*;

use super::side::Side;
use super::{conversation, files, who};

/// What is brought from elsewhere.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    User {
        number: u8,
        email: u8,
        hash: usize,
    },
    Conversation {
        number: u8,
        with: Vec<u8>,
    },
    File {
        who: u8,
        content: u8,
    },
    /// Seconds and authors; some have a file.
    Messages {
        to: u8,
        messages: Vec<(u8, u8)>,
        read: Vec<(u8, usize)>,
    },
    RenewHash {
        who: u8,
        from: usize,
    },
    Finish,
}

pub(crate) fn act() -> impl Strategy<Value = Act> {
    let messages = prop::collection::vec((0..32_u8, who()), 0..6);
    let read = prop::collection::vec((who(), 0..8_usize), 0..3);
    prop_oneof![
        2 => (0..4_u8, 0..12_u8, 0..3_usize).prop_map(|(number, email, hash)| Act::User { number, email, hash }),
        2 => (0..6_u8, prop::collection::vec(who(), 0..4))
            .prop_map(|(number, with)| Act::Conversation { number, with }),
        2 => (who(), 0..4_u8).prop_map(|(who, content)| Act::File { who, content }),
        3 => (conversation(), messages, read).prop_map(|(to, messages, read)| Act::Messages { to, messages, read }),
        1 => (who(), 0..3_usize).prop_map(|(who, from)| Act::RenewHash { who, from }),
        1 => Just(Act::Finish),
    ]
}

/// How passwords are stored, of which two are from elsewhere.
const HASHES: [&str; 3] = [
    "hash",
    "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$2a$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
];

/// An id as another system made them.
fn old(second: u8, number: u8) -> ObjectId {
    let mut bytes = [number; 12];
    // Some beyond the clock of the shop.
    let second = if second > 28 { u32::MAX } else { 1_700_000_000 + u32::from(second) };
    bytes[..4].copy_from_slice(&second.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

impl Act {
    pub(crate) fn command(&self, side: &mut Side) -> Command {
        let created_at = Timestamp::from_millis(1_700_000_000_000);
        match self {
            Self::User { number, email, hash } => {
                let id = old(0, *number).into();
                side.expect_user(id);
                Command::ImportUser(Box::new(ImportedUser {
                    email: format!("u{email}@shop.example"),
                    name: format!("Old {number}"),
                    state: AccountState::Active,
                    password: Some(HASHES[*hash].to_owned()),
                    ..ImportedUser::nobody(id, created_at)
                }))
            }
            Self::Conversation { number, with } => {
                let participants: Vec<_> = with.iter().map(|user| side.user(*user)).collect();
                let kind = if with.len() == 2 { ConversationKind::Direct } else { ConversationKind::Group };
                let (id, owner) = (old(1, *number).into(), participants.first().copied());
                side.expect_conversation(id);
                let subject = Some("Old".to_owned());
                Command::ImportConversation(Box::new(ImportedConversation {
                    id,
                    kind,
                    subject,
                    participants,
                    owner,
                    created_at,
                }))
            }
            Self::File { who, content } => {
                let file = files::row(side.shop.new_user_id(), *content, None);
                side.expect_file(file.id);
                Command::ImportFile { owner: side.user(*who), file: Box::new(file) }
            }
            Self::Messages { to, messages, read } => {
                let message = |(second, who): &(u8, u8)| ImportedMessage {
                    id: old(*second, 7).into(),
                    client_id: client_id(&old(*second, 7).to_string()),
                    author: side.user(*who),
                    text: format!("old {second}"),
                    created_at: Timestamp::from_millis(created_at.as_millis() + i64::from(*second)),
                    edited_at: (second % 5 == 0).then_some(created_at),
                    deleted_at: None,
                    files: (second % 3 == 0).then(|| side.file(second / 3)).into_iter().collect(),
                };
                let messages = messages.iter().map(message).collect();
                let read = read.iter().map(|(who, count)| (side.user(*who), *count)).collect();
                Command::ImportMessages { conversation: side.conversation(*to), messages, read }
            }
            Self::RenewHash { who, from } => Command::RenewPasswordHash {
                user: side.user(*who),
                before: HASHES[*from].to_owned(),
                after: "hash".to_owned(),
            },
            Self::Finish => Command::FinishImport { imported: Imported::default(), origin: Origin::default() },
        }
    }
}
