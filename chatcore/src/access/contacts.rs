use chat_proto::Role;

use super::policy::{EVERYBODY, STAFF};

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
                (Role::Admin, EVERYBODY.to_vec()),
                (Role::Agent, EVERYBODY.to_vec()),
                (Role::Customer, vec![Role::Agent, Role::Designer, Role::Merchant]),
                (Role::Designer, STAFF.to_vec()),
                (Role::Merchant, STAFF.to_vec()),
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

#[cfg(test)]
mod tests {
    use chat_proto::Role::{Admin, Agent, Customer, Merchant};

    use super::*;

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
