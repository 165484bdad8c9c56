use std::collections::BTreeMap;

use chat_proto::model::{History, Message};
use chat_proto::{ConversationId, Seq};

use super::Diff;
use crate::Part;

/// The messages of an opened conversation: a part of them without a hole. It ends with the newest, which come by themselves,
/// unless it was moved up so far that those were let go.
#[derive(Debug, Default)]
pub struct Thread {
    messages: BTreeMap<Seq, Message>,
    more_before: bool,
    more_after: bool,
    /// The number of the newest message; `None` until something was loaded.
    end: Option<Seq>,
    load: Option<Load>,
}

/// A part of the history that was asked for.
#[derive(Debug)]
struct Load {
    /// Tells its answer from those to earlier questions.
    generation: u64,
    part: Part,
    /// What is held may be out of date: the answer takes its place.
    afresh: bool,
    /// Messages that were told since it was asked for. The answer may show an earlier moment.
    told: Vec<Message>,
}

/// A question to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) generation: u64,
    pub(super) part: Part,
}

impl Thread {
    /// Messages that are held of one conversation; beyond it those that are furthest from what was loaded last are let go.
    /// The tests' are so few that it happens to them all the time.
    pub(crate) const MOST: usize = if cfg!(test) { 8 } else { 5_000 };
    /// Messages that are remembered while an answer is awaited; beyond it the question is asked anew.
    const MOST_TOLD: usize = 1_000;

