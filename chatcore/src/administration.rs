use std::sync::Arc;
use std::time::Duration;

use chat_proto::model::{Cursor, Invitation, Page, Session, User, UserState};
use chat_proto::{ErrorCode, InvitationId, Role, Timestamp, UserId};

use crate::access::{Action, Relation};
use crate::actor::{Actor, Reading};
use crate::auth::Purpose;
use crate::builder::PAGE_ROWS;
use crate::error::{Error, Result};
use crate::letters;
use crate::shape;
use crate::state::{Account, AccountState, Command, LetterKind, Outcome, Refusal, UserNo, fold_email, role_number};

/// How long an invitation can be accepted.
const INVITED_FOR: Duration = Duration::from_hours(72);
/// So many accounts are looked at for one part of a list; with a filter it may have fewer rows than were asked for.
const MOST_LOOKED_AT: usize = 2_000;

/// What admins do; everybody else is refused with `forbidden`.
impl Actor {
    /// Accounts, by role and name, at most 200 at once; those that were deleted only when asked for. A part may have fewer than asked for, and still
    /// not be the last.
    ///
    /// # Errors
    /// `forbidden`, `invalid_cursor`.
    pub async fn users(
        &self,
        role: Option<Role>,
        state: Option<UserState>,
        limit: usize,
        cursor: Option<Cursor>,
    ) -> Result<Page<User>> {
        let engine = Arc::clone(self.chat().engine());
        self.read(move |me| {
            me.require(Action::ReadUsers, Relation::Stranger)?;
            let list = format!("users {} {}", shown(role), shown(state));
            let from = match &cursor {
                None => Place { role: role.unwrap_or(Role::ALL[0]), after: None },
                Some(cursor) => {
                    let place = engine.seal.open_page(list.as_bytes(), cursor);
                    place
                        .and_then(|place| Place::read(&place))
                        .ok_or_else(|| Error::new(ErrorCode::InvalidCursor, "This cursor belongs to another list."))?
                }
            };
            let (items, next) = walk(me, from, role, state, limit.clamp(1, PAGE_ROWS))?;
            let next_cursor = next.map(|place| engine.seal.page(list.as_bytes(), &place.written()));
            Ok(Page { items, next_cursor, as_of: engine.as_of(me.view) })
        })
        .await
    }

    /// The account with this address, in capital letters or small ones, as a list of one or none; found by index. With a
    /// role or a state only if it is of that.
    ///
    /// # Errors
    /// `forbidden`.
    pub async fn users_by_email(
        &self,
        email: &str,
        role: Option<Role>,
        state: Option<UserState>,
    ) -> Result<Page<User>> {
        let (engine, email) = (Arc::clone(self.chat().engine()), fold_email(email));
        self.read(move |me| {
            me.require(Action::ReadUsers, Relation::Stranger)?;
            let account = me.view.user_by_email(&email)?.map(|no| me.view.account(no)).transpose()?.flatten();
            let is_asked_for = |account: &Arc<Account>| {
                role.is_none_or(|role| account.role == role) && is_wanted(account.state.shown(), state)
            };
            let items = account.filter(is_asked_for).map(|account| account.user()).into_iter().collect();
            Ok(Page { items, next_cursor: None, as_of: engine.as_of(me.view) })
        })
        .await
    }

    /// The accounts that were made last, the newest first, at most 200: people who signed up or were made known, no visitors,
    /// no bots, and nobody who was deleted. So many of those may be among the newest that there are fewer than asked for.
    ///
    /// # Errors
    /// `forbidden`.
    pub async fn newest_users(&self, limit: usize) -> Result<Vec<User>> {
        self.read(move |me| {
            me.require(Action::ReadUsers, Relation::Stranger)?;
            let limit = limit.clamp(1, PAGE_ROWS);
            let (mut newest, mut before, mut looked_at) = (Vec::new(), None, 0);
            while looked_at < MOST_LOOKED_AT {
                let rows = me.view.newest_accounts(before, limit)?;
                let Some((last, _)) = rows.last() else { break };
                (before, looked_at) = (Some(*last), looked_at + rows.len());
                let people = rows.iter().map(|(_, account)| account).filter(|account| is_somebody(account));
                newest.extend(people.map(|account| account.user()));
                if newest.len() >= limit {
                    newest.truncate(limit);
                    break;
                }
            }
            Ok(newest)
        })
        .await
    }

