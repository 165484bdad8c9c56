//! When layers of the tail are folded, and by whom: a thread of its own, so that no commit waits for it.
//!
//! Everything in a layer stands in the write-ahead log, or in the table of the log, until the whole layer is folded. So its
//! pieces need not be durable by themselves: only the last one is, and the ones before it with it. Nor do the thread and the
//! one that commits need any lock of ours: what both want to write goes through redb's, and what a commit changes of a
//! layer's messages is in the tail before its transaction ends (see `Writer::commit`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use ::redb::{Database, Durability};

use super::fold::Fold;
use super::tail::Tail;
use super::view::RedbView;
use super::{Files, RedbOptions, Writer, closed, durable};
use crate::state::Position;
use crate::store::{StoreError, StoreErrorKind};

/// A layer on its way into the tables.
#[derive(Debug)]
pub(super) enum Folding {
    /// A piece along with each commit.
    Along(Box<Fold>),
    /// On a thread of its own.
    Beside(Beside),
}

/// How far a layer has come.
enum Come {
    /// Nothing new.
    Nowhere,
    /// More of it is in the tables.
    On,
    /// All of it is on the disk, up to this entry.
    Done(Position),
}

/// How long [`Store::maintain`](crate::store::Store::maintain) waits for the thread at a time: it is called again, unless
/// there is something to commit.
const MAINTAIN_WAIT: Duration = Duration::from_millis(5);

/// The thread that folds a layer.
#[derive(Debug)]
pub(super) struct Beside {
    head: Position,
    /// What became of it; it has let go of the database by then.
    done: Receiver<Result<(), StoreError>>,
    told: bool,
    shared: Arc<Shared>,
    /// So many pieces were known.
    pieces: usize,
    /// Dropped when nobody reads the layer any more: the thread frees it then, which takes milliseconds.
    _release: SyncSender<()>,
}

/// What the thread and the writer tell each other on the way.
#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    /// So many pieces are in the tables.
    pieces: AtomicUsize,
}

impl Beside {
    fn start(mut fold: Fold, database: Arc<Database>, tail: Tail, rows: usize) -> Result<Self, StoreError> {
        let head = fold.head();
        let shared = Arc::new(Shared::default());
        let (sender, done) = sync_channel(1);
        let (release, released) = sync_channel(0);
        let told = Arc::clone(&shared);
        let folding = move || {
            let folded = write_all(&mut fold, &database, &tail, rows, &told);
            drop(database);
            // Nobody asks any more when the store was closed meanwhile.
            let _ = sender.send(folded);
            let _: Result<(), _> = released.recv();
        };
        let thread = std::thread::Builder::new().name("chat-folding".to_owned()).spawn(folding);
        thread.map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error))?;
        Ok(Self { head, done, told: false, shared, pieces: 0, _release: release })
    }

    /// What became of it, if it is over within this time.
    fn within(&mut self, wait: Duration) -> Result<Come, StoreError> {
        match self.done.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => {
                let before = std::mem::replace(&mut self.pieces, self.shared.pieces.load(Ordering::Acquire));
                Ok(if self.pieces > before { Come::On } else { Come::Nowhere })
            }
            Ok(folded) => self.over(folded),
            Err(RecvTimeoutError::Disconnected) => self.over(Err(panicked())),
        }
    }

    fn wait(&mut self) -> Result<Come, StoreError> {
        let folded = self.done.recv().unwrap_or_else(|_| Err(panicked()));
        self.over(folded)
    }

    fn over(&mut self, folded: Result<(), StoreError>) -> Result<Come, StoreError> {
        self.told = true;
        folded.map(|()| Come::Done(self.head))
    }
}

impl Drop for Beside {
    /// Waits until the thread has let go of the database.
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if !self.told {
            let _ = self.done.recv();
        }
    }
}

fn panicked() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "the thread that folds is gone")
}

