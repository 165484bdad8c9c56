//! Whether somebody is told of what waits for them, now or later.

use std::time::Duration;

use chat_proto::model::{ChannelPreferences, NotificationPreferences};
use chat_proto::{Seq, Timestamp};

use super::pending::Candidate;
use super::times::{Due, Times};
use super::{Channel, mail_address};
use crate::state::{
    Account, AccountState, ConversationNo, MessageRow, RecordKey, ToldRow, Unread, UserNo, WishesRow, row_number,
};
use crate::store::{StoreError, View};

/// So long after a mail about a conversation comes the next one about it, as long as they have not read it; twice as long
/// after each further one, …
const MAIL_GAP: Duration = Duration::from_mins(15);
/// … up to this.
const MOST_MAIL_GAP: Duration = Duration::from_hours(24);
/// Who sits at a device sees it there; it is looked again after this long at the earliest.
const LOOK_AGAIN: Duration = Duration::from_mins(1);
/// In so many messages the first is looked for that is worth telling, …
const LOOKED_AT: u64 = 1_000;
/// … so many at a time.
const PAGE: u64 = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is nothing to tell.
    Nothing,
    Tell {
        unread: Unread,
        /// Since when the first of it waits.
        since: Timestamp,
        together: bool,
    },
    /// To be looked at again then.
    Later(Timestamp),
}

/// What is asked besides the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    pub(crate) now: Timestamp,
    /// How long the channel waits.
    pub(crate) delay: Duration,
    /// They sit at one of their devices.
    pub(crate) is_here: bool,
    /// The channel reaches nobody but the devices that asked for it.
    pub(crate) needs_device: bool,
}

pub(crate) fn verdict(view: &dyn View, of: &Candidate, circumstances: Circumstances) -> Result<Verdict, StoreError> {
    let Circumstances { now, delay, is_here, needs_device } = circumstances;
    let Candidate { channel, user, conversation } = *of;
    if !view.account(user)?.is_some_and(|account| can_be_told(&account, channel)) {
        return Ok(Verdict::Nothing);
    }
    if needs_device && !has_device(view, user)? {
        return Ok(Verdict::Nothing);
    }
    let Some((unread, told)) = unread(view, channel, user, conversation)? else { return Ok(Verdict::Nothing) };
    if is_muted(view, user, conversation, now)? {
        return Ok(Verdict::Nothing);
    }
    let wishes = wishes(view, user)?;
    let Some(since) = first_wished(view, of_channel(&wishes, channel), user, unread)? else {
        return Ok(Verdict::Nothing);
    };
    let Due { at, together } = Times::of(&wishes).due(channel, since, delay);
    let at = at.max(not_before(channel, &told));
    if at > now {
        return Ok(Verdict::Later(at));
    }
    if is_here {
        return Ok(Verdict::Later(now.after(delay.max(LOOK_AGAIN))));
    }
    Ok(Verdict::Tell { unread, since, together })
}

fn can_be_told(account: &Account, channel: Channel) -> bool {
    account.state == AccountState::Active
        && !account.is_bot()
        && (channel != Channel::Mail || mail_address(account).is_some())
}

fn has_device(view: &dyn View, user: UserNo) -> Result<bool, StoreError> {
    let (first, end) = RecordKey::all_push(user);
    Ok(!view.records(&first, &end, 1)?.is_empty())
}

/// What they have not read, nor been told of by this channel, and how far that was.
fn unread(
    view: &dyn View,
    channel: Channel,
    user: UserNo,
    conversation: ConversationNo,
) -> Result<Option<(Unread, Told)>, StoreError> {
    let Some(row) = view.conversation(conversation)?.filter(|row| row.members.get(user).is_some()) else {
        return Ok(None);
    };
    let told = view.record(&RecordKey::told(channel, user, conversation))?;
    let told = told.map(|row| ToldRow::decoded(&row)).transpose()?.unwrap_or(ToldRow::NEVER);
    let read = view.mark(conversation, user)?.read;
    let from = Seq(read.max(told.seq).0 + 1);
    let unread = Unread { conversation, from, to: row.last_seq };
    Ok((from <= row.last_seq).then_some((unread, Told { row: told, has_read: read >= told.seq })))
}

struct Told {
    row: ToldRow,
    /// They have read what they were told of.
    has_read: bool,
}

/// When the next mail about a conversation may come.
fn not_before(channel: Channel, told: &Told) -> Timestamp {
    if channel != Channel::Mail || told.has_read || told.row.times == 0 {
        return Timestamp::from_millis(i64::MIN);
    }
    let gap = MAIL_GAP.saturating_mul(1 << (told.row.times - 1).min(16));
    told.row.at.after(gap.min(MOST_MAIL_GAP))
}

/// When the first of these messages was written that they wish to be told of.
fn first_wished(
    view: &dyn View,
    wished: ChannelPreferences,
    user: UserNo,
    unread: Unread,
) -> Result<Option<Timestamp>, StoreError> {
    let Unread { conversation, mut from, to } = unread;
    let speaks_to =
        |message: &MessageRow| message.extras.as_ref().is_some_and(|extras| extras.mentions.contains(&user));
    let is_wished = |message: &MessageRow| {
        let wished = if speaks_to(message) { wished.mentions } else { wished.messages };
        wished && message.author != user && !message.is_deleted()
    };
    if wished == ChannelPreferences::NONE {
        return Ok(None);
    }
    for _ in 0..LOOKED_AT / PAGE {
        let messages = view.messages(conversation, from, to.min(Seq(from.0 + PAGE - 1)))?;
        if let Some(first) = messages.iter().find(|message| is_wished(message)) {
            return Ok(Some(first.created_at));
        }
        from = Seq(from.0 + PAGE);
        if from > to {
            break;
        }
    }
    Ok(None)
}

pub(crate) fn is_muted(
    view: &dyn View,
    user: UserNo,
    conversation: ConversationNo,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let until = view.record(&RecordKey::muted(user, conversation))?.and_then(|row| row_number(&row));
    Ok(until.is_some_and(|until| now.as_millis() < i64::try_from(until).unwrap_or(i64::MAX)))
}

/// What somebody wishes.
pub(crate) fn wishes(view: &dyn View, user: UserNo) -> Result<NotificationPreferences, StoreError> {
    let row = view.record(&RecordKey::wishes(user))?;
    Ok(row
        .map(|row| WishesRow::decoded(&row))
        .transpose()?
        .map_or_else(NotificationPreferences::default, WishesRow::wishes))
}

const fn of_channel(wishes: &NotificationPreferences, channel: Channel) -> ChannelPreferences {
    match channel {
        Channel::Mail => wishes.mail,
        Channel::Push => wishes.push,
    }
}
