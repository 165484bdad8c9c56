//! What is counted together with what changes, and what the statistics keep of what they counted themselves.

use super::{Account, Context, Decision, Put, Stop};
use crate::state::{Change, Headcount, Outcome, RecordKey, UserNo, who};
use crate::store::StoreError;

/// Accounts from before accounts were counted that are counted at a time.
const COUNTED_AT_ONCE: u64 = 500;

/// Counts the accounts that a decision makes, changes and forgets.
pub(super) fn keep_up(context: &Context<'_>, decision: &mut Decision) -> Result<(), StoreError> {
    let mut moved = decision.puts.iter().filter_map(moves).peekable();
    let Some((first, ..)) = moved.peek() else { return Ok(()) };
    let mut headcount = match context.lookup.record(&RecordKey::headcount())? {
        Some(row) => Headcount::decoded(&row)?,
        None if *first == UserNo(1) => Headcount::of_nobody(),
        // The store is from before accounts were counted; `count_more` will come to them.
        None => return Ok(()),
    };
    for (no, before, after) in moved {
        // Those beyond are counted as they will be then.
        if no <= headcount.up_to() {
            if let Some(before) = before {
                headcount.take(before);
            }
            if let Some(after) = after {
                headcount.add(after);
            }
        }
    }
    decision.puts.push(Put::Record { key: RecordKey::headcount(), row: Some(headcount.encoded()) });
    Ok(())
}

/// Which account becomes something else by this, and from what to what.
fn moves(put: &Put) -> Option<(UserNo, Option<&Account>, Option<&Account>)> {
    let kind = |account: &Account| (who(account), account.state);
    match put {
        Put::Account { no, account, before } => {
            let before = before.as_deref();
            (before.map(kind) != Some(kind(account))).then_some((*no, before, Some(&**account)))
        }
        Put::NoAccount { no, before } => Some((*no, Some(&**before), None)),
        _ => None,
    }
}

/// Counts some of the accounts that were made before accounts were counted.
pub(super) fn count_more(context: &Context<'_>) -> Result<Decision, Stop> {
    let mut headcount = match context.lookup.record(&RecordKey::headcount())? {
        Some(row) => Headcount::decoded(&row)?,
        None => Headcount::unbegun(),
    };
    if headcount.is_complete() {
        return Ok(Decision::nothing(Outcome::Done));
    }
    let last = context.next.user.0.saturating_sub(1);
    let up_to = last.min(headcount.up_to().0 + COUNTED_AT_ONCE);
    for no in headcount.up_to().0 + 1..=up_to {
        if let Some(account) = context.lookup.account(UserNo(no))? {
            headcount.add(&account);
        }
    }
    headcount.counted_up_to(UserNo(if up_to == last { u64::MAX } else { up_to }));
    Ok(keep(vec![(RecordKey::headcount(), Some(headcount.encoded()))]))
}

/// Writes rows that only the engine itself makes.
pub(super) fn keep(rows: Vec<(RecordKey, Option<Vec<u8>>)>) -> Decision {
    Decision {
        puts: rows.into_iter().map(|(key, row)| Put::Record { key, row }).collect(),
        // Rows are written along with a line of the log.
        changes: vec![(Change::Tidied, None)],
        ..Decision::nothing(Outcome::Done)
    }
}
