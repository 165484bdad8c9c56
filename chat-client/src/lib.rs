//! The typed client of `chatd`: every REST route as a function of [`Client`] but those of events, to which there are three
//! ways over the WebSocket, each built on the one before.
//!
//! - [`Client::live`]: one WebSocket, which ends when it ends.
//! - [`Client::follow`]: stays connected, misses nothing and tells nothing twice, and sends from an outbox. For programs
//!   that react to events.
//! - [`Client::watch`]: keeps an [`Inbox`] of conversations and messages, and tells each difference. For user interfaces.
//!
//! Whoever loads over REST and then follows begins at `as_of`, which every list carries: the cursor of the moment that it
//! shows.
//!
//! ```no_run
//! use chat_client::{Change, Client, Connection, FollowOptions, PageQuery, SignIn, Update};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new("http://127.0.0.1:8080")?;
//! let (alice, signed_in) = client.login("alice@example.com", "correct horse battery").await?;
//! println!("signed in as {}", signed_in.user.name);
//!
//! let conversations = alice.conversations(&PageQuery::first().limit(20)).await?;
//! let options = FollowOptions::new().after(conversations.as_of).token_source(SignIn::new(&alice, &signed_in));
//! let (follower, mut updates) = alice.follow(options);
//! if let Some(conversation) = conversations.items.first() {
//!     // Returns at once, connected or not.
//!     follower.send(conversation.id, "Good morning")?;
//! }
//! while let Some(update) = updates.next().await {
//!     match update {
//!         Update::Event(event) => {
//!             if let Change::MessageCreated(message) = event.change {
//!                 println!("{}: {}", message.author.name, message.text);
//!             }
//!         }
//!         Update::Sent { message, .. } => println!("stored as number {}", message.seq),
//!         Update::Failed { entry, error } => println!("not sent: {}: {error}", entry.text),
//!         // What was missed cannot be told: load anew, and `follower.resume_after` its `as_of`.
//!         Update::Reset(why) => println!("{why}"),
//!         Update::Connection(Connection::Waiting { why, retry_in }) => println!("{why}; again in {retry_in:?}"),
//!         Update::Connection(Connection::Ended(why)) => println!("{why}"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A user interface draws the inbox, and learns from the diffs what to draw anew:
//!
//! ```no_run
//! # async fn run(alice: chat_client::Client) -> Result<(), chat_client::Error> {
//! let mut watch = alice.watch(chat_client::WatchOptions::new());
//! while let Some(diffs) = watch.next().await {
//!     for diff in diffs {
//!         println!("{diff:?}");
//!     }
//!     let latest = watch.inbox().conversations().next().map(|conversation| conversation.id);
//!     if let Some(latest) = latest {
//!         // Its messages come as diffs too.
//!         watch.open(latest);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `tls` base URLs may begin with `https://`.
//!
//! Names and texts come from people and are handed over as they are: [`plain`] makes them harmless for a terminal;
//! a page escapes them in its own way.

#![warn(missing_docs)]

mod accounts;
mod api_keys;
mod attachments;
mod base_url;
mod client;
mod client_ids;
mod clock;
mod connector;
mod conversations;
mod draft;
mod error;
mod exchange;
mod follow;
mod live;
mod messages;
mod notifications;
mod plain;
mod policy;
mod probe;
mod query;
mod sign_in;
mod stats;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod visitors;
mod watch;
mod webhooks;

pub use attachments::{Download, FileInfo, Upload, local_file_name};
pub use base_url::is_in_clear;
pub use client::Client;
pub use clock::{Clock, Entropy, SystemClock, SystemEntropy};
pub use conversations::Outcome;
pub use draft::Draft;
pub use error::Error;
pub use follow::{Connection, FollowOptions, Follower, OutboxEntry, Renewal, Request, TokenSource, Update, Updates};
pub use live::{Change, Closed, Live, LiveChange, LiveEvent, LiveReceiver, LiveSender};
pub use plain::{plain, plain_line};
pub use query::{PageQuery, Part};
#[cfg(feature = "tls")]
pub use rustls;
pub use sign_in::SignIn;
pub use watch::{Diff, Inbox, Outgoing, Thread, Watch, WatchOptions};

/// How the client names itself in `User-Agent`.
const USER_AGENT: &str = concat!("chat-client/", env!("CARGO_PKG_VERSION"));
