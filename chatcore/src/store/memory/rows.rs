use std::ops::Bound;
use std::sync::Arc;

use chat_proto::{ClientId, ConversationId, InvitationId, Role, Seq, SessionId, Timestamp, UserId};
use imbl::{HashMap, OrdMap, OrdSet, Vector};

use crate::state::{
    Account, Change, Conversation, ConversationNo, Derived, Entry, Invitation, Letter, LetterId, Line, Lookup, Mark,
    MessageRow, Next, Position, Put, RecordKey, RevisionRow, Scope, Session, UserNo, fold_email, fold_name,
};
use crate::store::{Epochs, Keep, StoreError, View};

/// The whole state. Cloning shares everything.
#[derive(Clone, Debug)]
pub struct MemoryView {
    epoch: u64,
    epochs: Epochs,
    log: Vector<Entry>,
    /// So many lines at the beginning of the log were forgotten.
    trimmed: u64,
    messages: OrdMap<(ConversationNo, Seq), Arc<MessageRow>>,
    accounts: OrdMap<UserNo, Arc<Account>>,
    users: HashMap<UserId, UserNo>,
    emails: HashMap<String, UserNo>,
    directory: OrdSet<(Role, String, UserNo)>,
    sessions: OrdMap<(UserNo, SessionId), Arc<Session>>,
    invitations: OrdMap<InvitationId, Arc<Invitation>>,
    letters: OrdMap<LetterId, Arc<Letter>>,
    conversations: OrdMap<ConversationNo, Arc<Conversation>>,
    conversation_numbers: HashMap<ConversationId, ConversationNo>,
    directs: HashMap<(UserNo, UserNo), ConversationNo>,
    inboxes: OrdMap<(UserNo, Position), ConversationNo>,
    sent: HashMap<(UserNo, ClientId), (ConversationNo, Seq)>,
    revisions: OrdMap<(ConversationNo, Seq), Vec<RevisionRow>>,
    marks: HashMap<(ConversationNo, UserNo), Mark>,
    conversation_log: OrdSet<(ConversationNo, Position)>,
    personal_log: OrdSet<(UserNo, Position)>,
    records: OrdMap<RecordKey, Vec<u8>>,
    /// Accounts that were ever made.
    users_made: u64,
}

impl MemoryView {
    pub(super) fn empty(epoch: u64) -> Self {
        Self {
            epoch,
            epochs: Epochs::new(epoch),
            log: Vector::new(),
            trimmed: 0,
            messages: OrdMap::new(),
            accounts: OrdMap::new(),
            users: HashMap::new(),
            emails: HashMap::new(),
            directory: OrdSet::new(),
            sessions: OrdMap::new(),
            invitations: OrdMap::new(),
            letters: OrdMap::new(),
            conversations: OrdMap::new(),
            conversation_numbers: HashMap::new(),
            directs: HashMap::new(),
            inboxes: OrdMap::new(),
            sent: HashMap::new(),
            revisions: OrdMap::new(),
            marks: HashMap::new(),
            conversation_log: OrdSet::new(),
            personal_log: OrdSet::new(),
            records: OrdMap::new(),
            users_made: 0,
        }
    }

    pub(super) fn begun(&self, epoch: u64) -> Self {
        Self { epochs: self.epochs.begun(epoch, self.position()), ..self.clone() }
    }

    pub(super) fn next(&self) -> Next {
        Next {
            user: UserNo(self.users_made + 1),
            conversation: ConversationNo(self.conversation_numbers.len() as u64 + 1),
            position: self.position().next(),
        }
    }

