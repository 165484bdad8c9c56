//! A write transaction as decisions see it: what is stored, what the tail knows, and what this batch has changed.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use chat_proto::{ClientId, ConversationId, InvitationId, Role, Seq, SessionId, UserId};
use redb::{Database, ReadableTable, WriteTransaction};

use super::durable;
use super::memory::Memory;
use super::rows::{
    self, decode, decode_line, encode_into, encode_line, numbered, stored_conversation, stored_directory,
    stored_invitations, stored_letters, stored_letters_of, stored_records, stored_revisions, stored_sessions,
};
use super::tables::{ReadTables, WriteTables};
use super::tail::{Changes, Tail};
use super::wal::Record;
use crate::state::{
    Account, Conversation, ConversationNo, Derived, Entry, Invitation, Letter, LetterId, Lookup, Mark, MessageRow,
    Position, Put, RecordKey, RevisionRow, Scope, Session, UserNo, fold_email, fold_name, role_number,
};
use crate::store::StoreError;

/// What was committed, the tail behind it, and what this batch has changed. Most batches only append to the log: they
/// read what was committed and end in the write-ahead log. redb's own transaction begins with the first row that is
/// written to a table; from then on it is also what is read.
pub(super) struct Transaction<'txn> {
    database: &'txn Database,
    begun: &'txn OnceCell<WriteTransaction>,
    committed: &'txn ReadTables,
    working: WriteTables<'txn>,
    pub(super) memory: RefCell<&'txn mut Memory>,
    tail: &'txn Tail,
    /// What this batch changes in the derived rows.
    changes: Changes,
    record: &'txn mut Record,
    buffer: Vec<u8>,
    /// Messages that this batch changes and that were there before.
    replaced: BTreeMap<(ConversationNo, Seq), Arc<MessageRow>>,
}

/// What became of a batch.
pub(super) struct Finished {
    /// What changed in the derived rows.
    pub(super) changes: Changes,
    /// Something was deleted that may still stand in the write-ahead log.
    pub(super) deleted: bool,
}

/// Asks a table, of the transaction if one was begun.
macro_rules! ask {
    ($self:ident.$slot:ident, $rows:ident => $answer:expr) => {
        match $self.begun.get() {
            Some(txn) => {
                let $rows = $self.working.$slot.get(txn)?;
                $answer
            }
            None => {
                let $rows = $self.committed.$slot()?;
                $answer
            }
        }
    };
}

/// A table to write to.
macro_rules! write {
    ($self:ident.$slot:ident) => {{
        let txn = begun($self.database, $self.begun)?;
        $self.working.$slot.get_mut(txn)?
    }};
}

/// redb's transaction; begins it when it is first asked for.
fn begun<'txn>(
    database: &Database,
    begun: &'txn OnceCell<WriteTransaction>,
) -> Result<&'txn WriteTransaction, StoreError> {
    if let Some(txn) = begun.get() {
        return Ok(txn);
    }
    let mut txn = database.begin_write()?;
    durable(&mut txn);
    Ok(begun.get_or_init(|| txn))
}

impl<'txn> Transaction<'txn> {
    pub(super) fn new(
        database: &'txn Database,
        begun: &'txn OnceCell<WriteTransaction>,
        committed: &'txn ReadTables,
        memory: &'txn mut Memory,
        tail: &'txn Tail,
        record: &'txn mut Record,
    ) -> Self {
        Self {
            database,
            begun,
            committed,
            working: WriteTables::new(),
            memory: RefCell::new(memory),
            tail,
            changes: Changes::default(),
            record,
            buffer: Vec::new(),
            replaced: BTreeMap::new(),
        }
    }

    /// Appends an entry, and the message that it makes, to the log.
    pub(super) fn append(&mut self, position: Position, entry: &Arc<Entry>, message: Option<&MessageRow>) {
        self.record.push(position, |bytes| encode_line(entry, message, bytes));
        self.changes.appended(position);
        self.changes.put_ahead(position, Arc::clone(entry));
    }

