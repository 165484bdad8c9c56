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

use crate::state::{Conversation, ConversationNo, Entry, Mark, MessageRow, Position, Scope, UserNo};

/// By dense internal numbers, which nobody outside can choose: the fast hash is safe.
pub(super) type ByNumber<K, V> = HashMap<K, V, BuildHasherDefault<FxHasher>>;

/// Client ids by author; in order, as they are written to their table.
type Sent = ByNumber<UserNo, BTreeMap<ClientId, (ConversationNo, Seq)>>;

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
    pub(super) marks: ByNumber<(ConversationNo, UserNo), Versions<Mark>>,
    /// Messages of these layers that were changed since they were made.
    replaced: ByNumber<(ConversationNo, Seq), Versions<Arc<MessageRow>>>,
    pub(super) sent: Sent,
    /// Which of the conversations somebody is in, or was; for the inboxes.
    by_member: ByNumber<UserNo, Vec<ConversationNo>>,
    /// The entries that were only somebody's own business.
    pub(super) personal: ByNumber<UserNo, Vec<Position>>,
    /// The entries that stand in the write-ahead log only; ascending.
    pub(super) entries_ahead: Vec<(Position, Arc<Entry>)>,
    /// How many log entries it holds.
    entries: usize,
    /// About how much memory its messages take.
    bytes: usize,
    /// The newest of them.
    pub(super) head: Position,
}

/// A conversation in which something happened.
#[derive(Debug, Default)]
pub(super) struct TailConversation {
    /// Empty when the conversation itself did not change.
    pub(super) versions: Versions<Arc<Conversation>>,
    /// Its new messages, by their numbers.
    pub(super) messages: Vec<Arc<MessageRow>>,
    /// The entries that those in it are told of.
    pub(super) events: Vec<Position>,
}

/// The values of one row, each from the commit that ends at its position.
#[derive(Debug)]
pub(super) struct Versions<T>(Vec<(Position, T)>);

/// What one commit changes in the derived rows.
#[derive(Debug, Default)]
pub(super) struct Changes {
    conversations: ByNumber<ConversationNo, ChangedConversation>,
    marks: ByNumber<(ConversationNo, UserNo), Mark>,
    replaced: ByNumber<(ConversationNo, Seq), Arc<MessageRow>>,
    sent: Sent,
    personal: ByNumber<UserNo, Vec<Position>>,
    entries_ahead: Vec<(Position, Arc<Entry>)>,
    entries: usize,
    bytes: usize,
    head: Position,
}

#[derive(Debug, Default)]
struct ChangedConversation {
    conversation: Option<Arc<Conversation>>,
    messages: Vec<Arc<MessageRow>>,
    events: Vec<Position>,
}

/// What a message takes in memory besides its text: the row, its client id, and what points to it.
const MESSAGE_BYTES: usize = 320;
/// What an entry takes in memory.
const ENTRY_BYTES: usize = 160;

impl Tail {
    /// So many entries wait to be folded after those that are being folded now.
    pub(super) fn entries(&self) -> usize {
        self.active.rows().entries
    }

