//! Accounts for every delivery: each message that the server stored is to reach each connection of its conversation
//! exactly once and in turn.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::measure::Latencies;

/// What was sent, and who got what of it.
///
/// It grows with the messages of a run (some 40 bytes each), whose number the length of a run bounds.
#[derive(Debug)]
pub(super) struct Ledger {
    began: Instant,
    messages: Vec<Sent>,
    /// How many connections listen to each conversation.
    listeners: Vec<u64>,
    seats: Vec<Seat>,
    /// The numbers of the messages that are measured.
    measured: std::ops::Range<u64>,
    counting: bool,
    /// Answers and deliveries that came while it was measured.
    pub(super) window: Traffic,
    all: Traffic,
    /// Deliveries that are due: every stored message to every listener.
    due: u64,
    pub(super) faults: Faults,
    /// What the server said, or what became of the connection, the first time that something was refused or broke.
    pub(super) reason: Option<String>,
    pub(super) delivery: Latencies,
    pub(super) ack: Latencies,
    pub(super) late: Latencies,
}

/// How much came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    pub(super) acked: u64,
    pub(super) deliveries: u64,
}

/// What must not happen. Counted over the whole run, before and after the measured seconds too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Faults {
    /// Due, and never came.
    pub(super) lost: u64,
    /// Came again, or stands twice in the conversation.
    pub(super) duplicated: u64,
    /// Came after a later message of its conversation.
    pub(super) out_of_order: u64,
    /// Sends that were answered neither with `ok` nor with `err`.
    pub(super) unanswered: u64,
    /// Sends that were answered with `err`.
    pub(super) refused: u64,
    /// Connections that ended before their time.
    pub(super) broken: u64,
    /// Frames that contradict what was sent or said before.
    pub(super) strange: u64,
}

/// A message.
#[derive(Debug)]
struct Sent {
    /// When it was to be sent.
    due: Duration,
    conversation: usize,
    /// Its place in the conversation, once that is known; counts from 1.
    seq: u64,
    answered: bool,
}

/// How far one connection has come in its conversation.
#[derive(Debug)]
struct Seat {
    conversation: usize,
    next: u64,
    /// Passed over so far.
    missing: BTreeSet<u64>,
}

/// How a message comes to a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    InOrder,
    Late,
    Again,
    /// Further ahead than anything that was sent.
    Beyond,
}

impl Ledger {
    /// `seats`: the conversation that each connection listens to, and the last `seq` in it.
    pub(super) fn new(conversations: usize, seats: impl IntoIterator<Item = (usize, u64)>) -> Self {
        let mut listeners = vec![0; conversations];
        let seats = seats.into_iter().map(|(conversation, last)| {
            listeners[conversation] += 1;
            Seat { conversation, next: last + 1, missing: BTreeSet::new() }
        });
        let seats = seats.collect();
        Self {
            began: Instant::now(),
            messages: Vec::new(),
            listeners,
            seats,
            measured: 0..0,
            counting: false,
            window: Traffic::default(),
            all: Traffic::default(),
            due: 0,
            faults: Faults::default(),
            reason: None,
            delivery: Latencies::default(),
            ack: Latencies::default(),
            late: Latencies::default(),
        }
    }

    /// What comes and is sent from now on is measured.
    pub(super) fn open_window(&mut self) {
        self.measured = self.sent_so_far()..u64::MAX;
        self.counting = true;
    }

    /// No longer; what was sent meanwhile still is when it comes.
    pub(super) fn close_window(&mut self) {
        self.measured.end = self.sent_so_far();
        self.counting = false;
    }

    /// Enters a message that is sent, or was to be sent, at this moment; its number.
    pub(super) fn sent(&mut self, conversation: usize, due: Instant) -> u64 {
        let number = self.sent_so_far();
        let due = due.duration_since(self.began);
        self.messages.push(Sent { due, conversation, seq: 0, answered: false });
        number
    }

    /// A message has really been written.
    pub(super) fn written(&mut self, number: u64, now: Instant) {
        if self.measured.contains(&number)
            && let Some(sent) = self.messages.get(index(number))
        {
            self.late.record(now.duration_since(self.began).saturating_sub(sent.due));
        }
    }