    /// Writes what has to go into the tables, if anything has: then the lines too stand there. Else they are for the
    /// write-ahead log.
    pub(super) fn finish(mut self) -> Result<Finished, StoreError> {
        let deleted = self.replaced.values().any(|message| message.is_deleted());
        if !self.replaced.is_empty() || self.begun.get().is_some() {
            self.write_lines()?;
            self.write_replaced()?;
        }
        Ok(Finished { changes: self.changes, deleted })
    }

    fn write_lines(&mut self) -> Result<(), StoreError> {
        let log = write!(self.log);
        if !self.record.is_empty() {
            let mut end_of_table = log.upper_bound_mut(Bound::<u64>::Unbounded)?;
            for (position, line) in self.record.lines() {
                end_of_table.insert_before(position.0, line)?;
            }
            end_of_table.close()?;
        }
        self.changes.none_ahead();
        Ok(())
    }

    /// A message stands in the line that made it, while that is kept, and in its conversation once it is folded. A line
    /// that stands in the write-ahead log only is written to the table, which goes before it.
    fn write_replaced(&mut self) -> Result<(), StoreError> {
        let log = write!(self.log);
        let messages = write!(self.messages);
        for ((conversation, seq), message) in &self.replaced {
            let at = message.position;
            let stored = log.get(at.0)?.map(|line| decode_line(at, line.value())).transpose()?;
            let ahead = || self.tail.entry_ahead(at).map(|entry| (*entry).clone());
            if let Some(entry) = stored.map(|line| line.entry).or_else(ahead) {
                self.buffer.clear();
                encode_line(&entry, Some(message), &mut self.buffer);
                log.insert(at.0, self.buffer.as_slice())?;
            }
            let key = (conversation.0, seq.0);
            let is_folded = messages.get(key)?.is_some();
            if is_folded {
                encode_into(&**message, &mut self.buffer);
                messages.insert(key, self.buffer.as_slice())?;
            }
        }
        Ok(())
    }

    /// Whether this id is greater than all that the author used before; then it is new, and need not be looked for.
    /// Clients mostly make ids that grow with time.
    fn is_greatest(&self, author: UserNo, client_id: &ClientId) -> Result<bool, StoreError> {
        if let Some(greatest) = self.memory.borrow().greatest_sent.get(&author) {
            return Ok(greatest.as_ref().is_none_or(|greatest| client_id > greatest));
        }
        let greatest =
            ask!(self.sent, sent => sent.range((author.0, "")..(author.0 + 1, ""))?.next_back().transpose()?);
        let stored = match greatest {
            Some((key, _)) => {
                let stored = key.value().1.parse();
                Some(
                    stored
                        .map_err(|_| StoreError::corrupt("a message was sent under something else than a client id"))?,
                )
            }
            None => None,
        };
        // `None` is less than any id.
        let greatest = stored.max(self.tail.greatest_sent(author)).max(self.changes.greatest_sent(author));
        let is_greatest = greatest.as_ref().is_none_or(|greatest| client_id > greatest);
        self.memory.borrow_mut().greatest_sent.insert(author, greatest);
        Ok(is_greatest)
    }

