//! The policy as data: rows that allow, one function that asks them.

use std::fmt;

use chat_proto::Role;

use super::words::words;

use Relation::{Member, Owner};
use Role::{Admin, Agent, Customer, Designer, Merchant};

words! {
    /// What somebody wants to do.
    Action {
        /// Begin a conversation with one person; with whom is the [`ContactMatrix`](super::ContactMatrix)'s to say.
        StartDirect = "start_direct",
        /// Begin a group; who may be in it is the [`ContactMatrix`](super::ContactMatrix)'s to say.
        CreateGroup = "create_group",
        /// See that a conversation exists, its participants and its messages.
        ReadConversation = "read_conversation",
        /// Write into a conversation.
        PostMessage = "post_message",
        /// Upload a file to be sent with a message, and take it back before.
        UploadAttachment = "upload_attachment",
        /// Get a file that was sent with a message.
        DownloadAttachment = "download_attachment",
        /// Change or delete what one wrote oneself.
        ChangeOwnMessage = "change_own_message",
        /// Delete what somebody else wrote.
        DeleteMessage = "delete_message",
        /// See what somebody else's message said before it was changed.
        ReadRevisions = "read_revisions",
        /// React to a message.
        React = "react",
        /// Say how far one has read, or how far messages have come.
        MoveMark = "move_mark",
        /// Say that one is writing.
        SignalTyping = "signal_typing",
        /// Say that one has a conversation open.
        SignalViewing = "signal_viewing",
        /// Bring somebody into a group.
        AddParticipant = "add_participant",
        /// Put somebody else out of a group.
        RemoveParticipant = "remove_participant",
        /// Go out of a group.
        Leave = "leave",
        /// Follow what happens: one's own, and of the conversations that one is in.
        FollowEvents = "follow_events",
        /// List the people that one may write to.
        ReadDirectory = "read_directory",
        /// Change one's own account: name, password, sessions.
        ChangeOwnAccount = "change_own_account",
        /// Take over the conversations of an anonymous visitor that one was before signing in.
        ClaimVisitor = "claim_visitor",
        /// Read the policy itself.
        ReadPolicy = "read_policy",
        /// See accounts as their owners do: address, whether they are disabled, where the identity comes from.
        ReadUsers = "read_users",
        /// Make accounts of any role, change their role, disable and enable them, end their sessions.
        ManageUsers = "manage_users",
        /// Take an account back for good.
        DeleteUsers = "delete_users",
        /// Let somebody set a new password for their account.
        ResetPasswords = "reset_passwords",
        /// Invite people to be staff, list what is open, take it back.
        ManageInvitations = "manage_invitations",
        /// Make keys for the shop's own programs, list them, take them back.
        ManageApiKeys = "manage_api_keys",
        /// See what could not be delivered to anybody, and have it tried again.
        ManageNotifications = "manage_notifications",
        /// Have programs of the shop's told what happens, list them, see and repeat what was given up.
        ManageWebhooks = "manage_webhooks",
        /// Read who did what from where.
        ReadAuditLog = "read_audit_log",
        /// Read what is counted of the whole shop.
        ReadStatistics = "read_statistics",
    }
}

words! {
    /// What somebody is to the conversation concerned; `Stranger` where there is none.
    Relation {
        /// Not in it.
        Stranger = "stranger",
        /// In it.
        Member = "member",
        /// In it, and its owner.
        Owner = "owner",
    }
}

pub(super) const EVERYBODY: &[Role] = &Role::ALL;
pub(super) const STAFF: &[Role] = &[Admin, Agent, Designer, Merchant];
const INSIDE: &[Relation] = &[Member, Owner];
const ANY: &[Relation] = Relation::ALL;

/// A row of the policy: these roles, standing in one of these relations, may do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyRow {
    /// What is allowed.
    pub action: Action,
    /// To whom.
    pub roles: &'static [Role],
    /// As what.
    pub relations: &'static [Relation],
    /// Why, in a few words for a person.
    pub because: &'static str,
}

