//! What is committed to the log but not yet applied to the derived tables.
//!
//! Applying every message to every table in its own commit would cost five times the log itself (pages are written
//! whole). So derived rows are kept here first, in maps that share their structure between versions, and folded into
//! the tables thousands at a time, in the order of their keys. Readers look here before they look there.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use chat_proto::{ClientId, Seq};
use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;
use rustc_hash::FxHasher;

use crate::state::{Conversation, ConversationNo, Position, UserNo};

/// By dense internal numbers, which nobody outside can choose: the fast hash is safe.
type ByNumber<K, V> = GenericHashMap<K, V, BuildHasherDefault<FxHasher>, DefaultSharedPtr>;
/// By texts of the clients' choice: hashed with a secret, so that nobody can make them collide.
type ByText<K, V> = GenericHashMap<K, V, RandomState, DefaultSharedPtr>;

/// Derived rows in memory: the newest, and those that are just being folded into the tables.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    pub(super) active: Layer,
    pub(super) frozen: Option<Arc<Layer>>,
}

/// Derived rows of a run of log entries.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    pub(super) conversations: ByNumber<ConversationNo, TailConversation>,
    pub(super) read_marks: ByNumber<(ConversationNo, UserNo), Seq>,
    pub(super) sent: ByText<(UserNo, ClientId), Position>,
    /// How many log entries it holds.
    pub(super) entries: usize,
    /// The newest of them.
    pub(super) head: Position,
}

/// A conversation that changed, and where its new messages stand.
#[derive(Clone, Debug)]
pub(super) struct TailConversation {
    pub(super) conversation: Arc<Conversation>,
    /// The number of the first new message.
    pub(super) first: Seq,
    pub(super) positions: Arc<Vec<Position>>,
}

impl Tail {
    pub(super) fn layers(&self) -> impl Iterator<Item = &Layer> {
        std::iter::once(&self.active).chain(self.frozen.as_deref())
    }

    pub(super) fn conversation(&self, no: ConversationNo) -> Option<&Arc<Conversation>> {
        self.layers()
            .find_map(|layer| layer.conversations.get(&no))
            .map(|changed| &changed.conversation)
    }

    pub(super) fn read_mark(&self, conversation: ConversationNo, user: UserNo) -> Option<Seq> {
        self.layers()
            .find_map(|layer| layer.read_marks.get(&(conversation, user)))
            .copied()
    }

    pub(super) fn sent(&self, key: &(UserNo, ClientId)) -> Option<Position> {
        self.layers().find_map(|layer| layer.sent.get(key)).copied()
    }

    /// The position of a message; `None`: the tables know it.
    pub(super) fn message(&self, conversation: ConversationNo, seq: Seq) -> Option<Position> {
        self.layers()
            .find_map(|layer| layer.conversations.get(&conversation)?.position(seq))
    }
}

impl Layer {
    pub(super) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    pub(super) fn put_conversation(&mut self, conversation: Arc<Conversation>) {
        match self.conversations.get_mut(&conversation.no) {
            Some(changed) => changed.conversation = conversation,
            None => {
                let no = conversation.no;
                let new = TailConversation {
                    conversation,
                    first: Seq::ZERO,
                    positions: Arc::default(),
                };
                self.conversations.insert(no, new);
            }
        }
    }

    pub(super) fn put_message(&mut self, conversation: ConversationNo, seq: Seq, position: Position) {
        if let Some(changed) = self.conversations.get_mut(&conversation) {
            if changed.positions.is_empty() {
                changed.first = seq;
            }
            Arc::make_mut(&mut changed.positions).push(position);
        }
    }
}

impl TailConversation {
    fn position(&self, seq: Seq) -> Option<Position> {
        let i = seq.0.checked_sub(self.first.0)?;
        self.positions.get(usize::try_from(i).ok()?).copied()
    }
}
