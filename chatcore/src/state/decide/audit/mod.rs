//! What the audit log records of a command, and forgets again. Each command says here whether it is recorded: one that is
//! not named does not compile.

mod told;

use chat_proto::{ConversationId, InvitationId, MessageId, SessionId, Timestamp, UserId, WebhookId};

use super::{AccountState, Context, Decision, Put, Stop, keys};
use crate::state::{
    AuditAction, AuditPerson, AuditRow, Author, Change, Command, DeliveryId, Imported, Minter, Origin, Outcome,
    RecordKey, SignInMethod, UserNo,
};
use crate::store::StoreError;

use told::{AccountPut, Told, deleted, invited, key_made, key_revoked, moved, offered, told_to, webhook};

use AuditAction as A;

/// Entries that are forgotten at a time.
const FORGOTTEN_AT_ONCE: usize = 500;

/// What is to be known of a command once it was carried out.
pub(super) struct Occasion {
    act: Act,
    /// `None`: the shop itself, nobody, or whom it is about.
    by: Option<Author>,
    origin: Origin,
}

/// What was asked for, as far as what comes of it does not tell.
enum Act {
    Register,
    Bootstrap,
    CreateUser,
    ChangeUser,
    ChangeAvatar,
    SetUserState,
    DeleteUser,
    EndUserSessions(UserId),
    Invite,
    TakeBackInvitation(InvitationId),
    AcceptInvitation(InvitationId),
    StartSession(Option<SignInMethod>),
    SignInIdentity { site: String },
    RenewSession(SessionId),
    EndSession(SessionId),
    EndOtherSessions,
    ForgotPassword,
    AllowPasswordReset(UserId),
    ResetPassword,
    ChangePassword,
    VerifyEmail,
    CreateApiKey,
    RevokeApiKey(SessionId),
    Webhook(AuditAction, WebhookId),
    DeleteMessage(ConversationId, MessageId),
    Participant(ConversationId, UserId),
    RetryDelivery(DeliveryId),
    ClaimVisitor,
    SignInSlowed { account: Option<String>, failures: u32 },
    Import(Imported),
}

