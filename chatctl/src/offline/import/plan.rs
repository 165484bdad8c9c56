//! What of a dump is to come, and in which order: read once, and checked. Everything that is left out or changed is told
//! here, so that a dry run tells the same.

use std::collections::HashMap;

use chat_proto::model::ConversationKind;
use chat_proto::{ClientId, ConversationId, MessageId, Role, Timestamp, UserId};
use chatcore::{Chat, ImportedFile, ImportedUser, Importer};

use super::mapping::Collection;
use super::messages::{Pin, Read};
use super::named::Named;
use super::people::{self, People};
use super::progress::Progress;
use super::records::Records;
use super::report::{Place, Report};
use super::source::{Reread, Source};
use super::talks::{Talk, Talks};
use super::transfer::{Transfer, failed};
use super::value::Record;
use crate::exit::Failure;

const CAME_WITHOUT: &str = "its message is there already, without it: files come with their message only";
/// So many records are looked up at a time.
const AT_ONCE: usize = 500;

pub(super) struct Plan {
    importer: Importer,
    now: Timestamp,
    staff_as_customers: bool,
    pub(super) people: People,
    pub(super) talks: Talks,
    pins: Vec<Pin>,
    /// The dump says who has read what: somebody else than its author is in the `readBy` of a message.
    pub(super) tells_readers: bool,
    /// Files come along; then messages with files are remembered by their places: the how many-th record each is.
    with_files: bool,
    records: HashMap<u64, u64>,
}

/// A message that may be there already.
struct Asked {
    pin: Pin,
    place: Place,
    author: UserId,
    name: ClientId,
    files: Vec<Named>,
}

impl Plan {
    pub(super) fn new(chat: &Chat, staff_as_customers: bool, with_files: bool) -> Self {
        Self {
            importer: chat.importer(),
            now: chat.now(),
            staff_as_customers,
            people: People::default(),
            talks: Talks::default(),
            pins: Vec::new(),
            tells_readers: false,
            with_files,
            records: HashMap::new(),
        }
    }

    /// The messages that are to come, in their order.
    pub(super) fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// Reads a message again.
    pub(super) fn read_again(&self, record: &Record) -> Result<Read, String> {
        Read::of(record, self.importer.text_bytes(), self.now, self.with_files).map(|(read, _)| read)
    }

    /// Where a message stands.
    pub(super) fn place(&self, pin: &Pin) -> Place {
        Place { record: self.records.get(&pin.offset).copied().unwrap_or(0), offset: pin.offset }
    }

    /// Reads the accounts, and has them come.
    pub(super) async fn users(
        &mut self,
        source: &Source,
        progress: &Progress,
        transfer: &mut Transfer,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let users = Collection::Users;
        let mut records = Records::new(source.open(progress.read())?, source.format, users);
        let mut batch = Vec::new();
        loop {
            let found = records.next();
            let is_last = found.is_none();
            if let Some(found) = found {
                let (id, place) = (found.id(), found.place);
                match found.record.and_then(|record| people::read(&record, self.staff_as_customers)) {
                    Ok((id, user, _)) if !self.people.add(id, user.role) => {
                        report.skipped(users, place, Some(id.to_string()), "another record has the same _id")?;
                    }
                    Ok((id, user, notes)) => batch.push((place, id.to_string(), user, notes)),
                    Err(why) => report.skipped(users, place, id, &why)?,
                }
            }
            if is_last || batch.len() == AT_ONCE {
                self.admit(std::mem::take(&mut batch), transfer, report).await?;
                progress.on();
            }
            if is_last {
                return Ok(());
            }
        }
    }

    async fn admit(
        &mut self,
        batch: Vec<(Place, String, ImportedUser, Vec<String>)>,
        transfer: &mut Transfer,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let ids = batch.iter().map(|(_, _, user, _)| user.id).collect();
        let emails = batch.iter().map(|(_, _, user, _)| user.email.clone()).collect();
        let known = self.importer.known_users(ids).await.map_err(failed)?;
        let holders = self.importer.users_by_email(emails).await.map_err(failed)?;
        for (((place, id, mut user, mut notes), known), holder) in batch.into_iter().zip(known).zip(holders) {
            if user.role == Role::Admin {
                report.admin(if user.email.is_empty() { id.clone() } else { user.email.clone() });
            }
            let is_free = user.email.is_empty() || self.people.takes(&user.email);
            if known {
                report.count(Collection::Users).already_there += 1;
                continue;
            }
            if !is_free || (holder.is_some() && !user.email.is_empty()) {
                notes.push(format!("another account has its address {}: nobody can sign in to it", user.email));
                (user.email, user.password, user.email_verified) = (String::new(), None, false);
            }
            for why in notes {
                report.changed(Collection::Users, place, Some(id.clone()), &why)?;
            }
            transfer.user(user, place, report).await?;
        }
        Ok(())
    }

