use std::cmp::Reverse;
use std::sync::{Arc, PoisonError, RwLock};

use chat_proto::{ClientId, ConversationId, InvitationId, Role, Seq, SessionId, Timestamp, UserId};
use redb::{ReadOnlyTable, ReadableTable};

use super::rows::{
    self, decode, decode_line, numbered, stored_conversation, stored_directory, stored_invitations, stored_letters,
    stored_letters_of, stored_records, stored_revisions, stored_sessions,
};
use super::tables::ReadTables;
use super::tail::{ByNumber, Tail};
use crate::state::{
    Account, Change, Conversation, ConversationNo, Entry, Invitation, Letter, LetterId, Line, Lookup, Mark, MessageRow,
    Position, RecordKey, RevisionRow, Session, UserNo,
};
use crate::store::{Epochs, StoreError, View};

/// One moment of the store: the tables, and the tail that belongs to it.
pub(super) struct RedbView {
    pub(super) tables: Arc<ReadTables>,
    pub(super) tail: Tail,
    pub(super) position: Position,
    pub(super) last_at: Timestamp,
    pub(super) epoch: u64,
    pub(super) epochs: Epochs,
}

/// People that were decoded from their table. A page shows the same few people again and again, and until something is
/// written to the tables they do not change.
#[derive(Default)]
pub(super) struct People(RwLock<ByNumber<UserNo, Arc<Account>>>);

/// More people than this are not remembered; while nobody writes, a view may be read for a long time.
const MOST_PEOPLE: usize = 4_096;

impl People {
    fn get(&self, no: UserNo) -> Option<Arc<Account>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&no).cloned()
    }

    fn remember(&self, no: UserNo, account: &Arc<Account>) {
        let mut people = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if people.len() < MOST_PEOPLE {
            people.insert(no, Arc::clone(account));
        }
    }
}

impl RedbView {
    /// A line that stands in the write-ahead log only, with the message that it made as this view shows it.
    fn line_ahead(&self, position: Position, entry: &Entry) -> Line {
        let message = match &entry.change {
            Change::MessageCreated { conversation, seq } => self.tail.message(*conversation, *seq),
            _ => None,
        };
        Line { position, entry: entry.clone(), message }
    }
}

