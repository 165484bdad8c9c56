//! What the shop's chat *is*, apart from where it is kept: rows, commands, decisions and events.
//!
//! A [`Command`] is decided against what is stored ([`decide()`]), in the transaction that writes. The decision is a
//! list of changes; each is appended to the log as one [`Entry`] and applied to the derived rows by one pure
//! function ([`apply()`]), which serves live commits, replay after a crash, and every backend alike.

mod apply;
mod attachment;
mod audit;
mod avatar;
mod cbor;
mod command;
mod decide;
mod entry;
mod envelope;
mod foreign_hashes;
#[cfg(test)]
pub(crate) mod golden;
mod headcount;
mod imported;
mod minter;
mod notices;
mod push;
mod records;
mod rows;
mod webhooks;

pub use apply::{Derived, apply};
pub use attachment::{AttachmentRow, FileRow, Place, ThumbnailRow};
pub use audit::{AuditAction, AuditFields, AuditPerson, AuditRow, AuditSubject, SignInMethod};
pub use avatar::AvatarRow;
pub(crate) use cbor::role_number;
pub use command::{
    Acceptance, ActsAs, Author, Command, Current, DeliveryEnd, Field, Held, Identity, NewApiKey, NewLetter, NewSession,
    Notice, Origin, Outcome, Post, Refusal, Renewal, Telling, VisitorClaim,
};
pub(crate) use decide::messages::find as find_message;
#[cfg(feature = "webhooks")]
pub(crate) use decide::webhooks::{MOST_DEAD, MOST_HELD, MOST_WEBHOOKS};
pub(crate) use decide::{Acting, Stop, THE_SHOP_ID, author};
pub use decide::{Decision, NewMessage, Next, decide};
pub(crate) use decide::{attachments, avatars};
pub use entry::{Change, Entry, EntryAuthor, Line, MessageChange, Position, Scope};
pub use envelope::{Audience, Envelope, Event, Rendering, envelope, envelope_of};
pub(crate) use envelope::{conversation_view, message_view, shown, wrote};
pub use foreign_hashes::ForeignHashes;
pub use headcount::{Headcount, who};
pub(crate) use headcount::{WHO_NUMBERS, who_number};
pub use imported::{Imported, ImportedConversation, ImportedMessage, ImportedUser};
pub use minter::Minter;
pub(crate) use notices::WishesRow;
pub use notices::{Channel, Delivered, DeliveryId, DeliveryRow, ToldRow, Unread};
pub(crate) use push::push_hash;
pub use push::{NewPush, PushRow, Pushed};
pub use records::{RecordKey, number_row, row_number};
pub use rows::{
    Account, AccountExtras, AccountState, ApiKeyRow, Conversation, IdentityRow, Invitation, Letter, LetterId,
    LetterKind, Mark, Member, Members, MessageExtras, MessageRow, Put, RECEIPTS_UP_TO, ReactionRow, RefreshHashes,
    RevisionRow, Session, VisitorRow, fold_email, fold_name,
};
pub use webhooks::{
    PreviousSecret, WebhookChange, WebhookDeadRow, WebhookEvent, WebhookHeldRow, WebhookPlaceRow, WebhookRow,
    WebhookStateRow, WebhookStep,
};

/// The dense internal number of an account; it never leaves the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserNo(pub u64);

/// The dense internal number of a conversation; it never leaves the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationNo(pub u64);

use std::sync::Arc;

use chat_proto::{ClientId, ConversationId, InvitationId, Role, Seq, SessionId, UserId};

use crate::store::StoreError;

/// What a decision may look at. A backend answers from the state that its transaction sees, the changes of earlier
/// commands of the same batch included.
pub trait Lookup {
    /// The account with this number.
    fn account(&self, no: UserNo) -> Result<Option<Arc<Account>>, StoreError>;
    /// The number of the account with this id.
    fn user_no(&self, id: UserId) -> Result<Option<UserNo>, StoreError>;
    /// The account that signs in with this address, folded by [`fold_email`].
    fn user_by_email(&self, folded: &str) -> Result<Option<UserNo>, StoreError>;
    /// Accounts of a role by folded name: those after the given (name, number), at most `limit`.
    fn directory(
        &self,
        role: Role,
        after: Option<(&str, UserNo)>,
        limit: usize,
    ) -> Result<Vec<(String, UserNo)>, StoreError>;
    /// Whether there is an account of this role.
    fn has_role(&self, role: Role) -> Result<bool, StoreError> {
        Ok(!self.directory(role, None, 1)?.is_empty())
    }
    /// An invitation that is not over, or has not been looked at since.
    fn invitation(&self, id: InvitationId) -> Result<Option<Arc<Invitation>>, StoreError>;
    /// All of them, in the order of their ids; decisions see to it that they are few.
    fn invitations(&self) -> Result<Vec<Arc<Invitation>>, StoreError>;
    /// A sign-in of this person.
    fn session(&self, user: UserNo, id: SessionId) -> Result<Option<Arc<Session>>, StoreError>;
    /// All sign-ins of this person, in the order of their ids; decisions see to it that they are few.
    fn sessions(&self, user: UserNo) -> Result<Vec<Arc<Session>>, StoreError>;
    /// A letter whose link was not used yet.
    fn letter(&self, id: LetterId) -> Result<Option<Arc<Letter>>, StoreError>;
    /// All letters about this account; decisions see to it that they are few.
    fn letters(&self, user: UserNo) -> Result<Vec<Arc<Letter>>, StoreError>;
    /// The letters after this one, the oldest first, at most `limit`.
    fn letters_after(&self, after: Option<LetterId>, limit: usize) -> Result<Vec<Arc<Letter>>, StoreError>;
    /// The conversation with this number, its members included.
    fn conversation(&self, no: ConversationNo) -> Result<Option<Arc<Conversation>>, StoreError>;
    /// The number of the conversation with this id.
    fn conversation_no(&self, id: ConversationId) -> Result<Option<ConversationNo>, StoreError>;
    /// The direct conversation of two people, in either order.
    fn direct(&self, one: UserNo, other: UserNo) -> Result<Option<ConversationNo>, StoreError>;
    /// Which message this author sent under this name.
    fn sent(&self, author: UserNo, client_id: &ClientId) -> Result<Option<(ConversationNo, Seq)>, StoreError>;
    /// The message with this number, as it stands now.
    fn message(&self, conversation: ConversationNo, seq: Seq) -> Result<Option<Arc<MessageRow>>, StoreError>;
    /// What a message said before, the oldest text first.
    fn revisions(&self, conversation: ConversationNo, seq: Seq) -> Result<Vec<RevisionRow>, StoreError>;
    /// How far this person has come in this conversation.
    fn mark(&self, conversation: ConversationNo, user: UserNo) -> Result<Mark, StoreError>;
    /// A row of the rare kinds.
    fn record(&self, key: &RecordKey) -> Result<Option<Vec<u8>>, StoreError>;
    /// Such rows from one key to before another, in the order of the keys, at most `limit`.
    fn records(
        &self,
        from: &RecordKey,
        before: &RecordKey,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Vec<u8>)>, StoreError>;
}
