//! What the program asks for, and what became of it: shared by the handles and the task.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_proto::model::Cursor;
use chat_proto::wire::{AuthFrame, ClientFrame, ReadFrame, SendFrame, TypingFrame};
use chat_proto::{ConversationId, Seq};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::outbox::{Outbox, OutboxEntry};
use crate::client_ids::ClientIds;

/// Conversations in which a read mark may wait to be told; beyond it marks are forgotten, until the next one.
const MARKS: usize = 1_024;
/// Each key says that somebody writes; this often is enough for the others,
const TYPING_EVERY: Duration = Duration::from_secs(3);
/// who take it to be over after so long.
const TYPING_HOLDS: Duration = Duration::from_secs(6);

#[derive(Debug, Default)]
pub(super) struct Requests {
    state: Mutex<State>,
    /// Wakes the task: there is something to do.
    pub(super) wake: Notify,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) outbox: Outbox,
    pub(super) ids: ClientIds,
    marks: BTreeMap<ConversationId, Mark>,
    typing: Option<(ConversationId, bool)>,
    /// When the others were last told that I write, and where.
    typing_told: Option<(ConversationId, Instant)>,
    /// Follow from here instead.
    pub(super) resume_after: Option<Cursor>,
    pub(super) retry_now: bool,
}

#[derive(Debug)]
struct Mark {
    seq: Seq,
    in_flight: bool,
}

/// A request that goes to the server.
#[derive(Clone)]
pub(super) enum Asked {
    Auth(String),
    Send(Box<OutboxEntry>),
    Read(ConversationId, Seq),
    Typing(ConversationId, bool),
}

impl Asked {
    pub(super) fn frame(&self, re: u64) -> ClientFrame {
        match self {
            Self::Auth(token) => ClientFrame::Auth(AuthFrame { re, token: token.clone() }),
            Self::Send(entry) => {
                let (conv, client_id, text) = (entry.conversation, entry.client_id.clone(), entry.text.clone());
                ClientFrame::Send(SendFrame::text(re, conv, client_id, text))
            }
            Self::Read(conv, seq) => ClientFrame::Read(ReadFrame { re: Some(re), conv: *conv, seq: *seq }),
            Self::Typing(conv, on) => ClientFrame::Typing(TypingFrame { re: None, conv: *conv, on: *on }),
        }
    }
}

impl Requests {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn mark_read(&mut self, conversation: ConversationId, seq: Seq) {
        let room = self.marks.len() < MARKS;
        match self.marks.get_mut(&conversation) {
            Some(mark) if mark.seq < seq => *mark = Mark { seq, in_flight: false },
            None if room => drop(self.marks.insert(conversation, Mark { seq, in_flight: false })),
            _ => {}
        }
    }

    /// Notes that I write or stopped; `false`: the others know.
    pub(super) fn typing(&mut self, conversation: ConversationId, on: bool, now: Instant) -> bool {
        let told = self.typing_told.filter(|(told, _)| *told == conversation).map(|(_, at)| now - at);
        let tell = if on {
            told.is_none_or(|since| since >= TYPING_EVERY)
        } else {
            told.is_some_and(|since| since < TYPING_HOLDS)
        };
        if tell {
            self.typing_told = on.then_some((conversation, now));
            self.typing = Some((conversation, on));
        }
        tell
    }

    /// Whether the connection has something to write.
    pub(super) fn has_next(&self, may_change: bool) -> bool {
        self.typing.is_some()
            || (may_change && (self.outbox.next().is_some() || self.marks.values().any(|mark| !mark.in_flight)))
    }

    /// Takes the next request, which is then on its way; changes only when the server takes them now.
    pub(super) fn next(&mut self, may_change: bool) -> Option<Asked> {
        if may_change && let Some(entry) = self.outbox.next() {
            let entry = Box::new(entry.clone());
            // Writing ends with sending.
            self.typing_told = None;
            self.outbox.departed(&entry.client_id);
            return Some(Asked::Send(entry));
        }
        if may_change && let Some((conversation, mark)) = self.marks.iter_mut().find(|(_, mark)| !mark.in_flight) {
            mark.in_flight = true;
            return Some(Asked::Read(*conversation, mark.seq));
        }
        self.typing.take().map(|(conversation, on)| Asked::Typing(conversation, on))
    }

    /// The mark was moved, or never will be.
    pub(super) fn marked(&mut self, conversation: ConversationId, seq: Seq) {
        if self.marks.get(&conversation).is_some_and(|mark| mark.seq == seq) {
            self.marks.remove(&conversation);
        }
    }

    /// The server could not move the mark now.
    pub(super) fn mark_returned(&mut self, conversation: ConversationId) {
        if let Some(mark) = self.marks.get_mut(&conversation) {
            mark.in_flight = false;
        }
    }

    /// The connection is gone, and all answers with it.
    pub(super) fn disconnected(&mut self) {
        self.outbox.all_returned();
        for mark in self.marks.values_mut() {
            mark.in_flight = false;
        }
        // What was in passing is over.
        self.typing = None;
        self.typing_told = None;
    }
}
