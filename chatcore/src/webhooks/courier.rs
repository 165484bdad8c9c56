//! Telling one webhook: it reads on in the log, sends, and keeps what came of it, a page at a time.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chat_proto::model::Cursor;
use chat_proto::{Timestamp, WebhookId};
use futures_util::stream::{self, StreamExt as _};
use http::StatusCode;

use super::Webhooks;
use super::schedule::wait;
use super::sign::{delivery_id, headers};
use crate::chat::Engine;
use crate::error::Result;
use crate::events::Told;
use crate::notify::outgoing::{Answer, Unanswered};
use crate::state::{
    Command, ConversationNo, MOST_HELD, Outcome, Position, RecordKey, Rendering, WebhookDeadRow, WebhookEvent,
    WebhookHeldRow, WebhookPlaceRow, WebhookRow, WebhookStateRow, WebhookStep, envelope_of,
};
use crate::store::View;

/// Lines of the log that are read at a time.
const PAGE: usize = 64;
/// Conversations of which something is sent at a time.
const AT_ONCE: usize = 8;
/// Conversations of which something has waited that are looked at together.
const TOGETHER: usize = 64;
/// Events of one conversation that have waited and are sent one after the other.
const IN_A_ROW: usize = 16;
/// So much may be read that is nothing to the webhook before it is kept how far that was.
const UNKEPT: u64 = 10_000;
/// A webhook of which everything has failed for so long is told nothing more.
const GIVEN_UP: Duration = Duration::from_hours(3 * 24);
/// When something could not be stored or read it is tried again after this long.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Until the webhook is deleted or disabled.
pub(super) async fn follow(engine: &Arc<Engine>, id: WebhookId) {
    let Some(webhooks) = &engine.webhooks else { return };
    let mut reached = None;
    loop {
        let (committed, changed) = (engine.rooms.progress.notified(), webhooks.changed.notified());
        let (mut committed, mut changed) = (std::pin::pin!(committed), std::pin::pin!(changed));
        // From here on it is heard of; so look only now.
        committed.as_mut().enable();
        changed.as_mut().enable();
        let again = match round(engine, webhooks, id, &mut reached).await {
            Ok(Next::At(again)) => again,
            Ok(Next::AtOnce) => continue,
            Ok(Next::Never) => {
                webhooks.end(id);
                // Somebody may have enabled it again since it was looked at.
                let is_told = read_row(engine, id).await.is_ok_and(|row| row.is_some_and(|row| is_enabled(&row)));
                if is_told && webhooks.begin(id) {
                    continue;
                }
                return;
            }
            Err(error) => {
                tracing::warn!(webhook = %id, code = %error.code(), "a webhook is told nothing now; trying again");
                // What came of the page is not kept, so it is read once more.
                reached = None;
                let () = engine.clock.sleep_until(engine.clock.now().after(TRY_AGAIN)).await;
                continue;
            }
        };
        let sleep = async {
            match again {
                Some(at) => engine.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = committed => {}
            () = changed => {}
            () = sleep => {}
        }
    }
}

/// When to look again.
enum Next {
    AtOnce,
    /// At this moment, or when something happens.
    At(Option<Timestamp>),
    Never,
}

/// An event on its way to a webhook.
struct Item {
    position: Position,
    /// It has waited; attempts so far.
    held: Option<u32>,
    event: u32,
    /// `None`: the log does not hold it any more.
    text: Option<String>,
}

/// What is to be sent, and where the log was read to.
struct Work {
    webhook: WebhookRow,
    place: WebhookPlaceRow,
    epoch: u64,
    by_conversation: BTreeMap<ConversationNo, Vec<Item>>,
    /// These wait behind others of their conversation.
    behind: Vec<(ConversationNo, Position)>,
    reached: Position,
    more: bool,
    next_due: Option<Timestamp>,
}

async fn read_row(engine: &Engine, id: WebhookId) -> Result<Option<WebhookRow>> {
    let read = engine.read(move |view| {
        let row = view.record(&RecordKey::webhook(id))?;
        Ok(row.map(|row| WebhookRow::decoded(&row)).transpose()?)
    });
    read.await
}

fn is_enabled(row: &WebhookRow) -> bool {
    row.state == WebhookStateRow::Enabled
}

async fn round(
    engine: &Arc<Engine>,
    webhooks: &Webhooks,
    id: WebhookId,
    reached: &mut Option<Position>,
) -> Result<Next> {
    let (asking, after) = (Arc::clone(engine), *reached);
    let Some(work) = engine.read(move |view| find(&asking, view, id, after)).await? else { return Ok(Next::Never) };
    let Work { webhook, place, epoch, by_conversation, behind, reached: read_to, more, next_due } = work;
    *reached = Some(read_to);
    let is_idle = by_conversation.is_empty() && behind.is_empty();
    if is_idle && read_to.0.saturating_sub(place.position.0) < UNKEPT {
        return Ok(if more { Next::AtOnce } else { Next::At(next_due) });
    }
    let (webhook, now) = (&webhook, engine.clock.now());
    let sending = by_conversation
        .into_iter()
        .map(|(conversation, items)| send_in_order(engine, webhooks, webhook, epoch, conversation, items));
    let ends: Vec<End> = stream::iter(sending).buffer_unordered(AT_ONCE).collect().await;
    let mut step = WebhookStep {
        webhook: id,
        place: WebhookPlaceRow { position: read_to, ..place },
        hold: Vec::new(),
        settled: Vec::new(),
        dead: Vec::new(),
        disable: false,
    };
    step.hold.extend(behind.into_iter().map(|(no, at)| (no, at, WebhookHeldRow { attempts: 0, due: now })));
    let (mut is_success, mut is_failure) = (false, false);
    for end in ends {
        is_success |= end.delivered;
        is_failure |= end.failed;
        step.disable |= end.gone;
        step.hold.extend(end.hold);
        step.settled.extend(end.settled);
        step.dead.extend(end.dead);
    }
    if is_success {
        (step.place.success_at, step.place.failing_since) = (Some(now), None);
    } else if is_failure {
        let since = place.failing_since.unwrap_or(now);
        step.place.failing_since = Some(since);
        step.disable |= since.after(GIVEN_UP) <= now;
    }
    let outcome = engine.writer.carry(Command::WebhookStep(Box::new(step))).await?;
    if matches!(outcome, Outcome::Webhook(_)) {
        tracing::warn!(webhook = %id, "a webhook has failed for too long, and is told nothing more");
    }
    Ok(Next::AtOnce)
}

/// What is due: what has waited long enough, and what is new, as far as there is room for it to wait.
fn find(engine: &Engine, view: &dyn View, id: WebhookId, after: Option<Position>) -> Result<Option<Work>> {
    let row = view.record(&RecordKey::webhook(id))?.map(|row| WebhookRow::decoded(&row)).transpose()?;
    let Some(webhook) = row.filter(is_enabled) else { return Ok(None) };
    let place = view.record(&RecordKey::webhook_place(id))?.map(|row| WebhookPlaceRow::decoded(&row)).transpose()?;
    let start = WebhookPlaceRow { position: view.position(), failing_since: None, success_at: None };
    let place = place.unwrap_or(start);
    let (from, before) = RecordKey::all_webhook_held(id);
    let held = view.records(&from, &before, MOST_HELD)?;
    let room = MOST_HELD.saturating_sub(held.len());
    let now = engine.clock.now();
    let oldest = Position(view.oldest()?.0.saturating_sub(1));
    let after = after.unwrap_or(place.position).max(oldest);
    let mut work = Work {
        webhook,
        place,
        epoch: view.epoch(),
        by_conversation: BTreeMap::new(),
        behind: Vec::new(),
        reached: after,
        more: false,
        next_due: None,
    };
    let mut waiting = HashSet::new();
    for (key, row) in held {
        let Some((conversation, position)) = key.held_for_webhook() else { continue };
        let row = WebhookHeldRow::decoded(&row)?;
        if waiting.insert(conversation) {
            // The first of its conversation, for which the others wait.
            if row.due > now {
                work.next_due = Some(work.next_due.map_or(row.due, |due| due.min(row.due)));
                continue;
            }
            if work.by_conversation.len() < TOGETHER {
                work.by_conversation.insert(conversation, Vec::new());
            }
        }
        if let Some(items) = work.by_conversation.get_mut(&conversation)
            && items.len() < IN_A_ROW
        {
            let (event, text) = written(engine, view, &work.webhook, position)?.unzip();
            items.push(Item {
                position,
                held: Some(row.attempts),
                event: event.unwrap_or_default(),
                text: text.flatten(),
            });
        }
    }
    let lines = view.lines_after(after, PAGE.min(room))?;
    work.more = lines.len() == PAGE;
    for line in lines {
        work.reached = line.position;
        let envelope = envelope_of(&line, None, view)?;
        let event = WebhookEvent::of(&envelope.event).map_or(0, WebhookEvent::bit);
        let Some(conversation) = envelope.conversation.filter(|_| work.webhook.events & event != 0) else { continue };
        if waiting.contains(&conversation) {
            work.behind.push((conversation, line.position));
            continue;
        }
        let Some(text) = write(engine, view, &Told::new(Arc::new(envelope), Rendering::Other)) else { continue };
        let item = Item { position: line.position, held: None, event, text: Some(text) };
        work.by_conversation.entry(conversation).or_default().push(item);
    }
    Ok(Some(work))
}

/// An event that has waited; `None`: the log does not hold it any more.
fn written(
    engine: &Engine,
    view: &dyn View,
    webhook: &WebhookRow,
    position: Position,
) -> Result<Option<(u32, Option<String>)>> {
    let Some(line) = view.lines_at(&[position])?.into_iter().next() else { return Ok(None) };
    let envelope = envelope_of(&line, None, view)?;
    let event = WebhookEvent::of(&envelope.event).map_or(0, WebhookEvent::bit) & webhook.events;
    Ok(Some((event, write(engine, view, &Told::new(Arc::new(envelope), Rendering::Other)))))
}

fn write(engine: &Engine, view: &dyn View, told: &Told) -> Option<String> {
    let cursor: Cursor = engine.cursor(view.epoch(), told.at_position());
    engine.webhooks.as_ref().and_then(|webhooks| (webhooks.write)(told, cursor))
}

/// What came of the events of one conversation.
#[derive(Default)]
struct End {
    delivered: bool,
    failed: bool,
    /// The webhook says that it is no more.
    gone: bool,
    hold: Vec<(ConversationNo, Position, WebhookHeldRow)>,
    settled: Vec<(ConversationNo, Position)>,
    dead: Vec<(Position, WebhookDeadRow)>,
}

async fn send_in_order(
    engine: &Engine,
    webhooks: &Webhooks,
    webhook: &WebhookRow,
    epoch: u64,
    conversation: ConversationNo,
    items: Vec<Item>,
) -> End {
    let mut end = End::default();
    for item in items {
        let (position, now) = (item.position, engine.clock.now());
        let attempts = item.held.unwrap_or(0);
        if end.failed {
            // It waits for the one before it; if it has waited already it goes on to.
            if item.held.is_none() {
                end.hold.push((conversation, position, WebhookHeldRow { attempts: 0, due: now }));
            }
            continue;
        }
        let attempts = attempts + 1;
        let fate = match &item.text {
            None => Fate::Never("the log does not hold it any more".to_owned()),
            Some(text) => send(webhooks, webhook, &delivery_id(webhook, epoch, position), text, now).await,
        };
        let trouble = match fate {
            Fate::Taken => {
                end.delivered = true;
                end.settled.extend(item.held.map(|_| (conversation, position)));
                continue;
            }
            Fate::Never(trouble) => trouble,
            Fate::Failed { trouble, asked, gone } => {
                end.gone |= gone;
                match wait(attempts, asked, &*engine.entropy) {
                    Some(wait) => {
                        end.failed = true;
                        end.hold.push((conversation, position, WebhookHeldRow { attempts, due: now.after(wait) }));
                        tracing::debug!(webhook = %webhook.id, attempts, trouble, "a webhook was not reached");
                        continue;
                    }
                    None => trouble,
                }
            }
        };
        end.settled.extend(item.held.map(|_| (conversation, position)));
        let row = WebhookDeadRow { conversation, event: item.event, attempts, given_up_at: now, trouble };
        end.dead.push((position, row));
    }
    end
}

/// What became of a request.
pub(super) enum Fate {
    Taken,
    Failed { trouble: String, asked: Option<Duration>, gone: bool },
    Never(String),
}

pub(super) async fn send(webhooks: &Webhooks, webhook: &WebhookRow, id: &str, text: &str, now: Timestamp) -> Fate {
    let body = bytes::Bytes::copy_from_slice(text.as_bytes());
    let answer = webhooks.outgoing.post(&webhook.url, |_| headers(webhook, id, text, now), body, now).await;
    match answer {
        Ok(Answer { status, .. }) if status.is_success() => Fate::Taken,
        Ok(Answer { status, retry_after }) => {
            let gone = status == StatusCode::GONE;
            Fate::Failed { trouble: format!("answered {status}"), asked: retry_after, gone }
        }
        Err(Unanswered::Unreachable(what)) => Fate::Failed { trouble: what.to_owned(), asked: None, gone: false },
        Err(unwelcome) => Fate::Failed { trouble: unwelcome.as_str().to_owned(), asked: None, gone: false },
    }
}
