use std::collections::{HashMap, HashSet};

use chat_proto::ConversationId;
use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::{Composer, Row};

/// Lets only those conversations stand in the list whose people, subject or last message go with what is typed.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) query: Composer,
    /// Keys are text for it.
    pub(crate) typing: bool,
    /// Where one was when it began.
    pub(crate) came_from: Option<ConversationId>,
    matching: HashSet<ConversationId>,
}

impl Filter {
    /// Begins from this conversation.
    pub(crate) fn new(came_from: Option<ConversationId>) -> Self {
        Self { came_from, ..Self::default() }
    }

    pub(crate) fn lets_through(&self, id: ConversationId) -> bool {
        self.is_blank() || self.matching.contains(&id)
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.query.text().trim().is_empty()
    }

    /// What is typed has changed.
    pub(crate) fn find(&mut self, rows: &HashMap<ConversationId, Row>) {
        let goes_with = self.goes_with();
        self.matching = rows.values().filter(goes_with).map(|row| row.id).collect();
    }

    /// A conversation has changed. The selected one stays, whatever is said in it.
    pub(crate) fn find_again(&mut self, row: &Row, selected: bool) {
        if (self.goes_with())(&row) {
            self.matching.insert(row.id);
        } else if !selected {
            self.matching.remove(&row.id);
        }
    }

    /// Whether all words stand somewhere in a row.
    fn goes_with(&self) -> impl FnMut(&&Row) -> bool + use<> {
        let words = Pattern::new(self.query.text(), CaseMatching::Ignore, Normalization::Smart, AtomKind::Substring);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        move |row| {
            let names: Vec<&str> = row.people.iter().map(|person| person.name.as_str()).collect();
            let text = format!("{}\n{}\n{}", row.title, names.join("\n"), row.last);
            words.score(Utf32Str::new(&text, &mut buffer), &mut matcher).is_some()
        }
    }
}
