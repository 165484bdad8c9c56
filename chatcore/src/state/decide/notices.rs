//! Telling people of what waits for them: what they wish, what is held for a better time, what is on its way.

use std::collections::HashSet;

use chat_proto::model::NotificationPreferences;
use chat_proto::{ConversationId, ErrorCode, Seq, Timestamp};

use super::conversations::own_conversation;
use super::{Context, Decision, Refusal, Stop};
use crate::access::{Action, Relation};
use crate::state::rows::{AccountState, Put};
use crate::state::{
    Author, Change, Channel, Delivered, DeliveryEnd, DeliveryId, DeliveryRow, Held, LetterId, Notice, Outcome,
    RecordKey, Telling, ToldRow, Unread, UserNo, WishesRow, number_row,
};
use crate::store::StoreError;

/// Conversations that one person may mute.
const MOST_MUTED: usize = 1_000;
/// Deliveries among which those are looked for that were claimed. A program has few at a time, and they are due soon.
const LOOKED_AT: usize = 1_000;
/// Of what was given up, so much is kept, the newest.
const MOST_DEAD: usize = 1_000;

pub(super) fn wish(context: &Context<'_>, by: Author, wishes: &NotificationPreferences) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::ChangeOwnAccount, Relation::Stranger)?;
    let mut puts = Puts::default();
    puts.put(RecordKey::wishes(me.no), WishesRow::of(wishes).encoded());
    Ok(puts.by(Some(me.no)))
}

pub(super) fn mute(
    context: &Context<'_>,
    by: Author,
    conversation: ConversationId,
    until: Option<Timestamp>,
) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    let conversation = own_conversation(context, me.no, conversation)?;
    me.require(Action::MoveMark, conversation.relation(me.no))?;
    let key = RecordKey::muted(me.no, conversation.no);
    let (first, end) = RecordKey::all_muted(me.no);
    let is_new = until.is_some() && context.lookup.record(&key)?.is_none();
    if is_new && context.lookup.records(&first, &end, MOST_MUTED)?.len() == MOST_MUTED {
        return Err(Refusal::new(ErrorCode::Conflict, "You have muted 1,000 conversations.").into());
    }
    let mut puts = Puts::default();
    match until {
        Some(until) => puts.put(key, number_row(u64::try_from(until.as_millis()).unwrap_or(0))),
        None => puts.forget(key),
    }
    Ok(puts.by(Some(me.no)))
}

pub(super) fn carry(context: &Context<'_>, notice: Notice) -> Result<Decision, Stop> {
    let mut puts = Puts::default();
    match notice {
        Notice::Reached(position) => puts.put(RecordKey::noticed(), number_row(position.0)),
        Notice::Hold(held) => hold(&mut puts, held),
        Notice::Tell(tellings) => tell(context, &mut puts, tellings)?,
        Notice::Claim { channel, until, most } => return claim(context, channel, until, most),
        Notice::Release(channel) => release(context, &mut puts, channel)?,
        Notice::End { channel, id, attempt, end } => end_attempt(context, &mut puts, channel, id, attempt, end)?,
    }
    Ok(puts.by(None))
}

fn hold(puts: &mut Puts, held: Vec<Held>) {
    for Held { channel, user, conversation, due } in held {
        puts.put(RecordKey::held(channel, user, conversation), Vec::new());
        puts.put(RecordKey::held_due(due, channel, user), Vec::new());
    }
}

/// What they have been told of already is left out, whoever asks: so two who decide at the same time do not tell twice.
fn tell(context: &Context<'_>, puts: &mut Puts, tellings: Vec<Telling>) -> Result<(), StoreError> {
    let mut seen = HashSet::new();
    for Telling { id, channel, user, of, settled, together, looked_at } in tellings {
        for conversation in settled {
            puts.forget(RecordKey::held(channel, user, conversation));
        }
        if let Some(at) = looked_at {
            puts.forget(RecordKey::held_due(at, channel, user));
        }
        let is_there = context.lookup.account(user)?.is_some_and(|account| account.state == AccountState::Active);
        let mut news = Vec::with_capacity(of.len());
        for unread in of {
            puts.forget(RecordKey::held(channel, user, unread.conversation));
            if is_there
                && seen.insert((channel, user, unread.conversation))
                && let Some(unread) = tell_of(context, puts, channel, user, unread)?
            {
                news.push(unread);
            }
        }
        if !news.is_empty() {
            let what = Delivered::Messages { of: news, together };
            puts.send(context, id, channel, user, what);
        }
    }
    Ok(())
}

/// What of it is news to them; it is not any more.
fn tell_of(
    context: &Context<'_>,
    puts: &mut Puts,
    channel: Channel,
    user: UserNo,
    unread: Unread,
) -> Result<Option<Unread>, StoreError> {
    let key = RecordKey::told(channel, user, unread.conversation);
    let before = context.lookup.record(&key)?.map(|row| ToldRow::decoded(&row)).transpose()?.unwrap_or(ToldRow::NEVER);
    if unread.to <= before.seq {
        return Ok(None);
    }
    let read = context.lookup.mark(unread.conversation, user)?.read;
    let times = if read >= before.seq { 1 } else { before.times.saturating_add(1) };
    puts.put(key, ToldRow { seq: unread.to, at: context.clock_now, times }.encoded());
    Ok(Some(Unread { from: unread.from.max(Seq(before.seq.0 + 1)), ..unread }))
}

