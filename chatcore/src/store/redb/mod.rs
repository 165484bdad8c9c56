//! The store that shops run on: one redb file, and a write-ahead log beside it.
//!
//! Nearly every commit only appends lines to the log, messages included. It is durable when they stand in the
//! write-ahead log (`wal`), one write and one sync; the tables follow in batches (`fold`, `folding`). Until then the lines and
//! the rows derived from them are in memory (`tail`), and after a crash they are made again (`open`). A commit that
//! changes other rows (accounts, sessions, the text of a message …) goes into the tables at once, its lines with it.

mod create;
mod error;
mod fold;
mod folding;
mod memory;
mod open;
mod rows;
mod tables;
mod tail;
#[cfg(all(test, feature = "conformance"))]
mod tests;
mod transaction;
mod trim;
mod view;
mod wal;
mod watched;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::redb::{Database, ReadableDatabase, StorageBackend};

use self::folding::{Advanced, Folding};
use self::memory::Memory;
use self::tables::ReadTables;
use self::tail::Tail;
use self::transaction::{Finished, Transaction};
use self::view::RedbView;
use self::wal::{Record, Wal};
use self::watched::{Failed, Watched};
use super::{Committed, Keep, Store, StoreError, StoreErrorKind, View};
use crate::access::Rules;
use crate::state::{
    Command, ConversationNo, Entry, MessageRow, Minter, Next, Position, Put, UserNo, apply, decide, envelope,
};

/// How the file is opened.
#[derive(Clone, Debug)]
pub struct RedbOptions {
    /// Memory for pages of the file, bytes.
    pub cache_bytes: usize,
    /// So many log entries are kept in memory before they are folded into the tables.
    pub fold_after: usize,
    /// About so many rows are folded in one piece; few enough not to be felt by who has to write to a table meanwhile.
    pub fold_rows: usize,
    /// Fold on a thread of its own. Otherwise a piece is folded after each commit, so that everything happens in an order
    /// that can be repeated: for tests.
    pub fold_beside: bool,
    /// The epoch that begins, unless it has begun already; see [`Epochs`](crate::store::Epochs).
    pub epoch: u64,
}

impl Default for RedbOptions {
    /// 64 MiB of cache, folding after 16,384 entries by 4,096 rows on a thread of its own, epoch 1.
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, fold_after: 16_384, fold_rows: 4_096, fold_beside: true, epoch: 1 }
    }
}

/// … and, long messages being as they are, no more memory than about this.
const FOLD_AFTER_BYTES: usize = 8 << 20;

/// The files of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFile {
    /// redb's file, with all tables.
    Tables,
    /// The write-ahead log's one file …
    FirstWal,
    /// … and the other.
    SecondWal,
}

impl StoreFile {
    const ALL: [Self; 3] = [Self::Tables, Self::FirstWal, Self::SecondWal];

    /// Where the file lies when the tables lie here.
    fn beside(self, tables: &Path) -> PathBuf {
        match self {
            Self::Tables => tables.to_owned(),
            Self::FirstWal => tables.with_extension("1.wal"),
            Self::SecondWal => tables.with_extension("2.wal"),
        }
    }
}

/// Opened, and not looked into yet.
struct Opened {
    tables: Database,
    failed: Failed,
    wal: [Box<dyn StorageBackend>; 2],
}

type OpenFiles = dyn Fn(&RedbOptions) -> Result<Opened, StoreError> + Send + Sync;

/// A store in one redb file, with its write-ahead log beside it.
pub struct RedbStore {
    options: RedbOptions,
    open_files: Box<OpenFiles>,
    /// The epoch of this start, if it could be put down.
    begin: Option<u64>,
    /// Only the thread that commits takes this; the lock makes that safe, not fast.
    writer: Mutex<Writer>,
    current: Mutex<Arc<RedbView>>,
}

struct Writer {
    /// `None` while the store is broken or closed.
    files: Option<Files>,
    memory: Memory,
    tail: Tail,
    /// The lines of the batch that is being committed; its room is used again and again.
    record: Record,
    folding: Option<Folding>,
    /// Everything up to here is folded.
    applied: Position,
    /// What was deleted before may still stand in the write-ahead log, to be overwritten there.
    wipe_before: Option<Position>,
    next_user: u64,
    next_conversation: u64,
}

struct Files {
    database: Arc<Database>,
    /// Whether redb's file has failed, also while it was only read or folded.
    failed: Failed,
    wal: Wal,
}

/// How much waits to be folded after what is being folded now.
struct Waiting {
    /// As much as is folded at once.
    enough: bool,
    /// More than is to be kept in memory: commits wait.
    too_much: bool,
}

impl Opened {
    fn new(
        tables: impl StorageBackend,
        wal: [Box<dyn StorageBackend>; 2],
        cache_bytes: usize,
    ) -> Result<Self, StoreError> {
        let (tables, failed) = Watched::new(tables);
        let tables = Database::builder().set_cache_size(cache_bytes).create_with_backend(tables)?;
        Ok(Self { tables, failed, wal })
    }
}

