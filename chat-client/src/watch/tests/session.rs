//! An inbox and a shop, with a connection between them that can do everything that connections do.

use std::collections::VecDeque;
use std::fmt::Debug;

use chat_proto::model::{Conversation, History};

use super::copy::Copy;
use super::shop::{LISTED, Shop};
use crate::live::LiveChange;
use crate::watch::Inbox;
use crate::watch::inbox::Asked;
use crate::watch::snapshot::Snapshot;
use crate::watch::thread::Question;
use crate::{Error, Thread};

#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) shop: Shop,
    pub(super) inbox: Inbox,
    pub(super) copy: Copy,
    /// Events that were written to the socket, with their positions; `None`: there is no connection.
    wire: Option<VecDeque<(usize, Option<LiveChange>)>>,
    /// Everything up to here has been applied.
    applied: usize,
    /// Everything up to here has been written to the socket.
    written: usize,
    asked: Vec<Asked>,
    answers: Vec<Answer>,
    /// A snapshot that is being loaded page by page, and the position of its first.
    loading: Option<(usize, Vec<Conversation>, Option<usize>)>,
}

#[derive(Debug)]
enum Answer {
    Conversation(Asked, Option<Box<Conversation>>),
    Messages(Asked, Option<History>),
}

impl Session {
    /// After the shop did something: whoever is connected has it written to them, as it is at that moment.
    pub(super) fn write(&mut self) {
        let Some(wire) = &mut self.wire else { return };
        while self.written < self.shop.head() {
            self.written += 1;
            wire.push_back((self.written, self.shop.told(self.written)));
        }
    }

    pub(super) fn connect(&mut self) {
        if self.wire.is_none() && self.loading.is_none() {
            self.wire = Some(VecDeque::new());
            self.written = self.applied;
            self.write();
        }
    }

    pub(super) fn drop_connection(&mut self) {
        self.wire = None;
    }

    /// Applies so many events.
    pub(super) fn deliver(&mut self, count: usize) {
        for _ in 0..count {
            let Some((position, change)) = self.wire.as_mut().and_then(VecDeque::pop_front) else { return };
            self.applied = position;
            if let Some(change) = change {
                let diffs = self.inbox.apply(change);
                self.copy.take(diffs);
            }
            self.asked.extend(self.inbox.questions());
        }
    }

    pub(super) fn open(&mut self, room: usize) {
        let diffs = self.inbox.open(super::shop::room_id(room));
        self.copy.take(diffs);
        self.asked.extend(self.inbox.questions());
    }

    pub(super) fn older(&mut self, room: usize) {
        let diff = self.inbox.older(super::shop::room_id(room));
        self.copy.take(diff.into_iter().collect());
        self.asked.extend(self.inbox.questions());
    }

    pub(super) fn newer(&mut self, room: usize) {
        let diff = self.inbox.newer(super::shop::room_id(room));
        self.copy.take(diff.into_iter().collect());
        self.asked.extend(self.inbox.questions());
    }

    pub(super) fn oldest(&mut self, room: usize) {
        let diff = self.inbox.oldest(super::shop::room_id(room));
        self.copy.take(diff.into_iter().collect());
        self.asked.extend(self.inbox.questions());
    }

    pub(super) fn newest(&mut self, room: usize) {
        let diffs = self.inbox.newest(super::shop::room_id(room));
        self.copy.take(diffs);
        self.asked.extend(self.inbox.questions());
    }

    pub(super) fn close(&mut self, room: usize) {
        let diff = self.inbox.close(super::shop::room_id(room));
        self.copy.take(diff.into_iter().collect());
    }

    /// The server looks at the questions; its answers are under way.
    pub(super) fn ask(&mut self) {
        for asked in std::mem::take(&mut self.asked) {
            self.answers.push(match asked {
                Asked::Conversation(id, _) => {
                    let room = self.room(id);
                    Answer::Conversation(asked, self.shop.conversation(room, usize::MAX).map(Box::new))
                }
                Asked::Messages(id, Question { part, .. }) => {
                    let room = self.room(id);
                    Answer::Messages(asked, self.shop.history(room, part))
                }
                Asked::Everything => {
                    self.reset();
                    continue;
                }
            });
        }
    }

    fn room(&self, id: chat_proto::ConversationId) -> usize {
        (0..self.shop.rooms()).find(|room| super::shop::room_id(*room) == id).expect("a conversation")
    }