    pub(super) fn put(&mut self, put: Put) {
        match put {
            Put::Account { no, account, before } => {
                match before {
                    Some(before) => self.forget_names(no, &before),
                    None => self.users_made += 1,
                }
                if account.is_listed() {
                    self.directory.insert((account.role, fold_name(&account.name), no));
                }
                if !account.email.is_empty() {
                    self.emails.insert(fold_email(&account.email), no);
                }
                self.users.insert(account.id, no);
                self.accounts.insert(no, Arc::from(account));
            }
            Put::Session(session) => {
                self.sessions.insert((session.user, session.id), Arc::from(session));
            }
            Put::SessionGone { user, id } => {
                self.sessions.remove(&(user, id));
            }
            Put::Invitation(invitation) => {
                self.invitations.insert(invitation.id, Arc::from(invitation));
            }
            Put::InvitationGone { id } => {
                self.invitations.remove(&id);
            }
            Put::Letter(letter) => {
                self.letters.insert(letter.id, Arc::from(letter));
            }
            Put::LetterGone { id, .. } => {
                self.letters.remove(&id);
            }
            Put::Conversation { id, no } => {
                self.conversation_numbers.insert(id, no);
            }
            Put::Direct { one, other, no } => {
                self.directs.insert((one.min(other), one.max(other)), no);
            }
            Put::Revision { conversation, seq, revision } => {
                self.revisions.entry((conversation, seq)).or_default().push(revision);
            }
            Put::NoRevisions { conversation, seq } => {
                self.revisions.remove(&(conversation, seq));
            }
            Put::NoAccount { no, before } => {
                self.forget_names(no, &before);
                self.users.remove(&before.id);
                self.accounts.remove(&no);
            }
            Put::Record { key, row: Some(row) } => {
                self.records.insert(key, row);
            }
            Put::Record { key, row: None } => {
                self.records.remove(&key);
            }
        }
    }

    /// An account is no longer found by its name and address.
    fn forget_names(&mut self, no: UserNo, account: &Account) {
        if account.is_listed() {
            self.directory.remove(&(account.role, fold_name(&account.name), no));
        }
        if !account.email.is_empty() {
            self.emails.remove(&fold_email(&account.email));
        }
    }

    pub(super) fn append(&mut self, at: Timestamp, by: Option<UserNo>, change: Change) -> (Position, Entry) {
        let position = self.position().next();
        let entry = Entry::new(at, by, change);
        self.log.push_back(entry.clone());
        (position, entry)
    }
}

impl MemoryView {
    /// Forgets the oldest line, unless it is to be kept.
    pub(super) fn trim_oldest(&mut self, keep: &Keep) -> bool {
        let oldest = Position(self.trimmed + 1);
        match self.log.front() {
            Some(entry) if self.log.len() > 1 && !keep.keeps(oldest, entry.at, self.position()) => {
                let scope = entry.change.scope();
                if let Some(conversation) = scope.conversation() {
                    self.conversation_log.remove(&(conversation, oldest));
                }
                if let Some(user) = scope.user() {
                    self.personal_log.remove(&(user, oldest));
                }
                self.log.pop_front();
                self.trimmed += 1;
                true
            }
            _ => false,
        }
    }

    fn line(&self, position: Position) -> Option<Line> {
        let place = position.0.checked_sub(self.trimmed + 1)?;
        let entry = self.log.get(usize::try_from(place).ok()?)?.clone();
        let message = match entry.change {
            Change::MessageCreated { conversation, seq } => self.messages.get(&(conversation, seq)).cloned(),
            _ => None,
        };
        Some(Line { position, entry, message })
    }
}

impl Lookup for MemoryView {
    fn account(&self, no: UserNo) -> Result<Option<Arc<Account>>, StoreError> {
        Ok(self.accounts.get(&no).cloned())
    }

    fn user_no(&self, id: UserId) -> Result<Option<UserNo>, StoreError> {
        Ok(self.users.get(&id).copied())
    }

    fn user_by_email(&self, folded: &str) -> Result<Option<UserNo>, StoreError> {
        Ok(self.emails.get(folded).copied())
    }

