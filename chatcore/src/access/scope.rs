//! What a key of the shop's own programs may be used for.

use chat_proto::ErrorCode;

use super::Action;
use super::words::words;
use crate::state::Refusal;

words! {
    /// What a key may be used for, besides what the policy allows to whom it acts as.
    Scope {
        /// See accounts.
        UsersRead = "users:read",
        /// Make and change accounts, but never admins.
        UsersWrite = "users:write",
        /// See the conversations of the bot, what was sent in them, and whom it may write to.
        ConversationsRead = "conversations:read",
        /// Begin conversations as the bot, and say who is in them.
        ConversationsWrite = "conversations:write",
        /// Write, change and delete messages as the bot, and all that goes with talking.
        MessagesWrite = "messages:write",
        /// Follow what the bot is told.
        EventsRead = "events:read",
        /// Read who did what from where.
        AuditRead = "audit:read",
        /// Read what is counted of the whole shop.
        StatsRead = "stats:read",
    }
}

impl Scope {
    /// Somebody has to be there who does it: a bot.
    #[must_use]
    pub const fn needs_bot(self) -> bool {
        match self {
            Self::ConversationsRead | Self::ConversationsWrite | Self::MessagesWrite | Self::EventsRead => true,
            Self::UsersRead | Self::UsersWrite | Self::AuditRead | Self::StatsRead => false,
        }
    }

    /// Its bit where scopes are stored; never reused.
    const fn bit(self) -> u32 {
        1 << match self {
            Self::UsersRead => 0,
            Self::UsersWrite => 1,
            Self::ConversationsRead => 2,
            Self::ConversationsWrite => 3,
            Self::MessagesWrite => 4,
            Self::EventsRead => 5,
            Self::AuditRead => 6,
            Self::StatsRead => 7,
        }
    }
}

impl Action {
    /// The scope that a key needs for it; without one no key may do it.
    #[must_use]
    pub const fn scope(self) -> Option<Scope> {
        use Action as A;
        match self {
            A::ReadUsers => Some(Scope::UsersRead),
            A::ManageUsers => Some(Scope::UsersWrite),
            A::ReadConversation | A::ReadRevisions | A::ReadDirectory | A::DownloadAttachment => {
                Some(Scope::ConversationsRead)
            }
            A::StartDirect | A::CreateGroup | A::AddParticipant | A::RemoveParticipant | A::Leave => {
                Some(Scope::ConversationsWrite)
            }
            A::PostMessage
            | A::UploadAttachment
            | A::ChangeOwnMessage
            | A::DeleteMessage
            | A::React
            | A::MoveMark
            | A::SignalTyping
            | A::SignalViewing => Some(Scope::MessagesWrite),
            A::FollowEvents => Some(Scope::EventsRead),
            A::ReadAuditLog => Some(Scope::AuditRead),
            A::ReadStatistics => Some(Scope::StatsRead),
            A::ChangeOwnAccount
            | A::ClaimVisitor
            | A::ReadPolicy
            | A::DeleteUsers
            | A::ResetPasswords
            | A::ManageInvitations
            | A::ManageApiKeys
            | A::ManageNotifications
            | A::ManageWebhooks => None,
        }
    }
}

/// The scopes of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(pub(crate) u32);

impl Scopes {
    /// All of these.
    #[must_use]
    pub fn of(scopes: &[Scope]) -> Self {
        Self(scopes.iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// Whether this is one of them.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// One by one.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.contains(*scope))
    }

    /// Refuses what none of them is for.
    pub(crate) fn require(self, action: Action) -> Result<(), Refusal> {
        match action.scope() {
            Some(scope) if self.contains(scope) => Ok(()),
            Some(scope) => Err(Refusal::new(ErrorCode::Forbidden, format!("This key lacks the scope `{scope}`."))),
            None => Err(Refusal::new(ErrorCode::Forbidden, "This is nothing that a key can do.")),
        }
    }
}
