//! The same for several accounts.

use chat_client::Client;
use chat_proto::model::User as Account;

use super::{Items, Several, Who, find, named};
use crate::exit::{Exit, Failure, partly};
use crate::output::Style;

/// Does the same to each of them, after one question for all. What fails is told on standard error, and the rest goes on.
pub(super) async fn each<R: Future<Output = Result<Account, chat_client::Error>>>(
    client: &Client,
    several: &Several,
    doubt: Option<&str>,
    change: impl Fn(Account) -> R,
    says: impl Fn(&Account) -> String,
    style: &Style,
) -> Result<Exit, Failure> {
    let mut found = Vec::new();
    let mut failures = Vec::new();
    for user in &several.users {
        match find(client, &Who::named(user)).await {
            Ok(account) => found.push(account),
            Err(failure) => failures.push((user.clone(), failure)),
        }
    }
    if let (Some(doubt), false) = (doubt, found.is_empty()) {
        let names: Vec<String> = found.iter().map(named).collect();
        style.confirm(&doubt.replace("{}", &names.join(", "))).await?;
    }
    let mut changed = Vec::new();
    for account in found {
        let name = named(&account);
        match change(account).await {
            Ok(account) => changed.push(account),
            Err(error) => failures.push((name, error.into())),
        }
    }
    if several.users.len() == 1 {
        // Of one alone the answer is the server's own, and so is the error.
        return match (changed.first(), failures.pop()) {
            (Some(account), _) => style.done(account, &says(account)),
            (None, Some((_, failure))) => Err(failure),
            (None, None) => Ok(Exit::Ok),
        };
    }
    let lines: Vec<String> = changed.iter().map(says).collect();
    let printed = style.each_done(&Items { items: &changed }, &lines)?;
    Ok(if printed == Exit::Ok { partly(changed.len(), &failures, style) } else { printed })
}