    fn directory(
        &self,
        role: Role,
        after: Option<(&str, UserNo)>,
        limit: usize,
    ) -> Result<Vec<(String, UserNo)>, StoreError> {
        let start = match after {
            Some((name, no)) => Bound::Excluded((role, name.to_owned(), no)),
            None => Bound::Included((role, String::new(), UserNo(0))),
        };
        let rows = self.directory.range((start, Bound::Unbounded));
        let rows = rows.take_while(|(listed, ..)| *listed == role).take(limit);
        Ok(rows.map(|(_, name, no)| (name.clone(), *no)).collect())
    }

    fn invitation(&self, id: InvitationId) -> Result<Option<Arc<Invitation>>, StoreError> {
        Ok(self.invitations.get(&id).cloned())
    }

    fn invitations(&self) -> Result<Vec<Arc<Invitation>>, StoreError> {
        Ok(self.invitations.values().cloned().collect())
    }

    fn session(&self, user: UserNo, id: SessionId) -> Result<Option<Arc<Session>>, StoreError> {
        Ok(self.sessions.get(&(user, id)).cloned())
    }

    fn sessions(&self, user: UserNo) -> Result<Vec<Arc<Session>>, StoreError> {
        let all = (user, SessionId::from_bytes([0; 16]))..=(user, SessionId::from_bytes([0xff; 16]));
        Ok(self.sessions.range(all).map(|(_, session)| Arc::clone(session)).collect())
    }

    fn letter(&self, id: LetterId) -> Result<Option<Arc<Letter>>, StoreError> {
        Ok(self.letters.get(&id).cloned())
    }

    fn letters(&self, user: UserNo) -> Result<Vec<Arc<Letter>>, StoreError> {
        Ok(self.letters.values().filter(|letter| letter.user == user).cloned().collect())
    }

    fn letters_after(&self, after: Option<LetterId>, limit: usize) -> Result<Vec<Arc<Letter>>, StoreError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        Ok(self.letters.range((from, Bound::Unbounded)).take(limit).map(|(_, letter)| Arc::clone(letter)).collect())
    }

    fn conversation(&self, no: ConversationNo) -> Result<Option<Arc<Conversation>>, StoreError> {
        Ok(self.conversations.get(&no).cloned())
    }

    fn conversation_no(&self, id: ConversationId) -> Result<Option<ConversationNo>, StoreError> {
        Ok(self.conversation_numbers.get(&id).copied())
    }

    fn direct(&self, one: UserNo, other: UserNo) -> Result<Option<ConversationNo>, StoreError> {
        Ok(self.directs.get(&(one.min(other), one.max(other))).copied())
    }

    fn sent(&self, author: UserNo, client_id: &ClientId) -> Result<Option<(ConversationNo, Seq)>, StoreError> {
        Ok(self.sent.get(&(author, client_id.clone())).copied())
    }

    fn message(&self, conversation: ConversationNo, seq: Seq) -> Result<Option<Arc<MessageRow>>, StoreError> {
        Ok(self.messages.get(&(conversation, seq)).cloned())
    }

    fn revisions(&self, conversation: ConversationNo, seq: Seq) -> Result<Vec<RevisionRow>, StoreError> {
        Ok(self.revisions.get(&(conversation, seq)).cloned().unwrap_or_default())
    }

    fn mark(&self, conversation: ConversationNo, user: UserNo) -> Result<Mark, StoreError> {
        Ok(self.marks.get(&(conversation, user)).copied().unwrap_or_default())
    }

    fn record(&self, key: &RecordKey) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.records.get(key).cloned())
    }

    fn records(
        &self,
        from: &RecordKey,
        before: &RecordKey,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Vec<u8>)>, StoreError> {
        let rows = self.records.range(from.clone()..before.clone());
        Ok(rows.take(limit).map(|(key, row)| (key.clone(), row.clone())).collect())
    }
}

impl Derived for MemoryView {
    fn conversation(&self, no: ConversationNo) -> Result<Option<Arc<Conversation>>, StoreError> {
        Lookup::conversation(self, no)
    }

