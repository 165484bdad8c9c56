//! The audit log: who did what to accounts, sessions, invitations and keys, from where. An entry is written with the
//! change that it tells of, and holds never a secret.

mod action;

use std::net::IpAddr;

use chat_proto::model;
use chat_proto::{ApiKeyId, AuditId, ConversationId, InvitationId, MessageId, Role, SessionId, Timestamp, UserId};
use minicbor::{Decode, Encode};

pub use action::AuditAction;

use super::{Account, AccountState, Put, RecordKey, cbor};
use crate::store::{StoreError, StoreErrorKind};

/// An entry as it is stored; its id, which holds its moment, is its key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct AuditRow {
    /// See [`AuditAction`].
    #[n(0)]
    pub action: u16,
    /// `None`: the shop itself, or nobody knows who.
    #[n(1)]
    pub by: Option<AuditPerson>,
    #[n(2)]
    pub subject: AuditSubject,
    #[n(3)]
    pub before: AuditFields,
    #[n(4)]
    pub after: AuditFields,
    /// The key by which it was done.
    #[cbor(n(5), with = "cbor::optional_session_id")]
    pub via: Option<SessionId>,
    #[cbor(n(6), with = "cbor::optional_address")]
    pub address: Option<IpAddr>,
    #[n(7)]
    pub device: Option<String>,
}

/// Somebody as they were then: accounts change, and go.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct AuditPerson {
    #[cbor(n(0), with = "cbor::user_id")]
    pub id: UserId,
    #[n(1)]
    pub name: String,
    #[cbor(n(2), with = "cbor::role")]
    pub role: Role,
}

/// What an entry is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AuditSubject {
    #[n(0)]
    pub user: Option<AuditPerson>,
    #[cbor(n(1), with = "cbor::optional_session_id", skip_if = "Option::is_none")]
    pub session: Option<SessionId>,
    #[cbor(n(2), with = "cbor::optional_invitation_id", skip_if = "Option::is_none")]
    pub invitation: Option<InvitationId>,
    #[cbor(n(3), with = "cbor::optional_session_id", skip_if = "Option::is_none")]
    pub api_key: Option<SessionId>,
    #[cbor(n(4), with = "cbor::optional_conversation_id", skip_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    #[cbor(n(5), with = "cbor::optional_message_id", skip_if = "Option::is_none")]
    pub message: Option<MessageId>,
}

/// The values that changed; the others are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AuditFields {
    #[n(0)]
    pub name: Option<String>,
    #[n(1)]
    pub email: Option<String>,
    #[cbor(n(2), with = "cbor::optional_role", skip_if = "Option::is_none")]
    pub role: Option<Role>,
    #[n(3)]
    pub state: Option<AccountState>,
    #[n(4)]
    pub email_verified: Option<bool>,
    #[n(5)]
    pub method: Option<SignInMethod>,
    #[n(6)]
    pub site: Option<String>,
    #[n(7)]
    pub scopes: Option<Vec<String>>,
    #[n(8)]
    pub bot: Option<bool>,
    #[cbor(n(9), with = "cbor::optional_invitation_id", skip_if = "Option::is_none")]
    pub replaces: Option<InvitationId>,
    #[cbor(n(10), with = "cbor::optional_timestamp", skip_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    #[n(11)]
    pub sessions_ended: Option<u64>,
    #[n(12)]
    pub failures: Option<u64>,
    #[n(13)]
    pub invitations_ended: Option<u64>,
    #[n(14)]
    pub events: Option<Vec<String>>,
    #[n(15)]
    pub enabled: Option<bool>,
    #[n(16)]
    pub url_changed: Option<bool>,
    #[n(17)]
    pub secret_changed: Option<bool>,
    #[n(20)]
    pub accounts: Option<u64>,
    #[n(21)]
    pub conversations: Option<u64>,
    #[n(22)]
    pub messages: Option<u64>,
}

/// How somebody signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum SignInMethod {
    #[n(0)]
    Password,
    /// A site of the shop vouched for them.
    #[n(1)]
    Identity,
}