impl std::fmt::Debug for RedbView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbView").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Lookup for RedbView {
    fn account(&self, no: UserNo) -> Result<Option<Arc<Account>>, StoreError> {
        if let Some(account) = self.tables.people.get(no) {
            return Ok(Some(account));
        }
        let Some(row) = self.tables.accounts()?.get(no.0)? else { return Ok(None) };
        let account: Arc<Account> = Arc::new(decode(row.value())?);
        self.tables.people.remember(no, &account);
        Ok(Some(account))
    }

    fn user_no(&self, id: UserId) -> Result<Option<UserNo>, StoreError> {
        let users = self.tables.users()?;
        Ok(users.get(&id.to_bytes())?.map(|no| UserNo(no.value())))
    }

    fn user_by_email(&self, folded: &str) -> Result<Option<UserNo>, StoreError> {
        let emails = self.tables.emails()?;
        Ok(emails.get(folded)?.map(|no| UserNo(no.value())))
    }

    fn directory(
        &self,
        role: Role,
        after: Option<(&str, UserNo)>,
        limit: usize,
    ) -> Result<Vec<(String, UserNo)>, StoreError> {
        stored_directory(self.tables.directory()?, role, after, limit)
    }

    fn invitation(&self, id: InvitationId) -> Result<Option<Arc<Invitation>>, StoreError> {
        let row = self.tables.invitations()?.get(&id.to_bytes())?;
        row.map(|row| decode(row.value()).map(Arc::new)).transpose()
    }

    fn invitations(&self) -> Result<Vec<Arc<Invitation>>, StoreError> {
        stored_invitations(self.tables.invitations()?)
    }

    fn session(&self, user: UserNo, id: SessionId) -> Result<Option<Arc<Session>>, StoreError> {
        let sessions = self.tables.sessions()?;
        sessions.get((user.0, &id.to_bytes()))?.map(|row| decode(row.value()).map(Arc::new)).transpose()
    }

    fn sessions(&self, user: UserNo) -> Result<Vec<Arc<Session>>, StoreError> {
        stored_sessions(self.tables.sessions()?, user)
    }

    fn letter(&self, id: LetterId) -> Result<Option<Arc<Letter>>, StoreError> {
        let row = self.tables.letters()?.get(&id.0)?;
        row.map(|row| decode(row.value()).map(Arc::new)).transpose()
    }

    fn letters(&self, user: UserNo) -> Result<Vec<Arc<Letter>>, StoreError> {
        stored_letters_of(self.tables.user_letters()?, self.tables.letters()?, user)
    }

    fn letters_after(&self, after: Option<LetterId>, limit: usize) -> Result<Vec<Arc<Letter>>, StoreError> {
        stored_letters(self.tables.letters()?, after, limit)
    }

    fn conversation(&self, no: ConversationNo) -> Result<Option<Arc<Conversation>>, StoreError> {
        if let Some(conversation) = self.tail.conversation(no) {
            return Ok(Some(conversation));
        }
        let members = self.tables.members()?;
        Ok(stored_conversation(self.tables.conversations()?, members, no)?.map(Arc::new))
    }

    fn conversation_no(&self, id: ConversationId) -> Result<Option<ConversationNo>, StoreError> {
        let numbers = self.tables.conversation_numbers()?;
        Ok(numbers.get(&id.to_bytes())?.map(|no| ConversationNo(no.value())))
    }

    fn direct(&self, one: UserNo, other: UserNo) -> Result<Option<ConversationNo>, StoreError> {
        let directs = self.tables.directs()?;
        Ok(directs.get((one.min(other).0, one.max(other).0))?.map(|no| ConversationNo(no.value())))
    }

    fn sent(&self, author: UserNo, client_id: &ClientId) -> Result<Option<(ConversationNo, Seq)>, StoreError> {
        if let Some(message) = self.tail.sent(author, client_id) {
            return Ok(Some(message));
        }
        let sent = self.tables.sent()?;
        Ok(sent.get((author.0, client_id.as_str()))?.map(|message| numbered(message.value())))
    }

    fn message(&self, conversation: ConversationNo, seq: Seq) -> Result<Option<Arc<MessageRow>>, StoreError> {
        if let Some(message) = self.tail.message(conversation, seq) {
            return Ok(Some(message));
        }
        let messages = self.tables.messages()?;
        messages.get((conversation.0, seq.0))?.map(|row| decode(row.value()).map(Arc::new)).transpose()
    }

    fn revisions(&self, conversation: ConversationNo, seq: Seq) -> Result<Vec<RevisionRow>, StoreError> {
        stored_revisions(self.tables.revisions()?, conversation, seq)
    }

    fn record(&self, key: &RecordKey) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tables.records()?.get(key.as_bytes())?.map(|row| row.value().to_vec()))
    }

    fn records(
        &self,
        from: &RecordKey,
        before: &RecordKey,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Vec<u8>)>, StoreError> {
        stored_records(self.tables.records()?, from, before, limit)
    }

    fn mark(&self, conversation: ConversationNo, user: UserNo) -> Result<Mark, StoreError> {
        if let Some(mark) = self.tail.mark(conversation, user) {
            return Ok(mark);
        }
        let marks = self.tables.marks()?;
        Ok(marks.get((conversation.0, user.0))?.map_or(Mark::default(), |mark| rows::mark(mark.value())))
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
        let stored = self.tables.log()?.first()?.map(|(position, _)| Position(position.value()));
        let ahead = self.tail.entries_ahead(Position(0), 1).first().map(|(position, _)| *position);
        Ok(stored.into_iter().chain(ahead).min().unwrap_or(self.position.next()))
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    fn lines_after(&self, after: Position, limit: usize) -> Result<Vec<Line>, StoreError> {
        let mut ahead = self.tail.entries_ahead(after, limit).into_iter().peekable();
        let mut lines = Vec::new();
        for row in self.tables.log()?.range(after.0.saturating_add(1)..)?.take(limit) {
            let (position, line) = row?;
            let position = Position(position.value());
            while let Some((before, entry)) = ahead.next_if(|(before, _)| *before < position) {
                lines.push(self.line_ahead(before, &entry));
            }
            // A fold that is under way, or a change of its message, has put it into the table.
            ahead.next_if(|(same, _)| *same == position);
            lines.push(decode_line(position, line.value())?);
        }
        lines.extend(ahead.map(|(position, entry)| self.line_ahead(position, &entry)));
        lines.truncate(limit);
        Ok(lines)
    }

    fn lines_at(&self, positions: &[Position]) -> Result<Vec<Line>, StoreError> {
        let mut lines = Vec::with_capacity(positions.len());
        for position in positions {
            if let Some(line) = self.tables.log()?.get(position.0)? {
                lines.push(decode_line(*position, line.value())?);
            } else if let Some(entry) = self.tail.entry_ahead(*position) {
                lines.push(self.line_ahead(*position, &entry));
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
        let folded = self.tables.conversation_log()?;
        positions(folded, conversation.0, after, limit, || self.tail.events_of(conversation, after))
    }

    fn positions_of_user(&self, user: UserNo, after: Position, limit: usize) -> Result<Vec<Position>, StoreError> {
        let folded = self.tables.personal_log()?;
        positions(folded, user.0, after, limit, || self.tail.personal(user, after))
    }

    fn newest_accounts(&self, before: Option<UserNo>, limit: usize) -> Result<Vec<(UserNo, Arc<Account>)>, StoreError> {
        let mut newest = Vec::new();
        for row in self.tables.accounts()?.range(..before.map_or(u64::MAX, |no| no.0))?.rev().take(limit) {
            let (no, account) = row?;
            newest.push((UserNo(no.value()), Arc::new(decode(account.value())?)));
        }
        Ok(newest)
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
        let inboxes = self.tables.inboxes()?;
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
            let messages = self.tables.messages()?;
            for row in messages.range((conversation.0, from.0)..=(conversation.0, to.0))? {
                found.push(Arc::new(decode(row?.1.value())?));
            }
        }
        found.extend(newest.into_iter().rev());
        Ok(found)
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
