//! What is stored: numbered fields that only grow, so that new code reads old rows and old code new ones.

use std::net::IpAddr;
use std::sync::Arc;

use chat_proto::model::{self, ApiKey, ConversationKind, Person, User, UserState};
use chat_proto::{
    ApiKeyId, ClientId, ConversationId, InvitationId, MessageId, Role, Seq, SessionId, Timestamp, UserId,
};
use minicbor::{Decode, Encode};

use super::{AvatarRow, ConversationNo, FileRow, Position, RecordKey, UserNo, cbor};
use crate::access::{Relation, Scopes};
use crate::store::{StoreError, StoreErrorKind};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Account {
    #[cbor(n(0), with = "cbor::user_id")]
    pub id: UserId,
    /// As typed; compared by [`fold_email`].
    #[n(1)]
    pub email: String,
    #[n(2)]
    pub name: String,
    #[cbor(n(3), with = "cbor::role")]
    pub role: Role,
    #[n(4)]
    pub state: AccountState,
    /// PHC string of the password; `None`: cannot sign in with one.
    #[n(5)]
    pub password: Option<String>,
    #[cbor(n(6), with = "cbor::timestamp")]
    pub created_at: Timestamp,
    #[n(7)]
    pub version: u64,
    /// What most accounts have nothing of.
    #[n(8)]
    pub extras: Option<Box<AccountExtras>>,
    /// Somebody has shown that they get what is sent to the address.
    #[cbor(n(9), default)]
    pub email_verified: bool,
}

/// Where an account comes from that nobody signed up for, and what became of it; a picture, where there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AccountExtras {
    /// The key of the site.
    #[cbor(n(0), default)]
    pub site: Option<String>,
    /// A visitor whom nobody knows.
    #[cbor(n(1), default)]
    pub visitor: Option<VisitorRow>,
    /// Somebody for whom the site has vouched.
    #[cbor(n(2), default)]
    pub identity: Option<IdentityRow>,
    /// A program of the shop's.
    #[cbor(n(3), default)]
    pub bot: bool,
    /// Their picture.
    #[cbor(n(4), default)]
    pub avatar: Option<AvatarRow>,
}

/// A visitor whom nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct VisitorRow {
    /// The only session that they ever have.
    #[cbor(n(0), with = "cbor::session_id")]
    pub session: SessionId,
    /// They have been in a conversation, so others remember them.
    #[n(1)]
    pub met: bool,
    /// Who they turned out to be.
    #[cbor(n(2), with = "cbor::optional_user_no")]
    pub became: Option<UserNo>,
}

/// Somebody for whom a site has vouched.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct IdentityRow {
    /// Who they are to the site.
    #[n(0)]
    pub external_id: String,
    /// As the site gave it; nobody signs in with it.
    #[n(1)]
    pub email: Option<String>,
}

/// A key of the shop's own programs. Everything but its use stays as it was made.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ApiKeyRow {
    /// Also that of the session in whose place it stands.
    #[cbor(n(0), with = "cbor::session_id")]
    pub id: SessionId,
    #[n(1)]
    pub name: String,
    /// See [`Scopes`](crate::Scopes).
    #[n(2)]
    pub scopes: u32,
    /// The bot that it acts as; 0: the shop itself.
    #[cbor(n(3), with = "cbor::user_no")]
    pub user: UserNo,
    #[cbor(n(4), with = "cbor::timestamp")]
    pub created_at: Timestamp,
    /// To the hour.
    #[cbor(n(5), with = "cbor::optional_timestamp")]
    pub used_at: Option<Timestamp>,
    /// SHA-256 of the key.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub secret: [u8; 32],
}

impl ApiKeyRow {
    pub(crate) fn encoded(&self) -> Vec<u8> {
        minicbor::to_vec(self).unwrap_or_default()
    }

    pub(crate) fn decoded(row: &[u8]) -> Result<Self, StoreError> {
        minicbor::decode(row).map_err(|error| StoreError::new(StoreErrorKind::Corrupt, error))
    }

    /// As admins see it.
    pub(crate) fn shown(&self, user: Option<Person>) -> ApiKey {
        ApiKey {
            id: ApiKeyId::from_bytes(self.id.to_bytes()),
            name: self.name.clone(),
            scopes: Scopes(self.scopes).iter().map(|scope| scope.to_string()).collect(),
            user,
            created_at: self.created_at,
            last_used_at: self.used_at,
        }
    }
}

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum AccountState {
    #[n(0)]
    Active,
    /// No sign-in, no token accepted.
    #[n(1)]
    Disabled,
    /// Nothing is left of it but that it was there; never used again.
    #[n(2)]
    Deleted,
}

