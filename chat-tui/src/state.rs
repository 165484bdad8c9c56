//! Everything that the screen shows. Texts of others are made plain on their way in, so that nothing else stands here.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use chat_client::{plain, plain_line};
use chat_proto::model::{Conversation, ConversationKind, Message};
use chat_proto::{ClientId, ConversationId, Seq, Timestamp, UserId};
use jiff::tz::TimeZone;

/// Where keys go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Focus {
    /// Keys are commands.
    Read,
    /// Keys are text.
    Write,
}

/// How things stand with the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Connecting,
    Live,
    /// Coming back by itself; why it went.
    Lost(String),
    /// Not coming back; why.
    Ended(String),
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) me: UserId,
    pub(crate) my_name: String,
    pub(crate) zone: TimeZone,
    /// Columns and rows.
    pub(crate) size: (u16, u16),
    pub(crate) link: Link,
    /// Whether what is shown is all there is, so far as it is known.
    pub(crate) loaded: bool,
    pub(crate) focus: Focus,
    pub(crate) help: bool,
    /// The latest first.
    pub(crate) rows: Vec<Row>,
    pub(crate) selected: Option<ConversationId>,
    pub(crate) threads: HashMap<ConversationId, Thread>,
    pub(crate) drafts: HashMap<ConversationId, String>,
    /// Sent, and not yet told: what others wrote before is not known until then.
    pub(crate) outbox: Vec<Outgoing>,
    pub(crate) typing: Vec<Typist>,
    /// Seconds until the selected conversation counts as read: passing by is not reading.
    pub(crate) dwell: u8,
    /// Lines between the end of the thread and the bottom of its pane.
    pub(crate) scroll: usize,
    /// A word to the user until the next key.
    pub(crate) notice: Option<String>,
    /// Whether quitting was asked while messages were not yet sent.
    pub(crate) leaving: bool,
}

/// A line of the inbox.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: ConversationId,
    pub(crate) title: String,
    /// The others.
    pub(crate) people: Vec<Member>,
    pub(crate) last: String,
    pub(crate) last_seq: Seq,
    pub(crate) read_seq: Seq,
    /// What I have read here, until the server says so too.
    pub(crate) marked: Option<Seq>,
    pub(crate) unread: u64,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) read_seq: Seq,
}

/// What is known of a conversation's messages.
#[derive(Debug, Default)]
pub(crate) struct Thread {
    pub(crate) entries: BTreeMap<Seq, Entry>,
    pub(crate) more_before: bool,
    pub(crate) loading: bool,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) author: String,
    pub(crate) mine: bool,
    pub(crate) text: String,
    pub(crate) at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) client_id: ClientId,
    pub(crate) conv: ConversationId,
    pub(crate) text: String,
    /// On the server's disk; its event is on the way.
    pub(crate) stored: bool,
}

#[derive(Debug)]
pub(crate) struct Typist {
    pub(crate) conv: ConversationId,
    pub(crate) user: UserId,
}

/// Two panes need this many columns.
pub(crate) const TWO_PANES: u16 = 80;

impl State {
    pub(crate) fn new(me: UserId, my_name: &str, zone: TimeZone) -> Self {
        Self {
            me,
            my_name: plain_line(my_name).into_owned(),
            zone,
            size: (80, 24),
            link: Link::Connecting,
            loaded: false,
            focus: Focus::Read,
            help: false,
            rows: Vec::new(),
            selected: None,
            threads: HashMap::new(),
            drafts: HashMap::new(),
            outbox: Vec::new(),
            typing: Vec::new(),
            dwell: 0,
            scroll: 0,
            notice: None,
            leaving: false,
        }
    }

    pub(crate) fn row(&self, id: ConversationId) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id)
    }

    pub(crate) fn row_mut(&mut self, id: ConversationId) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.id == id)
    }

    /// Where the selection stands in the list.
    pub(crate) fn place(&self) -> Option<usize> {
        self.rows.iter().position(|row| Some(row.id) == self.selected)
    }

    pub(crate) fn draft(&self) -> &str {
        let draft = self.selected.and_then(|id| self.drafts.get(&id));
        draft.map_or("", String::as_str)
    }

    /// Whether there is room for the list and the conversation.
    pub(crate) fn is_wide(&self) -> bool {
        self.size.0 >= TWO_PANES
    }

    /// Whether the selected conversation is on the screen.
    pub(crate) fn shows_thread(&self) -> bool {
        self.is_wide() || self.focus == Focus::Write
    }

    /// Whether something on the screen changes by time alone.
    pub(crate) fn wants_ticks(&self) -> bool {
        self.dwell > 0
    }

    pub(crate) fn entry(&self, message: &Message) -> Entry {
        Entry {
            author: plain_line(&message.author.name).into_owned(),
            mine: message.author.id == self.me,
            text: words(message, plain),
            at: message.created_at,
        }
    }

    pub(crate) fn new_row(&self, conversation: &Conversation) -> Row {
        let others = conversation.participants.iter().filter(|person| person.id != self.me);
        let people: Vec<Member> = others
            .map(|person| Member {
                id: person.id,
                name: plain_line(&person.name).into_owned(),
                read_seq: person.read_seq,
            })
            .collect();
        let subject = conversation.subject.as_deref().map(plain_line);
        let names = || people.iter().map(|person| person.name.as_str()).collect::<Vec<_>>().join(", ");
        let title = match (conversation.kind, subject) {
            (ConversationKind::Group, Some(subject)) => subject.into_owned(),
            _ => names(),
        };
        let last = conversation.last_message.as_ref();
        Row {
            id: conversation.id,
            title,
            people,
            last: last.map(|message| words(message, plain_line)).unwrap_or_default(),
            last_seq: conversation.last_seq,
            read_seq: conversation.read_seq,
            marked: None,
            unread: conversation.unread,
        }
    }
}

/// What is shown of a message: one that was deleted keeps its place, but not its text.
fn words(message: &Message, plain: impl Fn(&str) -> Cow<'_, str>) -> String {
    if message.deleted_at.is_some() { "(deleted)".to_owned() } else { plain(&message.text).into_owned() }
}

impl Row {
    /// Counts what is unread, once what I have read here is known to the server or not.
    pub(crate) fn count(&mut self) {
        self.marked = self.marked.filter(|marked| *marked > self.read_seq);
        let read = self.marked.unwrap_or(self.read_seq);
        self.unread = self.last_seq.0.saturating_sub(read.0);
    }
}
