use std::cmp::Reverse;
use std::ops::Bound;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use chat_proto::{ClientId, ConversationId, Role, Seq, SessionId, Timestamp, UserId};
use redb::{Key, ReadOnlyTable, ReadTransaction, ReadableTable, TableDefinition, Value};

use super::tables::{self, StoredMark, decode, decode_line, numbered, stored_conversation, stored_revisions};
use super::tail::{ByNumber, Tail};
use crate::state::{
    Account, Conversation, ConversationNo, Line, Lookup, Mark, MessageRow, Position, RevisionRow, Session, UserNo,
    role_number,
};
use crate::store::{StoreError, View};

/// One moment of the store: a read transaction and the tail that belongs to it.
pub(super) struct RedbView {
    pub(super) txn: ReadTransaction,
    pub(super) tail: Tail,
    pub(super) position: Position,
    pub(super) last_at: Timestamp,
    pub(super) epoch: u64,
    pub(super) tables: Opened,
}

/// More people than this are not remembered; while nobody writes, a view may be read for a long time.
const MOST_PEOPLE: usize = 4_096;

/// A table of this view, opened when it is first asked for.
pub(super) type Slot<K, V> = OnceLock<ReadOnlyTable<K, V>>;

/// What this view has opened and decoded.
#[derive(Default)]
pub(super) struct Opened {
    /// A page shows the same few people again and again, and in one view they do not change.
    people: RwLock<ByNumber<UserNo, Arc<Account>>>,
    log: Slot<u64, &'static [u8]>,
    messages: Slot<(u64, u64), &'static [u8]>,
    accounts: Slot<u64, &'static [u8]>,
    users: Slot<&'static [u8; 16], u64>,
    emails: Slot<&'static str, u64>,
    directory: Slot<(u8, &'static str, u64), ()>,
    sessions: Slot<&'static [u8; 16], &'static [u8]>,
    conversation_numbers: Slot<&'static [u8; 16], u64>,
    directs: Slot<(u64, u64), u64>,
    conversations: Slot<u64, &'static [u8]>,
    members: Slot<(u64, u64), &'static [u8]>,
    inboxes: Slot<(u64, u64), u64>,
    sent: Slot<(u64, &'static str), (u64, u64)>,
    marks: Slot<(u64, u64), StoredMark>,
    revisions: Slot<(u64, u64, u64), &'static [u8]>,
    conversation_log: Slot<(u64, u64), ()>,
    personal_log: Slot<(u64, u64), ()>,
}

impl RedbView {
    fn table<'a, K: Key + 'static, V: Value + 'static>(
        &self,
        slot: &'a Slot<K, V>,
        definition: TableDefinition<'static, K, V>,
    ) -> Result<&'a ReadOnlyTable<K, V>, StoreError> {
        if let Some(table) = slot.get() {
            return Ok(table);
        }
        let table = self.txn.open_table(definition)?;
        Ok(slot.get_or_init(|| table))
    }

    pub(super) fn log(&self) -> Result<&ReadOnlyTable<u64, &'static [u8]>, StoreError> {
        self.table(&self.tables.log, tables::LOG)
    }

    pub(super) fn conversations(&self) -> Result<&ReadOnlyTable<u64, &'static [u8]>, StoreError> {
        self.table(&self.tables.conversations, tables::CONVERSATIONS)
    }

    pub(super) fn accounts(&self) -> Result<&ReadOnlyTable<u64, &'static [u8]>, StoreError> {
        self.table(&self.tables.accounts, tables::ACCOUNTS)
    }
}

