//! The tables of the file. The version of a row's form stands in the table's name.

use redb::{ReadableTable, TableDefinition};

use crate::state::{
    Conversation, ConversationNo, Entry, Line, Mark, Member, Members, MessageRow, Position, RevisionRow,
};
use crate::store::{StoreError, StoreErrorKind};
use chat_proto::model::ConversationKind;
use chat_proto::{ConversationId, Seq, Timestamp};
use minicbor::{Decode, Decoder, Encode};
use std::sync::Arc;

pub(super) type Bytes = TableDefinition<'static, u64, &'static [u8]>;
pub(super) type ById<V> = TableDefinition<'static, &'static [u8; 16], V>;
pub(super) type StoredMark = (u64, u64, u64);
pub(super) type ByPair<V> = TableDefinition<'static, (u64, u64), V>;

/// Facts about the file itself: see [`meta`].
pub(super) const META: TableDefinition<'static, &'static str, u64> = TableDefinition::new("meta.v1");
/// position -> entry, and behind it the message that it made, as that stands now. The truth, and the write-ahead log of
/// everything below that is marked as derived.
pub(super) const LOG: Bytes = TableDefinition::new("log.v1");
/// user -> account
pub(super) const ACCOUNTS: Bytes = TableDefinition::new("accounts.v1");
/// user's id -> user
pub(super) const USERS: ById<u64> = TableDefinition::new("users.v1");
/// folded address -> user
pub(super) const EMAILS: TableDefinition<'static, &'static str, u64> = TableDefinition::new("emails.v1");
/// (role, folded name, user)
pub(super) const DIRECTORY: TableDefinition<'static, (u8, &'static str, u64), ()> =
    TableDefinition::new("directory.v1");
/// session's id -> session
pub(super) const SESSIONS: ById<&'static [u8]> = TableDefinition::new("sessions.v1");
/// conversation's id -> conversation
pub(super) const CONVERSATION_NUMBERS: ById<u64> = TableDefinition::new("conversation_numbers.v1");
/// (lower user, higher user) -> their direct conversation
pub(super) const DIRECTS: ByPair<u64> = TableDefinition::new("directs.v1");
/// (conversation, seq, version) -> the text that a message had
pub(super) const REVISIONS: TableDefinition<'static, (u64, u64, u64), &'static [u8]> =
    TableDefinition::new("revisions.v1");
/// Derived: conversation -> its head
pub(super) const CONVERSATIONS: Bytes = TableDefinition::new("conversations.v1");
/// Derived: (conversation, user) -> member
pub(super) const MEMBERS: ByPair<&'static [u8]> = TableDefinition::new("members.v1");
/// Derived: (user, position of the newest activity) -> conversation
pub(super) const INBOXES: ByPair<u64> = TableDefinition::new("inboxes.v1");
/// Derived: (conversation, seq) -> message. What a page shows lies together.
pub(super) const MESSAGES: ByPair<&'static [u8]> = TableDefinition::new("messages.v1");
/// Derived: (author, client id) -> (conversation, seq) of the message
pub(super) const SENT: TableDefinition<'static, (u64, &'static str), (u64, u64)> = TableDefinition::new("sent.v1");
/// Derived: (conversation, user) -> (read, seen, delivered)
pub(super) const MARKS: ByPair<StoredMark> = TableDefinition::new("marks.v1");
/// Derived: (conversation, position), for entries that those in it are told of
pub(super) const CONVERSATION_LOG: ByPair<()> = TableDefinition::new("conversation_log.v1");
/// Derived: (user, position), for entries that only this person is told of
pub(super) const PERSONAL_LOG: ByPair<()> = TableDefinition::new("personal_log.v1");

/// Keys of [`META`].
pub(super) mod meta {
    /// The form of the file; see [`super::FORMAT`].
    pub(crate) const FORMAT: &str = "format";
    /// The store's name for its own history.
    pub(crate) const EPOCH: &str = "epoch";
    /// All entries up to here are applied to the derived tables.
    pub(crate) const APPLIED: &str = "applied";
}

/// The form that this program writes. A greater one in a file is refused, a smaller one will be migrated.
pub(super) const FORMAT: u64 = 1;

/// The stored part of a conversation; its members are rows of their own.
#[derive(Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct HeadRow {
    #[cbor(n(0), with = "minicbor::bytes")]
    id: [u8; 16],
    #[n(1)]
    group: bool,
    #[n(2)]
    subject: Option<String>,
    #[n(3)]
    created_at: i64,
    #[n(4)]
    updated_at: i64,
    #[n(5)]
    version: u64,
    #[n(6)]
    last_seq: u64,
    #[n(7)]
    activity: u64,
    #[n(8)]
    receipts: bool,
}

impl HeadRow {
    pub(super) fn of(conversation: &Conversation) -> Self {
        Self {
            id: conversation.id.to_bytes(),
            group: conversation.kind == ConversationKind::Group,
            subject: conversation.subject.as_deref().map(ToOwned::to_owned),
            created_at: conversation.created_at.as_millis(),
            updated_at: conversation.updated_at.as_millis(),
            version: conversation.version,
            last_seq: conversation.last_seq.0,
            activity: conversation.activity.0,
            receipts: conversation.receipts,
        }
    }

