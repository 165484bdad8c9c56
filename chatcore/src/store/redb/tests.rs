//! What cannot be seen through the traits: what is left on the disk.

use std::sync::Arc;

use ::redb::{ReadableDatabase, ReadableTable};
use chat_proto::Role;

use super::{RedbOptions, RedbStore, StoreFile, tables};
use crate::state::{Command, Origin, Outcome};
use crate::store::conformance::{Acting, Backend, Shop};
use crate::store::{Store, StoreError, StoreErrorKind};

#[derive(Debug)]
struct One(Arc<RedbStore>);

impl Backend for One {
    fn open(&self) -> Arc<dyn Store> {
        Arc::clone(&self.0) as Arc<dyn Store>
    }
}

const SECRET: &str = "4111 1111 1111 1111";

fn is_in(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
}

/// In which tables the secret stands.
fn leaks(store: &RedbStore) -> Vec<&'static str> {
    let read = || -> Result<[bool; 3], StoreError> {
        let txn = store.writer().files()?.database.begin_read()?;
        let mut found = [false; 3];
        for row in txn.open_table(tables::LOG)?.iter()? {
            found[0] |= is_in(row?.1.value());
        }
        for row in txn.open_table(tables::MESSAGES)?.iter()? {
            found[1] |= is_in(row?.1.value());
        }
        for row in txn.open_table(tables::REVISIONS)?.iter()? {
            found[2] |= is_in(row?.1.value());
        }
        Ok(found)
    };
    let found = read().expect("readable");
    ["log", "messages", "revisions"]
        .into_iter()
        .zip(found)
        .filter_map(|(table, found)| found.then_some(table))
        .collect()
}

/// Whenever a message is deleted: before it is folded, while its layer is, or after.
#[test]
fn what_is_deleted_is_in_no_table_however_far_folding_has_come() {
    for deleted_at in 0..30 {
        // Folding begins when it is told to, and goes on with a few rows in each commit.
        let options =
            RedbOptions { cache_bytes: 1 << 20, fold_after: 1_000, fold_rows: 1, fold_beside: false, epoch: 1 };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.redb");
        let store = Arc::new(RedbStore::open(&path, options).unwrap());
        let in_wal = || {
            let wal = [StoreFile::FirstWal, StoreFile::SecondWal];
            wal.map(|wal| is_in(&std::fs::read(wal.beside(&path)).unwrap())).contains(&true)
        };
        let mut shop = Shop::open(Box::new(One(Arc::clone(&store))));
        let (ana, leo) = (shop.person(Role::Agent, "ana"), shop.person(Role::Agent, "leo"));
        let groups: Vec<_> = (0..12).map(|_| shop.group(ana, &[leo])).collect();
        for (i, group) in groups.iter().enumerate() {
            shop.commit(vec![ana.send(*group, &format!("a{i}"), "hello"), leo.send(*group, &format!("b{i}"), "hi")]);
        }
        let Outcome::Sent { message, .. } = shop.one(ana.send(groups[7], "secret", SECRET)) else { panic!("not sent") };
        let (by, conversation, message) = (ana.author(), groups[7], message.id);
        let text = format!("card {SECRET}");
        shop.one(Command::EditMessage { by, conversation, message, text, if_version: None });
        assert!(in_wal(), "the test looks where it stands");
        for round in 0..30 {
            if round == 3 {
                store.maintain().unwrap();
            }
            if round == deleted_at {
                assert!(leaks(&store).contains(&"log"), "the test looks where it stands");
                shop.one(Command::DeleteMessage {
                    by,
                    conversation,
                    message,
                    if_version: None,
                    origin: Origin::default(),
                });
            } else {
                shop.one(leo.send(groups[round % 12], &format!("r{round}"), "more"));
            }
            if round >= deleted_at {
                assert_eq!(leaks(&store), [""; 0], "deleted in round {deleted_at}, looked at after round {round}");
                assert_eq!(shop.timeline(groups[7], 3, 3)[0].text, "");
            }
        }
        shop.fold();
        assert!(!in_wal());
        assert_eq!(leaks(&store), [""; 0]);
        assert_eq!(shop.timeline(groups[7], 3, 3)[0].text, "");
    }
}

#[test]
fn a_folder_without_its_write_ahead_log_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.redb");
    let open = || RedbStore::open(&path, RedbOptions::default());
    open().unwrap().close().unwrap();
    let wal = StoreFile::SecondWal.beside(&path);
    let aside = folder.path().join("aside");
    std::fs::rename(&wal, &aside).unwrap();
    assert_eq!(open().unwrap_err().kind(), StoreErrorKind::Corrupt);
    std::fs::rename(&aside, &wal).unwrap();
    open().unwrap();
}
