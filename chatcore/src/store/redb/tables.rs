//! The tables of the file. The version of a row's form stands in the table's name.

use std::cell::OnceCell;
use std::sync::OnceLock;

use redb::{Key, ReadOnlyTable, ReadTransaction, Table, TableDefinition, Value, WriteTransaction};

use super::view::People;
use crate::store::StoreError;

pub(super) type StoredMark = (u64, u64, u64);

/// The rows of a table are found by one of these.
type Id = &'static [u8; 16];
type Pair = (u64, u64);
type Bytes = &'static [u8];

/// Names every table once: its definition, its slot among those that a view reads ([`ReadTables`]), and its slot among
/// those that a write transaction has open ([`WriteTables`]).
macro_rules! tables {
    ($($(#[$doc:meta])+ $slot:ident: $name:ident = $text:literal, $key:ty => $value:ty;)+) => {
        $($(#[$doc])+ pub(super) const $name: TableDefinition<'static, $key, $value> = TableDefinition::new($text);)+

        /// The tables as they were committed last: a read transaction, whose tables are opened when they are first asked for.
        /// Views share it until something is written to the tables again.
        pub(super) struct ReadTables {
            txn: ReadTransaction,
            $($slot: OnceLock<ReadOnlyTable<$key, $value>>,)+
            /// See [`super::view`].
            pub(super) people: People,
        }

        impl ReadTables {
            pub(super) fn new(txn: ReadTransaction) -> Self {
                Self { txn, $($slot: OnceLock::new(),)+ people: People::default() }
            }

            $(pub(super) fn $slot(&self) -> Result<&ReadOnlyTable<$key, $value>, StoreError> {
                if let Some(table) = self.$slot.get() {
                    return Ok(table);
                }
                let table = self.txn.open_table($name)?;
                Ok(self.$slot.get_or_init(|| table))
            })+
        }

        /// The tables of a write transaction, opened when they are first needed.
        #[expect(dead_code, reason = "each table has its slot; a few are written while folding only")]
        pub(super) struct WriteTables<'txn> {
            $(pub(super) $slot: Slot<'txn, $key, $value>,)+
        }

        impl WriteTables<'_> {
            pub(super) fn new() -> Self {
                Self { $($slot: Slot { definition: $name, table: OnceCell::new() },)+ }
            }
        }

        /// Makes all tables.
        pub(super) fn make_all(txn: &WriteTransaction) -> Result<(), StoreError> {
            $(txn.open_table($name)?;)+
            Ok(())
        }
    };
}

/// A table that a write transaction opens when it is first needed.
pub(super) struct Slot<'txn, K: Key + 'static, V: Value + 'static> {
    definition: TableDefinition<'static, K, V>,
    table: OnceCell<Table<'txn, K, V>>,
}

impl<'txn, K: Key + 'static, V: Value + 'static> Slot<'txn, K, V> {
    pub(super) fn get(&self, txn: &'txn WriteTransaction) -> Result<&Table<'txn, K, V>, StoreError> {
        if self.table.get().is_none() {
            let table = txn.open_table(self.definition)?;
            return Ok(self.table.get_or_init(|| table));
        }
        self.table.get().ok_or_else(|| StoreError::corrupt("a table that was just opened"))
    }

    pub(super) fn get_mut(&mut self, txn: &'txn WriteTransaction) -> Result<&mut Table<'txn, K, V>, StoreError> {
        self.get(txn)?;
        self.table.get_mut().ok_or_else(|| StoreError::corrupt("a table that was just opened"))
    }
}

tables! {
    /// Facts about the file itself: see [`meta`].
    meta: META = "meta.v1", &'static str => u64;
    /// position -> entry, and behind it the message that it made, as that stands now. The truth, together with the lines
    /// that are still in the write-ahead log only.
    log: LOG = "log.v1", u64 => Bytes;
    /// user -> account
    accounts: ACCOUNTS = "accounts.v1", u64 => Bytes;
    /// user's id -> user
    users: USERS = "users.v1", Id => u64;
    /// folded address -> user
    emails: EMAILS = "emails.v1", &'static str => u64;
    /// (role, folded name, user)
    directory: DIRECTORY = "directory.v1", (u8, &'static str, u64) => ();
    /// (user, session's id) -> session
    sessions: SESSIONS = "sessions.v2", (u64, Id) => Bytes;
    /// invitation's id -> invitation
    invitations: INVITATIONS = "invitations.v1", Id => Bytes;
    /// letter's id -> letter
    letters: LETTERS = "letters.v1", Id => Bytes;
    /// (user, letter's id)
    user_letters: USER_LETTERS = "user_letters.v1", (u64, Id) => ();
    /// conversation's id -> conversation
    conversation_numbers: CONVERSATION_NUMBERS = "conversation_numbers.v1", Id => u64;
    /// (lower user, higher user) -> their direct conversation
    directs: DIRECTS = "directs.v1", Pair => u64;
    /// (conversation, seq, version) -> the text that a message had
    revisions: REVISIONS = "revisions.v1", (u64, u64, u64) => Bytes;
    /// key of a kind of its own -> a rare row
    records: RECORDS = "records.v1", Bytes => Bytes;
    /// Derived: conversation -> its head
    conversations: CONVERSATIONS = "conversations.v1", u64 => Bytes;
    /// Derived: (conversation, user) -> member
    members: MEMBERS = "members.v1", Pair => Bytes;
    /// Derived: (user, position of the newest activity) -> conversation
    inboxes: INBOXES = "inboxes.v1", Pair => u64;
    /// Derived: (conversation, seq) -> message. What a page shows lies together.
    messages: MESSAGES = "messages.v1", Pair => Bytes;
    /// Derived: (author, client id) -> (conversation, seq) of the message
    sent: SENT = "sent.v1", (u64, &'static str) => Pair;
    /// Derived: (conversation, user) -> (read, seen, delivered)
    marks: MARKS = "marks.v1", Pair => StoredMark;
    /// Derived: (conversation, position), for entries that those in it are told of
    conversation_log: CONVERSATION_LOG = "conversation_log.v1", Pair => ();
    /// Derived: (user, position), for entries that only this person is told of
    personal_log: PERSONAL_LOG = "personal_log.v1", Pair => ();
}

/// how many came before -> (epoch, where the log ended when it began). Made when the second one begins, and read at opening
/// only.
pub(super) const EPOCHS: TableDefinition<'static, u64, Pair> = TableDefinition::new("epochs.v1");

/// Keys of [`META`].
pub(super) mod meta {
    /// The form of the file; see [`super::FORMAT`].
    pub(crate) const FORMAT: &str = "format";
    /// The epoch in which the store was made.
    pub(crate) const EPOCH: &str = "epoch";
    /// All entries up to here are applied to the derived tables.
    pub(crate) const APPLIED: &str = "applied";
}

/// The form that this program writes. A greater one in a file is refused, a smaller one will be migrated.
pub(super) const FORMAT: u64 = 1;

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;
    use redb::{Database, ReadableDatabase, TableHandle};

    use super::*;
    use crate::store::StoreErrorKind;
    use crate::store::redb::RedbOptions;
    use crate::store::redb::open::lay_out;

    #[test]
    fn a_file_has_its_tables_from_the_beginning() {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        assert_eq!(lay_out(&database, &RedbOptions { epoch: 7, ..RedbOptions::default() }).unwrap(), 7);
        let txn = database.begin_read().unwrap();
        let mut names: Vec<_> = txn.list_tables().unwrap().map(|table| table.name().to_owned()).collect();
        names.sort();
        let expected = "accounts.v1 conversation_log.v1 conversation_numbers.v1 conversations.v1 directory.v1 \
            directs.v1 emails.v1 inboxes.v1 invitations.v1 letters.v1 log.v1 marks.v1 members.v1 messages.v1 meta.v1 \
            personal_log.v1 records.v1 revisions.v1 sent.v1 sessions.v2 user_letters.v1 users.v1";
        assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
        let table = txn.open_table(META).unwrap();
        let facts = [meta::FORMAT, meta::EPOCH, meta::APPLIED].map(|key| table.get(key).unwrap().unwrap().value());
        assert_eq!(facts, [FORMAT, 7, 0]);
    }

    #[test]
    fn a_newer_file_is_refused_politely() {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        lay_out(&database, &RedbOptions::default()).unwrap();
        let txn = database.begin_write().unwrap();
        txn.open_table(META).unwrap().insert(meta::FORMAT, FORMAT + 1).unwrap();
        txn.commit().unwrap();
        let refused = lay_out(&database, &RedbOptions::default()).unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Newer);
    }
}
