//! Files that go with messages: keeping what was uploaded, sending it, forgetting it.
//!
//! A content lies in the folder once, however often it was uploaded: its row counts who needs it. Whoever is the last to
//! let go of it leaves a note, in the same transaction, that it is to be taken out of the folder.

use std::collections::BTreeMap;
use std::time::Duration;

use chat_proto::{AttachmentId, ErrorCode, Role, Timestamp};

use super::{Context, Decision, Put, Refusal, Stop};
use crate::access::{Action, Relation};
use crate::state::rows::MessageRow;
use crate::state::{
    AttachmentRow, Author, Change, FileRow, Lookup, Outcome, Place, RecordKey, UserNo, number_row, row_number, shown,
};
use crate::store::StoreError;

/// What was not sent is forgotten after this.
const UNSENT_FOR: Duration = Duration::from_hours(24);
/// Rows of earlier days that are forgotten at a time.
const FORGOTTEN_AT_ONCE: usize = 500;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

const NO_SUCH_ATTACHMENT: &str = "There is no such attachment.";

/// Its contents lie in the folder already, and nobody takes them out before this is decided.
pub(super) fn keep(context: &Context<'_>, by: Author, file: FileRow) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::UploadAttachment, Relation::Stranger)?;
    context.rules.attachments.require_kind(me.account.role, &file.media_type)?;
    let mut decision = Decision { by: Some(me.no), ..Decision::nothing(Outcome::Attachment(Box::new(file.shown()))) };
    charge(context, &mut decision, me.no, file.bytes())?;
    keep_unsent(context, &mut decision, me.no, file)?;
    Ok(tidied(decision))
}

/// A file from elsewhere, of whoever wrote the message that comes next. How much somebody may upload in a day is nothing to it.
pub(super) fn import(context: &Context<'_>, (owner, role): (UserNo, Role), file: FileRow) -> Result<Decision, Stop> {
    context.rules.attachments.require_kind(role, &file.media_type)?;
    let mut decision = Decision::nothing(Outcome::Imported(0));
    if let Some(row) = found(context.lookup, file.id)? {
        if row.owner != owner {
            return Err(Refusal::new(ErrorCode::Conflict, "A file of somebody else has this id.").into());
        }
        return Ok(decision);
    }
    keep_unsent(context, &mut decision, owner, file)?;
    decision.outcome = Outcome::Imported(1);
    Ok(tidied(decision))
}

fn keep_unsent(context: &Context<'_>, decision: &mut Decision, owner: UserNo, file: FileRow) -> Result<(), Stop> {
    let mut contents = Contents::default();
    contents.need(file.contents());
    contents.count(context.lookup, decision)?;
    let row = AttachmentRow { file, owner, created_at: context.now, sent: None };
    put(decision, &row);
    decision.puts.push(Put::Record { key: due(&row), row: Some(Vec::new()) });
    Ok(())
}

/// So much more was uploaded today by somebody; refused when it is more than they may.
pub(super) fn charge(context: &Context<'_>, decision: &mut Decision, user: UserNo, bytes: u64) -> Result<(), Stop> {
    let before = uploaded_today(context.lookup, context.clock_now, user)?;
    let uploaded = before.saturating_add(bytes);
    if uploaded > context.rules.attachments.bytes_per_day {
        return Err(enough_for_today(context.clock_now).into());
    }
    let today = RecordKey::uploaded(day_of(context.clock_now), user);
    decision.puts.push(Put::Record { key: today, row: Some(number_row(uploaded)) });
    Ok(())
}

/// The files that are sent with a message: its author's own, and each for the first time.
pub(super) fn for_message(
    context: &Context<'_>,
    author: UserNo,
    ids: &[AttachmentId],
) -> Result<Vec<AttachmentRow>, Stop> {
    let mut rows = Vec::with_capacity(ids.len());
    for (i, id) in ids.iter().enumerate() {
        let pointer = format!("/attachments/{i}");
        match found(context.lookup, *id)? {
            Some(row) if is_owner(context.lookup, &row, author)? => {
                if row.sent.is_some() {
                    let detail = "This attachment was sent with another message. Upload it again.";
                    return Err(Refusal::at(ErrorCode::Conflict, pointer, detail).into());
                }
                rows.push(row);
            }
            _ => return Err(Refusal::invalid(pointer, NO_SUCH_ATTACHMENT).into()),
        }
    }
    Ok(rows)
}

