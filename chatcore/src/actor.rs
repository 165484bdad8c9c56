use std::sync::Arc;

use chat_proto::model::{Cursor, Page, Person, Session, User};
use chat_proto::{ConversationId, ErrorCode, Role, SessionId, Timestamp, UserId};

use crate::access::{Action, PolicyRow, Relation, policy};
use crate::auth::strength;
use crate::builder::PAGE_ROWS;
use crate::chat::Chat;
use crate::conversations::ConversationHandle;
use crate::error::{Error, Result};
use crate::events::EventStream;
use crate::pace::stranger;
use crate::shape;
use crate::state::{
    Account, AccountState, Acting, Author, Command, Conversation, ConversationNo, Origin, Position, Refusal, UserNo,
    author, fold_email,
};
use crate::store::View;

/// Somebody who acts. Everything a person can do is here; whether they may is asked of the policy in the same
/// transaction that does it. Cheap to make and to clone.
///
/// Every method may fail with `token_revoked` or `token_expired` (the account or session ended) and, when the store
/// fails, with `read_only`, `storage_full` or `internal`; further errors are named at each.
#[derive(Clone, Debug)]
pub struct Actor {
    chat: Chat,
    by: Author,
    expires_at: Option<Timestamp>,
    origin: Option<Arc<Origin>>,
}

/// One consistent view, and who looks at it.
pub(crate) struct Reading<'a> {
    pub(crate) view: &'a dyn View,
    pub(crate) no: UserNo,
    pub(crate) account: Arc<Account>,
    acting: Acting,
}

impl Actor {
    pub(crate) fn new(chat: Chat, by: Author, expires_at: Option<Timestamp>) -> Self {
        Self { chat, by, expires_at, origin: None }
    }

    /// The same, coming from there.
    #[must_use]
    pub fn coming_from(mut self, origin: Origin) -> Self {
        self.origin = Some(Arc::new(origin));
        self
    }

    pub(crate) fn chat(&self) -> &Chat {
        &self.chat
    }

    pub(crate) fn by(&self) -> Author {
        self.by
    }

