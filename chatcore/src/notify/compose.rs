//! What somebody is told, as it stands when it is delivered: what they have read meanwhile, or was deleted, is not in it.

use chat_proto::model::Message;
use chat_proto::{Seq, Timestamp};

use super::notification::{News, Notification, UnreadConversation};
use super::verdict::is_muted;
use super::{Channel, mail_address};
use crate::auth::LinkKey;
use crate::letters::Letter;
use crate::state::{AccountState, Conversation, Delivered, DeliveryRow, Unread, UserNo, message_view, wrote};
use crate::store::{StoreError, View};

/// Messages of one conversation that are shown, at the most.
const SHOWN: usize = 5;
/// Messages among which they are looked for.
const LOOKED_AT: u64 = 50;
/// Names in the title of a group without a subject.
const NAMES: usize = 3;

/// `None`: there is nothing to tell any more.
pub(crate) fn compose(
    view: &dyn View,
    row: &DeliveryRow,
    links: &LinkKey,
    now: Timestamp,
) -> Result<Option<Notification>, StoreError> {
    let account = view.account(row.user)?.filter(|account| account.state == AccountState::Active);
    let (news, mail_address) = match &row.what {
        Delivered::Messages { of, together } => {
            let Some(account) = &account else { return Ok(None) };
            let address = mail_address(account).map(ToOwned::to_owned);
            if row.channel == Channel::Mail && address.is_none() {
                return Ok(None);
            }
            let conversations = of.iter().map(|unread| conversation(view, row.user, *unread, now));
            let conversations: Vec<_> = conversations.filter_map(Result::transpose).collect::<Result<_, _>>()?;
            if conversations.is_empty() {
                return Ok(None);
            }
            (News::Unread { conversations, together: *together }, address)
        }
        Delivered::Letter { letter } => {
            let Some(letter) = view.letter(*letter)? else { return Ok(None) };
            let Some(letter) = Letter::of(&letter, view, links, now)? else { return Ok(None) };
            let address = letter.to.clone();
            (News::Letter(letter), Some(address))
        }
    };
    let is_ended_by_mail = row.channel == Channel::Mail && matches!(news, News::Unread { .. });
    let unsubscribe = is_ended_by_mail.then(|| account.as_ref().map(|account| links.unsubscribe_token(account.id)));
    Ok(Some(Notification {
        id: row.id,
        channel: row.channel,
        user: account.as_ref().map(|account| account.id),
        name: account.as_ref().map(|account| account.name.clone()),
        mail_address,
        created_at: row.created_at,
        attempt: row.attempts,
        unsubscribe: unsubscribe.flatten(),
        news,
    }))
}

fn conversation(
    view: &dyn View,
    user: UserNo,
    unread: Unread,
    now: Timestamp,
) -> Result<Option<UnreadConversation>, StoreError> {
    let Unread { conversation, from, to } = unread;
    let Some(row) = view.conversation(conversation)?.filter(|row| row.members.get(user).is_some()) else {
        return Ok(None);
    };
    let from = from.max(Seq(view.mark(conversation, user)?.read.0 + 1));
    if from > to || is_muted(view, user, conversation, now)? {
        return Ok(None);
    }
    let first = from.max(Seq(to.0.saturating_sub(LOOKED_AT - 1)));
    let mut messages: Vec<Message> = Vec::new();
    let mut left_out = 0;
    for message in view.messages(conversation, first, to)? {
        if message.is_deleted() || wrote(view, &message, user)? {
            left_out += 1;
        } else {
            messages.push(message_view(view, &message, row.id, user)?);
        }
    }
    if messages.is_empty() {
        return Ok(None);
    }
    let messages = messages.split_off(messages.len().saturating_sub(SHOWN));
    let count = (to.0 - from.0 + 1).saturating_sub(left_out);
    Ok(Some(UnreadConversation { id: row.id, title: title(view, &row, user)?, count, messages }))
}

/// What a conversation is about, or who else is in it.
fn title(view: &dyn View, conversation: &Conversation, user: UserNo) -> Result<String, StoreError> {
    if let Some(subject) = &conversation.subject {
        return Ok(subject.to_string());
    }
    let others = conversation.members.by_coming(NAMES + 1).into_iter().filter(|member| member.user != user);
    let mut names = Vec::with_capacity(NAMES);
    for member in others.take(NAMES) {
        names.extend(view.account(member.user)?.map(|account| account.name.clone()));
    }
    if conversation.members.len() > NAMES + 1 {
        names.push("…".to_owned());
    }
    Ok(names.join(", "))
}
