use std::collections::BTreeMap;
use std::sync::Arc;

use chat_proto::{ClientId, Role, Seq, Timestamp};

use super::records::Records;
use crate::state::{
    Account, Change, Conversation, ConversationNo, Invitation, Letter, Line, Mark, MessageRow, Position, RecordKey,
    RevisionRow, Session, UserNo, fold_email,
};
use crate::store::{StoreError, View};

/// Everything that can be read from a view, for comparing. It is read page by page, and every index is asked for what
/// it should find.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub position: Position,
    last_at: Timestamp,
    epoch: u64,
    pub log: Vec<Line>,
    /// By number; those that were forgotten leave a hole.
    accounts: Vec<Option<Arc<Account>>>,
    sessions: Vec<Vec<Arc<Session>>>,
    invitations: Vec<Arc<Invitation>>,
    letters: Vec<Arc<Letter>>,
    directory: Vec<Vec<(String, UserNo)>>,
    conversations: Vec<Arc<Conversation>>,
    timelines: Vec<Vec<Arc<MessageRow>>>,
    inboxes: Vec<Vec<(Position, ConversationNo)>>,
    marks: Vec<Vec<Mark>>,
    revisions: Vec<Vec<RevisionRow>>,
    records: Vec<(RecordKey, Vec<u8>)>,
}

/// Rows asked for at once; small, so that there are many pages.
const PAGE: usize = 3;

