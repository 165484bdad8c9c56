//! Opening: a new file is laid out, an old one is checked, and what the tables do not show yet is made again from the
//! log.

use std::sync::Arc;

use ::redb::{Database, ReadableDatabase, ReadableTable};
use chat_proto::{ClientId, Seq, Timestamp};

use super::memory::Memory;
use super::tables::{self, FORMAT, decode_line, meta};
use super::tail::{Changes, Tail};
use super::view::{Opened, RedbView};
use super::{RedbOptions, Writer, durable};
use crate::state::{
    Change, Conversation, ConversationNo, Derived, Line, Lookup, Mark, MessageRow, Position, Scope, UserNo, apply,
};
use crate::store::{StoreError, StoreErrorKind};

/// So many log entries are read at a time while replaying.
const PAGE: usize = 4_096;

pub(super) fn recover(database: Database, options: &RedbOptions) -> Result<(Writer, RedbView), StoreError> {
    let epoch = lay_out(&database, options)?;
    let txn = database.begin_read()?;
    let applied = txn.open_table(tables::META)?.get(meta::APPLIED)?.map_or(0, |position| position.value());
    let view = RedbView {
        txn,
        tail: Tail::default(),
        position: Position(applied),
        last_at: Timestamp::from_millis(0),
        epoch,
        tables: Opened::default(),
    };
    let mut replay = Replay { changes: Changes::default(), view: &view, conversations: 0 };
    let (position, last_at) = replay.run(Position(applied))?;
    let stored_conversations = view.conversations()?.last()?.map_or(0, |(no, _)| no.value());
    let next_conversation = stored_conversations.max(replay.conversations) + 1;
    let next_user = view.accounts()?.last()?.map_or(0, |(no, _)| no.value()) + 1;
    let mut tail = Tail::default();
    tail.add(replay.changes);
    let view = RedbView {
        txn: database.begin_read()?,
        tail: tail.clone(),
        position,
        last_at,
        epoch,
        tables: Opened::default(),
    };
    let writer =
        Writer { database: Some(database), memory: Memory::default(), tail, fold: None, next_user, next_conversation };
    Ok((writer, view))
}

/// Makes the tables of a new file, checks the form of an old one. Returns its epoch.
pub(super) fn lay_out(database: &Database, options: &RedbOptions) -> Result<u64, StoreError> {
    let found = {
        let txn = database.begin_read()?;
        match txn.open_table(tables::META) {
            Ok(table) => {
                let format = table.get(meta::FORMAT)?.map_or(0, |format| format.value());
                let epoch = table.get(meta::EPOCH)?.map_or(0, |epoch| epoch.value());
                Some((format, epoch))
            }
            Err(::redb::TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(error.into()),
        }
    };
    match found {
        Some((FORMAT, epoch)) => Ok(epoch),
        Some((format, _)) if format > FORMAT => {
            let says = format!("the file has format {format}, this version knows up to {FORMAT}");
            Err(StoreError::new(StoreErrorKind::Newer, says))
        }
        Some(_) => Err(StoreError::corrupt("the file names no format")),
        None => {
            let mut txn = database.begin_write()?;
            durable(&mut txn);
            txn.open_table(tables::LOG)?;
            txn.open_table(tables::ACCOUNTS)?;
            txn.open_table(tables::USERS)?;
            txn.open_table(tables::EMAILS)?;
            txn.open_table(tables::DIRECTORY)?;
            txn.open_table(tables::SESSIONS)?;
            txn.open_table(tables::CONVERSATION_NUMBERS)?;
            txn.open_table(tables::DIRECTS)?;
            txn.open_table(tables::CONVERSATIONS)?;
            txn.open_table(tables::MEMBERS)?;
            txn.open_table(tables::INBOXES)?;
            txn.open_table(tables::MESSAGES)?;
            txn.open_table(tables::SENT)?;
            txn.open_table(tables::MARKS)?;
            txn.open_table(tables::REVISIONS)?;
            txn.open_table(tables::CONVERSATION_LOG)?;
            txn.open_table(tables::PERSONAL_LOG)?;
            {
                let mut table = txn.open_table(tables::META)?;
                table.insert(meta::FORMAT, FORMAT)?;
                table.insert(meta::EPOCH, options.epoch)?;
                table.insert(meta::APPLIED, 0)?;
            }
            txn.commit()?;
            Ok(options.epoch)
        }
    }
}

/// Rows made again from the log, and the tables behind them.
struct Replay<'a> {
    changes: Changes,
    view: &'a RedbView,
    /// The greatest number of a conversation that was met.
    conversations: u64,
}

impl Replay<'_> {
    /// Applies everything after this position. Returns the newest position and its moment.
    fn run(&mut self, applied: Position) -> Result<(Position, Timestamp), StoreError> {
        let log = self.view.log()?;
        let mut last_at = Timestamp::from_millis(0);
        let mut position = applied;
        // The entry at `applied` itself tells the time when nothing came after it.
        let mut from = applied.0;
        loop {
            let mut read = 0;
            for row in log.range(from..)?.take(PAGE) {
                let (key, value) = row?;
                let line = decode_line(Position(key.value()), value.value())?;
                position = line.position;
                last_at = line.entry.at;
                read += 1;
                if position > applied {
                    self.apply(&line)?;
                }
            }
            if read < PAGE {
                return Ok((position, last_at));
            }
            from = position.0 + 1;
        }
    }

    fn apply(&mut self, line: &Line) -> Result<(), StoreError> {
        if let Change::ConversationCreated { conversation, .. } = &line.entry.change {
            self.conversations = self.conversations.max(conversation.0);
        }
        let changed = match &line.entry.change {
            Change::MessageChanged { conversation, seq, .. } => match self.changes.message(*conversation, *seq) {
                Some(message) => Some(Arc::clone(message)),
                None => self.view.message(*conversation, *seq)?,
            },
            _ => None,
        };
        self.changes.appended(line.position);
        apply(line.position, &line.entry, line.message.as_ref().or(changed.as_ref()), self)
    }
}

impl Derived for Replay<'_> {
    fn conversation(&self, no: ConversationNo) -> Result<Option<Arc<Conversation>>, StoreError> {
        match self.changes.conversation(no) {
            Some(conversation) => Ok(Some(Arc::clone(conversation))),
            None => self.view.conversation(no),
        }
    }

    fn put_conversation(&mut self, conversation: Conversation) {
        self.changes.put_conversation(Arc::new(conversation));
    }

    fn put_message(&mut self, message: &Arc<MessageRow>) {
        self.changes.put_message(message);
    }

    fn put_sent(&mut self, author: UserNo, client_id: &ClientId, message: (ConversationNo, Seq)) {
        self.changes.put_sent(author, client_id, message);
    }

    /// Wherever it stands, it was written together with the entry that is replayed.
    fn replace_message(&mut self, _: &Arc<MessageRow>) {}

    fn mark(&self, conversation: ConversationNo, user: UserNo) -> Result<Mark, StoreError> {
        match self.changes.mark(conversation, user) {
            Some(mark) => Ok(mark),
            None => self.view.mark(conversation, user),
        }
    }

    fn put_mark(&mut self, conversation: ConversationNo, user: UserNo, mark: Mark) {
        self.changes.put_mark(conversation, user, mark);
    }

    fn put_scope(&mut self, scope: Scope, position: Position) {
        self.changes.put_scope(scope, position);
    }
}