    /// Writes a row of those that are not derived.
    pub(super) fn put(&mut self, put: Put) -> Result<(), StoreError> {
        match put {
            Put::Account { no, account, before } => {
                if let Some(before) = before {
                    self.forget_names(no, &before)?;
                }
                if account.is_listed() {
                    let key = (role_number(account.role), &*fold_name(&account.name), no.0);
                    write!(self.directory).insert(key, ())?;
                }
                if !account.email.is_empty() {
                    write!(self.emails).insert(&*fold_email(&account.email), no.0)?;
                }
                write!(self.users).insert(&account.id.to_bytes(), no.0)?;
                encode_into(&*account, &mut self.buffer);
                let accounts = write!(self.accounts);
                accounts.insert(no.0, self.buffer.as_slice())?;
                self.memory.get_mut().users.insert(account.id, no);
                self.memory.get_mut().accounts.insert(no, Arc::from(account));
            }
            Put::Session(session) => {
                encode_into(&*session, &mut self.buffer);
                let sessions = write!(self.sessions);
                sessions.insert((session.user.0, &session.id.to_bytes()), self.buffer.as_slice())?;
                self.memory.get_mut().sessions.insert((session.user, session.id), Arc::from(session));
            }
            Put::SessionGone { user, id } => {
                write!(self.sessions).remove((user.0, &id.to_bytes()))?;
                self.memory.get_mut().sessions.remove(&(user, id));
            }
            Put::Invitation(invitation) => {
                encode_into(&*invitation, &mut self.buffer);
                write!(self.invitations).insert(&invitation.id.to_bytes(), self.buffer.as_slice())?;
            }
            Put::InvitationGone { id } => {
                write!(self.invitations).remove(&id.to_bytes())?;
            }
            Put::Letter(letter) => {
                encode_into(&*letter, &mut self.buffer);
                write!(self.letters).insert(&letter.id.0, self.buffer.as_slice())?;
                write!(self.user_letters).insert((letter.user.0, &letter.id.0), ())?;
            }
            Put::LetterGone { user, id } => {
                write!(self.letters).remove(&id.0)?;
                write!(self.user_letters).remove((user.0, &id.0))?;
            }
            Put::Conversation { id, no } => {
                let numbers = write!(self.conversation_numbers);
                numbers.insert(&id.to_bytes(), no.0)?;
                self.memory.get_mut().conversation_numbers.insert(id, no);
            }
            Put::Direct { one, other, no } => {
                let directs = write!(self.directs);
                directs.insert((one.min(other).0, one.max(other).0), no.0)?;
            }
            Put::Revision { conversation, seq, revision } => {
                encode_into(&revision, &mut self.buffer);
                let revisions = write!(self.revisions);
                revisions.insert((conversation.0, seq.0, revision.version), self.buffer.as_slice())?;
            }
            Put::NoRevisions { conversation, seq } => {
                let revisions = write!(self.revisions);
                let all = (conversation.0, seq.0, 0)..=(conversation.0, seq.0, u64::MAX);
                revisions.retain_in(all, |_, _| false)?;
            }
            Put::NoAccount { no, before } => {
                self.forget_names(no, &before)?;
                write!(self.users).remove(&before.id.to_bytes())?;
                write!(self.accounts).remove(no.0)?;
                self.memory.get_mut().users.remove(&before.id);
                self.memory.get_mut().accounts.remove(&no);
            }
            Put::Record { key, row } => {
                let records = write!(self.records);
                match row {
                    Some(row) => records.insert(key.as_bytes(), row.as_slice())?,
                    None => records.remove(key.as_bytes())?,
                };
            }
        }
        Ok(())
    }
}

impl Transaction<'_> {
    /// An account is no longer found by its name and address.
    fn forget_names(&mut self, no: UserNo, account: &Account) -> Result<(), StoreError> {
        if account.is_listed() {
            let key = (role_number(account.role), &*fold_name(&account.name), no.0);
            write!(self.directory).remove(key)?;
        }
        if !account.email.is_empty() {
            write!(self.emails).remove(&*fold_email(&account.email))?;
        }
        Ok(())
    }
}

