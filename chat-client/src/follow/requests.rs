//! What the program asks for, and what became of it: shared by the handles and the task.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_proto::model::{Cursor, DeviceState};
use chat_proto::wire::{AuthFrame, ClientFrame, PresenceFrame, ReadFrame, SendFrame, TypingFrame, ViewingFrame};
use chat_proto::{ConversationId, Seq};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::changes::{Changes, Request};
use super::outbox::{Outbox, OutboxEntry};
use super::passing::Passing;
use crate::client_ids::ClientIds;

/// Marks that may wait to be told; beyond it marks are forgotten, until the next one.
const MARKS: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Requests {
    state: Mutex<State>,
    /// Wakes the task: there is something to do.
    pub(super) wake: Notify,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) outbox: Outbox,
    pub(super) changes: Changes,
    pub(super) ids: ClientIds,
    marks: BTreeMap<(ConversationId, MarkKind), Mark>,
    pub(super) passing: Passing,
    /// Follow from here instead.
    pub(super) resume_after: Option<Cursor>,
    pub(super) retry_now: bool,
}

/// Which of my marks in a conversation moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MarkKind {
    Read,
    Delivered,
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
    Change(Request),
    Mark(MarkKind, ConversationId, Seq),
    Typing(ConversationId, bool),
    Viewing(ConversationId, bool),
    Presence(DeviceState),
}

impl Asked {
    pub(super) fn frame(&self, re: u64) -> ClientFrame {
        match self {
            Self::Auth(token) => ClientFrame::Auth(AuthFrame { re, token: token.clone() }),
            Self::Send(entry) => ClientFrame::Send(SendFrame {
                re,
                conv: entry.conversation,
                client_id: entry.client_id.clone(),
                text: entry.text.clone(),
                attachments: entry.attachments.iter().map(|file| file.id).collect(),
                reply_to: entry.reply_to,
                mentions: entry.mentions.clone(),
                if_last_seq: entry.if_last_seq,
            }),
            Self::Change(request) => request.frame(re),
            Self::Mark(kind, conv, seq) => {
                let frame = ReadFrame { re: Some(re), conv: *conv, seq: *seq };
                match kind {
                    MarkKind::Read => ClientFrame::Read(frame),
                    MarkKind::Delivered => ClientFrame::Delivered(frame),
                }
            }
            Self::Typing(conv, on) => ClientFrame::Typing(TypingFrame { re: None, conv: *conv, on: *on }),
            Self::Viewing(conv, on) => ClientFrame::Viewing(ViewingFrame { re: None, conv: *conv, on: *on }),
            Self::Presence(state) => ClientFrame::Presence(PresenceFrame { re: None, state: *state }),
        }
    }

    /// Whether it is said in passing, and not answered.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Typing(..) | Self::Viewing(..) | Self::Presence(_))
    }
}

impl Requests {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Asks for a change; `false` when there is no room.
    pub(super) fn change(&mut self, request: Request) -> bool {
        let unread = match request {
            Request::Unread { conversation, seq } => Some((conversation, seq)),
            _ => None,
        };
        let pushed = self.changes.push(request);
        if let Some((conversation, seq)) = unread.filter(|_| pushed) {
            self.cap_read(conversation, seq);
        }
        pushed
    }

    /// Changes and marks have no order among each other, so a mark that was not confirmed yet ends before what becomes
    /// unread.
    fn cap_read(&mut self, conversation: ConversationId, unread: Seq) {
        let which = (conversation, MarkKind::Read);
        if self.marks.get(&which).is_none_or(|mark| mark.seq < unread) {
            return;
        }
        self.marks.remove(&which);
        if unread.0 > 1 {
            self.mark(which, Seq(unread.0 - 1));
        }
    }

    pub(super) fn mark_read(&mut self, conversation: ConversationId, seq: Seq) {
        self.changes.read(conversation, seq);
        self.mark((conversation, MarkKind::Read), seq);
    }

    pub(super) fn mark_delivered(&mut self, conversation: ConversationId, seq: Seq) {
        self.mark((conversation, MarkKind::Delivered), seq);
    }

    fn mark(&mut self, which: (ConversationId, MarkKind), seq: Seq) {
        let room = self.marks.len() < MARKS;
        match self.marks.get_mut(&which) {
            Some(mark) if mark.seq < seq => *mark = Mark { seq, in_flight: false },
            None if room => drop(self.marks.insert(which, Mark { seq, in_flight: false })),
            _ => {}
        }
    }

    /// Whether the connection has something to write.
    pub(super) fn has_next(&self, may_change: bool, all_told: bool, now: Instant) -> bool {
        let marks = self.marks.values().any(|mark| !mark.in_flight);
        let change = self.outbox.next().is_some() || self.changes.has_next(all_told) || marks;
        (may_change && change) || self.passing.due(now).is_some_and(|due| due <= now)
    }

    /// Takes the next request, which is then on its way; changes only when the server takes them now. `all_told`: nothing
    /// that was missed is still to come.
    pub(super) fn next(&mut self, may_change: bool, all_told: bool, now: Instant) -> Option<Asked> {
        if may_change && let Some(entry) = self.outbox.next() {
            let entry = Box::new(entry.clone());
            self.passing.wrote();
            self.outbox.departed(&entry.client_id);
            return Some(Asked::Send(entry));
        }
        if may_change && let Some(request) = self.changes.depart(all_told) {
            return Some(Asked::Change(request));
        }
        if may_change && let Some((which, mark)) = self.marks.iter_mut().find(|(_, mark)| !mark.in_flight) {
            mark.in_flight = true;
            return Some(Asked::Mark(which.1, which.0, mark.seq));
        }
        self.passing.next(now)
    }

    /// The mark was moved, or never will be.
    pub(super) fn marked(&mut self, kind: MarkKind, conversation: ConversationId, seq: Seq) {
        if self.marks.get(&(conversation, kind)).is_some_and(|mark| mark.seq == seq) {
            self.marks.remove(&(conversation, kind));
        }
    }

    /// The server could not move the mark now.
    pub(super) fn mark_returned(&mut self, kind: MarkKind, conversation: ConversationId) {
        if let Some(mark) = self.marks.get_mut(&(conversation, kind)) {
            mark.in_flight = false;
        }
    }

    /// The connection is gone, and all answers with it.
    pub(super) fn disconnected(&mut self) {
        self.outbox.all_returned();
        self.changes.returned();
        for mark in self.marks.values_mut() {
            mark.in_flight = false;
        }
        self.passing.disconnected();
    }
}
