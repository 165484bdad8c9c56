//! Whether a command is carried out, and what it then changes. Pure: it reads through [`Lookup`] and writes nothing.

mod accounts;
pub(crate) mod attachments;
mod audit;
pub(crate) mod avatars;
mod conversations;
mod deletion;
mod foreign_hashes;
mod headcount;
mod identities;
mod imports;
mod invitations;
mod keys;
mod letters;
mod marks;
pub(crate) mod messages;
mod notices;
mod push;
mod sessions;
mod staff;
mod visitors;
pub(crate) mod webhooks;

pub(crate) use deletion::NOBODY;
pub(crate) use keys::THE_SHOP_ID;

use std::sync::Arc;

use chat_proto::ErrorCode;
use chat_proto::model::Message;

use super::rows::{Account, AccountState, MessageRow, Put};
use super::{Author, Change, Command, Lookup, Minter, Outcome, Refusal, UserNo};
use crate::access::{self, Action, Relation, Rules, Scopes};
use crate::store::StoreError;

/// What a command that is carried out changes, and what is answered.
#[derive(Debug)]
pub struct Decision {
    pub by: Option<UserNo>,
    /// Rows that are written at once.
    pub puts: Vec<Put>,
    /// One log entry each.
    pub changes: Vec<(Change, Option<NewMessage>)>,
    pub outcome: Outcome,
}

/// The row that goes with [`Change::MessageCreated`] and [`Change::MessageChanged`].
#[derive(Debug)]
pub struct NewMessage {
    pub row: Arc<MessageRow>,
    /// As its author sees it.
    pub message: Arc<Message>,
}

/// Decides one command against the state that its transaction sees.
///
/// `next_user` and `next_conversation` are the numbers that a new account and a new conversation would get.
///
/// # Errors
/// The outer error is the store's and concerns the whole transaction; the inner one refuses this command alone.
pub fn decide(
    command: Command,
    lookup: &dyn Lookup,
    rules: &Rules,
    minter: &mut Minter,
    next: Next,
) -> Result<Result<Decision, Refusal>, StoreError> {
    // Signing in and out is for others to limit, and a message has limits of its own.
    let is_paced = !matches!(command, Command::StartSession { .. } | Command::EndSession { .. } | Command::Send { .. });
    let context = Context { lookup, rules, now: minter.now(), clock_now: minter.clock_now(), next, is_paced };
    let occasion = audit::Occasion::of(&command);
    match carried_out(&context, minter, command) {
        Ok(mut decision) => {
            if let Some(occasion) = occasion {
                occasion.record(&context, minter, &mut decision)?;
            }
            headcount::keep_up(&context, &mut decision)?;
            foreign_hashes::keep_up(&context, &mut decision)?;
            push::end_with_sessions(&context, &mut decision)?;
            Ok(Ok(decision))
        }
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Store(error)) => Err(error),
    }
}