    /// Who acts.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        self.by.user
    }

    /// In which session; none when the embedding program vouches for the person.
    #[must_use]
    pub fn session_id(&self) -> Option<SessionId> {
        self.by.session
    }

    /// When the token that was shown expires; none when the embedding program vouches for the person.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// My account.
    pub async fn me(&self) -> Result<User> {
        let of_the_shop =
            || Error::new(ErrorCode::Forbidden, "This key acts as the shop itself, which has no account.");
        self.read(move |me| if me.is_the_shop() { Err(of_the_shop()) } else { Ok(me.account.user()) }).await
    }

    /// Changes my name.
    ///
    /// # Errors
    /// `invalid` when it is no name.
    pub async fn rename(&self, name: &str) -> Result<User> {
        let name = shape::name(name)?;
        self.chat.engine().user(Command::Rename { by: self.by, name, origin: self.origin() }).await
    }

    /// Ends my session: its tokens are dead and its connections are closed. While nothing can be stored, that is so from
    /// now on all the same, and is stored when it can be.
    pub async fn log_out(&self) -> Result<()> {
        match self.by.session {
            Some(session) => self.end_session(session).await,
            None => Ok(()),
        }
    }

    /// My sessions, the oldest first; at most 100.
    pub async fn sessions(&self) -> Result<Page<Session>> {
        let (engine, current) = (Arc::clone(self.chat.engine()), self.by.session);
        let now = engine.clock.now();
        self.read(move |me| {
            me.require(Action::ChangeOwnAccount, Relation::Stranger)?;
            let sessions = me.view.sessions(me.no)?;
            let standing = sessions.iter().filter(|session| session.expires_at > now);
            let items = standing.map(|session| session.shown(current)).collect();
            Ok(Page { items, next_cursor: None, as_of: engine.as_of(me.view) })
        })
        .await
    }

    /// Ends one of my sessions: its tokens are dead and its connections are closed.
    ///
    /// # Errors
    /// `not_found` when it is none of mine.
    pub async fn end_session(&self, session: SessionId) -> Result<()> {
        self.carry(Command::EndSession { by: self.by, session, origin: self.origin() }).await.map(drop)
    }

    /// Ends all of my sessions but the one that I act in.
    pub async fn end_other_sessions(&self) -> Result<()> {
        self.carry(Command::EndOtherSessions { by: self.by, origin: self.origin() }).await.map(drop)
    }

    /// Changes my password. It ends my other sessions.
    ///
    /// # Errors
    /// `invalid` when the current one is wrong, or the new one has the wrong length; `weak_password`; `rate_limited` after
    /// failures; `conflict` when I have none yet, or another since just now.
    pub async fn change_password(&self, current: String, new: String) -> Result<()> {
        let engine = self.chat.engine();
        let account = self.read(|me| {
            me.require(Action::ChangeOwnAccount, Relation::Stranger)?;
            Ok(Arc::clone(&me.account))
        });
        let account = account.await?;
        let new = strength::password("/new_password", new, &account.email, &account.name)?;
        let stored = account.password.clone();
        let stored = stored.ok_or_else(|| Error::new(ErrorCode::Conflict, "You sign in without a password."))?;
        // Whoever has found a device that is signed in must not be able to guess.
        let from = self.origin.as_ref().and_then(|origin| stranger(origin.address));
        let attempt = engine.guard.attempt(&fold_email(&account.email), from, true)?.known_as(true, &self.origin());
        // Longer ones are none; they are not worth a hash.
        if shape::password(current.clone()).is_err() || !engine.passwords.verify(current, Some(stored.clone())).await? {
            return Err(Error::invalid("/current_password", "This is not your password."));
        }
        attempt.succeeded();
        let new = engine.passwords.hash(new).await?;
        let (by, origin) = (self.by, self.origin());
        self.carry(Command::ChangePassword { by, current: stored, new, origin }).await.map(drop)
    }

    /// Makes an account of any role. Admins only.
    ///
    /// # Errors
    /// `forbidden`, `invalid`, `weak_password`, `email_taken`.
    pub async fn create_user(&self, role: Role, email: &str, name: &str, password: String) -> Result<User> {
        let (email, name) = (shape::email(email)?, shape::name(name)?);
        // Asked before the hash, which costs more than the whole rest, and again where it counts.
        self.read(|me| me.require(Action::ManageUsers, Relation::Stranger)).await?;
        let password = strength::password("/password", password, &email, &name)?;
        let engine = self.chat.engine();
        let password = Some(engine.passwords.hash(password).await?);
        let id = engine.new_user_id();
        engine
            .user(Command::CreateUser { by: Some(self.by), id, email, name, role, password, origin: self.origin() })
            .await
    }

    /// The people of this role that I may write to, by name; at most 200 at once.
    ///
    /// # Errors
    /// `invalid_cursor`. A role that I may not write to has nobody in it.
    pub async fn directory(&self, role: Role, limit: usize, cursor: Option<Cursor>) -> Result<Page<Person>> {
        let engine = Arc::clone(self.chat.engine());
        self.read(move |me| {
            me.require(Action::ReadDirectory, Relation::Stranger)?;
            let list = format!("directory of {role} for {}", me.no.0);
            let after = match &cursor {
                None => None,
                Some(cursor) => Some(directory_place(engine.seal.open_page(list.as_bytes(), cursor))?),
            };
            let limit = limit.clamp(1, PAGE_ROWS);
            let mut rows = if engine.rules.contacts.may_start(me.account.role, role) {
                me.view.directory(role, after.as_ref().map(|(name, no)| (name.as_str(), *no)), limit + 1)?
            } else {
                Vec::new()
            };
            let more = rows.len() > limit;
            rows.truncate(limit);
            let mut items = Vec::with_capacity(rows.len());
            for (_, no) in &rows {
                // Oneself and those who left are nobody to write to.
                if let Some(account) = me.view.account(*no)?
                    && *no != me.no
                    && account.state == AccountState::Active
                {
                    items.push(account.person());
                }
            }
            let next_cursor = rows.last().filter(|_| more).map(|(name, no)| {
                let mut place = no.0.to_be_bytes().to_vec();
                place.extend_from_slice(name.as_bytes());
                engine.seal.page(list.as_bytes(), &place)
            });
            Ok(Page { items, next_cursor, as_of: engine.as_of(me.view) })
        })
        .await
    }

    /// The policy, row by row. For the staff.
    ///
    /// # Errors
    /// `forbidden`.
    pub async fn policy(&self) -> Result<&'static [PolicyRow]> {
        self.read(|me| me.require(Action::ReadPolicy, Relation::Stranger)).await?;
        Ok(policy())
    }

    /// A conversation, to do things in it. Asks nothing of the store until a method is called.
    #[must_use]
    pub fn conversation(&self, id: ConversationId) -> ConversationHandle {
        ConversationHandle::new(self.clone(), id)
    }

    /// Everything that happens from now on and that I may see.
    ///
    /// # Errors
    /// `rate_limited` when I have too many connections open.
    pub async fn events(&self) -> Result<EventStream> {
        EventStream::open(self, None, true).await
    }

    /// Everything after this cursor that I may see, and then what happens.
    ///
    /// # Errors
    /// `invalid_cursor` when it cannot be followed: take a snapshot. `rate_limited` as for [`events`](Self::events).
    pub async fn events_after(&self, cursor: &Cursor) -> Result<EventStream> {
        EventStream::open(self, Some(self.place(cursor)?), true).await
    }

    /// Either of the two, for who only looks in now and then: nobody sees them come and go, and they are told no
    /// signals.
    ///
    /// # Errors
    /// Those of [`events`](Self::events) and [`events_after`](Self::events_after).
    pub async fn events_unseen(&self, after: Option<&Cursor>) -> Result<EventStream> {
        let after = after.map(|cursor| self.place(cursor)).transpose()?;
        EventStream::open(self, after, false).await
    }

    /// The place that an event cursor names.
    fn place(&self, cursor: &Cursor) -> Result<Position> {
        let engine = self.chat.engine();
        let view = engine.store.view();
        let unusable = |reason| Error::new(ErrorCode::InvalidCursor, reason);
        let (epoch, place) = engine.seal.open_event(cursor).ok_or_else(|| unusable("unknown"))?;
        if place > view.position() || !view.epochs().reach(epoch, place) {
            // What was told up to there is not in this log, which was made anew or put back since.
            return Err(unusable("epoch_changed"));
        }
        if place.next() < view.oldest()? {
            return Err(unusable("too_old"));
        }
        Ok(place)
    }

    pub(crate) fn origin(&self) -> Origin {
        self.origin.as_deref().cloned().unwrap_or_default()
    }

    pub(crate) async fn carry(&self, command: Command) -> Result<crate::state::Outcome> {
        self.chat.engine().writer.carry(command).await
    }

    /// Reads one consistent view, in which this person and their session were still good.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reading<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let engine = self.chat.engine();
        let (by, now) = (self.by, engine.clock.now());
        engine.revoked.refuse(by)?;
        let reading = move |view: &dyn View| {
            let acting = author(view, by, now)?;
            read(&Reading { view, no: acting.no, account: Arc::clone(&acting.account), acting })
        };
        engine.read(reading).await
    }
}