/// A sign-in that stands; one that has ended has no row.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Session {
    #[cbor(n(0), with = "cbor::session_id")]
    pub id: SessionId,
    #[cbor(n(1), with = "cbor::user_no")]
    pub user: UserNo,
    #[cbor(n(2), with = "cbor::timestamp")]
    pub started_at: Timestamp,
    /// When its tokens were renewed the last time.
    #[cbor(n(3), with = "cbor::timestamp")]
    pub used_at: Timestamp,
    #[cbor(n(4), with = "cbor::timestamp")]
    pub expires_at: Timestamp,
    #[n(5)]
    pub refresh: RefreshHashes,
    /// What the program said of itself.
    #[n(6)]
    pub device: Option<String>,
    #[cbor(n(7), with = "cbor::optional_address")]
    pub address: Option<IpAddr>,
}

/// An invitation that nobody has accepted yet; one that is over has no row.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Invitation {
    #[cbor(n(0), with = "cbor::invitation_id")]
    pub id: InvitationId,
    #[n(1)]
    pub email: String,
    #[cbor(n(2), with = "cbor::role")]
    pub role: Role,
    /// Who invites.
    #[cbor(n(3), with = "cbor::user_no")]
    pub by: UserNo,
    #[cbor(n(4), with = "cbor::timestamp")]
    pub created_at: Timestamp,
    #[cbor(n(5), with = "cbor::timestamp")]
    pub expires_at: Timestamp,
    /// SHA-256 of the token that accepts it.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub token: [u8; 32],
}

/// The name of a letter; later ones are greater. Not to be seen outside of links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterId(pub [u8; 16]);

/// Something to be sent by mail, with a link that is good once. Its row is there until the link was used or is over.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Letter {
    #[cbor(n(0), with = "cbor::letter_id")]
    pub id: LetterId,
    #[n(1)]
    pub kind: LetterKind,
    /// Whose account it is about; nobody's for an invitation, whose number is 0.
    #[cbor(n(2), with = "cbor::user_no")]
    pub user: UserNo,
    /// The address that it goes to.
    #[n(3)]
    pub to: String,
    #[cbor(n(4), with = "cbor::timestamp")]
    pub created_at: Timestamp,
    #[cbor(n(5), with = "cbor::timestamp")]
    pub expires_at: Timestamp,
    /// SHA-256 of the token in its link.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub token: [u8; 32],
    /// The admin who lets the link be used, if it is one that admins pass on; it goes with their role.
    #[cbor(n(7), with = "cbor::optional_user_no", default)]
    pub by: Option<UserNo>,
}

/// What a letter is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum LetterKind {
    /// Somebody is invited.
    #[n(0)]
    Invitation,
    /// Somebody has forgotten their password.
    #[n(1)]
    PasswordReset,
    /// Somebody is to show that they get what is sent to their address.
    #[n(2)]
    EmailVerification,
    /// An admin lets somebody set a new password, and passes the link on; nothing is sent.
    #[n(3)]
    PasswordResetByAdmin,
}

/// By what a refresh token is known again: SHA-256 of parts of it, never the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct RefreshHashes {
    /// Of the part that all tokens of a session have in common: a token that has it was given out by us.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub family: [u8; 32],
    /// Of the newest token as a whole; any other of the family is spent.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub token: [u8; 32],
}

/// A message as it stands now.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct MessageRow {
    #[cbor(n(0), with = "cbor::message_id")]
    pub id: MessageId,
    #[cbor(n(1), with = "cbor::conversation_no")]
    pub conversation: ConversationNo,
    #[cbor(n(2), with = "cbor::seq")]
    pub seq: Seq,
    /// Where it was appended.
    #[cbor(n(3), with = "cbor::position")]
    pub position: Position,
    #[cbor(n(4), with = "cbor::user_no")]
    pub author: UserNo,
    #[cbor(n(5), with = "cbor::client_id")]
    pub client_id: ClientId,
    #[n(6)]
    pub text: String,
    #[cbor(n(7), with = "cbor::timestamp")]
    pub created_at: Timestamp,
    #[n(8)]
    pub version: u64,
    /// What most messages have nothing of.
    #[n(9)]
    pub extras: Option<Box<MessageExtras>>,
}

