//! Who may do what. One table, asked in the transaction that writes; what it does not name is denied.

use chat_proto::{ErrorCode, Role};

use crate::state::Refusal;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Begin a conversation with one person; with whom is the [`ContactMatrix`]'s to say.
    StartDirect,
    /// Begin a group; who may be in it is the [`ContactMatrix`]'s to say.
    CreateGroup,
    /// See that a conversation exists, its participants and its messages.
    ReadConversation,
    /// Write into a conversation.
    PostMessage,
    /// Change or delete what one wrote oneself.
    ChangeOwnMessage,
    /// Delete what somebody else wrote.
    DeleteMessage,
    /// See what somebody else's message said before it was changed.
    ReadRevisions,
    /// React to a message.
    React,
    /// Say how far one has read, or how far messages have come.
    MoveMark,
    /// Say that one is writing.
    SignalTyping,
    /// Say that one has a conversation open.
    SignalViewing,
    /// Bring somebody into a group.
    AddParticipant,
    /// Put somebody else out of a group.
    RemoveParticipant,
    /// Go out of a group.
    Leave,
    /// List the people that one may write to.
    ReadDirectory,
    /// Make an account of any role.
    CreateUser,
}

/// What somebody is to the conversation concerned; `Stranger` where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Not in it.
    Stranger,
    /// In it.
    Member,
    /// In it, and its owner.
    Owner,
}

use Action::{
    AddParticipant, ChangeOwnMessage, CreateGroup, CreateUser, DeleteMessage, Leave, MoveMark, PostMessage, React,
    ReadConversation, ReadDirectory, ReadRevisions, RemoveParticipant, SignalTyping, SignalViewing, StartDirect,
};
use Relation::{Member, Owner, Stranger};
use Role::{Admin, Agent, Customer, Designer, Merchant};

const EVERYBODY: &[Role] = &[Admin, Agent, Customer, Designer, Merchant];
const STAFF: &[Role] = &[Admin, Agent, Designer, Merchant];
const INSIDE: &[Relation] = &[Member, Owner];
const ANY: &[Relation] = &[Stranger, Member, Owner];

/// The policy: an action is allowed when a row has its role and its relation. There is no row that forbids.
const POLICY: &[(Action, &[Role], &[Relation])] = &[
    (StartDirect, EVERYBODY, ANY),
    (CreateGroup, STAFF, ANY),
    (ReadConversation, EVERYBODY, INSIDE),
    (PostMessage, EVERYBODY, INSIDE),
    (ChangeOwnMessage, EVERYBODY, INSIDE),
    (DeleteMessage, STAFF, &[Owner]),
    (DeleteMessage, &[Admin], INSIDE),
    (ReadRevisions, STAFF, INSIDE),
    (React, EVERYBODY, INSIDE),
    (MoveMark, EVERYBODY, INSIDE),
    (SignalTyping, EVERYBODY, INSIDE),
    (SignalViewing, EVERYBODY, INSIDE),
    (AddParticipant, STAFF, &[Owner]),
    (AddParticipant, &[Admin, Agent], INSIDE),
    (RemoveParticipant, STAFF, &[Owner]),
    (RemoveParticipant, &[Admin], INSIDE),
    (Leave, EVERYBODY, INSIDE),
    (ReadDirectory, EVERYBODY, ANY),
    (CreateUser, &[Admin], ANY),
];

/// Whether somebody of this role, who is this to the conversation, may do it.
#[must_use]
pub fn allows(role: Role, action: Action, relation: Relation) -> bool {
    POLICY
        .iter()
        .any(|(listed, roles, relations)| *listed == action && roles.contains(&role) && relations.contains(&relation))
}

/// Whether somebody of the one role is told that somebody of the other has a conversation open that both are in. The staff
/// are; customers only of each other, and only while they have it open themselves: they do not see who looks at them.
pub(crate) fn sees_viewing(role: Role, has_it_open: bool, of: Role) -> bool {
    STAFF.contains(&role) || (role == Customer && of == Customer && has_it_open)
}

pub(crate) fn require(role: Role, action: Action, relation: Relation) -> Result<(), Refusal> {
    if allows(role, action, relation) {
        return Ok(());
    }
    // A stranger to a conversation must not learn that it exists; who is inside knows.
    Err(match (action, relation) {
        (StartDirect | CreateGroup | ReadDirectory | CreateUser, _) | (_, Member | Owner) => {
            Refusal::new(ErrorCode::Forbidden, "Your role does not allow this.")
        }
        (_, Stranger) => Refusal::not_found("There is no such conversation."),
    })
}

/// Who may begin a conversation with whom, per shop.
///
/// The default lets customers reach agents, designers and merchants, never other customers or admins; agents and
/// admins reach everybody; designers and merchants reach the staff, and answer customers who wrote to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactMatrix {
    /// From the role of the row to the roles listed.
    rows: [(Role, Vec<Role>); 5],
}

impl Default for ContactMatrix {
    fn default() -> Self {
        Self {
            rows: [
                (Admin, EVERYBODY.to_vec()),
                (Agent, EVERYBODY.to_vec()),
                (Customer, vec![Agent, Designer, Merchant]),
                (Designer, STAFF.to_vec()),
                (Merchant, STAFF.to_vec()),
            ],
        }
    }
}

impl ContactMatrix {
    /// Whether somebody of the one role may begin a conversation with somebody of the other.
    #[must_use]
    pub fn may_start(&self, from: Role, to: Role) -> bool {
        self.rows.iter().any(|(role, reach)| *role == from && reach.contains(&to))
    }

    /// Sets whom a role may write to first.
    #[must_use]
    pub fn with(mut self, from: Role, reach: &[Role]) -> Self {
        for (role, reached) in &mut self.rows {
            if *role == from {
                *reached = reach.to_vec();
            }
        }
        self
    }
}

/// The shop's own rules, as decisions need them.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Who may begin a conversation with whom.
    pub contacts: ContactMatrix,
    /// The most people in a group.
    pub group_participants: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self { contacts: ContactMatrix::default(), group_participants: 1_000 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_table_does_not_name_is_denied() {
        for role in Role::ALL {
            for action in [
                ReadConversation,
                PostMessage,
                ChangeOwnMessage,
                DeleteMessage,
                ReadRevisions,
                React,
                MoveMark,
                SignalTyping,
                SignalViewing,
                AddParticipant,
                RemoveParticipant,
            ] {
                assert!(!allows(role, action, Stranger), "{role} may {action:?} as a stranger");
            }
        }
        assert!(!allows(Customer, CreateGroup, Stranger));
        assert!(!allows(Customer, AddParticipant, Owner));
        assert!(!allows(Customer, DeleteMessage, Owner) && !allows(Agent, DeleteMessage, Member));
        assert!(!allows(Customer, ReadRevisions, Member));
        for role in [Agent, Customer, Designer, Merchant] {
            assert!(!allows(role, CreateUser, Stranger), "{role} may create users");
        }
    }

    #[test]
    fn by_default_customers_reach_no_customers_and_no_admins() {
        let matrix = ContactMatrix::default();
        assert!(!matrix.may_start(Customer, Customer));
        assert!(!matrix.may_start(Customer, Admin));
        assert!(!matrix.may_start(Merchant, Customer));
        assert!(matrix.may_start(Customer, Agent));
        assert!(matrix.may_start(Agent, Customer));
        assert!(matrix.with(Merchant, &[Customer]).may_start(Merchant, Customer));
    }
}
