//! Everything that the screen shows. Texts of others are made safe on their way in, so that nothing else stands here.

mod attention;
mod composer;
mod directory;
mod files;
mod filter;
mod list;
mod picker;
mod row;
mod sign_in;
mod thread;
mod writing;

use std::collections::HashMap;

use chat_proto::model::{PresenceState, User};
use chat_proto::{ClientId, ConversationId, MessageId, Seq, UserId};
use jiff::tz::TimeZone;

pub(crate) use attention::Attention;
pub(crate) use composer::Composer;
pub(crate) use directory::Directory;
pub(crate) use files::{Chip, FileOf, MOST_FILES, PathOf, PathPrompt, Saving, Stage, bar};
pub(crate) use filter::Filter;
pub(crate) use list::List;
pub(crate) use picker::{Action, Picker, PickerKind};
pub(crate) use row::Row;
pub(crate) use sign_in::SignIn;
pub(crate) use thread::{Entry, Thread};
pub(crate) use writing::{Draft, Edit};

use crate::keys::Context;
use crate::safe;

/// How things stand with the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Connecting,
    /// What was missed is being told.
    Syncing,
    /// What was missed cannot be told: everything is loaded anew.
    Reloading,
    Live,
    /// Coming back by itself; why it went, and seconds until the next try.
    Lost {
        why: String,
        retry_in: u64,
        draining: bool,
    },
    /// Not coming back; why.
    Ended(String),
    /// The token is no good any more.
    SignedOut,
}

/// What takes the keys while reading, and what a narrow screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pane {
    List,
    Thread,
    People,
}

/// What lies over the screen.
#[derive(Debug)]
pub(crate) enum Over {
    /// Rows that are scrolled away, and where the help was asked for.
    Help(usize, Context),
    Picker(Picker),
    /// The subject of a group, and the list that its people were marked in.
    Subject(Composer, Box<Picker>),
    /// Where a file is, or is to be.
    Path(PathPrompt),
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(crate) struct State {
    pub(crate) me: UserId,
    pub(crate) my_name: String,
    pub(crate) zone: TimeZone,
    /// Columns and rows.
    pub(crate) size: (u16, u16),
    pub(crate) sign_in: Option<SignIn>,
    /// The server and the address that one signed in with.
    pub(crate) account: (String, String),
    pub(crate) link: Link,
    /// Whether what is shown is all there is, so far as it is known.
    pub(crate) loaded: bool,
    /// Whether the server has older conversations than the list.
    pub(crate) more: bool,
    /// Whether something may be unread in those that are not in the list.
    pub(crate) more_unread: bool,
    /// Somebody waits for the next unread one, which is being looked for further down.
    pub(crate) seeks_unread: bool,
    pub(crate) pane: Pane,
    /// Keys are text.
    pub(crate) writing: bool,
    pub(crate) over: Option<Over>,
    pub(crate) list: List,
    pub(crate) rows: HashMap<ConversationId, Row>,
    pub(crate) selected: Option<ConversationId>,
    /// Where one was before.
    pub(crate) before: Option<ConversationId>,
    pub(crate) threads: HashMap<ConversationId, Thread>,
    pub(crate) drafts: HashMap<ConversationId, Draft>,
    /// Something that is kept over the program's end has changed.
    pub(crate) unsaved: bool,
    /// Sent, and not yet told: what others wrote before is not known until then.
    pub(crate) outbox: Vec<Outgoing>,
    pub(crate) typing: Vec<(ConversationId, UserId)>,
    /// Who else has which conversation open.
    pub(crate) viewing: Vec<(ConversationId, UserId)>,
    /// Who is there; who is missing is not.
    pub(crate) present: HashMap<UserId, PresenceState>,
    pub(crate) attention: Attention,
    pub(crate) view: View,
    /// A file that is being saved.
    pub(crate) saving: Option<Saving>,
    /// The folder that files are saved in unless another is said.
    pub(crate) downloads: String,
    /// Uploads so far.
    files: u64,
    /// A message that is to be deleted if the answer is yes.
    pub(crate) asked_to_delete: Option<(ConversationId, MessageId)>,
    /// A word to the user until the next key.
    pub(crate) notice: Option<String>,
    /// Whether quitting was asked, and is done when it is asked again.
    pub(crate) leaving: bool,
    /// Whether the screen has to be drawn.
    pub(crate) dirty: bool,
}

/// What of the selected conversation is on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// The message at the bottom, and how many of its lines are below; `None`: the newest, whatever comes.
    pub(crate) bottom: Option<(Seq, usize)>,
    /// It was opened, so that what is shown of it counts as read: being selected, or passed by, does not.
    pub(crate) opened: bool,
    /// The chosen message.
    pub(crate) chosen: Option<Seq>,
    /// The beginning of the conversation is being loaded, to be gone to.
    pub(crate) to_oldest: bool,
    /// What comes after this was unread when the conversation was opened.
    pub(crate) new_after: Option<Seq>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) client_id: ClientId,
    pub(crate) conv: ConversationId,
    pub(crate) text: String,
    /// Files that go with it.
    pub(crate) files: Vec<FileOf>,
    /// On the server's disk; its event is on the way.
    pub(crate) stored: bool,
}

