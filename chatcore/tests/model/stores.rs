use std::sync::Arc;

use chatcore::store::Store;
use chatcore::store::conformance::Backend;
use chatcore::store::memory::MemoryStore;
use chatcore::store::redb::{RedbOptions, RedbStore, StoreFile};
use redb::backends::InMemoryBackend;

#[derive(Debug)]
pub(crate) struct Memory(pub Arc<MemoryStore>);

impl Backend for Memory {
    fn open(&self) -> Arc<dyn Store> {
        self.0.clone()
    }
}

/// A file that is kept in memory: what is tested here is what is in it, not that it is on a disk.
#[derive(Clone, Debug)]
struct File(Arc<InMemoryBackend>);

/// A store's files.
#[derive(Clone, Debug)]
pub(crate) struct Files([File; 3]);

impl Files {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| File(Arc::new(InMemoryBackend::new()))))
    }

    fn file(&self, file: StoreFile) -> File {
        let [tables, one, other] = &self.0;
        match file {
            StoreFile::Tables => tables.clone(),
            StoreFile::FirstWal => one.clone(),
            StoreFile::SecondWal => other.clone(),
        }
    }
}

impl redb::StorageBackend for File {
    fn len(&self) -> std::io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> std::io::Result<()> {
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.0.write(offset, data)
    }
}

#[derive(Debug)]
pub(crate) struct Redb {
    pub files: Files,
    pub options: RedbOptions,
}

impl Backend for Redb {
    fn open(&self) -> Arc<dyn Store> {
        let files = self.files.clone();
        Arc::new(RedbStore::with_backend(self.options.clone(), move |file| files.file(file)).unwrap())
    }
}