impl Lookup for Transaction<'_> {
    fn account(&self, no: UserNo) -> Result<Option<Arc<Account>>, StoreError> {
        if let Some(account) = self.memory.borrow().accounts.get(&no) {
            return Ok(Some(Arc::clone(account)));
        }
        let Some(row) = ask!(self.accounts, accounts => accounts.get(no.0)?) else { return Ok(None) };
        let account: Arc<Account> = Arc::new(decode(row.value())?);
        self.memory.borrow_mut().accounts.insert(no, Arc::clone(&account));
        Ok(Some(account))
    }

    fn user_no(&self, id: UserId) -> Result<Option<UserNo>, StoreError> {
        if let Some(no) = self.memory.borrow().users.get(&id) {
            return Ok(Some(*no));
        }
        let no = ask!(self.users, users => users.get(&id.to_bytes())?).map(|no| UserNo(no.value()));
        if let Some(no) = no {
            self.memory.borrow_mut().users.insert(id, no);
        }
        Ok(no)
    }

    fn user_by_email(&self, folded: &str) -> Result<Option<UserNo>, StoreError> {
        Ok(ask!(self.emails, emails => emails.get(folded)?).map(|no| UserNo(no.value())))
    }

    fn directory(
        &self,
        role: Role,
        after: Option<(&str, UserNo)>,
        limit: usize,
    ) -> Result<Vec<(String, UserNo)>, StoreError> {
        ask!(self.directory, directory => stored_directory(directory, role, after, limit))
    }

    fn invitation(&self, id: InvitationId) -> Result<Option<Arc<Invitation>>, StoreError> {
        let key = id.to_bytes();
        let row = ask!(self.invitations, invitations => invitations.get(&key)?);
        row.map(|row| decode(row.value()).map(Arc::new)).transpose()
    }

    fn invitations(&self) -> Result<Vec<Arc<Invitation>>, StoreError> {
        ask!(self.invitations, invitations => stored_invitations(invitations))
    }

    fn session(&self, user: UserNo, id: SessionId) -> Result<Option<Arc<Session>>, StoreError> {
        if let Some(session) = self.memory.borrow().sessions.get(&(user, id)) {
            return Ok(Some(Arc::clone(session)));
        }
        let key = id.to_bytes();
        let Some(row) = ask!(self.sessions, sessions => sessions.get((user.0, &key))?) else { return Ok(None) };
        let session: Arc<Session> = Arc::new(decode(row.value())?);
        self.memory.borrow_mut().sessions.insert((user, id), Arc::clone(&session));
        Ok(Some(session))
    }

    fn sessions(&self, user: UserNo) -> Result<Vec<Arc<Session>>, StoreError> {
        ask!(self.sessions, sessions => stored_sessions(sessions, user))
    }

    fn letter(&self, id: LetterId) -> Result<Option<Arc<Letter>>, StoreError> {
        let row = ask!(self.letters, letters => letters.get(&id.0)?);
        row.map(|row| decode(row.value()).map(Arc::new)).transpose()
    }

    fn letters(&self, user: UserNo) -> Result<Vec<Arc<Letter>>, StoreError> {
        ask!(self.user_letters, index => ask!(self.letters, letters => stored_letters_of(index, letters, user)))
    }

    fn letters_after(&self, after: Option<LetterId>, limit: usize) -> Result<Vec<Arc<Letter>>, StoreError> {
        ask!(self.letters, letters => stored_letters(letters, after, limit))
    }

    fn conversation(&self, no: ConversationNo) -> Result<Option<Arc<Conversation>>, StoreError> {
        if let Some(conversation) = self.memory.borrow().conversations.get(&no) {
            return Ok(Some(Arc::clone(conversation)));
        }
        let changed = self.changes.conversation(no).cloned();
        let conversation = match changed.or_else(|| self.tail.conversation(no)) {
            Some(conversation) => Some(conversation),
            None => {
                ask!(self.conversations, heads => ask!(self.members, members => stored_conversation(heads, members, no)?))
                    .map(Arc::new)
            }
        };
        if let Some(conversation) = &conversation {
            self.memory.borrow_mut().remember_conversation(Arc::clone(conversation));
        }
        Ok(conversation)
    }

    fn conversation_no(&self, id: ConversationId) -> Result<Option<ConversationNo>, StoreError> {
        if let Some(no) = self.memory.borrow().conversation_numbers.get(&id) {
            return Ok(Some(*no));
        }
        let no = ask!(self.conversation_numbers, numbers => numbers.get(&id.to_bytes())?);
        let no = no.map(|no| ConversationNo(no.value()));
        if let Some(no) = no {
            self.memory.borrow_mut().conversation_numbers.insert(id, no);
        }
        Ok(no)
    }

    fn direct(&self, one: UserNo, other: UserNo) -> Result<Option<ConversationNo>, StoreError> {
        let pair = (one.min(other).0, one.max(other).0);
        Ok(ask!(self.directs, directs => directs.get(pair)?).map(|no| ConversationNo(no.value())))
    }

    fn sent(&self, author: UserNo, client_id: &ClientId) -> Result<Option<(ConversationNo, Seq)>, StoreError> {
        if self.is_greatest(author, client_id)? {
            return Ok(None);
        }
        let in_memory = self.changes.sent(author, client_id);
        if let Some(message) = in_memory.or_else(|| self.tail.sent(author, client_id)) {
            return Ok(Some(message));
        }
        let key = (author.0, client_id.as_str());
        Ok(ask!(self.sent, sent => sent.get(key)?).map(|message| numbered(message.value())))
    }

    fn message(&self, conversation: ConversationNo, seq: Seq) -> Result<Option<Arc<MessageRow>>, StoreError> {
        let changed = self.replaced.get(&(conversation, seq));
        let in_memory = changed.or_else(|| self.changes.message(conversation, seq)).cloned();
        if let Some(message) = in_memory.or_else(|| self.tail.message(conversation, seq)) {
            return Ok(Some(message));
        }
        let row = ask!(self.messages, messages => messages.get((conversation.0, seq.0))?);
        row.map(|row| decode(row.value()).map(Arc::new)).transpose()
    }

    fn revisions(&self, conversation: ConversationNo, seq: Seq) -> Result<Vec<RevisionRow>, StoreError> {
        ask!(self.revisions, revisions => stored_revisions(revisions, conversation, seq))
    }

    fn record(&self, key: &RecordKey) -> Result<Option<Vec<u8>>, StoreError> {
        let row = ask!(self.records, records => records.get(key.as_bytes())?.map(|row| row.value().to_vec()));
        Ok(row)
    }

    fn records(
        &self,
        from: &RecordKey,
        before: &RecordKey,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Vec<u8>)>, StoreError> {
        ask!(self.records, records => stored_records(records, from, before, limit))
    }

    fn mark(&self, conversation: ConversationNo, user: UserNo) -> Result<Mark, StoreError> {
        let in_memory = self.changes.mark(conversation, user);
        if let Some(mark) = in_memory.or_else(|| self.tail.mark(conversation, user)) {
            return Ok(mark);
        }
        let stored = ask!(self.marks, marks => marks.get((conversation.0, user.0))?);
        Ok(stored.map_or(Mark::default(), |mark| rows::mark(mark.value())))
    }
}