    /// The messages, the oldest first.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.values()
    }

    /// The message with this number, if it is held.
    pub fn message(&self, seq: Seq) -> Option<&Message> {
        self.messages.get(&seq)
    }

    /// Whether there are older messages than the first that is held.
    pub fn more_before(&self) -> bool {
        self.more_before
    }

    /// Whether there are newer messages than the last that is held. They do not come by themselves then.
    pub fn more_after(&self) -> bool {
        self.more_after
    }

    /// Whether messages are being loaded.
    pub fn is_loading(&self) -> bool {
        self.load.is_some()
    }

    /// Asks for the newest messages; `afresh`: what is held may be out of date.
    pub(super) fn ask_newest(&mut self, generation: u64, afresh: bool) -> Question {
        // A question that was not answered yet may have been to replace what is held.
        let afresh = afresh || self.load.as_ref().is_some_and(|load| load.afresh);
        self.load = Some(Load { generation, part: Part::Newest, afresh, told: Vec::new() });
        Question { generation, part: Part::Newest }
    }

    /// Asks for what stands before the first message; `None` when there is nothing, or no use in asking now.
    pub(super) fn ask_older(&mut self, generation: u64) -> Option<Question> {
        let first = *self.messages.keys().next().filter(|_| self.more_before)?;
        self.ask(generation, Part::Before(first))
    }

    /// Asks for what stands after the last message, in the same way.
    pub(super) fn ask_newer(&mut self, generation: u64) -> Option<Question> {
        let last = *self.messages.keys().next_back().filter(|_| self.more_after)?;
        self.ask(generation, Part::After(last))
    }

    /// Asks for the first messages of all, unless they are held. Other parts are not waited for.
    pub(super) fn ask_oldest(&mut self, generation: u64) -> Option<Question> {
        self.load.take_if(|load| self.more_before && load.part != Part::Newest);
        if self.more_before { self.ask(generation, Part::After(Seq::ZERO)) } else { None }
    }

    fn ask(&mut self, generation: u64, part: Part) -> Option<Question> {
        if self.load.is_some() {
            return None;
        }
        self.load = Some(Load { generation, part, afresh: false, told: Vec::new() });
        Some(Question { generation, part })
    }

    /// Takes a message as it is now; `created`: it is the conversation's newest. `false`: there is a hole before it, or
    /// too much was told to remember; ask for the newest messages.
    pub(super) fn take(&mut self, message: &Message, created: bool, diffs: &mut Vec<Diff>) -> bool {
        let mut whole = true;
        if let Some(load) = &mut self.load {
            whole = load.told.len() < Self::MOST_TOLD;
            if whole {
                load.told.push(message.clone());
            }
        }
        whole & self.put(message, created, diffs)
    }

    fn put(&mut self, message: &Message, created: bool, diffs: &mut Vec<Diff>) -> bool {
        let Some(end) = self.end else { return true };
        if message.seq > end {
            if !created {
                return true;
            }
            if self.more_after {
                // It is loaded when somebody comes down to it.
                self.end = Some(message.seq);
                return true;
            }
            if message.seq != end.next() {
                return false;
            }
            self.end = Some(message.seq);
            self.messages.insert(message.seq, message.clone());
            diffs.push(Diff::MessageInserted(Box::new(message.clone())));
            // What is being loaded goes before the first.
            if !self.load.as_ref().is_some_and(|load| matches!(load.part, Part::Before(_))) {
                self.let_oldest_go(message.conversation_id, diffs);
            }
        } else if let Some(held) = self.messages.get_mut(&message.seq)
            && held.version < message.version
        {
            held.clone_from(message);
            diffs.push(Diff::MessageChanged(Box::new(message.clone())));
        }
        true
    }

    /// Takes the answer to a question, unless another has been asked since; `false`: there is a hole in what is known.
    pub(super) fn answer(
        &mut self,
        generation: u64,
        history: History,
        of: ConversationId,
        diffs: &mut Vec<Diff>,
    ) -> bool {
        let Some(load) = self.load.take_if(|load| load.generation == generation) else { return true };
        match load.part {
            Part::After(after) => self.answer_after(after, &history, of, diffs),
            Part::Newest => self.answer_newest(load.afresh, &history, of, diffs),
            _ => self.more_before = history.more_before,
        }
        for message in history.items {
            self.put_loaded(message, load.afresh, diffs);
        }
        // Nobody looks at the other end of what is being read.
        match load.part {
            Part::Before(_) | Part::After(Seq::ZERO) => self.let_newest_go(of, diffs),
            _ => self.let_oldest_go(of, diffs),
        }
        load.told.iter().all(|message| self.put(message, true, diffs))
    }

    fn answer_newest(&mut self, afresh: bool, history: &History, of: ConversationId, diffs: &mut Vec<Diff>) {
        let first = history.items.first().map_or(Seq::ZERO, |message| message.seq);
        let last = history.items.last().map_or(Seq::ZERO, |message| message.seq);
        let held = if self.more_after { self.messages.keys().next_back().copied() } else { self.end };
        if afresh || held.is_none_or(|held| first > held.next()) {
            self.messages_gone(of, history, diffs);
            self.more_before = history.more_before;
            self.end = Some(last);
        }
        self.more_after = false;
        self.end = self.end.max(Some(last));
    }

    fn answer_after(&mut self, after: Seq, history: &History, of: ConversationId, diffs: &mut Vec<Diff>) {
        let last = history.items.last().map_or(after, |message| message.seq);
        if after == Seq::ZERO {
            if self.messages.keys().next().is_some_and(|first| *first > last.next()) {
                self.messages_gone(of, history, diffs);
            }
            self.more_before = false;
        }
        if self.messages.keys().next_back().is_none_or(|held| *held <= last) {
            self.more_after = history.more_after;
            if !self.more_after {
                // What was told meanwhile comes after it.
                self.end = Some(last);
            }
        }
    }

    pub(super) fn awaits(&self, generation: u64) -> bool {
        self.load.as_ref().is_some_and(|load| load.generation == generation)
    }

    /// The question will not be answered; `true`: nothing was ever loaded.
    pub(super) fn give_up(&mut self, generation: u64) -> bool {
        self.load.take_if(|load| load.generation == generation).is_some() && self.end.is_none()
    }

    /// Changes what is held of messages, wherever `renames` says that it changed one.
    pub(super) fn rename(&mut self, renames: impl Fn(&mut Message) -> bool, diffs: &mut Vec<Diff>) {
        for told in self.load.iter_mut().flat_map(|load| &mut load.told) {
            renames(told);
        }
        for message in self.messages.values_mut() {
            if renames(message) {
                diffs.push(Diff::MessageChanged(Box::new(message.clone())));
            }
        }
    }

    pub(super) fn state(&self, conversation: ConversationId) -> Diff {
        let (more_before, more_after) = (self.more_before, self.more_after);
        Diff::ThreadChanged { conversation, loading: self.is_loading(), more_before, more_after }
    }

    fn put_loaded(&mut self, message: Message, afresh: bool, diffs: &mut Vec<Diff>) {
        match self.messages.get_mut(&message.seq) {
            None => {
                diffs.push(Diff::MessageInserted(Box::new(message.clone())));
                self.messages.insert(message.seq, message);
            }
            Some(held) if held.version < message.version || (afresh && *held != message) => {
                diffs.push(Diff::MessageChanged(Box::new(message.clone())));
                *held = message;
            }
            Some(_) => {}
        }
    }

    /// Lets everything go that the answer does not have.
    fn messages_gone(&mut self, conversation: ConversationId, history: &History, diffs: &mut Vec<Diff>) {
        let stays = |seq: Seq| history.items.iter().any(|message| message.seq == seq);
        self.messages.retain(|seq, _| {
            let stays = stays(*seq);
            if !stays {
                diffs.push(Diff::MessageRemoved { conversation, seq: *seq });
            }
            stays
        });
    }

    /// Lets the oldest go when there are too many.
    fn let_oldest_go(&mut self, conversation: ConversationId, diffs: &mut Vec<Diff>) {
        while self.messages.len() > Self::MOST
            && let Some((seq, _)) = self.messages.pop_first()
        {
            diffs.push(Diff::MessageRemoved { conversation, seq });
            if !std::mem::replace(&mut self.more_before, true) {
                diffs.push(self.state(conversation));
            }
        }
    }

    /// Lets the newest go when there are too many.
    fn let_newest_go(&mut self, conversation: ConversationId, diffs: &mut Vec<Diff>) {
        while self.messages.len() > Self::MOST
            && let Some((seq, _)) = self.messages.pop_last()
        {
            diffs.push(Diff::MessageRemoved { conversation, seq });
            self.more_after = true;
        }
    }
}