    /// About how much memory those take.
    pub(super) fn bytes(&self) -> usize {
        self.active.rows().bytes
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

    pub(super) fn mark(&self, conversation: ConversationNo, user: UserNo) -> Option<Mark> {
        self.find(|rows, position| rows.marks.get(&(conversation, user))?.at(position).copied())
    }

    pub(super) fn sent(&self, author: UserNo, client_id: &ClientId) -> Option<(ConversationNo, Seq)> {
        let (conversation, seq) = self.find(|rows, _| rows.sent.get(&author)?.get(client_id).copied())?;
        // Only if this tail shows it already.
        self.message(conversation, seq).map(|_| (conversation, seq))
    }

    /// The greatest of an author's client ids. Only for the writer, whose tail shows everything.
    pub(super) fn greatest_sent(&self, author: UserNo) -> Option<ClientId> {
        let of = |layer: &Arc<Layer>| greatest(&layer.rows().sent, author);
        of(&self.active).max(self.frozen.as_ref().and_then(of))
    }

    /// A new message; `None`: the tables know it.
    pub(super) fn message(&self, conversation: ConversationNo, seq: Seq) -> Option<Arc<MessageRow>> {
        self.find(|rows, position| rows.message(conversation, seq, position).cloned())
    }

    /// The message that a line made which is being folded, as it stands now.
    pub(super) fn made(&self, frozen: &Rows, conversation: ConversationNo, seq: Seq) -> Option<Arc<MessageRow>> {
        let made = frozen.conversations.get(&conversation)?.message(seq)?;
        Some(self.newest(frozen, made))
    }

    /// What becomes of a message that is being folded: it may have been changed since its layer was frozen.
    pub(super) fn newest(&self, frozen: &Rows, message: &Arc<MessageRow>) -> Arc<MessageRow> {
        let key = (message.conversation, message.seq);
        let newest = |rows: &Rows| rows.replaced.get(&key).and_then(Versions::newest).cloned();
        newest(&self.active.rows()).or_else(|| newest(frozen)).unwrap_or_else(|| Arc::clone(message))
    }

    /// The entries of a conversation after a position, ascending.
    pub(super) fn events_of(&self, conversation: ConversationNo, after: Position) -> Vec<Position> {
        self.positions(after, |rows| rows.conversations.get(&conversation).map(|changed| &changed.events))
    }

    /// The entries after a position that were only somebody's own business, ascending.
    pub(super) fn personal(&self, user: UserNo, after: Position) -> Vec<Position> {
        self.positions(after, |rows| rows.personal.get(&user))
    }

    fn positions(&self, after: Position, of: impl Fn(&Rows) -> Option<&Vec<Position>>) -> Vec<Position> {
        let mut found = Vec::new();
        for layer in self.frozen.iter().chain([&self.active]) {
            let rows = layer.rows();
            let positions = of(&rows).map(Vec::as_slice).unwrap_or_default();
            let begin = positions.partition_point(|position| *position <= after);
            let end = positions.partition_point(|position| *position <= self.position);
            found.extend_from_slice(positions.get(begin..end).unwrap_or_default());
        }
        found
    }

    /// The entry at this position, if it stands in the write-ahead log only.
    pub(super) fn entry_ahead(&self, position: Position) -> Option<Arc<Entry>> {
        self.find(|rows, shown| {
            let i = rows.entries_ahead.binary_search_by_key(&position, |(position, _)| *position).ok()?;
            (position <= shown).then(|| Arc::clone(&rows.entries_ahead[i].1))
        })
    }

    /// The entries after a position that stand in the write-ahead log only, ascending, at most `limit`.
    pub(super) fn entries_ahead(&self, after: Position, limit: usize) -> Vec<(Position, Arc<Entry>)> {
        let mut found = Vec::new();
        for layer in self.frozen.iter().chain([&self.active]) {
            let rows = layer.rows();
            let begin = rows.entries_ahead.partition_point(|(position, _)| *position <= after);
            let entries = rows.entries_ahead[begin..].iter().take_while(|(position, _)| *position <= self.position);
            found.extend(entries.take(limit - found.len()).cloned());
        }
        found
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
            row.messages.extend(changed.messages);
            row.events.extend(changed.events);
            let Some(conversation) = changed.conversation else { continue };
            let before = row.versions.newest().map(|before| &before.members);
            if before.is_none_or(|before| !Arc::ptr_eq(before, &conversation.members)) {
                for member in conversation.members.iter() {
                    if before.is_none_or(|before| before.get(member.user).is_none()) {
                        self.by_member.entry(member.user).or_default().push(no);
                    }
                }
            }
            row.versions.0.push((changes.head, conversation));
        }
        for (user, positions) in changes.personal {
            self.personal.entry(user).or_default().extend(positions);
        }
        for (key, mark) in changes.marks {
            self.marks.entry(key).or_default().0.push((changes.head, mark));
        }
        for (key, message) in changes.replaced {
            self.replaced.entry(key).or_default().0.push((changes.head, message));
        }
        for (author, sent) in changes.sent {
            self.sent.entry(author).or_default().extend(sent);
        }
        self.entries_ahead.extend(changes.entries_ahead);
        self.entries += changes.entries;
        self.bytes += changes.bytes;
        self.head = changes.head;
    }
}