impl Occasion {
    /// What is recorded of this command when it changes something; `None`: nothing. What happens often and harms nobody
    /// would bury the rest: tokens that are renewed, visitors who come and go, keys that are used, and all talking.
    pub(super) fn of(command: &Command) -> Option<Self> {
        let by = |act, by: &Author, origin: &Origin| Some(Self { act, by: Some(*by), origin: origin.clone() });
        let by_nobody = |act, origin: &Origin| Some(Self { act, by: None, origin: origin.clone() });
        match command {
            Command::Register { session, .. } => by_nobody(Act::Register, &session.origin),
            Command::Bootstrap { .. } => by_nobody(Act::Bootstrap, &Origin::default()),
            Command::CreateUser { by, origin, .. } => {
                Some(Self { act: Act::CreateUser, by: *by, origin: origin.clone() })
            }
            Command::ChangeUser { by: me, origin, .. } | Command::Rename { by: me, origin, .. } => {
                by(Act::ChangeUser, me, origin)
            }
            Command::SetAvatar { by: me, origin, .. } | Command::RemoveAvatar { by: me, origin } => {
                by(Act::ChangeAvatar, me, origin)
            }
            Command::SetUserState { by: me, origin, .. } => by(Act::SetUserState, me, origin),
            Command::DeleteUser { by: me, origin, .. } => by(Act::DeleteUser, me, origin),
            Command::AllowPasswordReset { by: me, user, origin, .. } => by(Act::AllowPasswordReset(*user), me, origin),
            Command::EndUserSessions { by: me, user, origin } => by(Act::EndUserSessions(*user), me, origin),
            Command::Invite { by: me, origin, .. } => by(Act::Invite, me, origin),
            Command::TakeBackInvitation { by: me, invitation, origin } => {
                by(Act::TakeBackInvitation(*invitation), me, origin)
            }
            Command::AcceptInvitation(acceptance) => {
                by_nobody(Act::AcceptInvitation(acceptance.invitation), &acceptance.session.origin)
            }
            Command::StartSession { password, session, .. } => {
                by_nobody(Act::StartSession(password.as_ref().map(|_| SignInMethod::Password)), &session.origin)
            }
            Command::SignInIdentity { identity, session, .. } => {
                by_nobody(Act::SignInIdentity { site: identity.site.clone() }, &session.origin)
            }
            Command::RenewSession { session, renewal, .. } => by_nobody(Act::RenewSession(*session), &renewal.origin),
            Command::EndSession { by: me, session, origin } => by(Act::EndSession(*session), me, origin),
            Command::EndOtherSessions { by: me, origin } => by(Act::EndOtherSessions, me, origin),
            Command::ForgotPassword { origin, .. } => by_nobody(Act::ForgotPassword, origin),
            Command::ResetPassword { origin, .. } => by_nobody(Act::ResetPassword, origin),
            Command::ChangePassword { by: me, origin, .. } => by(Act::ChangePassword, me, origin),
            Command::VerifyEmail { origin, .. } => by_nobody(Act::VerifyEmail, origin),
            Command::CreateApiKey { by, new } => {
                Some(Self { act: Act::CreateApiKey, by: *by, origin: new.origin.clone() })
            }
            Command::RevokeApiKey { by, key, origin } => {
                Some(Self { act: Act::RevokeApiKey(*key), by: *by, origin: origin.clone() })
            }
            Command::CreateWebhook { by: me, row, origin } => by(Act::Webhook(A::WebhookCreated, row.id), me, origin),
            Command::ChangeWebhook { by: me, id, change } => {
                by(Act::Webhook(A::WebhookChanged, *id), me, &change.origin)
            }
            Command::DeleteWebhook { by: me, id, origin } => by(Act::Webhook(A::WebhookDeleted, *id), me, origin),
            Command::ReplayWebhook { by: me, id, origin, .. } => by(Act::Webhook(A::WebhookReplayed, *id), me, origin),
            Command::WebhookStep(step) if step.disable => {
                by_nobody(Act::Webhook(A::WebhookFailed, step.webhook), &Origin::default())
            }
            Command::DeleteMessage { by: me, conversation, message, origin, .. } => {
                by(Act::DeleteMessage(*conversation, *message), me, origin)
            }
            Command::AddParticipant { by: me, conversation, user, origin }
            | Command::RemoveParticipant { by: me, conversation, user, origin } => {
                by(Act::Participant(*conversation, *user), me, origin)
            }
            Command::RetryDelivery { by: me, id, origin } => by(Act::RetryDelivery(*id), me, origin),
            Command::ClaimVisitor { by: me, claim } => by(Act::ClaimVisitor, me, &claim.origin),
            Command::SignInSlowed { account, failures, origin } => {
                by_nobody(Act::SignInSlowed { account: account.clone(), failures: *failures }, origin)
            }
            Command::FinishImport { imported, origin } => by_nobody(Act::Import(*imported), origin),
            // One entry for all that an import brings, at its end.
            Command::ImportUser(_)
            | Command::ImportConversation(_)
            | Command::ImportFile { .. }
            | Command::ImportMessages { .. }
            | Command::RenewPasswordHash { .. }
            | Command::AskToVerifyEmail { .. }
            | Command::ForgetLetters
            | Command::ForgetAudit { .. }
            | Command::CountAccounts
            | Command::KeepStatistics { .. }
            | Command::SetWishes { .. }
            | Command::Mute { .. }
            | Command::Notice(_)
            | Command::WebhookStep(_)
            | Command::Subscribe { .. }
            | Command::Unsubscribe { .. }
            | Command::Pushed(_)
            | Command::ApiKeyUsed { .. }
            | Command::AdmitVisitor { .. }
            | Command::ExpireVisitors { .. }
            | Command::OpenDirect { .. }
            | Command::CreateGroup { .. }
            | Command::Send { .. }
            | Command::KeepAttachment { .. }
            | Command::DeleteAttachment { .. }
            | Command::CollectAttachments { .. }
            | Command::ContentsRemoved { .. }
            | Command::EditMessage { .. }
            | Command::React { .. }
            | Command::MoveReadMark { .. }
            | Command::MarkUnread { .. }
            | Command::MoveDeliveredMark { .. } => None,
        }
    }

