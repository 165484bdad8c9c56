use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chat_proto::model::{self, ApiKey, Message, NotificationPreferences, PushSubscription, User, Webhook};
use chat_proto::{
    AttachmentId, ClientId, ConversationId, ErrorCode, InvitationId, MessageId, PushSubscriptionId, Role, Seq,
    SessionId, Timestamp, UserId, WebhookId,
};

use super::{
    AccountState, AvatarRow, Channel, ConversationNo, DeliveryId, DeliveryRow, FileRow, Imported, ImportedConversation,
    ImportedMessage, ImportedUser, LetterId, NewPush, Position, Pushed, RecordKey, RefreshHashes, Unread, UserNo,
    WebhookChange, WebhookRow, WebhookStep,
};
use crate::access::Scopes;
use crate::shape::is_unprintable;

/// What somebody wants changed. Shape and length were checked before; everything that depends on what is stored is
/// checked in the transaction that writes.
#[derive(Clone, Debug)]
pub enum Command {
    /// A customer signs up and is signed in. Outcome: [`Outcome::SignedIn`].
    Register {
        id: UserId,
        email: String,
        name: String,
        password: String,
        session: Box<NewSession>,
        /// Asks to verify the address.
        letter: Box<NewLetter>,
    },
    /// The first admin; refused once there is one. Outcome: [`Outcome::User`].
    Bootstrap { id: UserId, email: String, name: String, password: String },
    /// An account of any role, by an admin or (`by: None`) by the embedding program. Outcome: [`Outcome::User`].
    CreateUser {
        by: Option<Author>,
        id: UserId,
        email: String,
        name: String,
        role: Role,
        password: Option<String>,
        origin: Origin,
    },
    /// By an admin. Another role ends the account's sessions. Outcome: [`Outcome::User`].
    ChangeUser {
        by: Author,
        user: UserId,
        name: Option<String>,
        role: Option<Role>,
        /// Refused when it has another version.
        if_version: Option<u64>,
        origin: Origin,
    },
    /// By an admin. Disabling ends the account's sessions. Outcome: [`Outcome::User`].
    SetUserState { by: Author, user: UserId, state: AccountState, origin: Origin },
    /// By an admin: nobody is behind the account any more, for good. Outcome: [`Outcome::User`].
    DeleteUser {
        by: Author,
        user: UserId,
        /// Refused when it has another version.
        if_version: Option<u64>,
        origin: Origin,
    },
    /// By an admin: signs somebody out everywhere. Outcome: [`Outcome::Done`].
    EndUserSessions { by: Author, user: UserId, origin: Origin },
    /// By an admin: somebody may make an account of this role. An earlier invitation of the same address is over.
    /// Outcome: [`Outcome::Invitation`].
    Invite {
        by: Author,
        id: InvitationId,
        email: String,
        role: Role,
        /// SHA-256 of the token that accepts it.
        token: [u8; 32],
        expires_at: Timestamp,
        origin: Origin,
    },
    /// By an admin: it can be accepted no more. Outcome: [`Outcome::Done`].
    TakeBackInvitation { by: Author, invitation: InvitationId, origin: Origin },
    /// Somebody becomes what they were invited to be, and is signed in. Outcome: [`Outcome::SignedIn`].
    AcceptInvitation(Box<Acceptance>),
    /// Somebody signs in. Outcome: [`Outcome::SignedIn`].
    StartSession {
        user: UserId,
        /// The stored form of the password that was right; refused when there is another by now.
        password: Option<String>,
        session: Box<NewSession>,
    },
    /// A session goes on under new tokens. Outcome: [`Outcome::SignedIn`], or [`Outcome::Spent`] when the refresh token
    /// was used before: then the session has ended.
    RenewSession { user: UserId, session: SessionId, renewal: Box<Renewal> },
    /// A letter to the account of this folded address, if there is one; whether there is must not be told.
    /// Outcome: [`Outcome::Done`].
    ForgotPassword { email: String, letter: Box<NewLetter>, origin: Origin },
    /// The link of such a letter, or of one that an admin passed on, is used: the account has another password, and its sessions end.
    /// Outcome: [`Outcome::Done`].
    ResetPassword { letter: LetterId, token: [u8; 32], password: String, origin: Origin },
    /// An admin lets somebody set a new password, and passes the link of this letter on. An earlier one of theirs is over.
    /// Outcome: [`Outcome::Done`].
    AllowPasswordReset { by: Author, user: UserId, letter: Box<NewLetter>, origin: Origin },
    /// A letter to the author's own address, until it is verified. Outcome: [`Outcome::Done`].
    AskToVerifyEmail { by: Author, letter: Box<NewLetter>, origin: Origin },
    /// The link of such a letter is used. Outcome: [`Outcome::Done`].
    VerifyEmail { letter: LetterId, token: [u8; 32], origin: Origin },
    /// Letters whose time is over are forgotten, some at a time. Outcome: [`Outcome::Done`].
    ForgetLetters,
    /// Signs out one of the author's sessions. Outcome: [`Outcome::Done`].
    EndSession { by: Author, session: SessionId, origin: Origin },
    /// Signs out all of the author's sessions but their own. Outcome: [`Outcome::Done`].
    EndOtherSessions { by: Author, origin: Origin },
    /// Ends the author's other sessions too. Outcome: [`Outcome::Done`].
    ChangePassword {
        by: Author,
        /// The stored form of the password that was right; refused when there is another by now.
        current: String,
        /// The stored form of the new one.
        new: String,
        origin: Origin,
    },
    /// A key for a program of the shop's, by an admin or (`by: None`) by the embedding program. Outcome:
    /// [`Outcome::ApiKey`].
    CreateApiKey { by: Option<Author>, new: Box<NewApiKey> },
    /// Outcome: [`Outcome::Done`].
    RevokeApiKey { by: Option<Author>, key: SessionId, origin: Origin },
    /// Outcome: [`Outcome::Done`].
    ApiKeyUsed { key: SessionId },
    /// Somebody whom nobody knows begins to look at the chat, on a page of this site. Outcome: [`Outcome::SignedIn`].
    AdmitVisitor { id: UserId, site: String, session: Box<NewSession> },
    /// A site has vouched for somebody, who is found by who they are to it, or made known. Outcome: [`Outcome::SignedIn`].
    SignInIdentity { id: UserId, identity: Box<Identity>, session: Box<NewSession> },
    /// A customer was this visitor before signing in. Outcome: [`Outcome::Done`].
    ClaimVisitor { by: Author, claim: Box<VisitorClaim> },
    /// Lets go of those of these visitors who have not been here for too long. Outcome: [`Outcome::Done`].
    ExpireVisitors { due: Vec<RecordKey> },
    /// Counts some of the accounts that were made before accounts were counted. Outcome: [`Outcome::Done`].
    CountAccounts,
    /// Keeps what the statistics have counted, together with how far. Outcome: [`Outcome::Done`].
    KeepStatistics { rows: Vec<(RecordKey, Option<Vec<u8>>)> },
    /// What the author wishes to be told, and when. Outcome: [`Outcome::Done`].
    SetWishes { by: Author, wishes: Box<NotificationPreferences> },
    /// Nothing of this conversation is told to the author until then; `None`: it is again. Outcome: [`Outcome::Done`].
    Mute { by: Author, conversation: ConversationId, until: Option<Timestamp> },
    /// By an admin: what was given up is tried again. Outcome: [`Outcome::Done`].
    RetryDelivery { by: Author, id: DeliveryId, origin: Origin },
    /// A step of telling people. Outcome: [`Outcome::Done`], of a claim [`Outcome::Claimed`].
    Notice(Box<Notice>),
    /// The author's device asks to be pushed to, until their session ends. Outcome: [`Outcome::PushSubscription`].
    Subscribe { by: Author, new: Box<NewPush> },
    /// A device of the author's is not pushed to any more. Outcome: [`Outcome::Done`].
    Unsubscribe { by: Author, id: PushSubscriptionId },
    /// What came of pushing something to somebody's devices. Outcome: [`Outcome::Done`].
    Pushed(Box<Pushed>),
    /// A program of the shop's is told what happens from now on. Outcome: [`Outcome::Webhook`].
    CreateWebhook { by: Author, row: Box<WebhookRow>, origin: Origin },
    /// Outcome: [`Outcome::Webhook`].
    ChangeWebhook { by: Author, id: WebhookId, change: Box<WebhookChange> },
    /// What waits for it is forgotten too. Outcome: [`Outcome::Done`].
    DeleteWebhook { by: Author, id: WebhookId, origin: Origin },
    /// What was given up is tried once more. Outcome: [`Outcome::Done`].
    ReplayWebhook { by: Author, id: WebhookId, positions: Vec<Position>, origin: Origin },
    /// What came of telling a webhook. Outcome: [`Outcome::Done`]; [`Outcome::Webhook`] when it is told nothing more.
    WebhookStep(Box<WebhookStep>),
    /// Outcome: [`Outcome::User`].
    Rename { by: Author, name: String, origin: Origin },
    /// Others see the author by this picture, which lies where it belongs. `bytes`: how many were sent for it. Outcome:
    /// [`Outcome::User`].
    SetAvatar { by: Author, avatar: Box<AvatarRow>, bytes: u64, origin: Origin },
    /// Outcome: [`Outcome::User`].
    RemoveAvatar { by: Author, origin: Origin },
    /// Guessing a password has to wait from now on: that of the account of this folded address, or (`None`) of many
    /// accounts from one address. For the record only. Outcome: [`Outcome::Done`].
    SignInSlowed { account: Option<String>, failures: u32, origin: Origin },
    /// Entries of the audit log from before this moment are forgotten, some at a time. Outcome: [`Outcome::Done`].
    ForgetAudit { before: Timestamp },
    /// Finds or begins the conversation of two people. Outcome: [`Outcome::Conversation`].
    OpenDirect { by: Author, id: ConversationId, with: UserId },
    /// Outcome: [`Outcome::Conversation`].
    CreateGroup { by: Author, id: ConversationId, subject: Option<String>, participants: Vec<UserId> },
    /// Outcome: [`Outcome::Conversation`].
    AddParticipant { by: Author, conversation: ConversationId, user: UserId, origin: Origin },
    /// Removing oneself is leaving. Outcome: [`Outcome::Done`].
    RemoveParticipant { by: Author, conversation: ConversationId, user: UserId, origin: Origin },
    /// Outcome: [`Outcome::Sent`].
    Send { by: Author, conversation: ConversationId, post: Post },
    /// A file was uploaded, whose contents lie where they belong. Outcome: [`Outcome::Attachment`].
    KeepAttachment { by: Author, file: Box<FileRow> },
    /// Only who uploaded it, and only while it was sent with no message. Outcome: [`Outcome::Done`].
    DeleteAttachment { by: Author, attachment: AttachmentId },
    /// Lets go of those of these attachments that were not sent for too long. Outcome: [`Outcome::Done`].
    CollectAttachments { due: Vec<RecordKey> },
    /// Contents that nothing needs any more lie nowhere any more. Outcome: [`Outcome::Done`].
    ContentsRemoved { contents: Vec<[u8; 32]> },
    /// Only its author. Outcome: [`Outcome::Message`].
    EditMessage {
        by: Author,
        conversation: ConversationId,
        message: MessageId,
        text: String,
        /// Refused when it has another version.
        if_version: Option<u64>,
    },
    /// Its text, reactions and earlier texts are gone for good. Outcome: [`Outcome::Message`].
    DeleteMessage {
        by: Author,
        conversation: ConversationId,
        message: MessageId,
        if_version: Option<u64>,
        origin: Origin,
    },
    /// `on: false` takes it back. Outcome: [`Outcome::Message`].
    React { by: Author, conversation: ConversationId, message: MessageId, emoji: String, on: bool },
    /// Never moves back. Outcome: [`Outcome::Done`].
    MoveReadMark { by: Author, conversation: ConversationId, seq: Seq },
    /// This message and what follows are unread. Outcome: [`Outcome::Done`].
    MarkUnread { by: Author, conversation: ConversationId, seq: Seq },
    /// Never moves back. Outcome: [`Outcome::Done`].
    MoveDeliveredMark { by: Author, conversation: ConversationId, seq: Seq },
    /// An account from elsewhere, by the embedding program; nothing when it is there. Outcome: [`Outcome::Imported`].
    ImportUser(Box<ImportedUser>),
    /// A conversation from elsewhere; nothing when it is there. Outcome: [`Outcome::Imported`].
    ImportConversation(Box<ImportedConversation>),
    /// A file from elsewhere, for a message that comes next; nothing when it is there. Outcome: [`Outcome::Imported`].
    ImportFile { owner: UserId, file: Box<FileRow> },
    /// Messages from elsewhere, by ascending ids, of which those that are there are passed over.
    /// Outcome: [`Outcome::Imported`].
    ImportMessages {
        conversation: ConversationId,
        messages: Vec<ImportedMessage>,
        /// How many of them somebody had read. Whoever is not named has read all, but for who has others to read there
        /// that came before.
        read: Vec<(UserId, usize)>,
    },
    /// All has been brought over; for the record only. Outcome: [`Outcome::Done`].
    FinishImport { imported: Imported, origin: Origin },
    /// A password that was right is kept in another form from now on. Nothing when it was changed meanwhile.
    /// Outcome: [`Outcome::Done`].
    RenewPasswordHash { user: UserId, before: String, after: String },
}

