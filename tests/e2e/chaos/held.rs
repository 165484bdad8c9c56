//! What a device holds, how it applies events, and what it notices when events are lost, doubled or out of order.

use std::collections::BTreeMap;

use chat_client::{Client, Part};
use chat_proto::model::{Conversation, Message};
use chat_proto::wire::{DeliveredMoved, Event, EventName, ReadMoved};
use chat_proto::{ConversationId, Seq, Timestamp, UserId};
use serde_json::{Value, from_value};

/// Rows asked for at once.
const PAGE: u32 = 200;

#[derive(Debug)]
pub(super) struct Held {
    me: UserId,
    conversations: BTreeMap<ConversationId, HeldConversation>,
    /// Everything since the very beginning came as events, so every one of them can be counted.
    exact: bool,
    last_at: Option<Timestamp>,
}

#[derive(Debug)]
struct HeldConversation {
    shown: Shown,
    /// The last `message.created` that came since the snapshot.
    told: Option<Seq>,
    /// How many changes of a message came.
    changes: BTreeMap<Seq, u64>,
}

/// A conversation with all its messages, as REST shows it.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    version: u64,
    last_seq: Seq,
    read_seq: Seq,
    marks: BTreeMap<UserId, Marks>,
    messages: BTreeMap<Seq, Message>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Marks {
    read: Seq,
    delivered: Seq,
}

/// What REST shows of all conversations, and the cursor of its first answer.
pub(super) struct Snapshot {
    conversations: BTreeMap<ConversationId, Shown>,
    pub(super) as_of: String,
}

impl Snapshot {
    /// `None`: the connection was cut meanwhile.
    pub(super) async fn load(client: &Client) -> Option<Self> {
        let list = client.conversations(&chat_client::PageQuery::first().limit(PAGE)).await.ok()?;
        assert!(list.next_cursor.is_none(), "a page holds all conversations of one person");
        let mut conversations = BTreeMap::new();
        for row in list.items {
            let conversation = client.conversation(row.id).await.ok()?;
            let mut messages = BTreeMap::new();
            let mut after = Seq::ZERO;
            loop {
                let page = client.messages(row.id, Part::After(after), Some(PAGE)).await.ok()?;
                messages.extend(page.items.into_iter().map(|message| (message.seq, message)));
                after = messages.last_key_value().map_or(after, |(seq, _)| *seq);
                // What comes after the conversation was read comes as an event.
                if !page.more_after || after >= conversation.last_seq {
                    break;
                }
            }
            conversations.insert(row.id, Shown::new(&conversation, messages));
        }
        Some(Self { conversations, as_of: list.as_of.to_string() })
    }
}

impl Shown {
    fn new(conversation: &Conversation, messages: BTreeMap<Seq, Message>) -> Self {
        let marks = conversation.participants.iter().map(|one| {
            let marks = Marks { read: one.read_seq, delivered: one.delivered_seq };
            (one.id, marks)
        });
        assert_eq!(conversation.unread, conversation.last_seq.0 - conversation.read_seq.0, "{conversation:?}");
        Self {
            version: conversation.version,
            last_seq: conversation.last_seq,
            read_seq: conversation.read_seq,
            marks: marks.collect(),
            messages,
        }
    }

    fn take(&mut self, message: Message) {
        if self.messages.get(&message.seq).is_none_or(|held| message.version > held.version) {
            self.messages.insert(message.seq, message);
        }
    }
}

impl Held {
    /// What somebody holds who begins when nothing has been written yet.
    pub(super) fn new(me: UserId, snapshot: Snapshot) -> Self {
        let mut held = Self { me, conversations: BTreeMap::new(), exact: true, last_at: None };
        held.take(snapshot);
        held.exact = true;
        held
    }

    /// Throws away what is held and takes this instead.
    pub(super) fn take(&mut self, snapshot: Snapshot) {
        self.exact = false;
        let begun = |(id, shown)| (id, HeldConversation { shown, told: None, changes: BTreeMap::new() });
        self.conversations = snapshot.conversations.into_iter().map(begun).collect();
    }

    /// The messages that somebody can do something with, deleted ones too.
    pub(super) fn messages(&self, conversation: ConversationId) -> impl DoubleEndedIterator<Item = &Message> {
        self.conversations.get(&conversation).into_iter().flat_map(|held| held.shown.messages.values())
    }

    pub(super) fn last_seq(&self, conversation: ConversationId) -> Seq {
        self.conversations.get(&conversation).map_or(Seq::ZERO, |held| held.shown.last_seq)
    }