    /// An account.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn user(&self, id: UserId) -> Result<User> {
        self.read(move |me| Ok(known(me, id)?.1.user())).await
    }

    /// Changes an account. Another role ends its sessions.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `invalid`, `version_mismatch` when it is not at `if_version`; `conflict` when it would
    /// leave the shop without an admin.
    pub async fn change_user(
        &self,
        id: UserId,
        name: Option<&str>,
        role: Option<Role>,
        if_version: Option<u64>,
    ) -> Result<User> {
        let name = name.map(shape::name).transpose()?;
        let (by, origin) = (self.by(), self.origin());
        self.chat().engine().user(Command::ChangeUser { by, user: id, name, role, if_version, origin }).await
    }

    /// Lets nobody sign in to an account any more; its sessions end.
    ///
    /// # Errors
    /// `forbidden`, `not_found`; `conflict` when it would leave the shop without an admin.
    pub async fn disable_user(&self, id: UserId) -> Result<User> {
        self.set_state(id, AccountState::Disabled).await
    }

    /// Takes that back.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn enable_user(&self, id: UserId) -> Result<User> {
        self.set_state(id, AccountState::Active).await
    }

    async fn set_state(&self, user: UserId, state: AccountState) -> Result<User> {
        let (by, origin) = (self.by(), self.origin());
        self.chat().engine().user(Command::SetUserState { by, user, state, origin }).await
    }

    /// Takes an account back for good: its address is free, its name is nobody's, and password, sessions, keys and letters are
    /// gone. What was written in it stays under that name. Cannot be undone; doing it again does nothing.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `version_mismatch` when it is not at `if_version`; `conflict` when it would leave the shop
    /// without an admin, and for a visitor who is a customer by now.
    pub async fn delete_user(&self, id: UserId, if_version: Option<u64>) -> Result<User> {
        let (by, origin) = (self.by(), self.origin());
        let engine = self.chat().engine();
        let left = engine.user(Command::DeleteUser { by, user: id, if_version, origin }).await?;
        // Their picture.
        engine.attachments.freed.notify_one();
        Ok(left)
    }

    /// Somebody's sessions, the oldest first; at most 100.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn sessions_of(&self, id: UserId) -> Result<Page<Session>> {
        let (engine, current) = (Arc::clone(self.chat().engine()), self.session_id());
        let now = engine.clock.now();
        self.read(move |me| {
            let (no, _) = known(me, id)?;
            let sessions = me.view.sessions(no)?;
            let standing = sessions.iter().filter(|session| session.expires_at > now);
            let items = standing.map(|session| session.shown(current)).collect();
            Ok(Page { items, next_cursor: None, as_of: engine.as_of(me.view) })
        })
        .await
    }

    /// Signs somebody out everywhere.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn end_sessions_of(&self, id: UserId) -> Result<()> {
        let (by, origin) = (self.by(), self.origin());
        self.carry(Command::EndUserSessions { by, user: id, origin }).await.map(drop)
    }

    /// Lets somebody set a new password: with the token they do so once, within 24 hours, as with that of a letter. Until
    /// then nothing changes for them; then their sessions end. An earlier token for the same account is over.
    ///
    /// # Errors
    /// `forbidden`, `not_found`; `conflict` when it is an account that nobody signs in to with a password.
    pub async fn allow_password_reset(&self, id: UserId) -> Result<(String, Timestamp)> {
        let engine = self.chat().engine();
        let kind = LetterKind::PasswordResetByAdmin;
        let letter = engine.new_letter(kind);
        let (by, origin) = (self.by(), self.origin());
        self.carry(Command::AllowPasswordReset { by, user: id, letter: Box::new(letter), origin }).await?;
        Ok((letters::token(&engine.links, kind, letter.id), letter.expires_at))
    }

    /// Invites somebody to make an account of this role; with the token they accept it, once, within 72 hours. An earlier
    /// invitation of the same address is over.
    ///
    /// # Errors
    /// `forbidden`, `invalid`, `email_taken`; `conflict` when 1,000 are open.
    pub async fn invite(&self, email: &str, role: Role) -> Result<(Invitation, String)> {
        let engine = self.chat().engine();
        let (email, now) = (shape::email(email)?, engine.clock.now());
        let id = InvitationId::new(now, engine.entropy.bytes());
        let token = engine.links.token(Purpose::Invitation, id.to_bytes());
        let (hash, expires_at) = (token.hash(Purpose::Invitation), now.after(INVITED_FOR));
        let (by, origin) = (self.by(), self.origin());
        match self.carry(Command::Invite { by, id, email, role, token: hash, expires_at, origin }).await? {
            Outcome::Invitation(invitation) => Ok((*invitation, token.text(Purpose::Invitation))),
            _ => Err(Error::unexpected()),
        }
    }

    /// The invitations that can be accepted, the oldest first; at most 1,000.
    ///
    /// # Errors
    /// `forbidden`.
    pub async fn invitations(&self) -> Result<Page<Invitation>> {
        let engine = Arc::clone(self.chat().engine());
        let now = engine.clock.now();
        self.read(move |me| {
            me.require(Action::ManageInvitations, Relation::Stranger)?;
            let mut items = Vec::new();
            for invitation in me.view.invitations()?.iter().filter(|invitation| invitation.expires_at > now) {
                if let Some(by) = me.view.account(invitation.by)? {
                    items.push(invitation.shown(by.person()));
                }
            }
            Ok(Page { items, next_cursor: None, as_of: engine.as_of(me.view) })
        })
        .await
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn take_back_invitation(&self, id: InvitationId) -> Result<()> {
        let (by, origin) = (self.by(), self.origin());
        self.carry(Command::TakeBackInvitation { by, invitation: id, origin }).await.map(drop)
    }
}

