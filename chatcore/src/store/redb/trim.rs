//! Trimming: the oldest lines of the log are forgotten, with what the indexes say of them. What they changed stands in
//! the tables.

use ::redb::{ReadableTableMetadata, WriteTransaction};

use super::rows::decode_line;
use super::tables;
use super::view::RedbView;
use super::{Writer, durable};
use crate::state::{Line, Position};
use crate::store::{Keep, StoreError, View};

/// So many lines are forgotten in one commit: few enough not to be felt by whoever waits for the next.
const PIECE: usize = 512;

impl Writer {
    /// Forgets a piece of what need not be kept. Returns the new view, and whether there is more; `None` when there was
    /// nothing to forget.
    pub(super) fn trim_piece(
        &mut self,
        before: &RedbView,
        keep: &Keep,
    ) -> Result<Option<(RedbView, bool)>, StoreError> {
        let lines = self.forgettable(before, keep)?;
        let Some(last) = lines.last().map(|line| line.position) else { return Ok(None) };
        let mut txn = self.files()?.database.begin_write()?;
        durable(&mut txn);
        forget(&txn, &lines, last)?;
        txn.commit()?;
        Ok(Some((self.reread(before)?, lines.len() == PIECE)))
    }

    /// The oldest lines, as far as they need not be kept.
    fn forgettable(&self, view: &RedbView, keep: &Keep) -> Result<Vec<Line>, StoreError> {
        let log = view.tables.log()?;
        let head = view.position();
        let mut lines = Vec::new();
        if log.len()? <= 1 {
            return Ok(lines);
        }
        // The newest line stays: it tells where the log ends.
        for row in log.range(..=self.applied.0.min(head.0.saturating_sub(1)))?.take(PIECE) {
            let (position, line) = row?;
            let line = decode_line(Position(position.value()), line.value())?;
            if keep.keeps(line.position, line.entry.at, head) {
                break;
            }
            lines.push(line);
        }
        Ok(lines)
    }
}

fn forget(txn: &WriteTransaction, lines: &[Line], last: Position) -> Result<(), StoreError> {
    let mut conversations = Vec::new();
    let mut people = Vec::new();
    for line in lines {
        let scope = line.entry.change.scope();
        conversations.extend(scope.conversation().map(|no| (no.0, line.position.0)));
        people.extend(scope.user().map(|no| (no.0, line.position.0)));
    }
    // In the order of the keys, so that each page is touched once.
    conversations.sort_unstable();
    people.sort_unstable();
    let mut conversation_log = txn.open_table(tables::CONVERSATION_LOG)?;
    for key in conversations {
        conversation_log.remove(key)?;
    }
    let mut personal_log = txn.open_table(tables::PERSONAL_LOG)?;
    for key in people {
        personal_log.remove(key)?;
    }
    txn.open_table(tables::LOG)?.retain_in(..=last.0, |_, _| false)?;
    Ok(())
}