    /// Writes the entry along with what the command changes; where nothing changes there is none.
    pub(super) fn record(
        self,
        context: &Context<'_>,
        minter: &mut Minter,
        decision: &mut Decision,
    ) -> Result<(), StoreError> {
        if decision.changes.is_empty() {
            return Ok(());
        }
        let Some(told) = self.told(context, decision)? else { return Ok(()) };
        let Told { action, by_themselves, subject, before, after } = told;
        let (by, via) = match self.by {
            Some(by) => author(context, by)?,
            None => (subject.user.clone().filter(|_| by_themselves), None),
        };
        let (address, device) = (self.origin.address, self.origin.device().map(str::to_owned));
        let row = AuditRow { action: action.number(), by, subject, before, after, via, address, device };
        decision.puts.extend(row.puts(minter.audit_id()));
        Ok(())
    }

    fn told(&self, context: &Context<'_>, decision: &Decision) -> Result<Option<Told>, StoreError> {
        let put = AccountPut::of(decision);
        let user = |no| person(context, no);
        let whose = |id| Ok::<_, StoreError>(context.lookup.user_no(id)?.map(user).transpose()?.flatten());
        let told = match &self.act {
            // Conversations are handed over afterwards, in pieces; and a picture may be the one that it was.
            Act::ClaimVisitor | Act::ChangeAvatar if put.is_none() => return Ok(None),
            Act::Register => Told::new(A::UserRegistered).account(put).session_of(decision).by_themselves(),
            Act::Bootstrap => Told::new(A::UserBootstrapped).account(put),
            Act::CreateUser => Told::new(A::UserCreated).account(put),
            Act::ChangeUser => {
                let action =
                    if put.is_some_and(AccountPut::has_other_role) { A::UserRoleChanged } else { A::UserRenamed };
                Told::new(action).account(put).ended_in(decision)
            }
            Act::ChangeAvatar => Told::new(A::UserAvatarChanged).account(put),
            Act::SetUserState => {
                let enabled = put.is_some_and(|put| put.account.state == AccountState::Active);
                let action = if enabled { A::UserEnabled } else { A::UserDisabled };
                Told::new(action).account(put).ended_in(decision)
            }
            Act::DeleteUser => {
                let mut told = Told::new(A::UserDeleted).account(put).ended_in(decision);
                // The subject still says who it was; their address is gone.
                (told.before.email, told.before.name, told.after.name) = (None, None, None);
                told
            }
            Act::EndUserSessions(id) => Told::new(A::SessionAllEnded).user(whose(*id)?).ended_in(decision),
            Act::AllowPasswordReset(id) => Told::new(A::PasswordResetAllowed).user(whose(*id)?),
            Act::Invite => return invited(context, decision),
            Act::TakeBackInvitation(id) => {
                let invitation = context.lookup.invitation(*id)?;
                let told = Told::new(A::InvitationTakenBack).invitation(*id);
                Told { before: invitation.map(|invitation| offered(&invitation)).unwrap_or_default(), ..told }
            }
            Act::AcceptInvitation(id) => {
                let told = Told::new(A::InvitationAccepted).account(put).session_of(decision);
                told.invitation(*id).by_themselves()
            }
            Act::StartSession(method) => {
                let told = Told::new(A::SessionStarted).user(by_in(context, decision)?).session_of(decision);
                told.method(*method).by_themselves()
            }
            Act::SignInIdentity { site } => {
                let is_new = put.is_some_and(|put| put.before.is_none());
                let told = Told::new(if is_new { A::UserRegistered } else { A::SessionStarted });
                let told = match put {
                    Some(_) => told.account(put),
                    None => told.user(by_in(context, decision)?),
                };
                let mut told = told.session_of(decision).method(Some(SignInMethod::Identity)).by_themselves();
                told.after.site = Some(site.clone());
                told
            }
            Act::RenewSession(session) => match decision.outcome {
                // Who it was that had the other token, nobody knows.
                Outcome::Spent => Told::new(A::SessionReused).user(by_in(context, decision)?).session(*session),
                _ => return Ok(None),
            },
            Act::EndSession(session) => Told::new(A::SessionEnded).user(by_in(context, decision)?).session(*session),
            Act::EndOtherSessions => {
                Told::new(A::SessionOthersEnded).user(by_in(context, decision)?).ended_in(decision)
            }
            Act::ForgotPassword => {
                let letter = decision.puts.iter().find_map(|put| match put {
                    Put::Letter(letter) => Some(letter.user),
                    _ => None,
                });
                Told::new(A::PasswordResetRequested).user(letter.map(user).transpose()?.flatten())
            }
            Act::ResetPassword => Told::new(A::PasswordReset).account(put).ended_in(decision).by_themselves(),
            Act::ChangePassword => Told::new(A::PasswordChanged).account(put).ended_in(decision),
            Act::VerifyEmail => Told::new(A::UserEmailVerified).account(put).by_themselves(),
            Act::CreateApiKey => return Ok(key_made(decision)),
            Act::RevokeApiKey(key) => return key_revoked(context, *key),
            Act::Webhook(action, id) => return webhook(context, decision, *action, *id),
            Act::DeleteMessage(conversation, message) => {
                return Ok(deleted(context, decision)?.map(|told| told.message(*conversation, *message)));
            }
            Act::Participant(conversation, id) => {
                return Ok(moved(context, decision, whose(*id)?)?.map(|told| told.conversation(*conversation)));
            }
            Act::RetryDelivery(id) => Told::new(A::NotificationRetried).user(told_to(context, *id)?),
            Act::ClaimVisitor => Told::new(A::VisitorMerged).account(put).ended_in(decision),
            Act::SignInSlowed { account, failures } => {
                let no = account.as_deref().map(|email| context.lookup.user_by_email(email)).transpose()?.flatten();
                let mut told = Told::new(A::SignInSlowed).user(no.map(user).transpose()?.flatten());
                told.after.failures = Some(u64::from(*failures));
                told
            }
            Act::Import(Imported { accounts, conversations, messages }) => {
                let mut told = Told::new(A::DataImported);
                let after = &mut told.after;
                after.accounts = Some(*accounts);
                after.conversations = Some(*conversations);
                after.messages = Some(*messages);
                told
            }
        };
        Ok(Some(told))
    }
}

