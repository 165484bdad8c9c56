//! The engine on a store that can crash at any commit, with or without having carried it out.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chatcore::state::{Command, Minter};
use chatcore::store::memory::MemoryStore;
use chatcore::store::redb::{RedbOptions, RedbStore, StoreFile};
use chatcore::store::{Committed, Keep, Store, StoreError, StoreErrorKind, View};
use chatcore::testing::{ManualClock, SeededEntropy};
use chatcore::{Chat, Limits, Rules, Timestamp};
use redb::StorageBackend;

/// Where the next commit crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// Nothing of it is on disk.
    Before,
    /// All of it is, and nobody knows.
    After,
    /// It is acknowledged, and nothing of it is on disk.
    Lie,
}

/// A store whose program can die.
struct Mortal {
    store: Arc<dyn Store>,
    state: Mutex<Life>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Alive,
    Doomed(Crash),
    Dead,
}

impl Mortal {
    fn dead() -> StoreError {
        StoreError::new(StoreErrorKind::Unavailable, "the program is dead")
    }

    fn alive(&self) -> Result<(), StoreError> {
        if *self.state.lock().unwrap() == Life::Dead { Err(Self::dead()) } else { Ok(()) }
    }
}

impl fmt::Debug for Mortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mortal")
    }
}

impl Store for Mortal {
    fn commit(&self, batch: Vec<Command>, rules: &Rules, minter: &mut Minter) -> Result<Committed, StoreError> {
        self.alive()?;
        let life = *self.state.lock().unwrap();
        let Life::Doomed(crash) = life else { return self.store.commit(batch, rules, minter) };
        *self.state.lock().unwrap() = Life::Dead;
        match crash {
            Crash::Before => Err(Self::dead()),
            Crash::After => {
                self.store.commit(batch, rules, minter)?;
                Err(Self::dead())
            }
            // What the disk holds was set aside before.
            Crash::Lie => self.store.commit(batch, rules, minter),
        }
    }

    fn keep_up(&self) -> Result<(), StoreError> {
        self.alive()?;
        self.store.keep_up()
    }

    fn maintain(&self) -> Result<bool, StoreError> {
        self.alive()?;
        self.store.maintain()
    }

    fn trim(&self, keep: &Keep) -> Result<bool, StoreError> {
        self.alive()?;
        self.store.trim(keep)
    }

    fn view(&self) -> Arc<dyn View> {
        self.store.view()
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.alive()
    }

    fn close(&self) -> Result<(), StoreError> {
        // A program that is killed closes nothing.
        Ok(())
    }
}

/// A file in memory that forgets in a crash what was not synced.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Image>>);

#[derive(Clone, Debug, Default)]
struct Image {
    bytes: Vec<u8>,
    /// How it was at the last sync, newest change first: a length, or bytes at an offset.
    undo: Vec<Undo>,
}

#[derive(Clone, Debug)]
enum Undo {
    Len(usize),
    Bytes(usize, Vec<u8>),
}

impl Disk {
    /// Another disk with what is certain to be on this one.
    fn after_crash(&self) -> Self {
        let mut image = self.0.lock().unwrap().clone();
        while let Some(undo) = image.undo.pop() {
            match undo {
                Undo::Len(len) => image.bytes.resize(len, 0),
                Undo::Bytes(at, bytes) => image.bytes[at..at + bytes.len()].copy_from_slice(&bytes),
            }
        }
        Self(Arc::new(Mutex::new(image)))
    }
}

/// A store's files.
type Disks = [Disk; 3];

