//! What is committed to the log but not yet applied to the derived tables.
//!
//! Applying every message to every table in its own commit would cost five times the log itself (pages are written
//! whole). So derived rows are kept here first and folded into the tables thousands at a time, in the order of their
//! keys. Readers look here before they look there.
//!
//! All views share the same maps. Rows are only ever added, each under the position of its commit, and a view passes
//! over what is newer than itself: so it stays as it was, and nothing has to be copied for it.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use chat_proto::{ClientId, Seq};
use rustc_hash::FxHasher;

use crate::state::{Conversation, ConversationNo, Position, UserNo};

/// By dense internal numbers, which nobody outside can choose: the fast hash is safe.
pub(super) type ByNumber<K, V> = HashMap<K, V, BuildHasherDefault<FxHasher>>;

/// Client ids by author; in order, as they are written to their table.
type Sent = ByNumber<UserNo, BTreeMap<ClientId, Position>>;

/// Derived rows in memory: the newest, and those that are just being folded into the tables.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    active: Arc<Layer>,
    frozen: Option<Arc<Layer>>,
    /// The newest commit that this tail shows.
    position: Position,
}

/// Derived rows of a run of commits. The writer holds the lock for as long as adding the rows of a commit takes.
#[derive(Debug, Default)]
pub(super) struct Layer(RwLock<Rows>);

#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) conversations: ByNumber<ConversationNo, TailConversation>,
    pub(super) read_marks: ByNumber<(ConversationNo, UserNo), Versions<Seq>>,
    pub(super) sent: Sent,
    /// Which of the conversations somebody is in, or was; for the inboxes.
    by_member: ByNumber<UserNo, Vec<ConversationNo>>,
    /// How many log entries it holds.
    entries: usize,
    /// The newest of them.
    pub(super) head: Position,
}

/// A conversation that changed, and where its new messages stand.
#[derive(Debug, Default)]
pub(super) struct TailConversation {
    pub(super) versions: Versions<Arc<Conversation>>,
    /// The number of the first new message.
    pub(super) first: Seq,
    pub(super) positions: Vec<Position>,
}

/// The values of one row, each from the commit that ends at its position.
#[derive(Debug)]
pub(super) struct Versions<T>(Vec<(Position, T)>);

/// What one commit changes in the derived rows.
#[derive(Debug, Default)]
pub(super) struct Changes {
    conversations: ByNumber<ConversationNo, ChangedConversation>,
    read_marks: ByNumber<(ConversationNo, UserNo), Seq>,
    sent: Sent,
    entries: usize,
    head: Position,
}

#[derive(Debug)]
struct ChangedConversation {
    conversation: Arc<Conversation>,
    first: Seq,
    positions: Vec<Position>,
}

impl Tail {
    /// So many entries wait to be folded after those that are being folded now.
    pub(super) fn entries(&self) -> usize {
        self.active.rows().entries
    }

    /// Adds what a commit changed; tails that were cloned before do not show it.
    pub(super) fn add(&mut self, changes: Changes) {
        if changes.entries > 0 {
            self.position = changes.head;
            self.active.0.write().unwrap_or_else(PoisonError::into_inner).add(changes);
        }
    }

    /// Begins a new layer. Returns what there was in the old one, to be folded.
    pub(super) fn freeze(&mut self) -> Arc<Layer> {
        let layer = std::mem::take(&mut self.active);
        self.frozen = Some(Arc::clone(&layer));
        layer
    }

    /// What was frozen stands in the tables now.
    pub(super) fn drop_frozen(&mut self) {
        self.frozen = None;
    }

    /// Asks the layers, the newest first.
    fn find<T>(&self, ask: impl Fn(&Rows, Position) -> Option<T>) -> Option<T> {
        let layers = std::iter::once(&self.active).chain(&self.frozen);
        layers.into_iter().find_map(|layer| ask(&layer.rows(), self.position))
    }

    pub(super) fn conversation(&self, no: ConversationNo) -> Option<Arc<Conversation>> {
        self.find(|rows, position| rows.conversations.get(&no)?.versions.at(position).cloned())
    }

    pub(super) fn read_mark(&self, conversation: ConversationNo, user: UserNo) -> Option<Seq> {
        self.find(|rows, position| rows.read_marks.get(&(conversation, user))?.at(position).copied())
    }

    pub(super) fn sent(&self, author: UserNo, client_id: &ClientId) -> Option<Position> {
        self.find(|rows, position| rows.sent.get(&author)?.get(client_id).copied().filter(|at| *at <= position))
    }

    /// The greatest of an author's client ids. Only for the writer, whose tail shows everything.
    pub(super) fn greatest_sent(&self, author: UserNo) -> Option<ClientId> {
        let of = |layer: &Arc<Layer>| greatest(&layer.rows().sent, author);
        of(&self.active).max(self.frozen.as_ref().and_then(of))
    }

