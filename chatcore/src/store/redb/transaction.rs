//! A write transaction as decisions see it: what is stored, what the tail knows, and what this batch has changed.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use chat_proto::{ClientId, ConversationId, Role, Seq, SessionId, UserId};
use redb::{Key, ReadableTable, Table, TableDefinition, Value, WriteTransaction};

use super::append::Appends;
use super::memory::Memory;
use super::tables::{
    self, StoredMark, decode, decode_line, encode_into, encode_line, numbered, stored_conversation, stored_revisions,
};
use super::tail::{Changes, Tail};
use crate::state::{
    Account, Conversation, ConversationNo, Derived, Entry, Lookup, Mark, MessageRow, Position, Put, RevisionRow, Scope,
    Session, UserNo, fold_email, fold_name, role_number,
};
use crate::store::StoreError;

type Opened<'txn, K, V> = OnceCell<Table<'txn, K, V>>;
type Bytes = &'static [u8];

/// Tables are opened when they are first needed: most batches touch only the log and the messages.
pub(super) struct Transaction<'txn> {
    txn: &'txn WriteTransaction,
    pub(super) memory: RefCell<&'txn mut Memory>,
    tail: &'txn Tail,
    /// What this batch changes in the derived rows.
    changes: Changes,
    new_lines: Appends,
    buffer: Vec<u8>,
    messages: Opened<'txn, (u64, u64), Bytes>,
    accounts: Opened<'txn, u64, Bytes>,
    users: Opened<'txn, &'static [u8; 16], u64>,
    emails: Opened<'txn, &'static str, u64>,
    directory: Opened<'txn, (u8, &'static str, u64), ()>,
    sessions: Opened<'txn, &'static [u8; 16], Bytes>,
    conversation_numbers: Opened<'txn, &'static [u8; 16], u64>,
    directs: Opened<'txn, (u64, u64), u64>,
    conversations: Opened<'txn, u64, Bytes>,
    members: Opened<'txn, (u64, u64), Bytes>,
    sent: Opened<'txn, (u64, &'static str), (u64, u64)>,
    marks: Opened<'txn, (u64, u64), StoredMark>,
    revisions: Opened<'txn, (u64, u64, u64), Bytes>,
    /// Messages that this batch changes and that were there before.
    replaced: BTreeMap<(ConversationNo, Seq), Arc<MessageRow>>,
}

fn opened<'a, 'txn, K: Key + 'static, V: Value + 'static>(
    txn: &'txn WriteTransaction,
    slot: &'a Opened<'txn, K, V>,
    definition: TableDefinition<'static, K, V>,
) -> Result<&'a Table<'txn, K, V>, StoreError> {
    if slot.get().is_none() {
        let table = txn.open_table(definition)?;
        return Ok(slot.get_or_init(|| table));
    }
    slot.get().ok_or_else(|| StoreError::corrupt("a table that was just opened"))
}

fn opened_mut<'a, 'txn, K: Key + 'static, V: Value + 'static>(
    txn: &'txn WriteTransaction,
    slot: &'a mut Opened<'txn, K, V>,
    definition: TableDefinition<'static, K, V>,
) -> Result<&'a mut Table<'txn, K, V>, StoreError> {
    opened(txn, slot, definition)?;
    slot.get_mut().ok_or_else(|| StoreError::corrupt("a table that was just opened"))
}

impl<'txn> Transaction<'txn> {
    pub(super) fn new(txn: &'txn WriteTransaction, memory: &'txn mut Memory, tail: &'txn Tail) -> Self {
        Self {
            txn,
            memory: RefCell::new(memory),
            tail,
            changes: Changes::default(),
            new_lines: Appends::default(),
            buffer: Vec::new(),
            messages: OnceCell::new(),
            accounts: OnceCell::new(),
            users: OnceCell::new(),
            emails: OnceCell::new(),
            directory: OnceCell::new(),
            sessions: OnceCell::new(),
            conversation_numbers: OnceCell::new(),
            directs: OnceCell::new(),
            conversations: OnceCell::new(),
            members: OnceCell::new(),
            sent: OnceCell::new(),
            marks: OnceCell::new(),
            revisions: OnceCell::new(),
            replaced: BTreeMap::new(),
        }
    }

    /// Appends an entry, and the message that it makes, to the log.
    pub(super) fn append(&mut self, position: Position, entry: &Entry, message: Option<&MessageRow>) {
        self.new_lines.push(position, entry, message);
        self.changes.appended(position);
    }

