use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::state::{Account, AttachmentRow, DeliveryRow, RecordKey, row_number};
use crate::store::StoreError;

/// All rows of the rare kinds, in the order of their keys.
pub(super) struct Records<'a> {
    pub all: &'a [(RecordKey, Vec<u8>)],
    pub accounts: &'a [Option<Arc<Account>>],
}

impl Records<'_> {
    /// What cannot be true of any store.
    pub(super) fn contradiction(&self) -> Result<Option<String>, StoreError> {
        Ok(self.miscounted_contents()?.or(self.lost_deliveries()?))
    }

    /// A content that is counted too low is taken out while somebody has it; too high, and it lies there for ever.
    fn miscounted_contents(&self) -> Result<Option<String>, StoreError> {
        let mut needed = BTreeMap::<RecordKey, u64>::new();
        for avatar in self.accounts.iter().flatten().filter_map(|account| account.avatar()) {
            *needed.entry(RecordKey::content(&avatar.sha256)).or_default() += 1;
        }
        let mut due = BTreeSet::new();
        for (key, row) in self.between(RecordKey::all_attachments()) {
            let row = AttachmentRow::decoded(row)?;
            if *key != RecordKey::attachment(row.file.id) {
                return Ok(Some(format!("{row:?} is not found by its id")));
            }
            for sha256 in row.file.contents() {
                *needed.entry(RecordKey::content(&sha256)).or_default() += 1;
            }
            if row.sent.is_none() {
                due.insert(row.file.id);
            }
        }
        let counted = self.between(RecordKey::all_contents()).iter();
        let counted: BTreeMap<_, _> = counted.map(|(key, row)| (key.clone(), row_number(row).unwrap_or(0))).collect();
        if counted != needed {
            return Ok(Some(format!("contents are counted as {counted:?}, and needed as {needed:?}")));
        }
        for (key, _) in self.between(RecordKey::contents_gone()) {
            if key.gone_content().is_none_or(|sha256| needed.contains_key(&RecordKey::content(&sha256))) {
                return Ok(Some(format!("{key:?} may be removed and is needed")));
            }
        }
        let noted = self.between(RecordKey::all_attachments_due()).iter().map(|(key, _)| key.due_attachment());
        let noted: Option<BTreeSet<_>> = noted.collect();
        Ok((noted.as_ref() != Some(&due)).then(|| format!("{noted:?} will be forgotten, and {due:?} were not sent")))
    }

    /// What is on its way without a time is never tried again.
    fn lost_deliveries(&self) -> Result<Option<String>, StoreError> {
        let mut due = BTreeSet::new();
        for (key, row) in self.between(RecordKey::all_deliveries()) {
            let row = DeliveryRow::decoded(row)?;
            if *key != RecordKey::delivery(row.channel, row.id) {
                return Ok(Some(format!("{row:?} is not found by its id")));
            }
            due.insert(RecordKey::delivery_due(row.channel, row.due, row.id));
        }
        let noted: BTreeSet<_> =
            self.between(RecordKey::all_deliveries_due()).iter().map(|(key, _)| key.clone()).collect();
        Ok((noted != due).then(|| format!("{} deliveries are noted, {} on their way", noted.len(), due.len())))
    }

    fn between(&self, (from, before): (RecordKey, RecordKey)) -> &[(RecordKey, Vec<u8>)] {
        let [from, before] = [from, before].map(|bound| self.all.partition_point(|(key, _)| *key < bound));
        &self.all[from..before]
    }
}
