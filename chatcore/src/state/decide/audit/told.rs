//! Entries of the audit log, put together from what a decision writes.

use chat_proto::{ConversationId, InvitationId, MessageId, Role, SessionId, WebhookId};

use super::{by_in, person};
use crate::state::decide::{Context, Decision, Put, webhooks};
use crate::state::rows::{Account, ApiKeyRow, Invitation, fold_email};
use crate::state::{
    AuditAction, AuditFields, AuditPerson, AuditSubject, Change, DeliveryId, DeliveryRow, Outcome, RecordKey,
    SignInMethod, WebhookEvent, WebhookRow, WebhookStateRow, wrote,
};
use crate::store::StoreError;

/// An entry that is being made.
pub(super) struct Told {
    pub(super) action: AuditAction,
    /// Whom it is about did it.
    pub(super) by_themselves: bool,
    pub(super) subject: AuditSubject,
    pub(super) before: AuditFields,
    pub(super) after: AuditFields,
}

impl Told {
    pub(super) fn new(action: AuditAction) -> Self {
        let (before, after) = (AuditFields::default(), AuditFields::default());
        Self { action, by_themselves: false, subject: AuditSubject::default(), before, after }
    }

    pub(super) fn by_themselves(self) -> Self {
        Self { by_themselves: true, ..self }
    }

    /// About this account, and what changed of it.
    pub(super) fn account(self, put: Option<AccountPut<'_>>) -> Self {
        let Some(AccountPut { account, before }) = put else { return self };
        let told = self.user(Some(AuditPerson::of(before.unwrap_or(account))));
        let Some(before) = before else { return Self { after: all_of(account), ..told } };
        let (mut was, mut is) = (all_of(before), all_of(account));
        keep_differing(&mut was.name, &mut is.name);
        keep_differing(&mut was.email, &mut is.email);
        keep_differing(&mut was.role, &mut is.role);
        (was.bot, is.bot) = (None, None);
        (was.state, is.state) = (Some(before.state), Some(account.state));
        keep_differing(&mut was.state, &mut is.state);
        (was.email_verified, is.email_verified) = (Some(before.email_verified), Some(account.email_verified));
        keep_differing(&mut was.email_verified, &mut is.email_verified);
        Self { before: was, after: is, ..told }
    }

    pub(super) fn user(mut self, user: Option<AuditPerson>) -> Self {
        self.subject.user = user;
        self
    }

    pub(super) fn invitation(mut self, invitation: InvitationId) -> Self {
        self.subject.invitation = Some(invitation);
        self
    }

    pub(super) fn session(mut self, session: SessionId) -> Self {
        self.subject.session = Some(session);
        self
    }

    pub(super) fn conversation(mut self, conversation: ConversationId) -> Self {
        self.subject.conversation = Some(conversation);
        self
    }

    pub(super) fn message(mut self, conversation: ConversationId, message: MessageId) -> Self {
        self.subject.message = Some(message);
        self.conversation(conversation)
    }

    /// The session that begins.
    pub(super) fn session_of(mut self, decision: &Decision) -> Self {
        self.subject.session = decision.puts.iter().find_map(|put| match put {
            Put::Session(session) => Some(session.id),
            _ => None,
        });
        self
    }

    pub(super) fn method(mut self, method: Option<SignInMethod>) -> Self {
        self.after.method = method;
        self
    }

    /// How many sessions end, and invitations.
    pub(super) fn ended_in(mut self, decision: &Decision) -> Self {
        let count = |ended: fn(&Put) -> bool| {
            let ended = decision.puts.iter().filter(|put| ended(put)).count();
            Some(ended as u64).filter(|ended| *ended > 0)
        };
        self.after.sessions_ended = count(|put| matches!(put, Put::SessionGone { .. }));
        self.after.invitations_ended = count(|put| matches!(put, Put::InvitationGone { .. }));
        self
    }
}

/// The account that is written.
#[derive(Clone, Copy)]
pub(super) struct AccountPut<'a> {
    pub(super) account: &'a Account,
    pub(super) before: Option<&'a Account>,
}

impl<'a> AccountPut<'a> {
    pub(super) fn of(decision: &'a Decision) -> Option<Self> {
        decision.puts.iter().find_map(|put| match put {
            Put::Account { account, before, .. } => Some(Self { account, before: before.as_deref() }),
            _ => None,
        })
    }

    pub(super) fn has_other_role(self) -> bool {
        self.before.is_some_and(|before| before.role != self.account.role)
    }
}

fn all_of(account: &Account) -> AuditFields {
    AuditFields {
        name: Some(account.name.clone()),
        email: Some(account.user().email).filter(|email| !email.is_empty()),
        role: Some(account.role),
        bot: Some(true).filter(|_| account.is_bot()),
        ..AuditFields::default()
    }
}

fn keep_differing<T: PartialEq>(before: &mut Option<T>, after: &mut Option<T>) {
    if before == after {
        (*before, *after) = (None, None);
    }
}

pub(super) fn offered(invitation: &Invitation) -> AuditFields {
    AuditFields {
        email: Some(invitation.email.clone()),
        role: Some(invitation.role),
        expires_at: Some(invitation.expires_at),
        ..AuditFields::default()
    }
}

