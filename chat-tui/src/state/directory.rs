use chat_proto::model::Person;

use super::Composer;

/// Whom one may write to, as far as it was asked for: the first of each role, and who goes with what is typed.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// `None`: nothing was answered yet.
    pub(crate) people: Option<Vec<Person>>,
    /// How many of them are the first of their role; the others were found for what was typed.
    first: usize,
    /// What the others were found for.
    found_for: String,
    /// There are people who are not here.
    pub(crate) more: bool,
    /// What the server is being asked for.
    pub(crate) asked: Option<String>,
}

impl Directory {
    /// What is to be asked of the server, if it can say more than is known, and is not being asked already.
    pub(crate) fn question(&mut self, query: &Composer) -> Option<String> {
        let typed = query.text().trim();
        let known = self.people.is_some() && (!self.more || typed.is_empty() || typed == self.found_for);
        if self.asked.is_some() || known {
            return None;
        }
        // Nothing is asked for a name before the first are there.
        let question = if self.people.is_some() { typed } else { "" };
        self.asked = Some(question.to_owned());
        self.asked.clone()
    }

    pub(crate) fn answered(&mut self, typed: &str, found: Vec<Person>, more: bool) {
        self.asked = None;
        let Some(people) = self.people.as_mut().filter(|_| !typed.is_empty()) else {
            (self.first, self.more) = (found.len(), more);
            self.people = Some(found);
            return;
        };
        people.truncate(self.first);
        let new: Vec<Person> =
            found.into_iter().filter(|person| people.iter().all(|known| known.id != person.id)).collect();
        people.extend(new);
        typed.clone_into(&mut self.found_for);
    }

    /// Whether the server says that the one at this place goes with what is typed.
    pub(crate) fn goes_with(&self, place: usize, query: &Composer) -> bool {
        place >= self.first && query.text().trim() == self.found_for
    }
}