/// From now on they belong to the message.
pub(super) fn send(rows: Vec<AttachmentRow>, message: &MessageRow) -> Vec<Put> {
    let place = Place { conversation: message.conversation, seq: message.seq };
    let mut puts = Vec::with_capacity(2 * rows.len());
    for row in rows {
        puts.push(Put::Record { key: due(&row), row: None });
        let row = AttachmentRow { sent: Some(place), ..row };
        puts.push(Put::Record { key: RecordKey::attachment(row.file.id), row: Some(row.encoded()) });
    }
    puts
}

/// They go with the message that they were sent with.
pub(super) fn forget_with(context: &Context<'_>, files: &[FileRow]) -> Result<Vec<Put>, Stop> {
    let mut decision = Decision::nothing(Outcome::Done);
    let mut contents = Contents::default();
    for file in files {
        contents.let_go(file.contents());
        decision.puts.push(Put::Record { key: RecordKey::attachment(file.id), row: None });
    }
    contents.count(context.lookup, &mut decision)?;
    Ok(decision.puts)
}

/// Its owner takes it back before it was sent.
pub(super) fn delete(context: &Context<'_>, by: Author, id: AttachmentId) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::UploadAttachment, Relation::Stranger)?;
    let row = found(context.lookup, id)?;
    let row = row.ok_or_else(|| Refusal::not_found(NO_SUCH_ATTACHMENT))?;
    if !is_owner(context.lookup, &row, me.no)? {
        return Err(Refusal::not_found(NO_SUCH_ATTACHMENT).into());
    }
    if row.sent.is_some() {
        let detail = "This attachment was sent. Delete the message, and it goes too.";
        return Err(Refusal::new(ErrorCode::Conflict, detail).into());
    }
    let mut decision = Decision { by: Some(me.no), ..Decision::nothing(Outcome::Done) };
    forget_unsent(context, &mut decision, &[row])?;
    Ok(tidied(decision))
}

/// What nobody has sent for too long, and how much was uploaded on days that are over.
pub(super) fn collect(context: &Context<'_>, due: Vec<RecordKey>) -> Result<Decision, Stop> {
    let mut decision = Decision::nothing(Outcome::Done);
    let (_, not_yet) = RecordKey::attachments_due_before(context.clock_now);
    let mut unsent = Vec::new();
    for key in due {
        if key >= not_yet || context.lookup.record(&key)?.is_none() {
            continue;
        }
        let id = key.due_attachment().ok_or_else(|| StoreError::corrupt("an attachment without an id"))?;
        match found(context.lookup, id)? {
            Some(row) if row.sent.is_none() => unsent.push(row),
            _ => decision.puts.push(Put::Record { key, row: None }),
        }
    }
    forget_unsent(context, &mut decision, &unsent)?;
    let (from, before) = RecordKey::uploaded_before(day_of(context.clock_now));
    for (key, _) in context.lookup.records(&from, &before, FORGOTTEN_AT_ONCE)? {
        decision.puts.push(Put::Record { key, row: None });
    }
    Ok(if decision.puts.is_empty() { decision } else { tidied(decision) })
}

/// These contents are out of the folder.
pub(super) fn contents_removed(context: &Context<'_>, contents: Vec<[u8; 32]>) -> Result<Decision, Stop> {
    let mut decision = Decision::nothing(Outcome::Done);
    for sha256 in contents {
        let key = RecordKey::content_gone(&sha256);
        if context.lookup.record(&key)?.is_some() {
            decision.puts.push(Put::Record { key, row: None });
        }
    }
    Ok(if decision.puts.is_empty() { decision } else { tidied(decision) })
}

