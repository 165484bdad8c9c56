//! The disk fails, at every call that the engine makes of it in turn, until a run comes through untouched.
//!
//! Whatever was answered with `Ok` is there afterwards, what was not is refused with a clear code, the store opens
//! itself again once the disk works, and sending again makes nothing twice.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chat_proto::{ClientId, ConversationId, ErrorCode, Role, Seq, Timestamp, UserId};
use chatcore::store::redb::{RedbOptions, RedbStore, StoreFile};
use chatcore::store::{Store as _, StoreError, StoreErrorKind};
use chatcore::testing::{ManualClock, SeededEntropy};
use chatcore::{Chat, Draft, Health, NewPerson, Span};
use redb::StorageBackend;

/// Few calls are reads with this cache, most with none.
const CACHE: usize = 1 << 20;

/// How the disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
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
struct Disk {
    state: Arc<Mutex<State>>,
    cache_bytes: usize,
    fold_beside: bool,
}

/// One of its files.
#[derive(Debug)]
struct File {
    disk: Disk,
    file: usize,
}

#[derive(Debug)]
struct State {
    images: [Vec<u8>; 3],
    synced: [Vec<u8>; 3],
    fault: Fault,
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
    fn new(fault: Fault, cache_bytes: usize) -> Self {
        let (images, synced) = Default::default();
        let state = State { images, synced, fault, left: None, failing: false };
        Self { state: Arc::new(Mutex::new(state)), cache_bytes, fold_beside: false }
    }

    fn state(&self) -> MutexGuard<'_, State> {
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

    fn fail_after(&self, calls: usize) {
        self.state().left = Some(calls);
    }

    /// Mends the disk. `true`: it had failed.
    fn mend(&self) -> bool {
        let mut state = self.state();
        let failed = state.failing || state.left.is_none();
        (state.left, state.failing) = (None, false);
        failed
    }

    fn open(&self) -> Result<RedbStore, StoreError> {
        self.open_in(7)
    }