impl Rows {
    fn message(&self, conversation: ConversationNo, seq: Seq, position: Position) -> Option<&Arc<MessageRow>> {
        // Nearly always there are none.
        if !self.replaced.is_empty()
            && let Some(message) = self.replaced.get(&(conversation, seq)).and_then(|versions| versions.at(position))
        {
            return Some(message);
        }
        let message = self.conversations.get(&conversation)?.message(seq)?;
        (message.position <= position).then_some(message)
    }
}

impl TailConversation {
    fn message(&self, seq: Seq) -> Option<&Arc<MessageRow>> {
        message(&self.messages, seq)
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

    /// The entry at this position stands in the write-ahead log only.
    pub(super) fn put_ahead(&mut self, position: Position, entry: Arc<Entry>) {
        self.bytes += ENTRY_BYTES;
        self.entries_ahead.push((position, entry));
    }

    /// All entries stand in the table of the log too.
    pub(super) fn none_ahead(&mut self) {
        self.entries_ahead.clear();
    }

    pub(super) fn conversation(&self, no: ConversationNo) -> Option<&Arc<Conversation>> {
        self.conversations.get(&no)?.conversation.as_ref()
    }

    pub(super) fn message(&self, conversation: ConversationNo, seq: Seq) -> Option<&Arc<MessageRow>> {
        message(&self.conversations.get(&conversation)?.messages, seq)
    }

    pub(super) fn mark(&self, conversation: ConversationNo, user: UserNo) -> Option<Mark> {
        self.marks.get(&(conversation, user)).copied()
    }

    pub(super) fn sent(&self, author: UserNo, client_id: &ClientId) -> Option<(ConversationNo, Seq)> {
        self.sent.get(&author)?.get(client_id).copied()
    }

    pub(super) fn greatest_sent(&self, author: UserNo) -> Option<ClientId> {
        greatest(&self.sent, author)
    }

    pub(super) fn put_conversation(&mut self, conversation: Arc<Conversation>) {
        let no = conversation.no;
        self.conversations.entry(no).or_default().conversation = Some(conversation);
    }

    /// A new message.
    pub(super) fn put_message(&mut self, message: &Arc<MessageRow>) {
        self.bytes += MESSAGE_BYTES + message.text.len();
        self.conversations.entry(message.conversation).or_default().messages.push(Arc::clone(message));
    }

    pub(super) fn put_sent(&mut self, author: UserNo, client_id: &ClientId, message: (ConversationNo, Seq)) {
        self.sent.entry(author).or_default().insert(client_id.clone(), message);
    }

    pub(super) fn put_scope(&mut self, scope: Scope, position: Position) {
        if let Some(conversation) = scope.conversation() {
            self.conversations.entry(conversation).or_default().events.push(position);
        }
        if let Some(user) = scope.user() {
            self.personal.entry(user).or_default().push(position);
        }
    }

    /// A message that was there before, in this commit or in a layer of the tail.
    pub(super) fn replace_message(&mut self, message: &Arc<MessageRow>, in_tail: bool) {
        let key = (message.conversation, message.seq);
        let made = self.conversations.get_mut(&key.0).and_then(|changed| message_mut(&mut changed.messages, key.1));
        if let Some(made) = made {
            *made = Arc::clone(message);
        } else if in_tail {
            self.bytes += MESSAGE_BYTES + message.text.len();
            self.replaced.insert(key, Arc::clone(message));
        }
    }

    pub(super) fn put_mark(&mut self, conversation: ConversationNo, user: UserNo, mark: Mark) {
        self.marks.insert((conversation, user), mark);
    }
}

/// The message with this number among those of one conversation, which have no gap.
fn message(messages: &[Arc<MessageRow>], seq: Seq) -> Option<&Arc<MessageRow>> {
    let i = seq.0.checked_sub(messages.first()?.seq.0)?;
    messages.get(usize::try_from(i).ok()?)
}

fn message_mut(messages: &mut [Arc<MessageRow>], seq: Seq) -> Option<&mut Arc<MessageRow>> {
    let i = seq.0.checked_sub(messages.first()?.seq.0)?;
    messages.get_mut(usize::try_from(i).ok()?)
}

fn greatest(sent: &Sent, author: UserNo) -> Option<ClientId> {
    Some(sent.get(&author)?.last_key_value()?.0.clone())
}