    /// The position of a message; `None`: the tables know it.
    pub(super) fn message(&self, conversation: ConversationNo, seq: Seq) -> Option<Position> {
        self.find(|rows, position| rows.conversations.get(&conversation)?.position(seq).filter(|at| *at <= position))
    }

    /// The conversations of somebody that changed, by their newest activity, if that was before this position.
    pub(super) fn conversations_of(&self, user: UserNo, before: Position) -> Vec<(Position, ConversationNo)> {
        let layers = std::iter::once(&self.active).chain(&self.frozen);
        let mut changed: Vec<_> =
            layers.flat_map(|layer| layer.rows().by_member.get(&user).cloned().unwrap_or_default()).collect();
        changed.sort_unstable();
        changed.dedup();
        let shown = |no| {
            let newest = self.conversation(no)?;
            let theirs = newest.activity < before && newest.members.get(user).is_some();
            theirs.then_some((newest.activity, no))
        };
        changed.into_iter().filter_map(shown).collect()
    }
}

impl Layer {
    pub(super) fn rows(&self) -> RwLockReadGuard<'_, Rows> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn add(&mut self, changes: Changes) {
        for (no, changed) in changes.conversations {
            let row = self.conversations.entry(no).or_default();
            let before = row.versions.newest().map(|before| &before.members);
            if before.is_none_or(|before| !Arc::ptr_eq(before, &changed.conversation.members)) {
                for member in changed.conversation.members.iter() {
                    if before.is_none_or(|before| before.get(member.user).is_none()) {
                        self.by_member.entry(member.user).or_default().push(no);
                    }
                }
            }
            row.versions.0.push((changes.head, changed.conversation));
            if row.positions.is_empty() {
                row.first = changed.first;
            }
            row.positions.extend(changed.positions);
        }
        for (key, seq) in changes.read_marks {
            self.read_marks.entry(key).or_default().0.push((changes.head, seq));
        }
        for (author, sent) in changes.sent {
            self.sent.entry(author).or_default().extend(sent);
        }
        self.entries += changes.entries;
        self.head = changes.head;
    }
}

impl TailConversation {
    fn position(&self, seq: Seq) -> Option<Position> {
        let i = seq.0.checked_sub(self.first.0)?;
        self.positions.get(usize::try_from(i).ok()?).copied()
    }
}

impl<T> Versions<T> {
    fn at(&self, position: Position) -> Option<&T> {
        // Nearly every view is of the last few commits.
        self.0.iter().rev().find(|(since, _)| *since <= position).map(|(_, value)| value)
    }

    pub(super) fn newest(&self) -> Option<&T> {
        self.0.last().map(|(_, value)| value)
    }
}

impl<T> Default for Versions<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl Changes {
    /// One more entry was appended, at this position.
    pub(super) fn appended(&mut self, position: Position) {
        self.entries += 1;
        self.head = position;
    }

    pub(super) fn conversation(&self, no: ConversationNo) -> Option<&Arc<Conversation>> {
        self.conversations.get(&no).map(|changed| &changed.conversation)
    }

    pub(super) fn read_mark(&self, conversation: ConversationNo, user: UserNo) -> Option<Seq> {
        self.read_marks.get(&(conversation, user)).copied()
    }

    pub(super) fn sent(&self, author: UserNo, client_id: &ClientId) -> Option<Position> {
        self.sent.get(&author)?.get(client_id).copied()
    }

    pub(super) fn greatest_sent(&self, author: UserNo) -> Option<ClientId> {
        greatest(&self.sent, author)
    }

    pub(super) fn put_conversation(&mut self, conversation: Arc<Conversation>) {
        match self.conversations.get_mut(&conversation.no) {
            Some(changed) => changed.conversation = conversation,
            None => {
                let no = conversation.no;
                let new = ChangedConversation { conversation, first: Seq::ZERO, positions: Vec::new() };
                self.conversations.insert(no, new);
            }
        }
    }

    pub(super) fn put_message(&mut self, conversation: ConversationNo, seq: Seq, position: Position) {
        if let Some(changed) = self.conversations.get_mut(&conversation) {
            if changed.positions.is_empty() {
                changed.first = seq;
            }
            changed.positions.push(position);
        }
    }

    pub(super) fn put_sent(&mut self, author: UserNo, client_id: &ClientId, position: Position) {
        self.sent.entry(author).or_default().insert(client_id.clone(), position);
    }

    pub(super) fn put_read_mark(&mut self, conversation: ConversationNo, user: UserNo, seq: Seq) {
        self.read_marks.insert((conversation, user), seq);
    }
}

fn greatest(sent: &Sent, author: UserNo) -> Option<ClientId> {
    Some(sent.get(&author)?.last_key_value()?.0.clone())
}
