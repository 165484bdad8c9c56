//! Folding: a frozen layer of the tail is written into the derived tables, in the order of their keys, in pieces
//! that are small enough not to be felt by who has to write to a table meanwhile.

use std::ops::Bound;
use std::sync::Arc;

use chat_proto::{ClientId, Seq};
use redb::{CursorError, Key, Table, Value, WriteTransaction};

use super::rows::{HeadRow, encode, encode_into, encode_line, stored_conversation, stored_mark};
use super::tables::{self, meta};
use super::tail::{Layer, Rows, Tail, TailConversation, Versions};
use crate::state::{Change, Conversation, ConversationNo, MessageRow, Position, UserNo};
use crate::store::StoreError;

/// A layer on its way into the tables.
#[derive(Debug)]
pub(super) struct Fold {
    layer: Arc<Layer>,
    /// How many entries stand in the write-ahead log only.
    lines: usize,
    conversations: Vec<ConversationNo>,
    marks: Vec<(ConversationNo, UserNo)>,
    sent: Vec<(UserNo, ClientId, (ConversationNo, Seq))>,
    personal: Vec<(UserNo, Position)>,
    /// How many of the five lists, one after the other, are in the tables and committed.
    done: usize,
}

/// So many bytes count as one more row: what is long takes as long as many that are short.
const BYTES_A_ROW: usize = 1 << 10;
/// So many messages, or lines, are encoded before they are written.
const MESSAGES_AT_ONCE: usize = 64;
const LINES_AT_ONCE: usize = 32;

impl Fold {
    pub(super) fn new(layer: Arc<Layer>) -> Self {
        let rows = layer.rows();
        let mut conversations: Vec<_> = rows.conversations.keys().copied().collect();
        conversations.sort_unstable();
        let mut marks: Vec<_> = rows.marks.keys().copied().collect();
        marks.sort_unstable();
        let mut authors: Vec<_> = rows.sent.iter().collect();
        authors.sort_unstable_by_key(|(author, _)| **author);
        let of = |(author, sent)| std::iter::repeat(author).zip(sent);
        let sent = authors.into_iter().flat_map(of).map(|(author, (id, at))| (*author, id.clone(), *at)).collect();
        let of = |(user, positions): (&UserNo, &Vec<Position>)| std::iter::repeat(*user).zip(positions.clone());
        let mut personal: Vec<_> = rows.personal.iter().flat_map(of).collect();
        personal.sort_unstable();
        let lines = rows.entries_ahead.len();
        drop(rows);
        Self { layer, lines, conversations, marks, sent, personal, done: 0 }
    }

    fn len(&self) -> usize {
        self.lines + self.conversations.len() + self.marks.len() + self.sent.len() + self.personal.len()
    }

    /// Writes the next piece, of about so many rows; a conversation is never split. Returns how far it came;
    /// [`committed`](Self::committed) makes that final.
    pub(super) fn write_piece(&self, txn: &WriteTransaction, tail: &Tail, rows: usize) -> Result<usize, StoreError> {
        let mut budget = rows.max(1);
        let rows = self.layer.rows();
        let mut done = self.done;
        done += self.write_lines(txn, tail, &rows, done, &mut budget)?;
        done += self.write_conversations(txn, tail, &rows, done, &mut budget)?;
        done += self.write_marks(txn, &rows, done, &mut budget)?;
        done += self.write_sent(txn, done, &mut budget)?;
        done += self.write_personal(txn, done, &mut budget)?;
        if done == self.len() {
            txn.open_table(tables::META)?.insert(meta::APPLIED, rows.head.0)?;
        }
        Ok(done)
    }

    /// The newest entry of the layer.
    pub(super) fn head(&self) -> Position {
        self.layer.rows().head
    }

    /// Whether the layer is written whole with a piece that came so far.
    pub(super) fn ends_with(&self, done: usize) -> bool {
        done == self.len()
    }

    /// The piece is committed. `true`: the whole layer is.
    pub(super) fn committed(&mut self, done: usize) -> bool {
        self.done = done;
        self.ends_with(done)
    }

