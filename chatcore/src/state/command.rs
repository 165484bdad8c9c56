use std::borrow::Cow;
use std::sync::Arc;

use chat_proto::model::{Message, User};
use chat_proto::{ClientId, ConversationId, ErrorCode, Role, Seq, SessionId, Timestamp, UserId};

use super::ConversationNo;

/// What somebody wants changed. Shape and length were checked before; everything that depends on what is stored is
/// checked in the transaction that writes.
#[derive(Clone, Debug)]
pub enum Command {
    /// A customer signs up and is signed in. Outcome: [`Outcome::SignedIn`].
    Register { id: UserId, email: String, name: String, password: String, session: SessionId, expires_at: Timestamp },
    /// The first admin; refused once there is one. Outcome: [`Outcome::User`].
    Bootstrap { id: UserId, email: String, name: String, password: String },
    /// An account of any role, by an admin or (`by: None`) by the embedding program. Outcome: [`Outcome::User`].
    CreateUser { by: Option<Author>, id: UserId, email: String, name: String, role: Role, password: Option<String> },
    /// The password was right. Outcome: [`Outcome::SignedIn`].
    StartSession { user: UserId, session: SessionId, expires_at: Timestamp },
    /// Signs out the author's session. Outcome: [`Outcome::Done`].
    EndSession { by: Author },
    /// Outcome: [`Outcome::User`].
    Rename { by: Author, name: String },
    /// Finds or begins the conversation of two people. Outcome: [`Outcome::Conversation`].
    OpenDirect { by: Author, id: ConversationId, with: UserId },
    /// Outcome: [`Outcome::Conversation`].
    CreateGroup { by: Author, id: ConversationId, subject: Option<String>, participants: Vec<UserId> },
    /// Outcome: [`Outcome::Conversation`].
    AddParticipant { by: Author, conversation: ConversationId, user: UserId },
    /// Removing oneself is leaving. Outcome: [`Outcome::Done`].
    RemoveParticipant { by: Author, conversation: ConversationId, user: UserId },
    /// Outcome: [`Outcome::Sent`].
    Send { by: Author, conversation: ConversationId, client_id: ClientId, text: String },
    /// Outcome: [`Outcome::Done`].
    MoveReadMark { by: Author, conversation: ConversationId, seq: Seq },
}

/// Who acts: a person, and over the wire also the session that they act in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Author {
    pub user: UserId,
    pub session: Option<SessionId>,
}

/// What a command that was carried out led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    User(User),
    SignedIn {
        user: User,
        session: SessionId,
        expires_at: Timestamp,
    },
    /// `created`: false when it was there before.
    Conversation {
        no: ConversationNo,
        created: bool,
    },
    /// `duplicate`: the author had sent it before, this is the first result.
    Sent {
        message: Arc<Message>,
        duplicate: bool,
    },
    Done,
}

/// Why a command was not carried out. It left nothing behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: ErrorCode,
    /// For a person; safe to show.
    pub detail: Cow<'static, str>,
    /// The values at fault.
    pub fields: Vec<Field>,
}

/// A value at fault: a JSON pointer into the request, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub pointer: Cow<'static, str>,
    pub detail: Cow<'static, str>,
}

impl Refusal {
    pub fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), fields: Vec::new() }
    }

    /// A value is malformed or out of range.
    pub fn invalid(pointer: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self {
            code: ErrorCode::Invalid,
            detail: detail.clone(),
            fields: vec![Field { pointer: pointer.into(), detail }],
        }
    }

    /// Does not exist, or is not theirs to know of: the two answers must not differ.
    pub fn not_found(what: &'static str) -> Self {
        Self::new(ErrorCode::NotFound, what)
    }
}
