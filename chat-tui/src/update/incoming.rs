//! What is watched, put into the state.

use chat_client::{Connection, Diff, Error, OutboxEntry, Request};
use chat_proto::model::{Conversation, Message, PresenceState};
use chat_proto::{ClientId, ConversationId, ErrorCode, Seq, UserId};

use super::{Effect, filtering, moving, reading, say, writing};
use crate::safe;
use crate::state::{FileOf, Link, Outgoing, Row, State};

pub(super) fn take(state: &mut State, diff: Diff) -> Vec<Effect> {
    match diff {
        Diff::Connection(connection) => link(state, &connection),
        Diff::Reloading => state.link = Link::Reloading,
        Diff::Me(me) => {
            state.my_name = safe::line(&me.name);
            // Who I am comes with the first snapshot.
            state.loaded = true;
        }
        Diff::MoreConversations(more) => {
            state.more = more;
            return filtering::look_on(state);
        }
        Diff::MoreUnread(more) => {
            state.more_unread = more;
            return if state.seeks_unread { moving::next_unread(state) } else { Vec::new() };
        }
        Diff::ConversationInserted { at, conversation } => {
            put_row(state, at, &conversation);
            if state.selected.is_none() {
                return moving::select(state, Some(conversation.id));
            }
        }
        Diff::ConversationChanged(conversation) => return changed(state, &conversation),
        Diff::ConversationMoved { conversation, to } => {
            let hold = state.held_in_the_list();
            state.list.put(to, conversation, hold);
        }
        Diff::ConversationRemoved { conversation } => return removed(state, conversation),
        Diff::ReadMoved { conversation, user, seq } => read_moved(state, conversation, user, seq),
        Diff::ThreadChanged { conversation, loading, more_before, more_after } => {
            let thread = state.threads.entry(conversation).or_default();
            (thread.loading, thread.more_before, thread.more_after) = (loading, more_before, more_after);
            moving::arrive(state);
        }
        Diff::ThreadClosed { conversation } => drop(state.threads.remove(&conversation)),
        Diff::MessageInserted(message) | Diff::MessageChanged(message) => return put_message(state, &message),
        Diff::MessageRemoved { conversation, seq } => {
            if let Some(thread) = state.threads.get_mut(&conversation) {
                thread.remove(seq);
            }
        }
        Diff::NotLoaded { error, .. } => return say(state, &format!("Not loaded: {error}")),
        Diff::Refused { request, error } => return refused(state, &request, &error),
        Diff::Typing { conversation, user, on } => note(&mut state.typing, (conversation, user), on),
        Diff::Viewing { conversation, user, on } => note(&mut state.viewing, (conversation, user), on),
        Diff::Presence { user, state: PresenceState::Offline } => drop(state.present.remove(&user)),
        Diff::Presence { user, state: presence } => drop(state.present.insert(user, presence)),
        Diff::OutgoingAdded(entry) => state.outbox.push(outgoing(entry)),
        Diff::OutgoingStored { client_id } => {
            let sent = state.outbox.iter_mut().find(|outgoing| outgoing.client_id == client_id);
            if let Some(outgoing) = sent {
                outgoing.stored = true;
            }
            state.unsaved = true;
        }
        Diff::OutgoingRemoved { client_id } => forget(state, &client_id),
        Diff::OutgoingFailed { entry, error } => not_sent(state, &entry, &error),
        // What a newer client tells.
        _ => {}
    }
    Vec::new()
}

fn link(state: &mut State, connection: &Connection) {
    let was_lost = matches!(state.link, Link::Lost { .. });
    match connection {
        Connection::Live => state.link = Link::Live,
        Connection::CatchingUp if state.link != Link::Reloading => state.link = Link::Syncing,
        Connection::Waiting { why, retry_in } => {
            let draining = why.code() == Some(ErrorCode::Draining);
            let retry_in = retry_in.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX);
            state.link = Link::Lost { why: safe::line(&why.to_string()), retry_in, draining };
        }
        Connection::Ended(why) if is_sign_out(why) => state.link = Link::SignedOut,
        Connection::Ended(why) => state.link = Link::Ended(safe::line(&why.to_string())),
        // Until it is there again, it stays lost.
        _ if was_lost => {}
        _ => {}
    }
}