    fn write_lines(
        &self,
        txn: &WriteTransaction,
        tail: &Tail,
        rows: &Rows,
        done: usize,
        budget: &mut usize,
    ) -> Result<usize, StoreError> {
        let left = rows.entries_ahead.get(done..self.lines).unwrap_or_default();
        if left.is_empty() {
            return Ok(0);
        }
        let mut log = txn.open_table(tables::LOG)?;
        let (mut bytes, mut ends, mut written) = (Vec::new(), Vec::new(), 0);
        for lines in left.chunks(LINES_AT_ONCE) {
            if *budget == 0 {
                break;
            }
            bytes.clear();
            ends.clear();
            for (_, entry) in lines {
                let message = match &entry.change {
                    Change::MessageCreated { conversation, seq } => tail.made(rows, *conversation, *seq),
                    _ => None,
                };
                encode_line(entry, message.as_deref(), &mut bytes);
                ends.push(bytes.len());
            }
            let begins = std::iter::once(0).chain(ends.iter().copied());
            let placed = lines.iter().zip(begins.zip(&ends));
            let placed = placed.map(|((at, _), (begin, end))| (at.0, bytes.get(begin..*end).unwrap_or_default()));
            insert_ascending(&mut log, placed)?;
            written += lines.len();
            *budget = budget.saturating_sub(lines.len() + bytes.len() / BYTES_A_ROW);
        }
        Ok(written)
    }

    fn write_conversations(
        &self,
        txn: &WriteTransaction,
        tail: &Tail,
        rows: &Rows,
        done: usize,
        budget: &mut usize,
    ) -> Result<usize, StoreError> {
        let left = done.checked_sub(self.lines).and_then(|skipped| self.conversations.get(skipped..));
        let Some(left) = left.filter(|left| !left.is_empty() && *budget > 0) else {
            return Ok(0);
        };
        let mut writer = ConversationWriter {
            heads: txn.open_table(tables::CONVERSATIONS)?,
            members: txn.open_table(tables::MEMBERS)?,
            inboxes: txn.open_table(tables::INBOXES)?,
            messages: txn.open_table(tables::MESSAGES)?,
            events: txn.open_table(tables::CONVERSATION_LOG)?,
            buffer: Vec::new(),
            tail,
            rows,
        };
        let mut written = 0;
        for no in left {
            if *budget == 0 {
                break;
            }
            if let Some(changed) = rows.conversations.get(no) {
                *budget = budget.saturating_sub(writer.write(*no, changed)?);
            }
            written += 1;
        }
        Ok(written)
    }

    fn write_marks(
        &self,
        txn: &WriteTransaction,
        rows: &Rows,
        done: usize,
        budget: &mut usize,
    ) -> Result<usize, StoreError> {
        let skipped = done.saturating_sub(self.lines + self.conversations.len());
        let left = self.marks.get(skipped..).unwrap_or_default();
        if left.is_empty() || *budget == 0 {
            return Ok(0);
        }
        let piece = &left[..left.len().min(*budget)];
        let mut marks = txn.open_table(tables::MARKS)?;
        for key in piece {
            if let Some(mark) = rows.marks.get(key).and_then(Versions::newest) {
                marks.insert((key.0.0, key.1.0), stored_mark(*mark))?;
            }
        }
        *budget -= piece.len();
        Ok(piece.len())
    }

    fn write_sent(&self, txn: &WriteTransaction, done: usize, budget: &mut usize) -> Result<usize, StoreError> {
        let skipped = done.saturating_sub(self.lines + self.conversations.len() + self.marks.len());
        let left = self.sent.get(skipped..).unwrap_or_default();
        if left.is_empty() || *budget == 0 {
            return Ok(0);
        }
        let piece = &left[..left.len().min(*budget)];
        let rows = piece.iter().map(|(author, id, (no, seq))| ((author.0, id.as_str()), (no.0, seq.0)));
        insert_ascending(&mut txn.open_table(tables::SENT)?, rows)?;
        *budget -= piece.len();
        Ok(piece.len())
    }

    fn write_personal(&self, txn: &WriteTransaction, done: usize, budget: &mut usize) -> Result<usize, StoreError> {
        let skipped = done.saturating_sub(self.len() - self.personal.len());
        let left = self.personal.get(skipped..).unwrap_or_default();
        if left.is_empty() || *budget == 0 {
            return Ok(0);
        }
        let piece = &left[..left.len().min(*budget)];
        let rows = piece.iter().map(|(user, position)| ((user.0, position.0), ()));
        insert_ascending(&mut txn.open_table(tables::PERSONAL_LOG)?, rows)?;
        *budget -= piece.len();
        Ok(piece.len())
    }
}

