//! Changes of what was sent before, on their way to the server.

use std::collections::VecDeque;

use chat_proto::wire::{ClientFrame, DeleteFrame, EditFrame, ReactFrame, ReadFrame};
use chat_proto::{ConversationId, MessageId, Seq};

/// A change of something that was sent before. Each can be repeated without harm.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// Changes the text of a message of mine.
    Edit {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: MessageId,
        /// What it is to say.
        text: String,
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
    /// Moves my read mark back to this message.
    Unread {
        /// Where.
        conversation: ConversationId,
        /// What comes after it is unread.
        seq: Seq,
    },
}

impl Request {
    pub(super) fn frame(&self, re: u64) -> ClientFrame {
        match self.clone() {
            Self::Edit { conversation, message, text } => {
                ClientFrame::Edit(EditFrame { re, conv: conversation, id: message, text, if_version: None })
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

    pub(super) fn has_next(&self) -> bool {
        !self.in_flight && !self.waiting.is_empty()
    }

    /// The next one, which is then on its way.
    pub(super) fn depart(&mut self) -> Option<Request> {
        if self.in_flight {
            return None;
        }
        let next = self.waiting.front().cloned();
        self.in_flight = next.is_some();
        next
    }

    /// The one on its way was carried out, or never will be.
    pub(super) fn settled(&mut self) {
        if std::mem::take(&mut self.in_flight) {
            self.waiting.pop_front();
        }
    }

    /// The one on its way waits again.
    pub(super) fn returned(&mut self) {
        self.in_flight = false;
    }
}
