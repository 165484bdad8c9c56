//! How many passwords are kept as they were hashed elsewhere, counted together with the accounts that change.

use super::{Account, Context, Decision, Put};
use crate::auth::Bcrypt;
use crate::state::{ForeignHashes, RecordKey};
use crate::store::StoreError;

/// Counts those that come and go with a decision.
pub(super) fn keep_up(context: &Context<'_>, decision: &mut Decision) -> Result<(), StoreError> {
    let mut moved = decision.puts.iter().filter_map(moves).peekable();
    if moved.peek().is_none() {
        return Ok(());
    }
    let row = context.lookup.record(&RecordKey::foreign_hashes())?;
    let mut hashes = row.map(|row| ForeignHashes::decoded(&row)).transpose()?.unwrap_or_default();
    for (before, after) in moved {
        if let Some(cost) = before {
            hashes.take(cost);
        }
        if let Some(cost) = after {
            hashes.add(cost);
        }
    }
    decision.puts.push(Put::Record { key: RecordKey::foreign_hashes(), row: Some(hashes.encoded()) });
    Ok(())
}

/// The cost of an account's hash from elsewhere before and after.
fn moves(put: &Put) -> Option<(Option<u32>, Option<u32>)> {
    let cost = |account: &Account| Some(Bcrypt::parse(account.password.as_deref()?)?.cost());
    let (before, after) = match put {
        Put::Account { account, before, .. } => (before.as_deref().and_then(cost), cost(account)),
        Put::NoAccount { before, .. } => (cost(before), None),
        _ => return None,
    };
    (before != after).then_some((before, after))
}