fn disk(disks: &Disks, file: StoreFile) -> Disk {
    let [tables, one, other] = disks;
    match file {
        StoreFile::Tables => tables.clone(),
        StoreFile::FirstWal => one.clone(),
        StoreFile::SecondWal => other.clone(),
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.0.lock().unwrap().bytes[at..at + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut image = self.0.lock().unwrap();
        let (before, len) = (image.bytes.len(), usize::try_from(len).unwrap());
        if len < before {
            let gone = image.bytes[len..].to_vec();
            image.undo.push(Undo::Bytes(len, gone));
        }
        image.undo.push(Undo::Len(before));
        image.bytes.resize(len, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.lock().unwrap().undo.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut image = self.0.lock().unwrap();
        let at = usize::try_from(offset).unwrap();
        let before = image.bytes[at..at + data.len()].to_vec();
        image.undo.push(Undo::Bytes(at, before));
        image.bytes[at..at + data.len()].copy_from_slice(data);
        Ok(())
    }
}

enum Place {
    Memory(Arc<MemoryStore>),
    Redb(Disks, RedbOptions),
}

/// A copy of what is on disk.
pub(crate) struct Backup(Place);

/// The server, and what it stands on.
pub(crate) struct Server {
    place: Place,
    store: Arc<dyn Store>,
    mortal: Arc<Mortal>,
    chat: Chat,
    clock: Arc<ManualClock>,
    entropy: Arc<SeededEntropy>,
    /// What a lying disk will turn out to hold.
    truth: Option<MemoryStore>,
    /// Of the program that runs.
    epoch: u64,
}

impl Place {
    /// What the next program finds.
    fn copied(&self) -> Self {
        match self {
            Self::Memory(store) => Self::Memory(Arc::new(store.copied(store.view().epochs().current()))),
            Self::Redb(disks, options) => Self::Redb(disks.each_ref().map(Disk::after_crash), options.clone()),
        }
    }
}

impl Server {
    pub(crate) async fn open(seed: u64) -> Self {
        let place = if seed.is_multiple_of(3) {
            let options =
                RedbOptions { cache_bytes: 1 << 20, fold_after: 7, fold_rows: 5, fold_beside: false, epoch: 1 };
            Place::Redb(Disks::default(), options)
        } else {
            Place::Memory(Arc::new(MemoryStore::new(1)))
        };
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        let entropy = Arc::new(SeededEntropy::new(seed));
        let store = open_store(&place);
        let (mortal, chat) = begin(&store, &clock, &entropy).await;
        Self { place, store, mortal, chat, clock, entropy, truth: None, epoch: 1 }
    }

    pub(crate) fn chat(&self) -> &Chat {
        &self.chat
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub(crate) fn is_dead(&self) -> bool {
        *self.mortal.state.lock().unwrap() == Life::Dead
    }

    pub(crate) fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    /// The next commit is the last one.
    pub(crate) fn doom(&mut self, crash: Crash) {
        if crash == Crash::Lie {
            let Place::Memory(store) = &self.place else { return };
            self.truth = Some(store.copied(self.epoch));
        }
        *self.mortal.state.lock().unwrap() = Life::Doomed(crash);
    }

    /// Whatever it was doing, it is over. The next program finds what is on disk.
    pub(crate) async fn crash(&mut self) {
        *self.mortal.state.lock().unwrap() = Life::Dead;
        let found = self.truth.take().map_or_else(|| self.place.copied(), |truth| Place::Memory(Arc::new(truth)));
        self.start(found).await;
    }

    /// What is on disk while nothing runs. Then the next program runs.
    pub(crate) async fn backup(&mut self) -> Backup {
        *self.mortal.state.lock().unwrap() = Life::Dead;
        let found = self.place.copied();
        self.start(self.place.copied()).await;
        Backup(found)
    }

    pub(crate) async fn restore(&mut self, backup: &Backup) {
        *self.mortal.state.lock().unwrap() = Life::Dead;
        self.truth = None;
        self.start(backup.0.copied()).await;
    }

    async fn start(&mut self, found: Place) {
        // A name that no program had, as a random number is.
        self.epoch += 1;
        self.place = match found {
            Place::Memory(store) => Place::Memory(Arc::new(store.copied(self.epoch))),
            Place::Redb(disks, options) => Place::Redb(disks, RedbOptions { epoch: self.epoch, ..options }),
        };
        // Ids that were given out in this millisecond and are not on disk must not be given out again.
        self.advance(1);
        self.store = open_store(&self.place);
        (self.mortal, self.chat) = begin(&self.store, &self.clock, &self.entropy).await;
    }
}

fn open_store(place: &Place) -> Arc<dyn Store> {
    match place {
        Place::Memory(store) => Arc::clone(store) as Arc<dyn Store>,
        Place::Redb(disks, options) => {
            let disks = disks.clone();
            Arc::new(RedbStore::with_backend(options.clone(), move |file| disk(&disks, file)).unwrap())
        }
    }
}

async fn begin(store: &Arc<dyn Store>, clock: &Arc<ManualClock>, entropy: &Arc<SeededEntropy>) -> (Arc<Mortal>, Chat) {
    let mortal = Arc::new(Mortal { store: Arc::clone(store), state: Mutex::new(Life::Alive) });
    let mut limits = Limits::default();
    // Small, so that it overflows.
    limits.mailbox = 4;
    let builder = Chat::builder().store(Arc::clone(&mortal) as Arc<dyn Store>).server_key([7; 32]).limits(limits);
    let chat = builder.clock(clock.clone()).entropy(entropy.clone()).open().await.unwrap();
    (mortal, chat)
}
