use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::Cursor;
use crate::{Day, Role, Timestamp};

/// As what an account is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Who {
    /// An admin.
    Admin,
    /// An agent.
    Agent,
    /// A customer who signed up, or for whom the shop vouches.
    Customer,
    /// A designer.
    Designer,
    /// A merchant.
    Merchant,
    /// A customer whom nobody knows: a visitor of one of the shop's pages.
    Visitor,
    /// A program of the shop's, whatever its role.
    Bot,
    /// Something of a newer server; never sent.
    #[serde(other)]
    Unknown,
}

impl Who {
    /// Every one, in the order in which they are shown.
    pub const ALL: [Self; 7] =
        [Self::Admin, Self::Agent, Self::Customer, Self::Designer, Self::Merchant, Self::Visitor, Self::Bot];

    /// As what somebody is counted who is this.
    #[must_use]
    pub const fn of(role: Role, anonymous: bool, bot: bool) -> Self {
        match role {
            _ if bot => Self::Bot,
            _ if anonymous => Self::Visitor,
            Role::Admin => Self::Admin,
            Role::Agent => Self::Agent,
            Role::Customer => Self::Customer,
            Role::Designer => Self::Designer,
            Role::Merchant => Self::Merchant,
        }
    }

    /// The word for it, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Agent => "agent",
            Self::Customer => "customer",
            Self::Designer => "designer",
            Self::Merchant => "merchant",
            Self::Visitor => "visitor",
            Self::Bot => "bot",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How the shop does, at a glance. What each figure counts stands in `docs/statistics.md`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatsOverview {
    /// Days in the period.
    pub days: u32,
    /// The first day of the period, in UTC.
    pub from: Day,
    /// The last one: today, which is not over.
    pub to: Day,
    /// From when on messages, conversations and activity are counted; `null`: from the beginning of the shop.
    pub since: Option<Timestamp>,
    /// The accounts, by what they are.
    pub people: Vec<PeopleCount>,
    /// What happened in the period.
    pub totals: Totals,
    /// The same, in as many days right before the period; `null` when not all of them were counted.
    pub before: Option<Totals>,
    /// The messages of each day of the period, in the order of the days.
    pub messages_by_day: Vec<MessagesOfDay>,
    /// The event cursor of the moment that this shows: what comes after it is news.
    pub as_of: Cursor,
}

/// The accounts that are the same to the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PeopleCount {
    /// What they are.
    pub who: Who,
    /// Accounts that can be used.
    pub accounts: u64,
    /// Accounts that are disabled.
    pub disabled: u64,
    /// Those who wrote a message in the period.
    pub active: u64,
    /// Those who sit at one of their devices now.
    pub online: u64,
    /// Those of whom devices are connected now, and who sit at none.
    pub away: u64,
}

/// What happened in some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Totals {
    /// People who wrote a message; bots are none.
    pub active_people: u64,
    /// Conversations in which a message was written.
    pub active_conversations: u64,
    /// Conversations that were begun.
    pub conversations_begun: Begun,
    /// Messages that were written, by bots too.
    pub messages: u64,
}

/// Conversations that were begun, by their kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Begun {
    /// Of two people.
    pub direct: u64,
    /// Of several.
    pub group: u64,
}

/// The messages of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessagesOfDay {
    /// Which, in UTC.
    pub day: Day,
    /// How many were written; `null` when that day was not counted.
    pub messages: Option<u64>,
}