impl Snapshot {
    /// Reads everything.
    ///
    /// # Panics
    /// When something cannot be read or contradicts something else.
    pub fn of(view: &dyn View) -> Self {
        match Self::read(view) {
            Ok(Ok(snapshot)) => snapshot,
            Ok(Err(contradiction)) => panic!("{contradiction}"),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Reads everything. The inner error is a contradiction: a gap, or a row of one kind without its row of another.
    pub fn read(view: &dyn View) -> Result<Result<Self, String>, StoreError> {
        let log = log(view)?;
        let accounts = accounts(view)?;
        let conversations = numbered(|no| view.conversation(ConversationNo(no)))?;
        let users = || (1..=accounts.len() as u64).map(UserNo);
        let sessions = users().map(|user| view.sessions(user)).collect::<Result<Vec<_>, _>>()?;
        let inboxes = users().map(|user| inbox(view, user)).collect::<Result<Vec<_>, _>>()?;
        let timelines = conversations.iter().map(|conversation| timeline(view, conversation));
        let timelines = timelines.collect::<Result<Vec<_>, _>>()?;
        let marks = |of: &Arc<Conversation>| users().map(|user| view.mark(of.no, user)).collect();
        let snapshot = Self {
            position: view.position(),
            last_at: view.last_at(),
            epoch: view.epoch(),
            sessions,
            invitations: view.invitations()?,
            letters: letters(view)?,
            directory: Role::ALL.into_iter().map(|role| directory(view, role)).collect::<Result<_, _>>()?,
            marks: conversations.iter().map(marks).collect::<Result<_, _>>()?,
            revisions: timelines
                .iter()
                .flatten()
                .map(|row| view.revisions(row.conversation, row.seq))
                .collect::<Result<_, _>>()?,
            records: view.records(&RecordKey::from_bytes(&[]), &RecordKey::from_bytes(&[0xff]), usize::MAX)?,
            timelines,
            inboxes,
            log,
            accounts,
            conversations,
        };
        Ok(snapshot.contradiction(view)?.map_or(Ok(snapshot), Err))
    }

    /// What cannot be true of any store.
    fn contradiction(&self, view: &dyn View) -> Result<Option<String>, StoreError> {
        for (at, line) in (view.oldest()?.0..).zip(&self.log) {
            if line.position.0 != at {
                return Ok(Some(format!("place {at} of the log: {line:?}")));
            }
        }
        if self.log.last().map_or(0, |line| line.position.0) != self.position.0 {
            return Ok(Some(format!("a log of {} entries ends at {:?}", self.log.len(), self.position)));
        }
        let mut created = 0;
        for line in &self.log {
            let Change::MessageCreated { conversation, seq } = line.entry.change else {
                continue;
            };
            created += 1;
            let index = usize::try_from(conversation.0 - 1).unwrap_or(usize::MAX);
            let place = usize::try_from(seq.0 - 1).unwrap_or(usize::MAX);
            let Some(row) = self.timelines.get(index).and_then(|timeline| timeline.get(place)) else {
                return Ok(Some(format!("{line:?} is not in its timeline")));
            };
            let named = (row.position, row.conversation, row.seq) == (line.position, conversation, seq);
            if !named || line.message.as_ref() != Some(row) || view.message(conversation, seq)?.as_ref() != Some(row) {
                return Ok(Some(format!("{line:?} has the message {row:?}")));
            }
            if view.sent(row.author, &row.client_id)? != Some((conversation, seq)) {
                return Ok(Some(format!("{row:?} is not found by its client id")));
            }
        }
        let listed: usize = self.timelines.iter().map(Vec::len).sum();
        let whole = view.oldest()? == Position(1);
        if whole && listed != created {
            return Ok(Some(format!("{listed} messages in the timelines, {created} in the log")));
        }
        for (conversation, timeline) in self.conversations.iter().zip(&self.timelines) {
            let ascending = timeline.is_sorted_by(|one, next| one.id < next.id);
            if conversation.last_seq.0 != timeline.len() as u64 || !ascending {
                return Ok(Some(format!("{conversation:?} has the messages {timeline:?}")));
            }
        }
        self.contradicting_indexes(view)
    }

    /// Who missed something finds it by these.
    fn contradicting_indexes(&self, view: &dyn View) -> Result<Option<String>, StoreError> {
        let (mut conversations, mut people) = (BTreeMap::new(), BTreeMap::new());
        for line in &self.log {
            let scope = line.entry.change.scope();
            if let Some(no) = scope.conversation() {
                conversations.entry(no).or_insert_with(Vec::new).push(line.position);
            }
            if let Some(no) = scope.user() {
                people.entry(no).or_insert_with(Vec::new).push(line.position);
            }
        }
        for no in self.conversations.iter().map(|conversation| conversation.no) {
            let found = view.positions_of_conversation(no, Position(0), usize::MAX)?;
            if found != conversations.remove(&no).unwrap_or_default() {
                return Ok(Some(format!("{no:?} has the events {found:?}")));
            }
        }
        for no in (1..=self.accounts.len() as u64).map(UserNo) {
            let found = view.positions_of_user(no, Position(0), usize::MAX)?;
            if found != people.remove(&no).unwrap_or_default() {
                return Ok(Some(format!("{no:?} has the events {found:?}")));
            }
        }
        self.contradicting_accounts(view)
    }

    fn contradicting_accounts(&self, view: &dyn View) -> Result<Option<String>, StoreError> {
        let there = || (1..).map(UserNo).zip(&self.accounts).filter_map(|(no, account)| Some((no, account.as_ref()?)));
        for (no, account) in there() {
            let by_email = view.user_by_email(&fold_email(&account.email))?;
            let expected = if account.email.is_empty() { None } else { Some(no) };
            if view.user_no(account.id)? != Some(no) || by_email != expected {
                return Ok(Some(format!("{account:?} is not found by its id or address")));
            }
        }
        for (no, sessions) in (1..).map(UserNo).zip(&self.sessions) {
            for session in sessions {
                if session.user != no || view.session(no, session.id)?.as_ref() != Some(session) {
                    return Ok(Some(format!("{no:?} has {session:?}")));
                }
            }
        }
        for letter in &self.letters {
            if view.letter(letter.id)?.as_ref() != Some(letter) || !view.letters(letter.user)?.contains(letter) {
                return Ok(Some(format!("{letter:?} is not found by its id or user")));
            }
        }
        for invitation in &self.invitations {
            if view.invitation(invitation.id)?.as_ref() != Some(invitation) {
                return Ok(Some(format!("{invitation:?} is not found by its id")));
            }
        }
        let listed: usize = self.directory.iter().map(Vec::len).sum();
        let created = self.log.iter().filter(|line| matches!(line.entry.change, Change::AccountCreated { .. })).count();
        let whole = view.oldest()? == Position(1);
        let (accounts, to_list) = (there().count(), there().filter(|(_, account)| account.is_listed()).count());
        let removed = self.log.iter().filter(|line| matches!(line.entry.change, Change::AccountRemoved { .. })).count();
        if listed != to_list || (whole && created != accounts + removed) {
            return Ok(Some(format!("{accounts} accounts, {listed} in the directory, {created} in the log")));
        }
        Records { all: &self.records, accounts: &self.accounts }.contradiction()
    }

    /// The messages that there are, by whom and under which name.
    pub fn messages(&self) -> impl Iterator<Item = (UserNo, &ClientId)> {
        self.timelines.iter().flatten().map(|row| (row.author, &row.client_id))
    }
}

fn numbered<T>(get: impl Fn(u64) -> Result<Option<T>, StoreError>) -> Result<Vec<T>, StoreError> {
    (1..).map_while(|no| get(no).transpose()).collect()
}

/// All accounts; a hole is never wider than this here.
fn accounts(view: &dyn View) -> Result<Vec<Option<Arc<Account>>>, StoreError> {
    const WIDEST_HOLE: usize = 16;
    let mut found = Vec::new();
    let mut hole = 0;
    for no in 1.. {
        let account = view.account(UserNo(no))?;
        hole = if account.is_some() { 0 } else { hole + 1 };
        found.push(account);
        if hole > WIDEST_HOLE {
            break;
        }
    }
    found.truncate(found.len() - hole);
    Ok(found)
}

fn log(view: &dyn View) -> Result<Vec<Line>, StoreError> {
    let mut rows: Vec<Line> = Vec::new();
    loop {
        let after = rows.last().map_or(Position(0), |line| line.position);
        let page = view.lines_after(after, PAGE)?;
        if page.is_empty() {
            return Ok(rows);
        }
        rows.extend(page);
    }
}

fn directory(view: &dyn View, role: Role) -> Result<Vec<(String, UserNo)>, StoreError> {
    let mut rows: Vec<(String, UserNo)> = Vec::new();
    loop {
        let page = view.directory(role, rows.last().map(|(name, no)| (name.as_str(), *no)), PAGE)?;
        if page.is_empty() {
            return Ok(rows);
        }
        rows.extend(page);
    }
}

fn letters(view: &dyn View) -> Result<Vec<Arc<Letter>>, StoreError> {
    let mut rows: Vec<Arc<Letter>> = Vec::new();
    loop {
        let page = view.letters_after(rows.last().map(|letter| letter.id), PAGE)?;
        if page.is_empty() {
            return Ok(rows);
        }
        rows.extend(page);
    }
}

fn inbox(view: &dyn View, user: UserNo) -> Result<Vec<(Position, ConversationNo)>, StoreError> {
    let mut rows: Vec<(Position, ConversationNo)> = Vec::new();
    loop {
        let page = view.inbox(user, rows.last().map(|(activity, _)| *activity), PAGE)?;
        let (Some((first, _)), last) = (page.first(), rows.last()) else { return Ok(rows) };
        // A damaged table must not lead around in circles.
        if last.is_some_and(|(activity, _)| first >= activity) {
            return Err(StoreError::corrupt("an inbox that does not descend"));
        }
        rows.extend(page);
    }
}

fn timeline(view: &dyn View, of: &Conversation) -> Result<Vec<Arc<MessageRow>>, StoreError> {
    let mut rows = Vec::new();
    let mut from = Seq(1);
    while from <= of.last_seq {
        let to = Seq(from.0 + PAGE as u64 - 1).min(of.last_seq);
        let page = view.messages(of.no, from, to)?;
        if page.is_empty() {
            return Err(StoreError::corrupt("a conversation that has fewer messages than it says"));
        }
        rows.extend(page);
        from = to.next();
    }
    Ok(rows)
}