    /// The server says that it is stored.
    pub(super) fn acked(&mut self, number: u64, seq: Option<u64>, now: Instant) {
        let Some(sent) = self.messages.get_mut(index(number)) else {
            self.faults.strange += 1;
            return;
        };
        let seq = seq.unwrap_or(sent.seq);
        if std::mem::replace(&mut sent.answered, true) || seq == 0 || (sent.seq != 0 && sent.seq != seq) {
            self.faults.strange += 1;
            return;
        }
        if sent.seq == 0 {
            sent.seq = seq;
            self.due += self.listeners[sent.conversation];
        }
        self.all.acked += 1;
        self.window.acked += u64::from(self.counting);
        if self.measured.contains(&number) {
            self.ack.record(now.duration_since(self.began).saturating_sub(sent.due));
        }
    }

    /// The server says that it does not store it.
    pub(super) fn refused(&mut self, number: Option<u64>, why: String) {
        self.reason.get_or_insert(why);
        let sent = number.and_then(|number| self.messages.get_mut(index(number)));
        match sent {
            Some(sent) if !sent.answered => {
                sent.answered = true;
                self.faults.refused += 1;
            }
            _ => self.faults.strange += 1,
        }
    }

    /// A connection ended before its time.
    pub(super) fn broken(&mut self, why: String) {
        self.reason.get_or_insert(why);
        self.faults.broken += 1;
    }

    /// A message has come to a connection.
    pub(super) fn delivered(&mut self, seat: usize, seq: u64, number: u64, now: Instant) {
        let most = self.sent_so_far();
        let (Some(sent), Some(seat)) = (self.messages.get_mut(index(number)), self.seats.get_mut(seat)) else {
            self.faults.strange += 1;
            return;
        };
        if sent.conversation != seat.conversation || seq == 0 {
            self.faults.strange += 1;
            return;
        }
        if sent.seq == 0 {
            sent.seq = seq;
            self.due += self.listeners[sent.conversation];
        }
        let turn = seat.take(seq, most);
        let stands_twice = sent.seq != seq;
        match turn {
            Turn::Beyond => {
                self.faults.strange += 1;
                return;
            }
            Turn::Late => self.faults.out_of_order += 1,
            Turn::InOrder | Turn::Again => {}
        }
        if turn == Turn::Again || stands_twice {
            self.faults.duplicated += 1;
            return;
        }
        self.all.deliveries += 1;
        self.window.deliveries += u64::from(self.counting);
        if self.measured.contains(&number) {
            self.delivery.record(now.duration_since(self.began).saturating_sub(sent.due));
        }
    }

    /// Whether everything was answered and has come.
    pub(super) fn is_settled(&self) -> bool {
        self.lost() == 0 && self.unanswered() == 0
    }

    /// Everything that came so far: while this grows there is something to wait for.
    pub(super) fn came(&self) -> u64 {
        self.all.acked + self.all.deliveries
    }

    /// What went wrong, when nothing more is to come.
    pub(super) fn close(&self) -> Faults {
        Faults { lost: self.lost(), unanswered: self.unanswered(), ..self.faults }
    }

    fn lost(&self) -> u64 {
        self.due.saturating_sub(self.all.deliveries)
    }

    fn unanswered(&self) -> u64 {
        self.sent_so_far().saturating_sub(self.all.acked + self.faults.refused)
    }

    fn sent_so_far(&self) -> u64 {
        self.messages.len() as u64
    }
}

impl Seat {
    fn take(&mut self, seq: u64, most: u64) -> Turn {
        if seq < self.next {
            return if self.missing.remove(&seq) { Turn::Late } else { Turn::Again };
        }
        if seq - self.next > most {
            return Turn::Beyond;
        }
        self.missing.extend(self.next..seq);
        self.next = seq + 1;
        Turn::InOrder
    }
}

impl Faults {
    /// Whether nothing of it happened.
    pub(super) fn none(self) -> bool {
        self == Self::default()
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