impl Derived for Transaction<'_> {
    fn conversation(&self, no: ConversationNo) -> Result<Option<Arc<Conversation>>, StoreError> {
        Lookup::conversation(self, no)
    }

    fn put_conversation(&mut self, conversation: Conversation) {
        let conversation = Arc::new(conversation);
        self.memory.get_mut().remember_conversation(Arc::clone(&conversation));
        self.changes.put_conversation(conversation);
    }

    fn put_message(&mut self, message: &Arc<MessageRow>) {
        self.changes.put_message(message);
    }

    fn put_sent(&mut self, author: UserNo, client_id: &ClientId, message: (ConversationNo, Seq)) {
        self.memory.get_mut().remember_sent(author, client_id);
        self.changes.put_sent(author, client_id, message);
    }

    fn replace_message(&mut self, message: &Arc<MessageRow>) {
        let in_tail = self.tail.message(message.conversation, message.seq).is_some();
        self.changes.replace_message(message, in_tail);
        self.replaced.insert((message.conversation, message.seq), Arc::clone(message));
    }

    fn mark(&self, conversation: ConversationNo, user: UserNo) -> Result<Mark, StoreError> {
        Lookup::mark(self, conversation, user)
    }

    fn put_mark(&mut self, conversation: ConversationNo, user: UserNo, mark: Mark) {
        self.changes.put_mark(conversation, user, mark);
    }

    fn put_scope(&mut self, scope: Scope, position: Position) {
        self.changes.put_scope(scope, position);
    }
}
