//! What customers miss while they are away: messages to each of them, in between what others write to each other.

use std::cell::RefCell;

use chat_client::PageQuery;
use chat_proto::Role;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::Instant;

use super::accounts::{AT_ONCE, Account, Admin};
use super::failure::Failure;
use super::frame::{self, Heard, hear};
use super::ledger::Ledger;
use super::line::{Address, Line, ReadBuffer, open_all};
use super::shop::{Room, begin};
use super::traffic;

/// Agents, each with a connection, who write to the customers and to each other.
const WRITERS: usize = 4;
/// Unanswered messages of one of them; the server reads on below 256.
const PIPELINE: usize = 128;
/// Numbers from here on are messages to others, which nobody waits for.
const OTHERS: u64 = 1 << 40;

/// A shop in which each customer has a conversation with one of a few agents.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) run: String,
    pub(super) customers: Vec<Customer>,
    pub(super) ledger: RefCell<Ledger>,
    text_bytes: usize,
    writers: Vec<Account>,
    /// Among the agents, one for each of them.
    others: Vec<Room>,
}

/// Somebody who is away.
#[derive(Debug)]
pub(super) struct Customer {
    pub(super) account: Account,
    pub(super) conversation: Room,
    /// Up to where they were told everything.
    pub(super) place: String,
}

impl Past {
    /// Has the conversations begun, and notes where everybody stands.
    pub(super) async fn begin(admin: &Admin, customers: usize, text_bytes: usize) -> Result<Self, Failure> {
        let writers = admin.people(Role::Agent, WRITERS).await?;
        let people = admin.people(Role::Customer, customers).await?;
        let mut others = Vec::with_capacity(WRITERS);
        for (n, writer) in writers.iter().enumerate() {
            others.push(begin(&[writer.clone(), writers[(n + 1) % WRITERS].clone()]).await?);
        }
        let away = people.into_iter().enumerate().map(|(n, account)| {
            let writer = &writers[n % WRITERS];
            async move {
                let conversation = begin(&[writer.clone(), account.clone()]).await?;
                let place = account.client.conversations(&PageQuery::first().limit(1)).await?.as_of;
                Ok::<_, Failure>(Customer { account, conversation, place: place.as_str().to_owned() })
            }
        });
        let customers: Vec<Customer> = stream::iter(away).buffered(AT_ONCE).try_collect().await?;
        let seats = customers.iter().enumerate().map(|(n, customer)| (n, customer.conversation.last_seq));
        let ledger = RefCell::new(Ledger::new(customers.len(), seats));
        Ok(Self { run: traffic::name(), customers, ledger, text_bytes, writers, others })
    }

    /// Writes so many messages to each customer, and so many to others, evenly mixed.
    pub(super) async fn write(&self, address: &Address, missed: u64, others: u64) -> Result<(), Failure> {
        let tokens = self.writers.iter().map(|writer| writer.token.as_str());
        let lines = open_all(address, tokens, ReadBuffer(16 << 10)).await?;
        let writing = lines.into_iter().enumerate().map(|(writer, line)| self.write_as(writer, line, missed, others));
        stream::iter(writing).buffer_unordered(WRITERS).try_collect::<()>().await
    }

    /// One writer's share.
    async fn write_as(&self, writer: usize, mut line: Line, missed: u64, others: u64) -> Result<(), Failure> {
        let others = others / WRITERS as u64;
        let mut frames = (0..=missed).flat_map(|round| {
            let first = OTHERS + others * round / (missed + 1);
            let until = OTHERS + others * (round + 1) / (missed + 1);
            let to_others = (first..until).map(move |number| self.frame(number, &self.others[writer]));
            let theirs = if round < missed { self.customers.len() } else { 0 };
            let to_customers = (writer..theirs).step_by(WRITERS).map(|customer| {
                let number = self.ledger.borrow_mut().sent(customer, Instant::now());
                self.frame(number, &self.customers[customer].conversation)
            });
            to_others.chain(to_customers)
        });
        let mut unanswered = 0;
        loop {
            while unanswered < PIPELINE
                && let Some(frame) = frames.next()
            {
                line.feed(frame).await?;
                unanswered += 1;
            }
            line.flush().await?;
            if unanswered == 0 {
                return Ok(());
            }
            unanswered -= self.answers(&line.next().await?)?;
            while let Some(frame) = line.next_now() {
                unanswered -= self.answers(&frame?)?;
            }
        }
    }

    fn frame(&self, number: u64, to: &Room) -> String {
        frame::send(&self.run, &to.id, number, self.text_bytes)
    }

    fn answers(&self, frame: &str) -> Result<usize, Failure> {
        match hear(frame, &self.run) {
            Heard::Ok { re, seq } => {
                if re < OTHERS {
                    self.ledger.borrow_mut().acked(re, seq, Instant::now());
                }
                Ok(1)
            }
            Heard::Refused { why, .. } | Heard::Bye(why) => Err(Failure::new(why)),
            Heard::Message { .. } | Heard::Live | Heard::Other => Ok(0),
        }
    }

    /// Everybody who is signed in.
    pub(super) fn into_people(self) -> impl Iterator<Item = Account> {
        self.writers.into_iter().chain(self.customers.into_iter().map(|customer| customer.account))
    }
}