fn forget_unsent(context: &Context<'_>, decision: &mut Decision, rows: &[AttachmentRow]) -> Result<(), Stop> {
    let mut contents = Contents::default();
    for row in rows {
        contents.let_go(row.file.contents());
        decision.puts.push(Put::Record { key: RecordKey::attachment(row.file.id), row: None });
        decision.puts.push(Put::Record { key: due(row), row: None });
    }
    contents.count(context.lookup, decision)
}

/// How often contents are needed more, or less, than before. Counted together, since two files of one message may have the
/// same content, and a decision does not see what it is about to write.
#[derive(Default)]
pub(super) struct Contents(BTreeMap<[u8; 32], i64>);

impl Contents {
    pub(super) fn need(&mut self, contents: impl IntoIterator<Item = [u8; 32]>) {
        contents.into_iter().for_each(|sha256| *self.0.entry(sha256).or_default() += 1);
    }

    pub(super) fn let_go(&mut self, contents: impl IntoIterator<Item = [u8; 32]>) {
        contents.into_iter().for_each(|sha256| *self.0.entry(sha256).or_default() -= 1);
    }

    pub(super) fn count(self, lookup: &dyn Lookup, decision: &mut Decision) -> Result<(), Stop> {
        for (sha256, more) in self.0 {
            let (needed, gone) = (RecordKey::content(&sha256), RecordKey::content_gone(&sha256));
            let before = lookup.record(&needed)?.as_deref().and_then(row_number).unwrap_or(0);
            let after = before.saturating_add_signed(more);
            decision.puts.push(Put::Record { key: needed, row: (after > 0).then(|| number_row(after)) });
            // The note that it can go is there exactly while nothing needs it.
            if before == 0 && after > 0 {
                decision.puts.push(Put::Record { key: gone, row: None });
            } else if after == 0 {
                decision.puts.push(Put::Record { key: gone, row: Some(Vec::new()) });
            }
        }
        Ok(())
    }
}

/// An attachment, by its id.
pub(crate) fn found(lookup: &dyn Lookup, id: AttachmentId) -> Result<Option<AttachmentRow>, StoreError> {
    lookup.record(&RecordKey::attachment(id))?.map(|row| AttachmentRow::decoded(&row)).transpose()
}

/// Whether this person uploaded it, also as the visitor that they were.
pub(crate) fn is_owner(lookup: &dyn Lookup, row: &AttachmentRow, user: UserNo) -> Result<bool, StoreError> {
    Ok(row.owner == user || shown(lookup, row.owner)?.is_some_and(|(no, _)| no == user))
}

/// How many bytes somebody has uploaded on the day of this moment.
pub(crate) fn uploaded_today(lookup: &dyn Lookup, now: Timestamp, user: UserNo) -> Result<u64, StoreError> {
    let row = lookup.record(&RecordKey::uploaded(day_of(now), user))?;
    Ok(row.as_deref().and_then(row_number).unwrap_or(0))
}

/// Says so, and when the next day begins.
pub(crate) fn enough_for_today(now: Timestamp) -> Refusal {
    let left = DAY_MILLIS - now.as_millis().rem_euclid(DAY_MILLIS);
    let retry_after = Some(Duration::from_millis(left.unsigned_abs()));
    let detail = "You have uploaded as much as you can in a day.";
    Refusal { retry_after, ..Refusal::new(ErrorCode::RateLimited, detail) }
}

fn day_of(at: Timestamp) -> u32 {
    u32::try_from(at.as_millis().div_euclid(DAY_MILLIS)).unwrap_or(0)
}

fn due(row: &AttachmentRow) -> RecordKey {
    RecordKey::attachment_due(row.created_at.after(UNSENT_FOR), row.file.id)
}

fn put(decision: &mut Decision, row: &AttachmentRow) {
    decision.puts.push(Put::Record { key: RecordKey::attachment(row.file.id), row: Some(row.encoded()) });
}

/// Rows are written along with a line of the log; nobody is told of these.
pub(super) fn tidied(mut decision: Decision) -> Decision {
    decision.changes.push((Change::Tidied, None));
    decision
}
