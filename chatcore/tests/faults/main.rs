//! The disk fails, at every call that the engine makes of it in turn, until a run comes through untouched.
//!
//! Whatever was answered with `Ok` is there afterwards, what was not is refused with a clear code, the store opens
//! itself again once the disk works, and sending again makes nothing twice.

mod disk;
mod mixed;

use std::sync::Arc;
use std::time::Duration;

use chat_proto::{ClientId, ConversationId, ErrorCode, Role, Seq, Timestamp, UserId};
use chatcore::store::redb::RedbStore;
use chatcore::store::{Store as _, StoreErrorKind};
use chatcore::testing::{ManualClock, SeededEntropy};
use chatcore::{Chat, Draft, Health, NewPerson, Span};
use disk::{Disk, Fault};

/// Few calls are reads with this cache, most with none.
const CACHE: usize = 1 << 20;

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
            Err(error) if fault != Fault::Full => assert!(is_clear(fault, error.code()), "{says}: {error:?}"),
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
    every_call(step, disk, fails_at).await;
}

/// Has each call fail that is so many after the one before, each on a disk of its own, until none is left to fail.
async fn every_call(step: usize, disk: impl Fn() -> Disk, fails_at: impl AsyncFn(usize, &Disk) -> bool) {
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
        fails_on(1, || Disk::new(fault, CACHE).folding_beside()).await;
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