impl std::fmt::Debug for RedbView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbView").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Lookup for RedbView {
    fn account(&self, no: UserNo) -> Result<Option<Arc<Account>>, StoreError> {
        if let Some(account) = self.tables.people.read().unwrap_or_else(PoisonError::into_inner).get(&no) {
            return Ok(Some(Arc::clone(account)));
        }
        let Some(row) = self.accounts()?.get(no.0)? else { return Ok(None) };
        let account: Arc<Account> = Arc::new(decode(row.value())?);
        let mut people = self.tables.people.write().unwrap_or_else(PoisonError::into_inner);
        if people.len() < MOST_PEOPLE {
            people.insert(no, Arc::clone(&account));
        }
        Ok(Some(account))
    }

    fn user_no(&self, id: UserId) -> Result<Option<UserNo>, StoreError> {
        let users = self.table(&self.tables.users, tables::USERS)?;
        Ok(users.get(&id.to_bytes())?.map(|no| UserNo(no.value())))
    }

    fn user_by_email(&self, folded: &str) -> Result<Option<UserNo>, StoreError> {
        let emails = self.table(&self.tables.emails, tables::EMAILS)?;
        Ok(emails.get(folded)?.map(|no| UserNo(no.value())))
    }

    fn has_role(&self, role: Role) -> Result<bool, StoreError> {
        Ok(!self.directory(role, None, 1)?.is_empty())
    }

    fn session(&self, id: SessionId) -> Result<Option<Arc<Session>>, StoreError> {
        let sessions = self.table(&self.tables.sessions, tables::SESSIONS)?;
        sessions.get(&id.to_bytes())?.map(|row| decode(row.value()).map(Arc::new)).transpose()
    }

    fn conversation(&self, no: ConversationNo) -> Result<Option<Arc<Conversation>>, StoreError> {
        if let Some(conversation) = self.tail.conversation(no) {
            return Ok(Some(conversation));
        }
        let members = self.table(&self.tables.members, tables::MEMBERS)?;
        Ok(stored_conversation(self.conversations()?, members, no)?.map(Arc::new))
    }

    fn conversation_no(&self, id: ConversationId) -> Result<Option<ConversationNo>, StoreError> {
        let numbers = self.table(&self.tables.conversation_numbers, tables::CONVERSATION_NUMBERS)?;
        Ok(numbers.get(&id.to_bytes())?.map(|no| ConversationNo(no.value())))
    }

    fn direct(&self, one: UserNo, other: UserNo) -> Result<Option<ConversationNo>, StoreError> {
        let directs = self.table(&self.tables.directs, tables::DIRECTS)?;
        Ok(directs.get((one.min(other).0, one.max(other).0))?.map(|no| ConversationNo(no.value())))
    }

    fn sent(&self, author: UserNo, client_id: &ClientId) -> Result<Option<(ConversationNo, Seq)>, StoreError> {
        if let Some(message) = self.tail.sent(author, client_id) {
            return Ok(Some(message));
        }
        let sent = self.table(&self.tables.sent, tables::SENT)?;
        Ok(sent.get((author.0, client_id.as_str()))?.map(|message| numbered(message.value())))
    }

    fn message(&self, conversation: ConversationNo, seq: Seq) -> Result<Option<Arc<MessageRow>>, StoreError> {
        if let Some(message) = self.tail.message(conversation, seq) {
            return Ok(Some(message));
        }
        let messages = self.table(&self.tables.messages, tables::MESSAGES)?;
        messages.get((conversation.0, seq.0))?.map(|row| decode(row.value()).map(Arc::new)).transpose()
    }

    fn revisions(&self, conversation: ConversationNo, seq: Seq) -> Result<Vec<RevisionRow>, StoreError> {
        stored_revisions(self.table(&self.tables.revisions, tables::REVISIONS)?, conversation, seq)
    }

    fn mark(&self, conversation: ConversationNo, user: UserNo) -> Result<Mark, StoreError> {
        if let Some(mark) = self.tail.mark(conversation, user) {
            return Ok(mark);
        }
        let marks = self.table(&self.tables.marks, tables::MARKS)?;
        Ok(marks.get((conversation.0, user.0))?.map_or(Mark::default(), |mark| tables::mark(mark.value())))
    }
}

impl View for RedbView {
    fn position(&self) -> Position {
        self.position
    }

    fn last_at(&self) -> Timestamp {
        self.last_at
    }