/// Who acts, and by which key.
fn author(context: &Context<'_>, by: Author) -> Result<(Option<AuditPerson>, Option<SessionId>), StoreError> {
    if by.user == keys::THE_SHOP_ID {
        return Ok((None, by.session));
    }
    let no = context.lookup.user_no(by.user)?;
    let account = no.map(|no| context.lookup.account(no)).transpose()?.flatten();
    let via = by.session.filter(|_| account.as_ref().is_some_and(|account| account.is_bot()));
    Ok((account.map(|account| AuditPerson::of(&account)), via))
}

fn person(context: &Context<'_>, no: UserNo) -> Result<Option<AuditPerson>, StoreError> {
    Ok(context.lookup.account(no)?.map(|account| AuditPerson::of(&account)))
}

/// In whose name the decision is.
fn by_in(context: &Context<'_>, decision: &Decision) -> Result<Option<AuditPerson>, StoreError> {
    Ok(decision.by.map(|no| person(context, no)).transpose()?.flatten())
}

/// Of an account that does not exist nothing is recorded: what was typed may be anything, a password too.
pub(super) fn slowed(context: &Context<'_>, account: Option<&str>) -> Result<Decision, Stop> {
    let mut decision = Decision::nothing(Outcome::Done);
    if account.map_or(Ok(true), |email| context.lookup.user_by_email(email).map(|no| no.is_some()))? {
        decision.changes.push((Change::Tidied, None));
    }
    Ok(decision)
}

pub(super) fn forget(context: &Context<'_>, before: Timestamp) -> Result<Decision, Stop> {
    let mut decision = Decision::nothing(Outcome::Done);
    let (from, end) = RecordKey::audit_before(before);
    for (key, row) in context.lookup.records(&from, &end, FORGOTTEN_AT_ONCE)? {
        let id = key.audit_id().ok_or_else(|| StoreError::corrupt("an entry of the audit log without an id"))?;
        let keys = AuditRow::decoded(&row)?.found_by(id).into_iter().chain([key]);
        decision.puts.extend(keys.map(|key| Put::Record { key, row: None }));
    }
    if !decision.puts.is_empty() {
        decision.changes.push((Change::Tidied, None));
    }
    Ok(decision)
}
