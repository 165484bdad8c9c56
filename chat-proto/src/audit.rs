use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::UserState;
use crate::{ApiKeyId, AuditId, ConversationId, InvitationId, MessageId, Role, SessionId, Timestamp, UserId};

/// Something that somebody did to accounts, sessions, invitations or keys, as admins see it. Entries are only ever added,
/// and forgotten when they are old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Which; a later entry has the greater id.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// What was done, such as `user.role_changed`. Newer servers know more.
    pub action: String,
    /// Who did it; nobody for what the shop did itself, by its command line or by a key that acts as nobody, and for what
    /// somebody did of whom it is not known who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<AuditPerson>,
    /// The key by which it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<ApiKeyId>,
    /// What it was done to.
    pub subject: AuditSubject,
    /// Where the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub address: Option<IpAddr>,
    /// What the program said of itself, at most 200 characters; hostile to terminals and pages until escaped there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// What changed, as it was.
    #[serde(default, skip_serializing_if = "AuditFields::is_empty")]
    pub before: AuditFields,
    /// What changed, as it is since.
    #[serde(default, skip_serializing_if = "AuditFields::is_empty")]
    pub after: AuditFields,
}

/// Somebody, as they were at that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditPerson {
    /// Whose.
    pub id: UserId,
    /// As they were called; hostile to terminals and pages until escaped there.
    pub name: String,
    /// What they were to the shop.
    pub role: Role,
}

/// What an entry is about; each is left out where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditSubject {
    /// Whose account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<AuditPerson>,
    /// Which sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Which invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<InvitationId>,
    /// Which key of a program of the shop's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKeyId>,
    /// Which conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    /// Which message in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
}

/// The values that changed; all others are left out. Never a password, a token or what somebody wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditFields {
    /// Of an account or a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The sign-in address of an account, or whom an invitation is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What an account is to the shop, or will be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Whether an account may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<UserState>,
    /// Whether somebody has shown that they get what is sent to the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// How somebody signed in: `password`, or `identity` when a site of the shop vouched for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The key of the site that vouched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// What a key may be used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// The account is a program of the shop's, made together with its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<bool>,
    /// The earlier invitation of the same address that is over by this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<InvitationId>,
    /// When an invitation is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// So many sessions ended by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_ended: Option<u64>,
    /// So many attempts to sign in had failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<u64>,
    /// So many open invitations of whoever is no admin any more were taken back by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitations_ended: Option<u64>,
    /// What a webhook is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// Whether a webhook is told anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// A webhook has another address; of which only the host is shown, in `name`: the rest may hold a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_changed: Option<bool>,
    /// A webhook has another secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_changed: Option<bool>,
    /// So many accounts were brought over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<u64>,
    /// So many conversations were brought over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversations: Option<u64>,
    /// So many messages were brought over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
}

impl AuditFields {
    /// Whether there is no value in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