/// Whether it takes a new sign-in to go on.
fn is_sign_out(why: &Error) -> bool {
    use ErrorCode::{TokenExpired, TokenRevoked, Unauthenticated};
    matches!(why.code(), Some(TokenExpired | TokenRevoked | Unauthenticated))
}

pub(super) fn put_row(state: &mut State, at: usize, conversation: &Conversation) {
    let row = Row::of(conversation, state.me);
    let hold = state.held_in_the_list();
    state.list.put(at, conversation.id, hold);
    state.rows.insert(conversation.id, row);
    state.filter_again(conversation.id);
}

fn changed(state: &mut State, conversation: &Conversation) -> Vec<Effect> {
    let mut row = Row::of(conversation, state.me);
    let mut effects = Vec::new();
    if let Some(held) = state.rows.get(&conversation.id) {
        row.marked = held.marked;
        row.count_unread();
        if row.last_seq > held.last_seq && !row.last_mine && row.receipts {
            effects.push(Effect::Delivered(row.id, row.last_seq));
        }
        state.rows.insert(conversation.id, row);
        state.filter_again(conversation.id);
    }
    effects
}

fn removed(state: &mut State, id: ConversationId) -> Vec<Effect> {
    let place = state.place();
    state.list.remove(id);
    state.rows.remove(&id);
    state.before = state.before.filter(|before| *before != id);
    if state.selected != Some(id) {
        return Vec::new();
    }
    state.writing = false;
    say(state, "You are no longer in that conversation.");
    let shown = state.list.shown();
    let near = place.map_or(0, |place| place.min(shown.len().saturating_sub(1)));
    let next = shown.get(near).or(state.list.all().first()).copied();
    moving::select(state, next)
}

fn put_message(state: &mut State, message: &Message) -> Vec<Effect> {
    let conv = message.conversation_id;
    let me = state.me;
    let Some(thread) = state.threads.get_mut(&conv) else { return Vec::new() };
    thread.put(message, me);
    if state.selected == Some(conv) { reading::read_if_looked_at(state) } else { Vec::new() }
}

fn read_moved(state: &mut State, conv: ConversationId, user: UserId, seq: Seq) {
    let me = state.me;
    let Some(row) = state.rows.get_mut(&conv) else { return };
    if user == me {
        row.read_seq = seq;
        row.count_unread();
    }
    if let Some(person) = row.people.iter_mut().find(|person| person.id == user) {
        person.read_seq = person.read_seq.max(seq);
        person.delivered_seq = person.delivered_seq.max(seq);
    }
}

fn note(of: &mut Vec<(ConversationId, UserId)>, who: (ConversationId, UserId), on: bool) {
    of.retain(|known| *known != who);
    if on {
        of.push(who);
    }
}

fn outgoing(entry: OutboxEntry) -> Outgoing {
    // What was written in an earlier run may have been changed on the disk.
    let files = entry.attachments.iter().map(FileOf::of).collect();
    let text = safe::text(&entry.text);
    Outgoing { client_id: entry.client_id, conv: entry.conversation, text, files, stored: false }
}

fn forget(state: &mut State, client_id: &ClientId) {
    state.outbox.retain(|outgoing| outgoing.client_id != *client_id);
    state.unsaved = true;
}

fn not_sent(state: &mut State, entry: &OutboxEntry, error: &Error) {
    forget(state, &entry.client_id);
    let newer = error.code() == Some(ErrorCode::NewerMessages);
    let why = if newer {
        "Not sent, something came in meanwhile: look, then Enter sends.".to_owned()
    } else {
        format!("Not sent: {error}")
    };
    writing::unsend(state, entry.conversation, &entry.text, &entry.attachments, entry.reply_to, &why);
    if newer {
        // It was asked, once.
        if let Some(draft) = state.drafts.get_mut(&entry.conversation) {
            draft.saw = None;
        }
        if state.selected == Some(entry.conversation) {
            (state.view.bottom, state.view.chosen) = (None, None);
        }
    }
}

/// What was asked for is not done, and nothing that was written for it is lost.
fn refused(state: &mut State, request: &Request, error: &Error) -> Vec<Effect> {
    if let Request::Edit { conversation, text, .. } = request {
        writing::unsend(state, *conversation, text, &[], None, "");
    }
    say(state, &format!("Not done: {error}"))
}