/// Somebody for whom a site has vouched, by a token that can be used once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The key of the site.
    pub site: String,
    /// Who they are to it.
    pub external_id: String,
    pub name: Option<String>,
    pub email: Option<String>,
    /// By what the token is recognised when it is used again.
    pub token: [u8; 32],
    /// From when on it would be refused anyway.
    pub token_ends: Timestamp,
}

/// A key that is to be made.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    pub id: SessionId,
    pub name: String,
    pub scopes: Scopes,
    pub acts_as: ActsAs,
    /// SHA-256 of its text.
    pub secret: [u8; 32],
    pub origin: Origin,
}

/// A step of telling people.
#[derive(Clone, Debug)]
pub enum Notice {
    /// Of everything up to here it is decided who is told, or it is held.
    Reached(Position),
    /// These wait for a better time.
    Hold(Vec<Held>),
    /// These people are told.
    Tell(Vec<Telling>),
    /// Somebody delivers what is due, at most so much.
    Claim {
        channel: Channel,
        /// When others may try it if nothing was heard of it.
        until: Timestamp,
        most: usize,
    },
    /// What was claimed by a program that is gone is due now; for whoever has just opened the store, which nobody else has.
    Release(Channel),
    /// What came of the so-manieth attempt.
    End { channel: Channel, id: DeliveryId, attempt: u32, end: DeliveryEnd },
}

