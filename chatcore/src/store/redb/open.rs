//! Opening: a new file is laid out, an old one is checked, and what the tables do not show yet is made again from the
//! log.

use std::sync::Arc;

use ::redb::{Database, ReadableDatabase, ReadableTable};
use chat_proto::{ClientId, Seq, Timestamp};

use super::memory::Memory;
use super::rows::decode_line;
use super::tables::{self, FORMAT, ReadTables, meta};
use super::tail::{Changes, Tail};
use super::view::RedbView;
use super::wal::{Record, Wal};
use super::{Files, Opened, RedbOptions, Writer, durable};
use crate::state::{
    Change, Conversation, ConversationNo, Derived, Line, Lookup, Mark, MessageRow, Position, Scope, UserNo, apply,
};
use crate::store::{Epoch, Epochs, StoreError, StoreErrorKind};

/// `begin`: the epoch that begins, unless it has begun already.
pub(super) fn recover(
    opened: Opened,
    options: &RedbOptions,
    begin: Option<u64>,
) -> Result<(Writer, RedbView), StoreError> {
    let Opened { tables: database, failed, wal } = opened;
    let epoch = lay_out(&database, options)?;
    let committed = Arc::new(ReadTables::new(database.begin_read()?));
    let applied = Position(committed.meta()?.get(meta::APPLIED)?.map_or(0, |position| position.value()));
    let (wal, ahead) = Wal::open(wal, epoch, applied)?;
    let epochs = read_epochs(&database, epoch)?;
    let before = RedbView {
        tables: Arc::clone(&committed),
        tail: Tail::default(),
        position: applied,
        last_at: Timestamp::from_millis(0),
        epoch,
        epochs: epochs.clone(),
    };
    let mut replay = Replay { changes: Changes::default(), view: &before, conversations: 0 };
    let (position, last_at) = replay.run(applied, ahead)?;
    let stored_conversations = committed.conversations()?.last()?.map_or(0, |(no, _)| no.value());
    let next_conversation = stored_conversations.max(replay.conversations) + 1;
    let next_user = committed.accounts()?.last()?.map_or(0, |(no, _)| no.value()) + 1;
    let mut tail = Tail::default();
    tail.add(replay.changes);
    let epochs = match begin {
        Some(name) => begin_epoch(&database, &epochs, name, position)?,
        None => epochs,
    };
    let view = RedbView { tables: committed, tail: tail.clone(), position, last_at, epoch, epochs };
    let writer = Writer {
        files: Some(Files { database: Arc::new(database), failed, wal }),
        memory: Memory::default(),
        tail,
        record: Record::default(),
        folding: None,
        applied,
        // What was deleted before may stand in the write-ahead log still.
        wipe_before: Some(position),
        next_user,
        next_conversation,
    };
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
            tables::make_all(&txn)?;
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

/// The epochs of a store that was made in this one.
fn read_epochs(database: &Database, made_in: u64) -> Result<Epochs, StoreError> {
    let txn = database.begin_read()?;
    let table = match txn.open_table(tables::EPOCHS) {
        Ok(table) => table,
        // Written before there were any.
        Err(::redb::TableError::TableDoesNotExist(_)) => return Ok(Epochs::new(made_in)),
        Err(error) => return Err(error.into()),
    };
    let mut known = Vec::new();
    for row in table.iter()? {
        let (name, after) = row?.1.value();
        known.push(Epoch { name, after: Position(after) });
    }
    Ok(Epochs::of(known, made_in))
}

/// Puts down that an epoch begins here, before anybody is told anything in it.
fn begin_epoch(database: &Database, before: &Epochs, name: u64, at: Position) -> Result<Epochs, StoreError> {
    let epochs = before.begun(name, at);
    if epochs == *before {
        return Ok(epochs);
    }
    let mut txn = database.begin_write()?;
    durable(&mut txn);
    {
        let mut table = txn.open_table(tables::EPOCHS)?;
        table.retain(|_, _| false)?;
        for (n, epoch) in (0..).zip(epochs.known()) {
            table.insert(n, (epoch.name, epoch.after.0))?;
        }
    }
    txn.commit()?;
    Ok(epochs)
}

/// Rows made again from the log, and the tables behind them.
struct Replay<'a> {
    changes: Changes,
    view: &'a RedbView,
    /// The greatest number of a conversation that was met.
    conversations: u64,
}

impl Replay<'_> {
    /// Applies everything after this position, from the table of the log and from what stands in the write-ahead log
    /// only. Returns the newest position and its moment.
    fn run(&mut self, applied: Position, ahead: Vec<Line>) -> Result<(Position, Timestamp), StoreError> {
        let log = self.view.tables.log()?;
        let (mut position, mut last_at) = (applied, Timestamp::from_millis(0));
        // The newest line tells the time when nothing came after what is applied.
        if let Some((at, line)) = log.last()? {
            last_at = decode_line(Position(at.value()), line.value())?.entry.at;
        }
        let mut ahead = ahead.into_iter().peekable();
        let mut stored = log.range(applied.0 + 1..)?;
        let mut next_stored = move || -> Result<Option<Line>, StoreError> {
            let Some(row) = stored.next().transpose()? else { return Ok(None) };
            Ok(Some(decode_line(Position(row.0.value()), row.1.value())?))
        };
        let mut in_table = next_stored()?;
        loop {
            let is_ahead = match (&in_table, ahead.peek()) {
                (Some(stored), Some(ahead)) => ahead.position < stored.position,
                (None, Some(_)) => true,
                (Some(_), None) => false,
                (None, None) => return Ok((position, last_at)),
            };
            let next = if is_ahead { ahead.next() } else { std::mem::replace(&mut in_table, next_stored()?) };
            let Some(line) = next else { return Ok((position, last_at)) };
            if !is_ahead {
                // The table goes before: there a message is as it was changed later.
                ahead.next_if(|ahead| ahead.position == line.position);
            }
            if line.position != position.next() {
                return Err(StoreError::corrupt("the log has a gap: a file of the data folder is missing or too old"));
            }
            (position, last_at) = (line.position, line.entry.at);
            self.apply(&line)?;
            if is_ahead {
                self.changes.put_ahead(line.position, Arc::new(line.entry));
            }
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