    /// One of the answers arrives; they overtake each other.
    pub(super) fn answer(&mut self, which: usize) {
        if self.answers.is_empty() {
            return;
        }
        let which = which % self.answers.len();
        let diffs = match self.answers.remove(which) {
            Answer::Conversation(Asked::Conversation(id, generation), conversation) => {
                self.inbox.conversation_loaded(id, generation, conversation.map(|conversation| *conversation))
            }
            Answer::Messages(Asked::Messages(id, question), Some(history)) => {
                self.inbox.history_loaded(id, question.generation, history)
            }
            Answer::Messages(Asked::Messages(id, question), None) => {
                self.inbox.history_failed(id, question.generation, Error::Protocol("not found".to_owned()))
            }
            other => unreachable!("{other:?}"),
        };
        self.copy.take(diffs);
        self.asked.extend(self.inbox.questions());
    }

    /// The cursor is of no use: a snapshot is loaded, page by page, while things go on.
    pub(super) fn reset(&mut self) {
        if self.loading.is_none() {
            self.wire = None;
            let (page, next) = self.shop.page(None);
            self.loading = Some((self.shop.head(), page, next));
        }
    }

    pub(super) fn load_page(&mut self) {
        let Some((as_of, mut conversations, next)) = self.loading.take() else { return };
        if let Some(below) = next {
            let (page, next) = self.shop.page(Some(below));
            conversations.extend(page);
            self.loading = Some((as_of, conversations, next));
            return;
        }
        let diffs = self.inbox.replace(Snapshot { me: self.shop.me(), conversations, more: false });
        self.copy.take(diffs);
        self.applied = as_of;
        self.asked = self.inbox.questions();
        self.connect();
    }

    /// Lets everything come to its end.
    pub(super) fn settle(&mut self) {
        for _ in 0..1_000 {
            self.connect();
            self.load_page();
            self.deliver(usize::MAX);
            self.ask();
            self.answer(0);
            let idle = self.asked.is_empty() && self.answers.is_empty() && self.loading.is_none();
            if idle && self.applied == self.shop.head() {
                return;
            }
        }
        panic!("it does not come to an end: {self:#?}");
    }

    /// What is wrong with the inbox, once everything has come to its end.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let fresh = self.shop.snapshot();
        expect(&mut faults, "the copy", &self.copy, &Copy::of(&self.inbox));
        expect(&mut faults, "my account", &self.inbox.me(), &Some(&fresh.me));
        let listed: Vec<Conversation> = self.inbox.conversations().map(as_listed).collect();
        expect(&mut faults, "the list", &listed, &fresh.conversations);
        for (room, id) in (0..self.shop.rooms()).map(|room| (room, super::shop::room_id(room))) {
            let Some(thread) = self.inbox.thread(id) else { continue };
            let held: Vec<_> = thread.messages().cloned().collect();
            let all = self.shop.all_messages(room);
            let first = held.first().map_or(0, |message| usize::try_from(message.seq.0).unwrap() - 1);
            let end = first + held.len();
            expect(&mut faults, "messages", &held.as_slice(), &all.get(first..end).unwrap_or_default());
            expect(&mut faults, "their number", &(held.len() <= Thread::MOST), &true);
            let seen = (thread.is_loading(), thread.more_before(), thread.more_after());
            expect(&mut faults, "the thread", &seen, &(false, first > 0, end < all.len()));
        }
        faults
    }
}

fn expect<T: PartialEq + Debug>(faults: &mut Vec<String>, what: &str, seen: &T, expected: &T) {
    if seen != expected {
        faults.push(format!("{what}:\n{}", difference(&format!("{seen:#?}"), &format!("{expected:#?}"))));
    }
}

/// The lines in which two texts differ.
fn difference(seen: &str, expected: &str) -> String {
    let longest = seen.lines().count().max(expected.lines().count());
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (seen, expected) = (lines(seen), lines(expected));
    let at = |lines: &[String], line| lines.get(line).cloned().unwrap_or_default();
    let differ = (0..longest).filter(|line| at(&seen, *line) != at(&expected, *line));
    let shown = differ.map(|line| format!("{line}: {} instead of {}", at(&seen, line), at(&expected, line)));
    shown.collect::<Vec<_>>().join("\n")
}

/// A conversation with as many participants as a list shows.
fn as_listed(conversation: &Conversation) -> Conversation {
    let mut conversation = conversation.clone();
    conversation.participants.truncate(LISTED);
    conversation
}
