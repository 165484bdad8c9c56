use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chat_proto::model::{Cursor, User};
use chat_proto::{ErrorCode, Role, SessionId, Timestamp, UserId};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::Rules;
use crate::actor::Actor;
use crate::api_keys::KeyUses;
use crate::attachments::{self, Attachments};
use crate::auth::{Guard, LinkKey, Passwords, Tokens, strength};
use crate::builder::{ChatBuilder, Limits};
use crate::clock::{Clock, Entropy};
use crate::cursor::Seal;
use crate::entrance::Entrance;
use crate::error::{Error, Result};
use crate::importer::Importer;
use crate::notify::{self, Heard, Notices};
use crate::pace::Pace;
use crate::people::People;
use crate::presence::Presence;
use crate::revoked::Revoked;
use crate::rooms::Rooms;
use crate::shape;
use crate::site::Site;
use crate::state::{Author, Command, Origin, Outcome, Position};
use crate::stats::Statistics;
use crate::store::{Store, View};
use crate::typing::Typing;
use crate::viewing::Viewing;
use crate::visitors;
use crate::writer::{Health, Writer};

/// The chat of one shop: the front door. Cheap to clone; all clones are the same chat.
///
/// What people do goes through an [`Actor`], so that it is always somebody who does it and the policy is always asked.
#[derive(Clone, Debug)]
pub struct Chat(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    engine: Arc<Engine>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

/// What all handles share.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) typing: Arc<Typing>,
    pub(crate) viewing: Arc<Viewing>,
    pub(crate) rules: Rules,
    pub(crate) pace: Arc<Pace>,
    pub(crate) limits: Limits,
    pub(crate) access_ttl: Duration,
    pub(crate) refresh_ttl: Duration,
    pub(crate) tokens: Tokens,
    pub(crate) passwords: Passwords,
    pub(crate) revoked: Arc<Revoked>,
    pub(crate) guard: Guard,
    pub(crate) links: LinkKey,
    pub(crate) seal: Seal,
    pub(crate) attachments: Attachments,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) sites: Vec<Site>,
    pub(crate) key_uses: KeyUses,
    /// How long the audit log is kept.
    pub(crate) keep_audit: Duration,
    pub(crate) stats: Arc<Statistics>,
    pub(crate) notices: Arc<Notices>,
    #[cfg(feature = "push")]
    pub(crate) push: Option<crate::notify::Push>,
    #[cfg(feature = "webhooks")]
    pub(crate) webhooks: Option<crate::webhooks::Webhooks>,
}

/// Somebody who has just signed up or in, or goes on under new tokens.
#[derive(Clone)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// In which session.
    pub session: SessionId,
    /// Proves both, until it expires or the session ends. A secret.
    pub token: String,
    /// Gets the next pair of tokens, once; see [`Entrance::refresh`]. A secret.
    pub refresh_token: String,
    /// When the token expires.
    pub expires_at: Timestamp,
    /// The same, from now.
    pub expires_in: Duration,
}

impl Chat {
    /// Opens the chat of this folder, or makes it, with every option at its default.
    ///
    /// # Errors
    /// See [`ChatBuilder::open`].
    pub async fn open(folder: impl AsRef<Path>) -> Result<Self> {
        Self::builder().data_dir(folder).open().await
    }

    /// A chat that is gone when it is dropped, for tests and examples.
    ///
    /// # Errors
    /// See [`ChatBuilder::open`].
    pub async fn in_memory() -> Result<Self> {
        Self::builder().open().await
    }

    /// To say more than where the data lies.
    #[must_use]
    pub fn builder() -> ChatBuilder {
        ChatBuilder::new()
    }

