use axum::Json as Shown;
use chat_proto::wire::{Policy, PolicyRule, Problem};
use chatcore::PolicyRow;

use super::Answer;
use crate::extract::Caller;

/// Who may do what
///
/// For the staff. The rows that allow something, each with its reason; what no row names is denied. The server decides by
/// these rows and no others; with whom somebody may begin a conversation is the contact matrix's to say, and a key may do
/// less than whom it acts as.
#[utoipa::path(get, path = "/policy", tag = "people", security(("bearer" = [])), responses(
    (status = 200, description = "The policy", body = Policy),
    (status = 403, description = "`forbidden`: not of the staff", body = Problem),
))]
pub(crate) async fn show(Caller(me): Caller) -> Answer<Shown<Policy>> {
    Ok(Shown(Policy { items: me.policy().await?.iter().map(rule).collect() }))
}

fn rule(row: &PolicyRow) -> PolicyRule {
    PolicyRule {
        action: row.action.to_string(),
        roles: row.roles.to_vec(),
        relations: row.relations.iter().map(ToString::to_string).collect(),
        because: row.because.to_owned(),
    }
}
