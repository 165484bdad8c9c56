//! Loads the inbox, then follows what happens, for as long as the program runs.

use std::time::Duration;

use chat_client::{Client, Error, LiveEvent, PageQuery};
use chat_proto::model::{Conversation, Cursor};
use tokio::sync::mpsc;

use crate::runner::ephemeral;
use crate::state::Link;
use crate::update::Event;

/// Conversations that are loaded; older ones appear when somebody writes in them and the program starts anew.
const INBOX: usize = 400;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Why following stopped for a while.
enum Break {
    /// Go on from the cursor.
    Lost(String),
    /// The cursor is of no use: load anew.
    Reset,
    /// There is no use in coming back.
    Ended(String),
    /// The screen is gone.
    Gone,
}

impl From<Error> for Break {
    fn from(error: Error) -> Self {
        if error.is_retryable() { Self::Lost(error.to_string()) } else { Self::Ended(error.to_string()) }
    }
}

pub(crate) async fn run(client: Client, told: mpsc::Sender<Event>) {
    let mut cursor = None;
    let mut pause = FIRST_PAUSE;
    loop {
        let link = match follow(&client, &told, &mut cursor, &mut pause).await {
            Break::Gone => return,
            Break::Reset => {
                cursor = None;
                continue;
            }
            Break::Lost(why) => Link::Lost(why),
            Break::Ended(why) => Link::Ended(why),
        };
        let ended = matches!(link, Link::Ended(_));
        if told.send(Event::Link(link)).await.is_err() || ended {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn follow(
    client: &Client,
    told: &mpsc::Sender<Event>,
    cursor: &mut Option<Cursor>,
    pause: &mut Duration,
) -> Break {
    match try_follow(client, told, cursor, pause).await {
        Ok(end) => end,
        Err(error) => error.into(),
    }
}

async fn try_follow(
    client: &Client,
    told: &mpsc::Sender<Event>,
    cursor: &mut Option<Cursor>,
    pause: &mut Duration,
) -> Result<Break, Error> {
    let from = if let Some(cursor) = cursor.clone() {
        cursor
    } else {
        let (conversations, as_of) = load(client).await?;
        if told.send(Event::Inbox(conversations)).await.is_err() {
            return Ok(Break::Gone);
        }
        cursor.insert(as_of).clone()
    };
    let mut live = client.live_after(&from).await?;
    *pause = FIRST_PAUSE;
    while let Some(event) = live.next().await {
        let event = match event {
            LiveEvent::Event(change) => {
                *cursor = Some(Cursor::from_text(change.head.c.clone()));
                Some(Event::Change(change))
            }
            LiveEvent::Live(now) => {
                *cursor = Some(now);
                Some(Event::Link(Link::Live))
            }
            LiveEvent::Ping(now) => {
                *cursor = Some(now);
                None
            }
            LiveEvent::Ephemeral(event) => ephemeral(&event),
            LiveEvent::Reset(_) => return Ok(Break::Reset),
            LiveEvent::Closed(why) if why.is_resumable() => return Ok(Break::Lost(why.to_string())),
            LiveEvent::Closed(why) => return Ok(Break::Ended(why.to_string())),
            _ => None,
        };
        if let Some(event) = event
            && told.send(event).await.is_err()
        {
            return Ok(Break::Gone);
        }
    }
    Ok(Break::Lost("the connection ended".to_owned()))
}

/// The inbox, and the moment of its first part: what changed while the others were loaded is told again.
async fn load(client: &Client) -> Result<(Vec<Conversation>, Cursor), Error> {
    let mut page = client.conversations(&PageQuery::first().limit(200)).await?;
    let (mut conversations, as_of) = (page.items, page.as_of);
    while let Some(next) = page.next_cursor.take().filter(|_| conversations.len() < INBOX) {
        page = client.conversations(&PageQuery::after(next).limit(200)).await?;
        conversations.append(&mut page.items);
    }
    Ok((conversations, as_of))
}
