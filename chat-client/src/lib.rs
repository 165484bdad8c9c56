//! The typed client of `chatd`: every REST route as a function of [`Client`], and [`Live`], the WebSocket on which
//! events come in and messages go out.
//!
//! Load over REST, then follow live: every list carries `as_of`, the cursor of the moment that it shows.
//!
//! ```no_run
//! use chat_client::{Change, Client, LiveEvent, PageQuery};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new("http://127.0.0.1:8080")?;
//! let (alice, signed_in) = client.login("alice@example.com", "correct horse battery").await?;
//! println!("signed in as {}", signed_in.user.name);
//!
//! let conversations = alice.conversations(&PageQuery::first().limit(20)).await?;
//! let (sender, mut events) = alice.live_after(&conversations.as_of).await?.split();
//! if let Some(conversation) = conversations.items.first() {
//!     // A name of my own for the message makes sending it again harmless.
//!     let message = sender.send(conversation.id, &"till-3:1".parse()?, "Good morning").await?;
//!     println!("stored as number {}", message.seq);
//! }
//! while let Some(event) = events.next().await {
//!     match event {
//!         LiveEvent::Event(event) => {
//!             if let Change::MessageCreated(message) = event.change {
//!                 println!("{}: {}", message.author.name, message.text);
//!             }
//!         }
//!         LiveEvent::Closed(why) => println!("{why}; come back: {}", why.is_resumable()),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Names and texts come from people and are handed over as they are: [`plain`] makes them harmless for a terminal;
//! a page escapes them in its own way.

#![warn(missing_docs)]

mod accounts;
mod base_url;
mod client;
mod conversations;
mod error;
mod exchange;
mod live;
mod plain;
mod probe;
mod query;

pub use client::Client;
pub use conversations::Outcome;
pub use error::Error;
pub use live::{Change, Closed, Live, LiveChange, LiveEvent, LiveReceiver, LiveSender};
pub use plain::{plain, plain_line};
pub use query::{PageQuery, Part};

/// How the client names itself in `User-Agent`.
const USER_AGENT: &str = concat!("chat-client/", env!("CARGO_PKG_VERSION"));