const fn row(
    action: Action,
    roles: &'static [Role],
    relations: &'static [Relation],
    because: &'static str,
) -> PolicyRow {
    PolicyRow { action, roles, relations, because }
}

/// The policy: an action is allowed when a row has its role and its relation. There is no row that forbids, so their order
/// decides nothing but which of them is named as the reason.
const POLICY: &[PolicyRow] = &[
    row(Action::StartDirect, EVERYBODY, ANY, "the contact matrix says with whom"),
    row(Action::CreateGroup, STAFF, ANY, "groups are begun by the staff; the contact matrix says with whom"),
    row(Action::ReadConversation, EVERYBODY, INSIDE, "for everybody else it does not exist"),
    row(Action::PostMessage, EVERYBODY, INSIDE, "who is in it may speak"),
    row(Action::UploadAttachment, EVERYBODY, ANY, "nobody else sees it before it was sent"),
    row(Action::DownloadAttachment, EVERYBODY, INSIDE, "who sees the message sees what was sent with it"),
    row(Action::ChangeOwnMessage, EVERYBODY, INSIDE, "one's own words, while one is in it"),
    row(Action::DeleteMessage, STAFF, &[Owner], "who owns the group keeps it clean"),
    row(Action::DeleteMessage, &[Admin], INSIDE, "admins keep order where they are"),
    row(Action::ReadRevisions, STAFF, INSIDE, "staff sees what was said at first"),
    row(Action::React, EVERYBODY, INSIDE, "who is in it may react"),
    row(Action::MoveMark, EVERYBODY, INSIDE, "one's own marks"),
    row(Action::SignalTyping, EVERYBODY, INSIDE, "who is in it may speak"),
    row(Action::SignalViewing, EVERYBODY, INSIDE, "who is in it may look"),
    row(Action::AddParticipant, STAFF, &[Owner], "who owns the group says who is in it"),
    row(Action::AddParticipant, &[Admin, Agent], INSIDE, "support brings in whom it needs"),
    row(Action::RemoveParticipant, STAFF, &[Owner], "who owns the group says who is in it"),
    row(Action::RemoveParticipant, &[Admin], INSIDE, "admins keep order where they are"),
    row(Action::Leave, EVERYBODY, INSIDE, "nobody is held"),
    row(Action::FollowEvents, EVERYBODY, ANY, "each event asks for itself who is told"),
    row(Action::ReadDirectory, EVERYBODY, ANY, "the contact matrix says who is in it"),
    row(Action::ChangeOwnAccount, EVERYBODY, ANY, "one's own account"),
    row(Action::ClaimVisitor, &[Customer], ANY, "a visitor becomes a customer, with the visitor's token as proof"),
    row(Action::ReadPolicy, STAFF, ANY, "who works with rules may know them"),
    row(Action::ReadUsers, &[Admin], ANY, "administration"),
    row(Action::ManageUsers, &[Admin], ANY, "administration"),
    row(Action::DeleteUsers, &[Admin], ANY, "administration"),
    row(Action::ResetPasswords, &[Admin], ANY, "administration"),
    row(Action::ManageInvitations, &[Admin], ANY, "administration"),
    row(Action::ManageApiKeys, &[Admin], ANY, "administration"),
    row(Action::ManageNotifications, &[Admin], ANY, "administration"),
    row(Action::ManageWebhooks, &[Admin], ANY, "administration"),
    row(Action::ReadAuditLog, &[Admin], ANY, "administration"),
    row(Action::ReadStatistics, &[Admin], ANY, "administration"),
];

/// The rows of the policy, to be read and printed. What no row names is denied.
#[must_use]
pub const fn policy() -> &'static [PolicyRow] {
    POLICY
}

/// Whether somebody of this role, who is this to the conversation, may do it: the row that allows it, or `None` when there
/// is none, which denies it. Every decision asks this function.
#[must_use]
pub fn can(role: Role, relation: Relation, action: Action) -> Option<&'static PolicyRow> {
    POLICY.iter().find(|row| row.action == action && row.roles.contains(&role) && row.relations.contains(&relation))
}

