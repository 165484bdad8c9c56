//! A disk with a store's files that writes down every call, so that each moment of a run can be gone back to.

use std::io;
use std::sync::{Arc, Mutex};

use chatcore::store::redb::StoreFile;
use redb::StorageBackend;

/// What a disk was told to do.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Write { file: usize, offset: usize, data: Vec<u8> },
    SetLen { file: usize, len: usize },
    Sync { file: usize },
}

/// What the files hold, in the order of [`StoreFile`].
pub(crate) type Images = [Vec<u8>; 3];

/// The files in memory, and the calls that made them. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

/// One of its files.
#[derive(Debug)]
pub(crate) struct File {
    disk: Disk,
    file: usize,
}

#[derive(Debug, Default)]
struct State {
    images: Images,
    calls: Vec<Call>,
}

impl Call {
    /// Which file it is about.
    pub(crate) fn file(&self) -> usize {
        match self {
            Self::Write { file, .. } | Self::SetLen { file, .. } | Self::Sync { file } => *file,
        }
    }

    /// Does it to the files.
    pub(crate) fn apply(&self, images: &mut Images) {
        let image = &mut images[self.file()];
        match self {
            Self::Write { offset, data, .. } => {
                image.resize(image.len().max(offset + data.len()), 0);
                image[*offset..offset + data.len()].copy_from_slice(data);
            }
            Self::SetLen { len, .. } => image.resize(*len, 0),
            Self::Sync { .. } => {}
        }
    }
}

impl Disk {
    /// A disk that holds these files already.
    pub(crate) fn holding(images: Images) -> Self {
        Self(Arc::new(Mutex::new(State { images, calls: Vec::new() })))
    }

    pub(crate) fn file(&self, file: StoreFile) -> File {
        let file = match file {
            StoreFile::Tables => 0,
            StoreFile::FirstWal => 1,
            StoreFile::SecondWal => 2,
        };
        File { disk: self.clone(), file }
    }

    /// How many calls there were.
    pub(crate) fn now(&self) -> usize {
        self.0.lock().unwrap().calls.len()
    }

    /// All calls so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.lock().unwrap().calls.clone()
    }

    fn done(&self, call: Call) {
        let state = &mut *self.0.lock().unwrap();
        call.apply(&mut state.images);
        state.calls.push(call);
    }
}

impl StorageBackend for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().unwrap().images[self.file].len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.disk.0.lock().unwrap();
        let offset = usize::try_from(offset).unwrap();
        let found = state.images[self.file].get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.done(Call::SetLen { file: self.file, len: usize::try_from(len).unwrap() });
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.done(Call::Sync { file: self.file });
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        self.disk.done(Call::Write { file: self.file, offset, data: data.to_vec() });
        Ok(())
    }
}