    fn oldest(&self) -> Result<Position, StoreError> {
        Ok(self.log()?.first()?.map_or(self.position.next(), |(position, _)| Position(position.value())))
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn lines_after(&self, after: Position, limit: usize) -> Result<Vec<Line>, StoreError> {
        let mut lines = Vec::new();
        for row in self.log()?.range(after.0.saturating_add(1)..)?.take(limit) {
            let (position, line) = row?;
            lines.push(decode_line(Position(position.value()), line.value())?);
        }
        Ok(lines)
    }

    fn lines_at(&self, positions: &[Position]) -> Result<Vec<Line>, StoreError> {
        let mut lines = Vec::with_capacity(positions.len());
        for position in positions {
            if let Some(line) = self.log()?.get(position.0)? {
                lines.push(decode_line(*position, line.value())?);
            }
        }
        Ok(lines)
    }

    fn positions_of_conversation(
        &self,
        conversation: ConversationNo,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Position>, StoreError> {
        let folded = self.table(&self.tables.conversation_log, tables::CONVERSATION_LOG)?;
        positions(folded, conversation.0, after, limit, || self.tail.events_of(conversation, after))
    }

    fn positions_of_user(&self, user: UserNo, after: Position, limit: usize) -> Result<Vec<Position>, StoreError> {
        let folded = self.table(&self.tables.personal_log, tables::PERSONAL_LOG)?;
        positions(folded, user.0, after, limit, || self.tail.personal(user, after))
    }

    fn inbox(
        &self,
        user: UserNo,
        before: Option<Position>,
        limit: usize,
    ) -> Result<Vec<(Position, ConversationNo)>, StoreError> {
        let before = before.unwrap_or(Position(u64::MAX));
        // What is in the tail has newer activity than the table says.
        let mut rows = self.tail.conversations_of(user, before);
        let inboxes = self.table(&self.tables.inboxes, tables::INBOXES)?;
        let mut stored = 0;
        for row in inboxes.range((user.0, 0)..(user.0, before.0))?.rev() {
            let (key, no) = row?;
            let no = ConversationNo(no.value());
            if self.tail.conversation(no).is_some() {
                continue;
            }
            rows.push((Position(key.value().1), no));
            stored += 1;
            if stored == limit {
                break;
            }
        }
        rows.sort_unstable_by_key(|(activity, _)| Reverse(*activity));
        rows.truncate(limit);
        Ok(rows)
    }

    fn messages(&self, conversation: ConversationNo, from: Seq, to: Seq) -> Result<Vec<Arc<MessageRow>>, StoreError> {
        let mut newest = Vec::new();
        // The tail is read backwards from the newest message; there is nothing beyond it.
        let mut to = self.tail.conversation(conversation).map_or(to, |changed| to.min(changed.last_seq));
        while to >= from
            && let Some(message) = self.tail.message(conversation, to)
        {
            newest.push(message);
            to = Seq(to.0 - 1);
        }
        let mut found = Vec::new();
        if from <= to {
            let messages = self.table(&self.tables.messages, tables::MESSAGES)?;
            for row in messages.range((conversation.0, from.0)..=(conversation.0, to.0))? {
                found.push(Arc::new(decode(row?.1.value())?));
            }
        }
        found.extend(newest.into_iter().rev());
        Ok(found)
    }

    fn directory(
        &self,
        role: Role,
        after: Option<(&str, UserNo)>,
        limit: usize,
    ) -> Result<Vec<(String, UserNo)>, StoreError> {
        let role = role_number(role);
        let start = match after {
            Some((name, no)) => Bound::Excluded((role, name, no.0)),
            None => Bound::Included((role, "", 0)),
        };
        let directory = self.table(&self.tables.directory, tables::DIRECTORY)?;
        let mut rows = Vec::new();
        for row in directory.range((start, Bound::Excluded((role + 1, "", 0))))?.take(limit) {
            let key = row?.0;
            let (_, name, no) = key.value();
            rows.push((name.to_owned(), UserNo(no)));
        }
        Ok(rows)
    }
}

/// What an index names after a position, and then what the tail does; a fold that is under way may have put some of
/// that into the index already.
fn positions(
    folded: &ReadOnlyTable<(u64, u64), ()>,
    key: u64,
    after: Position,
    limit: usize,
    in_tail: impl FnOnce() -> Vec<Position>,
) -> Result<Vec<Position>, StoreError> {
    let mut found = Vec::new();
    for row in folded.range((key, after.0.saturating_add(1))..=(key, u64::MAX))?.take(limit) {
        found.push(Position(row?.0.value().1));
    }
    let last = found.last().copied().unwrap_or(after);
    let room = limit - found.len();
    if room > 0 {
        found.extend(in_tail().into_iter().filter(|position| *position > last).take(room));
    }
    Ok(found)
}
