use std::sync::Arc;

use chat_proto::Timestamp;
use redb::backends::InMemoryBackend;

use super::*;
use crate::state::{Change, Entry, UserNo};
use crate::store::redb::rows::encode_line;

/// A file that is kept in memory; clones are the same file.
#[derive(Clone, Debug)]
struct File(Arc<InMemoryBackend>);

impl StorageBackend for File {
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

const EPOCH: u64 = 0x0123_4567_89ab_cdef;

struct Disk([File; 2]);

impl Disk {
    fn new() -> Self {
        Self(std::array::from_fn(|_| File(Arc::new(InMemoryBackend::new()))))
    }

    fn open(&self, epoch: u64, applied: u64) -> Result<(Wal, Vec<u64>), StoreError> {
        let backends = self.0.each_ref().map(|file| Box::new(file.clone()) as Box<dyn StorageBackend>);
        let (wal, lines) = Wal::open(backends, epoch, Position(applied))?;
        Ok((wal, lines.into_iter().map(|line| line.position.0).collect()))
    }

    /// What can be read of it again, if anything is to be.
    fn found(&self, applied: u64) -> Vec<u64> {
        self.open(EPOCH, applied).unwrap().1
    }

    fn flip(&self, file: usize, offset: u64) {
        let mut byte = [0];
        self.0[file].read(offset, &mut byte).unwrap();
        self.0[file].write(offset, &[byte[0] ^ 1]).unwrap();
    }
}

fn record(positions: std::ops::RangeInclusive<u64>) -> Record {
    let mut record = Record::default();
    for position in positions {
        let change = Change::AccountChanged { user: UserNo(position), version: 2 };
        let entry = Entry::new(Timestamp::from_millis(1_800_000_000_000), None, change);
        record.push(Position(position), |bytes| encode_line(&entry, None, bytes));
    }
    record
}

fn append(wal: &mut Wal, positions: std::ops::RangeInclusive<u64>) {
    wal.append(&mut record(positions)).unwrap();
}

#[test]
fn what_was_appended_is_found_again() {
    let disk = Disk::new();
    let (mut wal, found) = disk.open(EPOCH, 0).unwrap();
    assert_eq!(found, [0; 0]);
    append(&mut wal, 1..=3);
    append(&mut wal, 4..=4);
    // The tables took 5 and 6.
    append(&mut wal, 7..=8);
    assert_eq!(disk.found(0), [1, 2, 3, 4, 7, 8]);
    assert_eq!(disk.found(3), [4, 7, 8]);
    let (mut wal, _) = disk.open(EPOCH, 0).unwrap();
    append(&mut wal, 9..=9);
    assert_eq!(disk.found(6), [7, 8, 9], "it goes on where it ended");
}

#[test]
fn the_files_take_turns_and_what_is_folded_is_overwritten() {
    let disk = Disk::new();
    let (mut wal, _) = disk.open(EPOCH, 0).unwrap();
    append(&mut wal, 1..=40);
    wal.switch(Position(0));
    append(&mut wal, 41..=42);
    assert_eq!(disk.found(0).len(), 42);
    wal.switch(Position(0));
    append(&mut wal, 43..=43);
    assert_eq!(disk.found(0).len(), 43, "neither file is folded: nothing is overwritten");
    wal.switch(Position(40));
    append(&mut wal, 44..=44);
    assert_eq!(disk.found(40), [41, 42, 43, 44], "short, over what was long");
    assert!(wal.wipe(Position(44), Position(44)).unwrap());
    assert_eq!(disk.found(0), [0; 0]);
    append(&mut wal, 45..=45);
    assert_eq!(disk.found(44), [45]);
}

#[test]
fn wiping_waits_for_what_is_not_folded() {
    let disk = Disk::new();
    let (mut wal, _) = disk.open(EPOCH, 0).unwrap();
    append(&mut wal, 1..=2);
    wal.switch(Position(0));
    append(&mut wal, 3..=4);
    assert!(!wal.wipe(Position(2), Position(3)).unwrap(), "it may stand in the second file");
    assert_eq!(disk.found(0), [3, 4]);
    assert!(wal.wipe(Position(2), Position(2)).unwrap(), "it stood in the first");
}

#[test]
fn a_record_that_was_not_finished_never_was() {
    let disk = Disk::new();
    let (mut wal, _) = disk.open(EPOCH, 0).unwrap();
    append(&mut wal, 1..=2);
    let end = wal.files[0].end;
    append(&mut wal, 3..=30);
    disk.flip(0, end + 200);
    assert_eq!(disk.found(0), [1, 2]);
    let (mut wal, _) = disk.open(EPOCH, 0).unwrap();
    append(&mut wal, 3..=3);
    assert_eq!(disk.found(0), [1, 2, 3]);
}

#[test]
fn damage_in_the_middle_is_told_and_not_passed_over() {
    let disk = Disk::new();
    let (mut wal, _) = disk.open(EPOCH, 0).unwrap();
    append(&mut wal, 1..=2);
    append(&mut wal, 3..=4);
    for offset in [0, 5, 17, 30] {
        disk.flip(0, offset);
        assert_eq!(disk.open(EPOCH, 0).unwrap_err().kind(), StoreErrorKind::Corrupt, "at {offset}");
        assert_eq!(disk.found(4), [0; 0], "what is folded is not needed any more");
        disk.flip(0, offset);
    }
    assert_eq!(disk.found(0), [1, 2, 3, 4]);
}

#[test]
fn another_stores_log_is_refused() {
    let disk = Disk::new();
    append(&mut disk.open(EPOCH, 0).unwrap().0, 1..=2);
    assert_eq!(disk.open(EPOCH + 1, 0).unwrap_err().kind(), StoreErrorKind::Corrupt);
}
