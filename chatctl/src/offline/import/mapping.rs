//! Which names of the replaced backend and its siblings mean what: the one place that says so. Of several names that a
//! record has, the first of a list counts.

use chat_proto::Role;

/// The names of one collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collection {
    Users,
    Conversations,
    Messages,
}

impl Collection {
    pub(super) const ALL: [Self; 3] = [Self::Users, Self::Conversations, Self::Messages];

    /// As what it is found in a dump, in lower case.
    pub(super) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Users => &["users", "user", "accounts"],
            Self::Conversations => &["conversations", "conversation", "chats", "convos"],
            Self::Messages => &["messages", "message", "chatmessages"],
        }
    }

    /// What a record of it is called.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Users => "account",
            Self::Conversations => "conversation",
            Self::Messages => "message",
        }
    }

    /// The fields that are read; all others are passed over.
    pub(super) const fn fields(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Users => &[
                ID,
                user::NAME,
                user::FIRST_NAME,
                user::LAST_NAME,
                user::EMAIL,
                user::PASSWORD,
                user::ROLE,
                user::VERIFIED,
                user::BARRED,
                CREATED,
            ],
            Self::Conversations => &[
                ID,
                conversation::PARTICIPANTS,
                conversation::SUBJECT,
                conversation::IS_GROUP,
                conversation::KIND,
                CREATED,
                UPDATED,
            ],
            Self::Messages => &[
                ID,
                message::CONVERSATION,
                message::SENDER,
                message::TEXT,
                message::READ_BY,
                message::FILE,
                message::EDITED,
                message::EDITED_AT,
                message::DELETED,
                message::DELETED_AT,
                CREATED,
                UPDATED,
            ],
        }
    }
}

pub(super) const ID: &[&str] = &["_id"];
pub(super) const CREATED: &[&str] = &["createdAt", "created_at", "sentAt", "timestamp"];
pub(super) const UPDATED: &[&str] = &["updatedAt", "updated_at"];

pub(super) mod user {
    pub(in super::super) const NAME: &[&str] = &["name", "fullName", "fullname", "displayName", "username"];
    pub(in super::super) const FIRST_NAME: &[&str] = &["firstName", "firstname"];
    pub(in super::super) const LAST_NAME: &[&str] = &["lastName", "lastname"];
    pub(in super::super) const EMAIL: &[&str] = &["email"];
    pub(in super::super) const PASSWORD: &[&str] = &["password", "passwordHash", "hashedPassword"];
    pub(in super::super) const ROLE: &[&str] = &["role"];
    pub(in super::super) const VERIFIED: &[&str] = &["emailVerified", "isEmailVerified", "isVerified", "verified"];
    /// Nobody could sign in to it.
    pub(in super::super) const BARRED: &[&str] = &[
        "disabled",
        "isDisabled",
        "blocked",
        "isBlocked",
        "banned",
        "isBanned",
        "suspended",
        "isSuspended",
        "isDeleted",
    ];
}

pub(super) mod conversation {
    /// Ids, or entries that name somebody (`ENTRY`) and how far they have read.
    pub(in super::super) const PARTICIPANTS: &[&str] = &["participants", "members", "participantIds", "users"];
    pub(in super::super) const SUBJECT: &[&str] = &["title", "topic", "subject", "name"];
    pub(in super::super) const IS_GROUP: &[&str] = &["isGroup", "isGroupChat"];
    /// `group` in it says the same.
    pub(in super::super) const KIND: &[&str] = &["type", "kind"];
    pub(in super::super) const LAST_READ: &[&str] = &["lastReadAt", "lastRead"];
}

pub(super) mod message {
    pub(in super::super) const CONVERSATION: &[&str] =
        &["conversation", "conversationId", "conversation_id", "chat", "chatId"];
    pub(in super::super) const SENDER: &[&str] = &["sender", "senderId", "sender_id", "from", "author", "userId"];
    pub(in super::super) const TEXT: &[&str] = &["content", "text", "body", "message"];
    pub(in super::super) const READ_BY: &[&str] = &["readBy", "read_by"];
    pub(in super::super) const FILE: &[&str] =
        &["attachment", "attachments", "file", "files", "image", "images", "fileUrl", "imageUrl", "attachmentUrl"];
    pub(in super::super) const EDITED: &[&str] = &["edited", "isEdited"];
    pub(in super::super) const EDITED_AT: &[&str] = &["editedAt"];
    pub(in super::super) const DELETED: &[&str] = &["deleted", "isDeleted"];
    pub(in super::super) const DELETED_AT: &[&str] = &["deletedAt"];
}

/// Where an entry that stands for somebody, or for another record, says for whom.
pub(super) const ENTRY: &[&str] = &["user", "userId", "_id", "id", "participant"];
/// Where a file lies, in an entry that stands for one: all that are there, one after the other. Not what its sender called
/// it: another file may be called that.
pub(super) const FILE_PLACE: &[&str] =
    &["path", "filename", "fileName", "url", "secure_url", "fileUrl", "filePath", "location", "src"];
/// What a file is called, in an entry that stands for one.
pub(super) const FILE_NAME: &[&str] = &[
    "originalName",
    "originalname",
    "fileName",
    "filename",
    "name",
    "url",
    "secure_url",
    "path",
    "fileUrl",
    "filePath",
];

/// What a role is called, in lower case. What is not here is a customer, who may do least.
pub(super) fn role(word: &str) -> Option<Role> {
    Some(match word {
        "admin" | "administrator" | "superadmin" | "super_admin" | "super-admin" => Role::Admin,
        "agent" | "support" | "support_agent" | "support-agent" | "staff" | "shop_manager" => Role::Agent,
        "customer" | "user" | "client" | "buyer" | "subscriber" => Role::Customer,
        "designer" => Role::Designer,
        "merchant" | "vendor" | "seller" => Role::Merchant,
        _ => return None,
    })
}
