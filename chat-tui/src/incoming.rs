//! What the server tells, put into the state.

use chat_client::{Change, LiveChange, plain_line};
use chat_proto::model::{Conversation, History, Message};
use chat_proto::wire::ReadMoved;
use chat_proto::{ClientId, ConversationId, Seq, UserId};

use crate::state::{Focus, Member, State, Typist};
use crate::update::Effect;

/// How long a conversation must be shown until it counts as read, seconds.
const DWELL: u8 = 2;

/// The whole list, at the start and when the server cannot tell what was missed.
pub(crate) fn inbox(state: &mut State, conversations: &[Conversation]) -> Vec<Effect> {
    state.rows = conversations.iter().map(|conversation| state.new_row(conversation)).collect();
    state.threads.clear();
    sort(state);
    let kept = state.selected.filter(|id| state.row(*id).is_some());
    select(state, kept.or_else(|| state.rows.first().map(|row| row.id)))
}

/// Shows this conversation, and loads it the first time.
pub(crate) fn select(state: &mut State, id: Option<ConversationId>) -> Vec<Effect> {
    if state.selected != id {
        state.scroll = 0;
        state.dwell = DWELL;
    }
    state.selected = id;
    let Some(id) = id else {
        state.focus = Focus::Read;
        return Vec::new();
    };
    if state.threads.contains_key(&id) {
        return Vec::new();
    }
    state.threads.entry(id).or_default().loading = true;
    vec![Effect::Load(id, None)]
}

pub(crate) fn history(state: &mut State, conv: ConversationId, history: Result<History, String>) -> Vec<Effect> {
    match history {
        Ok(history) => {
            let told = |client_id: &ClientId| history.items.iter().any(|m| m.client_id.as_ref() == Some(client_id));
            state.outbox.retain(|outgoing| !told(&outgoing.client_id));
            let entries: Vec<_> = history.items.iter().map(|m| (m.seq, state.entry(m))).collect();
            let thread = state.threads.entry(conv).or_default();
            thread.loading = false;
            thread.more_before = history.more_before;
            thread.entries.extend(entries);
        }
        Err(why) => {
            if let Some(thread) = state.threads.get_mut(&conv) {
                thread.loading = false;
                // Forgotten, so that selecting it again tries again.
                if thread.entries.is_empty() {
                    state.threads.remove(&conv);
                }
            }
            state.notice = Some(format!("Not loaded: {}", plain_line(&why)));
        }
    }
    Vec::new()
}

pub(crate) fn change(state: &mut State, change: LiveChange) -> Vec<Effect> {
    let conv = change.head.conv;
    match (change.change, conv) {
        (Change::MessageCreated(created), _) => return message(state, &created),
        (Change::ReadMoved(moved), Some(conv)) => read_moved(state, conv, &moved),
        (Change::ConversationCreated(conversation) | Change::AccessGranted(conversation), _) => {
            // What was held from before may have a hole in it.
            state.threads.remove(&conversation.id);
            state.rows.retain(|row| row.id != conversation.id);
            state.rows.push(state.new_row(&conversation));
            sort(state);
            if state.selected.is_none_or(|selected| selected == conversation.id) {
                return select(state, Some(conversation.id));
            }
        }
        (Change::AccessRevoked(revoked), _) => {
            let place = state.place();
            state.rows.retain(|row| row.id != revoked.conversation_id);
            state.threads.remove(&revoked.conversation_id);
            if state.selected == Some(revoked.conversation_id) {
                let near = place.map_or(0, |place| place.min(state.rows.len().saturating_sub(1)));
                state.focus = Focus::Read;
                state.notice = Some("You are no longer in that conversation.".to_owned());
                return select(state, state.rows.get(near).map(|row| row.id));
            }
        }
        (Change::ParticipantAdded(added), Some(conv)) if added.participant.id != state.me => {
            let member = Member {
                id: added.participant.id,
                name: plain_line(&added.participant.name).into_owned(),
                read_seq: added.participant.read_seq,
            };
            if let Some(row) = state.row_mut(conv) {
                row.people.retain(|person| person.id != member.id);
                row.people.push(member);
            }
        }
        (Change::ParticipantRemoved(removed), Some(conv)) => {
            if let Some(row) = state.row_mut(conv) {
                row.people.retain(|person| person.id != removed.user_id);
            }
        }
        (Change::UserChanged(user), _) => state.my_name = plain_line(&user.name).into_owned(),
        _ => {}
    }
    Vec::new()
}

/// A message, told once or twice.
pub(crate) fn message(state: &mut State, message: &Message) -> Vec<Effect> {
    let (conv, mine) = (message.conversation_id, message.author.id == state.me);
    if let Some(client_id) = &message.client_id {
        state.outbox.retain(|outgoing| outgoing.client_id != *client_id);
    }
    state.typing.retain(|typist| (typist.conv, typist.user) != (conv, message.author.id));
    let entry = state.entry(message);
    let last = plain_line(&message.text).into_owned();
    let Some(row) = state.row_mut(conv) else {
        return Vec::new();
    };
    if message.seq <= row.last_seq {
        return Vec::new();
    }
    row.last_seq = message.seq;
    row.last = last;
    row.updated_at = message.created_at;
    row.unread += u64::from(!mine && message.seq > row.read_seq);
    // Of a conversation that was never opened, everything is loaded at once later.
    if let Some(thread) = state.threads.get_mut(&conv) {
        thread.entries.insert(message.seq, entry);
    }
    sort(state);
    if state.selected == Some(conv) && state.dwell == 0 {
        return read_on(state);
    }
    Vec::new()
}

fn read_moved(state: &mut State, conv: ConversationId, moved: &ReadMoved) {
    let me = state.me;
    let Some(row) = state.row_mut(conv) else { return };
    if moved.user_id == me {
        row.read_seq = row.read_seq.max(moved.seq);
        row.unread = row.unread.min(row.last_seq.0.saturating_sub(row.read_seq.0));
    } else if let Some(person) = row.people.iter_mut().find(|person| person.id == moved.user_id) {
        person.read_seq = person.read_seq.max(moved.seq);
    }
}

/// Moves my read mark to the end of what is on the screen.
pub(crate) fn read_on(state: &mut State) -> Vec<Effect> {
    let shown = state.selected.filter(|_| state.shows_thread());
    let Some(row) = shown.and_then(|id| state.row_mut(id)) else {
        return Vec::new();
    };
    if row.unread == 0 || row.last_seq == Seq::ZERO {
        return Vec::new();
    }
    row.read_seq = row.last_seq;
    row.unread = 0;
    vec![Effect::Read(row.id, row.last_seq)]
}

pub(crate) fn typing(state: &mut State, conv: ConversationId, user: UserId, on: bool, seconds: u64) {
    state.typing.retain(|typist| (typist.conv, typist.user) != (conv, user));
    if on && user != state.me {
        state.typing.push(Typist { conv, user, left: seconds });
    }
}

pub(crate) fn tick(state: &mut State) -> Vec<Effect> {
    for typist in &mut state.typing {
        typist.left = typist.left.saturating_sub(1);
    }
    state.typing.retain(|typist| typist.left > 0);
    let dwelt = state.dwell == 1;
    state.dwell = state.dwell.saturating_sub(1);
    if dwelt { read_on(state) } else { Vec::new() }
}

fn sort(state: &mut State) {
    state.rows.sort_by(|a, b| b.updated_at.cmp(&a.updated_at).then(b.id.cmp(&a.id)));
}
