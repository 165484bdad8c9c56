//! Conversations of a dump: who is in them, which become one, and in which order they come.

use std::collections::{HashMap, HashSet};

use chat_proto::model::ConversationKind;
use chat_proto::{ConversationId, MessageId, ObjectId, Role, Timestamp};
use chatcore::Importer;

use super::mapping::{Collection, ID, conversation};
use super::people::{People, created};
use super::report::Place;
use super::value::{Record, Value};

/// A conversation: about 200 bytes, and 4 for each of its people.
pub(super) struct Talk {
    pub(super) id: ObjectId,
    pub(super) place: Place,
    pub(super) people: Vec<u32>,
    pub(super) is_group: bool,
    pub(super) subject: Option<Box<str>>,
    /// How far some have read, milliseconds since 1970; by their numbers.
    pub(super) read: Vec<(u32, i64)>,
    pub(super) created: i64,
    /// When its newest message was written.
    pub(super) latest: i64,
    /// Under which its messages come: its own, or another of the same two people.
    pub(super) leader: u32,
    pub(super) target: ConversationId,
    pub(super) is_there: bool,
    /// The newest message that is there already.
    pub(super) newest: Option<MessageId>,
}

/// All of them, as they are found by their ids.
#[derive(Default)]
pub(super) struct Talks {
    numbers: HashMap<ObjectId, u32>,
    pub(super) all: Vec<Talk>,
    /// Who wrote in those that name fewer than two people.
    writers: HashMap<u32, Vec<u32>>,
}

impl Talk {
    /// The conversation of a record, and what of it is otherwise than it was.
    pub(super) fn read(record: &Record, place: Place, people: &mut People) -> Result<(Self, Vec<String>), String> {
        let id = record.id(ID).ok_or("its _id is no ObjectId")?;
        let mut notes = Vec::new();
        let (mut in_it, mut read, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        let participants = record.get(conversation::PARTICIPANTS);
        for entry in participants.map(Value::items).unwrap_or_default() {
            let Some(user) = entry.id() else {
                notes.push("one of its participants is no ObjectId: they are left out".to_owned());
                continue;
            };
            let number = people.named(user, Collection::Conversations, place);
            if !seen.insert(number) {
                continue;
            }
            in_it.push(number);
            // Nothing at all says nothing; null says that they never did.
            if let Some(last) = entry.field(conversation::LAST_READ) {
                read.push((number, last.moment().map_or(0, Timestamp::as_millis)));
            }
        }
        read.sort_unstable();
        let kind = record.text(conversation::KIND).unwrap_or_default();
        let subject = record.text(conversation::SUBJECT);
        let kept = subject.as_deref().and_then(Importer::subject);
        let created = created(record, id).as_millis();
        let talk = Self {
            id,
            place,
            people: in_it,
            is_group: record.is_set(conversation::IS_GROUP) || kind.eq_ignore_ascii_case("group"),
            subject: kept.map(Into::into),
            read,
            created,
            latest: created,
            leader: 0,
            target: id.into(),
            is_there: false,
            newest: None,
        };
        Ok((talk, notes))
    }

    /// How far somebody has read, as far as that is told.
    pub(super) fn read_up_to(&self, person: u32) -> Option<i64> {
        let place = self.read.binary_search_by_key(&person, |(reader, _)| *reader).ok()?;
        self.read.get(place).map(|(_, last)| *last)
    }

    /// Two people have one conversation; more are a group, and so is who is alone.
    pub(super) fn kind(&self) -> ConversationKind {
        if self.people.len() == 2 && !self.is_group { ConversationKind::Direct } else { ConversationKind::Group }
    }

    /// The two people of a direct conversation, in an order of their own.
    pub(super) fn pair(&self) -> Option<(u32, u32)> {
        match (self.kind(), &self.people[..]) {
            (ConversationKind::Direct, [one, other]) => Some((*one.min(other), *one.max(other))),
            _ => None,
        }
    }

    /// Whose group it is: the first of the staff, or else the first.
    pub(super) fn owner(&self, people: &People) -> Option<u32> {
        let staff =
            self.people.iter().find(|person| people.get(**person).is_some_and(|person| person.role != Role::Customer));
        staff.or(self.people.first()).copied()
    }
}

impl Talks {
    /// `false`: there was one of this id already.
    pub(super) fn add(&mut self, mut talk: Talk) -> bool {
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        if self.numbers.contains_key(&talk.id) {
            return false;
        }
        self.numbers.insert(talk.id, number);
        talk.leader = number;
        self.all.push(talk);
        true
    }

    pub(super) fn number(&self, id: ObjectId) -> Option<u32> {
        self.numbers.get(&id).copied()
    }

    pub(super) fn get(&self, number: u32) -> Option<&Talk> {
        self.all.get(number as usize)
    }

    /// Somebody wrote in it.
    pub(super) fn wrote(&mut self, number: u32, author: u32, at: i64) {
        const MOST_WRITERS: usize = 1_000;
        let Some(talk) = self.all.get_mut(number as usize) else { return };
        talk.latest = talk.latest.max(at);
        if talk.people.len() < 2 {
            let writers = self.writers.entry(number).or_default();
            if writers.len() < MOST_WRITERS && !writers.contains(&author) && !talk.people.contains(&author) {
                writers.push(author);
            }
        }
    }

    /// Whoever wrote where fewer than two are named was in it. Returns those that have become another by that.
    pub(super) fn complete(&mut self) -> Vec<u32> {
        let mut completed: Vec<_> = std::mem::take(&mut self.writers).into_iter().collect();
        completed.retain(|(_, writers)| !writers.is_empty());
        completed.sort_unstable_by_key(|(number, _)| *number);
        for (number, writers) in &mut completed {
            if let Some(talk) = self.all.get_mut(*number as usize) {
                talk.people.append(writers);
            }
        }
        completed.into_iter().map(|(number, _)| number).collect()
    }

    /// The conversations in the order in which they come: by their newest message, as inboxes show them.
    pub(super) fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..).take(self.all.len()).filter(|number| self.leads(*number)).collect();
        order.sort_unstable_by_key(|number| self.get(*number).map(|talk| (talk.latest, talk.id)));
        order
    }

    fn leads(&self, number: u32) -> bool {
        self.get(number).is_some_and(|talk| talk.leader == number && !talk.people.is_empty())
    }
}
