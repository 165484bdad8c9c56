//! A disk that fails at a call of the test's choice.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use chatcore::store::StoreError;
use chatcore::store::redb::{RedbOptions, RedbStore, StoreFile};
use redb::StorageBackend;

/// How the disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Every call fails until the disk is mended.
    Dead,
    /// One call fails; if it was a sync, what was written since the sync before is lost, as Linux does it.
    Once,
    /// The file cannot grow until there is space; what is there can be overwritten.
    Full,
    /// Nothing can be written at all until there is space.
    FullForGood,
    /// There is no room for one write.
    FullOnce,
}

/// A store's files in memory on a disk that fails at the n-th call. Clones are the same disk.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    state: Arc<Mutex<State>>,
    pub(crate) cache_bytes: usize,
    fold_beside: bool,
}

/// One of its files.
#[derive(Debug)]
pub(crate) struct File {
    disk: Disk,
    file: usize,
}

#[derive(Debug)]
pub(crate) struct State {
    images: [Vec<u8>; 3],
    synced: [Vec<u8>; 3],
    pub(crate) fault: Fault,
    /// Calls until it fails.
    left: Option<usize>,
    failing: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Read,
    Write,
    Grow,
    Sync,
}

impl Disk {
    pub(crate) fn new(fault: Fault, cache_bytes: usize) -> Self {
        let (images, synced) = Default::default();
        let state = State { images, synced, fault, left: None, failing: false };
        Self { state: Arc::new(Mutex::new(state)), cache_bytes, fold_beside: false }
    }

    /// Folds on a thread of its own.
    pub(crate) fn folding_beside(self) -> Self {
        Self { fold_beside: true, ..self }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }

    fn file(&self, file: StoreFile) -> File {
        let file = match file {
            StoreFile::Tables => 0,
            StoreFile::FirstWal => 1,
            StoreFile::SecondWal => 2,
        };
        File { disk: self.clone(), file }
    }

    pub(crate) fn fail_after(&self, calls: usize) {
        self.state().left = Some(calls);
    }

    /// Mends the disk. `true`: it had failed.
    pub(crate) fn mend(&self) -> bool {
        let mut state = self.state();
        let failed = state.failing || state.left.is_none();
        (state.left, state.failing) = (None, false);
        failed
    }

    pub(crate) fn open(&self) -> Result<RedbStore, StoreError> {
        self.open_in(7)
    }

    /// Opens it as a start of this name.
    pub(crate) fn open_in(&self, epoch: u64) -> Result<RedbStore, StoreError> {
        let disk = self.clone();
        let Self { cache_bytes, fold_beside, .. } = *self;
        let options = RedbOptions { cache_bytes, fold_after: 6, fold_rows: 3, fold_beside, epoch };
        RedbStore::with_backend(options, move |file| disk.file(file))
    }
}

impl State {
    fn call(&mut self, file: usize, call: Call) -> io::Result<()> {
        if let Some(left) = &mut self.left {
            let concerned = match self.fault {
                Fault::Dead | Fault::Once => true,
                Fault::Full => call == Call::Grow,
                Fault::FullForGood | Fault::FullOnce => call == Call::Grow || call == Call::Write,
            };
            match (*left, concerned) {
                (0, true) => (self.left, self.failing) = (None, true),
                (0, false) => {}
                _ => *left -= 1,
            }
        }
        if !self.failing {
            return Ok(());
        }
        match (self.fault, call) {
            (Fault::Dead, _) => Err(eio()),
            (Fault::Once, _) => {
                self.failing = false;
                if call == Call::Sync {
                    self.images[file].clone_from(&self.synced[file]);
                }
                Err(eio())
            }
            (Fault::Full, Call::Grow) | (Fault::FullForGood, Call::Grow | Call::Write) => {
                Err(io::ErrorKind::StorageFull.into())
            }
            (Fault::FullOnce, Call::Grow | Call::Write) => {
                self.failing = false;
                Err(io::ErrorKind::StorageFull.into())
            }
            (Fault::Full | Fault::FullForGood | Fault::FullOnce, _) => Ok(()),
        }
    }
}

/// EIO, which has no kind of its own.
fn eio() -> io::Error {
    io::Error::from_raw_os_error(5)
}

fn index(n: u64) -> usize {
    usize::try_from(n).expect("a file that fits into memory")
}

impl StorageBackend for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().images[self.file].len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        state.call(self.file, Call::Read)?;
        let image = &state.images[self.file];
        let found = image.get(index(offset)..index(offset) + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let call = if index(len) > state.images[self.file].len() { Call::Grow } else { Call::Write };
        state.call(self.file, call)?;
        state.images[self.file].resize(index(len), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.call(self.file, Call::Sync)?;
        let state = &mut *state;
        state.synced[self.file].clone_from(&state.images[self.file]);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        state.call(self.file, Call::Write)?;
        let image = &mut state.images[self.file];
        let (from, to) = (index(offset), index(offset) + data.len());
        image.resize(image.len().max(to), 0);
        image[from..to].copy_from_slice(data);
        Ok(())
    }
}
