use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chat_proto::{ErrorCode, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use crate::access::{ContactMatrix, Rules};
use crate::api_keys::KeyUses;
use crate::attachments::{AttachmentLimits, AttachmentStore, Attachments};
use crate::auth::{Cost, Guard, LinkKey, Passwords, TokenKeys, Tokens};
use crate::chat::{Chat, Engine};
use crate::clock::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::cursor::Seal;
use crate::error::{Error, Result};
use crate::keys::{self, DATABASE, PreviousKey, ServerKey, make_private_folder};
use crate::notify::{self, Channel, Heard, Notices, Notifier};
#[cfg(feature = "push")]
use crate::notify::{Push, PushOptions, VapidKeys};
use crate::pace::{Pace, Rates};
use crate::presence::Presence;
use crate::revoked::Revoked;
use crate::rooms::Rooms;
use crate::signal::Passing;
use crate::site::Site;
use crate::stats::Statistics;
use crate::store::Store;
use crate::store::memory::MemoryStore;
use crate::store::redb::{RedbOptions, RedbStore};
use crate::typing::Typing;
use crate::viewing::Viewing;
#[cfg(feature = "webhooks")]
use crate::webhooks::{WebhookOptions, Webhooks};
use crate::writer::{Readers, Retention, Writer};

/// How a [`Chat`] is opened. Every option has a default; where the data lies is the only thing to say.
#[derive(Debug)]
pub struct ChatBuilder {
    place: Place,
    limits: Limits,
    contacts: ContactMatrix,
    retention: Retention,
    keep_audit: Duration,
    access_ttl: Duration,
    refresh_ttl: Duration,
    token_secret: Option<Zeroizing<Vec<u8>>>,
    previous_token_secret: Option<Zeroizing<Vec<u8>>>,
    attachments: Option<AttachmentStore>,
    server_key: Option<Zeroizing<[u8; 32]>>,
    cache_bytes: usize,
    fold_after: usize,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    cost: Cost,
    sites: Vec<Site>,
    notifiers: Vec<Arc<dyn Notifier>>,
    delays: Vec<(Channel, Duration)>,
    #[cfg(feature = "push")]
    push: Option<PushOptions>,
    #[cfg(feature = "webhooks")]
    webhooks: Option<WebhookOptions>,
}

#[derive(Debug)]
enum Place {
    Memory,
    Folder(PathBuf),
    Store(Arc<dyn Store>),
}

/// What one request, one group or one person may take up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The longest message, bytes of UTF-8. Default 16 KiB.
    pub text_bytes: usize,
    /// The most people in a group. Default 1,000.
    pub group_participants: usize,
    /// Open connections of one person. Default 20.
    pub connections_per_user: usize,
    /// Events that wait for one slow reader before it is sent back to the log. Default 1,024.
    pub mailbox: usize,
    /// How much may be asked for in how long. Default: as much as anybody likes.
    pub rates: Rates,
    /// What may be sent with messages.
    pub attachments: AttachmentLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_bytes: 16 << 10,
            group_participants: 1_000,
            connections_per_user: 20,
            mailbox: 1_024,
            rates: Rates::default(),
            attachments: AttachmentLimits::default(),
        }
    }
}

/// A list never has more rows than this.
pub const PAGE_ROWS: usize = 200;

impl ChatBuilder {
    pub(crate) fn new() -> Self {
        Self {
            place: Place::Memory,
            limits: Limits::default(),
            contacts: ContactMatrix::default(),
            retention: Retention::default(),
            keep_audit: Duration::from_hours(400 * 24),
            access_ttl: Duration::from_mins(15),
            refresh_ttl: Duration::from_hours(30 * 24),
            token_secret: None,
            previous_token_secret: None,
            attachments: None,
            server_key: None,
            cache_bytes: RedbOptions::default().cache_bytes,
            fold_after: RedbOptions::default().fold_after,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            cost: Cost::Owasp,
            sites: Vec::new(),
            notifiers: Vec::new(),
            delays: Vec::new(),
            #[cfg(feature = "push")]
            push: None,
            #[cfg(feature = "webhooks")]
            webhooks: None,
        }
    }

