//! Who may do what. One table ([`policy()`]), asked by one function ([`can`]) in the transaction that writes; what it does
//! not name is denied.

mod contacts;
mod policy;
mod scope;
mod words;

use std::sync::Arc;

use chat_proto::{ErrorCode, Role};

pub use contacts::ContactMatrix;
pub use policy::{Action, PolicyRow, Relation, allows, can, policy};
pub use scope::{Scope, Scopes};
pub use words::UnknownWord;
pub(crate) use words::words;

use crate::attachments::AttachmentLimits;
use crate::pace::Pace;
use crate::state::Refusal;

/// Whether somebody of the one role is told that somebody of the other has a conversation open that both are in. The staff
/// are; customers only of each other, and only while they have it open themselves: they do not see who looks at them.
pub(crate) fn sees_viewing(role: Role, has_it_open: bool, of: Role) -> bool {
    policy::STAFF.contains(&role) || (role == Role::Customer && of == Role::Customer && has_it_open)
}

/// Refuses what is not theirs to do; every decision and reading asks this. With a key its scopes are asked too.
pub(crate) fn require(role: Role, scopes: Option<Scopes>, action: Action, relation: Relation) -> Result<(), Refusal> {
    if can(role, relation, action).is_some() {
        // Only then: what a stranger must not know is not told by a scope either.
        return scopes.map_or(Ok(()), |scopes| scopes.require(action));
    }
    // A stranger to a conversation must not learn that it exists; who is inside knows.
    if action.needs_conversation() && relation == Relation::Stranger {
        return Err(Refusal::not_found("There is no such conversation."));
    }
    Err(Refusal::new(ErrorCode::Forbidden, "Your role does not allow this."))
}

/// The shop's own rules, as decisions need them.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Who may begin a conversation with whom.
    pub contacts: ContactMatrix,
    /// The most people in a group.
    pub group_participants: usize,
    /// What may be uploaded.
    pub attachments: AttachmentLimits,
    /// How much one person may change and send, and how much may be sent into one conversation.
    pub(crate) pace: Option<Arc<Pace>>,
    /// Whether letters are sent by mail.
    pub(crate) mails: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            contacts: ContactMatrix::default(),
            group_participants: 1_000,
            attachments: AttachmentLimits::default(),
            pace: None,
            mails: false,
        }
    }
}