impl RedbStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// `Locked` when another program has it open, `Newer` when a newer version wrote it, `Corrupt` when a part of it is
    /// missing or damaged.
    pub fn open(path: &Path, options: RedbOptions) -> Result<Self, StoreError> {
        create::unless_there(path, &options)?;
        let path = path.to_owned();
        Self::open_files(options, move |options| {
            // Opening redb's file takes its lock, which is the lock on all of them.
            let [tables, one, other] = StoreFile::ALL.map(|file| create::open_file(&path, file));
            Opened::new(tables?, [Box::new(one?), Box::new(other?)], options.cache_bytes)
        })
    }

    /// Opens a store on storage of the caller's making, for tests of crashes and faults. The function is called for each
    /// file, and again for each [`Store::reopen`].
    pub fn with_backend<B: StorageBackend>(
        options: RedbOptions,
        backend: impl Fn(StoreFile) -> B + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        Self::open_files(options, move |options| {
            let [tables, one, other] = StoreFile::ALL.map(&backend);
            Opened::new(tables, [Box::new(one), Box::new(other)], options.cache_bytes)
        })
    }

    fn open_files(
        options: RedbOptions,
        open_files: impl Fn(&RedbOptions) -> Result<Opened, StoreError> + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let mut begin = Some(options.epoch);
        let recovered = match open::recover(open_files(&options)?, &options, begin) {
            // What is there can be read all the same; the epoch before goes on.
            Err(error) if error.kind() == StoreErrorKind::Full => {
                begin = None;
                open::recover(open_files(&options)?, &options, begin)
            }
            recovered => recovered,
        };
        let (writer, view) = recovered?;
        let open_files = Box::new(open_files);
        let (writer, current) = (Mutex::new(writer), Mutex::new(Arc::new(view)));
        Ok(Self { options, open_files, begin, writer, current })
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Arc<RedbView> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self, view: RedbView) {
        let view = Arc::new(view);
        let before = {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, view)
        };
        // Ending a read transaction takes redb's own lock; readers need not wait for that.
        drop(before);
    }
}

impl Store for RedbStore {
    fn commit(&self, batch: Vec<Command>, rules: &Rules, minter: &mut Minter) -> Result<Committed, StoreError> {
        let writer = &mut *self.writer();
        let before = self.current();
        match writer.commit(batch, rules, minter, &before) {
            Ok((committed, view)) => {
                self.publish(view);
                Ok(committed)
            }
            Err(error) => Err(writer.break_off(error)),
        }
    }

    fn keep_up(&self) -> Result<(), StoreError> {
        let writer = &mut *self.writer();
        let kept_up = writer.keep_up(&self.current(), &self.options);
        if let Some(Advanced { view, over }) = kept_up.map_err(|error| writer.break_off(error))? {
            self.publish(view);
            drop(over);
        }
        Ok(())
    }

    fn maintain(&self) -> Result<bool, StoreError> {
        let writer = &mut *self.writer();
        if writer.folding.is_none() && writer.tail.entries() == 0 {
            return writer.wipe().map(|()| false);
        }
        let folded = writer.fold_now(&self.current(), &self.options);
        if let Some(Advanced { view, over }) = folded.map_err(|error| writer.break_off(error))? {
            self.publish(view);
            drop(over);
        }
        Ok(true)
    }

    fn trim(&self, keep: &Keep) -> Result<bool, StoreError> {
        let writer = &mut *self.writer();
        let trimmed = writer.trim_piece(&self.current(), keep).map_err(|error| writer.break_off(error))?;
        let Some((view, more)) = trimmed else { return Ok(false) };
        self.publish(view);
        Ok(more)
    }

    fn view(&self) -> Arc<dyn View> {
        self.current()
    }

    fn reopen(&self) -> Result<(), StoreError> {
        let writer = &mut *self.writer();
        // The lock on the file goes with the database.
        drop(writer.let_go());
        let opened = (self.open_files)(&self.options)?;
        let (recovered, view) = open::recover(opened, &self.options, self.begin)?;
        *writer = recovered;
        self.publish(view);
        Ok(())
    }

    fn close(&self) -> Result<(), StoreError> {
        while self.maintain()? {}
        let files = self.writer().let_go();
        if let Some(database) = files.and_then(|files| Arc::into_inner(files.database)) {
            database.close()?;
        }
        Ok(())
    }
}

impl Writer {
    fn files(&self) -> Result<&Files, StoreError> {
        self.files.as_ref().ok_or_else(closed)
    }

    fn files_mut(&mut self) -> Result<&mut Files, StoreError> {
        self.files.as_mut().ok_or_else(closed)
    }

    /// After an error nobody knows what is on the disk: nothing is written any more until it is opened again.
    fn break_off(&mut self, error: StoreError) -> StoreError {
        let error = match &self.files {
            Some(files) => files.failed.explain(error),
            None => error,
        };
        drop(self.let_go());
        self.memory = Memory::default();
        error
    }