/// Something in a conversation that waits for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub channel: Channel,
    pub user: UserNo,
    pub conversation: ConversationNo,
    pub due: Timestamp,
}

/// Somebody is told of these messages, as far as they have not been before.
#[derive(Clone, Debug)]
pub struct Telling {
    pub id: DeliveryId,
    pub channel: Channel,
    pub user: UserNo,
    pub of: Vec<Unread>,
    /// Of these nothing waits any more.
    pub settled: Vec<ConversationNo>,
    pub together: bool,
    /// Nothing of theirs need be looked at any more at this moment.
    pub looked_at: Option<Timestamp>,
}

/// What came of an attempt to deliver something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryEnd {
    /// It is delivered, or need not be any more.
    Done,
    /// To be tried again.
    Again { at: Timestamp, trouble: String },
    /// It is given up.
    Dead { trouble: String },
}

/// As whom a key acts.
#[derive(Clone, Debug)]
pub enum ActsAs {
    TheShop,
    /// A bot that there is.
    Bot(UserId),
    /// A bot that is made together with it.
    NewBot {
        id: UserId,
        name: String,
        role: Role,
    },
}

/// That somebody was a visitor before they signed in.
#[derive(Clone, Debug)]
pub struct VisitorClaim {
    pub visitor: Author,
    /// By what the visitor's refresh token is known, where that is the proof; else an access token was.
    pub refresh: Option<RefreshHashes>,
    /// Conversations of the visitor's that go over.
    pub conversations: Vec<ConversationNo>,
    pub origin: Origin,
}