    /// Applies an event; an error says what is wrong with its coming now.
    pub(super) fn apply(&mut self, event: Event) -> Result<(), String> {
        let head = &event.head;
        let what = format!("{:?} {:?} v{} of {:?}", head.e, head.seq, head.v, head.conv);
        if self.last_at.is_some_and(|last| head.at < last) {
            return Err(format!("disordered: {what} is older than what came before it"));
        }
        self.last_at = Some(head.at);
        let held = head.conv.and_then(|conv| self.conversations.get_mut(&conv));
        let held = held.ok_or_else(|| format!("not mine: {what}"))?;
        let fault = held.apply(head.e, event.d, self.me, self.exact).map_err(|error| format!("{error}: {what}"))?;
        fault.map_or(Ok(()), |fault| Err(format!("{fault}: {what}")))
    }

    /// In what this is not what REST shows.
    pub(super) fn difference(&self, fresh: &Snapshot) -> Option<String> {
        if !self.conversations.keys().eq(fresh.conversations.keys()) {
            return Some("other conversations".to_owned());
        }
        for (id, fresh) in &fresh.conversations {
            let held = &self.conversations[id];
            if let Some((seq, shown)) =
                fresh.messages.iter().find(|(seq, one)| held.shown.messages.get(seq) != Some(one))
            {
                return Some(format!("held: {:?}, there: {shown:?}", held.shown.messages.get(seq)));
            }
            if held.shown != *fresh {
                let bare = |shown: &Shown| Shown { messages: BTreeMap::new(), ..shown.clone() };
                return Some(format!("{id} held: {:?}, there: {:?}", bare(&held.shown), bare(fresh)));
            }
            // Each change makes the next version and is told once.
            let miscounted = fresh.messages.values().find(|message| {
                let changes = held.changes.get(&message.seq).copied().unwrap_or(0);
                self.exact && changes != message.version - 1
            });
            if let Some(message) = miscounted {
                return Some(format!("the changes of {message:?} came {:?} times", held.changes.get(&message.seq)));
            }
        }
        None
    }
}

/// What is wrong with an event's coming now.
type Fault = Option<&'static str>;

impl HeldConversation {
    fn apply(&mut self, e: EventName, d: Value, me: UserId, exact: bool) -> serde_json::Result<Fault> {
        Ok(match e {
            EventName::MessageCreated => self.created(from_value(d)?),
            EventName::MessageEdited | EventName::MessageDeleted | EventName::ReactionChanged => {
                self.changed(from_value(d)?, exact)
            }
            EventName::ReadMoved => self.read_on(&from_value(d)?, me, exact),
            EventName::DeliveredMoved => self.delivered(&from_value(d)?, exact),
            _ => Some("nobody did that"),
        })
    }

    fn created(&mut self, message: Message) -> Fault {
        let seq = message.seq;
        let fault = match self.told {
            Some(told) if seq.0 <= told.0 => Some("doubled or disordered"),
            Some(told) if seq.0 > told.0 + 1 => Some("something before it was lost"),
            // The snapshot was read after the moment that its cursor names, so the first may be in it already.
            None if seq.0 > self.shown.last_seq.0 + 1 => Some("something before it was lost"),
            _ => None,
        };
        self.told = Some(seq);
        self.shown.last_seq = self.shown.last_seq.max(seq);
        // Its author is the only one who sees its name, and has read what stands above.
        let author = message.author.id;
        if message.client_id.is_some() {
            self.shown.read_seq = self.shown.read_seq.max(seq);
        }
        let marks = self.shown.marks.entry(author).or_default();
        *marks = Marks { read: marks.read.max(seq), delivered: marks.delivered.max(seq) };
        self.shown.take(message);
        fault
    }

    fn changed(&mut self, message: Message, exact: bool) -> Fault {
        let changes = self.changes.entry(message.seq).or_default();
        *changes += 1;
        let fault = if !self.shown.messages.contains_key(&message.seq) {
            Some("a change of what was not told")
        } else if exact && *changes >= message.version {
            Some("doubled")
        } else {
            None
        };
        self.shown.take(message);
        fault
    }

    fn read_on(&mut self, moved: &ReadMoved, me: UserId, exact: bool) -> Fault {
        let marks = self.shown.marks.entry(moved.user_id).or_default();
        let fault = (exact && moved.seq <= marks.read).then_some("doubled or disordered");
        *marks = Marks { read: marks.read.max(moved.seq), delivered: marks.delivered.max(moved.seq) };
        if moved.user_id == me {
            self.shown.read_seq = self.shown.read_seq.max(moved.seq);
        }
        fault
    }

    fn delivered(&mut self, moved: &DeliveredMoved, exact: bool) -> Fault {
        let marks = self.shown.marks.entry(moved.user_id).or_default();
        let fault = (exact && moved.seq <= marks.delivered).then_some("doubled or disordered");
        marks.delivered = marks.delivered.max(moved.seq);
        fault
    }
}
