//! Where the shop's chat is kept.
//!
//! A [`Store`] commits batches of commands and gives consistent [`View`]s. All methods block: the engine calls
//! [`Store::commit`] on the writer's own thread and views on the blocking pool, so that no transaction ever
//! crosses an `await`. No type of a backend stands in a signature.
//!
//! [`memory`] is the executable specification; [`redb`] is what shops run on. Both pass the list of cases in
//! `conformance`.

#[cfg(feature = "conformance")]
#[expect(missing_docs, reason = "for tests; the words are those of the engine")]
pub mod conformance;
mod epochs;
mod error;
pub mod memory;
pub mod redb;

use std::fmt::Debug;
use std::sync::Arc;

use chat_proto::{Seq, Timestamp};

pub use epochs::{Epoch, Epochs};
pub use error::{StoreError, StoreErrorKind};

use crate::access::Rules;
use crate::state::{
    Account, Command, ConversationNo, Envelope, Line, Lookup, MessageRow, Minter, Outcome, Position, Refusal, UserNo,
};

/// Everything that the engine needs to remember.
pub trait Store: Debug + Send + Sync + 'static {
    /// Decides and carries out a batch of commands in one durable transaction, in their order. When this returns
    /// `Ok`, everything in it is on disk and visible to [`view`](Self::view); when it returns an error, nothing of
    /// the batch may be acknowledged. A refused command leaves nothing behind and never fails its neighbours.
    ///
    /// Called by one thread at a time.
    fn commit(&self, batch: Vec<Command>, rules: &Rules, minter: &mut Minter) -> Result<Committed, StoreError>;

    /// Does what cannot be put off any longer of the work that commits have put off; usually nothing, and never much.
    /// Fails when what is done beside commits has failed.
    ///
    /// Called by the thread that commits: before a commit, and when what it led to has been published.
    fn keep_up(&self) -> Result<(), StoreError>;

    /// Does a bounded piece of the work that commits have put off. `true`: there is more.
    ///
    /// Called by the thread that commits.
    fn maintain(&self) -> Result<bool, StoreError>;

    /// Forgets a bounded piece of the log's oldest lines that need not be kept. Messages stay; the newest line is always
    /// kept, and so is what [`maintain`](Self::maintain) has not worked up yet. `true`: there is more.
    ///
    /// Called by the thread that commits.
    fn trim(&self, keep: &Keep) -> Result<bool, StoreError>;

    /// The newest consistent state. Cheap, never waits for a commit.
    fn view(&self) -> Arc<dyn View>;

    /// After an error: closes what is broken and opens it again. What was committed is there afterwards; a batch
    /// whose commit failed may be there too, as a whole.
    ///
    /// Called by the thread that commits.
    fn reopen(&self) -> Result<(), StoreError>;

    /// Finishes the work that was put off and lets go of the files. Dropping without this loses nothing.
    fn close(&self) -> Result<(), StoreError>;
}

/// Which lines of the log are kept; the others can be forgotten.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// So many, the newest, …
    pub most: u64,
    /// … of those that are not older than this.
    pub since: Timestamp,
}

impl Keep {
    /// Whether a line is to be kept, in a log that ends at `head`.
    #[must_use]
    pub fn keeps(&self, position: Position, at: Timestamp, head: Position) -> bool {
        at >= self.since && head.0 - position.0 < self.most
    }
}

/// What a commit led to.
#[derive(Debug, Default)]
pub struct Committed {
    /// One per command, in their order.
    pub outcomes: Vec<Result<Outcome, Refusal>>,
    /// The new events, in the order of their positions.
    pub events: Vec<Arc<Envelope>>,
}

/// The state at one position, unmoved by later commits. Not to be kept: it holds back the reuse of disk space.
pub trait View: Lookup + Send + Sync {
    /// The newest event that this view shows.
    fn position(&self) -> Position;

    /// When that event was.
    fn last_at(&self) -> Timestamp;

    /// The oldest line of the log that is kept; the place after the newest event when there is none.
    fn oldest(&self) -> Result<Position, StoreError>;

    /// The epoch in which the store was made: its name, as long as it lives.
    fn epoch(&self) -> u64;

    /// The epochs of the store since then. A cursor is of use as far as the one in which it was handed out went.
    fn epochs(&self) -> &Epochs;

    /// The log after a position, oldest first, at most `limit` lines.
    fn lines_after(&self, after: Position, limit: usize) -> Result<Vec<Line>, StoreError>;

    /// The lines at these positions, which ascend; those that are not kept any more are left out.
    fn lines_at(&self, positions: &[Position]) -> Result<Vec<Line>, StoreError>;

    /// Which entries after a position are the business of those in a conversation, oldest first, at most `limit`.
    fn positions_of_conversation(
        &self,
        conversation: ConversationNo,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Position>, StoreError>;

    /// Which entries after a position are somebody's own business, oldest first, at most `limit`.
    fn positions_of_user(&self, user: UserNo, after: Position, limit: usize) -> Result<Vec<Position>, StoreError>;

    /// The accounts that were made last, the newest first, at most `limit`: those with the greatest numbers below `before`.
    fn newest_accounts(&self, before: Option<UserNo>, limit: usize) -> Result<Vec<(UserNo, Arc<Account>)>, StoreError>;

    /// Somebody's conversations by their newest activity, newest first: those older than `before`, at most `limit`.
    fn inbox(
        &self,
        user: UserNo,
        before: Option<Position>,
        limit: usize,
    ) -> Result<Vec<(Position, ConversationNo)>, StoreError>;

    /// The messages `from..=to` of a conversation, ascending. The caller bounds the range.
    fn messages(&self, conversation: ConversationNo, from: Seq, to: Seq) -> Result<Vec<Arc<MessageRow>>, StoreError>;
}
