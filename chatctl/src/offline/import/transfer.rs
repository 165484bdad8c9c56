//! Brings in what was planned, in its order. A few hundred things are on their way at a time, so that the disk is waited for
//! once for many of them; the rest waits in the dump.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};

use chat_proto::model::ConversationKind;
use chat_proto::{ErrorCode, UserId};
use chatcore::{Chat, Error, ImportedConversation, ImportedUser, Importer, Importing};

use super::files::Files;
use super::mapping::Collection;
use super::messages::{Pin, Read};
use super::plan::Plan;
use super::progress::Progress;
use super::report::{Place, Report};
use super::source::Format;
use super::talks::Talk;
use crate::exit::{Exit, Failure};
use crate::offline::folder;

/// So many things are on their way, and about so many bytes.
const MOST_ON_THE_WAY: usize = 512;
const MOST_BYTES: usize = 2 << 20;
/// Messages that come together, and about how many bytes of them.
const TOGETHER: usize = 256;
const BYTES_TOGETHER: usize = 256 << 10;

pub(super) struct Transfer {
    importer: Importer,
    folder: PathBuf,
    /// Nothing comes: it is only counted what would.
    dry: bool,
    /// Files come along.
    files: Option<Files>,
    on_the_way: VecDeque<OnTheWay>,
    bytes: usize,
}

struct OnTheWay {
    /// `None`: an account that stands for somebody, which is counted elsewhere.
    of: Option<Collection>,
    place: Place,
    count: u64,
    bytes: usize,
    importing: Importing,
}

/// Messages that come together.
#[derive(Default)]
struct Together {
    messages: Vec<chatcore::ImportedMessage>,
    /// Who has read how many of them, where that is told.
    read: HashMap<UserId, usize>,
    bytes: usize,
}

impl Transfer {
    pub(super) fn new(chat: &Chat, folder: &Path, dry: bool, files: Option<Files>) -> Self {
        let (importer, folder) = (chat.importer(), folder.to_owned());
        Self { importer, folder, dry, files, on_the_way: VecDeque::new(), bytes: 0 }
    }

    pub(super) async fn user(&mut self, user: ImportedUser, place: Place, report: &mut Report) -> Result<(), Failure> {
        if self.dry {
            report.count(Collection::Users).imported += 1;
            return Ok(());
        }
        let importing = self.importer.user(user).await.map_err(|error| folder::failure(&error, &self.folder))?;
        let of = Some(Collection::Users);
        self.send(OnTheWay { of, place, count: 1, bytes: 512, importing }, report).await
    }

    /// Somebody of whom only others know.
    pub(super) async fn stand_in(&mut self, user: ImportedUser, report: &mut Report) -> Result<(), Failure> {
        if self.dry {
            return Ok(());
        }
        let importing = self.importer.user(user).await.map_err(|error| folder::failure(&error, &self.folder))?;
        let place = Place::default();
        self.send(OnTheWay { of: None, place, count: 1, bytes: 512, importing }, report).await
    }

    /// Brings in all conversations, each with its messages.
    pub(super) async fn conversations(
        &mut self,
        plan: &Plan,
        messages: Option<&(File, Format)>,
        progress: &Progress,
        report: &mut Report,
    ) -> Result<(), Failure> {
        if self.files.is_some() {
            // Their authors have to be there first.
            self.finish(report).await?;
        }
        let mut pins = plan.pins().chunk_by(|one, other| one.talk == other.talk).peekable();
        for number in plan.talks.order() {
            let Some(talk) = plan.talks.get(number) else { continue };
            let theirs = pins.next_if(|pins| pins.first().is_some_and(|pin| pin.talk == number));
            if !talk.is_there {
                self.conversation(talk, plan, report).await?;
            }
            for pins in theirs.unwrap_or_default().chunks(TOGETHER) {
                match messages {
                    Some((file, format)) => self.messages(talk, pins, plan, (file, *format), progress, report).await?,
                    None => report.count(Collection::Messages).imported += pins.len() as u64,
                }
                progress.came(pins.len() as u64);
            }
        }
        Ok(())
    }

    async fn conversation(&mut self, talk: &Talk, plan: &Plan, report: &mut Report) -> Result<(), Failure> {
        if self.dry {
            report.count(Collection::Conversations).imported += 1;
            return Ok(());
        }
        let kind = talk.kind();
        let is_group = kind == ConversationKind::Group;
        let conversation = ImportedConversation {
            id: talk.target,
            kind,
            subject: talk.subject.as_deref().filter(|_| is_group).map(str::to_owned),
            participants: talk.people.iter().filter_map(|person| plan.people.id(*person)).collect(),
            owner: talk.owner(&plan.people).filter(|_| is_group).and_then(|person| plan.people.id(person)),
            created_at: chat_proto::Timestamp::from_millis(talk.created),
        };
        let importing = self.importer.conversation(conversation).await;
        let importing = importing.map_err(|error| folder::failure(&error, &self.folder))?;
        let of = Some(Collection::Conversations);
        self.send(OnTheWay { of, place: talk.place, count: 1, bytes: 512, importing }, report).await
    }