struct ConversationWriter<'txn, 'a> {
    tail: &'a Tail,
    rows: &'a Rows,
    heads: Table<'txn, u64, &'static [u8]>,
    members: Table<'txn, (u64, u64), &'static [u8]>,
    inboxes: Table<'txn, (u64, u64), u64>,
    messages: Table<'txn, (u64, u64), &'static [u8]>,
    events: Table<'txn, (u64, u64), ()>,
    buffer: Vec<u8>,
}

impl ConversationWriter<'_, '_> {
    /// Writes all rows of one conversation; returns how many.
    fn write(&mut self, no: ConversationNo, changed: &TailConversation) -> Result<usize, StoreError> {
        let bytes: usize = changed.messages.iter().map(|message| message.text.len()).sum();
        let mut rows = changed.messages.len() + changed.events.len() + bytes / BYTES_A_ROW;
        self.write_messages(&changed.messages)?;
        let events = changed.events.iter().map(|position| ((no.0, position.0), ()));
        insert_ascending(&mut self.events, events)?;
        let Some(now) = changed.versions.newest() else {
            return Ok(rows);
        };
        let before = stored_conversation(&self.heads, &self.members, no)?;
        encode_into(&HeadRow::of(now), &mut self.buffer);
        self.heads.insert(no.0, self.buffer.as_slice())?;
        rows += 1;
        rows += self.write_members(now, before.as_ref())?;
        rows += self.write_inboxes(now, before.as_ref())?;
        Ok(rows)
    }

    fn write_messages(&mut self, messages: &[Arc<MessageRow>]) -> Result<(), StoreError> {
        for messages in messages.chunks(MESSAGES_AT_ONCE) {
            self.buffer.clear();
            let mut ends = Vec::with_capacity(messages.len());
            for message in messages {
                encode(&*self.tail.newest(self.rows, message), &mut self.buffer);
                ends.push(self.buffer.len());
            }
            let begins = std::iter::once(0).chain(ends.iter().copied());
            let rows = messages.iter().zip(begins.zip(&ends)).map(|(message, (begin, end))| {
                let key = (message.conversation.0, message.seq.0);
                (key, self.buffer.get(begin..*end).unwrap_or_default())
            });
            insert_ascending(&mut self.messages, rows)?;
        }
        Ok(())
    }

    fn write_members(&mut self, now: &Conversation, before: Option<&Conversation>) -> Result<usize, StoreError> {
        let mut rows = 0;
        for member in now.members.iter() {
            if before.and_then(|before| before.members.get(member.user)) != Some(member) {
                encode_into(member, &mut self.buffer);
                self.members.insert((now.no.0, member.user.0), self.buffer.as_slice())?;
                rows += 1;
            }
        }
        for gone in before.iter().flat_map(|before| before.members.iter()) {
            if now.members.get(gone.user).is_none() {
                self.members.remove((now.no.0, gone.user.0))?;
                rows += 1;
            }
        }
        Ok(rows)
    }

    fn write_inboxes(&mut self, now: &Conversation, before: Option<&Conversation>) -> Result<usize, StoreError> {
        let mut rows = 0;
        for member in before.iter().flat_map(|before| before.members.iter().map(move |m| (m.user, before.activity))) {
            let (user, activity) = member;
            if activity != now.activity || now.members.get(user).is_none() {
                self.inboxes.remove((user.0, activity.0))?;
                rows += 1;
            }
        }
        for member in now.members.iter() {
            self.inboxes.insert((member.user.0, now.activity.0), now.no.0)?;
            rows += 1;
        }
        Ok(rows)
    }
}

/// Inserts rows by ascending keys. Most are new and many belong between the same two rows; those that are there
/// already, from a fold that a crash cut short, are replaced.
fn insert_ascending<'r, K: Key + 'static, V: Value + 'static>(
    table: &mut Table<'_, K, V>,
    rows: impl Iterator<Item = (K::SelfType<'r>, V::SelfType<'r>)>,
) -> Result<(), StoreError> {
    let mut rows = rows.peekable();
    while let Some((first, _)) = rows.peek() {
        let mut gap = table.lower_bound_mut(Bound::Included(first))?;
        let mut inserted = 0;
        while let Some((key, value)) = rows.peek() {
            match gap.insert_before(key, value) {
                Ok(()) => {}
                Err(CursorError::UnorderedKey) => break,
                Err(error) => return Err(error.into()),
            }
            inserted += 1;
            rows.next();
        }
        gap.close()?;
        if inserted == 0
            && let Some((key, value)) = rows.next()
        {
            table.insert(key, value)?;
        }
    }
    Ok(())
}
