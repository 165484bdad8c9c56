//! The same records in redb without an engine around it: what the file alone costs.

use std::path::Path;
use std::time::Duration;

use chat_proto::{MessageId, Seq, Timestamp};
use chatcore::state::{Change, ConversationNo, Entry, EntryAuthor, MessageRow, Position, UserNo};
use redb::{Database, Durability, TableDefinition, WriteTransaction};

use crate::Result;
use crate::measure::{Run, Watch, now};
use crate::shop::{Dice, text};

type Bytes = TableDefinition<'static, u64, &'static [u8]>;
type ByPair = TableDefinition<'static, (u64, u64), u64>;

const LOG: Bytes = TableDefinition::new("log");
const MESSAGES: Bytes = TableDefinition::new("messages");
const HEADS: Bytes = TableDefinition::new("heads");
const TIMELINES: ByPair = TableDefinition::new("timelines");
const READ_MARKS: ByPair = TableDefinition::new("read_marks");
const SENT: TableDefinition<'static, (u64, &'static str), u64> = TableDefinition::new("sent");

/// As many as the engine's shop has.
const CONVERSATIONS: usize = 20_000;
const ACTIVE: usize = 200;
const AGENTS: u64 = 20;

/// What a commit writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Entry and message as one row at the end of one table.
    LogOnly,
    /// Log and messages, and all rows derived from them in the same commit.
    Everything,
}

/// A file in one of the layouts.
pub(crate) struct Raw {
    layout: Layout,
    database: Database,
    dice: Dice,
    position: u64,
}

/// One message's worth.
struct Record {
    entry: Vec<u8>,
    message: Vec<u8>,
    row: MessageRow,
}

impl Raw {
    pub(crate) fn new(folder: &Path, layout: Layout, events: usize) -> Result<Self> {
        let file = folder.join(format!("{layout:?}.redb"));
        let database = Database::builder().set_cache_size(64 << 20).create(file)?;
        let mut raw = Self { layout, database, dice: Dice::new(3), position: 0 };
        let pieces = events / 10_000;
        for piece in 1..=pieces {
            let durability = if piece == pieces { Durability::Immediate } else { Durability::None };
            raw.commit(10_000, CONVERSATIONS, durability)?;
        }
        Ok(raw)
    }

    /// Commits this many records at a time until the time is up.
    pub(crate) fn run(&mut self, at_once: usize, time: Duration) -> Result<Run> {
        let watch = Watch::start()?;
        let started = now();
        let (mut latencies, mut records) = (Vec::new(), 0);
        while started.elapsed() < time {
            let commit = now();
            self.commit(at_once, ACTIVE, Durability::Immediate)?;
            latencies.push(commit.elapsed().as_secs_f32());
            records += at_once;
        }
        watch.end(latencies, records)
    }

    fn commit(&mut self, records: usize, conversations: usize, durability: Durability) -> Result<()> {
        let mut txn = self.database.begin_write()?;
        txn.set_durability(durability)?;
        match self.layout {
            Layout::LogOnly => self.append(&txn, records, conversations)?,
            Layout::Everything => self.write_all(&txn, records, conversations)?,
        }
        txn.commit()?;
        Ok(())
    }

    fn append(&mut self, txn: &WriteTransaction, records: usize, conversations: usize) -> Result<()> {
        let mut log = txn.open_table(LOG)?;
        for _ in 0..records {
            let Record { mut entry, message, .. } = self.record(conversations)?;
            entry.extend_from_slice(&message);
            log.insert(self.position, entry.as_slice())?;
        }
        Ok(())
    }

    fn write_all(&mut self, txn: &WriteTransaction, records: usize, conversations: usize) -> Result<()> {
        let (mut log, mut messages) = (txn.open_table(LOG)?, txn.open_table(MESSAGES)?);
        let (mut heads, mut timelines) = (txn.open_table(HEADS)?, txn.open_table(TIMELINES)?);
        let (mut marks, mut sent) = (txn.open_table(READ_MARKS)?, txn.open_table(SENT)?);
        for _ in 0..records {
            let Record { entry, message, row } = self.record(conversations)?;
            let (conversation, seq, author) = (row.conversation.0, row.seq.0, row.author.0);
            log.insert(self.position, entry.as_slice())?;
            messages.insert(self.position, message.as_slice())?;
            timelines.insert((conversation, seq), self.position)?;
            sent.insert((author, row.client_id.as_str()), self.position)?;
            marks.insert((conversation, author), seq)?;
            heads.insert(conversation, &message[..60])?;
        }
        Ok(())
    }

    fn record(&mut self, conversations: usize) -> Result<Record> {
        self.position += 1;
        let conversation = ConversationNo(self.dice.below(conversations) as u64);
        let author = if self.dice.below(2) == 0 { conversation.0 } else { conversation.0 % AGENTS };
        let (author, seq) = (UserNo(author), Seq(self.position));
        let at = Timestamp::from_millis(1_700_000_000_000);
        let row = MessageRow {
            id: MessageId::new(at, *b"ten bytes."),
            conversation,
            seq,
            position: Position(self.position),
            author,
            client_id: self.dice.client_id(),
            text: text(),
            created_at: at,
            version: 1,
            extras: None,
        };
        let entry = Entry { at, by: Some(EntryAuthor(author)), change: Change::MessageCreated { conversation, seq } };
        Ok(Record { entry: minicbor::to_vec(&entry)?, message: minicbor::to_vec(&row)?, row })
    }
}
