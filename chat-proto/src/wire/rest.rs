use std::fmt;

use serde::{Deserialize, Serialize};

use super::{LimitsInfo, ServerFrame};
use crate::model::{ApiKey, Invitation, Revision, User, Webhook};
use crate::{AttachmentId, ClientId, MessageId, Role, Seq, Timestamp, UserId};

/// `POST /auth/register`: a customer signs up.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RegisterBody {
    /// Compared without regard to case.
    pub email: String,
    /// 1 to 100 characters.
    pub name: String,
    /// 8 to 256 bytes, and none of those that everybody tries first.
    pub password: String,
}

/// `POST /auth/login`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoginBody {
    /// Compared without regard to case.
    pub email: String,
    /// 8 to 256 bytes, and none of those that everybody tries first.
    pub password: String,
}

/// `POST /api-keys`: a key for a program of the shop's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What it is for, 1 to 100 characters.
    pub name: String,
    /// What it may be used for; see `ApiKey`.
    pub scopes: Vec<String>,
    /// The bot that it acts as. Without this and `bot` it acts as the shop itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Makes a bot that it acts as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<NewBot>,
}

/// A bot: an account of a program's, without a password.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewBot {
    /// 1 to 100 characters.
    pub name: String,
    /// `agent`, `designer` or `merchant`.
    pub role: Role,
}

/// The answer to `POST /api-keys`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedApiKey {
    /// What is known of it.
    pub api_key: ApiKey,
    /// The key itself, for `Authorization: Bearer …` and for `hello`. It is shown this once.
    pub key: String,
}

/// `POST /webhooks`: an admin has a program of the shop's told what happens.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where: https, port 443, on the open Internet.
    pub url: String,
    /// What it is for, at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Of what, as `ev` frames name it. Empty: of everything that webhooks are told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
}

/// `PATCH /webhooks/{id}`. What is left out stays.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchWebhook {
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What it is for; empty: nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Of what. Empty: of everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// Whether it is told. One that was off goes on where it was, as far as the log goes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// The answer to `POST /webhooks` and `POST /webhooks/{id}/secret`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedWebhook {
    /// What is known of it.
    pub webhook: Webhook,
    /// Signs what it is told (<https://www.standardwebhooks.com>). It is shown this once.
    pub secret: String,
}

/// `POST /webhooks/{id}/replay`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReplayBody {
    /// One delivery; without it all that were given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
}

/// The answer to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Replayed {
    /// How many are tried once more.
    pub count: u64,
}

/// `POST /auth/visitor`: somebody whom nobody knows begins to look at the chat.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct VisitorBody {
    /// The key of the site whose page it is.
    pub site_key: String,
}

/// `POST /auth/identity`: the shop vouches for a customer.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct IdentityBody {
    /// A JWT that the shop's backend signed; it can be used once.
    pub token: String,
    /// The key of the site that signed it; not needed where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_key: Option<String>,
    /// The access or refresh token of the visitor that I was until now: what they said becomes mine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitor_token: Option<String>,
}

/// `POST /me/visitors`: I was this visitor before I signed in.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ClaimVisitorBody {
    /// The visitor's access or refresh token, as the proof.
    pub visitor_token: String,
}

/// The answer to whatever signs somebody in, and to `POST /auth/refresh`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedIn {
    /// Who I am.
    pub user: User,
    /// For the header `Authorization: Bearer …` and for `hello`.
    pub access_token: String,
    /// Gets the next pair of tokens, once: `POST /auth/refresh`.
    pub refresh_token: String,
    /// Seconds until the access token ends.
    pub expires_in: u64,
    /// Always `Bearer`.
    pub token_type: String,
}

/// `POST /auth/refresh`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RefreshBody {
    /// The newest one of the session. An earlier one ends the session.
    pub refresh_token: String,
}

/// `POST /me/password`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    /// The one that I sign in with now.
    pub current_password: String,
    /// The one that I want to sign in with: 8 to 256 bytes.
    pub new_password: String,
}

/// `POST /auth/password/forgot`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ForgotBody {
    /// The sign-in address.
    pub email: String,
}

/// `POST /auth/password/reset`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ResetBody {
    /// As it stands in the link.
    pub token: String,
    /// The new one: 8 to 256 bytes.
    pub password: String,
}

/// `POST /auth/verify-email`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct VerifyBody {
    /// As it stands in the link.
    pub token: String,
}

/// The answer to `POST /auth/ws-ticket`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WsTicket {
    /// For one `hello`.
    pub ticket: String,
    /// Seconds until it is worth nothing.
    pub expires_in: u64,
}

/// `PATCH /me`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchMe {
    /// 1 to 100 characters.
    pub name: String,
}

/// `POST /me/push-subscriptions`: what a browser's `PushSubscription` gives as JSON.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewPushSubscription {
    /// Where the browser's push service takes what this device is to be told. Whoever knows it can push to it.
    pub endpoint: String,
    /// When it ends, in milliseconds since 1970, if the browser says so.
    #[serde(default, rename = "expirationTime", skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<u64>,
    /// For what it is encrypted.
    pub keys: PushKeys,
}

/// The keys of a device that is pushed to, base64url.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PushKeys {
    /// Its public key: P-256, uncompressed, 65 bytes.
    pub p256dh: String,
    /// Its secret, 16 bytes.
    pub auth: String,
}

