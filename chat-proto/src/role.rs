use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a person is to the shop. A role never comes from the person: sign-up makes customers, staff is made by an admin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the system: people, settings, statistics.
    Admin,
    /// Answers customers.
    Agent,
    /// Buys in the shop.
    Customer,
    /// Designs for customers.
    Designer,
    /// Sells through the shop.
    Merchant,
}

/// A word that names no [`Role`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRole;

impl Role {
    /// Every role, in the order of their names.
    pub const ALL: [Self; 5] = [Self::Admin, Self::Agent, Self::Customer, Self::Designer, Self::Merchant];

    /// The word for it, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Agent => "agent",
            Self::Customer => "customer",
            Self::Designer => "designer",
            Self::Merchant => "merchant",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(word: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == word).ok_or(UnknownRole)
    }
}

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a role is one of admin, agent, customer, designer, merchant")
    }
}

impl std::error::Error for UnknownRole {}