    /// Writes what was appended. Returns what changed in the derived rows.
    pub(super) fn finish(mut self) -> Result<Changes, StoreError> {
        if !self.new_lines.is_empty() {
            self.new_lines.write(&mut self.txn.open_table(tables::LOG)?)?;
        }
        if !self.replaced.is_empty() {
            self.write_replaced()?;
        }
        Ok(self.changes)
    }

    /// A message stands in the line that made it, while that is kept, and in its conversation once it is folded.
    fn write_replaced(&mut self) -> Result<(), StoreError> {
        let mut log = self.txn.open_table(tables::LOG)?;
        let messages = opened_mut(self.txn, &mut self.messages, tables::MESSAGES)?;
        for ((conversation, seq), message) in &self.replaced {
            let at = message.position;
            let line = log.get(at.0)?.map(|line| decode_line(at, line.value())).transpose()?;
            if let Some(line) = line {
                self.buffer.clear();
                encode_line(&line.entry, Some(message), &mut self.buffer);
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
        let sent = opened(self.txn, &self.sent, tables::SENT)?;
        let stored = match sent.range((author.0, "")..(author.0 + 1, ""))?.next_back().transpose()? {
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
                    let key = (role_number(before.role), &*fold_name(&before.name), no.0);
                    opened_mut(self.txn, &mut self.directory, tables::DIRECTORY)?.remove(key)?;
                    let key = fold_email(&before.email);
                    opened_mut(self.txn, &mut self.emails, tables::EMAILS)?.remove(&*key)?;
                }
                let key = (role_number(account.role), &*fold_name(&account.name), no.0);
                opened_mut(self.txn, &mut self.directory, tables::DIRECTORY)?.insert(key, ())?;
                let key = fold_email(&account.email);
                opened_mut(self.txn, &mut self.emails, tables::EMAILS)?.insert(&*key, no.0)?;
                opened_mut(self.txn, &mut self.users, tables::USERS)?.insert(&account.id.to_bytes(), no.0)?;
                encode_into(&*account, &mut self.buffer);
                let accounts = opened_mut(self.txn, &mut self.accounts, tables::ACCOUNTS)?;
                accounts.insert(no.0, self.buffer.as_slice())?;
                self.memory.get_mut().users.insert(account.id, no);
                self.memory.get_mut().accounts.insert(no, Arc::from(account));
            }
            Put::Session { id, session } => {
                encode_into(&session, &mut self.buffer);
                let sessions = opened_mut(self.txn, &mut self.sessions, tables::SESSIONS)?;
                sessions.insert(&id.to_bytes(), self.buffer.as_slice())?;
                self.memory.get_mut().sessions.insert(id, Arc::new(session));
            }
            Put::Conversation { id, no } => {
                let numbers = opened_mut(self.txn, &mut self.conversation_numbers, tables::CONVERSATION_NUMBERS)?;
                numbers.insert(&id.to_bytes(), no.0)?;
                self.memory.get_mut().conversation_numbers.insert(id, no);
            }
            Put::Direct { one, other, no } => {
                let directs = opened_mut(self.txn, &mut self.directs, tables::DIRECTS)?;
                directs.insert((one.min(other).0, one.max(other).0), no.0)?;
            }
            Put::Revision { conversation, seq, revision } => {
                encode_into(&revision, &mut self.buffer);
                let revisions = opened_mut(self.txn, &mut self.revisions, tables::REVISIONS)?;
                revisions.insert((conversation.0, seq.0, revision.version), self.buffer.as_slice())?;
            }
            Put::NoRevisions { conversation, seq } => {
                let revisions = opened_mut(self.txn, &mut self.revisions, tables::REVISIONS)?;
                let all = (conversation.0, seq.0, 0)..=(conversation.0, seq.0, u64::MAX);
                revisions.retain_in(all, |_, _| false)?;
            }
        }
        Ok(())
    }
}