/// What somebody writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    pub client_id: ClientId,
    pub text: String,
    /// Uploaded by its author, and sent with no other message.
    pub attachments: Vec<AttachmentId>,
    pub reply_to: Option<MessageId>,
    pub mentions: Vec<UserId>,
    /// Refused when the newest message has another number.
    pub if_last_seq: Option<Seq>,
}

impl Post {
    pub fn new(client_id: ClientId, text: impl Into<String>) -> Self {
        let (text, attachments) = (text.into(), Vec::new());
        Self { client_id, text, attachments, reply_to: None, mentions: Vec::new(), if_last_seq: None }
    }
}

/// A session that is to begin.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub id: SessionId,
    pub expires_at: Timestamp,
    pub refresh: RefreshHashes,
    pub origin: Origin,
}

/// A letter that may have to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewLetter {
    pub id: LetterId,
    /// SHA-256 of the token in its link.
    pub token: [u8; 32],
    pub expires_at: Timestamp,
}

/// Who accepts an invitation, and how.
#[derive(Clone, Debug)]
pub struct Acceptance {
    pub invitation: InvitationId,
    /// SHA-256 of the token that was shown.
    pub token: [u8; 32],
    pub id: UserId,
    pub name: String,
    /// The stored form of the password.
    pub password: String,
    pub session: NewSession,
    /// Asks to verify the address.
    pub letter: NewLetter,
}