fn write_all(
    fold: &mut Fold,
    database: &Database,
    tail: &Tail,
    rows: usize,
    shared: &Shared,
) -> Result<(), StoreError> {
    while !write_piece(fold, database, tail, rows)? {
        shared.pieces.fetch_add(1, Ordering::Release);
        if shared.stop.load(Ordering::Acquire) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "the store is being closed"));
        }
    }
    Ok(())
}

/// Folds about so many rows. `true`: the whole layer is on the disk.
fn write_piece(fold: &mut Fold, database: &Database, tail: &Tail, rows: usize) -> Result<bool, StoreError> {
    let mut txn = database.begin_write()?;
    let done = fold.write_piece(&txn, tail, rows)?;
    if fold.ends_with(done) {
        durable(&mut txn);
    } else {
        txn.set_durability(Durability::None)?;
    }
    txn.commit()?;
    Ok(fold.committed(done))
}

/// What folding led to.
pub(super) struct Advanced {
    /// The same moment, read from the tables as they are now.
    pub(super) view: RedbView,
    /// To be dropped when the view is published, which lets go of the layer.
    pub(super) over: Option<Folding>,
}

impl Writer {
    /// Begins to fold when enough waits, and takes over what was folded meanwhile.
    pub(super) fn keep_up(&mut self, before: &RedbView, options: &RedbOptions) -> Result<Option<Advanced>, StoreError> {
        self.files()?.failed.check()?;
        let waiting = self.waiting(options);
        if self.folding.is_none() {
            if !waiting.enough {
                return Ok(None);
            }
            self.freeze(options)?;
        }
        let rows = if waiting.enough { usize::MAX } else { options.fold_rows };
        let come = match &mut self.folding {
            Some(Folding::Beside(beside)) if waiting.too_much => beside.wait()?,
            Some(Folding::Beside(beside)) => beside.within(Duration::ZERO)?,
            Some(Folding::Along(fold)) => along(fold, self.files.as_ref(), &self.tail, rows)?,
            None => Come::Nowhere,
        };
        self.take_over(&come, before)
    }

    /// Folds a bounded piece of what there is.
    pub(super) fn fold_now(
        &mut self,
        before: &RedbView,
        options: &RedbOptions,
    ) -> Result<Option<Advanced>, StoreError> {
        if self.folding.is_none() {
            self.freeze(options)?;
        }
        let come = match &mut self.folding {
            Some(Folding::Beside(beside)) => beside.within(MAINTAIN_WAIT)?,
            Some(Folding::Along(fold)) => along(fold, self.files.as_ref(), &self.tail, options.fold_rows)?,
            None => Come::Nowhere,
        };
        self.take_over(&come, before)
    }

    fn freeze(&mut self, options: &RedbOptions) -> Result<(), StoreError> {
        if self.tail.entries() == 0 {
            return Ok(());
        }
        let fold = Fold::new(self.tail.freeze());
        let applied = self.applied;
        let files = self.files_mut()?;
        files.wal.switch(applied);
        let database = Arc::clone(&files.database);
        self.folding = Some(if options.fold_beside {
            Folding::Beside(Beside::start(fold, database, self.tail.clone(), options.fold_rows)?)
        } else {
            Folding::Along(Box::new(fold))
        });
        Ok(())
    }

    fn take_over(&mut self, come: &Come, before: &RedbView) -> Result<Option<Advanced>, StoreError> {
        let over = match come {
            Come::Nowhere => return Ok(None),
            // A view that is read from older tables holds back the space that pieces have left since.
            Come::On => None,
            Come::Done(head) => {
                self.applied = *head;
                self.tail.drop_frozen();
                self.wipe()?;
                self.folding.take()
            }
        };
        Ok(Some(Advanced { view: self.reread(before)?, over }))
    }
}

fn along(fold: &mut Fold, files: Option<&Files>, tail: &Tail, rows: usize) -> Result<Come, StoreError> {
    let database = &files.ok_or_else(closed)?.database;
    Ok(if write_piece(fold, database, tail, rows)? { Come::Done(fold.head()) } else { Come::On })
}