/// What was said with a message besides its text, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MessageExtras {
    #[cbor(n(0), with = "cbor::optional_message_id", default)]
    pub reply_to: Option<MessageId>,
    #[cbor(n(1), with = "cbor::user_nos", default)]
    pub mentions: Vec<UserNo>,
    #[cbor(n(2), default)]
    pub reactions: Vec<ReactionRow>,
    #[cbor(n(3), with = "cbor::optional_timestamp", default)]
    pub edited_at: Option<Timestamp>,
    #[cbor(n(4), with = "cbor::optional_timestamp", default)]
    pub deleted_at: Option<Timestamp>,
    /// In the order of its author.
    #[cbor(n(5), default)]
    pub attachments: Vec<FileRow>,
}

/// Who reacted to a message in one way.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ReactionRow {
    #[n(0)]
    pub emoji: String,
    /// In the order of their reacting.
    #[cbor(n(1), with = "cbor::user_nos")]
    pub users: Vec<UserNo>,
}

/// A text that a message had.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct RevisionRow {
    /// The first version of the message that had it.
    #[n(0)]
    pub version: u64,
    #[n(1)]
    pub text: String,
    /// Since when.
    #[cbor(n(2), with = "cbor::timestamp")]
    pub at: Timestamp,
}

/// How far somebody has come in a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// What comes after it is unread. Goes back when they say so.
    pub read: Seq,
    /// The furthest that they have read, as the others know it.
    pub seen: Seq,
    /// What has reached one of their devices.
    pub delivered: Seq,
}

/// In larger conversations nobody is told how far the others have read: one message to 500 people would cost 250,000
/// deliveries.
pub const RECEIPTS_UP_TO: usize = 50;

/// A conversation with its members. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    pub no: ConversationNo,
    pub id: ConversationId,
    pub kind: ConversationKind,
    pub subject: Option<Arc<str>>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: u64,
    pub last_seq: Seq,
    /// Whether all are told how far the others have read; not any more once there were more than [`RECEIPTS_UP_TO`].
    pub receipts: bool,
    /// The last change that moves the conversation to the top of the inbox.
    pub activity: Position,
    pub members: Arc<Members>,
}

/// A person's place in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Member {
    #[cbor(n(0), with = "cbor::user_no")]
    pub user: UserNo,
    #[n(1)]
    pub owner: bool,
    #[cbor(n(2), with = "cbor::timestamp")]
    pub joined_at: Timestamp,
    #[cbor(n(3), with = "cbor::position")]
    pub joined: Position,
}

/// The members of one conversation, by ascending number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members(Vec<Member>);

impl Members {
    pub fn new(mut members: Vec<Member>) -> Self {
        members.sort_by_key(|member| member.user);
        members.dedup_by_key(|member| member.user);
        Self(members)
    }

    pub fn get(&self, user: UserNo) -> Option<&Member> {
        self.0.binary_search_by_key(&user, |member| member.user).ok().map(|i| &self.0[i])
    }

    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first `most` in the order of their coming.
    pub fn by_coming(&self, most: usize) -> Vec<&Member> {
        let mut members: Vec<&Member> = self.0.iter().collect();
        members.sort_by_key(|member| (member.joined, member.user));
        members.truncate(most);
        members
    }

    /// With this member, replacing an earlier entry for the same person.
    #[must_use]
    pub fn with(&self, member: Member) -> Self {
        let mut members = self.without(member.user).0;
        members.push(member);
        Self::new(members)
    }

    #[must_use]
    pub fn without(&self, user: UserNo) -> Self {
        Self(self.0.iter().filter(|member| member.user != user).cloned().collect())
    }
}

