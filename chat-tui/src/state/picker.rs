use chat_proto::{ConversationId, UserId};
use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::{Composer, Directory, FileOf, State};
use crate::keys::{self, Command};
use crate::safe;

/// A list to pick from, which what is typed narrows down.
#[derive(Debug)]
pub(crate) struct Picker {
    pub(crate) kind: PickerKind,
    pub(crate) query: Composer,
    pub(crate) found: Vec<Item>,
    pub(crate) chosen: usize,
    /// What there may be besides is being looked for.
    pub(crate) looks_on: bool,
    pub(crate) directory: Directory,
    /// Who is to be in a group, with their names, in the order in which they were marked.
    pub(crate) marked: Vec<(UserId, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PickerKind {
    /// A conversation to go to.
    Switch,
    /// A command to carry out.
    Command,
    /// Somebody to write to.
    Person,
    /// A reaction to a message.
    Reaction,
    /// One of a message's files, to be saved.
    File,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) text: String,
    /// What stands at the end of its line.
    pub(crate) right: String,
    pub(crate) action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Go(ConversationId),
    Do(Command),
    Begin(UserId),
    React(String),
    Save(FileOf),
}

/// Reactions that are offered, each by a name that can be typed.
const REACTIONS: [(&str, &str); 10] = [
    ("👍", "thumbs up, yes"),
    ("✅", "done"),
    ("👀", "looking at it"),
    ("❤", "heart"),
    ("🎉", "party"),
    ("😄", "smile"),
    ("🙏", "thanks"),
    ("😢", "sad"),
    ("❓", "question"),
    ("👎", "thumbs down, no"),
];

impl Picker {
    /// Items that are offered at once; what is typed finds the others.
    const MOST: usize = 100;
    /// People who are marked at once; more than a screen is good for, and a group takes more later.
    pub(crate) const MOST_MARKED: usize = 100;

    pub(crate) fn new(kind: PickerKind, state: &State) -> Self {
        let mut picker = Self {
            kind,
            query: Composer::default(),
            found: Vec::new(),
            chosen: 0,
            looks_on: false,
            directory: Directory::default(),
            marked: Vec::new(),
        };
        picker.find(state);
        picker
    }

    pub(crate) fn title(&self) -> String {
        let title = match (self.kind, self.marked.len()) {
            (PickerKind::Switch, _) => "Go to",
            (PickerKind::Command, _) => "Commands",
            (PickerKind::Person, 0) if self.directory.more => "Write to - type a name, there are more",
            (PickerKind::Person, 0) => "Write to",
            (PickerKind::Person, marked) => return format!("Write to - {marked} marked"),
            (PickerKind::Reaction, _) => "React with",
            (PickerKind::File, _) => "Save",
        };
        title.to_owned()
    }

    /// Marks who is chosen, or takes the mark away; `false`: there are too many.
    pub(crate) fn mark(&mut self) -> bool {
        let Some(Item { text, action: Action::Begin(user), .. }) = self.found.get(self.chosen) else { return true };
        let before = self.marked.len();
        self.marked.retain(|(of, _)| of != user);
        if self.marked.len() == before {
            if before == Self::MOST_MARKED {
                return false;
            }
            self.marked.push((*user, text.clone()));
        }
        true
    }

    pub(crate) fn is_marked(&self, item: &Item) -> bool {
        matches!(item.action, Action::Begin(user) if self.marked.iter().any(|(of, _)| *of == user))
    }

    /// Finds anew what goes with what is typed, the best first.
    pub(crate) fn find(&mut self, state: &State) {
        self.chosen = 0;
        self.looks_on = self.kind == PickerKind::Switch && state.more && !self.query.text().trim().is_empty();
        let pattern = Pattern::new(self.query.text(), CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let (mut scored, mut others) = (Vec::new(), Vec::new());
        let mut look = |text: &str, place: usize| {
            let score = pattern.score(Utf32Str::new(text, &mut buffer), &mut matcher);
            scored.extend(score.map(|score| (score, place)));
            score.is_some()
        };
        match self.kind {
            PickerKind::Switch => {
                let rows = state.list.all().iter().filter_map(|id| state.row(*id));
                for (place, row) in rows.enumerate() {
                    look(&row.title, place);
                }
            }
            PickerKind::Command => {
                for (place, binding) in keys::palette().enumerate() {
                    look(&format!("{} {}", binding.says, binding.command.name()), place);
                }
            }
            PickerKind::Person => {
                for (place, person) in self.directory.people.iter().flatten().enumerate() {
                    let here = look(&format!("{} {}", person.name, person.role), place);
                    if !here && self.directory.goes_with(place, &self.query) {
                        others.push((0, place));
                    }
                }
            }
            PickerKind::File => {
                let files = state.message_at_hand().map(|(_, entry)| entry.files.as_slice()).unwrap_or_default();
                for (place, file) in files.iter().enumerate() {
                    look(&file.name, place);
                }
            }
            PickerKind::Reaction => {
                for (place, (emoji, name)) in REACTIONS.iter().enumerate() {
                    look(&format!("{emoji} {name}"), place);
                }
            }
        }
        scored.append(&mut others);
        // Equally good ones stay in the order of their list.
        scored.sort_by_key(|(score, place)| (std::cmp::Reverse(*score), *place));
        scored.truncate(Self::MOST);
        self.found = scored.into_iter().filter_map(|(_, place)| self.item(state, place)).collect();
    }

    fn item(&self, state: &State, place: usize) -> Option<Item> {
        Some(match self.kind {
            PickerKind::Switch => {
                let row = state.row(*state.list.all().get(place)?)?;
                let right = if row.unread > 0 { format!("{} new", row.unread) } else { String::new() };
                Item { text: row.title.clone(), right, action: Action::Go(row.id) }
            }
            PickerKind::Command => {
                let binding = keys::palette().nth(place)?;
                let (text, right) = (binding.says.to_owned(), binding.shown.to_owned());
                Item { text, right, action: Action::Do(binding.command) }
            }
            PickerKind::Person => {
                let person = self.directory.people.as_ref()?.get(place)?;
                let (text, right) = (safe::line(&person.name), person.role.to_string());
                Item { text, right, action: Action::Begin(person.id) }
            }
            PickerKind::File => {
                let file = state.message_at_hand()?.1.files.get(place)?;
                Item { text: file.name.clone(), right: file.about.clone(), action: Action::Save(file.clone()) }
            }
            PickerKind::Reaction => {
                let (emoji, name) = REACTIONS.get(place)?;
                let text = format!("{emoji}  {name}");
                Item { text, right: String::new(), action: Action::React((*emoji).to_owned()) }
            }
        })
    }
}
