//! What an operator can set, and where each value came from.
//!
//! `default.toml` is the reference: it names every key, says what it does, and its values are the defaults. A value
//! is looked for in the flags, the environment, the variables of the original backend, the file and the defaults, in
//! this order. One table, [`KEYS`], says which keys there are and which field each one fills; reading the file and
//! the environment, the "did you mean" of an unknown key and [`Loaded::show`] all follow it.
//!
//! ```
//! use chatd::config::{Config, Overrides};
//!
//! let flags = Overrides::new().set("log.format", Some("json"));
//! let variables = [("CHATD_LISTEN".to_owned(), "127.0.0.1:8000".to_owned())];
//! let loaded = Config::load(&flags, variables)?;
//! assert_eq!(loaded.config.listen.port(), 8000);
//! assert!(loaded.show().contains(r#"listen = "127.0.0.1:8000" # env CHATD_LISTEN"#));
//! # Ok::<(), chatd::config::ConfigError>(())
//! ```

mod address;
mod check;
mod environment;
mod error;
mod file;
mod file_kind;
mod keys;
mod load;
mod overrides;
mod secret;
mod setting;
mod sites;
mod units;

pub use self::address::{Origin, PublicUrl};
pub use self::environment::environment;
pub use self::error::{ConfigError, Source};
pub use self::file_kind::FileKind;
pub use self::keys::{KEYS, Key};
pub use self::load::Loaded;
pub use self::overrides::Overrides;
pub use self::secret::Secret;
pub use self::setting::{ForwardedHeader, Given, LogFormat, Setting};
pub use self::units::{Frequency, Period, Size};

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;

/// The reference: every key with its default and what it does. Printed by `chatd config default`.
pub const DEFAULTS: &str = include_str!("default.toml");

/// The whole configuration, as [`Config::load`] makes it.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The address that people use; none while the server is for this machine only.
    pub public_url: PublicUrl,
    /// The folder that holds everything.
    pub data_dir: PathBuf,
    /// Origins that may use the API from a browser.
    pub allowed_origins: Vec<Origin>,
    /// Whether there are pages on which people set what they are told, and to which links in mails lead.
    pub account_page: bool,
    /// What stands in front of the server.
    pub server: Server,
    /// Logins and tokens.
    pub auth: Auth,
    /// Upper bounds.
    pub limits: Limits,
    /// Files that are sent with messages.
    pub attachments: Attachments,
    /// Time-outs of HTTP.
    pub http: Http,
    /// The end of the server.
    pub drain: Drain,
    /// The log.
    pub log: Log,
    /// The database.
    pub store: Store,
    /// What is forgotten, and when.
    pub retention: Retention,
    /// The dialect of the replaced backend.
    pub compat: Compat,
    /// The shop's own pages, to which links lead.
    pub links: Links,
    /// Mails.
    pub mail: Mail,
    /// The mail server.
    pub smtp: Smtp,
    /// Web push.
    pub push: Push,
    /// Webhooks.
    pub webhooks: Webhooks,
    /// The first admin.
    pub bootstrap: Bootstrap,
    /// The shop's web sites.
    pub sites: Vec<chatcore::Site>,
}

/// Section `[server]`.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// Who is believed when they say for whom they ask.
    pub trusted_proxies: Vec<IpNet>,
    /// Where they say it.
    pub forwarded_header: ForwardedHeader,
}

/// Section `[auth]`.
#[derive(Clone, Debug, Default)]
pub struct Auth {
    /// How long an access token is good.
    pub access_ttl: Period,
    /// How long a login lasts when its tokens are not renewed.
    pub refresh_ttl: Period,
    /// Signs access tokens. Empty: the server makes one at the first start.
    pub jwt_secret: Secret,
    /// Signed access tokens until the last start.
    pub previous_jwt_secret: Secret,
}

/// Section `[limits]`. Every count is at least one.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// Longest text of a message.
    pub message_bytes: Size,
    /// Longest WebSocket frame from a client.
    pub frame_bytes: Size,
    /// Longest request body, uploads apart.
    pub body_bytes: Size,
    /// The largest file that is sent with a message.
    pub attachment_bytes: Size,
    /// Files with one message.
    pub attachments_per_message: usize,
    /// How much one person uploads in a day.
    pub attachment_bytes_per_day: Size,
    /// People in one group.
    pub group_participants: usize,
    /// Open connections in total.
    pub connections: usize,
    /// Open sockets of one person.
    pub sockets_per_user: usize,
    /// Frames that wait for one socket.
    pub mailbox_frames: usize,
    /// Open connections of one address.
    pub connections_per_address: usize,
    /// Open sockets of one address.
    pub sockets_per_address: usize,
    /// Open sockets that have not said who they are, in total.
    pub sockets_before_hello: usize,
    /// Requests of one address.
    pub requests_per_address: Frequency,
    /// Attempts of one address to sign in or up.
    pub sign_ins_per_address: Frequency,
    /// Messages of one person.
    pub sends_per_user: Frequency,
    /// Everything else that one person changes.
    pub changes_per_user: Frequency,
    /// Messages into one conversation.
    pub sends_per_conversation: Frequency,
}

/// Section `[attachments]`.
#[derive(Clone, Debug, Default)]
pub struct Attachments {
    /// The bucket that they lie in, `s3://bucket/prefix`. Empty: a folder of the data folder.
    pub store: String,
    /// So much of the disk is left free.
    pub keep_free: Size,
    /// The kinds that are taken.
    pub accept: Vec<FileKind>,
    /// The kinds that are taken of customers. Empty: the same.
    pub accept_from_customers: Vec<FileKind>,
    /// How that bucket is reached.
    pub s3: S3,
}