pub(super) fn invited(context: &Context<'_>, decision: &Decision) -> Result<Option<Told>, StoreError> {
    let made = decision.puts.iter().find_map(|put| match put {
        Put::Invitation(invitation) => Some(invitation),
        _ => None,
    });
    let Some(made) = made else { return Ok(None) };
    let mut told = Told::new(AuditAction::InvitationCreated).invitation(made.id);
    told.after = offered(made);
    for put in &decision.puts {
        if let Put::InvitationGone { id } = put
            && let Some(earlier) = context.lookup.invitation(*id)?
            && earlier.expires_at > context.clock_now
            && fold_email(&earlier.email) == fold_email(&made.email)
        {
            told.after.replaces = Some(*id);
        }
    }
    Ok(Some(told))
}

pub(super) fn key_made(decision: &Decision) -> Option<Told> {
    let Outcome::ApiKey(key) = &decision.outcome else { return None };
    let bot = key.user.as_ref().map(|bot| AuditPerson { id: bot.id, name: bot.name.clone(), role: bot.role });
    let mut told = Told::new(AuditAction::ApiKeyCreated).user(bot);
    told.subject.api_key = Some(SessionId::from_bytes(key.id.to_bytes()));
    told.after.name = Some(key.name.clone());
    told.after.scopes = Some(key.scopes.clone());
    told.after.bot = AccountPut::of(decision).map(|_| true);
    Some(told)
}

/// A webhook is named by its id and host: the rest of its address may hold a secret.
pub(super) fn webhook(
    context: &Context<'_>,
    decision: &Decision,
    action: AuditAction,
    id: WebhookId,
) -> Result<Option<Told>, StoreError> {
    let (before, key) = (webhooks::webhook(context, id)?, RecordKey::webhook(id));
    let after = decision.puts.iter().find_map(|put| match put {
        Put::Record { key: written, row: Some(row) } if *written == key => Some(WebhookRow::decoded(row)),
        _ => None,
    });
    let after = after.transpose()?;
    // It was given up by somebody else meanwhile.
    if action == AuditAction::WebhookFailed && after.is_none() {
        return Ok(None);
    }
    let name = |row: &WebhookRow| format!("{id} {}", row.host());
    let mut told = Told::new(action);
    (told.before.name, told.after.name) = (before.as_ref().map(name), after.as_ref().map(name));
    if let (Some(before), Some(after)) = (&before, &after) {
        let is_enabled = |row: &WebhookRow| Some(row.state == WebhookStateRow::Enabled);
        (told.before.events, told.after.events) = (Some(words(before)), Some(words(after)));
        keep_differing(&mut told.before.events, &mut told.after.events);
        (told.before.enabled, told.after.enabled) = (is_enabled(before), is_enabled(after));
        keep_differing(&mut told.before.enabled, &mut told.after.enabled);
        told.after.url_changed = Some(true).filter(|_| before.url != after.url);
        told.after.secret_changed = Some(true).filter(|_| before.secret != after.secret);
    } else {
        told.after.events = after.as_ref().map(words);
    }
    Ok(Some(told))
}

/// What it is told.
fn words(webhook: &WebhookRow) -> Vec<String> {
    WebhookEvent::in_set(webhook.events).map(|event| event.as_str().to_owned()).collect()
}

/// Whose message it was; `None` when it was their own.
pub(super) fn deleted(context: &Context<'_>, decision: &Decision) -> Result<Option<Told>, StoreError> {
    let row = decision.changes.iter().find_map(|(_, new)| new.as_ref().map(|new| &new.row));
    let (Some(row), Some(by)) = (row, decision.by) else { return Ok(None) };
    if wrote(context.lookup, row, by)? {
        return Ok(None);
    }
    Ok(Some(Told::new(AuditAction::MessageDeleted).user(person(context, row.author)?)))
}

/// Whom one of the staff brought into a group or put out of it. Leaving is nobody else's business, and what customers do in
/// groups is talking.
pub(super) fn moved(
    context: &Context<'_>,
    decision: &Decision,
    whom: Option<AuditPerson>,
) -> Result<Option<Told>, StoreError> {
    let (by, id) = (by_in(context, decision)?, whom.as_ref().map(|whom| whom.id));
    if by.is_none_or(|by| by.role == Role::Customer || Some(by.id) == id) {
        return Ok(None);
    }
    let is_gone = matches!(decision.changes[..], [(Change::ParticipantRemoved { .. }, _)]);
    let action = if is_gone { AuditAction::ParticipantRemoved } else { AuditAction::ParticipantAdded };
    Ok(Some(Told::new(action).user(whom)))
}

/// Whom what was given up was for; of an invitation nobody knows.
pub(super) fn told_to(context: &Context<'_>, id: DeliveryId) -> Result<Option<AuditPerson>, StoreError> {
    let row = context.lookup.record(&RecordKey::dead_delivery(id))?;
    let row = row.map(|row| DeliveryRow::decoded(&row)).transpose()?;
    Ok(row.map(|row| person(context, row.user)).transpose()?.flatten())
}

pub(super) fn key_revoked(context: &Context<'_>, key: SessionId) -> Result<Option<Told>, StoreError> {
    let Some(row) = context.lookup.record(&RecordKey::api_key(key))? else { return Ok(None) };
    let row = ApiKeyRow::decoded(&row)?;
    let mut told = Told::new(AuditAction::ApiKeyRevoked).user(person(context, row.user)?);
    told.subject.api_key = Some(key);
    let shown = row.shown(None);
    (told.before.name, told.before.scopes) = (Some(shown.name), Some(shown.scopes));
    Ok(Some(told))
}
