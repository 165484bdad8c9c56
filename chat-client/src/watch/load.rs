//! Loads over REST what the inbox asks for, and tries again until there is an answer.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chat_proto::model::{Conversation, Cursor, History, Page};
use chat_proto::{ConversationId, ErrorCode};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;

use super::snapshot::Snapshot;
use super::thread::Question;
use crate::follow::{Backoff, Tokens};
use crate::{Client, Entropy, Error, PageQuery};

/// Requests that are under way at once; the others wait.
const AT_ONCE: usize = 8;
/// Conversations that are asked for at once.
const PAGE: u32 = 200;
/// Messages that are asked for at once.
const MESSAGES: u32 = 100;

/// Something to load.
#[derive(Clone, Debug)]
pub(super) enum Load {
    /// The top of the list, so many conversations of it.
    Snapshot(usize),
    /// The page of the list that begins here.
    Page(Cursor),
    /// What is unread in the list from here on.
    Unread(Cursor),
    /// One conversation, for the question with this number.
    Conversation(ConversationId, u64),
    /// A part of a conversation's messages.
    Messages(ConversationId, Question),
}

/// What was loaded, with the number of its question.
#[derive(Debug)]
pub(super) enum Loaded {
    Snapshot {
        snapshot: Snapshot,
        as_of: Cursor,
        next: Option<Cursor>,
    },
    Page(Page<Conversation>),
    Unread(Page<Conversation>),
    /// `None`: it is not mine to see.
    Conversation(ConversationId, u64, Option<Box<Conversation>>),
    Messages(ConversationId, u64, History),
}

/// A try that did not succeed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) load: Load,
    pub(super) error: Error,
    backoff: Backoff,
}

type Try = Pin<Box<dyn Future<Output = Result<Loaded, Failed>> + Send>>;

pub(super) struct Loader {
    tokens: Tokens,
    backoff: Backoff,
    running: FuturesUnordered<Try>,
    waiting: VecDeque<(Load, Backoff)>,
    retry_now: Arc<Notify>,
}

impl Loader {
    pub(super) fn new(tokens: Tokens, backoff: Backoff) -> Self {
        Self {
            tokens,
            backoff,
            running: FuturesUnordered::new(),
            waiting: VecDeque::new(),
            retry_now: Arc::new(Notify::new()),
        }
    }

    pub(super) fn load(&mut self, load: Load) {
        self.waiting.push_back((load, self.backoff.clone()));
        self.start();
    }

    /// Tries the same again, after a while; how long that is.
    pub(super) fn again(&mut self, failed: Failed, entropy: &dyn Entropy) -> Duration {
        let Failed { load, mut backoff, .. } = failed;
        let wait = backoff.next(entropy);
        let (tokens, retry_now) = (self.tokens.clone(), Arc::clone(&self.retry_now));
        self.running.push(Box::pin(async move {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = retry_now.notified() => {}
            }
            try_load(tokens, load, backoff).await
        }));
        wait
    }

    /// Those that wait for their next try need not.
    pub(super) fn retry_now(&self) {
        self.retry_now.notify_waiters();
    }

    /// Nothing of it is of use any more.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
        self.running.clear();
    }

    /// The next try that ended; waits for ever when there is none. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Loaded, Failed> {
        let Some(ended) = self.running.next().await else { return std::future::pending().await };
        self.start();
        ended
    }

    fn start(&mut self) {
        while self.running.len() < AT_ONCE
            && let Some((load, backoff)) = self.waiting.pop_front()
        {
            self.running.push(Box::pin(try_load(self.tokens.clone(), load, backoff)));
        }
    }
}

async fn try_load(tokens: Tokens, load: Load, backoff: Backoff) -> Result<Loaded, Failed> {
    let client = tokens.client();
    let mut outcome = fetch(&client, &load).await;
    if outcome.as_ref().is_err_and(Error::is_unauthenticated) && tokens.can_renew() {
        outcome = match tokens.renew(&client).await {
            Ok(renewed) => fetch(&renewed, &load).await,
            Err(error) => Err(error),
        };
    }
    outcome.map_err(|error| Failed { load, error, backoff })
}

async fn fetch(client: &Client, load: &Load) -> Result<Loaded, Error> {
    match load {
        Load::Snapshot(rows) => snapshot(client, *rows).await,
        Load::Page(cursor) => {
            let page = client.conversations(&PageQuery::after(cursor.clone()).limit(PAGE)).await?;
            Ok(Loaded::Page(page))
        }
        Load::Unread(cursor) => {
            let page = client.unread_conversations(&PageQuery::after(cursor.clone()).limit(PAGE)).await?;
            Ok(Loaded::Unread(page))
        }
        Load::Conversation(id, generation) => match client.conversation(*id).await {
            Ok(conversation) => Ok(Loaded::Conversation(*id, *generation, Some(Box::new(conversation)))),
            Err(error) if error.code() == Some(ErrorCode::NotFound) => Ok(Loaded::Conversation(*id, *generation, None)),
            Err(error) => Err(error),
        },
        Load::Messages(id, Question { generation, part }) => {
            Ok(Loaded::Messages(*id, *generation, client.messages(*id, *part, Some(MESSAGES)).await?))
        }
    }
}

/// Page by page; what changes meanwhile is told by the events after the first page.
async fn snapshot(client: &Client, rows: usize) -> Result<Loaded, Error> {
    let limit = u32::try_from(rows).unwrap_or(PAGE).min(PAGE);
    let Page { items: mut conversations, next_cursor: mut next, as_of } =
        client.conversations(&PageQuery::first().limit(limit)).await?;
    while conversations.len() < rows
        && let Some(cursor) = next.take()
    {
        let mut page = client.conversations(&PageQuery::after(cursor).limit(PAGE)).await?;
        conversations.append(&mut page.items);
        next = page.next_cursor;
    }
    let me = client.me().await?;
    Ok(Loaded::Snapshot { snapshot: Snapshot { me, conversations, more: next.is_some() }, as_of, next })
}