/// Whether somebody of this role, who is this to the conversation, may do it.
#[must_use]
pub fn allows(role: Role, action: Action, relation: Relation) -> bool {
    can(role, relation, action).is_some()
}

impl fmt::Display for PolicyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn words<T: fmt::Display>(items: &[T]) -> String {
            items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
        let Self { action, because, .. } = self;
        let (roles, relations) = (words(self.roles), words(self.relations));
        write!(f, "{action} | {roles} | {relations} | {because}")
    }
}

impl Action {
    /// It is about a conversation, whose existence a stranger must not learn.
    pub(super) const fn needs_conversation(self) -> bool {
        use Action as A;
        match self {
            A::ReadConversation
            | A::PostMessage
            | A::DownloadAttachment
            | A::ChangeOwnMessage
            | A::DeleteMessage
            | A::ReadRevisions
            | A::React
            | A::MoveMark
            | A::SignalTyping
            | A::SignalViewing
            | A::AddParticipant
            | A::RemoveParticipant
            | A::Leave => true,
            A::StartDirect
            | A::CreateGroup
            | A::UploadAttachment
            | A::FollowEvents
            | A::ReadDirectory
            | A::ChangeOwnAccount
            | A::ClaimVisitor
            | A::ReadPolicy
            | A::ReadUsers
            | A::ManageUsers
            | A::DeleteUsers
            | A::ResetPasswords
            | A::ManageInvitations
            | A::ManageApiKeys
            | A::ManageNotifications
            | A::ManageWebhooks
            | A::ReadAuditLog
            | A::ReadStatistics => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Relation::Stranger;
    use super::*;

    #[test]
    fn a_stranger_may_do_nothing_in_a_conversation() {
        for role in Role::ALL {
            for action in Action::ALL.iter().filter(|action| action.needs_conversation()) {
                assert_eq!(can(role, Stranger, *action), None, "{role} may {action} as a stranger");
            }
        }
    }

    #[test]
    fn administration_is_for_admins() {
        for action in [
            Action::ReadUsers,
            Action::ManageUsers,
            Action::DeleteUsers,
            Action::ResetPasswords,
            Action::ManageInvitations,
            Action::ManageApiKeys,
            Action::ManageNotifications,
            Action::ManageWebhooks,
            Action::ReadAuditLog,
            Action::ReadStatistics,
        ] {
            for role in [Agent, Customer, Designer, Merchant] {
                for relation in Relation::ALL {
                    assert_eq!(can(role, *relation, action), None, "{role} may {action}");
                }
            }
            assert!(allows(Admin, action, Stranger), "{action}");
        }
        assert!(allows(Merchant, Action::ReadPolicy, Stranger) && !allows(Customer, Action::ReadPolicy, Owner));
        assert!(!allows(Customer, Action::CreateGroup, Stranger));
        assert!(!allows(Customer, Action::AddParticipant, Owner));
        assert!(!allows(Customer, Action::DeleteMessage, Owner) && !allows(Agent, Action::DeleteMessage, Member));
        assert!(!allows(Customer, Action::ReadRevisions, Member));
    }

    #[test]
    fn every_row_says_something_and_every_action_has_one() {
        for row in policy() {
            assert!(!row.roles.is_empty() && !row.relations.is_empty() && !row.because.is_empty(), "{row}");
        }
        for action in Action::ALL {
            assert!(policy().iter().any(|row| row.action == *action), "{action} is allowed to nobody");
            assert_eq!(action.as_str().parse(), Ok(*action));
        }
        assert!("rule_the_world".parse::<Action>().is_err());
    }

    #[test]
    fn the_answer_names_the_deciding_row() {
        let row = can(Agent, Owner, Action::RemoveParticipant).unwrap();
        assert_eq!(row.relations, [Owner]);
        assert_eq!(
            row.to_string(),
            "remove_participant | admin agent designer merchant | owner | who owns the group says who is in it"
        );
    }
}