impl Reading<'_> {
    /// Refuses what is not mine to do.
    pub(crate) fn require(&self, action: Action, relation: Relation) -> Result<()> {
        Ok(self.acting.require(action, relation)?)
    }

    /// Nobody in particular acts, but the shop itself.
    pub(crate) fn is_the_shop(&self) -> bool {
        self.acting.entry_author().is_none()
    }

    /// A conversation that is mine; any other does not exist for me.
    pub(crate) fn own_conversation(&self, id: ConversationId) -> Result<Arc<Conversation>> {
        self.own(self.view.conversation_no(id)?.ok_or_else(no_such_conversation)?)
    }

    /// A conversation that I am in, by its number.
    pub(crate) fn joined(&self, no: ConversationNo) -> Result<Arc<Conversation>> {
        let conversation =
            self.view.conversation(no)?.filter(|conversation| conversation.members.get(self.no).is_some());
        conversation.ok_or_else(no_such_conversation)
    }

    /// A conversation that is mine to read, by its number.
    pub(crate) fn own(&self, no: ConversationNo) -> Result<Arc<Conversation>> {
        let conversation = self.view.conversation(no)?.ok_or_else(no_such_conversation)?;
        self.require(Action::ReadConversation, conversation.relation(self.no))?;
        Ok(conversation)
    }
}

fn no_such_conversation() -> Error {
    Refusal::not_found("There is no such conversation.").into()
}

fn directory_place(place: Option<Vec<u8>>) -> Result<(String, UserNo)> {
    let stale = || Error::new(ErrorCode::InvalidCursor, "This cursor belongs to another list.");
    let place = place.ok_or_else(stale)?;
    let (no, name) = place.split_first_chunk::<8>().ok_or_else(stale)?;
    Ok((String::from_utf8(name.to_vec()).map_err(|_| stale())?, UserNo(u64::from_be_bytes(*no))))
}
