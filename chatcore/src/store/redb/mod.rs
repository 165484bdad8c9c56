//! The store that shops run on: one redb file.
//!
//! Each commit appends to one table in the order of positions, the log, messages included, and is durable when it
//! returns. The derived tables follow in batches (`fold`); until then their rows are in memory (`tail`), and after
//! a crash they are made again from the log (`open`).

mod append;
mod create;
mod error;
mod fold;
mod memory;
mod open;
mod tables;
mod tail;
#[cfg(all(test, feature = "conformance"))]
mod tests;
mod transaction;
mod trim;
mod view;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::redb::{Database, ReadableDatabase, StorageBackend};

use self::fold::{Fold, rows_along};
use self::memory::Memory;
use self::tail::Tail;
use self::transaction::Transaction;
use self::view::RedbView;
use super::{Committed, Keep, Store, StoreError, StoreErrorKind, View};
use crate::access::Rules;
use crate::state::{
    Command, ConversationNo, Entry, MessageRow, Minter, Next, Position, UserNo, apply, decide, envelope,
};

/// How the file is opened.
#[derive(Clone, Debug)]
pub struct RedbOptions {
    /// Memory for pages of the file, bytes.
    pub cache_bytes: usize,
    /// So many log entries are kept in memory before they are folded into the tables.
    pub fold_after: usize,
    /// About so many rows are folded along with one commit; few enough not to be felt by whoever waits for it.
    pub fold_rows: usize,
    /// The epoch of a new store.
    pub epoch: u64,
}

impl Default for RedbOptions {
    /// 64 MiB of cache, folding after 16,384 entries by 1,024 rows, epoch 1.
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, fold_after: 16_384, fold_rows: 1_024, epoch: 1 }
    }
}

/// … and, long messages being as they are, no more memory than about this.
const FOLD_AFTER_BYTES: usize = 8 << 20;

type OpenFile = dyn Fn(&RedbOptions) -> Result<Database, StoreError> + Send + Sync;

/// A store in one redb file.
pub struct RedbStore {
    options: RedbOptions,
    open_file: Box<OpenFile>,
    /// Only the thread that commits takes this; the lock makes that safe, not fast.
    writer: Mutex<Writer>,
    current: Mutex<Arc<RedbView>>,
}

struct Writer {
    /// `None` while the store is broken or closed.
    database: Option<Database>,
    memory: Memory,
    tail: Tail,
    fold: Option<Fold>,
    next_user: u64,
    next_conversation: u64,
}

impl RedbStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// `Locked` when another program has it open, `Newer` when a newer version wrote it.
    pub fn open(path: &Path, options: RedbOptions) -> Result<Self, StoreError> {
        create::unless_there(path, &options)?;
        let path = path.to_owned();
        Self::open_file(options, move |options| {
            Ok(Database::builder().set_cache_size(options.cache_bytes).open(&path)?)
        })
    }

    /// Opens a store on storage of the caller's making, for tests of crashes and faults. The function is called again
    /// for each [`Store::reopen`].
    pub fn with_backend<B: StorageBackend>(
        options: RedbOptions,
        backend: impl Fn() -> B + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        Self::open_file(options, move |options| {
            Ok(Database::builder().set_cache_size(options.cache_bytes).create_with_backend(backend())?)
        })
    }

    fn open_file(
        options: RedbOptions,
        open_file: impl Fn(&RedbOptions) -> Result<Database, StoreError> + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let database = open_file(&options)?;
        let (writer, view) = open::recover(database, &options)?;
        let open_file = Box::new(open_file);
        Ok(Self { options, open_file, writer: Mutex::new(writer), current: Mutex::new(Arc::new(view)) })
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
        let result = writer.commit(batch, rules, minter, &before, &self.options);
        match result {
            Ok((committed, view)) => {
                self.publish(view);
                Ok(committed)
            }
            Err(error) => {
                // What the batch put there never happened.
                writer.memory = Memory::default();
                Err(error)
            }
        }
    }

    fn maintain(&self) -> Result<bool, StoreError> {
        let writer = &mut *self.writer();
        if writer.fold.is_none() && writer.tail.entries() == 0 {
            return Ok(false);
        }
        writer.freeze();
        let view = writer.fold_piece(&self.current(), self.options.fold_rows)?;
        self.publish(view);
        Ok(writer.fold.is_some() || writer.tail.entries() > 0)
    }

    fn trim(&self, keep: &Keep) -> Result<bool, StoreError> {
        let writer = &mut *self.writer();
        let Some((view, more)) = writer.trim_piece(&self.current(), keep)? else { return Ok(false) };
        self.publish(view);
        Ok(more)
    }

    fn view(&self) -> Arc<dyn View> {
        self.current()
    }

    fn reopen(&self) -> Result<(), StoreError> {
        let writer = &mut *self.writer();
        // The lock on the file goes with the database.
        drop(writer.database.take());
        let database = (self.open_file)(&self.options)?;
        let (recovered, view) = open::recover(database, &self.options)?;
        *writer = recovered;
        self.publish(view);
        Ok(())
    }

    fn close(&self) -> Result<(), StoreError> {
        while self.maintain()? {}
        let database = self.writer().database.take();
        if let Some(database) = database {
            database.close()?;
        }
        Ok(())
    }
}