    /// Whoever folds is done with the files, too.
    fn let_go(&mut self) -> Option<Files> {
        self.folding = None;
        self.files.take()
    }

    fn commit(
        &mut self,
        batch: Vec<Command>,
        rules: &Rules,
        minter: &mut Minter,
        before: &RedbView,
    ) -> Result<(Committed, RedbView), StoreError> {
        minter.tick();
        self.memory.bound();
        let Files { database, failed, wal } = self.files.as_mut().ok_or_else(closed)?;
        failed.check()?;
        let mut next = Next {
            user: UserNo(self.next_user),
            conversation: ConversationNo(self.next_conversation),
            position: before.position.next(),
        };
        let begun = OnceCell::new();
        let record = &mut self.record;
        record.clear();
        let working = Transaction::new(database, &begun, &before.tables, &mut self.memory, &self.tail, record);
        let (committed, Finished { changes, deleted }) = carry_out(batch, rules, minter, &mut next, working)?;
        let position = Position(next.position.0 - 1);
        let last_at = if record.is_empty() { before.last_at } else { minter.now() };
        // Before the transaction ends, in which whoever folds waits to see it; views pass over it until the end.
        self.tail.add(changes);
        let tables = match begun.into_inner() {
            Some(txn) if record.is_empty() => {
                txn.abort()?;
                Arc::clone(&before.tables)
            }
            Some(txn) => {
                txn.commit()?;
                Arc::new(ReadTables::new(database.begin_read()?))
            }
            None => {
                wal.append(record)?;
                Arc::clone(&before.tables)
            }
        };
        if deleted {
            self.wipe_before = Some(position);
        }
        self.next_user = next.user.0;
        self.next_conversation = next.conversation.0;
        let (tail, epochs) = (self.tail.clone(), before.epochs.clone());
        Ok((committed, RedbView { tables, tail, position, last_at, epoch: before.epoch, epochs }))
    }

    /// How much waits to be folded.
    fn waiting(&self, options: &RedbOptions) -> Waiting {
        let (entries, bytes) = (self.tail.entries(), self.tail.bytes());
        Waiting {
            enough: entries >= options.fold_after || bytes >= FOLD_AFTER_BYTES,
            too_much: entries >= 2 * options.fold_after || bytes >= 2 * FOLD_AFTER_BYTES,
        }
    }

    /// Overwrites in the write-ahead log what was deleted, as far as it is folded.
    fn wipe(&mut self) -> Result<(), StoreError> {
        if let (Some(before), Some(files)) = (self.wipe_before, &mut self.files)
            && files.wal.wipe(self.applied, before)?
        {
            self.wipe_before = None;
        }
        Ok(())
    }

    /// The same moment, after something was written to the tables.
    fn reread(&self, before: &RedbView) -> Result<RedbView, StoreError> {
        let tables = Arc::new(ReadTables::new(self.files()?.database.begin_read()?));
        let RedbView { position, last_at, epoch, .. } = *before;
        let epochs = before.epochs.clone();
        Ok(RedbView { tables, tail: self.tail.clone(), position, last_at, epoch, epochs })
    }
}

/// Decides and carries out the commands of a batch, one after the other.
fn carry_out(
    batch: Vec<Command>,
    rules: &Rules,
    minter: &mut Minter,
    next: &mut Next,
    mut working: Transaction<'_>,
) -> Result<(Committed, Finished), StoreError> {
    let mut committed = Committed::default();
    for command in batch {
        let decision = match decide(command, &working, rules, minter, *next)? {
            Ok(decision) => decision,
            Err(refusal) => {
                committed.outcomes.push(Err(refusal));
                continue;
            }
        };
        for put in decision.puts {
            match put {
                Put::Account { before: None, .. } => next.user.0 += 1,
                Put::Conversation { .. } => next.conversation.0 += 1,
                _ => {}
            }
            working.put(put)?;
        }
        for (change, new) in decision.changes {
            let (row, message) = new.map(|new| (Arc::clone(&new.row), (new.row.author, new.message))).unzip();
            let entry = Arc::new(Entry::new(minter.now(), decision.by, change));
            let made = row.as_deref().filter(|row: &&MessageRow| row.position == next.position);
            working.append(next.position, &entry, made);
            apply(next.position, &entry, row.as_ref(), &mut working)?;
            committed.events.push(Arc::new(envelope(next.position, &entry, message, None, &working)?));
            next.position = next.position.next();
        }
        committed.outcomes.push(Ok(decision.outcome));
    }
    Ok((committed, working.finish()?))
}

fn closed() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "the store is closed")
}

/// The allocator's state goes into each commit, so that opening after a crash takes milliseconds at any size; this
/// implies two-phase commit, which survives a crash during recovery too.
fn durable(txn: &mut ::redb::WriteTransaction) {
    txn.set_quick_repair(true);
}

impl std::fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbStore").field("options", &self.options).finish_non_exhaustive()
    }
}
