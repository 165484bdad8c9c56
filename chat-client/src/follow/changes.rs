//! Changes of what was sent before, on their way to the server.

use std::collections::VecDeque;

use chat_proto::model::Message;
use chat_proto::wire::{ClientFrame, DeleteFrame, EditFrame, ReactFrame, ReadFrame};
use chat_proto::{ConversationId, MessageId, Seq};

/// A change of something that was sent before. Each can be repeated without harm; an [edit](Self::Edit) when it says what
/// it was made on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// Changes the text of a message of mine.
    ///
    /// When its confirmation was lost, it is repeated after all that was missed has been told, unless that shows the text
    /// already. Without a version the text counts whatever was written meanwhile, at another device of mine too. With one,
    /// what was written meanwhile stays, and the edit is refused with `version_mismatch`, whether it was carried out before
    /// that or not.
    Edit {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: MessageId,
        /// What it is to say.
        text: String,
        /// The version of the message that it was made on: only while that is the newest. Each change makes one,
        /// reactions too.
        if_version: Option<u64>,
    },
    /// Deletes a message.
    Delete {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: MessageId,
    },
    /// Reacts to a message, or takes that back.
    React {
        /// Where.
        conversation: ConversationId,
        /// To which.
        message: MessageId,
        /// With what.
        emoji: String,
        /// `false`: takes it back.
        on: bool,
    },
    /// Moves my read mark back to before this message.
    Unread {
        /// Where.
        conversation: ConversationId,
        /// It and what comes after it is unread.
        seq: Seq,
    },
}

impl Request {
    pub(super) fn frame(&self, re: u64) -> ClientFrame {
        match self.clone() {
            Self::Edit { conversation, message, text, if_version } => {
                ClientFrame::Edit(EditFrame { re, conv: conversation, id: message, text, if_version })
            }
            Self::Delete { conversation, message } => {
                ClientFrame::Delete(DeleteFrame { re, conv: conversation, id: message, if_version: None })
            }
            Self::React { conversation, message, emoji, on } => {
                ClientFrame::React(ReactFrame { re, conv: conversation, id: message, emoji, on })
            }
            Self::Unread { conversation, seq } => {
                ClientFrame::Unread(ReadFrame { re: Some(re), conv: conversation, seq })
            }
        }
    }
}

/// The changes that wait, in the order in which they were asked for; one is on its way at a time, which keeps it.
#[derive(Debug, Default)]
pub(super) struct Changes {
    waiting: VecDeque<Request>,
    in_flight: bool,
    /// The first one has left before, and nobody knows what became of it.
    tried: bool,
    /// The first one is not to be repeated: it was carried out, or something that came after it made up for it.
    over: bool,
}

impl Changes {
    /// Changes that may wait at once.
    const CAPACITY: usize = 256;

    /// Adds one; `false` when there is no room.
    pub(super) fn push(&mut self, request: Request) -> bool {
        let room = self.waiting.len() < Self::CAPACITY;
        if room {
            self.waiting.push_back(request);
        }
        room
    }

    /// Whether one can leave now; what may have been carried out already waits until all that was missed is told.
    pub(super) fn has_next(&self, all_told: bool) -> bool {
        !self.in_flight && !self.waiting.is_empty() && (all_told || !self.is_repeated_edit())
    }

    /// The next one, which is then on its way.
    pub(super) fn depart(&mut self, all_told: bool) -> Option<Request> {
        if !self.has_next(all_told) {
            return None;
        }
        let next = self.waiting.front().cloned();
        (self.in_flight, self.tried) = (next.is_some(), next.is_some());
        next
    }

    fn is_repeated_edit(&self) -> bool {
        self.tried && matches!(self.waiting.front(), Some(Request::Edit { .. }))
    }

    /// The one on its way was carried out, or never will be.
    pub(super) fn settled(&mut self) {
        if self.in_flight {
            self.drop_first();
        }
    }

    /// The one on its way waits again.
    pub(super) fn returned(&mut self) {
        self.in_flight = false;
        if self.over {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        self.waiting.pop_front();
        (self.in_flight, self.tried, self.over) = (false, false, false);
    }

    /// The first one needs no repetition. When it is on its way its answer is still to come.
    fn first_is_over(&mut self) {
        self.over = true;
        if !self.in_flight {
            self.drop_first();
        }
    }

    /// A message was told of, as it is now: an edit that left before was carried out when that is what it says.
    pub(super) fn saw(&mut self, told: &Message) {
        let said = |request: &Request| matches!(request, Request::Edit { message, text, .. } if *message == told.id && *text == told.text);
        if self.tried && self.waiting.front().is_some_and(said) {
            self.first_is_over();
        }
    }

    /// I have read up to here: what was to become unread before that does not any more.
    pub(super) fn read(&mut self, conversation: ConversationId, to: Seq) {
        let undone = |request: &Request| matches!(request, Request::Unread { conversation: at, seq } if *at == conversation && *seq <= to);
        let first = self.tried.then(|| self.waiting.pop_front()).flatten();
        self.waiting.retain(|request| !undone(request));
        if let Some(first) = first {
            let over = undone(&first);
            self.waiting.push_front(first);
            if over {
                self.first_is_over();
            }
        }
    }
}