impl AuditRow {
    /// The rows under which it is stored.
    pub(crate) fn puts(&self, id: AuditId) -> impl Iterator<Item = Put> {
        let row = minicbor::to_vec(self).unwrap_or_default();
        let found_by = self.found_by(id).into_iter().map(|key| Put::Record { key, row: Some(Vec::new()) });
        std::iter::once(Put::Record { key: RecordKey::audit(id), row: Some(row) }).chain(found_by)
    }

    /// The keys by which it is found besides its own.
    pub(crate) fn found_by(&self, id: AuditId) -> Vec<RecordKey> {
        let (by, user) = (self.by.as_ref(), self.subject.user.as_ref());
        let other = user.filter(|user| by.is_none_or(|by| by.id != user.id));
        let people = by.into_iter().chain(other).map(|person| RecordKey::audit_of_user(person.id, id));
        people.chain([RecordKey::audit_of_action(self.action, id)]).collect()
    }

    pub(crate) fn decoded(row: &[u8]) -> Result<Self, StoreError> {
        minicbor::decode(row).map_err(|error| StoreError::new(StoreErrorKind::Corrupt, error))
    }

    /// What was done; unknown when a newer server wrote it.
    pub(crate) fn action(&self) -> Option<AuditAction> {
        AuditAction::ALL.iter().copied().find(|action| action.number() == self.action)
    }

    /// As admins see it.
    pub(crate) fn shown(self, id: AuditId) -> model::AuditEntry {
        model::AuditEntry {
            id,
            at: moment(id),
            action: self.action().map_or("unknown", AuditAction::as_str).to_owned(),
            by: self.by.map(AuditPerson::shown),
            via: self.via.map(key_id),
            subject: model::AuditSubject {
                user: self.subject.user.map(AuditPerson::shown),
                session: self.subject.session,
                invitation: self.subject.invitation,
                api_key: self.subject.api_key.map(key_id),
                conversation: self.subject.conversation,
                message: self.subject.message,
            },
            address: self.address,
            device: self.device,
            before: self.before.shown(),
            after: self.after.shown(),
        }
    }
}

/// The first 48 bits of an id are milliseconds.
fn moment(id: AuditId) -> Timestamp {
    let millis = id.to_bytes()[..6].iter().fold(0, |millis, byte| millis << 8 | i64::from(*byte));
    Timestamp::from_millis(millis)
}

fn key_id(key: SessionId) -> ApiKeyId {
    ApiKeyId::from_bytes(key.to_bytes())
}

impl AuditPerson {
    pub(crate) fn of(account: &Account) -> Self {
        Self { id: account.id, name: account.name.clone(), role: account.role }
    }

    fn shown(self) -> model::AuditPerson {
        let Self { id, name, role } = self;
        model::AuditPerson { id, name, role }
    }
}

impl AuditFields {
    fn shown(self) -> model::AuditFields {
        let method = |method| match method {
            SignInMethod::Password => "password".to_owned(),
            SignInMethod::Identity => "identity".to_owned(),
        };
        model::AuditFields {
            name: self.name,
            email: self.email,
            role: self.role,
            state: self.state.map(AccountState::shown),
            email_verified: self.email_verified,
            method: self.method.map(method),
            site: self.site,
            scopes: self.scopes,
            bot: self.bot,
            replaces: self.replaces,
            expires_at: self.expires_at,
            sessions_ended: self.sessions_ended,
            failures: self.failures,
            invitations_ended: self.invitations_ended,
            events: self.events,
            enabled: self.enabled,
            url_changed: self.url_changed,
            secret_changed: self.secret_changed,
            accounts: self.accounts,
            conversations: self.conversations,
            messages: self.messages,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moment_of_an_entry_stands_in_its_id() {
        let at = Timestamp::from_millis(1_800_000_000_123);
        assert_eq!(moment(AuditId::new(at, [0xff; 10])), at);
    }
}