/// A row that is written at once, in the transaction of its event: what is rare and needs no batching.
#[derive(Clone, Debug)]
pub enum Put {
    /// A new or changed account; `before` is the row that it replaces.
    Account { no: UserNo, account: Box<Account>, before: Option<Arc<Account>> },
    /// A started or renewed session.
    Session(Box<Session>),
    /// A session that has ended.
    SessionGone { user: UserNo, id: SessionId },
    /// A new invitation.
    Invitation(Box<Invitation>),
    /// An invitation that is over.
    InvitationGone { id: InvitationId },
    /// A letter to be sent.
    Letter(Box<Letter>),
    /// A letter whose link was used or is over; it need not be there.
    LetterGone { user: UserNo, id: LetterId },
    /// Under which number a conversation is found.
    Conversation { id: ConversationId, no: ConversationNo },
    /// The one conversation of this pair.
    Direct { one: UserNo, other: UserNo, no: ConversationNo },
    /// What a message said before it was changed.
    Revision { conversation: ConversationNo, seq: Seq, revision: RevisionRow },
    /// Forgets all that a message said before.
    NoRevisions { conversation: ConversationNo, seq: Seq },
    /// Forgets an account that nothing else names; it never is the one with the greatest number, which would be given out
    /// again.
    NoAccount { no: UserNo, before: Arc<Account> },
    /// A row of the rare kinds; `None` forgets it.
    Record { key: RecordKey, row: Option<Vec<u8>> },
}

impl MessageRow {
    /// Whether its text is gone.
    pub fn is_deleted(&self) -> bool {
        self.deleted_at().is_some()
    }

    pub fn deleted_at(&self) -> Option<Timestamp> {
        self.extras.as_ref().and_then(|extras| extras.deleted_at)
    }

    /// The files that were sent with it.
    pub fn attachments(&self) -> &[FileRow] {
        self.extras.as_ref().map_or(&[], |extras| &extras.attachments)
    }

    pub fn reply_to(&self) -> Option<MessageId> {
        self.extras.as_ref().and_then(|extras| extras.reply_to)
    }
}

impl Conversation {
    /// What this person is to it.
    pub fn relation(&self, user: UserNo) -> Relation {
        match self.members.get(user) {
            Some(member) if member.owner => Relation::Owner,
            Some(_) => Relation::Member,
            None => Relation::Stranger,
        }
    }
}

impl Session {
    /// As its person and admins see it, of whom one asks in the session `current`.
    pub fn shown(&self, current: Option<SessionId>) -> model::Session {
        model::Session {
            id: self.id,
            created_at: self.started_at,
            last_used_at: self.used_at,
            expires_at: self.expires_at,
            device: self.device.clone(),
            address: self.address,
            current: current == Some(self.id),
        }
    }
}

impl Account {
    pub fn person(&self) -> Person {
        Person {
            id: self.id,
            name: self.name.clone(),
            role: self.role,
            anonymous: self.visitor().is_some(),
            verified: self.identity().is_some(),
            bot: self.is_bot(),
            avatar: self.avatar().map(AvatarRow::version),
        }
    }

    /// A visitor whom nobody knows.
    pub fn visitor(&self) -> Option<&VisitorRow> {
        self.extras.as_ref().and_then(|extras| extras.visitor.as_ref())
    }

    /// Somebody for whom a site has vouched.
    pub fn identity(&self) -> Option<&IdentityRow> {
        self.extras.as_ref().and_then(|extras| extras.identity.as_ref())
    }

    pub fn is_bot(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.bot)
    }

    /// Their picture.
    pub fn avatar(&self) -> Option<&AvatarRow> {
        self.extras.as_ref().and_then(|extras| extras.avatar.as_ref())
    }

    /// Whether lists of people name it: visitors would flood them.
    pub fn is_listed(&self) -> bool {
        self.visitor().is_none()
    }

    pub fn user(&self) -> User {
        let given = self.identity().and_then(|identity| identity.email.clone());
        User {
            id: self.id,
            email: given.unwrap_or_else(|| self.email.clone()),
            name: self.name.clone(),
            role: self.role,
            created_at: self.created_at,
            version: self.version,
            anonymous: self.visitor().is_some(),
            verified: self.identity().is_some(),
            bot: self.is_bot(),
            site: self.extras.as_ref().and_then(|extras| extras.site.clone()),
            external_id: self.identity().map(|identity| identity.external_id.clone()),
            state: self.state.shown(),
            email_verified: self.email_verified,
            avatar: self.avatar().map(AvatarRow::version),
        }
    }
}

impl AccountState {
    pub fn shown(self) -> UserState {
        match self {
            Self::Active => UserState::Active,
            Self::Disabled => UserState::Disabled,
            Self::Deleted => UserState::Deleted,
        }
    }
}

/// The form in which addresses are compared: without surrounding space, in lower case.
pub fn fold_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// The form in which names are sorted: in lower case, at most 64 bytes.
pub fn fold_name(name: &str) -> String {
    let mut folded = name.to_lowercase();
    folded.truncate(folded.floor_char_boundary(64));
    folded
}