    pub(crate) fn start(engine: Engine, thread: std::thread::JoinHandle<()>, heard: Option<Heard>) -> Self {
        let engine = Arc::new(engine);
        if let Some(heard) = heard {
            notify::start(&engine, heard);
        }
        #[cfg(feature = "push")]
        if let Some(push) = &engine.push {
            push.attach(&engine);
        }
        #[cfg(feature = "webhooks")]
        crate::webhooks::start(&engine);
        let (writer, clock, stop) = (Arc::clone(&engine.writer), Arc::clone(&engine.clock), engine.stop.clone());
        engine.tasks.spawn(async move {
            tokio::select! {
                () = writer.keep_house(clock) => {}
                () = stop.cancelled() => {}
            }
        });
        let (pace, clock, stop) = (Arc::clone(&engine.pace), Arc::clone(&engine.clock), engine.stop.clone());
        engine.tasks.spawn(async move {
            tokio::select! {
                () = pace.keep_house(clock) => {}
                () = stop.cancelled() => {}
            }
        });
        let (looking, stop) = (Arc::downgrade(&engine), engine.stop.clone());
        engine.tasks.spawn(async move {
            tokio::select! {
                () = visitors::look_after(looking) => {}
                () = stop.cancelled() => {}
            }
        });
        let (sweeping, stop) = (Arc::downgrade(&engine), engine.stop.clone());
        engine.tasks.spawn(async move {
            tokio::select! {
                () = attachments::sweep::look_after(sweeping) => {}
                () = stop.cancelled() => {}
            }
        });
        let housekeeping = Arc::clone(&engine);
        engine.tasks.spawn(async move {
            tokio::select! {
                () = housekeeping.forget_letters() => {}
                () = housekeeping.stop.cancelled() => {}
            }
        });
        let keeping = Arc::clone(&engine);
        engine.tasks.spawn(async move {
            tokio::select! {
                () = keeping.forget_audit() => {}
                () = keeping.record_guessing() => {}
                () = keeping.stop.cancelled() => {}
            }
        });
        let counting = Arc::clone(&engine);
        engine.tasks.spawn(async move {
            tokio::select! {
                () = counting.follow_the_log() => {}
                () = counting.stop.cancelled() => {}
            }
        });
        Self(Arc::new(Handle { engine, thread: Mutex::new(Some(thread)) }))
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.0.engine
    }

    /// Acts as this person, for embedding programs that know who it is. Costs nothing; the account is looked at by
    /// each action.
    #[must_use]
    pub fn as_user(&self, user: UserId) -> Actor {
        Actor::new(self.clone(), Author { user, session: None }, None)
    }

    /// Acts as the person that this access token was given to.
    ///
    /// # Errors
    /// `unauthenticated`, `token_expired` or `token_revoked`. Whether the session was ended since is seen by each action.
    pub fn authenticate(&self, token: &str) -> Result<Actor> {
        let (by, expires_at) = self.engine().tokens.author(token)?;
        self.engine().revoked.refuse(by)?;
        Ok(Actor::new(self.clone(), by, Some(expires_at)))
    }

    /// The people of the shop, for the embedding program: nobody is asked for permission here.
    #[must_use]
    pub fn people(&self) -> People {
        People::new(self.clone())
    }

    /// Where what another system holds comes in, for the embedding program: nobody is asked for permission here.
    #[must_use]
    pub fn importer(&self) -> Importer {
        Importer::new(self.clone())
    }

    /// Counts a request of this address, of any kind; every door asks before it does anything. Without an address, and
    /// for those of this machine, there is no limit.
    ///
    /// # Errors
    /// `rate_limited` beyond [`Rates::requests_per_address`](crate::Rates).
    pub fn admit_request(&self, from: Option<IpAddr>) -> Result<()> {
        Ok(self.engine().pace.request(from)?)
    }

    /// Counts an attempt of this address to sign in or up, or to have a password changed by mail; every door asks before
    /// it looks at the attempt.
    ///
    /// # Errors
    /// `rate_limited` beyond [`Rates::sign_ins_per_address`](crate::Rates).
    pub fn admit_sign_in(&self, from: Option<IpAddr>) -> Result<()> {
        Ok(self.engine().pace.sign_in(from)?)
    }

    /// Where people come in who are nobody yet. `origin`: from where.
    #[must_use]
    pub fn entrance(&self, origin: Origin) -> Entrance {
        Entrance::new(self.clone(), origin)
    }