    /// Keeps everything in this folder, which is made when it is missing. Default: in memory, gone when dropped.
    #[must_use]
    pub fn data_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.place = Place::Folder(folder.as_ref().to_owned());
        self
    }

    /// Keeps everything in a store of the caller's.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.place = Place::Store(store);
        self
    }

    /// Keeps the contents of attachments there. Default: in a folder of the data folder; with a store in memory or of the
    /// caller's, in memory.
    #[must_use]
    pub fn attachments(mut self, store: AttachmentStore) -> Self {
        self.attachments = Some(store);
        self
    }

    /// See [`Limits`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Who may begin a conversation with whom. Default: see [`ContactMatrix`].
    #[must_use]
    pub fn contacts(mut self, contacts: ContactMatrix) -> Self {
        self.contacts = contacts;
        self
    }

    /// How long the event log is kept. Default: see [`Retention`].
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// How long entries of the audit log are kept. Default: 400 days.
    #[must_use]
    pub fn keep_audit(mut self, age: Duration) -> Self {
        self.keep_audit = age;
        self
    }

    /// How long an access token is good. Default: 15 minutes.
    #[must_use]
    pub fn access_ttl(mut self, ttl: Duration) -> Self {
        self.access_ttl = ttl;
        self
    }

    /// How long a sign-in lasts when its tokens are not renewed; each time they are, it begins anew. Default: 30 days.
    #[must_use]
    pub fn refresh_ttl(mut self, ttl: Duration) -> Self {
        self.refresh_ttl = ttl;
        self
    }

    /// Signs tokens with this secret, at least 32 bytes. Default: a key of the data folder's own.
    #[must_use]
    pub fn token_secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.token_secret = Some(Zeroizing::new(secret.into()));
        self
    }

    /// The secret that tokens were signed with until now. What it signed is taken for as long as an access token is good,
    /// from now on.
    #[must_use]
    pub fn previous_token_secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.previous_token_secret = Some(Zeroizing::new(secret.into()));
        self
    }

    /// The key that cursors are sealed with and tokens signed, 256 random bits. Default: the data folder's own, or with a
    /// store of the caller's a new one, so that cursors and tokens end with the program.
    #[must_use]
    pub fn server_key(mut self, key: [u8; 32]) -> Self {
        self.server_key = Some(Zeroizing::new(key));
        self
    }

    /// The web sites of the shop, which visitors come from and which vouch for customers. Default: none.
    #[must_use]
    pub fn sites(mut self, sites: Vec<Site>) -> Self {
        self.sites = sites;
        self
    }

    /// Tells people by this way of what waits for them while they are not here. One for each [`Channel`]. Default: none,
    /// so nobody is told.
    #[must_use]
    pub fn notifier(mut self, notifier: impl Notifier) -> Self {
        self.notifiers.push(Arc::new(notifier));
        self
    }

    /// How long a message may wait to be read before somebody is told of it by this way. Default: by mail a minute, by push
    /// 5 seconds.
    #[must_use]
    pub fn notify_after(mut self, channel: Channel, delay: Duration) -> Self {
        self.delays.push((channel, delay));
        self
    }

    /// Pushes to the devices of people what waits for them. Default: nothing is pushed.
    #[cfg(feature = "push")]
    #[must_use]
    pub fn push(mut self, options: PushOptions) -> Self {
        self.push = Some(options);
        self
    }

    /// Tells the webhooks that admins make what happens. Default: there are none.
    #[cfg(feature = "webhooks")]
    #[must_use]
    pub fn webhooks(mut self, options: WebhookOptions) -> Self {
        self.webhooks = Some(options);
        self
    }

    /// Memory for pages of the data file, bytes. Default: 64 MiB.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Log entries that are kept in memory before they are folded into the tables. Fewer take less memory, and more work
    /// each. Default: 16,384.
    #[must_use]
    pub fn fold_after(mut self, entries: usize) -> Self {
        self.fold_after = entries;
        self
    }

    /// Where the time comes from. Default: the machine.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where randomness comes from. Default: the operating system.
    #[must_use]
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Hashes passwords as cheaply as the algorithm allows. For tests only.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn cheap_passwords(mut self) -> Self {
        self.cost = Cost::Least;
        self
    }

    /// Opens it and starts its background work; [`Chat::close`] ends that.
    ///
    /// # Errors
    /// `unavailable` when the folder cannot be used (missing rights, locked by another program, written by a newer
    /// version), `invalid` when an option makes no sense, `conflict` when attachments are to lie where those of another server
    /// do.
    pub async fn open(self) -> Result<Chat> {
        let secrets = self.token_secret.iter().chain(&self.previous_token_secret);
        if secrets.into_iter().any(|secret| secret.len() < 32) {
            return Err(Error::invalid("/token_secret", "The token secret needs at least 32 bytes."));
        }
        let twice = |(i, site): (usize, &Site)| self.sites[..i].iter().any(|other| other.key == site.key);
        if self.sites.iter().enumerate().any(twice) {
            return Err(Error::invalid("/sites", "Two sites have the same key."));
        }
        let opened = tokio::task::spawn_blocking(move || self.open_blocking()).await;
        let (engine, thread, heard) =
            opened.map_err(|error| Error::new(ErrorCode::Internal, "Opening was broken off.").caused_by(error))??;
        let chat = Chat::start(engine, thread, heard);
        if let Err(error) = chat.engine().attachments.require_ours_at_start().await {
            let _ = chat.close(Duration::ZERO).await;
            return Err(error);
        }
        Ok(chat)
    }

    fn open_blocking(mut self) -> Result<(Engine, std::thread::JoinHandle<()>, Option<Heard>)> {
        if let Place::Folder(folder) = &self.place {
            make_private_folder(folder).map_err(|error| unusable(folder, error))?;
        }
        #[cfg(feature = "push")]
        let push = self.open_push()?;
        #[cfg(feature = "push")]
        self.notifiers.extend(push.iter().map(|push| Arc::new(push.notifier()) as Arc<dyn Notifier>));
        #[cfg(feature = "push")]
        let to_devices = push.is_some();
        #[cfg(not(feature = "push"))]
        let to_devices = false;
        let notices = Notices::new(std::mem::take(&mut self.notifiers), &self.delays, to_devices)?;
        #[cfg(feature = "webhooks")]
        let webhooks = self.webhooks.clone().map(Webhooks::new).transpose().map_err(|error| {
            Error::new(ErrorCode::Internal, "There is no TLS to tell webhooks with.").caused_by(error)
        })?;
        let now = self.clock.now();
        let Opened { store, key, previous, attachments } = self.open_store(now)?;
        let freed = Arc::new(Notify::new());
        let key = self.server_key.map_or(key, ServerKey::given);
        let pace = Arc::new(Pace::new(self.limits.rates, &self.clock));
        let rules = Rules {
            contacts: self.contacts,
            group_participants: self.limits.group_participants,
            attachments: self.limits.attachments.clone(),
            pace: Some(Arc::clone(&pace)),
            mails: notices.has(Channel::Mail),
        };
        let mails = rules.mails;
        let rooms = Arc::new(Rooms::new(self.limits.mailbox, self.limits.connections_per_user));
        let revoked = Arc::new(Revoked::default());
        let (clock, entropy) = (self.clock, self.entropy);
        let stats = Arc::new(Statistics::of_store(&*store.view(), self.retention.events)?);
        let (feed, heard) = notices.are_there().then(notify::feed).unzip();
        let (writer, thread) = Writer::start(
            Arc::clone(&store),
            Readers { rooms: Arc::clone(&rooms), stats: Arc::clone(&stats), freed: Arc::clone(&freed), feed },
            Arc::clone(&revoked),
            rules.clone(),
            self.retention,
            Arc::clone(&clock),
            Arc::clone(&entropy),
        )
        .map_err(|error| Error::new(ErrorCode::Internal, "The writer's thread did not start.").caused_by(error))?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let passwords = Passwords::start(Arc::clone(&entropy), self.cost).map_err(|error| {
            Error::new(ErrorCode::Internal, "The threads for passwords did not start.").caused_by(error)
        })?;
        let (told, asked) = (Arc::clone(&rooms), Arc::clone(&store));
        let passing = Passing::new(told, asked, Arc::clone(&clock), tasks.clone(), stop.clone());
        let mut token_keys = TokenKeys { current: token_secret(&key), previous: Vec::new() };
        if let Some(given) = self.token_secret {
            token_keys.current = given;
        }
        token_keys.previous.extend(previous.map(|previous| (token_secret(&previous.key), previous.until)));
        let until = now.after(self.access_ttl);
        token_keys.previous.extend(self.previous_token_secret.map(|secret| (secret, until)));
        let engine = Engine {
            store,
            writer: Arc::new(writer),
            rooms,
            presence: Arc::new(Presence::new(passing.clone())),
            typing: Arc::new(Typing::new(passing.clone())),
            viewing: Arc::new(Viewing::new(passing)),
            rules,
            pace,
            limits: self.limits,
            access_ttl: self.access_ttl,
            refresh_ttl: self.refresh_ttl,
            tokens: Tokens::new(&token_keys, Arc::clone(&clock)),
            passwords,
            revoked,
            guard: Guard::new(Arc::clone(&clock), mails),
            links: LinkKey::new(key.derive("links")),
            seal: Seal::new(&key.derive("cursors")),
            attachments: Attachments::new(attachments, freed, &key.derive("attachment links")),
            clock,
            entropy,
            tasks,
            stop,
            sites: self.sites,
            key_uses: KeyUses::default(),
            keep_audit: self.keep_audit,
            stats,
            notices: Arc::new(notices),
            #[cfg(feature = "push")]
            push,
            #[cfg(feature = "webhooks")]
            webhooks,
        };
        Ok((engine, thread, heard))
    }

    fn open_store(&mut self, now: Timestamp) -> Result<Opened> {
        let epoch = u64::from_be_bytes(self.entropy.bytes());
        let mut attachments = self.attachments.take();
        let (store, key, previous): (Arc<dyn Store>, _, _) = match &self.place {
            Place::Memory => (Arc::new(MemoryStore::new(epoch)), ServerKey::random(&*self.entropy), None),
            Place::Store(store) => (Arc::clone(store), ServerKey::random(&*self.entropy), None),
            Place::Folder(folder) => {
                let unusable = |error| unusable(folder, error);
                keys::warn_if_open(folder);
                let key = ServerKey::of_folder(folder, &*self.entropy).map_err(unusable)?;
                let previous = PreviousKey::of_folder(folder, now, self.access_ttl).map_err(unusable)?;
                let file = folder.join(DATABASE);
                let (cache_bytes, fold_after) = (self.cache_bytes, self.fold_after);
                let options = RedbOptions { cache_bytes, fold_after, epoch, ..RedbOptions::default() };
                let store = Arc::new(RedbStore::open(&file, options)?);
                // Now that nobody else has the folder, what an earlier process left in it can go.
                let kept = match attachments {
                    Some(given) => given.beside_data_folder(folder, &*self.entropy),
                    None => AttachmentStore::of_data_folder(folder),
                };
                attachments = Some(kept.map_err(unusable)?);
                (store, key, previous)
            }
        };
        Ok(Opened { store, key, previous, attachments: attachments.unwrap_or_else(AttachmentStore::memory) })
    }

    #[cfg(feature = "push")]
    fn open_push(&self) -> Result<Option<Push>> {
        let Some(options) = self.push.clone() else { return Ok(None) };
        let keys = match (&options.keys, &self.place) {
            (Some(keys), _) => keys.clone(),
            (None, Place::Folder(folder)) => VapidKeys::of_folder(folder, &*self.entropy).map_err(|error| {
                Error::new(ErrorCode::Unavailable, "The key for web push cannot be read or made.").caused_by(error)
            })?,
            (None, _) => VapidKeys::generate(&*self.entropy),
        };
        let push = Push::new(keys, options);
        push.map(Some)
            .map_err(|error| Error::new(ErrorCode::Internal, "There is no TLS to push with.").caused_by(error))
    }
}

fn unusable(folder: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorCode::Unavailable, format!("The data folder {} cannot be used.", folder.display())).caused_by(error)
}

/// What everything is kept in, and the secret that goes with it.
struct Opened {
    store: Arc<dyn Store>,
    key: ServerKey,
    previous: Option<PreviousKey>,
    attachments: AttachmentStore,
}

fn token_secret(key: &ServerKey) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(key.derive("access tokens").to_vec())
}