fn carried_out(context: &Context<'_>, minter: &mut Minter, command: Command) -> Result<Decision, Stop> {
    match command {
        Command::Register { id, email, name, password, session, letter } => {
            accounts::register(context, id, email, name, password, *session, *letter)
        }
        Command::Bootstrap { id, email, name, password } => accounts::bootstrap(context, id, email, name, password),
        Command::CreateUser { by, id, email, name, role, password, origin: _ } => {
            accounts::create(context, by, id, email, name, role, password)
        }
        Command::ForgotPassword { email, letter, origin: _ } => letters::forgot_password(context, &email, *letter),
        Command::ResetPassword { letter, token, password, origin: _ } => {
            letters::reset_password(context, letter, &token, password)
        }
        Command::AllowPasswordReset { by, user, letter, origin: _ } => letters::allow_reset(context, by, user, *letter),
        Command::AskToVerifyEmail { by, letter, origin: _ } => letters::ask_to_verify(context, by, *letter),
        Command::VerifyEmail { letter, token, origin: _ } => letters::verify_email(context, letter, &token),
        Command::ForgetLetters => letters::forget(context),
        Command::ChangeUser { by, user, name, role, if_version, origin: _ } => {
            staff::change(context, by, user, name, role, if_version)
        }
        Command::SetUserState { by, user, state, origin: _ } => staff::set_state(context, by, user, state),
        Command::DeleteUser { by, user, if_version, origin: _ } => deletion::delete(context, by, user, if_version),
        Command::EndUserSessions { by, user, origin: _ } => staff::end_sessions(context, by, user),
        Command::Invite { by, id, email, role, token, expires_at, origin: _ } => {
            invitations::invite(context, by, id, email, role, token, expires_at)
        }
        Command::TakeBackInvitation { by, invitation, origin: _ } => invitations::take_back(context, by, invitation),
        Command::AcceptInvitation(acceptance) => invitations::accept(context, *acceptance),
        Command::StartSession { user, password, session } => {
            sessions::start(context, user, password.as_deref(), *session)
        }
        Command::RenewSession { user, session, renewal } => sessions::renew(context, user, session, *renewal),
        Command::EndSession { by, session, origin: _ } => sessions::end(context, by, session),
        Command::EndOtherSessions { by, origin: _ } => sessions::end_others(context, by),
        Command::ChangePassword { by, current, new, origin: _ } => {
            accounts::change_password(context, by, &current, new)
        }
        Command::CreateApiKey { by, new } => keys::create(context, by, *new),
        Command::RevokeApiKey { by, key, origin: _ } => keys::revoke(context, by, key),
        Command::ApiKeyUsed { key } => keys::used(context, key),
        Command::AdmitVisitor { id, site, session } => visitors::admit(context, id, site, *session),
        Command::SignInIdentity { id, identity, session } => identities::sign_in(context, id, *identity, *session),
        Command::ClaimVisitor { by, claim } => visitors::claim(context, by, &claim),
        Command::ExpireVisitors { due } => visitors::expire(context, due),
        Command::SignInSlowed { account, failures: _, origin: _ } => audit::slowed(context, account.as_deref()),
        Command::ForgetAudit { before } => audit::forget(context, before),
        Command::ImportUser(user) => imports::user(context, *user),
        Command::ImportConversation(conversation) => imports::conversation(context, *conversation),
        Command::ImportFile { owner, file } => imports::file(context, owner, *file),
        Command::ImportMessages { conversation, messages, read } => {
            imports::messages(context, minter, conversation, messages, &read)
        }
        Command::FinishImport { .. } => Ok(imports::finish()),
        Command::RenewPasswordHash { user, before, after } => accounts::renew_hash(context, user, &before, after),
        Command::Rename { by, name, origin: _ } => accounts::rename(context, by, name),
        Command::SetAvatar { by, avatar, bytes, origin: _ } => avatars::set(context, by, *avatar, bytes),
        Command::RemoveAvatar { by, origin: _ } => avatars::remove(context, by),
        Command::SetWishes { by, wishes } => notices::wish(context, by, &wishes),
        Command::Mute { by, conversation, until } => notices::mute(context, by, conversation, until),
        Command::RetryDelivery { by, id, origin: _ } => notices::retry(context, by, id),
        Command::Notice(notice) => notices::carry(context, *notice),
        Command::Subscribe { by, new } => push::subscribe(context, by, *new),
        Command::Unsubscribe { by, id } => push::unsubscribe(context, by, id),
        Command::Pushed(pushed) => push::pushed(context, &pushed),
        Command::CreateWebhook { by, row, origin: _ } => webhooks::create(context, by, *row),
        Command::ChangeWebhook { by, id, change } => webhooks::change(context, by, id, *change),
        Command::DeleteWebhook { by, id, origin: _ } => webhooks::delete(context, by, id),
        Command::ReplayWebhook { by, id, positions, origin: _ } => webhooks::replay(context, by, id, &positions),
        Command::WebhookStep(step) => webhooks::step(context, *step),
        Command::CountAccounts => headcount::count_more(context),
        Command::KeepStatistics { rows } => Ok(headcount::keep(rows)),
        Command::OpenDirect { by, id, with } => conversations::open_direct(context, by, id, with),
        Command::CreateGroup { by, id, subject, participants } => {
            conversations::create_group(context, by, id, subject, &participants)
        }
        Command::AddParticipant { by, conversation, user, origin: _ } => {
            conversations::add_participant(context, by, conversation, user)
        }
        Command::RemoveParticipant { by, conversation, user, origin: _ } => {
            conversations::remove_participant(context, by, conversation, user)
        }
        Command::Send { by, conversation, post } => messages::send(context, minter, by, conversation, post),
        Command::KeepAttachment { by, file } => attachments::keep(context, by, *file),
        Command::DeleteAttachment { by, attachment } => attachments::delete(context, by, attachment),
        Command::CollectAttachments { due } => attachments::collect(context, due),
        Command::ContentsRemoved { contents } => attachments::contents_removed(context, contents),
        Command::EditMessage { by, conversation, message, text, if_version } => {
            messages::edit(context, by, conversation, message, text, if_version)
        }
        Command::DeleteMessage { by, conversation, message, if_version, origin: _ } => {
            messages::delete(context, by, conversation, message, if_version)
        }
        Command::React { by, conversation, message, emoji, on } => {
            messages::react(context, by, conversation, message, emoji, on)
        }
        Command::MoveReadMark { by, conversation, seq } => marks::read(context, by, conversation, seq),
        Command::MarkUnread { by, conversation, seq } => marks::unread(context, by, conversation, seq),
        Command::MoveDeliveredMark { by, conversation, seq } => marks::delivered(context, by, conversation, seq),
    }
}

