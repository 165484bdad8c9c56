//! Webhooks: made and changed by admins, and how far each has been told.

use chat_proto::{ErrorCode, WebhookId};

use super::{Context, Decision, Put, Refusal, Stop};
use crate::access::{Action, Relation};
use crate::state::{
    Author, Change, Outcome, Position, PreviousSecret, RecordKey, WebhookChange, WebhookDeadRow, WebhookHeldRow,
    WebhookPlaceRow, WebhookRow, WebhookStateRow, WebhookStep,
};
use crate::store::StoreError;

/// Webhooks of one shop.
pub(crate) const MOST_WEBHOOKS: usize = 20;
/// Events that wait for one webhook. With more it is told nothing new until some of them are settled.
pub(crate) const MOST_HELD: usize = 1_000;
/// Events that were given up for one webhook; of more the oldest are forgotten.
pub(crate) const MOST_DEAD: usize = 1_000;

pub(super) fn create(context: &Context<'_>, by: Author, mut row: WebhookRow) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::ManageWebhooks, Relation::Stranger)?;
    let (from, before) = RecordKey::all_webhooks();
    if context.lookup.records(&from, &before, MOST_WEBHOOKS)?.len() >= MOST_WEBHOOKS {
        let detail = format!("There are {MOST_WEBHOOKS} webhooks; delete one first.");
        return Err(Refusal::new(ErrorCode::Conflict, detail).into());
    }
    row.created_at = context.now;
    // What happens from now on.
    let position = Position(context.next.position.0.saturating_sub(1));
    let place = WebhookPlaceRow { position, failing_since: None, success_at: None };
    let mut decision = written(&row, Some(place));
    decision.by = me.entry_author();
    decision.puts.push(put(RecordKey::webhook_place(row.id), place.encoded()));
    Ok(decision)
}

pub(super) fn change(
    context: &Context<'_>,
    by: Author,
    id: WebhookId,
    change: WebhookChange,
) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::ManageWebhooks, Relation::Stranger)?;
    let mut row = webhook(context, id)?.ok_or_else(no_such_webhook)?;
    let mut place = place(context, id)?;
    let WebhookChange { url, description, events, enabled, secret, origin: _ } = change;
    row.url = url.unwrap_or(row.url);
    row.description = description.unwrap_or(row.description);
    row.events = events.unwrap_or(row.events);
    if let Some((secret, until)) = secret {
        row.previous = Some(PreviousSecret { secret: row.secret, until });
        row.secret = secret;
    }
    let mut begins_anew = false;
    if let Some(enabled) = enabled {
        let before = row.state;
        row.state = if enabled { WebhookStateRow::Enabled } else { WebhookStateRow::Disabled };
        begins_anew = enabled && before != WebhookStateRow::Enabled;
    }
    if begins_anew && let Some(place) = &mut place {
        place.failing_since = None;
    }
    let mut decision = written(&row, place);
    decision.by = me.entry_author();
    decision.puts.extend(place.map(|place| put(RecordKey::webhook_place(id), place.encoded())));
    Ok(decision)
}

pub(super) fn delete(context: &Context<'_>, by: Author, id: WebhookId) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::ManageWebhooks, Relation::Stranger)?;
    webhook(context, id)?.ok_or_else(no_such_webhook)?;
    let mut decision = Decision { by: me.entry_author(), ..Decision::nothing(Outcome::Done) };
    decision.puts.extend([RecordKey::webhook(id), RecordKey::webhook_place(id)].map(gone));
    for (from, before) in [RecordKey::all_webhook_held(id), RecordKey::all_webhook_dead(id)] {
        let rows = context.lookup.records(&from, &before, 2 * MOST_HELD.max(MOST_DEAD))?;
        decision.puts.extend(rows.into_iter().map(|(key, _)| gone(key)));
    }
    decision.changes.push((Change::Tidied, None));
    Ok(decision)
}

