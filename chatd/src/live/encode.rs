//! Events as `ev` frames. All but the counter is encoded once per form of the event and shared by every reader, through
//! whichever door they follow.

use std::sync::Arc;

use chat_proto::model::Cursor;
use chat_proto::wire::{
    AccessRevoked, DeliveredMoved, EphemeralEvent, EventHead, EventName, ParticipantAdded, ParticipantRemoved,
    ReadMoved,
};
use chat_proto::{ClientId, ConversationId, Seq};
use chatcore::{Event, MessageChange, Rendering, Signal, Told};
use serde::Serialize;

/// A text that many readers share.
type Text = Arc<str>;

/// The frame but for `{"t":"ev","n":…,`; `None` for what does not go over the wire.
pub(crate) fn event(told: &Told, cursor: impl FnOnce(&Told) -> Cursor) -> Option<Text> {
    let text = told.encoded(|told| body(told, cursor).map_or_else(|| Arc::from(""), Arc::from));
    Some(text).filter(|text| !text.is_empty())
}

/// The same for a reader whose events have no numbers.
#[cfg(feature = "webhooks")]
pub(crate) fn unnumbered(told: &Told, cursor: Cursor) -> Option<String> {
    let body = event(told, |_| cursor)?;
    Some(format!(r#"{{"t":"ev",{}"#, body.strip_prefix('{').unwrap_or(&body)))
}

/// The whole frame for one reader.
pub(crate) fn numbered(n: u64, body: &str) -> String {
    let mut frame = String::with_capacity(body.len() + 32);
    frame.push_str(r#"{"t":"ev","n":"#);
    frame.push_str(&n.to_string());
    frame.push(',');
    // The body is a JSON object of its own; its brace has been written already.
    frame.push_str(body.strip_prefix('{').unwrap_or(body));
    frame
}

/// The cursor after the event, as it stands in its body; sealing it again would cost more than finding it.
pub(crate) fn cursor_in(body: &str) -> Option<&str> {
    // `c` comes first, and a cursor has nothing in it that JSON would escape.
    body.strip_prefix(r#"{"c":""#)?.split('"').next()
}

#[derive(Serialize)]
struct Body<'a, D> {
    #[serde(flatten)]
    head: EventHead,
    d: &'a D,
}

/// Most events take no more than this.
const USUAL_BYTES: usize = 1 << 10;

/// What an event concerns.
#[derive(Default)]
struct About {
    conv: Option<ConversationId>,
    seq: Option<Seq>,
    v: u64,
    cid: Option<ClientId>,
}

impl About {
    fn conversation(conversation: ConversationId, version: u64) -> Self {
        Self { conv: Some(conversation), v: version, ..Self::default() }
    }
}

/// An event on its way into a frame.
struct Sheet<'a> {
    told: &'a Told,
    c: String,
}

impl Sheet<'_> {
    fn write<D: Serialize>(self, e: EventName, about: About, d: &D) -> Option<String> {
        let About { conv, seq, v, cid } = about;
        let (at, by) = (self.told.at(), self.told.by().cloned());
        let head = EventHead { c: self.c, e, conv, seq, v, at, by, cid };
        super::json(&Body { head, d }, USUAL_BYTES)
    }
}

fn body(told: &Told, cursor: impl FnOnce(&Told) -> Cursor) -> Option<String> {
    let sheet = Sheet { told, c: cursor(told).as_str().to_owned() };
    let concerns_reader = told.rendering() == Rendering::Subject;
    match told.event() {
        Event::MessageCreated(message) => {
            let (conv, seq, cid) = (Some(message.conversation_id), Some(message.seq), message.client_id.clone());
            sheet.write(EventName::MessageCreated, About { conv, seq, v: message.version, cid }, &*message)
        }
        Event::MessageChanged { message, how } => {
            let e = match how {
                MessageChange::Edited => EventName::MessageEdited,
                MessageChange::Deleted => EventName::MessageDeleted,
                MessageChange::Reacted => EventName::ReactionChanged,
            };
            let (conv, seq, cid) = (Some(message.conversation_id), Some(message.seq), message.client_id.clone());
            sheet.write(e, About { conv, seq, v: message.version, cid }, &*message)
        }
        Event::DeliveredMoved { conversation, user, seq } => {
            let about = About { seq: Some(seq), ..About::conversation(conversation, 0) };
            sheet.write(EventName::DeliveredMoved, about, &DeliveredMoved { user_id: user, seq })
        }
        Event::ReadMoved { conversation, user, seq } => {
            let about = About { seq: Some(seq), ..About::conversation(conversation, 0) };
            sheet.write(EventName::ReadMoved, about, &ReadMoved { user_id: user, seq })
        }
        Event::ConversationCreated(conversation) => {
            let about = About::conversation(conversation.id, conversation.version);
            sheet.write(EventName::ConversationCreated, about, &*conversation)
        }
        Event::ParticipantAdded { conversation, participant, version, snapshot } => {
            if let Some(snapshot) = snapshot {
                let about = About::conversation(conversation, snapshot.version);
                sheet.write(EventName::AccessGranted, about, &*snapshot)
            } else {
                let about = About::conversation(conversation, version);
                sheet.write(EventName::ParticipantAdded, about, &ParticipantAdded { participant })
            }
        }
        Event::ParticipantRemoved { conversation, user, version } => {
            let about = About::conversation(conversation, version);
            if concerns_reader {
                sheet.write(EventName::AccessRevoked, about, &AccessRevoked { conversation_id: conversation })
            } else {
                sheet.write(EventName::ParticipantRemoved, about, &ParticipantRemoved { user_id: user })
            }
        }
        Event::UserChanged(user) => {
            sheet.write(EventName::UserChanged, About { v: user.version, ..About::default() }, &user)
        }
        _ => None,
    }
}

pub(crate) fn signal(signal: &Signal) -> Option<EphemeralEvent> {
    match *signal {
        Signal::Typing { conversation, user, on, expires_in_ms } => {
            Some(EphemeralEvent::Typing { conv: conversation, user, on, expires_in_ms })
        }
        Signal::Viewing { conversation, user, on, expires_in_ms } => {
            Some(EphemeralEvent::Viewing { conv: conversation, user, on, expires_in_ms })
        }
        Signal::Presence { user, state, last_seen } => Some(EphemeralEvent::Presence { user, state, last_seen }),
        _ => None,
    }
}