/// Section `[attachments.s3]`.
#[derive(Clone, Debug, Default)]
pub struct S3 {
    /// Where the object store is. Empty: AWS.
    pub endpoint: String,
    /// The region of the bucket.
    pub region: String,
    /// By which key it is asked.
    pub access_key: String,
    /// The secret that goes with it.
    pub secret_key: Secret,
    /// Whether files may go there in the clear.
    pub allow_http: bool,
    /// Certificates by which it may prove itself too; empty: none.
    pub ca_file: PathBuf,
}

/// Section `[http]`.
#[derive(Clone, Debug, Default)]
pub struct Http {
    /// How long the headers of a request may take.
    pub header_timeout: Period,
    /// How long the body of a request may take.
    pub body_timeout: Period,
    /// How long ending everything may take when the server stops.
    pub shutdown_grace: Period,
}

/// Section `[drain]`.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    /// Over how long connections that stay open are ended.
    pub spread: Period,
}

/// Section `[log]`.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// A level, or directives per module.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// Section `[store]`.
#[derive(Clone, Debug, Default)]
pub struct Store {
    /// Memory for the cache of the database.
    pub cache: Size,
    /// How long events are kept for those who come back.
    pub keep_events: Period,
    /// No more events than this, the newest.
    pub most_events: usize,
}

/// Section `[retention]`.
#[derive(Clone, Debug, Default)]
pub struct Retention {
    /// How long the audit log is kept.
    pub audit: Period,
}

/// Section `[compat]`.
#[derive(Clone, Debug, Default)]
pub struct Compat {
    /// Whether it is spoken.
    pub enabled: bool,
    /// Whether whoever loads the newest messages of a conversation has read them.
    pub reading_marks_read: bool,
}

/// Section `[links]`. Empty: the server's own page.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// A conversation, with `{id}`.
    pub conversation: String,
    /// Where a password is set anew, with `{token}`.
    pub reset_password: String,
    /// Where an address is verified, with `{token}`.
    pub verify_email: String,
    /// Where an invitation is accepted, with `{token}`.
    pub accept_invitation: String,
}

impl Links {
    /// Each with its key.
    pub(crate) fn all(&self) -> [(&'static str, &str); 4] {
        [
            ("links.conversation", &self.conversation),
            ("links.reset_password", &self.reset_password),
            ("links.verify_email", &self.verify_email),
            ("links.accept_invitation", &self.accept_invitation),
        ]
    }
}

/// Section `[mail]`.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// Where mails go: `smtp://…`, `smtps://…`, `file:FOLDER`, `log:`; empty: there are none.
    pub url: String,
    /// Whom they come from.
    pub from: String,
    /// Where answers go, if not there.
    pub reply_to: String,
    /// The language they are in.
    pub language: String,
    /// Stands in front of every subject.
    pub subject_prefix: String,
    /// How long a message waits to be read before there is one about it.
    pub delay: Period,
    /// Whether they show what people have written.
    pub show_text: bool,
    /// The shop's own templates and words; empty: none.
    pub templates: PathBuf,
}

/// Section `[smtp]`.
#[derive(Clone, Debug, Default)]
pub struct Smtp {
    /// Whom the mail server knows us as; empty: we do not sign in.
    pub user: String,
    /// The password of that name.
    pub password: Secret,
    /// Certificates by which the mail server may prove itself too; empty: none.
    pub ca_file: PathBuf,
    /// How long one mail may take.
    pub timeout: Period,
    /// Connections at a time.
    pub connections: usize,
}

/// Section `[push]`.
#[derive(Clone, Debug, Default)]
pub struct Push {
    /// The server's public key. Empty: it follows from the private one.
    pub public_key: String,
    /// Its private key. Empty: the data folder's own, made at the first start.
    pub private_key: Secret,
    /// Whom a push service may write to. Empty: who is known from elsewhere.
    pub subject: String,
    /// How long a message waits to be read before devices are told of it.
    pub delay: Period,
    /// Whether devices are told what was written.
    pub show_text: bool,
    /// The hosts of push services. Empty: all on the open Internet.
    pub services: Vec<String>,
    /// Whether they may be on this machine or in a private network.
    pub allow_private: bool,
}

/// Section `[webhooks]`.
#[derive(Clone, Debug, Default)]
pub struct Webhooks {
    /// Whether they may be on this machine or in a private network.
    pub allow_private: bool,
}

/// Section `[bootstrap]`. Both empty: no admin is made.
#[derive(Clone, Debug, Default)]
pub struct Bootstrap {
    /// The address of the first admin.
    pub admin_email: String,
    /// A file that holds the first admin's password. Read only while there is no admin, so it may be gone later.
    pub admin_password_file: PathBuf,
}

impl Config {
    /// Every field before the defaults are read into it.
    fn blank() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_url: PublicUrl::default(),
            data_dir: PathBuf::new(),
            allowed_origins: Vec::new(),
            account_page: false,
            server: Server::default(),
            auth: Auth::default(),
            limits: Limits::default(),
            attachments: Attachments::default(),
            http: Http::default(),
            drain: Drain::default(),
            log: Log::default(),
            store: Store::default(),
            retention: Retention::default(),
            compat: Compat::default(),
            links: Links::default(),
            mail: Mail::default(),
            smtp: Smtp::default(),
            push: Push::default(),
            webhooks: Webhooks::default(),
            bootstrap: Bootstrap::default(),
            sites: Vec::new(),
        }
    }
}