    /// Reads the conversations.
    pub(super) fn conversations(
        &mut self,
        source: &Source,
        progress: &Progress,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let conversations = Collection::Conversations;
        let mut records = Records::new(source.open(progress.read())?, source.format, conversations);
        while let Some(found) = records.next() {
            let (id, place) = (found.id(), found.place);
            match found.record.and_then(|record| Talk::read(&record, place, &mut self.people)) {
                Ok((talk, notes)) => {
                    if !self.talks.add(talk) {
                        report.skipped(conversations, place, id, "another record has the same _id")?;
                        continue;
                    }
                    for why in notes {
                        report.changed(conversations, place, id.clone(), &why)?;
                    }
                }
                Err(why) => report.skipped(conversations, place, id, &why)?,
            }
            if place.record % AT_ONCE as u64 == 0 {
                progress.on();
            }
        }
        Ok(())
    }

    /// Reads the messages, and notes where those stand that are not there yet.
    pub(super) async fn messages(
        &mut self,
        source: &Source,
        content: Reread,
        progress: &Progress,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let messages = Collection::Messages;
        let most_bytes = self.importer.text_bytes();
        let mut records = Records::new(content, source.format, messages);
        let mut batch = Vec::new();
        loop {
            let found = records.next();
            let is_last = found.is_none();
            if let Some(found) = found {
                let (id, place, length) = (found.id(), found.place, found.length);
                match found.record.and_then(|record| Read::of(&record, most_bytes, self.now, self.with_files)) {
                    Err(why) => report.skipped(messages, place, id, &why)?,
                    Ok((read, notes)) => match self.talks.number(read.conversation) {
                        None => {
                            let why = format!("its conversation {} is not in the dump", read.conversation);
                            report.skipped(messages, place, id, &why)?;
                        }
                        Some(talk) => {
                            for why in notes {
                                report.changed(messages, place, id.clone(), &why)?;
                            }
                            batch.extend(self.note(read, talk, place, length));
                        }
                    },
                }
            }
            if is_last || batch.len() == AT_ONCE {
                self.keep_new(std::mem::take(&mut batch), report).await?;
                progress.on();
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn note(&mut self, read: Read, talk: u32, place: Place, length: u32) -> Option<Asked> {
        let author = self.people.named(read.sender, Collection::Messages, place);
        self.talks.wrote(talk, author, read.created_at.as_millis());
        self.tells_readers |= read.readers.iter().any(|reader| *reader != read.sender);
        let pin = Pin::new(&read, talk, place.offset, length);
        Some(Asked { pin, place, author: read.sender.into(), name: read.client_id()?, files: read.files })
    }

    async fn keep_new(&mut self, batch: Vec<Asked>, report: &mut Report) -> Result<(), Failure> {
        let names = batch.iter().map(|asked| (asked.author, asked.name.clone())).collect();
        let known = self.importer.known_messages(names).await.map_err(failed)?;
        let mut there = Vec::new();
        for (asked, known) in batch.into_iter().zip(known) {
            if known {
                report.count(Collection::Messages).already_there += 1;
                there.push(asked);
            } else {
                if !asked.files.is_empty() {
                    self.records.insert(asked.place.offset, asked.place.record);
                }
                self.pins.push(asked.pin);
            }
        }
        there.retain(|asked| !asked.files.is_empty());
        self.tell_lacking(there, report).await
    }

    /// Files come with their message or not at all: afterwards it would be a change of what people have seen.
    async fn tell_lacking(&self, there: Vec<Asked>, report: &mut Report) -> Result<(), Failure> {
        let names = there.iter().map(|asked| (asked.author, asked.name.clone())).collect();
        let kept = self.importer.message_files(names).await.map_err(failed)?;
        // Of one that was deleted since nothing is missed.
        for (asked, kept) in there.iter().zip(kept).filter_map(|(asked, kept)| Some((asked, kept?))) {
            for file in &asked.files {
                if kept.contains(&ImportedFile::id_of(asked.pin.id.into(), file.index)) {
                    report.files().already_there += 1;
                } else {
                    report.file_skipped(asked.place, asked.pin.id, file, CAME_WITHOUT)?;
                }
            }
        }
        Ok(())
    }

    /// Everything was read: says who stands for those who are missing, which conversations become one, and puts all in order.
    pub(super) async fn settle(&mut self, transfer: &mut Transfer, report: &mut Report) -> Result<(), Failure> {
        self.stand_in_for_missing(transfer, report).await?;
        self.complete(report)?;
        self.find_there(report).await?;
        self.put_in_order(report)
    }

    async fn stand_in_for_missing(&mut self, transfer: &mut Transfer, report: &mut Report) -> Result<(), Failure> {
        let missing: Vec<_> = self.people.missing().collect();
        for batch in missing.chunks(AT_ONCE) {
            let ids = batch.iter().map(|(id, ..)| UserId::from(*id)).collect();
            let known = self.importer.known_users(ids).await.map_err(failed)?;
            for ((id, of, place), _) in batch.iter().zip(known).filter(|(_, known)| !known) {
                report.summary.deleted_users += 1;
                let why = format!("it names {id}, of whom there is no record: a deleted account stands for them");
                report.changed(*of, *place, None, &why)?;
                transfer.stand_in(ImportedUser::nobody((*id).into(), people::of_id(*id)), report).await?;
            }
        }
        Ok(())
    }

    fn complete(&mut self, report: &mut Report) -> Result<(), Failure> {
        let conversations = Collection::Conversations;
        let most = self.importer.group_participants();
        for number in self.talks.complete() {
            if let Some(talk) = self.talks.get(number) {
                let why = "it named fewer than two participants: whoever wrote in it is one";
                report.changed(conversations, talk.place, Some(talk.id.to_string()), why)?;
            }
        }
        for talk in &mut self.talks.all {
            let (place, id) = (talk.place, Some(talk.id.to_string()));
            if talk.people.is_empty() {
                report.skipped(conversations, place, id, "nobody is in it, and nobody wrote in it")?;
            } else if talk.people.len() == 1 {
                report.changed(conversations, place, id, "only one person is in it: it is a group of one")?;
            } else if talk.people.len() > most {
                let why = format!("it had {} participants: the first {most} are in it", talk.people.len());
                report.changed(conversations, place, id, &why)?;
                talk.people.truncate(most);
            }
        }
        Ok(())
    }

    /// Which conversations are there already, and which go into another one of the same two people.
    async fn find_there(&mut self, report: &mut Report) -> Result<(), Failure> {
        self.know(|talk| talk.id.into()).await?;
        self.tell_others(report).await?;
        let mut leaders: HashMap<(u32, u32), u32> = HashMap::new();
        let open = |talk: &Talk| if talk.is_there { None } else { talk.pair() };
        let mut by_id: Vec<u32> = (0..).take(self.talks.all.len()).collect();
        by_id.sort_unstable_by_key(|number| self.talks.get(*number).map(|talk| (!talk.is_there, talk.id)));
        for number in by_id {
            if let Some(pair) = self.talks.get(number).and_then(Talk::pair) {
                leaders.entry(pair).or_insert(number);
            }
        }
        let pairs: Vec<_> = self.talks.all.iter().filter_map(open).collect();
        let mut there = HashMap::new();
        for batch in pairs.chunks(AT_ONCE) {
            let ids = batch.iter().filter_map(|(one, other)| Some((self.people.id(*one)?, self.people.id(*other)?)));
            let directs = self.importer.directs(ids.collect()).await.map_err(failed)?;
            there.extend(batch.iter().zip(directs).filter_map(|(pair, direct)| Some((*pair, direct?))));
        }
        for number in 0..self.talks.all.len() {
            let Some(pair) = self.talks.all.get(number).and_then(open) else { continue };
            let leader = leaders.get(&pair).copied().unwrap_or_default();
            let own = self.talks.get(leader).map(|leader| leader.id.into());
            let target: Option<ConversationId> = there.get(&pair).copied().or(own);
            if let (Some(talk), Some(target)) = (self.talks.all.get_mut(number), target) {
                talk.leader = leader;
                talk.target = target;
                talk.is_there = there.contains_key(&pair);
            }
        }
        self.know(|talk| talk.target).await?;
        self.tell_merged(report)
    }

    /// Looks up those that are there.
    async fn know(&mut self, id: impl Fn(&Talk) -> ConversationId) -> Result<(), Failure> {
        for batch in self.talks.all.chunks_mut(AT_ONCE) {
            let known = self.importer.known_conversations(batch.iter().map(&id).collect()).await.map_err(failed)?;
            for (talk, known) in batch.iter_mut().zip(known) {
                if let Some(known) = known {
                    talk.is_there = true;
                    talk.newest = known.newest;
                }
            }
        }
        Ok(())
    }

    /// Groups that are there, and have other participants by now.
    async fn tell_others(&mut self, report: &mut Report) -> Result<(), Failure> {
        let groups: Vec<_> = self.talks.all.iter().filter(|talk| talk.is_there && talk.pair().is_none()).collect();
        for batch in groups.chunks(AT_ONCE) {
            let ids = batch.iter().map(|talk| talk.id.into()).collect();
            let known = self.importer.known_conversations(ids).await.map_err(failed)?;
            for (talk, known) in batch.iter().zip(known) {
                let here = known.map(|known| known.participants).unwrap_or_default();
                let new = talk.people.iter().filter_map(|person| self.people.id(*person));
                let new = new.filter(|person| !here.contains(person)).count();
                if new > 0 {
                    let why = format!("it is there already, without {new} of its participants: add them here");
                    report.changed(Collection::Conversations, talk.place, Some(talk.id.to_string()), &why)?;
                }
            }
        }
        Ok(())
    }

    fn tell_merged(&mut self, report: &mut Report) -> Result<(), Failure> {
        let conversations = Collection::Conversations;
        let mut latest = HashMap::new();
        for talk in self.talks.all.iter().filter(|talk| !talk.people.is_empty()) {
            let id = Some(talk.id.to_string());
            if talk.target != ConversationId::from(talk.id) {
                report.summary.merged += 1;
                let into = chat_proto::ObjectId::of(talk.target.to_bytes());
                let into = into.map_or_else(|| talk.target.to_string(), |into| into.to_string());
                let lost =
                    talk.subject.as_ref().map_or_else(String::new, |subject| format!("; it was about {subject:?}"));
                let why = format!("two people have one conversation: its messages go into {into}{lost}");
                report.changed(conversations, talk.place, id, &why)?;
            } else if talk.is_there {
                report.count(conversations).already_there += 1;
            } else if talk.kind() == ConversationKind::Direct
                && let Some(subject) = &talk.subject
            {
                let why = format!("a conversation of two has no subject; it was about {subject:?}");
                report.changed(conversations, talk.place, id, &why)?;
            }
            let newest: &mut i64 = latest.entry(talk.leader).or_insert(i64::MIN);
            *newest = (*newest).max(talk.latest);
        }
        for (leader, newest) in latest {
            if let Some(talk) = self.talks.all.get_mut(leader as usize) {
                talk.latest = newest;
            }
        }
        Ok(())
    }

    /// Messages stand in the order of their ids: by that they are found. Those that cannot keep theirs come last.
    fn put_in_order(&mut self, report: &mut Report) -> Result<(), Failure> {
        let order = self.talks.order();
        let mut ranks = vec![u32::MAX; self.talks.all.len()];
        for (rank, number) in (0..).zip(&order) {
            if let Some(place) = ranks.get_mut(*number as usize) {
                *place = rank;
            }
        }
        for pin in &mut self.pins {
            pin.talk = self.talks.get(pin.talk).map_or(pin.talk, |talk| talk.leader);
        }
        let (talks, importer) = (&self.talks, &self.importer);
        let keeps_id = |pin: &Pin| {
            let id = MessageId::from(pin.id);
            let newest = talks.get(pin.talk).and_then(|talk| talk.newest);
            newest.is_none_or(|newest| id > newest) && importer.is_past(id)
        };
        let rank = |pin: &Pin| ranks.get(pin.talk as usize).copied().unwrap_or(u32::MAX);
        self.pins.sort_unstable_by_key(|pin| (rank(pin), !keeps_id(pin), pin.id));
        let mut twice = Vec::new();
        self.pins.dedup_by(|pin, first| {
            let is_same = (pin.talk, pin.id) == (first.talk, first.id);
            if is_same {
                twice.push((pin.offset, pin.id));
            }
            is_same
        });
        for (offset, id) in twice {
            let why = "another message of the conversation has the same _id";
            report.skipped(Collection::Messages, Place { record: 0, offset }, Some(id.to_string()), why)?;
        }
        for pins in self.pins.chunk_by(|one, other| one.talk == other.talk) {
            let Some(talk) = pins.first().and_then(|pin| self.talks.get(pin.talk)) else { continue };
            let others = pins.iter().filter(|pin| !keeps_id(pin)).count();
            let mut latest = i64::MIN;
            let out_of_order = pins.iter().filter(|pin| {
                let is_earlier = pin.created() < latest;
                latest = latest.max(pin.created());
                is_earlier
            });
            let out_of_order = out_of_order.count();
            for (count, why) in [
                (
                    others,
                    "of its messages have a new id and stand last: they are older than what is there, or in the future",
                ),
                (out_of_order, "of its messages stand after later ones: their order is that of the ids"),
            ] {
                if count > 0 {
                    let id = Some(talk.id.to_string());
                    report.changed(Collection::Conversations, talk.place, id, &format!("{count} {why}"))?;
                }
            }
        }
        Ok(())
    }
}
