//! How rows are written into the tables (CBOR, RFC 8949), where that is not the rows' own affair.

use std::ops::Bound;
use std::sync::Arc;

use chat_proto::model::ConversationKind;
use chat_proto::{ConversationId, Role, Seq, Timestamp};
use minicbor::{Decode, Decoder, Encode};
use redb::ReadableTable;

use super::tables::StoredMark;
use crate::state::{
    Conversation, ConversationNo, Entry, Invitation, Letter, LetterId, Line, Mark, Member, Members, MessageRow,
    Position, RecordKey, RevisionRow, Session, UserNo, role_number,
};
use crate::store::{StoreError, StoreErrorKind};

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

/// Somebody's sign-ins, in the order of their ids.
pub(super) fn stored_sessions(
    sessions: &impl ReadableTable<(u64, &'static [u8; 16]), &'static [u8]>,
    user: UserNo,
) -> Result<Vec<Arc<Session>>, StoreError> {
    let mut found = Vec::new();
    for row in sessions.range((user.0, &[0; 16])..=(user.0, &[0xff; 16]))? {
        found.push(Arc::new(decode(row?.1.value())?));
    }
    Ok(found)
}

/// Rows of the rare kinds from one key to before another.
pub(super) fn stored_records(
    records: &impl ReadableTable<&'static [u8], &'static [u8]>,
    from: &RecordKey,
    before: &RecordKey,
    limit: usize,
) -> Result<Vec<(RecordKey, Vec<u8>)>, StoreError> {
    let mut found = Vec::new();
    if from >= before {
        return Ok(found);
    }
    for row in records.range(from.as_bytes()..before.as_bytes())?.take(limit) {
        let (key, row) = row?;
        found.push((RecordKey::from_bytes(key.value()), row.value().to_vec()));
    }
    Ok(found)
}

/// All open invitations, in the order of their ids.
pub(super) fn stored_invitations(
    invitations: &impl ReadableTable<&'static [u8; 16], &'static [u8]>,
) -> Result<Vec<Arc<Invitation>>, StoreError> {
    let mut found = Vec::new();
    for row in invitations.iter()? {
        found.push(Arc::new(decode(row?.1.value())?));
    }
    Ok(found)
}

/// The letters after this one, the oldest first.
pub(super) fn stored_letters(
    letters: &impl ReadableTable<&'static [u8; 16], &'static [u8]>,
    after: Option<LetterId>,
    limit: usize,
) -> Result<Vec<Arc<Letter>>, StoreError> {
    let from = after.as_ref().map_or(Bound::Unbounded, |after| Bound::Excluded(&after.0));
    let mut found = Vec::new();
    for row in letters.range::<&[u8; 16]>((from, Bound::Unbounded))?.take(limit) {
        found.push(Arc::new(decode(row?.1.value())?));
    }
    Ok(found)
}

/// All letters about an account, in the order of their ids.
pub(super) fn stored_letters_of(
    index: &impl ReadableTable<(u64, &'static [u8; 16]), ()>,
    letters: &impl ReadableTable<&'static [u8; 16], &'static [u8]>,
    user: UserNo,
) -> Result<Vec<Arc<Letter>>, StoreError> {
    let mut found = Vec::new();
    for row in index.range((user.0, &[0; 16])..=(user.0, &[0xff; 16]))? {
        let key = row?.0;
        let stored = letters.get(key.value().1)?;
        let stored = stored.ok_or_else(|| StoreError::corrupt("a letter in the index that does not exist"))?;
        found.push(Arc::new(decode(stored.value())?));
    }
    Ok(found)
}

/// The accounts of a role by folded name.
pub(super) fn stored_directory(
    directory: &impl ReadableTable<(u8, &'static str, u64), ()>,
    role: Role,
    after: Option<(&str, UserNo)>,
    limit: usize,
) -> Result<Vec<(String, UserNo)>, StoreError> {
    let role = role_number(role);
    let start = match after {
        Some((name, no)) => Bound::Excluded((role, name, no.0)),
        None => Bound::Included((role, "", 0)),
    };
    let mut rows = Vec::new();
    for row in directory.range((start, Bound::Excluded((role + 1, "", 0))))?.take(limit) {
        let key = row?.0;
        let (_, name, no) = key.value();
        rows.push((name.to_owned(), UserNo(no)));
    }
    Ok(rows)
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
    use super::*;
    use crate::state::golden::golden;

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
}