/// What was given up is tried once more, as far as there is room for it to wait.
pub(super) fn replay(
    context: &Context<'_>,
    by: Author,
    id: WebhookId,
    positions: &[Position],
) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::ManageWebhooks, Relation::Stranger)?;
    webhook(context, id)?.ok_or_else(no_such_webhook)?;
    let (from, before) = RecordKey::all_webhook_held(id);
    let held = context.lookup.records(&from, &before, MOST_HELD)?.len();
    if held + positions.len() > MOST_HELD {
        return Err(Refusal::new(ErrorCode::Conflict, "Too much waits for this webhook already; try later.").into());
    }
    let mut decision = Decision { by: me.entry_author(), ..Decision::nothing(Outcome::Done) };
    for position in positions {
        let key = RecordKey::webhook_dead(id, *position);
        // It may have been forgotten or replayed meanwhile.
        let Some(row) = context.lookup.record(&key)? else { continue };
        let row = WebhookDeadRow::decoded(&row)?;
        let held = WebhookHeldRow { attempts: 0, due: context.clock_now };
        decision.puts.push(gone(key));
        decision.puts.push(put(RecordKey::webhook_held(id, row.conversation, *position), held.encoded()));
    }
    if !decision.puts.is_empty() {
        decision.changes.push((Change::Tidied, None));
    }
    Ok(decision)
}

/// What came of telling a webhook; of one that was deleted meanwhile nothing is kept.
pub(super) fn step(context: &Context<'_>, step: WebhookStep) -> Result<Decision, Stop> {
    let WebhookStep { webhook: id, place, hold, settled, dead, disable } = step;
    let mut decision = Decision::nothing(Outcome::Done);
    let Some(mut row) = webhook(context, id)? else { return Ok(decision) };
    decision.puts.push(put(RecordKey::webhook_place(id), place.encoded()));
    for (conversation, position) in settled {
        decision.puts.push(gone(RecordKey::webhook_held(id, conversation, position)));
    }
    for (conversation, position, row) in hold {
        decision.puts.push(put(RecordKey::webhook_held(id, conversation, position), row.encoded()));
    }
    if !dead.is_empty() {
        let (from, before) = RecordKey::all_webhook_dead(id);
        let there = context.lookup.records(&from, &before, 2 * MOST_DEAD)?;
        let too_many = (there.len() + dead.len()).saturating_sub(MOST_DEAD);
        decision.puts.extend(there.into_iter().take(too_many).map(|(key, _)| gone(key)));
        let rows = dead.into_iter().map(|(position, row)| put(RecordKey::webhook_dead(id, position), row.encoded()));
        decision.puts.extend(rows);
    }
    if disable && row.state == WebhookStateRow::Enabled {
        row.state = WebhookStateRow::Failed;
        decision.puts.push(put(RecordKey::webhook(id), row.encoded()));
        decision.outcome = Outcome::Webhook(Box::new(row.shown(Some(place))));
    }
    decision.changes.push((Change::Tidied, None));
    Ok(decision)
}

pub(super) fn webhook(context: &Context<'_>, id: WebhookId) -> Result<Option<WebhookRow>, StoreError> {
    context.lookup.record(&RecordKey::webhook(id))?.map(|row| WebhookRow::decoded(&row)).transpose()
}

fn place(context: &Context<'_>, id: WebhookId) -> Result<Option<WebhookPlaceRow>, StoreError> {
    context.lookup.record(&RecordKey::webhook_place(id))?.map(|row| WebhookPlaceRow::decoded(&row)).transpose()
}

fn no_such_webhook() -> Refusal {
    Refusal::not_found("There is no such webhook.")
}

fn written(row: &WebhookRow, place: Option<WebhookPlaceRow>) -> Decision {
    let mut decision = Decision::nothing(Outcome::Webhook(Box::new(row.shown(place))));
    decision.puts.push(put(RecordKey::webhook(row.id), row.encoded()));
    decision.changes.push((Change::Tidied, None));
    decision
}

fn put(key: RecordKey, row: Vec<u8>) -> Put {
    Put::Record { key, row: Some(row) }
}

fn gone(key: RecordKey) -> Put {
    Put::Record { key, row: None }
}
