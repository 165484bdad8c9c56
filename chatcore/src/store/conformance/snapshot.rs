use std::sync::Arc;

use chat_proto::{ClientId, Role, Seq, Timestamp};

use crate::state::{
    Account, Change, Conversation, ConversationNo, Entry, MessageRow, Position, Session, UserNo, fold_email,
};
use crate::store::{StoreError, View};

/// Everything that can be read from a view, for comparing. It is read page by page, and every index is asked for what
/// it should find.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub position: Position,
    last_at: Timestamp,
    epoch: u64,
    pub log: Vec<(Position, Entry)>,
    accounts: Vec<Arc<Account>>,
    sessions: Vec<Arc<Session>>,
    directory: Vec<Vec<(String, UserNo)>>,
    conversations: Vec<Arc<Conversation>>,
    timelines: Vec<Vec<Placed>>,
    inboxes: Vec<Vec<(Position, ConversationNo)>>,
    read_marks: Vec<Vec<Seq>>,
}

/// A message, and where it was appended.
type Placed = (Position, Arc<MessageRow>);

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
        let accounts = numbered(|no| view.account(UserNo(no)))?;
        let conversations = numbered(|no| view.conversation(ConversationNo(no)))?;
        let users = || (1..=accounts.len() as u64).map(UserNo);
        let sessions = log.iter().filter_map(|(_, entry)| match entry.change {
            Change::SessionStarted { session, .. } => Some(view.session(session)),
            _ => None,
        });
        let sessions: Vec<Option<Arc<Session>>> = sessions.collect::<Result<_, _>>()?;
        let inboxes = users().map(|user| inbox(view, user)).collect::<Result<Vec<_>, _>>()?;
        let timelines = conversations.iter().map(|conversation| timeline(view, conversation));
        let timelines = timelines.collect::<Result<Vec<_>, _>>()?;
        let marks = |of: &Arc<Conversation>| users().map(|user| view.read_mark(of.no, user)).collect();
        let snapshot = Self {
            position: view.position(),
            last_at: view.last_at(),
            epoch: view.epoch(),
            sessions: sessions.iter().flatten().cloned().collect(),
            directory: Role::ALL.into_iter().map(|role| directory(view, role)).collect::<Result<_, _>>()?,
            read_marks: conversations.iter().map(marks).collect::<Result<_, _>>()?,
            timelines: timelines.into_iter().map(|rows| rows.into_iter().flatten().collect()).collect(),
            inboxes,
            log,
            accounts,
            conversations,
        };
        let contradiction = snapshot.contradiction(view)?;
        let lost_session = sessions.contains(&None).then(|| "a session without its row".to_owned());
        Ok(contradiction.or(lost_session).map_or(Ok(snapshot), Err))
    }

    /// What cannot be true of any store.
    fn contradiction(&self, view: &dyn View) -> Result<Option<String>, StoreError> {
        for (at, (position, entry)) in (1..).zip(&self.log) {
            if position.0 != at {
                return Ok(Some(format!("{position:?} stands at place {at} of the log: {entry:?}")));
            }
        }
        if self.position.0 != self.log.len() as u64 {
            return Ok(Some(format!("a log of {} entries ends at {:?}", self.log.len(), self.position)));
        }
        let mut created = 0;
        for (position, entry) in &self.log {
            let Change::MessageCreated { conversation, seq } = entry.change else {
                continue;
            };
            created += 1;
            let index = usize::try_from(conversation.0 - 1).unwrap_or(usize::MAX);
            let place = usize::try_from(seq.0 - 1).unwrap_or(usize::MAX);
            let Some((found, row)) = self.timelines.get(index).and_then(|timeline| timeline.get(place)) else {
                return Ok(Some(format!("{entry:?} at {position:?} is not in its timeline")));
            };
            if found != position || row.seq != seq || row.conversation != conversation {
                return Ok(Some(format!("{row:?} is told of by {entry:?} at {position:?}, and found at {found:?}")));
            }
            if view.sent(row.author, &row.client_id)? != Some(*position) {
                return Ok(Some(format!("{row:?} is not found by its client id")));
            }
        }
        let listed: usize = self.timelines.iter().map(Vec::len).sum();
        if listed != created {
            return Ok(Some(format!("{listed} messages in the timelines, {created} in the log")));
        }
        for (conversation, timeline) in self.conversations.iter().zip(&self.timelines) {
            let ascending = timeline.is_sorted_by(|(_, one), (_, next)| one.id < next.id);
            if conversation.last_seq.0 != timeline.len() as u64 || !ascending {
                return Ok(Some(format!("{conversation:?} has the messages {timeline:?}")));
            }
        }
        self.contradicting_accounts(view)
    }

    fn contradicting_accounts(&self, view: &dyn View) -> Result<Option<String>, StoreError> {
        for (no, account) in (1..).map(UserNo).zip(&self.accounts) {
            let by_email = view.user_by_email(&fold_email(&account.email))?;
            if view.user_no(account.id)? != Some(no) || by_email != Some(no) {
                return Ok(Some(format!("{account:?} is not found by its id or address")));
            }
        }
        let listed: usize = self.directory.iter().map(Vec::len).sum();
        let created =
            self.log.iter().filter(|(_, entry)| matches!(entry.change, Change::AccountCreated { .. })).count();
        if listed != self.accounts.len() || created != self.accounts.len() {
            let accounts = self.accounts.len();
            return Ok(Some(format!("{accounts} accounts, {listed} in the directory, {created} in the log")));
        }
        Ok(None)
    }

    /// The messages that there are, by whom and under which name.
    pub fn messages(&self) -> impl Iterator<Item = (UserNo, &ClientId)> {
        self.timelines.iter().flatten().map(|(_, row)| (row.author, &row.client_id))
    }
}

fn numbered<T>(get: impl Fn(u64) -> Result<Option<T>, StoreError>) -> Result<Vec<T>, StoreError> {
    (1..).map_while(|no| get(no).transpose()).collect()
}

fn log(view: &dyn View) -> Result<Vec<(Position, Entry)>, StoreError> {
    let mut rows = Vec::new();
    loop {
        let after = rows.last().map_or(Position(0), |(position, _)| *position);
        let page = view.entries_after(after, PAGE)?;
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

fn inbox(view: &dyn View, user: UserNo) -> Result<Vec<(Position, ConversationNo)>, StoreError> {
    let mut rows: Vec<(Position, ConversationNo)> = Vec::new();
    loop {
        let page = view.inbox(user, rows.last().map(|(activity, _)| *activity), PAGE)?;
        if page.is_empty() {
            return Ok(rows);
        }
        rows.extend(page);
    }
}

/// `None` where a message has no row.
fn timeline(view: &dyn View, of: &Conversation) -> Result<Vec<Option<Placed>>, StoreError> {
    let mut rows = Vec::new();
    let mut from = Seq(1);
    while from <= of.last_seq {
        let to = Seq(from.0 + PAGE as u64 - 1).min(of.last_seq);
        for position in view.message_positions(of.no, from, to)? {
            rows.push(view.message(position)?.map(|row| (position, row)));
        }
        from = to.next();
    }
    Ok(rows)
}