    /// Reads messages again, and brings them in.
    async fn messages(
        &mut self,
        talk: &Talk,
        pins: &[Pin],
        plan: &Plan,
        (file, format): (&File, Format),
        progress: &Progress,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let (mut reads, mut size, mut bytes) = (Vec::new(), 0, Vec::new());
        for pin in pins {
            let read = pin.read(file, format, &mut bytes).map_err(|error| error.to_string());
            match read.and_then(|record| plan.read_again(&record)) {
                Ok(read) => {
                    size += read.bytes();
                    reads.push((plan.place(pin), read));
                }
                Err(why) => {
                    let place = Place { record: 0, offset: pin.offset };
                    let why = format!("the dump has changed while it was read: {why}");
                    report.skipped(Collection::Messages, place, Some(pin.id.to_string()), &why)?;
                }
            }
            if size >= BYTES_TOGETHER {
                self.bring(talk, std::mem::take(&mut reads), plan, progress, report).await?;
                size = 0;
            }
        }
        self.bring(talk, reads, plan, progress, report).await
    }

    /// Their files first: a message names what is there.
    async fn bring(
        &mut self,
        talk: &Talk,
        mut reads: Vec<(Place, Read)>,
        plan: &Plan,
        progress: &Progress,
        report: &mut Report,
    ) -> Result<(), Failure> {
        if let Some(files) = &self.files {
            files.come(&mut reads, plan, progress, report).await?;
        }
        let mut together = Together::default();
        for (_, read) in reads {
            together.add(read, talk, plan);
        }
        let Together { messages, read, bytes } = together;
        let count = messages.len() as u64;
        if self.dry {
            report.count(Collection::Messages).imported += count;
            return Ok(());
        }
        if messages.is_empty() {
            return Ok(());
        }
        let importing = self.importer.messages(talk.target, messages, read.into_iter().collect()).await;
        let importing = importing.map_err(|error| folder::failure(&error, &self.folder))?;
        self.send(OnTheWay { of: Some(Collection::Messages), place: talk.place, count, bytes, importing }, report).await
    }

    async fn send(&mut self, sent: OnTheWay, report: &mut Report) -> Result<(), Failure> {
        self.bytes += sent.bytes;
        self.on_the_way.push_back(sent);
        while self.on_the_way.len() > MOST_ON_THE_WAY || self.bytes > MOST_BYTES {
            self.arrive(report).await?;
        }
        Ok(())
    }

    /// Waits for all that is on its way.
    pub(super) async fn finish(&mut self, report: &mut Report) -> Result<(), Failure> {
        while !self.on_the_way.is_empty() {
            self.arrive(report).await?;
        }
        Ok(())
    }

    async fn arrive(&mut self, report: &mut Report) -> Result<(), Failure> {
        let Some(OnTheWay { of, place, count, bytes, importing }) = self.on_the_way.pop_front() else { return Ok(()) };
        self.bytes -= bytes;
        match (importing.outcome().await, of) {
            (Ok(came), Some(of)) => {
                let came = came as u64;
                report.count(of).imported += came;
                report.count(of).already_there += count - came;
            }
            (Ok(_), None) => {}
            (Err(error), of) if is_of_this(&error) => {
                let of = of.unwrap_or(Collection::Users);
                for _ in 0..count {
                    report.skipped(of, place, None, error.detail())?;
                }
            }
            (Err(error), _) => return Err(folder::failure(&error, &self.folder)),
        }
        Ok(())
    }
}

impl Together {
    fn add(&mut self, read: Read, talk: &Talk, plan: &Plan) {
        let bytes = read.bytes();
        let (sender, created_at) = (read.sender, read.created_at.as_millis());
        let readers = read.readers.clone();
        let Some(message) = read.imported() else { return };
        self.messages.push(message);
        self.bytes += bytes;
        let count = self.messages.len();
        if talk.read.is_empty() && !plan.tells_readers {
            return;
        }
        for person in &talk.people {
            let Some(id) = plan.people.get(*person).map(|person| person.id) else { continue };
            let has_read = match talk.read_up_to(*person) {
                Some(last) => id == sender || last >= created_at,
                None if plan.tells_readers => id == sender || readers.contains(&id),
                // Of whom nothing is told has read all.
                None => continue,
            };
            let before = self.read.entry(id.into()).or_default();
            if has_read {
                *before = count;
            }
        }
    }
}

/// Whether another thing would not be refused like this one.
fn is_of_this(error: &Error) -> bool {
    use ErrorCode as Code;
    matches!(error.code(), Code::EmailTaken | Code::Conflict | Code::NotFound | Code::Invalid | Code::TooLarge)
}

/// The store could not be read.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(super) fn failed(error: Error) -> Failure {
    Failure::says(error.detail().to_owned(), Exit::Failed)
}