impl Lookup for Transaction<'_> {
    fn account(&self, no: UserNo) -> Result<Option<Arc<Account>>, StoreError> {
        if let Some(account) = self.memory.borrow().accounts.get(&no) {
            return Ok(Some(Arc::clone(account)));
        }
        let Some(row) = opened(self.txn, &self.accounts, tables::ACCOUNTS)?.get(no.0)? else {
            return Ok(None);
        };
        let account: Arc<Account> = Arc::new(decode(row.value())?);
        self.memory.borrow_mut().accounts.insert(no, Arc::clone(&account));
        Ok(Some(account))
    }

    fn user_no(&self, id: UserId) -> Result<Option<UserNo>, StoreError> {
        if let Some(no) = self.memory.borrow().users.get(&id) {
            return Ok(Some(*no));
        }
        let no = opened(self.txn, &self.users, tables::USERS)?.get(&id.to_bytes())?.map(|no| UserNo(no.value()));
        if let Some(no) = no {
            self.memory.borrow_mut().users.insert(id, no);
        }
        Ok(no)
    }

    fn user_by_email(&self, folded: &str) -> Result<Option<UserNo>, StoreError> {
        let emails = opened(self.txn, &self.emails, tables::EMAILS)?;
        Ok(emails.get(folded)?.map(|no| UserNo(no.value())))
    }

    fn has_role(&self, role: Role) -> Result<bool, StoreError> {
        let role = role_number(role);
        let directory = opened(self.txn, &self.directory, tables::DIRECTORY)?;
        Ok(directory.range((role, "", 0)..(role + 1, "", 0))?.next().transpose()?.is_some())
    }

    fn session(&self, id: SessionId) -> Result<Option<Arc<Session>>, StoreError> {
        if let Some(session) = self.memory.borrow().sessions.get(&id) {
            return Ok(Some(Arc::clone(session)));
        }
        let sessions = opened(self.txn, &self.sessions, tables::SESSIONS)?;
        let Some(row) = sessions.get(&id.to_bytes())? else {
            return Ok(None);
        };
        let session: Arc<Session> = Arc::new(decode(row.value())?);
        self.memory.borrow_mut().sessions.insert(id, Arc::clone(&session));
        Ok(Some(session))
    }

    fn conversation(&self, no: ConversationNo) -> Result<Option<Arc<Conversation>>, StoreError> {
        if let Some(conversation) = self.memory.borrow().conversations.get(&no) {
            return Ok(Some(Arc::clone(conversation)));
        }
        let changed = self.changes.conversation(no).cloned();
        let conversation = match changed.or_else(|| self.tail.conversation(no)) {
            Some(conversation) => Some(conversation),
            None => {
                let heads = opened(self.txn, &self.conversations, tables::CONVERSATIONS)?;
                let members = opened(self.txn, &self.members, tables::MEMBERS)?;
                stored_conversation(heads, members, no)?.map(Arc::new)
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
        let numbers = opened(self.txn, &self.conversation_numbers, tables::CONVERSATION_NUMBERS)?;
        let no = numbers.get(&id.to_bytes())?.map(|no| ConversationNo(no.value()));
        if let Some(no) = no {
            self.memory.borrow_mut().conversation_numbers.insert(id, no);
        }
        Ok(no)
    }

    fn direct(&self, one: UserNo, other: UserNo) -> Result<Option<ConversationNo>, StoreError> {
        let directs = opened(self.txn, &self.directs, tables::DIRECTS)?;
        Ok(directs.get((one.min(other).0, one.max(other).0))?.map(|no| ConversationNo(no.value())))
    }

    fn sent(&self, author: UserNo, client_id: &ClientId) -> Result<Option<(ConversationNo, Seq)>, StoreError> {
        if self.is_greatest(author, client_id)? {
            return Ok(None);
        }
        let in_memory = self.changes.sent(author, client_id);
        if let Some(message) = in_memory.or_else(|| self.tail.sent(author, client_id)) {
            return Ok(Some(message));
        }
        let sent = opened(self.txn, &self.sent, tables::SENT)?;
        Ok(sent.get((author.0, client_id.as_str()))?.map(|message| numbered(message.value())))
    }

    fn message(&self, conversation: ConversationNo, seq: Seq) -> Result<Option<Arc<MessageRow>>, StoreError> {
        let changed = self.replaced.get(&(conversation, seq));
        let in_memory = changed.or_else(|| self.changes.message(conversation, seq)).cloned();
        if let Some(message) = in_memory.or_else(|| self.tail.message(conversation, seq)) {
            return Ok(Some(message));
        }
        let messages = opened(self.txn, &self.messages, tables::MESSAGES)?;
        messages.get((conversation.0, seq.0))?.map(|row| decode(row.value()).map(Arc::new)).transpose()
    }

    fn revisions(&self, conversation: ConversationNo, seq: Seq) -> Result<Vec<RevisionRow>, StoreError> {
        stored_revisions(opened(self.txn, &self.revisions, tables::REVISIONS)?, conversation, seq)
    }

    fn mark(&self, conversation: ConversationNo, user: UserNo) -> Result<Mark, StoreError> {
        let in_memory = self.changes.mark(conversation, user);
        if let Some(mark) = in_memory.or_else(|| self.tail.mark(conversation, user)) {
            return Ok(mark);
        }
        let marks = opened(self.txn, &self.marks, tables::MARKS)?;
        Ok(marks.get((conversation.0, user.0))?.map_or(Mark::default(), |mark| tables::mark(mark.value())))
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