/// `POST /users`: an admin makes an account of any role.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Compared without regard to case.
    pub email: String,
    /// 1 to 100 characters.
    pub name: String,
    /// 8 to 256 bytes, and none of those that everybody tries first.
    pub password: String,
    /// What they are to the shop.
    pub role: Role,
}

/// `PATCH /users/{id}`: an admin changes an account. What is missing stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchUser {
    /// 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What they are to the shop. A change ends their sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// `POST /invitations`: an admin invites somebody.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// The sign-in address of the account to be.
    pub email: String,
    /// What they will be to the shop.
    pub role: Role,
}

/// The answer to `POST /invitations`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invited {
    /// The invitation.
    pub invitation: Invitation,
    /// With this it is accepted, once; shown nowhere else. For admins who pass the link on themselves.
    pub token: String,
    /// Where it is accepted, with the token in it; absent when the server does not know where people reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// The answer to `POST /users/{id}/password-reset`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PasswordReset {
    /// With this a new password is set, once; shown nowhere else. For admins who pass the link on themselves.
    pub token: String,
    /// When it is over.
    pub expires_at: Timestamp,
}

/// `POST /auth/invitation`: somebody accepts theirs.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AcceptBody {
    /// As it stands in the link.
    pub token: String,
    /// 1 to 100 characters.
    pub name: String,
    /// 8 to 256 bytes, and none of those that everybody tries first.
    pub password: String,
}

/// `POST /conversations`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewConversation {
    /// `direct` finds the conversation of the pair when there is one.
    pub kind: NewConversationKind,
    /// The others: exactly one for `direct`, any number up to the limit for `group`.
    pub participants: Vec<UserId>,
    /// What it is about, 1 to 200 characters; groups only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// The kinds of conversation that a person can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NewConversationKind {
    /// Two people.
    Direct,
    /// Several people.
    Group,
}

/// `POST /conversations/{id}/participants`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddParticipant {
    /// Who shall come in.
    pub user_id: UserId,
}

/// `POST /conversations/{id}/messages`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// Makes sending again harmless.
    pub client_id: ClientId,
    /// 1 to 16,384 bytes; may be empty where there are attachments.
    pub text: String,
    /// Files that were uploaded before by whoever sends, each sent with one message only; at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentId>,
    /// The message of this conversation that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// Participants who are spoken to by name, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// Only when this is still the newest message; else `newer_messages`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_last_seq: Option<Seq>,
}

impl NewMessage {
    /// A plain text.
    #[must_use]
    pub fn text(client_id: ClientId, text: impl Into<String>) -> Self {
        Self {
            client_id,
            text: text.into(),
            attachments: Vec::new(),
            reply_to: None,
            mentions: Vec::new(),
            if_last_seq: None,
        }
    }
}

/// The answer to `GET /attachments/{id}/link` and `GET /users/{id}/avatar/link`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttachmentLink {
    /// Path and query on this server; needs no token. A secret until it is over.
    pub url: String,
    /// When it is over, five minutes from now at the most.
    pub expires_at: Timestamp,
}

/// `PATCH /conversations/{id}/messages/{mid}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchMessage {
    /// 1 to 16,384 bytes; may be empty where there are attachments.
    pub text: String,
}

/// `GET /conversations/{id}/messages/{mid}/history`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Revisions {
    /// The texts that the message had before the present one, the oldest first; at most 100.
    pub items: Vec<Revision>,
}

/// `POST /conversations/{id}/read`, `/unread` and `/delivered`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReadBody {
    /// `read`: the last message that I have read. `unread`: the first that counts as unread. `delivered`: the last that
    /// has reached this device.
    pub seq: Seq,
}

/// `POST /conversations/{id}/typing`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TypingBody {
    /// `false` when I stopped.
    pub on: bool,
}

/// `PUT /conversations/{id}/mute`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MuteBody {
    /// Until when; without it until I say otherwise.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// `GET /events`: what happened after a cursor.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventBatch {
    /// `ev` frames, in the order of commits; their `n` counts from 1 in each answer.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<super::Event>))]
    pub items: Vec<ServerFrame>,
    /// Where to go on.
    pub cursor: String,
    /// The cursor of the request cannot be followed, for this reason: take a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<String>,
}

/// `GET /server`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerInfo {
    /// Of chatd.
    pub version: String,
    /// The sub-protocols of the WebSocket.
    pub protocols: Vec<String>,
    /// The server's public key for web push, base64url: the `applicationServerKey` of `pushManager.subscribe`. Without it
    /// the server pushes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_key: Option<String>,
    /// What requests may hold.
    pub limits: LimitsInfo,
}

/// Bodies with a secret in them show nothing when they are printed for debugging.
macro_rules! hidden {
    ($($type:ident),+) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    )+};
}

hidden!(
    RegisterBody,
    LoginBody,
    IdentityBody,
    ClaimVisitorBody,
    CreatedApiKey,
    NewWebhook,
    PatchWebhook,
    CreatedWebhook,
    SignedIn,
    RefreshBody,
    PasswordBody,
    NewPushSubscription,
    PushKeys,
    NewUser,
    Invited,
    PasswordReset,
    AcceptBody,
    ForgotBody,
    ResetBody,
    VerifyBody,
    WsTicket
);