    fn with(self, no: ConversationNo, members: Members) -> Conversation {
        Conversation {
            no,
            id: ConversationId::from_bytes(self.id),
            kind: if self.group { ConversationKind::Group } else { ConversationKind::Direct },
            subject: self.subject.map(Arc::from),
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
            version: self.version,
            last_seq: Seq(self.last_seq),
            activity: Position(self.activity),
            receipts: self.receipts,
            members: Arc::new(members),
        }
    }
}

/// Encodes a line of the log.
pub(super) fn encode_line(entry: &Entry, message: Option<&MessageRow>, buffer: &mut Vec<u8>) {
    encode(entry, buffer);
    if let Some(message) = message {
        encode(message, buffer);
    }
}

/// A line of the log as it was stored.
pub(super) fn decode_line(position: Position, bytes: &[u8]) -> Result<Line, StoreError> {
    let mut decoder = Decoder::new(bytes);
    let entry = decoder.decode().map_err(undecodable)?;
    let message =
        if decoder.position() < bytes.len() { Some(Arc::new(decoder.decode().map_err(undecodable)?)) } else { None };
    Ok(Line { position, entry, message })
}

/// A conversation as the derived tables have it.
pub(super) fn stored_conversation(
    heads: &impl ReadableTable<u64, &'static [u8]>,
    members: &impl ReadableTable<(u64, u64), &'static [u8]>,
    no: ConversationNo,
) -> Result<Option<Conversation>, StoreError> {
    let Some(head) = heads.get(no.0)? else { return Ok(None) };
    let head: HeadRow = decode(head.value())?;
    let mut rows = Vec::new();
    for row in members.range((no.0, 0)..=(no.0, u64::MAX))? {
        rows.push(decode::<Member>(row?.1.value())?);
    }
    Ok(Some(head.with(no, Members::new(rows))))
}

pub(super) fn decode<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, StoreError> {
    minicbor::decode(bytes).map_err(undecodable)
}

fn undecodable(error: minicbor::decode::Error) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, error)
}

/// A message's conversation and number.
pub(super) fn numbered((conversation, seq): (u64, u64)) -> (ConversationNo, Seq) {
    (ConversationNo(conversation), Seq(seq))
}

pub(super) fn stored_mark(mark: Mark) -> StoredMark {
    (mark.read.0, mark.seen.0, mark.delivered.0)
}

pub(super) fn mark((read, seen, delivered): StoredMark) -> Mark {
    Mark { read: Seq(read), seen: Seq(seen), delivered: Seq(delivered) }
}

/// The earlier texts of a message.
pub(super) fn stored_revisions(
    revisions: &impl ReadableTable<(u64, u64, u64), &'static [u8]>,
    conversation: ConversationNo,
    seq: Seq,
) -> Result<Vec<RevisionRow>, StoreError> {
    let mut found = Vec::new();
    for row in revisions.range((conversation.0, seq.0, 0)..=(conversation.0, seq.0, u64::MAX))? {
        found.push(decode(row?.1.value())?);
    }
    Ok(found)
}

/// Encodes into a buffer that is used again and again.
pub(super) fn encode_into<T: Encode<()>>(row: &T, buffer: &mut Vec<u8>) {
    buffer.clear();
    encode(row, buffer);
}

/// Encodes to the end of a buffer.
pub(super) fn encode<T: Encode<()>>(row: &T, buffer: &mut Vec<u8>) {
    let written = minicbor::encode(row, buffer);
    debug_assert!(written.is_ok(), "writing to memory cannot fail");
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;
    use redb::{Database, ReadableDatabase, TableHandle};

    use super::*;
    use crate::state::golden::golden;
    use crate::store::redb::RedbOptions;
    use crate::store::redb::open::lay_out;

    #[test]
    fn heads_are_stored_as_ever() {
        let conversation = Conversation {
            no: ConversationNo(7),
            id: ConversationId::from_bytes([0x44; 16]),
            kind: ConversationKind::Group,
            subject: Some("Spring".into()),
            created_at: Timestamp::from_millis(1_800_000_000_123),
            updated_at: Timestamp::from_millis(1_800_000_000_456),
            version: 3,
            last_seq: Seq(10),
            activity: Position(70_001),
            receipts: true,
            members: Arc::default(),
        };
        golden(
            &HeadRow::of(&conversation),
            "895044444444444444444444444444444444f566537072696e671b000001a3185c507b1b000001a3185c51c8030a1a00011171f5",
        );
        assert_eq!(HeadRow::of(&conversation).with(conversation.no, Members::default()), conversation);
        let direct = Conversation { kind: ConversationKind::Direct, subject: None, ..conversation };
        golden(
            &HeadRow::of(&direct),
            "895044444444444444444444444444444444f4f61b000001a3185c507b1b000001a3185c51c8030a1a00011171f5",
        );
    }

    #[test]
    fn a_file_has_its_tables_from_the_beginning() {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        assert_eq!(lay_out(&database, &RedbOptions { epoch: 7, ..RedbOptions::default() }).unwrap(), 7);
        let txn = database.begin_read().unwrap();
        let mut names: Vec<_> = txn.list_tables().unwrap().map(|table| table.name().to_owned()).collect();
        names.sort();
        let expected = "accounts.v1 conversation_log.v1 conversation_numbers.v1 conversations.v1 directory.v1 \
            directs.v1 emails.v1 inboxes.v1 log.v1 marks.v1 members.v1 messages.v1 meta.v1 personal_log.v1 revisions.v1 \
            sent.v1 sessions.v1 users.v1";
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