fn known(me: &Reading<'_>, id: UserId) -> Result<(UserNo, Arc<Account>)> {
    me.require(Action::ReadUsers, Relation::Stranger)?;
    let unknown = || Error::from(Refusal::not_found("There is no such account."));
    let no = me.view.user_no(id)?.ok_or_else(unknown)?;
    Ok((no, me.view.account(no)?.ok_or_else(unknown)?))
}

/// Where a part of the list of accounts begins.
struct Place {
    role: Role,
    after: Option<(String, UserNo)>,
}

impl Place {
    fn written(&self) -> Vec<u8> {
        let mut place = vec![role_number(self.role)];
        if let Some((name, no)) = &self.after {
            place.extend_from_slice(&no.0.to_be_bytes());
            place.extend_from_slice(name.as_bytes());
        }
        place
    }

    fn read(place: &[u8]) -> Option<Self> {
        let (role, after) = place.split_first()?;
        let role = Role::ALL.into_iter().find(|known| role_number(*known) == *role)?;
        let after = match after.split_first_chunk::<8>() {
            Some((no, name)) => Some((String::from_utf8(name.to_vec()).ok()?, UserNo(u64::from_be_bytes(*no)))),
            None => None,
        };
        Some(Self { role, after })
    }
}

/// The accounts from this place on that are looked for, and where the next part begins.
fn walk(
    me: &Reading<'_>,
    from: Place,
    role: Option<Role>,
    state: Option<UserState>,
    limit: usize,
) -> Result<(Vec<User>, Option<Place>)> {
    let first = from.role;
    let mut roles = Role::ALL.into_iter().skip_while(|one| *one != first);
    let (mut place, mut items, mut looked_at) = (from, Vec::new(), 0);
    loop {
        let after = place.after.as_ref().map(|(name, no)| (name.as_str(), *no));
        let rows = me.view.directory(place.role, after, limit + 1)?;
        let ended = rows.len() <= limit;
        for (name, no) in rows {
            if items.len() == limit || looked_at == MOST_LOOKED_AT {
                return Ok((items, Some(place)));
            }
            looked_at += 1;
            if let Some(account) = me.view.account(no)?
                && is_wanted(account.state.shown(), state)
            {
                items.push(account.user());
            }
            place.after = Some((name, no));
        }
        if ended {
            match roles.find(|one| role.is_none() && *one != place.role) {
                Some(next) => place = Place { role: next, after: None },
                None => return Ok((items, None)),
            }
        }
    }
}

fn is_somebody(account: &Account) -> bool {
    account.state != AccountState::Deleted && account.visitor().is_none() && !account.is_bot()
}

fn is_wanted(state: UserState, asked_for: Option<UserState>) -> bool {
    asked_for.map_or(state != UserState::Deleted, |asked_for| asked_for == state)
}

fn shown(filter: Option<impl std::fmt::Display>) -> String {
    filter.map_or_else(String::new, |filter| filter.to_string())
}
