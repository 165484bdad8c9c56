//! The log is kept as short as it is to be, also while there is no end of messages.

use std::collections::VecDeque;
use std::sync::Arc;

use chatcore::store::Store;
use chatcore::store::redb::{RedbOptions, RedbStore};
use chatcore::{Chat, NewPerson, Retention};

/// So many wait for the writer all the time: more than it takes at once.
const WAITING: usize = 1_500;
const KEPT: u64 = 1_000;
/// Far more than comes before it is first time to forget something.
const MOST: usize = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_events_are_forgotten_though_the_writer_is_never_idle() {
    let folder = tempfile::tempdir().unwrap();
    let options = RedbOptions { fold_after: 500, fold_beside: false, ..RedbOptions::default() };
    let store = Arc::new(RedbStore::open(&folder.path().join("chat.redb"), options).unwrap());
    let retention = Retention { events: KEPT, ..Retention::default() };
    let chat = Chat::builder().store(Arc::clone(&store) as Arc<dyn Store>).retention(retention).open().await.unwrap();
    let ana = chat.people().create(NewPerson::customer("ana@mail.example")).await.unwrap();
    let leo = chat.people().create(NewPerson::agent("leo@shop.example")).await.unwrap();
    let (order, _) = chat.as_user(ana.id).open_direct(leo.id).await.unwrap();
    let order = chat.as_user(ana.id).conversation(order.id);
    let mut waiting = VecDeque::new();
    for i in 0..MOST {
        waiting.push_back(order.submit(format!("{i}")).await.unwrap());
        if waiting.len() > WAITING {
            waiting.pop_front().unwrap().done().await.unwrap();
        }
        // What is kept, what is not folded yet, and what came before it was time.
        let view = store.view();
        if i.is_multiple_of(500) && view.oldest().unwrap().0 > 4 * KEPT {
            return;
        }
    }
    panic!("after {MOST} messages without a pause the log begins at {:?}", store.view().oldest());
}