fn claim(context: &Context<'_>, channel: Channel, until: Timestamp, most: usize) -> Result<Decision, Stop> {
    let (from, before) = RecordKey::deliveries_due_until(channel, context.clock_now);
    let mut puts = Puts::default();
    let mut claimed = Vec::new();
    for (key, _) in context.lookup.records(&from, &before, most)? {
        let Some((_, id)) = key.due_delivery() else { continue };
        puts.forget(key);
        if let Some(mut row) = delivery(context, channel, id)? {
            row.attempts = row.attempts.saturating_add(1);
            (row.due, row.claimed) = (until, true);
            puts.keep(&row);
            claimed.push(row);
        }
    }
    Ok(Decision { outcome: Outcome::Claimed(claimed), ..puts.by(None) })
}

fn release(context: &Context<'_>, puts: &mut Puts, channel: Channel) -> Result<(), StoreError> {
    let (_, from) = RecordKey::deliveries_due_until(channel, context.clock_now);
    let (_, end) = RecordKey::deliveries_due_until(channel, Timestamp::from_millis(i64::MAX - 1));
    for (key, _) in context.lookup.records(&from, &end, LOOKED_AT)? {
        let Some((_, id)) = key.due_delivery() else { continue };
        if let Some(mut row) = delivery(context, channel, id)?.filter(|row| row.claimed) {
            puts.forget(key);
            (row.due, row.claimed) = (context.clock_now, false);
            puts.keep(&row);
        }
    }
    Ok(())
}

fn end_attempt(
    context: &Context<'_>,
    puts: &mut Puts,
    channel: Channel,
    id: DeliveryId,
    attempt: u32,
    end: DeliveryEnd,
) -> Result<(), StoreError> {
    // Whoever took too long has nothing to say any more: somebody else tries it.
    let Some(mut row) = delivery(context, channel, id)?.filter(|row| row.attempts == attempt) else { return Ok(()) };
    puts.forget(RecordKey::delivery_due(channel, row.due, id));
    match end {
        DeliveryEnd::Done => puts.forget(RecordKey::delivery(channel, id)),
        DeliveryEnd::Again { at, trouble } => {
            (row.due, row.trouble, row.claimed) = (at, Some(trouble), false);
            puts.keep(&row);
        }
        DeliveryEnd::Dead { trouble } => {
            (row.due, row.trouble, row.claimed) = (context.clock_now, Some(trouble), false);
            puts.forget(RecordKey::delivery(channel, id));
            puts.put(RecordKey::dead_delivery(id), row.encoded());
            let (first, end) = RecordKey::all_dead_deliveries();
            let dead = context.lookup.records(&first, &end, MOST_DEAD)?;
            if dead.len() == MOST_DEAD
                && let Some((oldest, _)) = dead.into_iter().next()
            {
                puts.forget(oldest);
            }
        }
    }
    Ok(())
}

pub(super) fn retry(context: &Context<'_>, by: Author, id: DeliveryId) -> Result<Decision, Stop> {
    let me = context.author(by)?;
    me.require(Action::ManageNotifications, Relation::Stranger)?;
    let dead = RecordKey::dead_delivery(id);
    let row = context.lookup.record(&dead)?.map(|row| DeliveryRow::decoded(&row)).transpose()?;
    let row = row.ok_or_else(|| Refusal::not_found("There is no such notification that was given up."))?;
    let mut puts = Puts::default();
    puts.forget(dead);
    // From now on, as if it were new.
    let now = context.clock_now;
    puts.keep(&DeliveryRow { created_at: now, due: now, attempts: 0, ..row });
    Ok(puts.by(me.entry_author()))
}

/// What it has wished and muted goes with an account.
pub(super) fn forget_wishes(context: &Context<'_>, decision: &mut Decision, user: UserNo) -> Result<(), StoreError> {
    let (first, end) = RecordKey::all_muted(user);
    let muted = context.lookup.records(&first, &end, MOST_MUTED)?.into_iter().map(|(key, _)| key);
    let rows = muted.chain([RecordKey::wishes(user)]).map(|key| Put::Record { key, row: None });
    decision.puts.extend(rows);
    Ok(())
}

fn delivery(context: &Context<'_>, channel: Channel, id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
    context.lookup.record(&RecordKey::delivery(channel, id))?.map(|row| DeliveryRow::decoded(&row)).transpose()
}

/// A letter goes by mail, where the shop sends any.
pub(super) fn send_letter(context: &Context<'_>, decision: &mut Decision, user: UserNo, letter: LetterId) {
    if context.rules.mails {
        let mut puts = Puts::default();
        puts.send(context, DeliveryId(letter.0), Channel::Mail, user, Delivered::Letter { letter });
        decision.puts.append(&mut puts.0);
    }
}

/// Rows to be written.
#[derive(Debug, Default)]
struct Puts(Vec<Put>);

impl Puts {
    fn put(&mut self, key: RecordKey, row: Vec<u8>) {
        self.0.push(Put::Record { key, row: Some(row) });
    }

    fn forget(&mut self, key: RecordKey) {
        self.0.push(Put::Record { key, row: None });
    }

    fn send(&mut self, context: &Context<'_>, id: DeliveryId, channel: Channel, user: UserNo, what: Delivered) {
        let now = context.clock_now;
        let row = DeliveryRow {
            id,
            channel,
            user,
            what,
            created_at: now,
            attempts: 0,
            due: now,
            trouble: None,
            claimed: false,
        };
        self.keep(&row);
    }

    /// Something is on its way, and is looked at when it is due.
    fn keep(&mut self, row: &DeliveryRow) {
        self.put(RecordKey::delivery(row.channel, row.id), row.encoded());
        self.put(RecordKey::delivery_due(row.channel, row.due, row.id), Vec::new());
    }

    fn by(self, by: Option<UserNo>) -> Decision {
        let Self(puts) = self;
        // Rows are written along with a line of the log.
        let changes = if puts.is_empty() { Vec::new() } else { vec![(Change::Tidied, None)] };
        Decision { by, puts, changes, ..Decision::nothing(Outcome::Done) }
    }
}
