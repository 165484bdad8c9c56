use serde::{Deserialize, Serialize};

use crate::Role;

/// `GET /policy`: who may do what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Policy {
    /// The rows, in the order in which they are asked. What no row names is denied.
    pub items: Vec<PolicyRule>,
}

/// A row of the policy: these roles, standing in one of these relations, may do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyRule {
    /// What is allowed, such as `post_message`.
    pub action: String,
    /// To whom.
    pub roles: Vec<Role>,
    /// As what to the conversation concerned: `stranger`, `member`, `owner`.
    pub relations: Vec<String>,
    /// Why, for a person.
    pub because: String,
}

impl Policy {
    /// The row that allows it; `None` denies it. The server decides in the same way.
    #[must_use]
    pub fn rule(&self, role: Role, relation: &str, action: &str) -> Option<&PolicyRule> {
        self.items.iter().find(|rule| {
            rule.action == action
                && rule.roles.contains(&role)
                && rule.relations.iter().any(|allowed| allowed == relation)
        })
    }

    /// All actions, each once, in the order of the rows.
    #[must_use]
    pub fn actions(&self) -> Vec<&str> {
        distinct(self.items.iter().map(|rule| rule.action.as_str()))
    }

    /// All relations that a row names, each once.
    #[must_use]
    pub fn relations(&self) -> Vec<&str> {
        distinct(self.items.iter().flat_map(|rule| rule.relations.iter().map(String::as_str)))
    }
}

fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for word in words {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen
}