    /// Opens it as a start of this name.
    fn open_in(&self, epoch: u64) -> Result<RedbStore, StoreError> {
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

/// A chat on this disk with two people in a conversation.
struct Shop {
    chat: Chat,
    clock: Arc<ManualClock>,
    ana: UserId,
    leo: UserId,
    conversation: ConversationId,
}

async fn open(store: RedbStore) -> (Chat, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let entropy = Arc::new(SeededEntropy::new(1));
    let builder = Chat::builder().store(Arc::new(store)).clock(clock.clone()).entropy(entropy).cheap_passwords();
    (builder.open().await.expect("the chat opens"), clock)
}

impl Shop {
    async fn new(disk: &Disk) -> Self {
        let (chat, clock) = open(disk.open().expect("the disk works")).await;
        let ana = chat.people().create(NewPerson::customer("ana@shop.example")).await.expect("the disk works").id;
        let leo = chat.people().create(NewPerson::new(Role::Agent, "leo@shop.example")).await;
        let leo = leo.expect("the disk works").id;
        let conversation = chat.as_user(ana).open_direct(leo).await.expect("the disk works").0.id;
        Self { chat, clock, ana, leo, conversation }
    }

    async fn send(&self, i: usize) -> chatcore::Result<chatcore::Sent> {
        let text = format!("message {i} {}", "x".repeat(i * 700));
        let author = [self.ana, self.leo][i % 2];
        self.chat.as_user(author).conversation(self.conversation).send(Draft::text(text).client_id(name(i))).await
    }
}

fn name(i: usize) -> ClientId {
    format!("m{i}").parse().expect("a client id")
}

const MESSAGES: usize = 9;

/// The codes that tell what is wrong.
fn is_clear(fault: Fault, code: ErrorCode) -> bool {
    match fault {
        Fault::Dead | Fault::Once => code == ErrorCode::ReadOnly,
        Fault::Full | Fault::FullForGood | Fault::FullOnce => code == ErrorCode::StorageFull,
    }
}

/// Sends, reads and goes on while the disk fails at this call. `false`: it did not come so far.
async fn fails_at(n: usize, disk: &Disk) -> bool {
    let fault = disk.state().fault;
    let says = format!("{fault:?} at call {n} with a cache of {}", disk.cache_bytes);
    let shop = Shop::new(disk).await;
    disk.fail_after(n);
    let mut acknowledged = Vec::new();
    for i in 0..MESSAGES {
        match shop.send(i).await {
            Ok(sent) => acknowledged.push((i, sent.message)),
            Err(error) => {
                assert!(is_clear(fault, error.code()), "{says}: {error:?}");
                assert!(error.is_retryable() && error.retry_after().is_some(), "{says}: {error:?}");
            }
        }
        // A full disk can be read; a dead one answers clearly.
        let history = shop.chat.as_user(shop.leo).conversation(shop.conversation).history(Span::Newest, 50).await;
        match history {
            Ok(history) => assert!(history.items.len() >= acknowledged.len(), "{says}"),
            Err(error) if fault != Fault::Full => assert_eq!(error.code(), ErrorCode::ReadOnly, "{says}: {error:?}"),
            Err(error) => panic!("{says}: a full disk cannot be read: {error:?}"),
        }
        if let Err(error) = shop.chat.as_user(shop.leo).conversation(shop.conversation).mark_read(Seq(1)).await {
            assert!(is_clear(fault, error.code()), "{says}: {error:?}");
        }
    }
    let failed = disk.mend();
    // The longest that the store waits before it opens itself again.
    shop.clock.advance(Duration::from_secs(5));
    let sent = shop.send(MESSAGES).await.unwrap_or_else(|error| panic!("{says}: mended, and still {error:?}"));
    assert_eq!(shop.chat.health(), Health::Ready, "{says}");
    acknowledged.push((MESSAGES, sent.message));
    check(&shop, &acknowledged, &says).await;
    shop.chat.close(Duration::from_mins(1)).await.unwrap_or_else(|error| panic!("{says}: {error:?}"));

    // The next start of the program.
    let store = disk.open().unwrap_or_else(|error| panic!("{says}: {error:?}"));
    let (chat, clock) = open(store).await;
    let shop = Shop { chat, clock, ..shop };
    check(&shop, &acknowledged, &says).await;
    shop.chat.close(Duration::from_mins(1)).await.unwrap_or_else(|error| panic!("{says}: {error:?}"));
    failed
}

/// Everything that was acknowledged is there, and sending all again leads to each message once.
async fn check(shop: &Shop, acknowledged: &[(usize, Arc<chat_proto::model::Message>)], says: &str) {
    for i in 0..=MESSAGES {
        let sent = shop.send(i).await.unwrap_or_else(|error| panic!("{says}: message {i} again: {error:?}"));
        if let Some((_, first)) = acknowledged.iter().find(|(sent, _)| *sent == i) {
            assert!(sent.duplicate, "{says}: message {i} was lost");
            assert_eq!(sent.message, *first, "{says}: the first result");
        }
    }
    let mut names = Vec::new();
    for (who, parity) in [(shop.ana, 0), (shop.leo, 1)] {
        let conversation = shop.chat.as_user(who).conversation(shop.conversation);
        let history = conversation.history(Span::Newest, 50).await.expect("the disk works");
        let seqs: Vec<_> = history.items.iter().map(|message| message.seq.0).collect();
        assert_eq!(seqs, (1..=MESSAGES as u64 + 1).collect::<Vec<_>>(), "{says}");
        names.extend(history.items.into_iter().filter_map(|message| message.client_id.map(|name| (name, parity))));
    }
    let mut expected: Vec<_> = (0..=MESSAGES).map(|i| (name(i), i % 2)).collect();
    names.sort();
    expected.sort();
    assert_eq!(names, expected, "{says}: each message once");
}

async fn fails_everywhere(fault: Fault, cache_bytes: usize, step: usize) {
    fails_on(step, || Disk::new(fault, cache_bytes)).await;
}

async fn fails_on(step: usize, disk: impl Fn() -> Disk) {
    let mut n = 0;
    while fails_at(n, &disk()).await {
        n += step;
    }
    assert!(n > 0, "the disk never failed");
}

#[tokio::test]
async fn a_call_that_fails_once_costs_nothing_acknowledged() {
    fails_everywhere(Fault::Once, CACHE, 1).await;
}

/// Which call fails is another one each time.
#[tokio::test]
async fn a_call_that_fails_while_another_thread_folds_costs_nothing_acknowledged() {
    for fault in [Fault::Once, Fault::Dead, Fault::Full] {
        fails_on(1, || Disk { fold_beside: true, ..Disk::new(fault, CACHE) }).await;
    }
}

#[tokio::test]
async fn a_read_that_fails_once_costs_nothing_acknowledged() {
    fails_everywhere(Fault::Once, 0, 7).await;
}

#[tokio::test]
async fn a_dead_disk_costs_nothing_acknowledged() {
    fails_everywhere(Fault::Dead, CACHE, 1).await;
}

#[tokio::test]
async fn a_full_disk_is_read_and_costs_nothing_acknowledged() {
    fails_everywhere(Fault::Full, CACHE, 1).await;
}

#[tokio::test]
async fn a_disk_that_takes_nothing_any_more_costs_nothing_acknowledged() {
    fails_everywhere(Fault::FullForGood, CACHE, 1).await;
}

#[tokio::test]
async fn a_broken_store_opens_itself_again_though_nobody_writes() {
    let disk = Disk::new(Fault::Dead, CACHE);
    let shop = Shop::new(&disk).await;
    disk.fail_after(0);
    shop.send(0).await.expect_err("the disk is dead");
    assert_eq!(shop.chat.health(), Health::Broken);
    assert!(disk.mend());
    let open_again = async {
        while shop.chat.health() != Health::Ready {
            shop.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), open_again).await.expect("it opens itself");
    let history = shop.chat.as_user(shop.leo).conversation(shop.conversation).history(Span::Newest, 50).await;
    assert!(history.expect("it can be read").items.len() <= 1);
    shop.send(0).await.expect("and written");
}

#[test]
fn a_fault_while_opening_is_told_and_leaves_what_was_there() {
    for (fault, kind) in [(Fault::Dead, StoreErrorKind::Unavailable), (Fault::FullForGood, StoreErrorKind::Full)] {
        let mut n = 0;
        loop {
            let disk = Disk::new(fault, CACHE);
            drop(disk.open().expect("the disk works"));
            disk.fail_after(n);
            match disk.open() {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind(), kind, "{fault:?} at call {n}: {error:?}"),
            }
            assert!(disk.mend());
            drop(disk.open().unwrap_or_else(|error| panic!("{fault:?} at call {n}: {error:?}")));
            n += 1;
        }
        assert!(n > 0, "the disk never failed");
    }
}

/// Putting down that another start has begun is no reason not to open.
#[test]
fn a_start_that_cannot_be_put_down_goes_on_in_the_one_before() {
    let (mut n, mut put_down, mut not_put_down) = (0, 0, 0);
    while put_down == 0 {
        let disk = Disk::new(Fault::FullOnce, CACHE);
        drop(disk.open().expect("the disk works"));
        disk.fail_after(n);
        match disk.open_in(8) {
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::Full, "opening the file itself, at call {n}"),
            Ok(store) => {
                let failed = disk.mend();
                (put_down, not_put_down) = (put_down + usize::from(!failed), not_put_down + usize::from(failed));
                let current = if failed { 7 } else { 8 };
                assert_eq!(store.view().epochs().current(), current, "at call {n}");
                store.reopen().unwrap_or_else(|error| panic!("at call {n}: {error:?}"));
                assert_eq!(store.view().epochs().current(), current, "it is the same start, at call {n}");
            }
        }
        disk.mend();
        let next = disk.open_in(9).unwrap_or_else(|error| panic!("at call {n}: {error:?}"));
        assert_eq!(next.view().epochs().current(), 9, "at call {n}");
        n += 1;
    }
    assert!(not_put_down > 0, "the disk never failed");
}
