//! The list of cases, for each backend.

use std::process::ExitCode;
use std::sync::Arc;

use chatcore::store::Store;
use chatcore::store::conformance::{Backend, trials};
use chatcore::store::memory::MemoryStore;
use chatcore::store::redb::{RedbOptions, RedbStore};
use libtest_mimic::Arguments;
use tempfile::TempDir;

fn main() -> ExitCode {
    let trials = [
        trials("memory", || Memory(Arc::new(MemoryStore::new(7)))),
        // Folds all the time: each case meets rows in the tail, on their way and in the tables.
        trials("redb_folding", || File::new(&folding(false))),
        // The same on a thread of its own.
        trials("redb_folding_beside", || File::new(&folding(true))),
        trials("redb", || File::new(&RedbOptions::default())),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials.into_iter().flatten().collect()).exit_code()
}

fn folding(fold_beside: bool) -> RedbOptions {
    RedbOptions { fold_after: 16, fold_rows: 3, fold_beside, ..RedbOptions::default() }
}

/// It cannot be closed, so a restart finds the same store.
#[derive(Debug)]
struct Memory(Arc<MemoryStore>);

impl Backend for Memory {
    fn open(&self) -> Arc<dyn Store> {
        self.0.clone()
    }
}

#[derive(Debug)]
struct File {
    folder: TempDir,
    options: RedbOptions,
}

impl File {
    fn new(options: &RedbOptions) -> Self {
        let options = RedbOptions { cache_bytes: 1 << 20, epoch: 7, ..options.clone() };
        Self { folder: tempfile::tempdir().expect("a folder"), options }
    }
}

impl Backend for File {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(RedbStore::open(&self.folder.path().join("chat.redb"), self.options.clone()).expect("the file opens"))
    }
}