impl Writer {
    fn database(&self) -> Result<&Database, StoreError> {
        self.database.as_ref().ok_or_else(|| StoreError::new(StoreErrorKind::Unavailable, "the store is closed"))
    }

    fn commit(
        &mut self,
        batch: Vec<Command>,
        rules: &Rules,
        minter: &mut Minter,
        before: &RedbView,
        options: &RedbOptions,
    ) -> Result<(Committed, RedbView), StoreError> {
        minter.tick();
        if self.fold.is_none() && self.is_full(options) {
            self.freeze();
        }
        self.memory.bound();
        let database = self
            .database
            .as_ref()
            .ok_or_else(|| StoreError::new(StoreErrorKind::Unavailable, "the store is closed"))?;
        let mut txn = database.begin_write()?;
        durable(&mut txn);
        let mut next = Next {
            user: UserNo(self.next_user),
            conversation: ConversationNo(self.next_conversation),
            position: before.position.next(),
        };
        let mut committed = Committed::default();
        let mut last_at = before.last_at;
        // Before the batch: what it changes in messages that are folded here must not be put back by the fold.
        let folded = match &self.fold {
            Some(fold) if !batch.is_empty() => {
                let rows = rows_along(batch.len(), self.is_full(options), options.fold_rows);
                Some(fold.write_piece(&txn, &self.tail, rows)?)
            }
            _ => None,
        };
        let changes = {
            let mut working = Transaction::new(&txn, &mut self.memory, &self.tail);
            for command in batch {
                let decision = match decide(command, &working, rules, minter, next)? {
                    Ok(decision) => decision,
                    Err(refusal) => {
                        committed.outcomes.push(Err(refusal));
                        continue;
                    }
                };
                for put in decision.puts {
                    match put {
                        crate::state::Put::Account { before: None, .. } => next.user.0 += 1,
                        crate::state::Put::Conversation { .. } => next.conversation.0 += 1,
                        _ => {}
                    }
                    working.put(put)?;
                }
                for (change, new) in decision.changes {
                    let (row, message) = new.map(|new| (Arc::clone(&new.row), (new.row.author, new.message))).unzip();
                    let entry = Entry::new(minter.now(), decision.by, change);
                    let made = row.as_deref().filter(|row: &&MessageRow| row.position == next.position);
                    working.append(next.position, &entry, made);
                    apply(next.position, &entry, row.as_ref(), &mut working)?;
                    committed.events.push(Arc::new(envelope(next.position, &entry, message, None, &working)?));
                    next.position = next.position.next();
                    last_at = entry.at;
                }
                committed.outcomes.push(Ok(decision.outcome));
            }
            working.finish()?
        };
        let nothing_new = committed.events.is_empty();
        if nothing_new {
            txn.abort()?;
        } else {
            txn.commit()?;
            self.tail.add(changes);
            self.settle(folded);
        }
        self.next_user = next.user.0;
        self.next_conversation = next.conversation.0;
        let position = Position(next.position.0 - 1);
        let view = self.view(position, last_at, before.epoch)?;
        Ok((committed, view))
    }

    /// As much waits as should be folded at once.
    fn is_full(&self, options: &RedbOptions) -> bool {
        self.tail.entries() >= options.fold_after || self.tail.bytes() >= FOLD_AFTER_BYTES
    }

    /// A piece of the fold, so far, is on disk.
    fn settle(&mut self, folded: Option<usize>) {
        if let (Some(fold), Some(done)) = (&mut self.fold, folded)
            && fold.committed(done)
        {
            self.fold = None;
            self.tail.drop_frozen();
        }
    }

    /// Begins to fold what is in the tail, if nothing is being folded.
    fn freeze(&mut self) {
        if self.fold.is_none() && self.tail.entries() > 0 {
            self.fold = Some(Fold::new(self.tail.freeze()));
        }
    }

    fn fold_piece(&mut self, before: &RedbView, rows: usize) -> Result<RedbView, StoreError> {
        let mut txn = self.database()?.begin_write()?;
        durable(&mut txn);
        let folded = self.fold.as_ref().map(|fold| fold.write_piece(&txn, &self.tail, rows)).transpose()?;
        txn.commit()?;
        self.settle(folded);
        self.view(before.position, before.last_at, before.epoch)
    }

    fn view(&self, position: Position, last_at: chat_proto::Timestamp, epoch: u64) -> Result<RedbView, StoreError> {
        let txn = self.database()?.begin_read()?;
        Ok(RedbView { txn, tail: self.tail.clone(), position, last_at, epoch, tables: view::Opened::default() })
    }
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