/// What a refresh token is given for.
#[derive(Clone, Debug)]
pub struct Renewal {
    pub presented: RefreshHashes,
    /// SHA-256 of the refresh token that takes its place.
    pub next: [u8; 32],
    pub expires_at: Timestamp,
    pub origin: Origin,
}

/// Where a request came from, as far as it is known: for lists of sessions and the record of what happened. Nothing is
/// decided by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    pub address: Option<IpAddr>,
    device: Option<String>,
}

impl Origin {
    /// `device`: what the program says of itself. Of that, what could be read is kept, at most 200 characters.
    #[must_use]
    pub fn new(address: Option<IpAddr>, device: Option<&str>) -> Self {
        const MOST_CHARS: usize = 200;
        let readable = |device: &str| device.chars().filter(|c| !is_unprintable(*c)).take(MOST_CHARS).collect();
        let device: Option<String> = device.map(readable);
        Self { address, device: device.filter(|device| !device.trim().is_empty()) }
    }

    /// What the program says of itself; anybody can say anything.
    #[must_use]
    pub fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }
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
    ApiKey(ApiKey),
    SignedIn {
        user: User,
        session: SessionId,
        expires_at: Timestamp,
    },
    Invitation(Box<model::Invitation>),
    /// The refresh token had been used before. Either it was stolen, or an answer got lost: the session has ended.
    Spent,
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
    /// The message as it is now.
    Message(Arc<Message>),
    Attachment(Box<model::Attachment>),
    /// What is to be delivered by who asked, and by nobody else until their time is over.
    Claimed(Vec<DeliveryRow>),
    /// So many were not there yet.
    Imported(usize),
    PushSubscription(Box<PushSubscription>),
    Webhook(Box<Webhook>),
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
    /// What it is now, when a request went out from something older.
    pub current: Option<Current>,
    /// After how long the same may succeed.
    pub retry_after: Option<Duration>,
}

/// What a request that went out from something older should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current {
    /// The number of the newest message.
    LastSeq(Seq),
    /// The version of the thing.
    Version(u64),
}

/// A value at fault: a JSON pointer into the request, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub pointer: Cow<'static, str>,
    pub detail: Cow<'static, str>,
}

impl Refusal {
    pub fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), fields: Vec::new(), current: None, retry_after: None }
    }

    /// A value is malformed or out of range.
    pub fn invalid(pointer: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::at(ErrorCode::Invalid, pointer, detail)
    }

    /// A value is at fault.
    pub(crate) fn at(
        code: ErrorCode,
        pointer: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let detail = detail.into();
        Self {
            code,
            detail: detail.clone(),
            fields: vec![Field { pointer: pointer.into(), detail }],
            current: None,
            retry_after: None,
        }
    }

    pub(crate) fn newer_messages(last: Seq) -> Self {
        let detail = "Somebody has written since.";
        Self { current: Some(Current::LastSeq(last)), ..Self::new(ErrorCode::NewerMessages, detail) }
    }

    pub(crate) fn version_mismatch(version: u64) -> Self {
        let detail = "It was changed since.";
        Self { current: Some(Current::Version(version)), ..Self::new(ErrorCode::VersionMismatch, detail) }
    }

    /// What a link is answered with that was used before, is over, or never was one: the answers must not differ.
    pub(crate) fn spent_link() -> Self {
        Self::invalid("/token", "This link was used before, or its time is over. Ask for a new one.")
    }

    /// Does not exist, or is not theirs to know of: the two answers must not differ.
    pub fn not_found(what: &'static str) -> Self {
        Self::new(ErrorCode::NotFound, what)
    }
}