    /// A customer signs up, from nowhere in particular; see [`Entrance::register`].
    ///
    /// # Errors
    /// `invalid` for a malformed value, `weak_password`, `email_taken`.
    pub async fn register(&self, email: &str, name: &str, password: String) -> Result<SignedIn> {
        self.entrance(Origin::default()).register(email, name, password).await
    }

    /// Somebody signs in, from nowhere in particular; see [`Entrance::login`].
    ///
    /// # Errors
    /// `invalid_credentials`; `rate_limited` after failures.
    pub async fn login(&self, email: &str, password: String) -> Result<SignedIn> {
        self.entrance(Origin::default()).login(email, password).await
    }

    /// Makes the first admin.
    ///
    /// # Errors
    /// `conflict` once there is one; `invalid`; `weak_password`; `email_taken`.
    pub async fn bootstrap_admin(&self, email: &str, name: &str, password: String) -> Result<User> {
        let engine = self.engine();
        let (email, name) = (shape::email(email)?, shape::name(name)?);
        let password = strength::password("/password", password, &email, &name)?;
        let password = engine.passwords.hash(password).await?;
        engine.user(Command::Bootstrap { id: engine.new_user_id(), email, name, password }).await
    }

    /// Whether there is an admin.
    ///
    /// # Errors
    /// The store's.
    pub async fn has_admin(&self) -> Result<bool> {
        self.engine().read(|view| Ok(view.has_role(Role::Admin)?)).await
    }

    /// Whether changes can be stored now.
    #[must_use]
    pub fn health(&self) -> Health {
        self.engine().writer.health()
    }

    /// The moment now, by the clock that this chat was built with.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.engine().clock.now()
    }

    /// What requests may hold.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.engine().limits
    }

    /// The store's name; changes when it is made anew.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.engine().store.view().epoch()
    }

    /// Ends the background work, finishes what is queued and closes the files. Handles that are still around answer
    /// `draining` from then on. Dropping the chat without this is safe too, but leaves work for the next start.
    ///
    /// # Errors
    /// `unavailable` when that takes longer than the grace.
    pub async fn close(self, grace: Duration) -> Result<()> {
        let engine = self.engine();
        let until = tokio::time::Instant::now() + grace;
        // What is not kept is counted again at the next start, so this may fail.
        let _ = tokio::time::timeout_at(until, engine.keep_statistics()).await;
        engine.stop.cancel();
        engine.tasks.close();
        engine.writer.stop();
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ended = async {
            engine.tasks.wait().await;
            if let Some(thread) = thread {
                let joined = tokio::task::spawn_blocking(move || thread.join()).await;
                if !matches!(joined, Ok(Ok(()))) {
                    return Err(Error::new(ErrorCode::Internal, "The writer broke off."));
                }
            }
            Ok(())
        };
        let late = |_| Error::new(ErrorCode::Unavailable, "Closing takes longer than it was given.");
        tokio::time::timeout_at(until, ended).await.map_err(late)?
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.engine.stop.cancel();
        self.engine.writer.stop();
    }
}

impl Engine {
    /// Reads one consistent view, on the blocking pool.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn View) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let view = self.store.view();
        let done = tokio::task::spawn_blocking(move || read(&*view));
        let read =
            done.await.map_err(|error| Error::new(ErrorCode::Internal, "Reading was broken off.").caused_by(error))?;
        // The store is closed until there is room again.
        read.map_err(|error| if self.writer.health() == Health::Full { error.on_full_disk() } else { error })
    }

    pub(crate) fn new_user_id(&self) -> UserId {
        UserId::new(self.clock.now(), self.entropy.bytes())
    }

    pub(crate) async fn user(&self, command: Command) -> Result<User> {
        match self.writer.carry(command).await? {
            Outcome::User(user) => Ok(user),
            _ => Err(Error::unexpected()),
        }
    }

    pub(crate) fn as_of(&self, view: &dyn View) -> Cursor {
        self.seal.event(view.epochs().current(), view.position())
    }

    pub(crate) fn cursor(&self, epoch: u64, position: Position) -> Cursor {
        self.seal.event(epoch, position)
    }
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn").field("user", &self.user.id).field("session", &self.session).finish_non_exhaustive()
    }
}