impl State {
    pub(crate) fn new(zone: TimeZone) -> Self {
        Self {
            me: UserId::from_bytes([0; 16]),
            my_name: String::new(),
            zone,
            size: (80, 24),
            sign_in: None,
            account: (String::new(), String::new()),
            link: Link::Connecting,
            loaded: false,
            more: false,
            more_unread: false,
            seeks_unread: false,
            pane: Pane::List,
            writing: false,
            over: None,
            list: List::default(),
            rows: HashMap::new(),
            selected: None,
            before: None,
            threads: HashMap::new(),
            drafts: HashMap::new(),
            unsaved: false,
            outbox: Vec::new(),
            typing: Vec::new(),
            viewing: Vec::new(),
            present: HashMap::new(),
            attention: Attention::default(),
            view: View::default(),
            saving: None,
            downloads: ".".to_owned(),
            files: 0,
            asked_to_delete: None,
            notice: None,
            leaving: false,
            dirty: true,
        }
    }

    /// Begins as this person, with nothing known yet but what was kept.
    pub(crate) fn signed_in(&mut self, me: &User, drafts: HashMap<ConversationId, Draft>) {
        let (zone, size, account) = (self.zone.clone(), self.size, self.account.clone());
        // What an earlier session still uploads is told apart by its number.
        let (downloads, files) = (std::mem::take(&mut self.downloads), self.files);
        let my_name = safe::line(&me.name);
        *self = Self { me: me.id, my_name, size, account, drafts, downloads, files, ..Self::new(zone) };
    }

    /// Where the keys go.
    pub(crate) fn context(&self) -> Context {
        match (&self.over, &self.sign_in) {
            (Some(Over::Help(..)), _) => Context::Help,
            (Some(Over::Picker(Picker { kind: PickerKind::Person, .. })), _) => Context::Directory,
            (Some(Over::Picker(_)), _) => Context::Pick,
            (Some(Over::Subject(..)), _) => Context::Subject,
            (Some(Over::Path(_)), _) => Context::Path,
            (None, Some(_)) => Context::SignIn,
            (None, None) if self.writing => Context::Write,
            (None, None) if self.list.filter.as_ref().is_some_and(|filter| filter.typing) => Context::Filter,
            (None, None) => Context::Read,
        }
    }

    pub(crate) fn row(&self, id: ConversationId) -> Option<&Row> {
        self.rows.get(&id)
    }

    /// The selected conversation.
    pub(crate) fn open_row(&self) -> Option<&Row> {
        self.row(self.selected?)
    }

    pub(crate) fn open_thread(&self) -> Option<&Thread> {
        self.threads.get(&self.selected?)
    }

    /// Where the selection stands in the list.
    pub(crate) fn place(&self) -> Option<usize> {
        self.list.shown().iter().position(|id| Some(*id) == self.selected)
    }

    /// What is under the cursor of somebody who is about to do something in the list, which does not move under them.
    pub(crate) fn held_in_the_list(&self) -> Option<ConversationId> {
        let in_the_list = self.pane == Pane::List && matches!(self.context(), Context::Read | Context::Filter);
        self.selected.filter(|_| in_the_list && !self.attention.rests())
    }

    /// A row is new or has changed: whether the filter lets it through is asked again.
    pub(crate) fn filter_again(&mut self, id: ConversationId) {
        if let (Some(filter), Some(row)) = (&mut self.list.filter, self.rows.get(&id)) {
            filter.find_again(row, self.selected == Some(id));
        }
    }

    /// What is being written in the selected conversation.
    pub(crate) fn draft(&self) -> Option<&Draft> {
        self.drafts.get(&self.selected?)
    }

    /// The chosen message, or the newest.
    pub(crate) fn message_at_hand(&self) -> Option<(Seq, &Entry)> {
        let thread = self.open_thread()?;
        let seq = self.view.chosen.or_else(|| thread.last())?;
        Some((seq, thread.entries.get(&seq)?))
    }

    /// How somebody in a conversation is called.
    pub(crate) fn name_in(&self, conv: ConversationId, user: UserId) -> &str {
        let people = self.row(conv).map(|row| row.people.as_slice()).unwrap_or_default();
        people.iter().find(|person| person.id == user).map_or("Somebody", |person| person.name.as_str())
    }

    /// Messages that the server has not confirmed yet.
    pub(crate) fn waiting(&self) -> usize {
        self.outbox.iter().filter(|outgoing| !outgoing.stored).count()
    }

    /// A number for another upload.
    pub(crate) fn next_file(&mut self) -> u64 {
        self.files += 1;
        self.files
    }

    /// Whether something changes by time alone.
    pub(crate) fn wants_ticks(&self) -> bool {
        self.sign_in.is_none()
            && (self.attention.wants_ticks() || matches!(self.link, Link::Lost { retry_in: 1.., .. }))
    }
}
