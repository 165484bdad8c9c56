//! A disk that writes down every call, so that each moment of a run can be gone back to.

use std::io;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

/// What a disk was told to do.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Write { offset: usize, data: Vec<u8> },
    SetLen(usize),
    Sync,
}

/// A file in memory, and the calls that made it. Clones are the same file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<File>>);

#[derive(Debug, Default)]
struct File {
    image: Vec<u8>,
    calls: Vec<Call>,
}

impl Call {
    /// Does it to an image.
    pub(crate) fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Write { offset, data } => {
                image.resize(image.len().max(offset + data.len()), 0);
                image[*offset..offset + data.len()].copy_from_slice(data);
            }
            Self::SetLen(len) => image.resize(*len, 0),
            Self::Sync => {}
        }
    }
}

impl Disk {
    /// A disk that holds this file already.
    pub(crate) fn holding(image: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(File { image, calls: Vec::new() })))
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
        let file = &mut *self.0.lock().unwrap();
        call.apply(&mut file.image);
        file.calls.push(call);
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().image.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let file = self.0.lock().unwrap();
        let offset = usize::try_from(offset).unwrap();
        let found = file.image.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.done(Call::SetLen(usize::try_from(len).unwrap()));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.done(Call::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.done(Call::Write { offset: usize::try_from(offset).unwrap(), data: data.to_vec() });
        Ok(())
    }
}
