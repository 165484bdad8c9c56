//! What is watched, put into the state.

use chat_client::{Connection, Diff, OutboxEntry, plain_line};
use chat_proto::model::{Conversation, Message};
use chat_proto::{ClientId, ConversationId, Seq, UserId};

use crate::state::{Focus, Link, Outgoing, State, Typist};
use crate::update::{Effect, unsend};

/// How long a conversation must be shown until it counts as read, seconds.
const DWELL: u8 = 2;

pub(crate) fn take(state: &mut State, diff: Diff) -> Vec<Effect> {
    match diff {
        Diff::Connection(connection) => link(state, &connection),
        Diff::Me(me) => {
            state.my_name = plain_line(&me.name).into_owned();
            // Who I am comes with the first snapshot.
            state.loaded = true;
        }
        Diff::ConversationInserted { at, conversation } => return inserted(state, at, &conversation),
        Diff::ConversationChanged(conversation) => return changed(state, &conversation),
        Diff::ConversationMoved { conversation, to } => {
            if let Some(from) = state.rows.iter().position(|row| row.id == conversation) {
                let row = state.rows.remove(from);
                state.rows.insert(to.min(state.rows.len()), row);
            }
        }
        Diff::ConversationRemoved { conversation } => return removed(state, conversation),
        Diff::ReadMoved { conversation, user, seq } => read_moved(state, conversation, user, seq),
        Diff::ThreadChanged { conversation, loading, more_before } => {
            let thread = state.threads.entry(conversation).or_default();
            (thread.loading, thread.more_before) = (loading, more_before);
        }
        Diff::ThreadClosed { conversation } => drop(state.threads.remove(&conversation)),
        Diff::MessageInserted(message) | Diff::MessageChanged(message) => put_message(state, &message),
        Diff::MessageRemoved { conversation, seq } => {
            if let Some(thread) = state.threads.get_mut(&conversation) {
                thread.entries.remove(&seq);
            }
        }
        Diff::NotLoaded { error, .. } => {
            state.notice = Some(format!("Not loaded: {}", plain_line(&error.to_string())));
        }
        Diff::Typing { conversation, user, on } => typing(state, conversation, user, on),
        Diff::OutgoingAdded(entry) => state.outbox.push(outgoing(entry)),
        Diff::OutgoingStored { client_id } => {
            let sent = state.outbox.iter_mut().find(|outgoing| outgoing.client_id == client_id);
            if let Some(outgoing) = sent {
                outgoing.stored = true;
            }
        }
        Diff::OutgoingRemoved { client_id } => forget(state, &client_id),
        Diff::OutgoingFailed { entry, error } => {
            forget(state, &entry.client_id);
            unsend(state, entry.conversation, &entry.text, &error.to_string());
        }
        // Who is online and how long the list is, which this screen does not show; or what a newer client tells.
        _ => {}
    }
    Vec::new()
}

fn link(state: &mut State, connection: &Connection) {
    let why = |error: &chat_client::Error| plain_line(&error.to_string()).into_owned();
    match connection {
        Connection::Live => state.link = Link::Live,
        Connection::Waiting { why: error, .. } => state.link = Link::Lost(why(error)),
        Connection::Ended(error) => state.link = Link::Ended(why(error)),
        // Until it is live again, it stays lost.
        _ => {}
    }
}

/// Shows this conversation.
pub(crate) fn select(state: &mut State, id: Option<ConversationId>) -> Vec<Effect> {
    if state.selected == id {
        return Vec::new();
    }
    state.scroll = 0;
    state.dwell = DWELL;
    state.selected = id;
    if id.is_none() {
        state.focus = Focus::Read;
    }
    id.map(Effect::Open).into_iter().collect()
}

fn inserted(state: &mut State, at: usize, conversation: &Conversation) -> Vec<Effect> {
    let row = state.new_row(conversation);
    state.rows.insert(at.min(state.rows.len()), row);
    match state.selected {
        None => select(state, Some(conversation.id)),
        Some(_) => Vec::new(),
    }
}

fn changed(state: &mut State, conversation: &Conversation) -> Vec<Effect> {
    let new = state.new_row(conversation);
    if let Some(row) = state.row_mut(conversation.id) {
        let marked = row.marked;
        *row = new;
        row.marked = marked;
        row.count();
    }
    if state.selected == Some(conversation.id) && state.dwell == 0 { read_on(state) } else { Vec::new() }
}

fn removed(state: &mut State, id: ConversationId) -> Vec<Effect> {
    let place = state.place();
    state.rows.retain(|row| row.id != id);
    if state.selected != Some(id) {
        return Vec::new();
    }
    let near = place.map_or(0, |place| place.min(state.rows.len().saturating_sub(1)));
    state.focus = Focus::Read;
    state.notice = Some("You are no longer in that conversation.".to_owned());
    select(state, state.rows.get(near).map(|row| row.id))
}

fn put_message(state: &mut State, message: &Message) {
    let entry = state.entry(message);
    if let Some(thread) = state.threads.get_mut(&message.conversation_id) {
        thread.entries.insert(message.seq, entry);
    }
}

fn read_moved(state: &mut State, conv: ConversationId, user: UserId, seq: Seq) {
    let me = state.me;
    let Some(row) = state.row_mut(conv) else { return };
    if user == me {
        row.read_seq = seq;
        row.count();
    } else if let Some(person) = row.people.iter_mut().find(|person| person.id == user) {
        person.read_seq = seq;
    }
}

/// Moves my read mark to the end of what is on the screen.
pub(crate) fn read_on(state: &mut State) -> Vec<Effect> {
    let shown = state.selected.filter(|_| state.shows_thread());
    let Some(row) = shown.and_then(|id| state.row_mut(id)) else {
        return Vec::new();
    };
    if row.unread == 0 {
        return Vec::new();
    }
    row.marked = Some(row.last_seq);
    row.count();
    vec![Effect::Read(row.id, row.last_seq)]
}

fn typing(state: &mut State, conv: ConversationId, user: UserId, on: bool) {
    state.typing.retain(|typist| (typist.conv, typist.user) != (conv, user));
    if on {
        state.typing.push(Typist { conv, user });
    }
}

fn outgoing(entry: OutboxEntry) -> Outgoing {
    Outgoing { client_id: entry.client_id, conv: entry.conversation, text: entry.text, stored: false }
}

fn forget(state: &mut State, client_id: &ClientId) {
    state.outbox.retain(|outgoing| outgoing.client_id != *client_id);
}

/// A second has passed.
pub(crate) fn tick(state: &mut State) -> Vec<Effect> {
    let dwelt = state.dwell == 1;
    state.dwell = state.dwell.saturating_sub(1);
    if dwelt { read_on(state) } else { Vec::new() }
}