    fn put_conversation(&mut self, conversation: Conversation) {
        if let Some(before) = self.conversations.get(&conversation.no).cloned() {
            for member in before.members.iter() {
                self.inboxes.remove(&(member.user, before.activity));
            }
        }
        for member in conversation.members.iter() {
            self.inboxes.insert((member.user, conversation.activity), conversation.no);
        }
        self.conversations.insert(conversation.no, Arc::new(conversation));
    }

    fn put_message(&mut self, message: &Arc<MessageRow>) {
        self.messages.insert((message.conversation, message.seq), Arc::clone(message));
    }

    fn put_sent(&mut self, author: UserNo, client_id: &ClientId, message: (ConversationNo, Seq)) {
        self.sent.insert((author, client_id.clone()), message);
    }

    fn replace_message(&mut self, message: &Arc<MessageRow>) {
        self.put_message(message);
    }

    fn mark(&self, conversation: ConversationNo, user: UserNo) -> Result<Mark, StoreError> {
        Lookup::mark(self, conversation, user)
    }

    fn put_mark(&mut self, conversation: ConversationNo, user: UserNo, mark: Mark) {
        self.marks.insert((conversation, user), mark);
    }

    fn put_scope(&mut self, scope: Scope, position: Position) {
        if let Some(conversation) = scope.conversation() {
            self.conversation_log.insert((conversation, position));
        }
        if let Some(user) = scope.user() {
            self.personal_log.insert((user, position));
        }
    }
}

impl View for MemoryView {
    fn position(&self) -> Position {
        Position(self.trimmed + self.log.len() as u64)
    }

    fn last_at(&self) -> Timestamp {
        self.log.back().map_or(Timestamp::from_millis(0), |entry| entry.at)
    }

    fn oldest(&self) -> Result<Position, StoreError> {
        Ok(Position(self.trimmed + 1))
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    fn lines_after(&self, after: Position, limit: usize) -> Result<Vec<Line>, StoreError> {
        Ok((after.0.max(self.trimmed) + 1..).map_while(|position| self.line(Position(position))).take(limit).collect())
    }

    fn lines_at(&self, positions: &[Position]) -> Result<Vec<Line>, StoreError> {
        Ok(positions.iter().filter_map(|position| self.line(*position)).collect())
    }

    fn positions_of_conversation(
        &self,
        conversation: ConversationNo,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Position>, StoreError> {
        let range = (conversation, after.next())..=(conversation, Position(u64::MAX));
        Ok(self.conversation_log.range(range).take(limit).map(|(_, position)| *position).collect())
    }

    fn positions_of_user(&self, user: UserNo, after: Position, limit: usize) -> Result<Vec<Position>, StoreError> {
        let range = (user, after.next())..=(user, Position(u64::MAX));
        Ok(self.personal_log.range(range).take(limit).map(|(_, position)| *position).collect())
    }

    fn newest_accounts(&self, before: Option<UserNo>, limit: usize) -> Result<Vec<(UserNo, Arc<Account>)>, StoreError> {
        let older = self.accounts.range(..before.unwrap_or(UserNo(u64::MAX)));
        Ok(older.rev().take(limit).map(|(no, account)| (*no, Arc::clone(account))).collect())
    }

    fn inbox(
        &self,
        user: UserNo,
        before: Option<Position>,
        limit: usize,
    ) -> Result<Vec<(Position, ConversationNo)>, StoreError> {
        let range = (user, Position(0))..(user, before.unwrap_or(Position(u64::MAX)));
        Ok(self.inboxes.range(range).rev().take(limit).map(|((_, activity), no)| (*activity, *no)).collect())
    }

    fn messages(&self, conversation: ConversationNo, from: Seq, to: Seq) -> Result<Vec<Arc<MessageRow>>, StoreError> {
        Ok(self.messages.range((conversation, from)..=(conversation, to)).map(|(_, row)| Arc::clone(row)).collect())
    }
}
