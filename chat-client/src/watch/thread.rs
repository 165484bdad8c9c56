use std::collections::BTreeMap;

use chat_proto::model::{History, Message};
use chat_proto::{ConversationId, Seq};

use super::Diff;
use crate::Part;

/// The messages of an opened conversation: all from the first that is held to the newest.
#[derive(Debug, Default)]
pub struct Thread {
    messages: BTreeMap<Seq, Message>,
    more_before: bool,
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
    /// Messages that are held of one conversation; beyond it the oldest are let go.
    pub(crate) const MOST: usize = 5_000;
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
        let first = *self.messages.keys().next()?;
        if !self.more_before || self.load.is_some() || self.messages.len() >= Self::MOST {
            return None;
        }
        let part = Part::Before(first);
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
            if message.seq != end.next() {
                return false;
            }
            self.end = Some(message.seq);
            self.messages.insert(message.seq, message.clone());
            diffs.push(Diff::MessageInserted(Box::new(message.clone())));
            self.let_go(message.conversation_id, diffs);
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
        let first = history.items.first().map_or(Seq::ZERO, |message| message.seq);
        let last = history.items.last().map_or(Seq::ZERO, |message| message.seq);
        if load.part == Part::Newest {
            let joined = !load.afresh && self.end.is_some_and(|end| first <= end.next());
            if !joined {
                self.messages_gone(of, &history, diffs);
                self.more_before = history.more_before;
                self.end = Some(last);
            }
            self.end = self.end.max(Some(last));
        } else {
            self.more_before = history.more_before;
        }
        for message in history.items {
            self.put_loaded(message, load.afresh, diffs);
        }
        load.told.iter().all(|message| self.put(message, true, diffs))
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
        Diff::ThreadChanged { conversation, loading: self.is_loading(), more_before: self.more_before }
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
    fn let_go(&mut self, conversation: ConversationId, diffs: &mut Vec<Diff>) {
        while self.messages.len() > Self::MOST
            && let Some((seq, _)) = self.messages.pop_first()
        {
            diffs.push(Diff::MessageRemoved { conversation, seq });
            if !std::mem::replace(&mut self.more_before, true) {
                diffs.push(self.state(conversation));
            }
        }
    }
}