/// The numbers that come next.
#[derive(Clone, Copy, Debug)]
pub struct Next {
    pub user: UserNo,
    pub conversation: super::ConversationNo,
    /// Where the first change of this decision will be appended.
    pub position: super::Position,
}

struct Context<'a> {
    lookup: &'a dyn Lookup,
    rules: &'a Rules,
    now: chat_proto::Timestamp,
    clock_now: chat_proto::Timestamp,
    next: Next,
    /// Whether carrying it out counts as one of its author's changes.
    is_paced: bool,
}

/// Why a command or a reading is not carried out: it is refused, or the store fails.
#[derive(Debug)]
pub(crate) enum Stop {
    Refused(Refusal),
    Store(StoreError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Context<'_> {
    fn author(&self, by: Author) -> Result<Acting, Stop> {
        let acting = author(self.lookup, by, self.clock_now)?;
        // Only now: with a token that was revoked nobody uses up the room of its owner.
        if self.is_paced
            && let Some(pace) = &self.rules.pace
        {
            pace.change(acting.no)?;
        }
        Ok(acting)
    }
}

/// Who acts, as they are in this transaction.
#[derive(Clone, Debug)]
pub(crate) struct Acting {
    pub(crate) no: UserNo,
    pub(crate) account: Arc<Account>,
    /// What they may do is narrower: they act by a key with these scopes.
    pub(crate) scopes: Option<Scopes>,
}

impl Acting {
    /// Refuses what is not theirs to do.
    pub(crate) fn require(&self, action: Action, relation: Relation) -> Result<(), Refusal> {
        access::require(self.account.role, self.scopes, action, relation)
    }

    /// Refuses what their key, if they act by one, is not for, wherever it would be done.
    pub(crate) fn require_scope(&self, action: Action) -> Result<(), Refusal> {
        self.scopes.map_or(Ok(()), |scopes| scopes.require(action))
    }

    /// Refuses keys: admins are made and changed by people only, or each key that may do so would be as good as an admin.
    pub(crate) fn require_person(&self) -> Result<(), Refusal> {
        match self.scopes {
            None => Ok(()),
            Some(_) => Err(Refusal::new(ErrorCode::Forbidden, "Admins are nothing that a key makes or changes.")),
        }
    }

    /// As whom the log names them: the shop itself is nobody.
    pub(crate) fn entry_author(&self) -> Option<UserNo> {
        Some(self.no).filter(|no| *no != keys::THE_SHOP)
    }
}

/// Who acts: an account, session or key that ended since the request came in is refused.
pub(crate) fn author(lookup: &dyn Lookup, by: Author, now: chat_proto::Timestamp) -> Result<Acting, Stop> {
    if by.user == keys::THE_SHOP_ID {
        return keys::the_shop(lookup, by);
    }
    let no = lookup.user_no(by.user)?.ok_or_else(revoked)?;
    let account = lookup.account(no)?.ok_or_else(revoked)?;
    if account.state != AccountState::Active {
        return Err(revoked().into());
    }
    let scopes = match by.session {
        None => None,
        Some(key) if account.is_bot() => Some(keys::scopes(lookup, key, no)?),
        Some(id) => {
            let session = lookup.session(no, id)?.ok_or_else(revoked)?;
            if session.expires_at <= now {
                return Err(Refusal::new(ErrorCode::TokenExpired, "This session's time is over. Sign in again.").into());
            }
            None
        }
    };
    Ok(Acting { no, account, scopes })
}

fn revoked() -> Refusal {
    Refusal::new(ErrorCode::TokenRevoked, "This session has ended. Sign in again.")
}

impl Decision {
    /// Nothing changes.
    fn nothing(outcome: Outcome) -> Self {
        Self { by: None, puts: Vec::new(), changes: Vec::new(), outcome }
    }
}
